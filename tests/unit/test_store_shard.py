"""Shards: what is written is read, whole or not at all."""

import fcntl

import h5py
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.run.store import (
    read_shard,
    read_some,
    stream_shard,
    write_shard,
)
from advxai.run.store.shard import SEAL, USER_BLOCK
from tests.unit.store_data import equal, record


def test_records_come_back_as_they_were(tmp_path):
    records = [record("1", 3), record("2", 0), record("3", 5)]
    write_shard(tmp_path / "a.h5", records, {"alpha": 0.5})
    back = read_shard(tmp_path / "a.h5")
    assert all(equal(one, other) for one, other in zip(records, back, strict=True))
    assert back[0]["map"].dtype == np.float32 and back[0]["ranking"].dtype == np.int16
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["alpha"] == 0.5
        assert file["map"].fletcher32


def test_what_other_readers_meet_in_a_shard(tmp_path):
    """Padding is no number of a segment; maps are compressed one by one, so that one can be read alone."""
    records = [record(str(number), number) | {"scores": np.ones(number, np.float32)} for number in (1, 3)]
    write_shard(tmp_path / "a.h5", records, {})
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["ranking"], [[0, -1, -1], [0, 1, 2]])
        np.testing.assert_array_equal(file["scores"], [[1, np.nan, np.nan], [1, 1, 1]])
        assert file["map"].chunks == (1, 4, 4) and file["map"].compression == "gzip"
        assert file["ranking"].chunks == (2, 3) and file["queries"].chunks == (2,)


def test_a_shard_is_read_without_a_lock(tmp_path):
    """Where another process holds one; a network's disk may have none to give."""
    write_shard(tmp_path / "a.h5", [record("1")], {})
    with open(tmp_path / "a.h5") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert len(read_shard(tmp_path / "a.h5")) == 1


def test_step_maps_of_two_types_are_widened(tmp_path):
    records = [record("1") | {"steps": np.array([[-3]], np.int8)}, record("2") | {"steps": np.array([[300]], np.int16)}]
    write_shard(tmp_path / "a.h5", records, {})
    assert [int(one["steps"][0, 0]) for one in read_shard(tmp_path / "a.h5")] == [-3, 300]


def test_an_empty_shard_is_a_shard(tmp_path):
    write_shard(tmp_path / "a.h5", [], {})
    assert read_shard(tmp_path / "a.h5") == []


def test_a_damaged_shard_is_refused_by_name(tmp_path):
    """Cut short, or one bit changed anywhere: in the data, a key, HDF5's own structures, the checksum itself."""
    path = tmp_path / "a.h5"
    write_shard(path, [record(str(number)) for number in range(20)], {"alpha": 1.0})
    whole = path.read_bytes()
    assert len(read_shard(path)) == 20
    places = np.random.default_rng(0).integers(0, len(whole), 300).tolist()
    for place in [0, len(SEAL), USER_BLOCK - 1, USER_BLOCK, len(whole) - 1, whole.index(b"hash-7"), *places]:
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"a\.h5.*delete it and run again"):
            read_shard(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.h5.*delete it and run again"):
        read_shard(path)


def test_other_programs_read_a_shard_as_plain_hdf5(tmp_path):
    write_shard(tmp_path / "a.h5", [record("1"), record("2")], {})
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["map"].fletcher32 and file["queries"][:].tolist() == [10, 20]


def test_some_fields_alone(tmp_path):
    write_shard(tmp_path / "a.h5", [record("1", 3), record("2", 1)], {})
    back = read_shard(tmp_path / "a.h5", ["key", "ranking"])
    assert [set(one) for one in back] == [{"key", "ranking"}] * 2
    assert [one["ranking"].tolist() for one in back] == [[0, 1, 2], [0]]


@pytest.mark.parametrize("at_once", [1, 2, 32])
def test_a_streamed_shard_has_the_same_records(tmp_path, at_once):
    records = [record("1", 3), record("2", 0), record("3", 5)]
    write_shard(tmp_path / "a.h5", records, {})
    back = list(stream_shard(tmp_path / "a.h5", at_once=at_once))
    assert all(equal(one, other) for one, other in zip(records, back, strict=True))
    assert [set(one) for one in stream_shard(tmp_path / "a.h5", ["key", "map"], at_once)] == [{"key", "map"}] * 3
    write_shard(tmp_path / "b.h5", [], {})
    assert list(stream_shard(tmp_path / "b.h5")) == []


def test_some_records_of_a_shard(tmp_path):
    """Only those of the keys, whole; an empty shard has none."""
    records = [{"key": f"k{n}", "sha256": "s", "map": np.full((2, 2), n), "ranking": np.arange(n)} for n in range(4)]
    write_shard(tmp_path / "shard.h5", records, {})
    found = read_some(tmp_path / "shard.h5", {"k3", "k1", "absent"})
    assert [record["key"] for record in found] == ["k1", "k3"] and equal(found[0], records[1])
    assert found[1]["map"].tolist() == [[3, 3], [3, 3]] and found[1]["ranking"].tolist() == [0, 1, 2]
    write_shard(tmp_path / "empty.h5", [], {})
    assert read_some(tmp_path / "empty.h5", {"k1"}) == []


def drawn(*lengths: int) -> list[dict]:
    """Records with five orders of so many segments each."""
    generator = np.random.default_rng(3)
    orders = [np.stack([generator.permutation(length) for _ in range(5)]).astype(np.int16) for length in lengths]
    return [{"key": str(number), "sha256": "s", "draws": order} for number, order in enumerate(orders)]


@pytest.mark.parametrize("lengths", [(7, 3, 4), (4, 4), (6,), (1, 2), ()])
def test_tables_whose_last_axis_differs(tmp_path, lengths):
    """All readers give each record its own (5, S), of its own type; where lengths are equal, nothing is padded."""
    records, path = drawn(*lengths), tmp_path / "a.h5"
    write_shard(path, records, {})
    for back in (read_shard(path), list(stream_shard(path, at_once=2)), read_some(path, {"0", "1", "2"})):
        assert len(back) == len(records) and all(map(equal, records, back))
        assert all(one["draws"].dtype == np.int16 for one in back)
    with h5py.File(path) as file:
        assert ("draws__length" in file) == (len(set(lengths)) > 1)
        if lengths:
            assert file["draws"].shape == (len(lengths), 5, max(lengths))
            assert file["draws"].chunks == (1, 5, max(lengths))
        if lengths == (7, 3, 4):
            assert file["draws__length"][:].tolist() == [7, 3, 4]
            assert (file["draws"][1, :, 3:] == -1).all()  # padding is no segment


def test_tables_whose_other_axes_differ_are_refused(tmp_path):
    records = [one | {"draws": one["draws"][:rows]} for one, rows in zip(drawn(4, 4), (5, 4), strict=True)]
    with pytest.raises(ValueError, match="only in the length of their last axis"):
        write_shard(tmp_path / "a.h5", records, {})
    assert not (tmp_path / "a.h5").exists()
