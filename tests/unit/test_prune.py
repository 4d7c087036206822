"""Prune: exactly what no configuration refers to goes, and nothing that one may still need."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from advxai.common import parquet
from advxai.common.classes import CLASSES
from advxai.common.errors import InputError
from advxai.config import load
from advxai.faces.extract import FACES
from advxai.prune.prune import Entry, configurations, delete, human, total, unused
from advxai.run.paths import Paths
from advxai.run.store import Journal, write_shard

OLD = time.time() - 25 * 3600
HEX = "0123456789ab"
REAL_VIDEO = "original_sequences/youtube/c23/videos/000.mp4"
# videos of each run, with their split; both have the first, of the shared clip
VIDEOS = {
    "a": {"Real/000": "train", "Deepfakes/004_005": "test", "Deepfakes/005_004": "test", "FaceSwap/004_005": "test"},
    "b": {"Real/000": "train", "Deepfakes/008_009": "test", "FaceSwap/008_009": "test"},
}
FACELESS = "FaceSwap/"


def clip(name: str, first_id: int, **splits: int) -> dict:
    source = {"package": name, "version": "1", "file": f"clips/{name}.mp4", "sha256": "0" * 64}
    return {"name": name, "first_id": first_id, "source": source, "splits": splits}


def mapping(results: Path, run: str, **changes) -> dict:
    """Two runs that share a clip, the detector, the adversary, the attacks and one of two rows."""
    own = {"a": clip("two", 4, test=2), "b": clip("three", 8, test=2)}[run]
    return {
        "run": run,
        "results": str(results),
        "shards": {"a": 2, "b": 1}[run],
        "corpus": {
            "kind": "demo",
            "clips": [clip("one", 0, train=2), own],
            "categories": ["Deepfakes", "FaceSwap"],
        },
        "frames": {"per_video": 1},
        "explainers": {
            "LIME": {"method": "lime", "baseline": "zeros", "samples": {"a": 20, "b": 30}[run]},
            "LIME_adv": {"method": "lime", "baseline": "adversarial", "samples": 20},
        },
    } | changes


def touch(path: Path, text: str = "something", at: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if at is not None:
        os.utime(path, (at, at))
    return path


def video_path(name: str) -> str:
    category, _, number = name.partition("/")
    return REAL_VIDEO if category == "Real" else f"manipulated_sequences/{category}/c23/videos/{number}.mp4"


def crops_of(paths: Paths, name: str) -> Path:
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return paths.faces.path / f"{video_path(name)}-{digest}"


def write_faces(paths: Paths, shard: str, names: list[str]) -> list[dict]:
    """One shard's crops, two a video with a face, and its lists."""
    rows = []
    for name in names:
        folder = crops_of(paths, name)
        category = name.partition("/")[0]
        touch(folder / "faces.json")
        for frame in () if name.startswith(FACELESS) else (0, 23):
            key = f"{video_path(name)}/{frame:05d}_0.png"
            file = touch(folder / f"{frame:05d}_0.png", key)
            known = {"key": key, "video": video_path(name), "category": category, "label": CLASSES.index(category)}
            known |= {"split": VIDEOS[paths.config.run][name], "frame": frame, "file": str(file)}
            known |= {"sha256": hashlib.sha256(key.encode()).hexdigest()}
            rows.append(dict.fromkeys(FACES, 0) | known)
    path = paths.faces.path / paths.config.run / f"{shard}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write(pd.DataFrame(rows, columns=list(FACES)), path)
    parquet.write(pd.DataFrame({"item": []}), path.with_suffix(".left_out.parquet"))
    return rows


DETECTOR = "something"  # what `touch` writes
WEIGHTS = hashlib.sha256(DETECTOR.encode()).hexdigest()


def records(rows: list[dict]) -> list[dict]:
    return [{name: row[name] for name in ("key", "sha256")} | {"weights": WEIGHTS} for row in rows]


def run(paths: Paths) -> None:
    """Write by hand what a finished run leaves."""
    for path in (*map(Path, paths.media), paths.face_model, *paths.tables, *paths.figures):
        touch(path)
    for name in ("tables/left_out.csv", "tables/left_out.parquet", "summary.txt", "provenance.json"):
        touch(paths.run / name)
    touch(paths.logs / paths.config.run / "faces_shard/0-of-1.log")
    for folder in paths.folders:
        folder.describe()
    for folder in paths.clips:
        touch(folder.path / "clip.json")
        touch(folder.path / "original_sequences/youtube/c23/videos/000.mp4")
    touch(paths.detector.path / "detector.safetensors", DETECTOR)
    names = VIDEOS[paths.config.run]
    videos = pd.DataFrame({"video": map(video_path, names), "category": [name.partition("/")[0] for name in names]})
    (paths.run / "corpus").mkdir(parents=True, exist_ok=True)
    parquet.write(videos, paths.run / "corpus/videos.parquet")
    every = []
    for shard in paths.shards:
        mine = [name for name in names if paths.shard_of_key(f"{video_path(name)}/") == shard]
        rows = write_faces(paths, shard, mine)
        every += [row for row in rows if row["split"] == "test"]
        explained = records([row for row in rows if row["split"] == "test" and row["frame"] == 0])
        for explainer in paths.config.explainers:
            at = paths.shards.index(shard)
            for path in (paths.copies[at], paths.maps_of(explainer)[at], paths.attacks_of(explainer)[at]):
                write_shard(path, explained, {})
            path = paths.rows_of(explainer)[at]
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write(pd.DataFrame(explained, columns=["key", "sha256", "weights"]), path)
    write_shard(paths.predicted, records(every), {})


def files(folder: Path) -> dict[str, bytes]:
    """Every file, by its path; a link is what it points to."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def listed(*configurations: Paths) -> set[str]:
    store = configurations[0].store
    return {os.path.relpath(entry.path, store) for entry in unused(configurations)}


@pytest.fixture
def a(tmp_path) -> Paths:
    return Paths(load(mapping(tmp_path / "results", "a")))


@pytest.fixture
def b(tmp_path) -> Paths:
    return Paths(load(mapping(tmp_path / "results", "b")))


@pytest.fixture
def both(a, b) -> tuple[Paths, Paths]:
    run(a)
    run(b)
    return a, b


SHARED = ("predictions", "adversary", "attacks")


def only_of(mine: Paths, other: Paths) -> set[str]:
    """What `mine` has and `other` doesn't refer to."""
    name = mine.config.run
    clip = mine.clips[1].path
    folders = [clip, mine.saliency("LIME").path, mine.evaluation("LIME").path]
    folders += [getattr(mine, stage).path / name for stage in SHARED]
    folders += [mine.saliency("LIME_adv").path / name, mine.evaluation("LIME_adv").path / name]
    folders += [mine.faces.path / name, mine.store / "media" / f"{clip.name.rpartition('-')[0]}-1"]
    folders += [crops_of(mine, video) for video in VIDEOS[name] if video not in VIDEOS[other.config.run]]
    return {path.relative_to(mine.store).as_posix() for path in folders}


def test_what_two_configurations_refer_to_stays(both):
    assert unused(both) == []


def test_without_a_configuration_its_own_files_are_listed(both):
    a, b = both
    assert listed(a) == only_of(b, a)
    assert listed(b) == only_of(a, b)
    entries = unused([a])
    assert [entry.bytes for entry in entries] == sorted((entry.bytes for entry in entries), reverse=True)
    saliency = next(entry for entry in entries if entry.path == b.saliency("LIME").path)
    held = files(saliency.path)
    assert (saliency.files, saliency.bytes) == (len(held), sum(map(len, held.values()))) and saliency.files == 2


def test_delete_deletes_exactly_the_list_and_a_second_prune_lists_nothing(both, tmp_path):
    a, b = both
    before = files(tmp_path)
    entries = unused([a])
    assert files(tmp_path) == before
    gone = {entry.path.relative_to(tmp_path).as_posix() for entry in entries}
    assert delete(entries, tmp_path / "results") == entries
    after = files(tmp_path)
    assert after == {
        path: content for path, content in before.items() if not any(f"{path}/".startswith(f"{one}/") for one in gone)
    }
    assert unused([a]) == [] and not list(tmp_path.rglob(".*"))
    assert {path for path in after if path.startswith("results/b/")} == {
        path for path in before if path.startswith("results/b/")
    }


def test_single_files_without_a_digest(a):
    run(a)
    stored = [
        touch(a.store / "faces/retinaface-0123456789ab.onnx"),
        touch(a.store / "media/one-1/other.mp4"),
        touch(a.store / "media/one-2/one.mp4"),
        touch(a.store / "of_old/x-0123456789ab/file"),
    ]
    for unknown in ("faces/mine.onnx", "media/notes.txt", "media/one-1/mine/a.txt", "saliency/mine/a.h5", "notes.txt"):
        touch(a.store / unknown)
    expected = {stored[0], stored[1], stored[2].parent, stored[3].parent}
    assert {entry.path for entry in unused([a])} == expected


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
    assert same == "the configurations' own files hold what they need of it"


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


def test_what_a_changed_configuration_may_still_need_stays(tmp_path, both):
    """More frames a video, not run yet: its files are there, but not of all images."""
    a, b = both
    more = Paths(load(mapping(tmp_path / "results", "a", frames={"per_video": 2})))
    stages = {path.split("/")[0] for path in listed(more) if path.endswith("/b")}
    assert stages == {"faces", "predictions"}
    # a damaged file can't be read instead of another's
    data = bytearray(a.predicted.read_bytes())
    data[-1] ^= 1
    a.predicted.write_bytes(data)
    assert {path.split("/")[0] for path in listed(more) if path.endswith("/b")} == {"faces"}


@pytest.mark.parametrize("stage", ["corpus", "faces", "evaluation"])
def test_lists_of_another_version_tell_nothing(both, stage):
    a, b = both
    path = {"corpus": a.run / "corpus/videos.parquet", "faces": a.crops[0], "evaluation": a.rows_of("LIME_adv")[0]}[
        stage
    ]
    parquet.write(pd.DataFrame({"other": [1]}), path)
    left = {place.split("/")[0] for place in listed(a) if place.endswith("/b")}
    everything = {"predictions", "adversary", "saliency", "attacks", "evaluation", "faces"}
    assert left == (everything - {"attacks", "evaluation"} if stage == "evaluation" else set())


def test_a_renamed_row_keeps_its_records(tmp_path, a):
    run(a)
    rows = mapping(Path(), "a")["explainers"]
    renamed = Paths(
        load(mapping(tmp_path / "results", "a", explainers={"Lime2": rows["LIME"], "LIME_adv": rows["LIME_adv"]}))
    )
    assert {entry.path.parent.name for entry in unused([renamed])} == {"tables", "figures"}


@pytest.mark.parametrize("missing", ["crops", "left_out", "videos", "clip"])
def test_crops_stay_while_it_isn_t_known_what_a_run_needs(both, missing):
    a, b = both
    path = {
        "crops": b.crops[0],
        "left_out": b.crops[0].with_suffix(".left_out.parquet"),
        "videos": b.run / "corpus/videos.parquet",
        "clip": b.clips[1].path / "clip.json",
    }[missing]
    crops = crops_of(a, "Deepfakes/000_001")
    touch(crops / "faces.json")
    other = touch(a.faces.path / "other/0-of-1.parquet").parent
    videos = crops.parent  # of the others there some are needed
    assert {entry.path for entry in unused([a, b])} == {crops, other} and videos.is_dir()
    path.unlink()
    assert unused([a, b]) == []


def test_crops_of_the_same_video_with_other_bytes(a):
    run(a)
    former = a.faces.path / f"{video_path('Deepfakes/004_005')}-{HEX}"
    touch(former / "faces.json")
    touch(a.faces.path / f"{video_path('FaceSwap/004_005')}-{HEX}" / "faces.json")  # which one it is isn't known
    assert {entry.path for entry in unused([a])} == {former}


def test_leftovers_of_killed_jobs(a):
    run(a)
    saliency = a.saliency("LIME").path
    old = [
        touch(saliency / "a/.0-of-2.00.h5", at=OLD),
        touch(a.store / "media/one-1/.fetch-x/wheel/file", at=OLD).parents[1],
        touch(a.faces.path / f".{Path(REAL_VIDEO).name}-{HEX}-x/00000_0.png", at=OLD).parent,
    ]
    for folder in (old[1] / "wheel", old[1], old[2]):
        os.utime(folder, (OLD, OLD))
    touch(saliency / "a/.1-of-2.00.h5")  # some job is at it
    folder = touch(a.detector.path / ".x/a", at=OLD).parent
    touch(folder / "b")
    os.utime(folder, (OLD, OLD))
    (a.store / ".link").symlink_to(folder)
    os.utime(a.store / ".link", (OLD, OLD), follow_symlinks=False)
    touch(a.logs / ".hidden", at=OLD)
    touch(a.run / "tables/.LIME.00.csv", at=OLD)
    assert {entry.path for entry in unused([a])} == set(old)
    a.maps_of("LIME")[0].unlink()
    assert {entry.path for entry in unused([a])} == set(old)


def test_a_folder_that_a_job_is_writing_to_stays(a):
    run(a)
    other = touch(a.saliency("LIME").path / "other/0-of-1.h5")
    writing = touch(other.parent / ".0-of-1.00.h5")
    assert {entry.path for entry in unused([a])} == {other}
    os.utime(writing, (OLD, OLD))
    assert {entry.path for entry in unused([a])} == {other.parent}


def test_tables_and_figures_of_rows_that_are_gone(both):
    a, b = both
    gone = [touch(a.run / name) for name in ("tables/SHAP.csv", "tables/SHAP.tex", "figures/SHAP.png")]
    for other in ("tables/notes.txt", "tables/mine/SHAP.csv", "figures/SHAP.svg", "SHAP.csv", "detector/metrics.csv"):
        touch(a.run / other)
    touch(b.run / "tables/SHAP.csv")
    touch(a.run.parent / "old/tables/SHAP.csv")
    assert {entry.path for entry in unused([a])} - {b.store / path for path in only_of(b, a)} == set(gone)
    assert len(unused([a, b])) == 4


def test_two_configurations_of_one_run(tmp_path, a):
    run(a)
    rows = mapping(Path(), "a")["explainers"]
    one, two = (Paths(load(mapping(tmp_path / "results", "a", explainers={name: rows[name]}))) for name in rows)
    assert unused([one, two]) == [] and unused([two])


def test_nothing_shared_is_listed_if_two_runs_of_one_name_have_other_videos(tmp_path, both):
    """Then it can't be told whose lists are there."""
    a, b = both
    changed = mapping(tmp_path / "results", "a", corpus=mapping(Path(), "b")["corpus"])
    shared = {path for path in only_of(b, a) if path.endswith("/b") or path.startswith("faces/")}
    clips = {path for path in only_of(b, a) if path.startswith(("corpus", "media"))}
    assert listed(a, Paths(load(changed))) == only_of(b, a) - shared - clips


def test_links_aren_t_followed(both, tmp_path):
    a, b = both
    outside = touch(tmp_path / "elsewhere/precious.h5").parent
    stage = a.store / "of_old"
    stage.symlink_to(outside)
    touch(outside / f"x-{HEX}/file")
    (b.saliency("LIME").path / "b/link").symlink_to(outside)
    (a.store / "saliency" / f"x-{HEX}").symlink_to(outside)
    (a.saliency("LIME").path / "kept").symlink_to(outside)
    (b.predicted.parent / "link.h5").symlink_to(outside / "precious.h5")
    predicted = {path.relative_to(b.store).as_posix() for path in (b.predicted, b.predicted.parent)}
    assert listed(a) ^ only_of(b, a) == predicted
    kept = files(outside)
    delete(unused([a]), tmp_path / "results")
    assert files(outside) == kept and not b.saliency("LIME").path.exists()
    entries = [
        Entry(path, "", 1, 1) for path in (stage / f"x-{HEX}", outside, stage, a.store.parent, a.store / "../..")
    ]
    assert delete(entries, tmp_path / "results") == []
    assert files(outside) == kept and a.face_model.exists()


def test_a_results_folder_that_is_a_link_itself(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    a = Paths(load(mapping(tmp_path / "results", "a")))
    run(a)
    gone = touch(a.store / f"saliency/x-{HEX}/file").parent
    entries = unused([a])
    assert [entry.path for entry in entries] == [gone]
    assert delete(entries, Path(a.config.results)) == entries and not gone.exists()


def test_a_store_behind_a_link_is_left_alone(both, tmp_path):
    a, b = both
    a.store.rename(tmp_path / "disk")
    a.store.symlink_to(tmp_path / "disk")
    assert unused([a]) == []


def test_a_folder_disappears_at_once_and_a_failure_stops_nothing(a, tmp_path, monkeypatch):
    run(a)
    folders = [touch(a.store / f"saliency/{name}-{HEX}/file").parent for name in "xyz"]
    entries = unused([a])
    original = shutil.rmtree

    def rmtree(path: Path) -> None:
        assert path.name.startswith(".") and path.parent == folders[0].parent
        assert not path.with_name(path.name.split(".")[1]).exists()
        if path.name.startswith(".y"):
            raise PermissionError(13, "Permission denied")
        original(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    gone = delete(entries, tmp_path / "results")
    assert [entry.path for entry in gone] == [folders[0], folders[2]]
    assert not any(folder.exists() for folder in folders)


def test_what_has_vanished_is_gone(a, tmp_path):
    run(a)
    gone = touch(a.store / f"saliency/x-{HEX}/file").parent
    entries = unused([a])
    delete(entries, tmp_path / "results")
    assert not gone.exists() and delete(entries, tmp_path / "results") == entries


def test_further_configurations_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = load(mapping(Path("results"), "a"))
    Path("b.yaml").write_text(yaml.safe_dump(mapping(tmp_path / "results", "b")))
    Path("c.json").write_text(json.dumps(mapping(Path("results"), "b") | {"run": "c"}))
    found = configurations(own, ["b.yaml", "c.json"])
    assert [paths.run for paths in found] == [Path("results/a"), Path("results/b"), Path("results/c")]
    assert unused(found) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        ("a: [", "can't be read"),
        ("text", "no configuration"),
        ({"shards": 0}, "shards"),
        ({"results": "other"}, "results: other"),
        ({"detector": {"checkpoint": "no.ckpt"}}, r"no\.ckpt"),
    ],
)
def test_a_bad_configuration_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        text = content if isinstance(content, str) else yaml.safe_dump(mapping(Path("results"), "b") | content)
        Path("b.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        configurations(load(mapping(Path("results"), "a")), ["b.yaml"])
    assert "b.yaml" in str(error.value) and "\n" not in str(error.value)


def test_sizes_are_for_people():
    assert [human(size) for size in (0, 999, 1000, 1_240_000_000, 999_960, 5e12)] == [
        "0 bytes", "999 bytes", "1.0 kB", "1.2 GB", "1.0 MB", "5.0 TB",
    ]  # fmt: skip
    assert total([Entry(Path(), "", 1, 1)]) == "1 thing, 1 byte"
    assert total([Entry(Path(), "", 600_000_000, 1)] * 2) == "2 things, 1.2 GB"
