"""NES on a linear detector, whose gradient is known."""

import numpy as np
import pytest
import torch

from advxai.adversary import attack, gaussian_noise, reconstruct
from advxai.adversary.distortion import Distortion
from advxai.adversary.nes import log_odds
from advxai.config.science import Nes
from advxai.detector.model import Preprocessing
from tests.helpers import SIZE, TWO, UNIT, drive_one, linear_detector, quadrants, reads_segment


def unit_noise(draws: torch.Tensor):
    return lambda iteration: draws


def test_one_iteration_by_hand():
    """One draw u, antithetic: g is a positive multiple of -<w, u> u, so the step is sign(-<w, u>) * sign(u)."""
    weight = torch.zeros(3, SIZE, SIZE)
    weight[:, 0, 0] = 1.0
    draws = torch.ones(1, 1, SIZE, SIZE)
    draws[0, 0, 5, 7] = -2.0
    draws[0, 0, 9, 9] = 0.0
    settings = Nes(samples=1, iterations=1, sigma=0.01)
    image = torch.full((3, SIZE, SIZE), 0.5)
    outcome, cost = drive_one(attack(image, settings, UNIT, unit_noise(draws), TWO), linear_detector(weight))
    expected = -np.sign(draws[0].numpy()).astype(np.int8)  # p(Real) falls along u, so the step goes against u
    np.testing.assert_array_equal(outcome.steps, expected)
    assert outcome.iterations == 1
    assert outcome.queries == cost.images == 1 * (2 * 1 + 1) + 1
    # before: logit 3 * 0.5; after: each of the three channels moved by -alpha.
    sigmoid = 1 / (1 + np.exp(-1.5))
    assert outcome.before[1] == pytest.approx(sigmoid, abs=1e-6)
    assert outcome.after[1] == pytest.approx(1 / (1 + np.exp(-(1.5 - 3 / 255))), abs=1e-6)
    assert not outcome.success


def test_the_gradient_estimate_finds_the_sign_of_the_weights():
    torch.manual_seed(0)
    sign = torch.where(torch.rand(1, SIZE, SIZE) < 0.5, -1.0, 1.0)
    weight = (sign * 0.01).expand(3, SIZE, SIZE).contiguous()
    settings = Nes(samples=4000, iterations=1, sigma=0.01)
    noise = gaussian_noise(4000, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    outcome, _ = drive_one(
        attack(torch.zeros(3, SIZE, SIZE) + 0.01, settings, UNIT, noise, TWO), linear_detector(weight, 1)
    )
    agreement = (outcome.steps == -sign.numpy()).mean()
    assert agreement > 0.9  # the expected share for 4,000 draws in 1,024 dimensions is about 0.97


def test_stops_when_called_real_and_counts_what_it_spent():
    """The logit is 6 * mean of segment 5 = 6 * 0.02; a step moves it by 6/255, in the right direction."""
    detector = reads_segment(5)
    image = torch.full((3, SIZE, SIZE), 0.02)
    mask = torch.from_numpy(quadrants() == 5)
    noise = gaussian_noise(64, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    settings = Nes(samples=64, iterations=50)
    outcome, cost = drive_one(attack(image, settings, UNIT, noise, TWO, mask), detector)
    assert outcome.success
    assert outcome.after[0] > 0.5 > outcome.before[0]
    # With every sign right, six steps of 1/255 exceed 0.02; wrong signs make it a little longer, never shorter.
    assert 6 <= outcome.iterations <= 14
    assert outcome.queries == cost.images == outcome.iterations * 129 + 1
    adversarial = reconstruct(image, outcome.steps, settings, UNIT)
    assert torch.equal(adversarial[:, ~mask], image[:, ~mask])
    assert detector.probabilities(adversarial[None])[0].numpy() == pytest.approx(outcome.after, abs=0)


def test_an_attack_on_the_wrong_segment_changes_nothing():
    image = torch.full((3, SIZE, SIZE), 0.02)
    noise = gaussian_noise(8, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    mask = torch.from_numpy(quadrants() == 6)
    outcome, _ = drive_one(attack(image, Nes(samples=8, iterations=5), UNIT, noise, TWO, mask), reads_segment(5))
    assert not outcome.success
    assert outcome.iterations == 5
    assert (outcome.after == outcome.before).all()
    assert not outcome.steps.any()


def test_an_image_called_real_returns_at_once():
    noise = gaussian_noise(8, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    work = attack(torch.full((3, SIZE, SIZE), -0.5), Nes(samples=8), UNIT, noise, TWO)
    outcome, cost = drive_one(work, reads_segment(5))
    assert outcome.success
    assert (outcome.iterations, outcome.queries, cost.images) == (0, 1, 1)
    assert not outcome.steps.any()


def test_delta_bounds_a_step():
    """Paper protocol: clip_delta acts on each step; with delta below alpha the step is delta."""
    image = torch.full((3, SIZE, SIZE), 0.5)
    settings = Nes(samples=4, iterations=1, alpha=0.5, delta=0.1)
    noise = gaussian_noise(4, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    outcome, _ = drive_one(attack(image, settings, UNIT, noise, TWO), reads_segment(5))
    change = 0.1 * np.where(quadrants() == 5, outcome.steps[0], 0).sum() / (quadrants() == 5).sum()
    logit = 6 * (0.5 + change)
    assert outcome.after[1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_step_map_type_follows_the_iterations():
    image = torch.full((3, SIZE, SIZE), -0.5)
    noise = gaussian_noise(2, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    for iterations, dtype in ((1, np.int8), (126, np.int8), (127, np.int8), (128, np.int16)):
        outcome, _ = drive_one(attack(image, Nes(samples=2, iterations=iterations), UNIT, noise, TWO), reads_segment(5))
        assert outcome.steps.dtype == dtype


def test_noise_depends_on_identity_and_iteration_alone():
    device = torch.device("cpu")
    one = gaussian_noise(3, (4, 4), device, 7, "adversary", "key")
    other = gaussian_noise(3, (4, 4), device, 7, "adversary", "key")
    first, late = one(5), other(5)
    assert torch.equal(first, late) and torch.equal(one(5), late)  # whatever was drawn before
    for identity in ((7, "evaluation", "key"), (7, "adversary", "another"), (8, "adversary", "key")):
        assert not torch.equal(gaussian_noise(3, (4, 4), device, *identity)(5), late)
    assert not torch.equal(gaussian_noise(3, (4, 4), device, 7, "adversary", "key")(6), late)
    assert one(0).shape == (3, 1, 4, 4)


@pytest.mark.parametrize("units", ["normalised", "pixel"])
@pytest.mark.parametrize("project", [False, True])
def test_figures_show_the_copy_that_the_attack_saw(units, project):
    """The same arithmetic on numpy arrays (float64, for figures) and torch tensors."""
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (3, 8, 8))
    steps = rng.integers(-30, 31, (3, 8, 8))
    settings = Nes(units=units, project=project)
    half = np.full((3, 1, 1), 0.5)
    seen = Distortion(settings, half, half).apply(image, steps)
    exact = reconstruct(torch.from_numpy(image).float(), steps, settings, UNIT)
    np.testing.assert_allclose(exact, seen, atol=1e-6)
    unit = 2 if units == "pixel" else 1  # std is a half
    if project:
        assert np.abs(seen - image).max() == pytest.approx(unit * 16 / 255) and np.abs(seen).max() <= 1 + 1e-12
    else:
        np.testing.assert_allclose(seen, image + unit * steps / 255)


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.5), (0.485, 0.229)])
def test_a_whole_number_of_steps_is_no_step_more(kind, mean, std):
    """A pixel v/255 has v and 255 - v steps to go, or as many as delta is: for all 256 of them, although float32 makes
    12.000001 of some twelves. Half a step to go takes one step, which is cut short."""
    scale, values = [kind(np.full((3, 1, 1), value, np.float32)) for value in (mean, std)], np.arange(256)
    unit = (torch.arange(256) / 255).expand(3, 1, 256)
    image = kind(Preprocessing(256, (mean,) * 3, (std,) * 3).normalise(unit).numpy())
    for delta in (16, 255):
        settings = Nes(units="pixel", project=True, delta=delta / 255)
        least, most = Distortion(settings, *scale).most_steps(image)
        np.testing.assert_array_equal(least[0, 0], -np.minimum(values, delta))
        np.testing.assert_array_equal(most[2, 0], np.minimum(255 - values, delta))
    least, most = Distortion(Nes(units="pixel", project=True, delta=15.5 / 255), *scale).most_steps(image)
    assert least[0, 0, 100] == -16 and most[0, 0, 100] == 16


def test_a_shared_step_goes_as_far_as_any_channel_can():
    """From white, the channels are two, five and three steps away, in the lower half four, one and one, and six from
    delta: the map stops at five, and at four."""
    room = torch.tensor([[2, 4], [5, 1], [3, 1]]).repeat_interleave(SIZE // 2, dim=1)[:, :, None].expand(3, SIZE, SIZE)
    image, furthest = 1 - 2 * room / 255, room.amax(dim=0)[None].numpy()  # std is a half
    settings = Nes(samples=1, iterations=9, sigma=0.01, units="pixel", project=True, delta=6 / 255)
    for side in (1, -1):
        work = attack(side * image, settings, UNIT, unit_noise(torch.ones(1, 1, SIZE, SIZE)), TWO)
        outcome, _ = drive_one(work, linear_detector(torch.full((3, SIZE, SIZE), -1e-3 * side), 9.0))
        np.testing.assert_array_equal(outcome.steps, side * furthest)
        np.testing.assert_allclose(reconstruct(side * image, outcome.steps, settings, UNIT), side, atol=1e-6)


def test_log_odds_tell_small_differences_of_small_probabilities():
    """In float32 the logarithm of 1e-9 has an error of 1e-6, more than a step of sigma changes."""
    one, other = (log_odds(torch.tensor([p]))[0].item() for p in (1e-9, 1e-9 * (1 + 2**-20)))
    assert other - one == pytest.approx(2**-20, rel=0.1)
    assert log_odds(torch.tensor([0.5, 0.0, 1.0])).isfinite().all() and log_odds(torch.tensor([0.5]))[0] == 0


def test_the_trace_is_p_real_before_each_update_and_after_the_last():
    """Segment 5 is 0.02 and moves by 1/255 an iteration, the right way: the logit is 6 * (0.02 - iteration / 255)."""
    noise = gaussian_noise(64, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    mask = torch.from_numpy(quadrants() == 5)
    image = torch.full((3, SIZE, SIZE), 0.02)
    outcome, _ = drive_one(attack(image, Nes(samples=64, iterations=50), UNIT, noise, TWO, mask), reads_segment(5))
    assert outcome.trace.shape == (outcome.iterations + 1,) and outcome.trace.dtype == np.float32
    assert outcome.trace[0] == outcome.before[0] and outcome.trace[-1] == outcome.after[0]
    assert outcome.trace[0] == pytest.approx(1 / (1 + np.exp(6 * 0.02)), abs=1e-6)
    assert (np.diff(outcome.trace) > 0).all() and (outcome.trace[:-1] <= 0.5).all() and outcome.trace[-1] > 0.5


def test_an_image_that_is_real_already_has_a_trace_of_one():
    noise = gaussian_noise(2, (SIZE, SIZE), torch.device("cpu"), 0, "test")
    work = attack(torch.full((3, SIZE, SIZE), -0.5), Nes(samples=2, iterations=5), UNIT, noise, TWO)
    outcome, _ = drive_one(work, reads_segment(5))
    assert outcome.iterations == 0 and outcome.trace.tolist() == [outcome.before[0]]
