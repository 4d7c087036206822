"""Shards, journals, and the rule that nothing is computed twice."""

import fcntl
import subprocess
import sys

import h5py
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.run.shards import shard_of
from advxai.run.store import (
    Journal,
    clear_journals,
    complete,
    read_attributes,
    read_shard,
    read_some,
    stream_shard,
    write_shard,
)
from advxai.run.store.journal import MAGIC, read_journal
from advxai.run.store.shard import SEAL, USER_BLOCK
from tests.patience import PATIENCE

WEIGHTS = "f" * 64


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


@pytest.fixture
def folder(tmp_path):
    """A digest's folder."""
    return tmp_path / "store" / "stage" / "name-0123456789ab"


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
    output = folder / run_name / "0-of-1.h5"
    complete(output, items(*keys), worker, folder=folder, title="test", weights=WEIGHTS)
    return read_attributes(output)


def test_only_missing_records_are_computed(folder):
    first, second = Worker(), Worker()
    said = run(folder, "demo", first, "1", "2")
    assert (said["records"], said["found"], said["computed"]) == (2, 0, 2)
    said = run(folder, "other", second, "3", "2", "1")
    assert (said["records"], said["found"], said["computed"]) == (3, 2, 1) and second.asked == ["3"]
    assert [one["key"] for one in read_shard(folder / "other" / "0-of-1.h5")] == ["3", "2", "1"]


def test_only_shards_that_may_hold_an_image_are_read(folder, caplog):
    """An image's shard, under any number of shards, follows from its video's name: of all others no byte is read, which
    a damaged one would betray. Journals are told by their names as well."""
    key = "1"
    mine = {shards: shard_of("", shards) for shards in (4, 7)}
    other = {shards: (number + 1) % shards for shards, number in mine.items()}
    complete(folder / "demo" / f"{mine[7]}-of-7.h5", items(key), Worker(), folder=folder, title="test", weights=WEIGHTS)
    attacks, kept = f"demo/row-{'0' * 12}-{other[4]}-of-4.h5", f"kept/demo-{other[4]}-of-4-ab.h5"
    for name in (f"demo/{other[7]}-of-7.h5", attacks, kept, f"journals/demo-{other[4]}-of-4-ab.journal"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("damaged")
    worker = Worker()
    complete(folder / "demo" / f"{mine[4]}-of-4.h5", items(key), worker, folder=folder, title="test", weights=WEIGHTS)
    assert worker.asked == [] and "damaged" not in caplog.text
    (folder / "demo" / f"{mine[7]}-of-7.h5").write_text("damaged")
    complete(folder / "other" / f"{mine[4]}-of-4.h5", items(key), worker, folder=folder, title="test", weights=WEIGHTS)
    assert worker.asked == [] and f"{mine[7]}-of-7.h5 is damaged" in caplog.text


def test_a_renamed_row_finds_what_its_digest_has(tmp_path):
    """The name before the digest says nothing of the numbers."""
    run(tmp_path / "LIME-0123456789ab", "demo", Worker(), "1", "2")
    renamed, other = Worker(), Worker()
    run(tmp_path / "LIME_2-0123456789ab", "demo", renamed, "1", "2")
    run(tmp_path / "LIME-ba9876543210", "demo", other, "1", "2")
    assert renamed.asked == [] and other.asked == ["1", "2"]


def test_images_that_a_list_no_longer_names_are_kept(folder):
    """Fewer images, then all of them again: nothing is computed twice."""
    run(folder, "demo", Worker(), "1", "2", "3")
    run(folder, "demo", Worker(), "1")
    assert [one["key"] for one in read_shard(folder / "demo" / "0-of-1.h5")] == ["1"]
    again = Worker()
    said = run(folder, "demo", again, "1", "2", "3", "4")
    assert again.asked == ["4"] and said["found"] == 3


def test_an_interrupted_job_goes_on_where_it_was(folder):
    with pytest.raises(KeyboardInterrupt):
        run(folder, "demo", Worker(fail_at="3"), "1", "2", "3", "4")
    assert not (folder / "demo" / "0-of-1.h5").exists()
    again = Worker()
    run(folder, "demo", again, "1", "2", "3", "4")
    assert again.asked == ["3", "4"]
    back = read_shard(folder / "demo" / "0-of-1.h5")
    assert all(equal(one, record(str(number)) | {"weights": WEIGHTS}) for number, one in enumerate(back, 1))


def test_a_shard_that_is_deleted_after_all_is_found_in_the_journal(folder):
    """Snakemake deletes the output of a job that is killed or fails after publishing it."""
    run(folder, "demo", Worker(), "1", "2")
    (folder / "demo" / "0-of-1.h5").unlink()
    again = Worker()
    run(folder, "demo", again, "1", "2")
    assert again.asked == []


def test_journals_go_when_all_is_published(folder):
    run(folder, "demo", Worker(), "1", "2")
    run(folder, "other", Worker(), "2", "3")
    (folder / "other" / "0-of-1.h5").unlink()
    clear_journals([folder / "demo" / "0-of-1.h5", folder / "other" / "0-of-1.h5"])
    assert [path.name.partition("-")[0] for path in (folder / "journals").iterdir()] == ["other"]


def test_journals_go_beside_shards_that_aren_t_there_or_are_damaged(folder):
    """Those keep theirs; the next one's go all the same."""
    for name in ("gone", "damaged", "whole"):
        run(folder, name, Worker(), {"gone": "1", "damaged": "2", "whole": "3"}[name])
    outputs = [folder / name / "0-of-1.h5" for name in ("gone", "none", "damaged", "whole")]
    outputs[0].unlink()
    outputs[2].write_bytes(b"")
    clear_journals(outputs)
    assert {path.name.partition("-")[0] for path in (folder / "journals").iterdir()} == {"gone", "damaged"}


def test_a_journal_with_images_that_are_no_longer_wanted_stays(folder):
    with pytest.raises(KeyboardInterrupt):
        run(folder, "demo", Worker(fail_at="3"), "1", "2", "3")
    run(folder, "demo", Worker(), "1")
    clear_journals([folder / "demo" / "0-of-1.h5"])
    again = Worker()
    run(folder, "demo", again, "1", "2", "3")
    assert again.asked == ["3"]


def test_other_bytes_are_another_image(folder):
    run(folder, "demo", Worker(), "1")
    changed = [{"key": "1", "sha256": "other"}]

    def compute(wanted):
        return [record(item["key"]) | {"sha256": item["sha256"]} for item in wanted]

    complete(folder / "b" / "0.h5", changed, compute, folder=folder, title="test", weights=WEIGHTS)
    assert read_attributes(folder / "b" / "0.h5")["computed"] == 1


@pytest.fixture
def journal(tmp_path):
    """Three records; returns its path and where each frame begins."""
    path = tmp_path / "a.journal"
    written = Journal(path)
    starts = []
    for key in ("1", "2", "3"):
        starts.append(path.stat().st_size if path.exists() else 0)
        written.add(record(key))
    return path, starts


def keys(path) -> list[str]:
    return [one["key"] for one in read_journal(path)]


def test_a_journal_gives_back_whole_records(journal):
    path, _ = journal
    assert all(equal(one, record(str(number))) for number, one in enumerate(read_journal(path), 1))
    assert list(next(read_journal(path))) == list(record("1"))  # the fields in their order


def test_what_a_killed_writer_left_half_written_is_not_given_back(journal):
    path, starts = journal
    data = path.read_bytes()
    for size in (len(data) - 1, starts[2] + 1, starts[2] + len(MAGIC) + 3, starts[2]):
        path.write_bytes(data[:size])
        assert keys(path) == ["1", "2"]
    path.write_bytes(b"")
    assert keys(path) == []


@pytest.mark.parametrize("place", [0, len(MAGIC), len(MAGIC) + 7, len(MAGIC) + 8, len(MAGIC) + 60])
def test_a_changed_byte_costs_its_record_alone(journal, place):
    """In the mark, the length (much longer, a little longer), the checksum, the content."""
    path, starts = journal
    data = bytearray(path.read_bytes())
    data[starts[1] + place] ^= 0x55
    path.write_bytes(data)
    assert keys(path) == ["1", "3"]


def test_a_damaged_shard_is_computed_anew(folder):
    run(folder, "old", Worker(), "1", "2")
    path = folder / "old" / "0-of-1.h5"
    clear_journals([path])
    path.write_bytes(path.read_bytes()[:100])
    worker = Worker()
    run(folder, "demo", worker, "1", "2")
    assert worker.asked == ["1", "2"]


def test_a_record_that_never_comes_is_an_error(folder):
    with pytest.raises(RuntimeError, match="no record came for 2"):
        complete(
            folder / "a" / "0.h5",
            items("1", "2"),
            lambda wanted: [record("1")],
            folder=folder,
            title="test",
            weights=WEIGHTS,
        )
    assert not (folder / "a" / "0.h5").exists()


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from advxai.run.store import Journal, write_shard
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
noise = np.random.default_rng(0)
records = [{"key": str(n), "sha256": "h", "map": noise.random((40, 40), np.float32)} for n in range(20)]
folder = Path(sys.argv[1])
journal = Journal(folder / "a.journal")
write = {
    "shard": lambda: write_shard(folder / "a.h5", records, {}),
    "journal": lambda: [journal.add(record) for record in records],
}
try:
    write[sys.argv[2]]()
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("what", ["shard", "journal"])
def test_a_full_disk_is_an_error_and_leaves_nothing_half_published(tmp_path, what):
    """A process that may not write files of more than 20 kB; h5py on its own ends in a crash there."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path, what],
        capture_output=True,
        text=True,
        check=True,
        timeout=120 * PATIENCE,
    )
    assert done.stdout == "File too large\n" and done.stderr == ""
    if what == "shard":
        assert list(tmp_path.iterdir()) == []
    else:
        assert keys(tmp_path / "a.journal") == ["0", "1", "2"]  # 6 kB each


def test_some_records_of_a_shard(tmp_path):
    """Only those of the keys, whole; an empty shard has none."""
    records = [{"key": f"k{n}", "sha256": "s", "map": np.full((2, 2), n), "ranking": np.arange(n)} for n in range(4)]
    write_shard(tmp_path / "shard.h5", records, {})
    found = read_some(tmp_path / "shard.h5", {"k3", "k1", "absent"})
    assert [record["key"] for record in found] == ["k1", "k3"] and equal(found[0], records[1])
    assert found[1]["map"].tolist() == [[3, 3], [3, 3]] and found[1]["ranking"].tolist() == [0, 1, 2]
    write_shard(tmp_path / "empty.h5", [], {})
    assert read_some(tmp_path / "empty.h5", {"k1"}) == []


def test_records_made_before_a_field_was_kept_stay_and_get_what_stands_for_it(folder):
    write_shard(folder / "old" / "0-of-1.h5", [record("1") | {"weights": WEIGHTS}], {})
    output = folder / "demo" / "0-of-1.h5"

    def compute(missing):
        return [record(item["key"]) | {"trace": np.array([0.1, 0.6], np.float32), "zero": 0.5} for item in missing]

    later = {"trace": np.zeros(0, np.float32), "zero": float("nan")}
    complete(output, items("1", "2"), compute, folder=folder, title="test", weights=WEIGHTS, later=later)
    assert read_attributes(output)["found"] == 1
    old, new = read_shard(output)
    assert old["trace"].shape == (0,) and np.isnan(old["zero"])
    assert new["trace"].tolist() == pytest.approx([0.1, 0.6]) and new["zero"] == 0.5
    assert list(old) == list(new)


def test_records_of_other_weights_are_not_taken_and_are_kept(folder):
    """A detector exchanged under the same digest: none of its predecessor's records; putting it back finds them all."""
    output = folder / "demo" / "0-of-1.h5"

    def run_with(weights: str) -> list[str]:
        worker = Worker()
        complete(output, items("1", "2"), worker, folder=folder, title="test", weights=weights)
        assert {one["weights"] for one in read_shard(output)} == {weights}
        return worker.asked

    assert run_with("a" * 64) == ["1", "2"]
    clear_journals([output])
    assert run_with("b" * 64) == ["1", "2"]
    assert read_attributes(output)["found"] == 0
    clear_journals([output])
    assert run_with("a" * 64) == [] and read_attributes(output)["found"] == 2
    assert run_with("b" * 64) == []


def test_records_that_don_t_name_their_weights_are_told_and_not_taken(folder, caplog):
    write_shard(folder / "old" / "0-of-1.h5", [record("1")], {})
    journal = Journal(folder / "journals" / "old-0-of-1-x.journal")
    journal.add(record("2"))
    worker = Worker()
    run(folder, "demo", worker, "1", "2", "3")
    assert worker.asked == ["1", "2", "3"]
    said = [line.getMessage() for line in caplog.records if "weights" in line.getMessage()]
    assert said == ["test: 2 records don't say which weights made them: not used, computed anew"]


def test_records_of_an_imported_detector_are_its_own_by_their_digest(folder):
    write_shard(folder / "old" / "0-of-1.h5", [record("1")], {})
    output, worker = folder / "demo" / "0-of-1.h5", Worker()
    later = {"weights": WEIGHTS}
    complete(output, items("1", "2"), worker, folder=folder, title="test", weights=WEIGHTS, later=later)
    assert worker.asked == ["2"]
    assert {one["weights"] for one in read_shard(output)} == {WEIGHTS}


def test_a_journal_says_which_weights_made_a_record(folder):
    """A job that was killed before the detector was exchanged has left records of the former one."""
    with pytest.raises(KeyboardInterrupt):
        run(folder, "demo", Worker(fail_at="2"), "1", "2")
    worker = Worker()
    complete(folder / "demo/0-of-1.h5", items("1"), worker, folder=folder, title="test", weights="e" * 64)
    assert worker.asked == ["1"]


def test_a_shard_of_another_digest_is_refused(folder):
    """The user's code was edited between planning and the job: its output's folder is no longer the digest's."""
    output = folder.with_name("name-ba9876543210") / "demo" / "0-of-1.h5"
    with pytest.raises(InputError, match="code have changed since the job was planned; run again"):
        complete(output, items("1"), Worker(), folder=folder, title="test", weights=WEIGHTS)
    assert not output.exists()


def test_images_that_another_detector_has_chosen_are_refused(folder):
    """`explain: called_fake`: the list is of the weights that called them so."""
    output = folder / "demo" / "0-of-1.h5"
    chosen = [item | {"weights": WEIGHTS} for item in items("1", "2")]
    complete(output, chosen, Worker(), folder=folder, title="test", weights=WEIGHTS)
    with pytest.raises(InputError, match="test: 1 was chosen by another detector than the present one; run again"):
        complete(output, chosen, Worker(), folder=folder, title="test", weights="e" * 64)
