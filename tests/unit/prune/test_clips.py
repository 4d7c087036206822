"""What prune keeps of clips, and what it lists."""

from pathlib import Path

import pandas as pd

from advxai.clips.listing import listed as listed_clips
from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.config import load
from advxai.prune.unused import unused
from advxai.report.provenance import provenance
from advxai.run.paths import Paths
from advxai.run.store import write_shard
from tests.unit.prune.finished import DETECTOR, VIDEOS, WEIGHTS, listed, mapping, run, touch, video_path

VIDEO = {
    "frames": 2,
    "explainers": {
        "LIME3D_adv": {"method": "lime3d", "baseline": "adversarial", "samples": 4},
        "random": {"method": "random"},
    },
}


def paths_of(folder: Path, **video) -> Paths:
    return Paths(load(mapping(folder / "results", "a", explainers={}, video=VIDEO | video)))


def videos_of(paths: Paths) -> pd.DataFrame:
    rows = []
    for name, split in VIDEOS["a"].items():
        category = name.partition("/")[0]
        own = {"video": video_path(name), "path": name, "category": category, "label": FIVE.label(category)}
        rows.append(own | {"split": split, "mask": ""})
    return pd.DataFrame(rows)


def crops_of(paths: Paths, video: str) -> Path:
    return paths.clip_crops.path / f"{video}-0123456789ab" / "clip_middle"


def finish(paths: Paths) -> list[str]:
    """Write by hand what a finished run of clips leaves; returns the clips' videos."""
    run(paths)
    videos = videos_of(paths)
    parquet.write(videos, paths.run / "corpus/videos.parquet")
    wanted, _ = listed_clips(videos, paths.config.video, paths.config.corpus.categories, paths.config.seed)
    paths.clips_run.mkdir(parents=True, exist_ok=True)
    parquet.write(wanted, paths.clips_run / "list.parquet")
    clips = []
    for at, shard in enumerate(paths.shards):
        mine = [video for video in wanted["video"] if paths.shard_of_key(f"{video}/") == shard]
        frames = []
        for video in mine:
            touch(crops_of(paths, video) / "clip.json")
            clip = {"clip": f"{video}/clip_00000_0", "video": video}
            files = [touch(crops_of(paths, video) / f"0000{place}.png") for place in range(2)]
            frames += [clip | {"sha256": "f", "file": str(file)} for file in files]
        paths.clips_cut[at].parent.mkdir(parents=True, exist_ok=True)
        parquet.write(pd.DataFrame(frames, columns=["clip", "video", "sha256", "file"]), paths.clips_cut[at])
        parquet.write(pd.DataFrame({"item": []}), paths.clips_cut[at].with_suffix(".left_out.parquet"))
        records = [{"key": f"{video}/clip_00000_0", "sha256": "c", "weights": WEIGHTS} for video in mine]
        clips += [record | {"video": video} for record, video in zip(records, mine, strict=True)]
        for path in (path[at] for path in files_of(paths) if path[at].suffix == ".h5"):
            write_shard(path, [record | {"made_with": "cpu; torch 2"} for record in records], SAID)
        for path in (path[at] for path in files_of(paths) if path[at].suffix == ".parquet"):
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write(pd.DataFrame(records, columns=["key", "sha256", "weights"]), path)
    parquet.write(pd.DataFrame(clips), paths.clips_run / "clips.parquet")
    return list(wanted["video"])


SAID = {"found": 1, "computed": 2, "images": 10, "calls": 3}


def files_of(paths: Paths) -> list[list[Path]]:
    of_rows = (
        paths.video_maps_of,
        paths.video_attacks_of,
        paths.video_rows_of,
        paths.video_measured,
        paths.video_metrics_of,
    )
    return [paths.scored, paths.video_copies, *(of(row) for of in of_rows for row in paths.config.video.ordered)]


def test_what_a_run_of_clips_needs_stays_and_what_it_has_taken_over_is_listed(tmp_path):
    paths = paths_of(tmp_path)
    assert len(finish(paths)) == 3  # the test videos
    assert unused([paths]) == []
    former = [touch(path[0].with_name("0-of-7.h5")) for path in files_of(paths)[:3]]  # another number of shards
    row = touch(paths.store / "video_saliency/gone-0123456789ab/a/0-of-1.h5").parents[1]
    assert {entry.path for entry in unused([paths])} == {*former, row}
    files_of(paths)[0][0].unlink()  # its own scores are missing: the former ones may be taken over
    assert {entry.path for entry in unused([paths])} == {*former[1:], row}


def test_crops_of_clips_that_are_no_longer_asked_for_are_listed_once_the_list_says_so(tmp_path):
    every = finish(paths_of(tmp_path))
    fewer = paths_of(tmp_path, fakes=1)
    assert unused([fewer]) == []  # the lists are of other settings: what is needed isn't known
    (kept,) = finish(fewer)
    places = {video: crops_of(fewer, video).relative_to(fewer.store).as_posix() for video in every}
    spare = tuple(f"{place}/" for place in listed(fewer))  # of folders of which nothing is wanted the largest
    assert {video for video, place in places.items() if not place.startswith(spare)} == {kept} and len(every) == 3


def test_crops_of_the_user_s_own_list_stay(tmp_path):
    every = finish(paths_of(tmp_path))
    (tmp_path / "clips.csv").write_text(f"video\n{every[0]}\n")
    own = paths_of(tmp_path, list=str(tmp_path / "clips.csv"))
    assert not [place for place in listed(own) if place.startswith(("clips/", "video_"))]


def test_provenance_of_clips_counts_their_records(tmp_path):
    paths = paths_of(tmp_path)
    finish(paths)
    touch(paths.weights_hash, f"{WEIGHTS}  {paths.weights.name}\n")
    said = provenance(paths, clips=True)
    assert said["detector"]["sha256"] == WEIGHTS and DETECTOR == paths.weights.read_text()
    found = said["records"]
    assert set(found) == {
        "video_scores",
        "video_adversary",
        "video_saliency",
        "video_controls",
        "video_attacks",
        "video_metrics",
    }
    # two shards of three clips in all; of attacks and measures two rows
    assert found["video_saliency"] == {
        "records": 3, "found": 2, "computed": 4, "images": 20, "calls": 6, "made_with": {"cpu; torch 2": 3},
    }  # fmt: skip
    assert (found["video_attacks"]["records"], found["video_metrics"]["calls"]) == (6, 12)
    assert any(one["folder"].startswith("video_measures/") for one in said["folders"]) and said["mixed"] == []


def test_provenance_of_images_has_nothing_of_clips(tmp_path):
    """What is set of clips, or made of them, changes nothing of the images' page."""
    paths = paths_of(tmp_path)
    finish(paths)
    touch(paths.weights_hash, f"{WEIGHTS}  {paths.weights.name}\n")
    for path in (path for shards in paths.records.values() for path in shards):
        write_shard(path, [{"key": "k", "sha256": "s", "weights": WEIGHTS, "made_with": "cpu; torch 2"}], SAID)
    timed = [
        paths.logs / paths.config.run / rule / "0-of-1.tsv" for rule in ("video_scores", "clips_shard", "saliency")
    ]
    for timing in timed:
        touch(timing, "s\tmax_rss\n2.5\t100\n")
    said = provenance(paths)
    assert set(said["records"]) == set(paths.records) and "video" not in said["config"]
    assert not [one for one in said["folders"] if one["folder"].startswith(("video_", "clips"))]
    assert set(said["times"]) == {"saliency"}
    assert set(provenance(paths, clips=True)["times"]) == {"video_scores", "clips_shard", "saliency"}
