"""What a plan finds done."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from advxai import plan
from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.run.digests import digest
from advxai.run.paths import Paths
from advxai.run.store import Journal, write_shard
from tests.unit.plan_data import costs, demo, key, manifest, rows_of

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
    part = f"LIME-{digest(paths.metrics_params('LIME'))}-0-of-1"
    for measure, numbers in (("restoration", (0, 1)), ("localisation", (0,)), ("complexity", (0, 1, 2))):
        images = 9 if measure == "restoration" else 0
        write_shard(paths.measure(measure).path / f"r/{part}.h5", [record(n, images=images) for n in numbers], {})
    parquet.write(pd.DataFrame([record(3)]), paths.metrics("LIME").path / "r/0-of-1.parquet")
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
    # a measure of two is there of image 0 only; image 3 is in the published rows; a restoration took 9
    assert costs(found["metrics LIME"]) == (6, 2, 4 * 9, 4 * 51)
    assert costs(found["metrics Own"]) == (6, 0, 6 * 16, 6 * 51)
    assert found["corpus"].found == found["corpus"].items
    assert found["evaluation LIME"].seconds == pytest.approx(5.6)


def test_only_images_called_fake_are_left(tmp_path):
    config = demo(tmp_path, frames={"per_video": 3, "explain": "called_fake"})
    manifest(config)
    made(config)
    found = plan.population(Paths(config, planning=True))
    assert found.exact and found.explained == 5  # image 5 is called real
    assert FIVE.names[0] == "Real"


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


def test_backwards_are_those_of_the_records_and_older_ones_have_none(tmp_path):
    config = demo(tmp_path)
    manifest(config)
    made(config)
    paths = Paths(config, planning=True)
    own = [record(n, images=4, backwards=n) for n in (0, 1, 2)]
    write_shard(paths.saliency("Own").path / "r/0-of-1.h5", own, {})
    journal = Journal(paths.saliency("Own").path / "journals/r-0-of-1-x.journal")
    journal.add(record(3, images=4, backwards=5))
    store = plan.look(paths)
    assert store.saliency["Own"].backwards == 2.0 and store.saliency["LIME"].backwards == 0.0
    found = rows_of(config, plan.population(paths), store, rate=10.0)
    assert (found["saliency Own"].backwards, found["saliency LIME"].backwards) == (2 * 2, 0)
