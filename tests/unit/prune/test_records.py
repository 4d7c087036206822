"""Records stay as long as a run that isn't finished may take them over."""

from pathlib import Path

import pandas as pd
import pytest

from advxai.common import parquet
from advxai.config import load
from advxai.prune.unused import unused
from advxai.run.paths import Paths
from advxai.run.store import Journal, write_shard
from tests.unit.prune.finished import WEIGHTS, listed, mapping, only_of, run, touch


def test_records_and_journals_that_have_been_taken_over(a):
    run(a)
    folder = a.saliency("LIME").path
    former = touch(folder / "a/0-of-1.h5")  # another number of shards
    kept = touch(folder / "kept/a-0-of-2-0123456789ab.h5")
    Journal(folder / "journals/a-0-of-2-00.journal").add({"key": "x", "sha256": "y"})
    for unknown in ("notes.txt", "mine.h5", "a/notes.txt", "a/mine.h5/b.h5"):
        touch(folder / unknown)
    sibling = touch(folder.with_name(f"Renamed-{folder.name.rpartition('-')[2]}") / "a/0-of-2.h5")
    touch(sibling.parents[1] / "params.json")
    assert {entry.path for entry in unused([a])} == {former, kept.parent, folder / "journals", sibling.parent}


@pytest.mark.parametrize("file", ["maps_of", "attacks_of", "rows_of", "copies", "predicted"])
def test_nothing_is_listed_in_the_folder_of_an_unfinished_run(both, file):
    a, b = both
    own = getattr(a, file)
    path = own if file == "predicted" else own[1] if file == "copies" else own("LIME_adv")[1]
    path.unlink()
    digests = {path.parents[1]}
    if file == "rows_of":  # they are written after the attacks, which may be unfinished then
        digests.add(a.attacks.path)
    missing = {place.relative_to(a.store).as_posix() for place in digests}
    assert listed(a) == {one for one in only_of(b, a) if not one.startswith(tuple(f"{place}/" for place in missing))}


def test_records_of_other_weights_are_called_so(a):
    """They are what makes putting the former weights back cheap."""
    run(a)
    kept = a.saliency("LIME").path / "kept"
    write_shard(kept / "a-0-of-2-0123456789ab.h5", [{"key": "k", "sha256": "s", "weights": "0" * 64}], {})
    (other,) = [entry.why for entry in unused([a]) if entry.path == kept]
    assert other == "of other weights than the detector has now; should those come back, it would be computed anew"
    write_shard(kept / "a-0-of-2-0123456789ab.h5", [{"key": "k", "sha256": "s", "weights": WEIGHTS}], {})
    (same,) = [entry.why for entry in unused([a]) if entry.path == kept]
    assert same == "made by the run kept; the configurations' own files hold what they need of it"


@pytest.mark.parametrize("absent", [False, True])
def test_records_of_other_weights_are_not_what_a_run_needs(a, absent):
    """After an exchange of the detector, the former one's records stay until the run has its own."""
    run(a)
    kept = touch(a.saliency("LIME").path / "kept/a-0-of-2-0123456789ab.h5")
    assert kept.parent.relative_to(a.store).as_posix() in listed(a)
    a.weights.write_text("other weights")
    if absent:
        a.weights.unlink()
    assert not listed(a)


def test_old_shards_stay_while_the_configuration_s_own_are_missing(tmp_path, a):
    """Another number of shards: the former files are what the next run takes everything from."""
    run(a)
    again = Paths(load(mapping(tmp_path / "results", "a", shards=3)))
    assert unused([again]) == []
    run(again)
    former = {path.relative_to(a.store).as_posix() for path in (*a.copies, *a.maps_of("LIME"), *a.rows_of("LIME_adv"))}
    assert former < listed(again) and not former & listed(again, a)
    assert all("-of-2" in path for path in listed(again))


@pytest.mark.parametrize("rule", ["per_video", "passes"])
def test_what_a_changed_configuration_may_still_need_stays(tmp_path, both, rule):
    """More frames a video, not run yet: its files are there, but not of all images."""
    a, _b = both
    more = Paths(load(mapping(tmp_path / "results", "a", frames={rule: 2})))
    stages = {path.split("/")[0] for path in listed(more) if path.endswith("/b")}
    assert stages == {"faces", "predictions"}
    # a damaged file can't be read instead of another's
    data = bytearray(a.predicted.read_bytes())
    data[-1] ^= 1
    a.predicted.write_bytes(data)
    assert {path.split("/")[0] for path in listed(more) if path.endswith("/b")} == {"faces"}


@pytest.mark.parametrize("stage", ["corpus", "faces", "evaluation"])
def test_lists_of_another_version_tell_nothing(both, stage):
    a, _b = both
    path = {"corpus": a.run / "corpus/videos.parquet", "faces": a.crops[0], "evaluation": a.rows_of("LIME_adv")[0]}[
        stage
    ]
    parquet.write(pd.DataFrame({"other": [1]}), path)
    left = {place.split("/")[0] for place in listed(a) if place.endswith("/b")}
    everything = {"predictions", "adversary", "saliency", "attacks", "evaluation", "measures", "metrics", "faces"}
    assert left == (everything - {"attacks", "evaluation"} if stage == "evaluation" else set())


def test_a_renamed_row_keeps_its_records(tmp_path, a):
    run(a)
    rows = mapping(Path(), "a")["explainers"]
    renamed = Paths(
        load(mapping(tmp_path / "results", "a", explainers={"Lime2": rows["LIME"], "LIME_adv": rows["LIME_adv"]}))
    )
    assert {entry.path.parent.name for entry in unused([renamed])} == {"tables", "figures"}
