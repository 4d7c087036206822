"""Outlines as polygons: exactly the region's pixels lie inside."""

import numpy as np
import pytest
from matplotlib.path import Path

from advxai.report.polygons import inside, rings, scaled


def filled(found, shape) -> np.ndarray:
    """Pixels whose centre is inside an odd number of rings."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
    within = sum((Path([*ring, ring[0]]).contains_points(centres).astype(int) for ring in found), np.zeros(y.size, int))
    return (within % 2 == 1).reshape(shape)


def test_a_rectangle_by_hand() -> None:
    region = np.zeros((4, 6), bool)
    region[1:3, 2:5] = True
    (ring,) = rings(region)
    assert sorted(ring) == [(2.25, 1.25), (2.25, 2.75), (4.75, 1.25), (4.75, 2.75)]


def test_any_region_comes_back_when_its_rings_are_filled() -> None:
    rng = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.6, 0.95):
        region = rng.random((23, 31)) < share
        assert (filled(rings(region), region.shape) == region).all()
    everything = np.ones((5, 7), bool)
    assert (filled(rings(everything), (5, 7)) == everything).all()


def test_a_hole_is_a_ring_of_its_own() -> None:
    region = np.ones((7, 7), bool)
    region[3, 3] = False
    assert len(rings(region)) == 2 and not filled(rings(region), (7, 7))[3, 3]


def test_nothing_has_no_ring_and_no_inside() -> None:
    assert rings(np.zeros((3, 3), bool)) == []
    with pytest.raises(ValueError, match="no inside"):
        inside(np.zeros((3, 3), bool))


def test_simplified_outlines_have_fewer_corners_and_stay_near() -> None:
    y, x = np.mgrid[:60, :60]
    disc = (x - 30) ** 2 + (y - 30) ** 2 < 20**2
    (exact,), (simple,) = rings(disc), rings(disc, 0.6)
    assert len(simple) < len(exact) / 2
    assert (filled([simple], disc.shape) != disc).sum() < 0.05 * disc.sum()


def test_the_number_stands_deep_inside_a_bent_region() -> None:
    region = np.zeros((20, 20), bool)
    region[:, :3] = region[14:, :] = True  # an L, whose centroid is outside
    x, y = inside(region)
    assert region[int(y), int(x)] and y > 14


def test_other_units() -> None:
    assert scaled([[(1.0, 2.0)]], 10, 100, left=5, top=7) == [[(15.0, 207.0)]]
