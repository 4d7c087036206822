"""The rule that nothing is computed twice, and nothing of other weights is taken."""

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
    write_shard,
)
from tests.unit.store_data import WEIGHTS, Worker, equal, items, record


@pytest.fixture
def folder(tmp_path):
    """A digest's folder."""
    return tmp_path / "store" / "stage" / "name-0123456789ab"


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
    assert worker.asked == [] and f"{mine[7]}-of-7.h5 can't be read as a shard of ours (it is damaged" in caplog.text


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


def made_from(folder, worker, **given: str):
    """A shard of images, each made from what `given` names besides; an empty name: from the image alone."""
    output = folder / "demo" / "0-of-1.h5"
    wanted = [item | ({"given": given[item["key"]]} if given[item["key"]] else {}) for item in items(*given)]
    complete(output, wanted, worker, folder=folder, title="test", weights=WEIGHTS)
    return [one.get("given", "") for one in read_shard(output)]


def test_a_record_belongs_to_what_it_is_made_from_besides_the_image(folder):
    """A mask or counterpart that changes: its images anew, no other; and back again, nothing."""
    first, changed, back = Worker(), Worker(), Worker()
    assert made_from(folder, first, **{"1": "mask", "2": "mask"}) == ["mask", "mask"]
    clear_journals([folder / "demo" / "0-of-1.h5"])
    assert made_from(folder, changed, **{"1": "other", "2": "mask"}) == ["other", "mask"]
    clear_journals([folder / "demo" / "0-of-1.h5"])
    assert made_from(folder, back, **{"1": "mask", "2": "mask"}) == ["mask", "mask"]
    assert (first.asked, changed.asked, back.asked) == (["1", "2"], ["1"], [])
    assert not list((folder / "journals").iterdir())  # both are published or kept


def test_what_is_made_from_the_image_alone_is_not_what_is_made_from_more(folder):
    """Records of before `given` was kept stay whose they are, and are nobody else's."""
    write_shard(folder / "old" / "0-of-1.h5", [record(key) | {"weights": WEIGHTS} for key in "12"], {})
    alone, more, again = Worker(), Worker(), Worker()
    made_from(folder, alone, **{"1": "", "2": ""})
    assert made_from(folder, more, **{"1": "mask", "2": "mask"}) == ["mask", "mask"]
    (folder / "old" / "0-of-1.h5").unlink()
    assert made_from(folder, again, **{"1": "", "2": ""}) == ["", ""]
    assert alone.asked == [] and more.asked == ["1", "2"] and again.asked == []  # they were kept


def test_a_journal_says_what_a_record_is_made_from(folder):
    with pytest.raises(KeyboardInterrupt):
        made_from(folder, Worker(fail_at="2"), **{"1": "mask", "2": "mask"})
    other, back = Worker(), Worker()
    made_from(folder, other, **{"1": "other"})
    clear_journals([folder / "demo" / "0-of-1.h5"])
    # of the killed job's record no shard knows: its journal stays, the other one's goes
    assert len(list((folder / "journals").iterdir())) == 1
    made_from(folder, back, **{"1": "mask"})
    assert other.asked == ["1"] and back.asked == []
