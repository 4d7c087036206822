"""SIGKILL of workers and of Snakemake: nothing finished is lost, and the end is the uninterrupted run's."""

import os
import random
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.run.owner import NAME
from advxai.run.store import read_attributes, read_shard
from tests.patience import PATIENCE
from tests.workflow.conftest import copy_of, snakemake, store
from tests.workflow.kills import Run, forwards, gone, journalled

AT_ONCE = 2  # images in work at once, of the tiny configuration


@dataclass(frozen=True)
class Stage:
    """A stage that makes forwards.

    Attributes:
        rule: whose workers are killed.
        target: what is asked for.
        folder: of its digests in the store.
        shards: pattern of the shards that are missing.
        missing: patterns of all that is taken away.
        longest: most forwards of one image or attack.
    """

    rule: str
    target: str
    folder: str
    shards: str
    missing: tuple[str, ...]
    longest: int


TABLE = "results/tiny/tables/LIME.csv"
STAGES = {
    # NES: in each of at most three iterations one for the stop test and one for four neighbours; then the last test
    "adversary": Stage("adversary_shard", "adversary", "adversary", "adversary/*/tiny/*.h5", ("adversary/*/tiny",), 7),
    # LIME: one for the target, three for its 40 images
    "saliency": Stage(
        "saliency_shard",
        TABLE,
        "saliency",
        "saliency/LIME-*/tiny/*.h5",
        ("saliency/LIME-*/tiny", "evaluation/LIME-*/tiny"),
        4,
    ),
    # at most two iterations; without the other rows' attacks, LIME must make all of its own
    "evaluation": Stage(
        "evaluation_shard",
        TABLE,
        "attacks",
        "attacks/*/tiny/LIME-*.h5",
        ("attacks/*/tiny", "evaluation/LIME-*/tiny"),
        5,
    ),
}


def without(finished: Path, tmp_path: Path, *patterns: str) -> Path:
    """A copy of the finished run that lacks its tables and some of the store."""
    folder = copy_of(finished, tmp_path)
    shutil.rmtree(folder / "results/tiny/tables")
    for pattern in patterns:
        for path in store(folder, pattern):
            shutil.rmtree(path)
    return folder


def uninterrupted(finished: Path, stage: Stage) -> tuple[int, int]:
    """Least and most forwards that the missing shards take: the finished run's, in which LIME may have taken over some
    attacks of other rows."""
    calls = sum(int(read_attributes(path)["calls"]) for path in store(finished, stage.shards))
    if stage.folder != "attacks":
        return calls, calls
    rows = pd.concat(pd.read_parquet(path) for path in store(finished, "evaluation/LIME-*/tiny/*.parquet"))
    return calls, calls + int(rows["reused"].sum()) * stage.longest


def unlocked(folder: Path) -> None:
    snakemake(folder, "--unlock", "--configfile", folder / "tiny.yaml")


def finish(folder: Path, target: str) -> None:
    """What README says to do after a kill."""
    unlocked(folder)
    run = Run(folder, target, "--cores", 2, SLOW_FORWARD="0")
    assert run.process.wait(300 * PATIENCE) == 0, run.output.read_text()[-3000:]


def assert_same(folder: Path, finished: Path, pattern: str) -> None:
    """Shards hold the same records, bit for bit, but for the time that they took."""
    ours, theirs = store(folder, pattern), store(finished, pattern)
    assert [path.name for path in ours] == [path.name for path in theirs] != []
    for one, other in zip(ours, theirs, strict=True):
        for mine, its in zip(read_shard(one), read_shard(other), strict=True):
            assert mine.keys() == its.keys()
            assert all(_equal(mine[name], its[name]) for name in mine if not name.endswith(("seconds", "made_for")))


def _equal(mine: Any, its: Any) -> bool:
    """A map that has no zero has NaN there."""
    return np.array_equal(mine, its, equal_nan=np.asarray(mine).dtype.kind == "f")


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_killed_worker_then_killed_snakemake(finished, tmp_path, stage):
    """Snakemake tries a killed worker's job again; a killed Snakemake's worker stops. At most the images in flight are
    computed twice, by the count of all forwards."""
    folder = without(finished, tmp_path, *stage.missing)
    run = Run(folder, stage.target, "--cores", 1)
    run.until(lambda: journalled(folder, stage.folder) >= 1)
    (first,) = run.workers(stage.rule)
    first.kill()
    run.until(lambda: run.workers(stage.rule) not in ([], [first]))
    before = journalled(folder, stage.folder)
    run.until(lambda: journalled(folder, stage.folder) > before)
    (second,) = run.workers(stage.rule)
    run.kill()
    assert gone([second]), "the worker hasn't noticed that the workflow is gone"
    kept = journalled(folder, stage.folder)
    assert kept > before >= 1
    finish(folder, stage.target)
    shards = [read_attributes(path) for path in store(folder, stage.shards)]
    assert sum(said["found"] for said in shards) == kept
    least, most = uninterrupted(finished, stage)
    assert least <= forwards(folder) <= most + 2 * AT_ONCE * stage.longest
    assert_same(folder, finished, stage.shards)
    assert not store(folder, f"{stage.folder}/*/journals/*")


def test_killed_training_goes_on_with_its_epoch(finished, tmp_path):
    folder = without(finished, tmp_path, "detector/*")
    weights = "detector/*/detector.safetensors"
    run = Run(folder, store(finished, weights)[0].relative_to(finished), "--cores", 1)
    run.until(lambda: store(folder, "detector/*/history.csv"))
    (worker,) = run.workers("detector_train")
    worker.kill()
    assert run.process.wait(60 * PATIENCE) != 0 and not store(folder, weights)
    trained = len(pd.read_csv(store(folder, "detector/*/history.csv")[0]))
    run = Run(folder, store(finished, weights)[0].relative_to(finished), "--cores", 1)
    run.until(lambda: run.workers("detector_train"))
    (worker,) = run.workers("detector_train")
    run.kill()
    assert gone([worker])
    unlocked(folder)
    again = Run(folder, store(finished, weights)[0].relative_to(finished), "--cores", 1)
    assert again.process.wait(120 * PATIENCE) == 0
    assert trained >= 1 and store(folder, weights)[0].read_bytes() == store(finished, weights)[0].read_bytes()


def test_killed_preprocessing_goes_on_with_its_video(finished, tmp_path):
    """A finished video's folder is not made anew; the lists are the same."""
    folder = without(finished, tmp_path, "faces/crops-*")
    run = Run(folder, "faces", "--cores", 1)

    def videos() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in store(folder, "faces/crops-*/**/faces.json")}

    run.until(lambda: len(videos()) >= 2)
    (worker,) = run.workers("faces_shard")
    worker.kill()
    assert run.process.wait(60 * PATIENCE) != 0
    first = videos()
    run = Run(folder, "faces", "--cores", 1)
    run.until(lambda: len(videos()) > len(first))
    (worker,) = run.workers("faces_shard")
    run.kill()
    assert gone([worker])
    kept = videos()
    finish(folder, "faces")
    assert kept.items() <= videos().items() and len(videos()) == 20
    for path in store(finished, "faces/crops-*/tiny/*.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(folder / path.relative_to(finished)), pd.read_parquet(path))


def test_an_orphan_that_lives_on_only_wastes_time(finished, tmp_path):
    """The workers watch the test instead of Snakemake, so one of them survives it: two then write the same shard.

    The orphan is held while the run is recovered, so that it outlives that however long it takes.
    """
    stage = STAGES["adversary"]
    folder = without(finished, tmp_path, *stage.missing)
    owner = {NAME: f"{socket.gethostname()}:{os.getpid()}"}
    run = Run(folder, stage.target, "--cores", 1, SLOW_FORWARD="1.5", **owner)
    run.until(lambda: journalled(folder, stage.folder) >= 1)
    (orphan,) = run.workers(stage.rule)
    orphan.suspend()
    run.kill()
    finish(folder, stage.target)
    assert_same(folder, finished, stage.shards)
    published = {path: path.stat().st_ino for path in store(folder, stage.shards)}
    orphan.resume()
    assert gone([orphan], 120)
    assert published != {path: path.stat().st_ino for path in store(folder, stage.shards)}, "it has written nothing"
    assert_same(folder, finished, stage.shards)
    snakemake(folder, "tables", "--cores", 2, "--configfile", folder / "tiny.yaml")
    for name in ("accuracy", "sufficiency", "flips"):
        ours, theirs = (base / f"results/tiny/tables/{name}.csv" for base in (folder, finished))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.kill
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_ten_random_moments(finished, tmp_path, stage):
    """Worker and Snakemake killed in turn, at random moments of a job's life; `make test-kill`."""
    folder = without(finished, tmp_path, *stage.missing)
    moment = random.Random(stage.rule)
    kills, run = 0, None
    while kills < 10:
        if run is None or run.process.poll() is not None:
            # a job's third kill ends the run; SLOW enough that ten kills come before the end
            unlocked(folder)
            run = Run(folder, stage.target, "--cores", 1, SLOW_FORWARD="1.5")
        run.until(lambda run=run: run.workers(stage.rule) or run.process.poll() is not None)
        workers = run.workers(stage.rule)
        if not workers:
            continue
        time.sleep(moment.uniform(0, 15))
        published = {path: path.read_bytes() for path in store(folder, stage.shards)}
        if kills % 2:
            run.kill()
        else:
            workers[0].kill()
        assert gone(workers)
        kills += 1
        assert all(path.read_bytes() == content for path, content in published.items())
    if run.process.poll() is None:
        run.kill()
    finish(folder, stage.target)
    least, most = uninterrupted(finished, stage)
    assert least <= forwards(folder) <= most + (kills + 1) * AT_ONCE * stage.longest
    assert_same(folder, finished, stage.shards)
    snakemake(folder, "tables", "--cores", 2, "--configfile", folder / "tiny.yaml")
    for name in ("accuracy", "sufficiency", "flips"):
        ours, theirs = (base / f"results/tiny/tables/{name}.csv" for base in (folder, finished))
        assert ours.read_bytes() == theirs.read_bytes()
