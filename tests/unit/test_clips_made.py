"""Which clips count as made: those of the present settings' list and crops alone."""

from pathlib import Path

import pandas as pd

from advxai import plan
from advxai.clips.cut import FRAMES
from advxai.clips.listing import listed
from advxai.clips.made import made
from advxai.common import parquet
from advxai.run.paths import Paths
from advxai.run.store import write_shard
from tests.unit.plan_data import ffpp

FAKES = [f"manipulated_sequences/Deepfakes/c23/videos/00{one}_00{one + 1}.mp4" for one in range(4)]
REALS = ["original_sequences/youtube/c23/videos/000.mp4"]
LEFT_OUT = {"stage": "clips", "reason": "it shows no face"}
WEIGHTS = "1" * 64


def paths_of(folder: Path, **video: object) -> Paths:
    rows = {"SHAP3D": {"method": "shap3d", "baseline": "zeros", "samples": 8}}
    settings = {"frames": 2, "explainers": rows} | video
    return Paths(ffpp(results=f"{folder}/results", explainers={}, video=settings), planning=True)


def list_of(paths: Paths) -> list[str]:
    """Write the run's videos and its list of clips; returns their videos."""
    rows = [{"video": video, "category": "Deepfakes", "label": 3} for video in FAKES]
    rows += [{"video": video, "category": "Real", "label": 0} for video in REALS]
    videos = pd.DataFrame([row | {"path": row["video"], "split": "test", "mask": ""} for row in rows])
    parquet.write(videos, paths.run / "corpus/videos.parquet")
    clips, _ = listed(videos, paths.config.video, paths.config.corpus.categories, paths.config.seed)
    parquet.write(clips, paths.clips_run / "list.parquet")
    return list(clips["video"])


def cut(paths: Paths, videos: list[str], without: tuple[str, ...] = ()) -> None:
    """Write the run's table of crops, two frames a clip, and what gave none."""
    blank = {name: 0 if kind[0] in "if" else "" for name, kind in FRAMES.items()}
    frames = [
        blank
        | {"clip": f"{video}/clip_00007_0", "key": f"{video}/clip_00007_0#{place}", "video": video, "split": "test"}
        | {"frame": 7 + place, "place": place, "seconds": place / 25, "sha256": f"{video}{place}"}
        | {"file": f"{video}-0123456789ab/clip_middle/{7 + place:05d}.png"}
        for video in videos
        for place in range(2)
    ]
    (table,) = paths.clips_cut
    table.parent.mkdir(parents=True)
    parquet.write(pd.DataFrame(frames).astype(FRAMES), table)
    left = pd.DataFrame([LEFT_OUT | {"item": video} for video in without], columns=["stage", "item", "reason"])
    parquet.write(left, table.with_suffix(".left_out.parquet"))


def counted(paths: Paths) -> dict[str, plan.Row]:
    found = plan.clips_of(paths, plan.population(paths))
    assert found is not None
    return {f"{row.stage} {row.name}".strip(): row for row in plan.clip_rows(paths.config, found, 100.0)}


def test_clips_are_those_of_the_list_and_crops_of_the_present_settings(tmp_path):
    paths = paths_of(tmp_path, fakes=2)
    assert made(paths) is None  # no video is listed
    videos = list_of(paths)
    cut(paths, videos)
    own = made(paths)
    assert (own.number, own.whole) == (3, True) and {key for key, _ in own.images} == {
        f"{video}/clip_00007_0" for video in videos
    }
    # more are wanted: the three count, two are to be cut
    more = made(paths_of(tmp_path, fakes=None))
    assert (more.number, more.whole, more.images) == (5, False, own.images)
    # fewer: those of them that are wanted
    fewer = made(paths_of(tmp_path, fakes=1))
    assert (fewer.number, fewer.whole, len(fewer.images)) == (2, True, 2) and fewer.images < own.images
    # other frames, or another box, have other crops
    for changed in ({"step": 3}, {"crop": "followed"}, {"frames": 3}):
        assert made(paths_of(tmp_path, fakes=2, **changed)).images == frozenset()


def test_a_video_without_a_clip_is_none_to_explain(tmp_path):
    paths = paths_of(tmp_path, fakes=2)
    *videos, last = list_of(paths)
    cut(paths, videos, (last,))
    assert (made(paths).number, made(paths).whole) == (2, True)


def test_the_plan_finds_records_of_clips_that_it_knows_alone(tmp_path):
    paths = paths_of(tmp_path, fakes=2)
    videos = list_of(paths)
    (shard,) = paths.scored  # of another run's clips, say, for their hashes aren't known yet
    records = [{"key": f"{video}/clip_00007_0", "sha256": "?", "weights": WEIGHTS, "images": 2} for video in videos]
    write_shard(paths.video_scores.path / "other/0-of-1.h5", records, {})
    assert not shard.is_file() and counted(paths)["video_scores"].found == 0
    cut(paths, videos)
    assert counted(paths)["video_scores"].found == 0  # of the same names, other pixels
    keyed = [record | {"sha256": dict(made(paths).images)[record["key"]]} for record in records[:2]]
    write_shard(paths.video_scores.path / "other/0-of-1.h5", keyed, {})
    rows = counted(paths)
    assert (rows["clips"].found, rows["video_scores"].found, rows["video_saliency SHAP3D"].found) == (3, 2, 0)
    assert rows["video_scores"].forwards == 2  # one clip of two frames
    more = paths_of(tmp_path, fakes=None)
    found = plan.clips_of(more, plan.population(more))
    assert plan.clips.in_words(found, more.config).startswith("~5 of 2 frames")
