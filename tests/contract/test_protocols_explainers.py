"""Both protocols' explainers: points 5 to 10.

Numbers are those of the list of what the paper and its released code do, and of the fixes. Every test fails if a
protocol did what the other one does.
"""

import numpy as np
import pytest
import torch
from skimage.segmentation import quickshift, slic

from advxai.common.classes import FIVE
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.saliency import build
from advxai.saliency.baselines import fill
from advxai.saliency.lime import Lime
from advxai.saliency.lime import default_design as lime_design
from advxai.saliency.rise import default_design
from advxai.saliency.segments import segment
from advxai.saliency.shap import LibraryShap
from tests.contract.protocols_data import PROTOCOLS, config
from tests.helpers import SIZE, UNIT, drive_one, inputs_of, linear_detector, quadrants, reads_segment
from tests.unit.test_evaluation import ITEM, KEY


def explained(method: str, detector, image, protocol: str, **entry):
    settings = config(protocol, explainers={"Row": {"method": method, "baseline": "zeros", **entry}}).explainers["Row"]
    return drive_one(build(settings).explain(inputs_of(image, torch.zeros_like(image))), detector)[0]


def test_5_softmax_twice_or_once():
    """LIME's surrogate explains softmax(p) or p; the ratio of its scores to those of p itself tells which.

    For two classes softmax(p)[1] is sigmoid(2 p - 1), whose slope is at most a half.
    """
    image = torch.full((3, SIZE, SIZE), 0.5)
    detector = reads_segment(5, gain=1.0)
    generator = np.random.default_rng(0)
    design = lime_design(400, 16, generator)
    scores = {
        again: drive_one(
            Lime(samples=400, softmax_again=again).explain(inputs_of(image, torch.zeros_like(image)), design), detector
        )[0].scores[5]
        for again in (True, False)
    }
    assert 0 < scores[True] < 0.5 * scores[False]
    for method, budget in (("lime", {"samples": 400}), ("rise", {"masks": 50})):
        entry = {"method": method, "baseline": "zeros", **budget}
        rows = {name: config(name, explainers={"Row": entry}).explainers["Row"] for name in PROTOCOLS}
        assert rows["paper"].softmax_again and not rows["corrected"].softmax_again
    paper, corrected = (explained("lime", detector, image, name, samples=400).scores[5] for name in PROTOCOLS)
    assert 0 < paper < 0.5 * corrected
    # neither SHAP nor SOBOL knows of a second softmax, in either protocol
    for method in ("shap", "sobol"):
        row = config("paper", explainers={"Row": {"method": method, "baseline": "zeros"}}).explainers["Row"]
        assert not hasattr(row, "softmax_again")


def test_5_rise_weighs_masks_by_softmax_of_p_or_by_p():
    """Constant p = 1 for the target: each mask weighs softmax((0, 1))[1] = .731, or 1; both over N * p1 or coverage."""
    image = torch.ones(3, SIZE, SIZE)
    detector = linear_detector(torch.zeros(3, SIZE, SIZE), 50.0)
    seen = {}

    def total(explainer):
        work = build(explainer).explain(inputs_of(image, image * 0))
        answer, kept = None, []
        try:
            while True:
                request = work.send(answer)
                kept.append(request[:, 0].mean(dim=0) * len(request))
                answer = detector.probabilities(request)
        except StopIteration as stop:
            return stop.value, torch.stack(kept).sum(dim=0).numpy()

    for name in PROTOCOLS:
        row = config(name, explainers={"Row": {"method": "rise", "baseline": "zeros", "masks": 40}}).explainers["Row"]
        seen[name] = total(row)
    explanation, kept = seen["paper"]
    # p is constant, so the map is the sum of masks itself, scaled to [0, 1]
    scaled = (kept - kept.min()) / (kept.max() - kept.min())
    np.testing.assert_allclose(explanation.map, scaled, atol=1e-5)
    assert not seen["corrected"][0].map.any()  # over the coverage nothing is left of it


def test_6_lime_defaults_filling_and_segments():
    rows = config().explainers
    row = rows["LIME"]
    assert (row.samples, row.kernel_width, row.ridge) == (2000, 0.25, 1.0)
    assert (row.baseline.kind, rows["LIME_adv"].baseline.kind) == ("image_mean", "adversarial")
    assert (row.segmentation.algorithm, row.segmentation.n_segments, row.segmentation.image) == ("slic", 50, "unit")
    image = torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    filled = fill(row.baseline, image, quadrants(), UNIT, adversarial=None, generator=np.random.default_rng(0))
    np.testing.assert_allclose(filled[:, 3, 5], image.mean(dim=(1, 2)), atol=1e-6)
    assert (filled == filled[:, :1, :1]).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_6_too_few_positive_segments(protocol):
    """Two of sixteen segments have a positive weight: `paper` drops the image from LIME's rows, `corrected` goes on by
    score and keeps every image in every row."""
    scores = -np.arange(16, dtype=np.float32)
    scores[[4, 9]] = [2.0, 3.0]
    record = {"segments": quadrants(), "scores": scores, "ranking": np.array([9, 4], np.int16), "called_real": False}
    population = config(protocol).evaluation.population
    attacks = attack_items([ITEM], {KEY: record}, 3, population)
    if protocol == "paper":
        assert attacks == []
        rows = evaluation_rows("LIME", [ITEM], {KEY: record}, [], top=3, classes=FIVE, population=population)
        assert not rows["included"].any() and "only 2 segments with a positive score" in rows["reason"].iloc[0]
    else:
        wanted = [{9}, {9, 4}, {9, 4, 0}]  # 0 has the highest score of the others
        assert [set(quadrants()[item["pixels"]]) for item in attacks] == wanted


def test_7_shap_settings_blur_and_scaling():
    row = config().explainers["SHAP"]
    assert (row.evaluations, row.batch, row.baseline.kind, row.baseline.size) == (2000, 50, "blur", 128)
    assert config().explainers["SHAP_adv"].baseline.kind == "adversarial"
    values = np.zeros((2, 2, 3))
    values[0, 0] = [-1.0, 0.0, 3.0]

    class Known(LibraryShap):
        def values(self, predict, inputs):
            return values

    inputs = inputs_of(torch.zeros(3, 2, 2), torch.zeros(3, 2, 2))
    explanation = Known(row.evaluations, row.batch).attribute(
        None, type(inputs)(**vars(inputs) | {"segments": np.array([[0, 1], [1, 1]])})
    )
    # scaled to [0, 1] by -1 and 3 first, then averaged: (0 + .25 + 1) / 3, and .25 where all values are zero
    np.testing.assert_allclose(explanation.map, [[1.25 / 3, 0.25], [0.25, 0.25]], atol=1e-6)


def test_8_sobol_settings_and_both_readings_of_its_baseline():
    rows = config().explainers
    row = rows["SOBOL"]
    assert (row.grid, row.design, row.design * (row.grid**2 + 2)) == (8, 32, 2112)
    assert (row.baseline.kind, row.baseline.size) == ("blur", 10)
    # real-valued masks, by nearest neighbour: blocks of one value strictly between 0 and 1
    image = torch.ones(3, SIZE, SIZE)
    settings = config(explainers={"Row": {"method": "sobol", "baseline": "zeros", "grid": 2, "design": 4}})
    work = build(settings.explainers["Row"]).explain(inputs_of(image, image * 0))
    masks = next(work)[:, 0]
    assert masks[0].max() == 0  # an unscrambled sequence starts at zero
    half = SIZE // 2
    assert (masks[2, :half, :half] == masks[2, 0, 0]).all() and 0 < masks[2, 0, 0] < 1


@pytest.mark.parametrize(("protocol", "kept"), [("paper", 0.54), ("corrected", 0.1)])
def test_9_rise_keeps_and_divides(protocol, kept):
    row = config(protocol).explainers["RISE"]
    assert (row.masks, row.cells, row.p1, row.baseline.kind) == (4000, 7, 0.1, "zeros")
    design = default_design(row.masks, row.cells, 224, row.p1, row.draw, np.random.default_rng(0))
    assert design.cells.mean() == pytest.approx(kept, abs=0.005)
    assert row.divide_by == {"paper": "p1", "corrected": "coverage"}[protocol]


def test_10_segments_of_the_normalised_or_of_the_unit_image():
    """Attacked on different segments in `paper`, on the same ones in `corrected`."""
    generator = np.random.default_rng(3)
    unit = np.kron(generator.random((12, 12, 3)), np.ones((6, 6, 1))).astype(np.float32)
    normalised = (unit - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])

    def labels(protocol: str, name: str) -> np.ndarray:
        return segment(unit, normalised, config(protocol).explainers[name].segmentation)

    others = ("SHAP", "SHAP_adv", "SOBOL", "SOBOL_adv", "RISE", "RISE_adv")
    for name in others:
        np.testing.assert_array_equal(labels("paper", name), slic(normalised, n_segments=50) - 1)
        np.testing.assert_array_equal(labels("corrected", name), labels("corrected", "LIME"))
    for name in ("LIME", "LIME_adv"):
        np.testing.assert_array_equal(labels("paper", name), slic(unit, n_segments=50) - 1)
    assert (labels("paper", "LIME") != labels("paper", "SHAP")).any()


def test_10_the_released_lime_is_the_adversarial_filling_on_quickshift():
    entry = {"method": "lime", "baseline": "adversarial", "segmentation": {"algorithm": "quickshift"}}
    settings = config(explainers={"LIME_released": entry}).explainers["LIME_released"]
    unit = np.kron(np.random.default_rng(0).random((6, 6, 3)), np.ones((6, 6, 1))).astype(np.float32)
    expected = quickshift(unit, kernel_size=4, max_dist=200, ratio=0.2, rng=42)
    found = segment(unit, unit * 2 - 1, settings.segmentation)
    np.testing.assert_array_equal(found, np.unique(expected, return_inverse=True)[1].reshape(36, 36))
