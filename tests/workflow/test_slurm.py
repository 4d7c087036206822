"""The workflow on a real Slurm, through profiles/slurm; `make test-slurm`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from advxai.run.store import read_attributes, read_shard
from advxai.run.store.complete import identity
from advxai.run.store.journal import read_journal
from tests.patience import PATIENCE
from tests.workflow.cluster import NODE, Cluster, Job, lacking
from tests.workflow.conftest import JWP, ROOT, copy_of, store, tiny
from tests.workflow.kills import Run, gone, journal_records, shard_of_journal, stop_half_done
from tests.workflow.test_kill import assert_same

pytestmark = pytest.mark.slurm
PROFILE = ("--profile", ROOT / "profiles/slurm", "--slurm-init-seconds-before-status-checks", 5)
ROWS = {
    "LIME_adv": {"method": "lime", "baseline": "adversarial", "samples": 40},
    "Occlusion": {"method": "tests.custom:Occlusion", "baseline": "noise"},
}
TABLES = ("accuracy", "sufficiency", "flips", *ROWS)
TARGETS = ("tables", "detector")
EXPLAIN = ("saliency_shard", "evaluation_shard")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if lacking():
        pytest.skip(
            f"{', '.join(lacking())} not found: Slurm and munge are needed (as root, `make test-slurm` installs "
            "Debian's slurm-wlm and munge)"
        )
    with Cluster() as started:
        yield started


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """Folder of the run that the cluster's is compared with, made by this machine's processes."""
    folder = tmp_path_factory.mktemp("local")
    tiny(
        folder,
        explainers=ROWS,
        metrics={"complexity": {"measure": "complexity"}},
        corpus={"kind": "demo", "block_seconds": 0.5, "clips": [JWP | {"splits": {"train": 2, "test": 2}}]},
    )
    ended_well(Run(folder, *TARGETS, "--cores", 2, SLOW_FORWARD="0"))
    return folder


def ended_well(run: Run) -> None:
    assert run.process.wait(600 * PATIENCE) == 0, run.output.read_text()[-5000:]


def assert_same_table(name: str, one: Path, other: Path) -> None:
    """Two runs have the same table, but for the time that things took."""
    ours, theirs = (pd.read_csv(base / f"results/tiny/tables/{name}.csv") for base in (one, other))
    timeless = [column for column in ours if "second" not in column]
    assert len(timeless) > 3 and len(ours) > 0
    pd.testing.assert_frame_equal(ours[timeless], theirs[timeless], check_exact=True)


def workers(folder: Path, rule: str) -> list[psutil.Process]:
    """Processes of this rule's jobs in a folder; on the cluster they are no children of Snakemake's."""
    found = []
    for process in psutil.process_iter():
        try:
            script = process.cmdline()[-1:]
            if script and script[0].endswith(f".{rule}.py") and process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            pass  # it has just ended
    return found


def what_ran_where(jobs: list[Job]) -> str:
    rows = [(j.number, j.comment.replace("_wildcards_", " "), j.node, j.state, j.time, j.memory, j.limit) for j in jobs]
    rows = [("job", "rule and wildcards", "node", "state", "time", "memory", "limit"), *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


@dataclass(frozen=True)
class Ended:
    """A job that the test has ended while it was half done with its shard.

    Attributes:
        number: Slurm's.
        shard: that its retry has published.
        own: records in its own journal.
        kept: records in all journals of its stage.
    """

    number: str
    shard: Path
    own: list[dict[str, Any]]
    kept: list[dict[str, Any]]


@dataclass(frozen=True)
class Submitted:
    """The run on the cluster.

    Attributes:
        folder: where it ran.
        jobs: that it has submitted.
        cancelled: by scancel.
        killed: its worker was killed.
    """

    folder: Path
    jobs: list[Job]
    cancelled: Ended
    killed: Ended


def end(
    run: Run, folder: Path, finished: Path, stage: str, rule: str, how: Callable[[psutil.Process, str], object]
) -> Ended:
    """End a job that is half done; `how` is given its worker, which is stopped, and its number.

    Two jobs run at a time, so the one that has journalled something may be the other one: what has ended must be
    looked at itself.
    """
    worker, journal = run.until(lambda: stop_half_done(workers(folder, rule), folder, finished), 300)
    number = worker.environ()["SLURM_JOB_ID"]
    how(worker, number)
    assert gone([worker])
    return Ended(number, shard_of_journal(journal), list(read_journal(journal)), journal_records(folder, stage))


@pytest.fixture(scope="module")
def submitted(cluster, local, tmp_path_factory, request) -> Submitted:
    """The local run's configuration in an empty folder. A NES job is cancelled and a worker of the segment attacks gets
    SIGKILL, each with images that it has finished and others that it hasn't; the run goes on by itself."""
    folder = tmp_path_factory.mktemp("submitted")
    shutil.copy(local / "tiny.yaml", folder)
    (folder / "broken.mp4").touch()
    run = Run(folder, *TARGETS, *PROFILE, **cluster.environment, SLOW_FORWARD="0.2")
    cancelled = end(run, folder, local, "adversary", "adversary_shard", lambda _, job: cluster.ask("scancel", job))
    killed = end(run, folder, local, "attacks", "evaluation_shard", lambda worker, _: worker.kill())
    ended_well(run)
    jobs = cluster.jobs()
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{what_ran_where(jobs)}\n{cancelled.number} was cancelled, a worker of {killed.number} killed.")
    return Submitted(folder, jobs, cancelled, killed)


def of(submitted: Submitted, number: str) -> Job:
    (job,) = [job for job in submitted.jobs if job.number == number]
    return job


def retries(submitted: Submitted, number: str) -> list[Job]:
    """Jobs with the same rule and wildcards, submitted after it."""
    first = of(submitted, number)
    return [job for job in submitted.jobs if job.comment == first.comment and int(job.number) > int(number)]


def test_the_tables_are_the_local_run_s(submitted, local):
    for name in TABLES:
        assert_same_table(name, submitted.folder, local)
    for pattern in ("adversary/*/tiny/*.h5", "saliency/*/tiny/*.h5", "attacks/*/tiny/*.h5", "predictions/*/tiny/*.h5"):
        assert_same(submitted.folder, local, pattern)


def test_heavy_rules_ran_on_the_node_and_light_ones_did_not(submitted):
    """Two shards: 2 adversary jobs, 2 x 2 rows of saliency, evaluation and metrics each, and what comes before them."""
    rules = pd.Series([job.comment.removeprefix("rule_").partition("_wildcards_")[0] for job in submitted.jobs])
    first = rules.groupby(rules).size().to_dict()
    for number in (submitted.cancelled.number, submitted.killed.number):
        rule = of(submitted, number).comment.removeprefix("rule_").partition("_wildcards_")[0]
        first[rule] -= len(retries(submitted, number))
    assert first == {
        "corpus_clip": 1, "faces_shard": 2, "frames_lmdb": 1, "frames_counterparts": 1, "detector_train": 1,
        "detector_metrics": 1, "adversary_shard": 2, "saliency_shard": 4, "evaluation_shard": 4, "metrics_shard": 4,
    }  # fmt: skip
    assert {job.node for job in submitted.jobs} == {NODE}


def test_ended_jobs_are_tried_again_with_more_memory_and_time(submitted):
    """profiles/slurm asks for 5000 MB and two hours, times the attempt."""
    for number, state in ((submitted.cancelled.number, "CANCELLED"), (submitted.killed.number, "FAILED")):
        first, again = of(submitted, number), retries(submitted, number)
        assert (first.state, first.memory, first.limit) == (state, "5000M", "2:00:00")
        assert [(job.state, job.memory, job.limit) for job in again] == [("COMPLETED", "10000M", "4:00:00")]
    ended = {submitted.cancelled.number, submitted.killed.number}
    assert {job.state for job in submitted.jobs if job.number not in ended} == {"COMPLETED"}


def test_finished_images_were_not_computed_again(submitted):
    """The shards hold the very records that the ended jobs had journalled, the time that each took included."""
    for ended in (submitted.cancelled, submitted.killed):
        shards = sorted(ended.shard.parent.glob("*.h5"))
        published = {identity(record): record for path in shards for record in read_shard(path)}
        for record in ended.kept:
            same = published[identity(record)]
            assert all(np.array_equal(record[name], same[name]) for name in record if name != "made_for")
        assert read_attributes(ended.shard)["found"] >= len(ended.own) >= 1
        said = [read_attributes(path) for path in shards]
        assert all(one["found"] + one["computed"] == one["records"] for one in said)


def test_nothing_is_left_behind_and_every_image_is_there_once(submitted):
    assert not store(submitted.folder, "*/*/journals/*")
    keys = [one["key"] for path in store(submitted.folder, "adversary/*/tiny/*.h5") for one in read_shard(path)]
    assert len(keys) == len(set(keys)) == 8


GPUS = """
rule all:
    input: expand("gpu_{n}", n=[1, 2]), "none"
rule gpu:
    output: "gpu_{n}"
    resources: gpu=1
    shell:
        "touch began_{wildcards.n}; until [ -e began_1 -a -e began_2 ]; do sleep 0.2; done; "
        "echo $CUDA_VISIBLE_DEVICES > {output}"
rule none:
    output: "none"
    resources: gpu=0
    shell: "echo none ${{CUDA_VISIBLE_DEVICES:-}} > {output}"
"""


def test_a_job_that_asks_for_a_gpu_sees_it_alone(cluster, tmp_path):
    """Two jobs at the same time (each waits for the other to have begun) on a node with two GPUs see one each, another
    one; one that asks for none sees none."""
    (tmp_path / "Snakefile").write_text(GPUS)
    arguments = ["--snakefile", tmp_path / "Snakefile", "--directory", tmp_path, *PROFILE]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | cluster.environment,
        capture_output=True,
        text=True,
        timeout=200 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert {(tmp_path / f"gpu_{n}").read_text().strip() for n in (1, 2)} == {"0", "1"}
    assert (tmp_path / "none").read_text().strip() == "none"


def test_grouped_jobs_save_submissions(cluster, local, tmp_path):
    """A row's saliency and segment attacks of a shard in one submission: two instead of four."""
    folder = copy_of(local, tmp_path)
    shutil.rmtree(folder / "results/tiny/tables")
    for pattern in ("saliency/Occlusion-*", "evaluation/Occlusion-*"):
        for path in store(folder, pattern):
            shutil.rmtree(path)
    before = len(cluster.jobs())
    run = Run(
        folder, "results/tiny/tables/Occlusion.csv", *PROFILE, "--groups", *(f"{rule}=explain" for rule in EXPLAIN),
        **cluster.environment,
    )  # fmt: skip
    ended_well(run)
    assert [job.state for job in cluster.jobs()[before:]] == ["COMPLETED"] * 2, cluster.jobs()[before:]
    assert_same_table("Occlusion", folder, local)
    assert_same(folder, local, "saliency/Occlusion-*/tiny/*.h5")
