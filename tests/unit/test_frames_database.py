"""The image database: exact bytes, checks, and life in other processes."""

import json
import os
import subprocess
import sys
from hashlib import sha256

import lmdb
import numpy as np
import pandas as pd
import pytest

from advxai.common.errors import InputError
from advxai.detector.forwards import image_loader
from advxai.frames import database
from advxai.frames.database import FrameStore, build
from advxai.media.cut import encode_png
from tests.patience import PATIENCE


@pytest.fixture
def rows(tmp_path):
    generator = np.random.default_rng(0)
    table = []
    for index, side in enumerate([1, 8, 20, 36, 37, 60, 100, 150]):
        image = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        image[0, 0] = (200, index, 7)
        data = encode_png(image)
        file = tmp_path / f"{index}.png"
        file.write_bytes(data)
        table.append({"key": f"video/{index}", "file": str(file), "sha256": sha256(data).hexdigest()})
    return pd.DataFrame(table)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "db" / "frames.lmdb"


def test_a_database_made_in_scratch_is_the_same(rows, path, tmp_path):
    """Put together in another folder, published in its place, and nothing of it left there."""
    build(rows, path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    build(rows, path.with_name("other.lmdb"), scratch)
    assert path.with_name("other.lmdb").read_bytes() == path.read_bytes()
    assert not list(scratch.iterdir()) and {one.name for one in path.parent.iterdir()} == {path.name, "other.lmdb"}


def test_bytes_are_those_on_disk(rows, path, monkeypatch):
    monkeypatch.setattr(database, "COMMIT", 3)
    build(rows, path)
    with FrameStore(path) as store:
        for key, file, digest in rows.itertuples(index=False):
            with open(file, "rb") as source:
                assert store.bytes(key) == source.read()
            assert store.sha256(key) == digest
        image = store.image("video/2")
    assert image.shape == (20, 20, 3) and image.dtype == np.uint8
    assert image[0, 0].tolist() == [200, 2, 7]  # red, green, blue
    assert [file.name for file in path.parent.iterdir()] == ["frames.lmdb"]  # no lock file, no scratch


def test_the_file_does_not_depend_on_the_order_of_the_rows(rows, path):
    build(rows, path)
    first = path.read_bytes()
    build(rows.iloc[::-1], path)
    assert path.read_bytes() == first


def test_hundreds_of_small_images_fit(tmp_path, path):
    table = []
    for index in range(400):
        (tmp_path / f"{index}").write_bytes(bytes([index % 256]) * (index * 11))
        digest = sha256(bytes([index % 256]) * (index * 11)).hexdigest()
        table.append({"key": "k" * 480 + f"{index}", "file": str(tmp_path / f"{index}"), "sha256": digest})
    build(pd.DataFrame(table), path)
    assert FrameStore(path).bytes("k" * 480 + "399") == bytes([399 % 256]) * (399 * 11)


def test_a_missing_key_is_named_with_the_database(rows, path):
    build(rows, path)
    with pytest.raises(InputError, match=r"video/99 is not in the database .*frames\.lmdb: delete the database"):
        FrameStore(path).image("video/99")


def test_a_corrupt_image_is_named(rows, path):
    build(rows, path)
    with lmdb.open(str(path), subdir=False, lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"video/5", transaction.get(b"video/5")[:-200])
    store = FrameStore(path)
    with pytest.raises(InputError, match=r"video/5 in the database .*frames\.lmdb is not a readable image"):
        store.image("video/5")
    assert store.image("video/4").shape == (37, 37, 3)


def test_a_failed_build_keeps_the_former_database(rows, path):
    build(rows, path)
    before = path.read_bytes()
    for change, message in [
        (lambda r: r.assign(sha256="0" * 64), r"0\.png has changed since it was made"),
        (lambda r: r.assign(file="gone.png"), r"gone\.png can't be read"),
        (lambda r: r.assign(key="same"), "same comes twice"),
        (lambda r: r.assign(key="k" * 600), "must have 1 to 511 bytes"),
        (lambda r: r.iloc[:0], "there is no image for the database"),
    ]:
        with pytest.raises(InputError, match=message):
            build(change(rows), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["frames.lmdb"]


def test_what_is_read_back_is_compared(rows, path, monkeypatch):
    monkeypatch.setattr(FrameStore, "sha256", lambda self, key: "other")
    with pytest.raises(InputError, match="video/0 was not stored whole"):
        build(rows, path)
    assert not path.exists()


@pytest.mark.parametrize("number", [0, 7])
def test_an_image_that_the_disk_has_changed_is_not_published(rows, path, monkeypatch, number):
    """The very bytes are compared, of every image, the last ones after the store was opened anew."""
    monkeypatch.setattr(database, "COMMIT", 3)
    write, key = database._write, rows["key"][number]

    def changed(entries, made, *rest):
        write(entries, made, *rest)
        with lmdb.open(made, subdir=False, lock=False) as environment, environment.begin(write=True) as transaction:
            data = bytearray(transaction.get(key.encode()))
            data[-1] ^= 1
            transaction.put(key.encode(), bytes(data))

    build(rows.iloc[:1], path)
    former = path.read_bytes()
    monkeypatch.setattr(database, "_write", changed)
    with pytest.raises(InputError, match=f"{key} was not stored whole in .*frames.lmdb: check the disk"):
        build(rows, path)
    assert path.read_bytes() == former


def test_an_image_of_another_hash_is_refused(rows, path):
    """A whole image under a key whose list says another hash: by its bytes, and as every job reads it."""
    build(rows, path)
    other, (key, right) = rows["sha256"][1], rows.loc[2, ["key", "sha256"]]
    load, said = image_loader(path), f"{key} in the database .* isn't the image that was stored"
    with FrameStore(path) as store:
        assert store.bytes(key, right) == store.bytes(key)
        for ask in (store.bytes, store.image, lambda key, digest: load({"key": key, "sha256": digest})):
            assert len(ask(key, right))
            with pytest.raises(InputError, match=said):
                ask(key, other)


def test_files_that_are_no_database(rows, path, tmp_path):
    with pytest.raises(InputError, match=r"frames\.lmdb can't be read as a database"):
        FrameStore(path).bytes("a")
    (tmp_path / "text").write_text("text")
    with pytest.raises(InputError, match="text can't be read as a database"):
        FrameStore(tmp_path / "text").bytes("a")
    build(rows, path)
    os.truncate(path, path.stat().st_size - 8192)
    with pytest.raises(InputError, match="shorter than it was written"):
        FrameStore(path).bytes("video/0")


# In a process of its own, with no other thread: a fork of the test run, whose threads may hold any lock, may wait for
# ever.
FORKED = """
import json, multiprocessing, os, pickle, sys
from advxai.frames.database import FrameStore

path, keys = sys.argv[1], sys.argv[2:]
store = FrameStore(path)
store.bytes(keys[0])
fork = multiprocessing.get_context("fork")


def digest(given, key):
    return os.getpid(), given.sha256(key)


with fork.Pool(2) as pool:
    answers = pool.starmap(digest, [(store, key) for key in keys])
assert os.getpid() not in {process for process, _ in answers}
child = fork.Process(target=store.sha256, args=(keys[-1],))
child.start()
child.join()
assert child.exitcode == 0, child.exitcode
again = pickle.loads(pickle.dumps(store)).sha256(keys[-1])
print(json.dumps([[found for _, found in answers], store.sha256(keys[-1]), again]))
"""


def test_a_store_in_use_works_in_processes_that_inherit_it(rows, path):
    build(rows, path)
    arguments = [sys.executable, "-c", FORKED, str(path), *rows["key"]]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=20 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    wanted = rows["sha256"].tolist()
    assert json.loads(done.stdout) == [wanted, wanted[-1], wanted[-1]]


def test_two_stores_of_one_database_in_one_process(rows, path):
    build(rows, path)
    first, second = FrameStore(path), FrameStore(path.parent / "." / path.name)
    assert first.bytes("video/1") == second.bytes("video/1")
    first.close()
    assert second.bytes("video/2") == first.bytes("video/2")


def test_a_database_rebuilt_meanwhile_is_seen_by_new_stores(rows, path):
    build(rows.iloc[:2], path)
    old = FrameStore(path)
    old.bytes("video/0")
    build(rows, path)
    assert FrameStore(path).sha256("video/7") == rows["sha256"].iloc[7]
    with pytest.raises(InputError, match="video/7"):
        old.bytes("video/7")
