"""Damage to a file, drawn from a seeded generator: what a bad disk, a broken transfer or a hand does."""

from random import Random

EDGES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
NUMBERS = [bytes(4), b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", bytes(8), b"\xff" * 8, b"\x01" + bytes(7)]
SIGNS = [b'"', b"[", b"]", b"{", b"}", b",", b":", b"\\u", b"-1", b"1e999", b"NaN", b"null", b"[" * 2000, b"\xff\xfe"]


def cut(data: bytearray, draw: Random) -> None:
    """The end is missing, as a rule after the beginning, where most is decided."""
    keep = draw.choice([draw.randrange(len(data)), draw.randrange(min(len(data), 256)), len(data) - 1])
    del data[keep:]


def flip(data: bytearray, draw: Random) -> None:
    """A few bits or bytes are others."""
    for _ in range(draw.choice([1, 1, 2, 8, 64])):
        place = _place(data, draw)
        data[place] = draw.choice([data[place] ^ (1 << draw.randrange(8)), draw.randrange(256), draw.choice(EDGES)])


def overwrite(data: bytearray, draw: Random) -> None:
    """A number or sign is exchanged for one at the edge of what there is."""
    place, new = _place(data, draw), draw.choice(NUMBERS + SIGNS)
    data[place : place + len(new)] = new


def insert(data: bytearray, draw: Random) -> None:
    """Something is there too much."""
    place = _place(data, draw)
    data[place:place] = draw.choice([draw.randbytes(draw.randint(1, 64)), draw.choice(SIGNS)])


def double(data: bytearray, draw: Random) -> None:
    """A part comes twice."""
    place = _place(data, draw)
    part = data[place : place + draw.randint(1, 4096)]
    data[place:place] = part


def zero(data: bytearray, draw: Random) -> None:
    """A sector was never written."""
    place = draw.choice([_place(data, draw), draw.randrange(len(data)) // 512 * 512])
    length = min(draw.choice([4, 16, 512, 4096]), len(data) - place)
    data[place : place + length] = bytes(length)


def drop(data: bytearray, draw: Random) -> None:
    """A part within is missing."""
    place = _place(data, draw)
    del data[place : place + draw.randint(1, 512)]


WAYS = (cut, flip, flip, flip, overwrite, overwrite, insert, double, zero, drop)


def damaged(whole: bytes, draw: Random) -> bytes:
    """A file's bytes, damaged in one to three ways; the same for the same state of the generator."""
    data = bytearray(whole)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        if data:
            draw.choice(WAYS)(data, draw)
    return bytes(data)


def _place(data: bytearray, draw: Random) -> int:
    """Anywhere, more often where headers are: at the beginning and at the end."""
    edge = min(len(data), 512)
    return draw.choice([draw.randrange(len(data)), draw.randrange(edge), len(data) - 1 - draw.randrange(edge)])
