"""What a run will cost: counts, what is found, throughput, proposal, layout."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai import plan
from advxai.common import parquet
from advxai.common.classes import CLASSES
from advxai.common.errors import InputError
from advxai.config import load
from advxai.plan.count import explanation
from advxai.plan.found import Held
from advxai.plan.requests import memory, runtime
from advxai.plan.table import duration, number, table
from advxai.run.digests import digest
from advxai.run.paths import Paths
from advxai.run.store import Journal, write_shard
from tests.helpers import explainer_settings

DIGEST = "0" * 64
NOTHING = plan.Store()


def ffpp(**changes):
    """The paper's settings on an FF++ that isn't there."""
    corpus = {"kind": "ffpp", "root": "/no/root", "splits": "/no/splits"} | changes.pop("corpus", {})
    return load({"run": "r", "corpus": corpus, "detector": {"checkpoint": "/no/file.ckpt"}} | changes)


def demo(folder: Path, **changes):
    """One clip of the user's own, with four train and two test blocks; two explainers."""
    (folder / "clip.mp4").touch()
    clip = {"name": "one", "first_id": 0, "source": {"path": f"{folder}/clip.mp4"}, "splits": {"train": 4, "test": 2}}
    explainers = {
        "LIME": {"method": "lime", "baseline": "adversarial", "samples": 20},
        "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
    }
    settings = {
        "run": "r",
        "results": f"{folder}/results",
        "corpus": {"kind": "demo", "clips": [clip], "block_seconds": 2.0},
        "faces": {"stride": 4, "model": {"path": f"{folder}/clip.mp4"}},
        "frames": {"per_video": 3},
        "adversary": {"samples": 2, "iterations": 4},
        "evaluation": {"samples": 2, "iterations": 2, "top": 2},
        "explainers": explainers,
    }
    return load(settings | changes)


def rows_of(config, population=None, store=NOTHING, rate=None) -> dict[str, plan.Row]:
    population = population or plan.population(Paths(config, planning=True))
    found = plan.rows(config, population, store, rate)
    return {f"{row.stage} {row.name}".strip(): row for row in found}


def costs(row: plan.Row) -> tuple[int, int, int | None, int | None]:
    return row.items, row.found, row.forwards, row.most


# -- images -----------------------------------------------------------------------------------------------------------


def test_official_numbers_stand_in_for_absent_data():
    """1,000 videos of each of five kinds; 510 frames by steps of 23 give 23 faces; 560 test fakes of ten images."""
    found = plan.population(Paths(ffpp(), planning=True))
    assert (found.videos, found.crops, found.stored) == (5000, 115_000, 115_000)
    assert (found.test, found.explained, found.test_videos) == (700 * 23, 5600, 560)
    assert (found.train, found.val) == (5 * 720 * 20, 5 * 140 * 20)
    assert not found.exact and not found.there and found.images is None
    assert "official" in found.source


def test_frames_a_video_and_further_videos():
    config = ffpp(
        corpus={"also": ["actors", "FaceShifter"], "categories": ["Deepfakes"]}, faces={"frames_per_video": 5}
    )
    found = plan.population(Paths(config, planning=True))
    assert found.videos == 2 * 1000 + 363 + 1000
    assert found.crops == 5 * found.videos
    assert found.test == 5 * (140 + 140 + 363 + 140)
    assert found.explained == 140 * 5  # a video with five faces can't give ten


def test_split_files_count_and_then_the_videos_that_are_there(tmp_path):
    for split, pairs in {"train": [["000", "001"], ["002", "003"]], "val": [], "test": [["004", "005"]]}.items():
        (tmp_path / f"{split}.json").write_text(json.dumps(pairs))
    config = ffpp(
        corpus={"root": f"{tmp_path}/ff", "splits": str(tmp_path), "categories": ["Deepfakes"]},
        faces={"frames_per_video": 4},
    )
    found = plan.population(Paths(config, planning=True))
    assert (found.videos, found.there, found.explained, found.test) == (12, False, 2 * 4, 4 * 4)
    assert found.train == 4 * 4 + 4 * 4
    for place, names in {
        "original_sequences/youtube": ["000", "001", "004"],
        "manipulated_sequences/Deepfakes": ["000_001", "004_005", "999_998"],
    }.items():
        folder = tmp_path / "ff" / place / "c23/videos"
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.mp4").touch()
    found = plan.population(Paths(config, planning=True))
    assert (found.videos, found.there, found.explained, found.test) == (5, True, 1 * 4, 2 * 4)
    assert found.train == 1 * 4 + 4  # the one fake gives four images, the two originals as many together


def test_a_list_is_sampled_exactly(tmp_path):
    """Of 25 listed frames ten are taken, of 4 all: round(4 / 10) is 0, so the step is 1."""
    video = "manipulated_sequences/{}/c23/videos/{}.mp4/{:05d}.png 1 {}"
    lines = [video.format("Deepfakes", "000_001", frame, 3) for frame in range(25)]
    lines += [video.format("FaceSwap", "000_001", frame, 4) for frame in range(4)]
    lines += [f"original_sequences/youtube/c23/videos/000.mp4/{frame:05d}.png 0 0" for frame in range(6)]
    listed = tmp_path / "list.csv"
    listed.write_text("relative_path bin_label mc_label\n" + "\n".join(lines) + "\n")
    found = plan.population(Paths(ffpp(frames={"manifest": str(listed)}), planning=True))
    assert (found.explained, found.test, found.stored, found.test_videos) == (14, 35, 35, 2)
    assert found.exact and found.videos == 5000  # the faces of all videos are cut out
    lmdb = plan.population(Paths(ffpp(frames={"manifest": str(listed), "lmdb": f"{tmp_path}/db"}), planning=True))
    assert (lmdb.videos, lmdb.crops, lmdb.explained) == (0, 0, 14)


def test_a_demo_is_counted_by_its_blocks(tmp_path):
    """Six blocks, each an original and a video a category; 60 frames by steps of 4 are 15 faces."""
    found = plan.population(Paths(demo(tmp_path), planning=True))
    assert (found.videos, found.crops, found.test) == (6 * 5, 30 * 15, 2 * 5 * 15)
    assert (found.test_videos, found.explained) == (8, 24)
    assert (found.train, found.val) == (5 * 4 * 15, 0)


# -- forwards ---------------------------------------------------------------------------------------------------------


def test_forwards_of_an_explanation():
    """The one that finds the target is counted; SHAP splits in two, so an odd number of evaluations is one more."""
    zeros = {"baseline": "zeros"}
    assert explanation(explainer_settings(method="lime", **zeros), Held()) == 2001
    assert explanation(explainer_settings(method="shap", **zeros), Held()) == 2001
    assert explanation(explainer_settings(method="shap", evaluations=121, **zeros), Held()) == 123
    assert explanation(explainer_settings(method="sobol", **zeros), Held()) == 2113
    assert explanation(explainer_settings(method="rise", **zeros), Held()) == 4001
    own = explainer_settings(method="tests.custom:Occlusion", **zeros)
    assert explanation(own, Held()) is None
    assert explanation(own, Held(forwards=40.5)) == 41.5


def test_forwards_of_an_attack():
    config = ffpp()
    assert config.adversary.forwards() == 80 * 81 + 1 == 6481
    assert config.adversary.forwards(23) == 1864
    assert config.evaluation.forwards() == 4051
    assert config.evaluation.forwards(60) == 4051


def test_the_paper_on_official_numbers():
    found = rows_of(ffpp(), rate=100.0)
    n = 5600
    assert costs(found["detector"]) == (16_100, 0, 16_100, 16_100)
    assert costs(found["adversary"]) == (n, 0, n * 1864, n * 6481)
    assert costs(found["saliency LIME"]) == costs(found["saliency SHAP_adv"]) == (n, 0, n * 2001, n * 2001)
    assert costs(found["saliency SOBOL"]) == (n, 0, n * 2113, n * 2113)
    assert costs(found["saliency RISE_adv"]) == (n, 0, n * 4001, n * 4001)
    assert costs(found["evaluation RISE"]) == (n, 0, n * 3 * 4051, n * 3 * 4051)
    of_images = [row for name, row in found.items() if name != "detector"]
    assert sum(row.most for row in of_images) == n * (6481 + 2 * (2001 + 2001 + 2113 + 4001) + 8 * 3 * 4051)
    assert found["adversary"].seconds == pytest.approx(n * 18.64)
    assert found["adversary"].longest == pytest.approx(n * 64.81)
    assert "training" not in found  # there is a checkpoint
    # faces: 110 kB each; in the database 27 pages of 4,096 bytes; steps: a byte a pixel, of which 65 % stay
    assert found["faces"].bytes == 115_000 * 110_000
    assert found["frames"].bytes == 115_000 * 27 * 4096
    assert found["adversary"].bytes == round(n * 224**2 * 0.65)
    assert found["saliency RISE"].bytes == round(n * 224**2 * (4 * 0.8 + 2 * 0.1))


def test_about_four_hundred_million_for_the_authors_images():
    """5,070 images, attacks of 30 iterations on average: 1,864 + 20,232 + 24 * 2,431 = 80,440 forwards an image."""
    config = ffpp()
    population = replace(plan.population(Paths(config, planning=True)), explained=5070, test=0, exact=True)
    names = list(config.explainers)
    store = replace(NOTHING, evaluation={name: Held(forwards=2431.0) for name in names})
    found = rows_of(config, population, store).values()
    assert sum(row.forwards for row in found) == 5070 * 80_440 == 407_830_800
    assert sum(row.most for row in found) == 5070 * 123_937


def test_noise_for_each_channel_takes_three_times_the_steps():
    one, three = (rows_of(ffpp(adversary={"noise": noise}))["adversary"] for noise in ("shared", "per_channel"))
    assert three.bytes == pytest.approx(3 * one.bytes, abs=2)


def test_training_counts_three_forwards_an_image(tmp_path):
    config = demo(tmp_path, detector={"training": {"epochs": 4, "frames_per_video": 10}})
    row = rows_of(config, rate=50.0)["training"]
    assert costs(row) == (200, 0, 800, 800)  # 4 blocks, 5 classes, 10 frames
    assert row.seconds == pytest.approx(3 * 800 / 50)


def test_a_database_of_the_user_s_own_needs_no_faces(tmp_path):
    config = ffpp(frames={"manifest": "/no/list.csv", "lmdb": "/no/db"})
    assert not {"corpus", "faces", "frames"} & set(rows_of(config))


def test_without_adversarial_baseline_there_is_no_adversary():
    assert "adversary" not in rows_of(ffpp(explainers={"RISE": {"method": "rise", "baseline": "zeros"}}))


# -- what is found ----------------------------------------------------------------------------------------------------


def key(number: int) -> str:
    return f"manipulated_sequences/Deepfakes/c23/videos/00{number % 2}_003.mp4/{number:05d}_0.png"


def manifest(config) -> pd.DataFrame:
    """Six test images in two videos, and two train images; as if the run had made it."""
    paths = Paths(config, planning=True)
    keys = [key(number) for number in range(8)]
    table = pd.DataFrame(
        {
            "key": keys,
            "sha256": "s",
            "video": [name.rpartition("/")[0] for name in keys],
            "category": "Deepfakes",
            "label": 3,
            "split": ["test"] * 6 + ["train"] * 2,
            "frame": range(8),
        }
    )
    parquet.write(table, paths.run / "frames/manifest.parquet")
    for folder in paths.clips:
        folder.path.mkdir(parents=True)
        (folder.path / "clip.json").write_text("{}")
    for crops in paths.crops:
        parquet.write(table, crops)
    return table


WEIGHTS = hashlib.sha256(b"weights").hexdigest()


def record(number: int, weights: str = WEIGHTS, **fields) -> dict:
    return {"key": key(number), "sha256": "s", **fields, "weights": weights}


def made(config) -> None:
    """Four adversarial copies, one of another image; maps of three images; attacks of two, and half of a third's."""
    paths = Paths(config, planning=True)
    paths.detector.path.mkdir(parents=True)
    paths.weights.write_bytes(b"weights")
    copies = [record(number, queries=10 * number) for number in (1, 2, 3)] + [record(99, queries=54)]
    write_shard(paths.adversary.path / "other/0-of-1.h5", copies[:3], {})
    journal = Journal(paths.adversary.path / "journals/r-0-of-1-x.journal")
    journal.add(copies[3])
    for name in ("LIME", "Own"):
        write_shard(paths.saliency(name).path / "r/0-of-1.h5", [record(n, images=30) for n in (0, 1, 2)], {})
    part = f"LIME-{digest(paths.evaluation_params('LIME'))}-0-of-1"
    attacks = [record(n, mask=mask, queries=7) for n, mask in ((0, "a"), (0, "b"), (1, "a"))]
    write_shard(paths.attacks.path / f"r/{part}.h5", attacks, {})
    rows = pd.DataFrame([record(2, k=k) for k in (1, 2)])
    parquet.write(rows, paths.evaluation("LIME").path / "r/0-of-1.parquet")
    predictions = [record(n, probabilities=np.eye(5, dtype=np.float32)[0 if n == 5 else 3]) for n in range(6)]
    write_shard(paths.predictions.path / "r/test.h5", predictions, {})


def test_finished_records_cost_nothing(tmp_path):
    config = demo(tmp_path)
    manifest(config)
    made(config)
    paths = Paths(config, planning=True)
    population, store = plan.population(paths), plan.look(paths)
    assert population.exact and (population.explained, population.test) == (6, 6)
    found = rows_of(config, population, store, rate=10.0)
    assert costs(found["detector"]) == (6, 6, 0, 0)
    # copies of the images 1, 2 and 3 are there; a further one takes (10 + 20 + 30 + 54) / 4 = 28.5, at most 4 * 5 + 1
    assert costs(found["adversary"]) == (6, 3, round(3 * 28.5), 63)
    assert costs(found["saliency LIME"]) == (6, 3, 3 * 21, 3 * 21)
    # 30 and the one that finds the target, for an explainer from outside; at most is never known
    assert costs(found["saliency Own"]) == (6, 3, 3 * 31, None)
    # image 0 has both attacks, image 1 one of two, image 2 is in the published rows; an attack took 7 on average
    assert costs(found["evaluation LIME"]) == (6, 2, 4 * 2 * 7, 4 * 2 * 11)
    assert costs(found["evaluation Own"]) == (6, 0, 6 * 2 * 7, 6 * 2 * 11)
    assert found["corpus"].found == found["corpus"].items
    assert found["evaluation LIME"].seconds == pytest.approx(5.6)


def test_only_images_called_fake_are_left(tmp_path):
    config = demo(tmp_path, frames={"per_video": 3, "explain": "called_fake"})
    manifest(config)
    made(config)
    found = plan.population(Paths(config, planning=True))
    assert found.exact and found.explained == 5  # image 5 is called Real
    assert CLASSES[0] == "Real"


def test_unclassified_images_count(tmp_path):
    config = demo(tmp_path, frames={"per_video": 3, "explain": "called_fake"})
    manifest(config)
    found = plan.population(Paths(config, planning=True))
    assert not found.exact and found.explained == 6


def test_a_list_made_with_other_settings_is_not_used(tmp_path):
    manifest(demo(tmp_path))
    other = demo(tmp_path, faces={"stride": 5, "model": {"path": f"{tmp_path}/clip.mp4"}})
    assert plan.population(Paths(other, planning=True)).source == "the time blocks of the clips"


def test_a_damaged_shard_counts_for_nothing(tmp_path, caplog):
    config = demo(tmp_path)
    made(config)
    path = Paths(config, planning=True).adversary.path / "other/0-of-1.h5"
    path.write_bytes(path.read_bytes()[:-1])
    assert plan.look(Paths(config, planning=True)).adversary.images == {(key(99), "s")}
    assert str(path) in caplog.text


def test_records_of_other_weights_count_for_nothing(tmp_path):
    """A detector exchanged under its digest, or one that isn't there."""
    config = demo(tmp_path)
    made(config)
    paths = Paths(config, planning=True)
    before = plan.look(paths)
    assert before.adversary.images and before.saliency["LIME"].images and before.evaluation["LIME"].images
    paths.weights.write_bytes(b"others")
    for _ in range(2):
        now = plan.look(paths)
        held = [now.predictions, now.adversary, now.saliency["LIME"], now.evaluation["LIME"]]
        assert [one.images for one in held] == [frozenset()] * 4
        paths.weights.unlink(missing_ok=True)


def test_faces_are_timed_by_jobs_that_found_none_done(tmp_path):
    config = demo(tmp_path)
    rows = manifest(config)
    logs = Paths(config).logs / "r/faces_shard"
    logs.mkdir(parents=True)
    (logs / "0-of-1.tsv").write_text("s\tmax_rss\n4.0\t1\n")
    (logs / "0-of-1.log").write_text("faces: 2 videos, 0 found, 2 computed\n")
    store = plan.look(Paths(config))
    assert store.faces_per_second == len(rows) / 4.0
    (logs / "0-of-1.log").write_text("faces: 2 videos, 1 found, 1 computed\n")
    assert plan.look(Paths(config)).faces_per_second is None


def test_crops_in_the_store_tell_their_size_and_number(tmp_path):
    config = demo(tmp_path)
    folder = Paths(config).faces.path / f"{key(0).rpartition('/')[0]}-abc"
    (folder / "masks").mkdir(parents=True)
    for name, size in {"00000_0.png": 3000, "00004_0.png": 5000, "masks/00000_0.png": 10, "faces.json": 1}.items():
        (folder / name).write_bytes(b"x" * size)
    store = plan.look(Paths(config))
    assert (store.videos, store.crop_bytes) == (1, 4000.0)
    row = rows_of(config, store=store)["faces"]
    assert (row.items, row.found, row.bytes) == (30, 1, round(450 * 29 / 30) * 4000)


# -- throughput -------------------------------------------------------------------------------------------------------


def small(**changes):
    settings = {"model": "tests.custom:tiny_detector", "input_size": 48, "mean": [0.5] * 3, "std": [0.5] * 3}
    return ffpp(detector=settings | {"forward_batch": 4} | changes).detector


def test_random_weights_are_timed_where_there_are_no_others(tmp_path):
    speed = plan.measure(small(), tmp_path / "detector.safetensors", seconds=0.05)
    assert speed.rate > 0 and speed.weights == "random weights" and "torch" in speed.where


def test_a_device_that_is_not_here_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        plan.measure(small(device="cuda"), tmp_path / "detector.safetensors")


# -- jobs -------------------------------------------------------------------------------------------------------------


def test_jobs_and_their_time():
    found = plan.rows(ffpp(), plan.population(Paths(ffpp(), planning=True)), NOTHING, 100.0)
    adversary, saliency, evaluation = plan.jobs(found, 32)
    assert (adversary.number, saliency.number, evaluation.number) == (32, 256, 256)
    assert adversary.images == saliency.images == 175
    assert (saliency.shortest, saliency.longest) == pytest.approx((175 * 20.01, 175 * 40.01))
    assert evaluation.longest == pytest.approx(175 * 121.53)
    assert adversary.most == pytest.approx(175 * 64.81)


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


# -- layout -----------------------------------------------------------------------------------------------------------


def test_numbers_and_times_are_short():
    assert [number(value) for value in (0, 9_999_999, 12_345_678)] == ["0", "9,999,999", "12.3 M"]
    times = [duration(value) for value in (0.9, 8, 100, 3 * 3600, 3 * 86400)]
    assert times == ["<1 s", "~8 s", "~2 min", "~3.0 h", "~3.0 d"]


def test_a_table_s_lines():
    found = [
        plan.Row("corpus", "", "videos", 12, 12),
        plan.Row("adversary", "", "images", 20, 5, 1500, 3000, 2_000_000, 30.0, 60.0),
        plan.Row("saliency", "A_name_that_is_much_too_long", "images", 20, 0, 400, 400, 900, 8.0, 8.0),
        plan.Row("saliency", "Own", "images", 20, 0, None, None, 900, None, None),
        plan.Row("saliency", "Done", "images", 20, 20, 0, 0, 0, 0.0, 0.0),
    ]
    lines = table(found, exact=True)
    cells = [line.split() for line in lines]
    assert cells[2] == "corpus 12 videos 12 - - - - -".split()
    assert cells[3] == "adversary 20 images 5 ~1,500 3,000 ~2.0 MB ~30 s ~60 s".split()
    assert lines[4] == "saliency"
    assert lines[5].startswith("  A_name_that_is_m…") and cells[5][1:] == "20 images 0 400 400 <1 kB ~8 s ~8 s".split()
    assert cells[6] == "Own 20 images 0 ? ? <1 kB ? ?".split()
    assert cells[7] == "Done 20 images 20 - - - - -".split()
    assert cells[9] == "total ~1,900+? 3,400+? ~2.0 MB ~38 s+? ~68 s+?".split()
    estimated = [line.split() for line in table(found, exact=False)]
    assert estimated[2][1] == "12" and estimated[3][1] == "~20" and estimated[5][4] == "~400"


def text(config, rate: float | str, **changes) -> str:
    population = plan.population(Paths(config, planning=True))
    speed = plan.Speed(rate, "a CPU", "random weights") if isinstance(rate, float) else rate
    found = plan.rows(config, population, NOTHING, rate if isinstance(rate, float) else None)
    options = {"cores": 16, "free": 10**9} | changes
    return plan.report(config, population, NOTHING, found, speed, **options)


def test_the_whole_text():
    said = text(ffpp(shards=32), 100.0, absent="config: this is missing:\n  - corpus.root: " + "x " * 200)
    assert max(map(len, said.splitlines())) <= 100
    flat = " ".join(said.split())
    assert "~5,600 to explain, of 560 fake test videos with at most 10 each; ~16,100 test images to classify" in flat
    assert (
        "100 images a second in one process: tf_efficientnetv2_b0 at 224 px, forward batch 64, torch, threads 1" in flat
    )
    # evaluation, the longest, takes 5,600 * 12,153 / 100 s, 189.05 hours; the adversary is the shortest
    assert "Proposal: `shards: 190`; a job then takes ~9 min to ~60 min." in flat
    # 5,600 * (1,864 + 20,232 + 97,224) + 16,100 forwards
    assert "One process needs ~77.3 d, 16 at once (--cores 16) need ~4.8 d" in flat
    assert "expected are 23 NES iterations an image" in flat and "no attack is in the store" in flat
    assert "too little" in flat  # 1 GB is free
    assert "corpus.root" in flat


def test_without_a_measurement_there_are_no_times():
    said = text(ffpp(), "detector.device: no CUDA device is usable here")
    assert "not measured, so there are no times: detector.device: no CUDA device" in " ".join(said.split())
    assert "Proposal" not in said
    line = next(line for line in said.splitlines() if line.startswith("adversary"))
    assert line.split()[-2:] == ["?", "?"]
    assert next(line for line in said.splitlines() if line.startswith("total")).split()[-2:] == ["?", "?"]


def test_one_process_is_told_how_to_ask_for_more():
    assert "--cores N --resources gpu=N" in text(ffpp(detector={"device": "cuda"}), 100.0)
    assert "`--cores N`" in text(ffpp(), 100.0, cores=1)


def test_a_training_without_images_is_said(tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text(
        "relative_path bin_label mc_label\nmanipulated_sequences/Deepfakes/c23/videos/0_1.mp4/1.png 1 3\n"
    )
    assert "no image to train on" in text(ffpp(detector={}, frames={"manifest": str(listed)}), 100.0)


def test_a_finished_run_has_no_jobs_left(tmp_path):
    config = demo(tmp_path)
    manifest(config)
    population = plan.population(Paths(config, planning=True))
    done = Held(population.images)
    held = {name: done for name in config.explainers}
    store = plan.Store(
        clips=frozenset(["one"]),
        videos=99,
        database=True,
        detector=True,
        predictions=Held(population.tested),
        adversary=done,
        saliency=held,
        evaluation=held,
    )
    found = plan.rows(config, population, store, 100.0)
    assert all(row.missing == 0 and not row.forwards and not row.bytes for row in found)
    speed = plan.Speed(100.0, "a CPU", "the run's weights")
    said = plan.report(config, population, store, found, speed, cores=1, free=1)
    assert "No job with many forwards is left." in said
    assert "\n- " not in said  # nothing rests on an assumption
