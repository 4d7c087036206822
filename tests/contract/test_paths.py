"""Path methods: what every white box keeps, captum called directly, and what is known by hand.

All tests that import captum are here: it takes a second. test_cam.py has those that import grad-cam.
"""

import logging

import numpy as np
import pytest
import torch

from advxai.common.classes import FIVE, Classes
from advxai.detector.model import Detector, Preprocessing
from advxai.saliency import build
from advxai.saliency.batches import run as run_white
from advxai.saliency.whitebox import Batch
from tests.contract import white_checks
from tests.contract.white_checks import detector, one_thread, records  # noqa: F401
from tests.golden import pictures
from tests.helpers import (
    SIZE,
    UNIT,
    drive_one,
    explainer_settings,
    inputs_of,
    linear_detector,
    quadrants,
    reads_segment,
)

ENTRIES = {
    "integrated_gradients": {"method": "integrated_gradients", "baseline": "zeros", "steps": 10},
    "gradient_shap": {"method": "gradient_shap", "baseline": "zeros", "samples": 10},
}
NOISY = {"method": "gradient_shap", "baseline": "zeros", "samples": 6, "std": 0.05}
RULES = ("gausslegendre", "riemann_middle", "riemann_right")
OTHER = Preprocessing(SIZE, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25))


@pytest.mark.parametrize("check", white_checks.WHITE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ENTRIES)
def test_what_every_white_box_keeps(name, check, tmp_path):
    check(ENTRIES[name], tmp_path)


@pytest.mark.parametrize("check", white_checks.EVERY, ids=lambda check: check.__name__)
def test_with_noise_on_the_image_too(check, tmp_path):
    check(NOISY, tmp_path)


def batch_of(count: int, seed: int = 0) -> Batch:
    """Random images and baselines, all targets among them."""
    generator = torch.Generator().manual_seed(seed)
    images, baselines = torch.rand((2, count, 3, SIZE, SIZE), generator=generator) * 2 - 1
    keys = [f"{number}.png" for number in range(count)]
    targets = torch.tensor([number % 5 for number in range(count)])
    return Batch(keys, images, baselines, targets, [np.random.default_rng(n) for n in range(count)], OTHER)


@pytest.mark.parametrize("rule", RULES)
def test_integrated_gradients_are_captum_s(rule):
    """captum without batches of its own, on the bare module: all steps of all images at once."""
    from captum.attr import IntegratedGradients

    batch, model = batch_of(5), detector(batch=3)
    explainer = build(explainer_settings(method="integrated_gradients", baseline="zeros", steps=7, rule=rule))
    found = explainer.maps(model.network(), batch)
    wanted = IntegratedGradients(model.module).attribute(
        batch.images, batch.baselines, target=batch.targets, n_steps=7, method=rule
    )
    wanted = wanted.sum(dim=1).detach().numpy()
    np.testing.assert_allclose(found.values, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    assert found.zero == 0


@pytest.mark.parametrize("std", [0.0, 0.1])
def test_gradient_shap_is_captum_s_on_the_same_draws(monkeypatch, std):
    """captum draws from the global generators; here it is given what the image's own generator has drawn."""
    from captum.attr import GradientShap

    samples, batch, model = 9, batch_of(3), detector(batch=4)
    explainer = build(explainer_settings(method="gradient_shap", baseline="zeros", samples=samples, std=std))
    found = explainer.maps(model.network(), batch)
    for place in range(3):
        drawn = np.random.default_rng(place)
        places = drawn.uniform(size=samples)
        noise = drawn.standard_normal((samples, 3, SIZE, SIZE), np.float32)
        noise = torch.from_numpy(noise) * (std / torch.tensor(OTHER.std))[:, None, None]
        monkeypatch.setattr(np.random, "uniform", lambda low, high, size, own=places: own)
        monkeypatch.setattr(torch, "normal", lambda mean, std, own=noise: own)
        wanted = GradientShap(model.module).attribute(
            batch.images[place, None],
            batch.baselines[place, None],
            n_samples=samples,
            stdevs=1.0,
            target=int(batch.targets[place]),
        )
        wanted = wanted[0].sum(dim=0).detach().numpy()
        np.testing.assert_allclose(found.values[place], wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())
    assert found.zero == 0


@pytest.mark.parametrize("name", ["integrated_gradients", "gradient_shap"])
@pytest.mark.parametrize("segment", [0, 6, 15])
def test_only_the_segment_that_is_read_counts(name, segment):
    """Of a linear detector each pixel's part is its weight times its distance to the baseline, whatever the points."""
    model, batch = reads_segment(segment), batch_of(3)
    settings = explainer_settings(**ENTRIES[name])
    batch = Batch(batch.keys, batch.images, batch.baselines, torch.ones(3, dtype=torch.int64), batch.generators, OTHER)
    found = build(settings).maps(model.network(), batch).values
    wanted = (model.module.weight * (batch.images - batch.baselines)).sum(dim=1).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    assert not found[:, quadrants() != segment].any()


class FiveLinear(torch.nn.Module):
    """The logit of each class is the mean of a channel times its gain, and its bias."""

    CHANNEL, GAIN, BIAS = (0, 1, 2, 0, 1), (1.0, 2.0, -1.0, 3.0, 0.5), (3.0, 1.0, 2.0, 0.0, -1.0)

    def forward(self, x):
        means = x.mean(dim=(2, 3))[:, list(self.CHANNEL)]
        return means * x.new_tensor(self.GAIN) + x.new_tensor(self.BIAS)


@pytest.mark.parametrize("name", ["integrated_gradients", "gradient_shap"])
def test_five_classes_by_hand(name):
    """Of a grey picture (0.2 when normalised) the logits are 3.2, 1.4, 1.8, 0.6 and -0.9: Real, then FaceSwap."""
    model = Detector(FiveLinear(), UNIT, classes=FIVE, forward_batch=4)
    grey = np.full((SIZE, SIZE, 3), 153, np.uint8)  # 0.6
    for target, index in (("predicted", 0), ("real", 0), ("fake", 2)):
        settings = explainer_settings(**ENTRIES[name], target=target)
        (record,) = white_checks.run(pictures.items(1), lambda _: grey, model, settings, 0, 1)
        assert (record["target"], record["called_real"]) == (index, True)
        wanted = 0.2 * FiveLinear.GAIN[index] / SIZE**2
        np.testing.assert_allclose(record["map"], np.full((SIZE, SIZE), wanted), rtol=1e-4)


@pytest.mark.parametrize(("threshold", "called"), [(None, "Real"), (0.3, "Fake"), (0.5, "Real")])
def test_a_threshold_says_what_is_predicted(threshold, called):
    """The logit of Fake is -0.5 whatever is shown but for its mean, so p(fake) is .38 of a grey picture."""
    weight = torch.full((3, SIZE, SIZE), 1.0 / (3 * SIZE**2))
    classes = Classes(("Real", "Fake"), threshold=threshold)
    module = linear_detector(weight, bias=-0.7).module
    model = Detector(module, UNIT, classes=classes, forward_batch=4)
    grey = np.full((SIZE, SIZE, 3), 153, np.uint8)
    (record,) = white_checks.run(
        pictures.items(1), lambda _: grey, model, explainer_settings(**ENTRIES["gradient_shap"]), 0, 1
    )
    assert record["before"][1] == pytest.approx(1 / (1 + np.exp(0.5)), abs=1e-5)
    assert classes.names[record["target"]] == called and record["called_real"] == (called == "Real")
    wanted = 0.2 / SIZE**2 if called == "Fake" else 0.0  # the logit of Real is 0
    np.testing.assert_allclose(record["map"], np.full((SIZE, SIZE), wanted), rtol=1e-4, atol=1e-12)


class Step(torch.nn.Module):
    """A steep step between black and white, which few points on the way don't see."""

    def forward(self, x):
        fake = torch.sigmoid(40 * (x.mean(dim=(1, 2, 3)) - 0.3)) * 5 + 1
        return torch.stack([torch.zeros_like(fake), fake], dim=1)


def explained_steps(explainer, steps: int) -> None:
    model = Detector(Step(), UNIT, classes=("Real", "Fake"), forward_batch=2)
    entry = explainer_settings(method="integrated_gradients", baseline="zeros", steps=steps)
    list(
        run_white(
            pictures.items(1, 2, 3),
            lambda item: np.full((SIZE, SIZE, 3), 255 if item["key"].endswith("2") else 130, np.uint8),
            model, explainer, entry, 0, None, None, "explainer integrated_gradients",
        )
    )  # fmt: skip


def test_attributions_that_don_t_add_up_are_told_once_a_shard(caplog):
    """Of three images, in two batches, one's way crosses the step, by 5 and not by what 3 points on it see of it."""
    few, many = (build(explainer_settings(method="integrated_gradients", baseline="zeros", steps=n)) for n in (3, 60))
    with caplog.at_level(logging.WARNING):
        explained_steps(many, 60)
    assert not caplog.messages
    with caplog.at_level(logging.WARNING):
        explained_steps(few, 3)
    (told,) = caplog.messages
    assert told == (
        "explainer integrated_gradients: the attributions of 1 of 3 images miss what the score gains over the "
        "baseline's by more than 5% (by 4.9 at most): more `steps` than 3 come nearer"
    )


def test_noise_moves_the_image_in_units_of_the_unit_image():
    """Of a linear detector the mean over samples is its weight times (image + mean noise - baseline)."""
    weight, std = torch.ones(3, SIZE, SIZE), 0.2
    batch = batch_of(1)
    batch = Batch(batch.keys, batch.images, batch.baselines, torch.tensor([1]), batch.generators, OTHER)
    settings = explainer_settings(method="gradient_shap", baseline="zeros", samples=1, std=std)
    found = build(settings).maps(linear_detector(weight).network(), batch).values[0]
    noise = found - (batch.images - batch.baselines)[0].sum(dim=0).numpy()
    wanted = std * np.sqrt(sum(1 / one**2 for one in OTHER.std))
    assert noise.std() == pytest.approx(wanted, rel=0.1)


def test_the_places_of_an_image_s_samples_are_its_own_generator_s():
    """The same image twice in a batch, with other generators: other maps; with the same ones, the same."""
    batch = batch_of(1)
    own = [np.random.default_rng(seed) for seed in (0, 1, 0)]
    many = Batch("abc", batch.images.expand(3, -1, -1, -1), batch.baselines.expand(3, -1, -1, -1),
                 batch.targets.expand(3), own, OTHER)  # fmt: skip
    first, other, again = build(explainer_settings(**NOISY)).maps(detector().network(), many).values
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_it_costs_in_numbers():
    """Ten steps there and back, and the image and its baseline, to see that all adds up."""
    (integrated,), (sampled,) = (records(ENTRIES[name], [1]) for name in ENTRIES)
    assert (integrated["images"], integrated["calls"], integrated["backwards"]) == (12, 4, 10)
    assert (sampled["images"], sampled["calls"], sampled["backwards"]) == (10, 3, 10)
    assert integrated["zero"] == sampled["zero"] == 0


@pytest.mark.parametrize(("grid", "window"), [(4, 1), (8, 2), (16, 5)])
def test_occlusion_equals_captum(grid, window):
    """Where the side is divisible by the grid: the same windows, and the mean over those that cover a pixel."""
    from captum.attr import Occlusion

    generator = torch.Generator().manual_seed(1)
    detector = linear_detector(torch.randn((3, SIZE, SIZE), generator=generator) * 0.05, bias=0.3)
    image, baseline = torch.rand((2, 3, SIZE, SIZE), generator=generator) * 2 - 1
    explainer = build(explainer_settings(method="occlusion", baseline="zeros", grid=grid, window=window))
    ours, cost = drive_one(explainer.explain(inputs_of(image, baseline)), detector)
    step = SIZE // grid
    theirs = Occlusion(detector.probabilities).attribute(
        image[None],
        sliding_window_shapes=(3, window * step, window * step),
        strides=(3, step, step),
        baselines=baseline[None],
        target=1,
        perturbations_per_eval=8,
    )
    assert cost.images == (grid - window + 1) ** 2 + 1
    assert theirs[0, 0].abs().max() > 0.01
    for channel in theirs[0].numpy():
        torch.testing.assert_close(torch.from_numpy(ours.map), torch.from_numpy(channel), rtol=0, atol=1e-6)
