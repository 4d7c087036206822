"""How fast the detector is, how many jobs there are, and what to ask a cluster for."""

from dataclasses import replace

import pytest

from advxai import plan
from advxai.common.errors import InputError
from advxai.plan.requests import memory, runtime
from advxai.run.paths import Paths
from tests.unit.plan_data import NOTHING, demo, ffpp, text


def small(**changes):
    settings = {"model": "tests.custom:tiny_detector", "input_size": 48, "mean": [0.5] * 3, "std": [0.5] * 3}
    return ffpp(detector=settings | {"forward_batch": 4} | changes).detector


def test_random_weights_are_timed_where_there_are_no_others(tmp_path):
    speed = plan.measure(small(), tmp_path / "detector.safetensors", seconds=0.05)
    assert speed.rate > 0 and speed.weights == "random weights" and "torch" in speed.where


def test_a_device_that_is_not_here_is_said_with_the_way_out_before_anything_is_measured(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    weights = tmp_path / "detector.safetensors"
    weights.write_text("the run's, which isn't looked at")
    caplog.set_level("INFO")
    with pytest.raises(InputError, match="no CUDA device .* or set plan.rate to the images a"):
        plan.measure(small(device="cuda"), weights)
    assert "Measuring" not in caplog.text
    plan.measure(small(), tmp_path / "nowhere.safetensors", seconds=0.05)
    assert "Measuring the detector's forwards for 0.05 seconds ..." in caplog.text


def test_jobs_and_their_time():
    found = plan.rows(ffpp(), plan.population(Paths(ffpp(), planning=True)), NOTHING, 100.0)
    adversary, saliency, evaluation = plan.jobs(found, 32)
    assert (adversary.number, saliency.number, evaluation.number) == (32, 256, 256)
    assert adversary.images == saliency.images == 175
    assert (saliency.shortest, saliency.longest) == pytest.approx((175 * 20.01, 175 * 40.01))
    assert evaluation.longest == pytest.approx(175 * 121.53)
    assert adversary.most == pytest.approx(175 * 64.81)


def test_jobs_have_to_start():
    """Of each shard faces, the copies and three jobs a row; the database and the detector's metrics once."""
    found = plan.rows(ffpp(), plan.population(Paths(ffpp(), planning=True)), NOTHING, 100.0)
    assert plan.starts(found, 32) == 32 * (2 + 3 * 8) + 3
    assert plan.starts([replace(row, found=row.items) for row in found], 32) == 0
    flat = " ".join(text(ffpp(shards=32), 10_000.0, cores=1).split())
    # the longest row, 5,600 * 12,153 / 10,000 s, is two jobs of an hour
    assert (
        "A job takes some 10 s to start, which comes on top: `shards: 32` are 835 jobs, ~2.3 h of starting; "
        "`shards: 2` are 55 jobs, ~9 min." in flat
    )
    # sixteen at once share the row, and so do their starts
    flat = " ".join(text(ffpp(shards=32, detector={"backend": "inductor", "checkpoint": "/no/x"}), 10_000.0).split())
    assert "to start, more where it compiles the module, which" in flat
    assert "835 jobs, ~9 min of starting with 16 at once; `shards: 11` are 289 jobs, ~3 min." in flat


@pytest.mark.parametrize(
    ("seconds", "at_once", "videos", "expected"),
    [
        ([], 4, 10, 1),
        ([500.0, 30.0], 4, 10, 1),  # not worth dividing
        ([5 * 3600.0, 3600.0], 1, 560, 5),  # an hour each
        ([3600.0], 4, 560, 4),  # a quarter of an hour each keeps four processes busy
        ([3600.0], 16, 560, 6),  # but no job of less than ten minutes
        ([1e9], 1, 560, 560),  # a video is in one shard
    ],
)
def test_shards_are_proposed(seconds, at_once, videos, expected):
    assert plan.propose(seconds, at_once, videos) == expected


def test_processes_fit_the_cores_or_the_gpus():
    cpu, gpu = ffpp(detector={"threads": 4}), ffpp(detector={"device": "cuda"})
    assert [plan.processes(cpu, cores, None) for cores in (1, 8, 11)] == [1, 2, 2]
    assert [plan.processes(gpu, 16, gpus) for gpus in (None, 1, 4)] == [1, 1, 4]
    assert plan.processes(gpu, 1, None, submitted=64) == 64  # a cluster's


def test_jobs_that_have_run_say_what_to_ask_for(tmp_path):
    """Half as much again of the memory in steps of 500 MB, twice the time in steps of ten minutes; other runs' jobs
    don't count, but for the clips and the training, which runs share."""
    paths = Paths(demo(tmp_path))
    files = {
        "r/saliency_shard/LIME-0/0-of-2.tsv": "s\tmax_rss\n700.0\t1200.5\n",
        "r/saliency_shard/LIME-0/1-of-2.tsv": "s\tmax_rss\n1.0\tNA\n",
        "r/frames_lmdb.tsv": "s\tmax_rss\n0.2\tNA\n",
        "other/saliency_shard/LIME-0/0-of-2.tsv": "s\tmax_rss\n9999.0\t9999.0\n",
        "detector_train/model-0.tsv": "s\tmax_rss\n60.0\t2000.0\n",
        "r/adversary_shard/0-of-1.tsv": "torn",
    }
    for name, content in files.items():
        (paths.logs / name).parent.mkdir(parents=True, exist_ok=True)
        (paths.logs / name).write_text(content)
    found = plan.timed(paths)
    assert found == [
        plan.Timed("frames_lmdb", 1, 0.2, None),
        plan.Timed("detector_train", 1, 60.0, 2000.0),
        plan.Timed("saliency_shard", 2, 700.0, 1200.5),
    ]
    assert [(memory(1000.0), memory(1001.0)), (runtime(1.0), runtime(300.0), runtime(301.0))] == [
        (1500, 2000), (10, 10, 20),
    ]  # fmt: skip
    said = text(demo(tmp_path), 100.0, timed=found)
    lines = [line.split() for line in said.splitlines()]
    assert "saliency_shard 2 ~12 min 1,200 MB mem_mb: 2000, runtime: 30".split() in lines
    assert "frames_lmdb 1 <1 s ? runtime: 10".split() in lines
    assert max(map(len, said.splitlines())) <= 100


def test_a_cluster_is_told_how_long_its_jobs_take():
    said = " ".join(text(ffpp(), 4000.0, cores=1, submitted=64).split())
    # 5,600 * 12,153 * 3 ... evaluation's row takes 17,014 s: 28 shards of ten minutes each
    assert "Proposal: `shards: 28`" in said and "Ask for `runtime: 30`" in said
    assert "64 at once (--jobs 64) need" in said
