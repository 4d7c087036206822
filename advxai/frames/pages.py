"""Whether LMDB may be let near a file: it maps the file and follows its numbers unseen, so that a changed byte can end
the process (SIGBUS, SIGSEGV, abort) before any error is raised.

Looked at is what LMDB goes through for one key: a meta page, and a page a level of the tree down to the key's. What
these name must lie within them and within the file. (`lmdb.h` and `mdb.c` of LMDB 0.9 describe the format.)
"""

import mmap
import struct
from pathlib import Path

# magic number, version, page size; of the tree: an unused number, flags, root; last page; the transaction's number
META = struct.Struct("<16xII8x8xI2x2x40xIH2x32xQQQ")
PAGE = struct.Struct("<8x2xHHH")  # flags, end of the nodes' places, begin of the nodes
HEAD = PAGE.size
NODE = struct.Struct("<HHHH")  # size or page (low, middle), flags or page (high), size of the key
MAGIC, VERSION = 0xBEEFC0DE, 1
BRANCH, LEAF, KINDS = 0x01, 0x02, 0x6F  # kinds: overflow, meta, LEAF2 and sub-page besides
ELSEWHERE, SORTED = 0x01, 0x04  # flags of a node: its value has pages of its own; it has several values
EMPTY = 2**64 - 1  # the root of a tree without a page
DEEPEST = 32  # levels; LMDB's own limit


class Pages:
    """A database's file, as far as it must be trusted.

    Args:
        file: the file (`data.mdb` of a folder).

    Raises:
        ValueError: it is no database of LMDB, is one of a kind that isn't used here, or has been shortened.
        OSError: it can't be read.
        struct.error: it ends within what must be there.
    """

    def __init__(self, file: Path) -> None:
        with open(file, "rb") as opened:
            self._bytes = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        first = META.unpack_from(self._bytes)
        self._size = first[2]
        if not 256 <= self._size <= 65536 or self._size & (self._size - 1):
            raise ValueError("it is no database of LMDB")
        metas = [first, META.unpack_from(self._bytes, self._size)]
        if any(meta[:3] != (MAGIC, VERSION, self._size) for meta in metas):
            raise ValueError("it is no database of LMDB")
        # LMDB takes the second one only if it is younger
        *_, flags, self._root, self._last, _ = max(metas, key=lambda meta: meta[-1])
        if flags:
            raise ValueError("its values or keys are of another kind")
        if (self._last + 1) * self._size > len(self._bytes):
            raise ValueError("it is shorter than it was written")

    def check(self, key: bytes) -> None:
        """Look at all that LMDB looks at for a key, whether it is there or not.

        Raises:
            ValueError: a page isn't as it was written.
        """
        page = self._root
        for _ in range(DEEPEST):
            if page == EMPTY:
                return
            if not 2 <= page <= self._last:  # the first two are meta pages
                raise ValueError(f"there is no page {page}")
            kind, nodes = self._nodes(page)
            if kind == LEAF:
                return
            page = nodes[_place(nodes, key)][1]
        raise ValueError("its tree has no end")

    def _nodes(self, page: int) -> tuple[int, list[tuple[bytes, int]]]:
        """A page's kind and its nodes: key, and in a branch the page that the node leads to."""
        start = page * self._size
        flags, lower, upper = PAGE.unpack_from(self._bytes, start)
        kind, number = flags & KINDS, (lower - HEAD) // 2
        whole = HEAD <= lower <= upper <= self._size
        if kind not in (BRANCH, LEAF) or not whole or (kind == BRANCH and number < 2):
            raise ValueError(f"page {page} isn't as it was written")
        places = struct.unpack_from(f"<{number}H", self._bytes, start + HEAD)
        return kind, [self._node(page, place, kind) for place in places]

    def _node(self, page: int, place: int, kind: int) -> tuple[bytes, int]:
        """A node's key, and the page that it leads to if it is a branch's."""
        begin = place + NODE.size
        if not HEAD <= place <= self._size - NODE.size:
            raise ValueError(f"page {page} isn't as it was written")
        low, middle, high, length = NODE.unpack_from(self._bytes, page * self._size + place)
        size = low | middle << 16
        if kind == BRANCH:
            size, leads = 0, size | high << 32
        elif high & ELSEWHERE:
            size, leads = 8, self._value(page * self._size + begin + length, size, page)
        else:
            leads = 0
        if begin + length + size > self._size or (kind == LEAF and high & SORTED):
            raise ValueError(f"page {page} isn't as it was written")
        key = page * self._size + begin
        return self._bytes[key : key + length], leads

    def _value(self, place: int, size: int, page: int) -> int:
        """The first of a value's own pages; its number is at this place."""
        first = int.from_bytes(self._bytes[place : place + 8], "little")
        if first * self._size + HEAD + size > (self._last + 1) * self._size:
            raise ValueError(f"page {page} leads out of the file")
        return first


def _place(nodes: list[tuple[bytes, int]], key: bytes) -> int:
    """The node of a branch that LMDB goes on at: by halves, which of keys in disorder finds what it finds."""
    low, high, place, found = 1, len(nodes) - 1, 0, False
    while low <= high and not found:
        place = (low + high) // 2
        found, after = key == nodes[place][0], key > nodes[place][0]
        low, high = (place + 1, high) if after else (low, place - 1)
    if found:
        return place
    return place if key > nodes[place][0] else place - 1
