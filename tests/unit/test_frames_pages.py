"""Damaged pages of a database: an error that names it, where LMDB's own way would end the process."""

import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.common.errors import InputError
from advxai.frames.database import FrameStore, build
from advxai.frames.pages import Pages
from advxai.media.cut import encode_png

SIZE = 4096
BRANCH, LEAF = 1, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A database of 60 images, the first ones of more than a page, with a branch page above its leaves."""
    folder = tmp_path_factory.mktemp("made")
    generator, rows = np.random.default_rng(0), []
    for index in range(60):
        side = 60 if index < 3 else 4
        data = encode_png(generator.integers(0, 256, (side, side, 3), dtype=np.uint8))
        (folder / f"{index}.png").write_bytes(data)
        key = f"manipulated_sequences/Deepfakes/c23/videos/{index:03d}_{index + 1:03d}.mp4/00000_0.png"
        rows.append({"key": key, "file": str(folder / f"{index}.png"), "sha256": sha256(data).hexdigest()})
    table = pd.DataFrame(rows)
    build(table, folder / "frames.lmdb")
    return table, (folder / "frames.lmdb").read_bytes()


def pages(data: bytes, kind: int) -> list[int]:
    """Numbers of the pages of a kind that are in use; none is left over of an older transaction."""
    return [
        number
        for number in range(2, len(data) // SIZE)
        if struct.unpack_from("<QHH", data, number * SIZE) in ((number, 0, kind), (number, 1, kind))
    ]


def put(data: bytes, place: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, place, *values)
    return bytes(changed)


def node(data: bytes, page: int, index: int) -> int:
    """Where a page's node begins in the file."""
    return page * SIZE + struct.unpack_from("<H", data, page * SIZE + 16 + 2 * index)[0]


def test_every_key_of_a_whole_database_is_let_through(made, tmp_path):
    rows, data = made
    assert len(pages(data, BRANCH)) == 1 and len(pages(data, LEAF)) > 1
    (tmp_path / "a.lmdb").write_bytes(data)
    whole = Pages(tmp_path / "a.lmdb")
    for key in [*rows["key"], "a", "manipulated_sequences/x", "z" * 511]:
        whole.check(key.encode())
    with FrameStore(tmp_path / "a.lmdb") as store:
        assert [store.sha256(key) for key in rows["key"]] == rows["sha256"].tolist()
        assert [key in store for key in ("a", "manipulated_sequences/x", "z" * 511)] == [False] * 3


DAMAGE = {
    # of the page that every way goes through
    "a branch of no kind": (lambda data, branch, leaf: put(data, branch * SIZE + 10, "<H", 0), "isn't as it was"),
    "a branch of one page": (lambda data, branch, leaf: put(data, branch * SIZE + 12, "<H", 18), "isn't as it was"),
    "a branch that leads to itself": (
        lambda data, branch, leaf: put(
            put(data, node(data, branch, 0), "<H", branch), node(data, branch, 1), "<H", branch
        ),
        "its tree has no end",
    ),
    "a branch that leads out": (
        lambda data, branch, leaf: put(data, node(data, branch, 0), "<H", 60_000), "there is no page 60000"
    ),
    # of the first image's leaf, where its value is said to be elsewhere, in pages of its own
    "a leaf of no kind": (lambda data, branch, leaf: put(data, leaf * SIZE + 10, "<H", 0), "isn't as it was"),
    "a node outside of its page": (lambda data, branch, leaf: put(data, leaf * SIZE + 16, "<H", 60_000), "isn't as it"),
    "a value of 4 GB": (
        lambda data, branch, leaf: put(data, node(data, leaf, 0), "<HH", 0xFFFF, 0xFFFF), "leads out of the file"
    ),
    "several values": (lambda data, branch, leaf: put(data, node(data, leaf, 0) + 4, "<H", 5), "isn't as it was"),
}  # fmt: skip


@pytest.mark.parametrize("damage, said", DAMAGE.values(), ids=DAMAGE)
def test_damaged_pages_are_refused(made, tmp_path, damage, said):
    """Without `Pages`, LMDB answers some of these with its own errors, and some by ending the process."""
    rows, data = made
    leaves = [page for page in pages(data, LEAF) if rows["key"][0].encode() in data[page * SIZE : (page + 1) * SIZE]]
    path = tmp_path / "a.lmdb"
    path.write_bytes(damage(data, pages(data, BRANCH)[0], leaves[0]))
    store = FrameStore(path)
    for ask in (store.bytes, store.__contains__):
        with pytest.raises(InputError) as caught:
            ask(rows["key"][0])
        message = str(caught.value)
        assert message.startswith(f"{rows['key'][0]} in the database {path} can't be read (") and said in message
        assert message.endswith("delete the database and run again (one that the authors' tools made: make it anew).")


def test_images_of_other_pages_are_read_still(made, tmp_path):
    rows, data = made
    leaf = next(page for page in pages(data, LEAF) if rows["key"][0].encode() in data[page * SIZE : (page + 1) * SIZE])
    path = tmp_path / "a.lmdb"
    path.write_bytes(put(data, leaf * SIZE + 10, "<H", 0))
    last = len(rows) - 1
    assert FrameStore(path).sha256(rows["key"][last]) == rows["sha256"][last]


@pytest.mark.parametrize(
    "place, form, value, said",
    [
        (16, "<I", 1, "no database of LMDB"),
        (SIZE + 16, "<I", 1, "no database of LMDB"),
        (40, "<I", 1 << 30, "no database of LMDB"),  # the size of a page
        (40, "<I", 0, "no database of LMDB"),
        (SIZE + 92, "<H", 4, "of another kind"),  # sorted duplicates
        (SIZE + 136, "<Q", 1 << 40, "shorter than it was written"),  # the last page
    ],
)
def test_damaged_beginnings_are_refused(made, tmp_path, place, form, value, said):
    rows, data = made
    path = tmp_path / "a.lmdb"
    path.write_bytes(put(data, place, form, value))
    with pytest.raises(InputError, match=rf"a\.lmdb can't be read as a database \(.*{said}\): delete the database"):
        FrameStore(path).bytes(rows["key"][0])


@pytest.mark.parametrize("root, said", [(0, "no page 0"), (1 << 40, "no page"), (2**64 - 1, "is not in the database")])
def test_a_root_elsewhere_is_refused(made, tmp_path, root, said):
    rows, data = made
    newer = max((0, SIZE), key=lambda meta: struct.unpack_from("<Q", data, meta + 144)[0])
    path = Path(tmp_path / "a.lmdb")
    path.write_bytes(put(data, newer + 128, "<Q", root))
    with pytest.raises(InputError, match=rf"a\.lmdb.*{said}|{said}.*a\.lmdb"):
        FrameStore(path).bytes(rows["key"][0])
