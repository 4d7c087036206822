"""Both protocols, point by point (numbers: the list of what the paper and its released code do, and of the fixes).

Every test fails if a protocol did what the other one does.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.segmentation import quickshift, slic

from advxai.adversary import attack, reconstruct
from advxai.common.randomness import seed_of
from advxai.config import Config, load
from advxai.config.explainers import paper_rows
from advxai.config.science import Nes
from advxai.detector.called_fake import split
from advxai.evaluation.attacks import run as run_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.saliency import build
from advxai.saliency.baselines import fill
from advxai.saliency.lime import Lime
from advxai.saliency.lime import default_design as lime_design
from advxai.saliency.rise import default_design
from advxai.saliency.segments import segment
from advxai.saliency.shap import LibraryShap
from advxai.saliency.stage import run
from tests.helpers import SIZE, UNIT, drive_one, inputs_of, linear_detector, quadrants, reads_segment
from tests.unit.test_evaluation import ITEM, KEY

PROTOCOLS = ("paper", "corrected")


def config(protocol: str = "paper", **changes) -> Config:
    return load({"run": "t", "protocol": protocol, "corpus": {"kind": "ffpp", "root": "r", "splits": "s"}} | changes)


def nes(protocol: str, **changes) -> Nes:
    """The protocol's NES, with settings of the test's own."""
    return config(protocol, adversary=changes).adversary


def up(_: int) -> torch.Tensor:
    """One draw that raises every pixel."""
    return torch.ones(1, 1, SIZE, SIZE)


def attacked(settings: Nes, image: torch.Tensor, weight: float = -1e-3, noise=up, bias: float = 9.0):
    """An attack on a detector that calls everything fake, less so a brighter image; and what the attack asked for.

    With one draw of ones the estimate has the weight's sign at every pixel.
    """
    detector = linear_detector(torch.full((3, SIZE, SIZE), weight), bias)
    work = attack(image, settings, UNIT, noise, detector.real)
    requests, answer = [], None
    try:
        while True:
            requests.append(work.send(answer))
            answer = detector.probabilities(requests[-1])
    except StopIteration as stop:
        return stop.value, requests


# -- NES: points 1 to 4 and the fixes of distance, noise and objective ------------------------------------------------
def test_1_2_total_distortion_and_valid_pixels():
    """Twenty steps of 1/255 exceed delta = 16/255 and the valid range in `paper`; in `corrected` neither.

    std is .5: a step of 1/255 is half of that in pixels in `paper`, and 1/255 of a pixel's range in `corrected`.
    """
    image = torch.zeros(3, SIZE, SIZE)
    image[:, 0] = 1 - 2 * 3.5 / 255  # three and a half steps of a pixel below white
    budget = {"samples": 1, "iterations": 20, "sigma": 0.01}
    outcome, requests = attacked(nes("paper", **budget), image)
    shift = (requests[-1][0] - image) * UNIT.std[0]  # in pixels
    assert (outcome.steps == 20).all() and shift.numpy() == pytest.approx(20 / 255 / 2)
    assert requests[-1].max() > 1  # beyond white

    outcome, requests = attacked(nes("corrected", **budget, noise="shared"), image)
    shift = (requests[-1][0] - image) * UNIT.std[0]
    assert shift[:, 1:].numpy() == pytest.approx(16 / 255) and (outcome.steps[:, 1:] == 16).all()
    assert shift[:, 0].numpy() == pytest.approx(3.5 / 255, abs=1e-7) and (outcome.steps[:, 0] == 4).all()
    assert requests[-1].max() == pytest.approx(1, abs=1e-6)
    assert torch.equal(requests[-1][0], reconstruct(image, outcome.steps, nes("corrected", **budget), UNIT))


def test_1_units_of_sigma_and_alpha():
    """The search noise is sigma in normalised units, or in pixels: twice as much where std is a half."""
    image = torch.zeros(3, SIZE, SIZE)
    for protocol, scale in (("paper", 1.0), ("corrected", 2.0)):
        _, requests = attacked(nes(protocol, samples=1, iterations=1, sigma=0.01), image)
        assert requests[1][0].numpy() == pytest.approx(0.01 * scale)
        assert requests[2][0].numpy() == pytest.approx(scale / 255)


def test_2_delta_is_reached_from_below_too_and_left_at_the_next_step():
    """A step map at a bound turns back at once: it never counts on beyond what it can move."""
    settings = nes("corrected", samples=1, iterations=25, sigma=0.01, noise="shared")

    outcome, _ = attacked(settings, torch.zeros(3, SIZE, SIZE), weight=1e-3)
    assert (outcome.steps == -16).all()
    detector = linear_detector(torch.full((3, SIZE, SIZE), -1e-3), 9.0)
    work, answer, seen = attack(torch.zeros(3, SIZE, SIZE), settings, UNIT, up, 0), None, []
    for turn in range(2 * 25 + 1):
        request = work.send(answer)
        seen.append(request[0, 0, 0, 0].item() * UNIT.std[0] * 255)
        answer = detector.probabilities(request)
        if turn > 2 * 19:  # from iteration 19 on the way is down
            answer = answer.flip(0) if len(answer) > 1 else answer
    clean = seen[::2]
    assert clean[16:20] == pytest.approx([16, 16, 16, 16]) and clean[20:22] == pytest.approx([15, 14])


def test_3_noise_of_the_channels():
    """Shared: the three channels of every request move alike. Per channel: they don't."""
    for protocol, channels in (("paper", 1), ("corrected", 3)):
        settings = nes(protocol, samples=2, iterations=3)
        generator = torch.Generator().manual_seed(0)
        draws = torch.randn((2, channels, SIZE, SIZE), generator=generator)
        assert settings.channels == channels
        outcome, requests = attacked(settings, torch.zeros(3, SIZE, SIZE), noise=lambda _, draws=draws: draws)
        alike = all(torch.equal(request[:, 0], request[:, 1]) for request in requests)
        assert alike == (channels == 1)
        assert outcome.steps.shape == (channels, SIZE, SIZE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_4_the_stop_test_comes_first(protocol):
    """81 forwards an iteration at n = 40; an image called Real returns at once, with sufficiency 0 and accuracy 0."""
    settings = config(protocol).adversary
    assert (settings.samples, settings.iterations, settings.sigma) == (40, 80, 0.001)
    draws = torch.randn((40, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(1))
    image = torch.zeros(3, SIZE, SIZE)
    outcome, requests = attacked(nes(protocol, samples=40, iterations=2), image, noise=lambda _: draws)
    assert [len(request) for request in requests] == [1, 80, 1, 80, 1] and outcome.queries == 2 * 81 + 1
    outcome, requests = attacked(settings, image, bias=-1.0)
    assert [len(request) for request in requests] == [1] and outcome.success and not outcome.steps.any()
    record = {"segments": quadrants(), "scores": np.zeros(16), "ranking": np.arange(16, dtype=np.int16)}
    (item,) = attack_items([ITEM], {KEY: record}, 1)
    done = item | {"before": outcome.before, "after": outcome.after, "made_for": "X"}
    done |= {"iterations": outcome.iterations, "queries": outcome.queries}
    rows = evaluation_rows("X", [ITEM], {KEY: record | {"called_real": True}}, [done], top=1, real=0)
    row = rows.iloc[0]
    assert row["p_before"] - row["p_after"] == 0 and row["predicted_after"] != ITEM["label"]


def test_objective_is_the_probability_or_its_log_odds():
    """Two draws against each other, on a detector that is steep for one image and flat for the other.

    p = sigmoid(-z). Along u1 the logit moves by +-1 around z = 2, along u2 by -1.5 and +0.5: the probability's central
    difference weighs what happens at p's steep side more, the log-odds' difference is that of the logits, 2 either way.
    """
    for objective, expected in (("probability", None), ("log_odds", 0.0)):
        settings = Nes(samples=2, iterations=1, sigma=1.0, objective=objective)
        draws = torch.zeros(2, 1, SIZE, SIZE)
        draws[:, 0, 0, 0] = torch.tensor([1.0, -1.0])  # so the estimate at this pixel is the difference of the two
        work = attack(torch.zeros(3, SIZE, SIZE), settings, UNIT, lambda _, draws=draws: draws, 0)
        next(work)

        def answers(logits: list[float]) -> torch.Tensor:
            fake = torch.tensor(logits)
            return torch.stack([torch.sigmoid(-fake), torch.sigmoid(fake)], dim=1)

        work.send(answers([2.0]))
        with pytest.raises(StopIteration) as stop:
            # rows: x + u1, x + u2, x - u1, x - u2
            final = work.send(answers([1.0, 0.5, 3.0, 2.5]))
            assert final.shape == (1, 3, SIZE, SIZE)
            work.send(answers([2.0]))
        step = stop.value.value.steps[0, 0, 0]
        if expected is None:
            assert step == -1  # p rises by .222 along u1 and by .302 along u2, which points the other way
        else:
            assert step == expected
    assert config("paper").adversary.objective == config("paper").evaluation.objective == "probability"
    assert config("corrected").adversary.objective == config("corrected").evaluation.objective == "log_odds"


# -- explainers: points 5 to 10 ---------------------------------------------------------------------------------------
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
        rows = evaluation_rows("LIME", [ITEM], {KEY: record}, [], top=3, real=0, population=population)
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


# -- evaluation: points 11 to 13, and who is in it --------------------------------------------------------------------
def _measured(before, after, label=3):
    record = {"segments": quadrants(), "scores": np.zeros(16), "ranking": np.arange(16, dtype=np.int16)}
    (item,) = attack_items([ITEM], {KEY: record}, 1)
    done = item | {"before": np.array(before), "after": np.array(after), "iterations": 1, "queries": 9, "made_for": "X"}
    return evaluation_rows(
        "X", [ITEM | {"label": label}], {KEY: record | {"called_real": False}}, [done], top=1, real=0
    )


def test_11_13_sufficiency_is_of_the_predicted_class_and_a_failed_attack_counts():
    """Called FaceSwap (4) though it is Deepfakes (3): the fall is that of class 4, and nobody is left out."""
    row = _measured([0.1, 0.0, 0.1, 0.2, 0.6], [0.2, 0.0, 0.1, 0.3, 0.4]).iloc[0]
    assert row["p_before"] - row["p_after"] == pytest.approx(0.2)
    assert (row["predicted_before"], row["predicted_after"], row["flipped"]) == (4, 4, False)
    assert row["included"]  # the attack failed; its last image is used all the same
    # right again after the attack: accuracy is over the five classes
    assert _measured([0.1, 0.0, 0.1, 0.2, 0.6], [0.2, 0.0, 0.1, 0.5, 0.2]).iloc[0]["predicted_after"] == 3


def test_12_sets_are_cumulative_and_each_starts_from_the_clean_image():
    """Same noise for k = 1 and k = 2, so the second attack's first request is the clean image, not the first's last."""
    record = {"segments": quadrants(), "ranking": np.array([3, 5, 9], np.int16)}
    attacks = attack_items([ITEM], {KEY: record}, 2)
    assert [set(quadrants()[one["pixels"]]) for one in attacks] == [{3}, {3, 5}]
    grey = np.full((SIZE, SIZE, 3), 130, np.uint8)
    settings = Nes(samples=8, iterations=30)
    first, second = run_attacks(attacks, lambda _: grey, reads_segment(3), settings, 0, 1)
    assert first["success"] and first["before"].tobytes() == second["before"].tobytes()


def test_who_is_explained():
    """All sampled fakes, or those that the detector calls fake; the others are listed."""
    assert config("paper").frames.explain == "all" and config("corrected").frames.explain == "called_fake"
    images = pd.DataFrame({"key": ["a", "b", "c"], "label": [3, 2, 1]})
    predictions = pd.DataFrame({"key": ["c", "x", "b", "a"], "predicted": [0, 0, 2, 4]})
    kept, left_out = split(images, predictions)
    assert kept["key"].tolist() == ["a", "b"]  # a is called the wrong fake, which is fake all the same
    assert left_out.to_dict("records") == [
        {"stage": "detector", "item": "c", "reason": "called Real by the detector: not explained"}
    ]


# -- both: seeds, and what the user says himself ----------------------------------------------------------------------
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_13_the_copy_is_drawn_once_and_seeded(protocol):
    """Both protocols: equal seeds give equal maps, another seed others."""
    image = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    entry = {"method": "rise", "baseline": "noise", "masks": 30, "segmentation": {"n_segments": 4}}
    settings = config(protocol, explainers={"Row": entry}).explainers["Row"]
    maps = [
        next(run([ITEM], lambda _: image, reads_segment(5), settings, seed, 1))["map"].tobytes() for seed in (0, 0, 1)
    ]
    assert maps[0] == maps[1] != maps[2]
    assert seed_of(0, "adversary", KEY, 0) != seed_of(0, "evaluation", KEY, 0)


def test_what_the_user_says_counts():
    """Every switch is a key of its own, in either protocol."""
    one = config("corrected", adversary={"project": False}, frames={"explain": "all"}, explainers={
        "RISE": {"method": "rise", "baseline": "zeros", "draw": "normal", "segmentation": {"image": "normalised"}},
        "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
    })  # fmt: skip
    assert (one.adversary.project, one.adversary.noise, one.evaluation.project) == (False, "per_channel", True)
    assert one.frames.explain == "all"
    rise = one.explainers["RISE"]
    assert (rise.draw, rise.segmentation.image, rise.softmax_again) == ("normal", "normalised", False)
    assert one.explainers["Own"].segmentation.image == "unit"
    switched = config("paper", evaluation={"objective": "log_odds", "population": "all"})
    assert (switched.evaluation.objective, switched.evaluation.noise) == ("log_odds", "shared")
    assert set(config("corrected").explainers) == set(paper_rows()) == set(config("paper").explainers)
