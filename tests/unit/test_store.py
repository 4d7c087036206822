"""Shards, journals, and the rule that nothing is computed twice."""

import h5py
import numpy as np
import pytest

from advxai.errors import InputError
from advxai.store import Journal, complete, read_shard, write_shard


def record(key: str, length: int = 2) -> dict:
    number = int(key)
    return {
        "key": key,
        "sha256": f"hash-{key}",
        "map": np.full((4, 4), number, np.float32),
        "ranking": np.arange(length, dtype=np.int16),
        "queries": 10 * number,
        "success": number % 2 == 0,
    }


def items(*keys: str) -> list[dict]:
    return [{"key": key, "sha256": f"hash-{key}"} for key in keys]


def equal(one: dict, other: dict) -> bool:
    return set(one) == set(other) and all(np.array_equal(one[name], other[name]) for name in one)


def test_records_come_back_as_they_were(tmp_path):
    records = [record("1", 3), record("2", 0), record("3", 5)]
    write_shard(tmp_path / "a.h5", records, {"alpha": 0.5})
    back = read_shard(tmp_path / "a.h5")
    assert all(equal(one, other) for one, other in zip(records, back, strict=True))
    assert back[0]["map"].dtype == np.float32 and back[0]["ranking"].dtype == np.int16
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["alpha"] == 0.5
        assert file["map"].fletcher32


def test_step_maps_of_two_types_are_widened(tmp_path):
    records = [record("1") | {"steps": np.array([[-3]], np.int8)}, record("2") | {"steps": np.array([[300]], np.int16)}]
    write_shard(tmp_path / "a.h5", records, {})
    assert [int(one["steps"][0, 0]) for one in read_shard(tmp_path / "a.h5")] == [-3, 300]


def test_an_empty_shard_is_a_shard(tmp_path):
    write_shard(tmp_path / "a.h5", [], {})
    assert read_shard(tmp_path / "a.h5") == []


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_shard_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "a.h5"
    write_shard(path, [record(str(number)) for number in range(50)], {})
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        data = data[: len(data) // 2]
    else:
        with h5py.File(path) as file:
            start = file["map"].id.get_chunk_info(25)
        data[start.byte_offset + start.size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.h5.*delete it and run again"):
        read_shard(path)


class Worker:
    """Computes records and remembers for which images it was asked."""

    def __init__(self, fail_at: str | None = None) -> None:
        self.asked: list[str] = []
        self.fail_at = fail_at

    def __call__(self, wanted):
        for item in wanted:
            if item["key"] == self.fail_at:
                raise KeyboardInterrupt
            self.asked.append(item["key"])
            yield record(item["key"])


def run(folder, run_name, worker, *keys):
    return complete(folder / run_name / "0-of-1.h5", items(*keys), worker, folder=folder, attributes={}, title="test")


def test_only_missing_records_are_computed(tmp_path):
    first, second = Worker(), Worker()
    assert len(run(tmp_path, "demo", first, "1", "2")) == 2
    computed = run(tmp_path, "other", second, "3", "2", "1")
    assert computed == {("3", "hash-3")} and second.asked == ["3"]
    assert [one["key"] for one in read_shard(tmp_path / "other" / "0-of-1.h5")] == ["3", "2", "1"]


def test_an_interrupted_job_goes_on_where_it_was(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "demo", Worker(fail_at="3"), "1", "2", "3", "4")
    assert not (tmp_path / "demo" / "0-of-1.h5").exists()
    again = Worker()
    run(tmp_path, "demo", again, "1", "2", "3", "4")
    assert again.asked == ["3", "4"]
    back = read_shard(tmp_path / "demo" / "0-of-1.h5")
    assert all(equal(one, record(str(number))) for number, one in enumerate(back, 1))
    assert not list((tmp_path / "journals").iterdir())


def test_other_bytes_are_another_image(tmp_path):
    run(tmp_path, "demo", Worker(), "1")
    changed = [{"key": "1", "sha256": "other"}]

    def compute(wanted):
        return [record(item["key"]) | {"sha256": item["sha256"]} for item in wanted]

    computed = complete(tmp_path / "b" / "0.h5", changed, compute, folder=tmp_path, attributes={}, title="test")
    assert computed == {("1", "other")}


def test_a_damaged_record_of_a_journal_is_computed_anew(tmp_path):
    journal = Journal(tmp_path / "journals" / "demo-0-of-1-1.sqlite")
    journal.add(record("1"))
    journal.add(record("2"))
    journal._connection.execute("UPDATE records SET sha256 = 'x' WHERE rowid = 1")
    journal.close()
    worker = Worker()
    run(tmp_path, "demo", worker, "1", "2")
    assert worker.asked == ["1"]


def test_a_damaged_shard_is_computed_anew(tmp_path):
    run(tmp_path, "old", Worker(), "1", "2")
    path = tmp_path / "old" / "0-of-1.h5"
    path.write_bytes(path.read_bytes()[:100])
    worker = Worker()
    run(tmp_path, "demo", worker, "1", "2")
    assert worker.asked == ["1", "2"]


def test_a_record_that_never_comes_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="no record came for 2"):
        complete(
            tmp_path / "a" / "0.h5",
            items("1", "2"),
            lambda wanted: [record("1")],
            folder=tmp_path,
            attributes={},
            title="test",
        )
    assert not (tmp_path / "a" / "0.h5").exists()
