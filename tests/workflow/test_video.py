"""The DAG of the target `video` on clips of the tiny run: killed midway, gone on with, in the end bit for bit what
one process makes in one go."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from advxai.config import load
from advxai.detector import checkpoint
from advxai.frames.database import FrameStore
from advxai.run.jobs import read_items
from advxai.run.paths import Paths
from advxai.run.store import read_attributes, read_shard
from advxai.video import saliency
from advxai.video.hosts import hosts_of
from tests.workflow.conftest import copy_of, snakemake, tiny
from tests.workflow.kills import Run, gone, journalled

VIDEO = {
    "frames": 4,
    "list": "clips.csv",
    "segments": {"frames": 2, "number": 4},
    "explainers": {"LIME3D": {"method": "lime3d", "baseline": "zeros", "samples": 8}},
    "top": 1,
    "films": {"most": 1, "side": 64},
}


MORE = {"centre": {"method": "centre"}}


def rules_of(planned: str) -> list[str]:
    """The rules that a dry run would run, of its table of jobs."""
    table = planned.rpartition("Job stats:")[2].partition("total")[0]
    return sorted(line.split()[0] for line in table.splitlines() if line.strip() and line.split()[-1].isdigit())


def test_clips_are_explained_whatever_happens_on_the_way(finished, tmp_path, monkeypatch):
    folder = copy_of(finished, tmp_path)
    videos = pd.read_parquet(folder / "results/tiny/corpus/videos.parquet")
    test = videos[videos["split"] == "test"]
    chosen = [
        *test.loc[test["category"] == "Deepfakes", "video"],
        test.loc[test["category"] == "Real", "video"].iloc[0],
    ]
    (folder / "clips.csv").write_text("\n".join(["video", *chosen]) + "\n")
    settings = {"run": "clips", "explainers": {}, "video": VIDEO}
    tiny(folder, **settings, shards=1)
    monkeypatch.chdir(folder)
    paths = Paths(load(yaml.safe_load(Path("tiny.yaml").read_text())))
    run = Run(folder, *paths.video_maps_of("LIME3D"), "--cores", 1)
    run.until(lambda: journalled(folder, "video_saliency") >= 1)
    workers = run.workers("video_saliency")
    run.kill()
    assert gone(workers), "the worker hasn't noticed that the workflow is gone"
    shutil.rmtree(folder / ".snakemake/locks")  # what --unlock does, without a process

    done = snakemake(folder, "--cores", 2, "video", "--configfile", folder / "tiny.yaml", chatter=False)
    assert "3 clips of 4 frames explained by 1 explainer" in done.stdout
    (shard,) = paths.video_maps_of("LIME3D")
    said = read_attributes(shard)
    assert (said["records"], said["found"] + said["computed"]) == (3, 3) and said["found"] >= 1

    # bit for bit what one process makes of all clips, the last one first
    detector = checkpoint.load(paths.config.detector, paths.weights, classes=paths.classes)
    items = read_items(paths.clips_run / "shards/0-of-1.json")
    entry = paths.config.video.explainers["LIME3D"]
    frames, hosts = FrameStore(paths.clips_lmdb), hosts_of(paths.scored[0])
    image = {frame["key"]: frames.image(frame["key"], frame["sha256"]) for item in items for frame in item["frames"]}
    fresh = saliency.run(
        items[::-1], lambda frame: image[frame["key"]], detector, entry, hosts, paths.clip_score, paths.config.seed, 3
    )
    stored = {record["key"]: record for record in read_shard(shard)}
    for record in fresh:
        its = stored.pop(record["key"])
        assert record["map"].shape == record["segments"].shape == (4, 48, 48)
        assert all(
            np.array_equal(record[name], its[name]) for name in ("map", "segments", "scores", "ranking", "before")
        )
    assert not stored

    table = pd.read_parquet("results/clips/tables/video.parquet")
    assert "LIME3D" in set(table["explainer"])
    records = json.loads(Path("results/clips/video/provenance.json").read_text())["records"]
    assert records["video_saliency"]["records"] == 3
    real = {clip["key"]: clip["called_real"] for clip in read_shard(paths.scored[0])}
    attacked = [item for item in items if item["category"] == "Deepfakes" and not real[item["key"]]]
    assert records["video_attacks"]["records"] == len(attacked)
    assert list(Path("results/clips/video/films").rglob("LIME3D.mp4"))

    # nothing is left to do; another row is that row alone, and what has all rows; without a target clips are made, too
    asked = ("-n", "--configfile", folder / "tiny.yaml")
    assert "Nothing to be done" in snakemake(folder, "video", *asked).stdout
    tiny(folder, **settings | {"video": VIDEO | {"explainers": VIDEO["explainers"] | MORE}}, shards=1)
    planned = rules_of(snakemake(folder, *asked).stdout)
    assert [rule for rule in planned if rule.startswith("video")] == [
        "video_attacks", "video_control", "video_films", "video_metrics", "video_page", "video_provenance",
        "video_tables", "video_tables_attacks",
    ]  # fmt: skip
    assert "detector_metrics" in planned
    assert not {"tables_combined", "report_page", "saliency_shard", "answer_tests", "clips_shard"} & set(planned)

    # a shorter list is noticed with another number of shards, too, of which nothing says what they were made by
    Path("clips.csv").write_text(f"video\n{chosen[0]}\n")
    tiny(folder, **settings, shards=3)
    planned = rules_of(snakemake(folder, "-n", "clips", "--configfile", folder / "tiny.yaml").stdout)
    assert {"clips_list", "clips_shard", "clips_manifest", "clips_lmdb", "clips_counterparts"} <= set(planned)
