"""Messages of protobuf, field by field, without a schema and without copying what isn't asked for."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Field = tuple[int, int, int | memoryview]  # number, wire type, value

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}


@contextmanager
def opened(path: Path) -> Iterator[memoryview]:
    """The bytes of a file, read as they are looked at.

    Raises:
        ValueError: it is empty.
        OSError: it can't be read.
    """
    with open(path, "rb") as file:
        # closed when nothing refers to a part of it any more, as tracebacks do
        yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message in their order; what is of bytes is a part of it.

    Raises:
        ValueError: it is no message, or is cut off.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        else:
            size = SIZES.get(kind, -1)
        if size < 0 or place + size > len(message):
            raise ValueError("no message of protobuf, or cut off")
        with message[place : place + size] as part:
            yield tag >> 3, kind, part
        place += size


def inner(message: memoryview, *numbers: int) -> Iterator[memoryview]:
    """The messages that lie in a message in the fields of these numbers, one in the other."""
    first, *rest = numbers
    for number, kind, value in fields(message):
        if number == first and kind == BYTES and isinstance(value, memoryview):
            if rest:
                yield from inner(value, *rest)
            else:
                yield value


def number_of(message: memoryview, number: int) -> int:
    """A whole number of a message; 0: it isn't there, as protobuf has it."""
    found = 0
    for one, _, value in fields(message):
        if one == number and isinstance(value, int):
            found = value
    return found


def text_of(message: memoryview, number: int) -> str:
    """A text of a message, the last of several as protobuf has it; "": it isn't there."""
    found = b""
    for part in inner(message, number):
        found = bytes(part)
    return found.decode()


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("no number of protobuf")
