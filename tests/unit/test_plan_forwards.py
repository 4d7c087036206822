"""The forwards that a run will take."""

from dataclasses import replace

import pytest

from advxai import plan
from advxai.plan.count import explanation
from advxai.plan.found import Held
from advxai.run.paths import Paths
from tests.helpers import explainer_settings
from tests.unit.plan_data import NOTHING, costs, demo, ffpp, rows_of


def test_forwards_of_an_explanation():
    """The one that finds the target is counted; SHAP splits in two, so an odd number of evaluations is one more."""
    zeros = {"baseline": "zeros"}
    assert explanation(explainer_settings(method="lime", **zeros), Held()) == 2001
    assert explanation(explainer_settings(method="shap", **zeros), Held()) == 2001
    assert explanation(explainer_settings(method="shap", evaluations=121, **zeros), Held()) == 123
    assert explanation(explainer_settings(method="sobol", **zeros), Held()) == 2113
    assert explanation(explainer_settings(method="rise", **zeros), Held()) == 4001
    assert explanation(explainer_settings(method="occlusion", **zeros), Held()) == 25 * 25 + 1 + 1
    assert explanation(explainer_settings(method="kernel_shap", **zeros), Held()) == 2003
    assert explanation(explainer_settings(method="occlusion", grid=8, window=3, **zeros), Held()) == 6 * 6 + 1 + 1
    assert explanation(explainer_settings(method="kernel_shap", samples=500, **zeros), Held()) == 503
    assert explanation(explainer_settings(method="kernel_shap", samples=501, **zeros), Held()) == 503
    assert explanation(explainer_settings(method="relevancy"), Held()) == 2
    assert explanation(explainer_settings(method="attention"), Held()) == 2
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
    # the counterpart, and the segments of .3 of the area, or all 50
    assert costs(found["metrics SHAP"]) == (n, 0, n * 16, n * 51)
    of_images = [row for name, row in found.items() if name != "detector" and row.stage != "metrics"]
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
    found = [row for row in rows_of(config, population, store).values() if row.stage != "metrics"]
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


def test_a_white_box_s_backwards_count_as_two_forwards_each_in_the_time():
    n = 5600
    rows = {
        "IG": {"method": "integrated_gradients", "baseline": "zeros", "steps": 10},
        "Cam": {"method": "gradcam"},
        "LIME": {"method": "lime", "baseline": "zeros"},
    }
    found = rows_of(ffpp(explainers=rows), rate=100.0)
    assert costs(found["saliency IG"]) == (n, 0, n * 13, n * 13)
    assert costs(found["saliency Cam"]) == (n, 0, n * 2, n * 2)
    assert [found[f"saliency {name}"].backwards for name in rows] == [n * 10, n, 0]
    assert found["saliency IG"].seconds == found["saliency IG"].longest == pytest.approx(n * (13 + 2 * 10) / 100)
    assert found["saliency LIME"].seconds == pytest.approx(n * 20.01)
    # of another backend, whose rate is given, the module's forwards aren't; a black box's are
    faster = rows_of(ffpp(explainers=rows, detector={"backend": "openvino"}), rate=100.0)
    assert faster["saliency IG"].seconds == faster["saliency IG"].longest == pytest.approx(n * 1.4 * (13 + 20) / 100)
    assert faster["saliency LIME"].seconds == pytest.approx(n * 20.01)
    compiled = rows_of(ffpp(explainers=rows, detector={"backend": "inductor"}), rate=100.0)
    assert compiled["saliency IG"].seconds == pytest.approx(n * 1.1 * (13 + 20) / 100)
    # a CAM is smooth, of a gradient's noise gzip leaves most
    assert [found[f"saliency {name}"].bytes for name in ("IG", "Cam")] == [
        round(n * 224**2 * (4 * share + 2 * 0.1)) for share in (0.9, 0.5)
    ]


def test_backwards_of_a_white_box_from_outside_are_the_store_s():
    config = ffpp(explainers={"Own": {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}})
    assert rows_of(config)["saliency Own"].backwards == 0
    store = replace(NOTHING, saliency={"Own": Held(forwards=1.0, backwards=1.0)})
    row = rows_of(config, store=store, rate=100.0)["saliency Own"]
    assert (row.forwards, row.most, row.backwards) == (5600 * 2, None, 5600)
    assert row.seconds == pytest.approx(5600 * 4 / 100) and row.longest is None
