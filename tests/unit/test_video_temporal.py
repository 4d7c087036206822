"""What maps look like over time, by numbers worked out by hand."""

import math

import numpy as np
import pytest

from advxai.video import temporal

RNG = np.random.default_rng(0)
SIDE = 40
UNIFORM = np.ones((4, SIDE, SIDE))
NOISE = RNG.random((6, 64, 64))


def boxed(side: int = 10, frames: int = 4) -> np.ndarray:
    """A box of ones in the middle."""
    maps = np.zeros((frames, SIDE, SIDE))
    low = (SIDE - side) // 2
    maps[:, low : low + side, low : low + side] = 1
    return maps


def test_a_uniform_map():
    assert temporal.intensity(UNIFORM) == 1 and temporal.variance(UNIFORM) == 0
    tau, rho = temporal.tau(UNIFORM), temporal.rho(UNIFORM)
    assert math.isnan(tau.value) and tau.missing == 3 and math.isnan(rho.value) and rho.missing == 4
    assert temporal.smoothness(UNIFORM) == 1 and temporal.sparsity(UNIFORM) == pytest.approx(0)
    # variance (1 - 1/l^2)/12 along each side, over the half diagonal's 1/2
    expected = 1 - math.sqrt((1 - 1 / SIDE**2) / 12 * 2 / 0.5)
    assert temporal.locality(UNIFORM).value == pytest.approx(expected) and expected == pytest.approx(0.4226, abs=5e-4)


@pytest.mark.parametrize("side", [7, 40, 224, 380])
def test_the_central_box_has_half_the_area_at_any_size(side: int):
    mu = temporal.mu(np.full((2, side, side), 0.3))
    assert mu.value == pytest.approx(0.5, abs=1e-12) and mu.missing == 0
    assert temporal.inner(side).sum() == pytest.approx(side / math.sqrt(2))
    whole = 2 * math.floor(side * (1 - math.sqrt(0.5)) / 2 + 0.5)
    assert side != 224 or ((side - whole) / side) ** 2 == pytest.approx(0.4975, abs=1e-4)


def test_a_centred_box():
    maps = boxed()
    # a sixteenth of the area
    assert temporal.intensity(maps) == 1 / 16 and temporal.variance(maps) == pytest.approx(1 / 16 * 15 / 16)
    assert temporal.tau(maps) == (pytest.approx(1), 0) and temporal.mu(maps) == (pytest.approx(1), 0)
    # sparsity of a share p of equal ones: 1 - p
    assert temporal.smoothness(maps) == 1 and temporal.sparsity(maps) == pytest.approx(15 / 16)
    # 10 of 40 pixels: variance of each side (1/4)^2 (1 - 1/100) / 12
    assert temporal.locality(maps).value == pytest.approx(1 - math.sqrt(0.99 / 16 / 12 * 2 / 0.5))


def test_the_autocorrelation_of_a_box():
    """Shifts of 4 pixels. The box less the mean m = 1/16: of the overlapping frame, by hand."""
    n, m, shift = SIDE * SIDE, 1 / 16, 4
    straight, diagonal = SIDE * (SIDE - shift), (SIDE - shift) ** 2

    def a(overlap: int, left: int) -> float:  # (1-m)^2 where both are in, m^2 where neither is, -m(1-m) where one is
        return overlap * (1 - m) ** 2 - 2 * (100 - overlap) * m * (1 - m) + (left - 200 + overlap) * m**2

    whole = 100 * (1 - m) ** 2 + (n - 100) * m**2
    expected = (4 * a(60, straight) + 4 * a(36, diagonal)) / 8 / whole
    assert temporal.rho(boxed()).value == pytest.approx(expected)


def test_constant_in_time():
    maps = np.repeat(NOISE[:1], 5, axis=0)
    assert temporal.tau(maps) == (pytest.approx(1), 0) and temporal.smoothness(maps) == 1
    assert temporal.variance(maps) == pytest.approx(maps[0].var())


def test_white_noise():
    assert abs(temporal.tau(NOISE).value) < 0.02 and abs(temporal.rho(NOISE).value) < 0.02
    assert temporal.variance(NOISE) == pytest.approx(1 / 12, abs=0.002)
    assert temporal.mu(NOISE).value == pytest.approx(0.5, abs=0.01)
    assert temporal.smoothness(NOISE) == pytest.approx(2 / 3, abs=0.01)  # E|a - b| = 1/3, E(a + b) = 1
    assert temporal.sparsity(NOISE) == pytest.approx(1 / 3, abs=0.01)  # Gini of the uniform distribution


def test_a_blob_that_moves_is_local_but_doesn_t_stay():
    maps = np.zeros((4, SIDE, SIDE))
    for time in range(4):
        maps[time, :10, 10 * time : 10 * time + 10] = 1
    # disjoint boxes of a share p: Pearson's correlation is -p / (1 - p)
    assert temporal.tau(maps) == (pytest.approx(-1 / 15), 0)
    assert temporal.smoothness(maps) == 0
    assert temporal.locality(maps).value == pytest.approx(temporal.locality(boxed()).value)
    # .41 of the box's height is inside, and .41, 1, 1, .41 of its width: (sqrt(2) - 1) * sqrt(1/2)
    assert temporal.mu(maps).value == pytest.approx(1 - math.sqrt(0.5))


def test_what_tau_rewards():
    """A right map of a quarter of the frame under noise of [0, .5]: variances .25 * .75 and .5^2 / 12, so .9 if the
    region stays; 0 if it is there in every other frame alone, however right the map is."""
    noise = RNG.random((12, 80, 80)) / 2
    region = np.zeros((80, 80))
    region[:40, :40] = 1
    flickers = region * (np.arange(12) % 2)[:, None, None]
    assert temporal.tau(noise + region).value == pytest.approx(0.9, abs=0.01)
    assert temporal.tau(noise + flickers).value == pytest.approx(0, abs=0.02)
    # without noise the frames in between are constant, so no pair is left
    alone = temporal.tau(flickers)
    assert math.isnan(alone.value) and alone.missing == 11


def test_frames_without_a_value_are_counted():
    maps = boxed(frames=5)
    maps[2] = 0
    assert temporal.tau(maps) == (pytest.approx(1), 2)
    assert temporal.rho(maps) == (pytest.approx(temporal.rho(boxed()).value), 1)
    assert temporal.mu(maps) == (pytest.approx(1), 1) and temporal.locality(maps).missing == 1
    # from frame to frame 0, 1, 1, 0 boxes change, of 2, 1, 1, 2
    assert temporal.smoothness(maps) == pytest.approx(1 - 2 / 6)


def test_scaled_once_a_clip():
    maps = np.array([[[0.0, 2.0]], [[-4.0, 1.0]]])
    assert temporal.scaled(maps, 0.0).tolist() == [[[0, 1]], [[0, 0.5]]]
    assert temporal.scaled(maps, math.nan).tolist() == [[[4 / 6, 1]], [[0, 5 / 6]]]
    assert temporal.scaled(maps, 1.0).tolist() == [[[0, 1]], [[0, 0]]]
    nothing = temporal.scaled(-np.ones((2, 3, 3)), 0.0)
    assert not nothing.any() and temporal.intensity(nothing) == temporal.variance(nothing) == 0
    for found in (temporal.tau(nothing), temporal.rho(nothing), temporal.mu(nothing), temporal.locality(nothing)):
        assert math.isnan(found.value)
    assert math.isnan(temporal.smoothness(nothing)) and math.isnan(temporal.sparsity(nothing))


def test_locality_of_opposite_corners():
    maps = np.zeros((1, 100, 100))
    maps[0, 0, 0] = maps[0, 99, 99] = 1
    assert temporal.locality(maps).value == pytest.approx(0.01)  # .99 of the half diagonal from the middle
    maps[0, 99, 99] = 0
    assert temporal.locality(maps).value == 1
