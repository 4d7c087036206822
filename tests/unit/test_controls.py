"""Controls and ceilings: maps, scores and orders by hand."""

import math

import numpy as np
import pytest

from advxai.common.randomness import seed_of
from advxai.saliency.controls import (
    EMPTY_MASK,
    NO_LANDMARKS,
    NO_MASK,
    Sight,
    centre,
    edges,
    face_prior,
    largest,
    oracle_difference,
    oracle_mask,
    ordered,
    random,
)
from advxai.saliency.prior import FACE, SIDE, Prior, ellipses, laid_over, mean_mask, read, similarity, write
from tests.helpers import explainer_settings

QUADRANTS = np.kron([[0, 1], [2, 3]], np.ones((2, 2))).astype(np.int16)  # 4 x 4 pixels
COLUMNS = np.tile(np.arange(4, dtype=np.int16), (4, 1))
BLACK = np.zeros((4, 4, 3), np.uint8)


def test_random_is_a_permutation_by_seed_and_key():
    settings = explainer_settings(method="random", draws=3)
    made = ordered(settings, Sight("a/b.png", QUADRANTS, BLACK), seed=7)
    generator = np.random.default_rng(seed_of(7, "saliency", "random", "a/b.png"))
    orders = [generator.permutation(4).tolist() for _ in range(3)]
    assert made.more["draws"].tolist() == orders and made.more["draws"].dtype == np.int16
    assert made.ranking.tolist() == orders[0]
    assert made.scores[orders[0]].tolist() == [1, 0.75, 0.5, 0.25]
    assert (made.map == made.scores[QUADRANTS]).all() and math.isnan(made.zero)


def test_more_draws_leave_the_first_ones_alone():
    few, many = (random(QUADRANTS, np.random.default_rng(1), draws).more["draws"] for draws in (2, 5))
    assert (many[:2] == few).all()


def test_the_centre_is_a_gaussian():
    """Pixels lie at -1.5, -.5, .5 and 1.5 sigmas where sigma is a quarter of the side of 4."""
    near, far = math.exp(-0.125), math.exp(-1.125)
    made = centre(COLUMNS, 0.25)
    across = np.array([far, near, near, far])
    assert made.map == pytest.approx(np.outer(across, across), abs=1e-6)
    mean = (near + far) / 2
    assert made.scores == pytest.approx([far * mean, near * mean, near * mean, far * mean], abs=1e-6)
    assert made.ranking.tolist() == [1, 2, 0, 3]


def test_the_largest_segments_come_first_and_equal_ones_in_the_order_of_their_labels():
    segments = np.array([[0, 1, 1, 1], [2, 2, 3, 3], [4, 4, 4, 4]], np.int16)
    made = largest(segments)
    assert made.scores * 12 == pytest.approx([1, 3, 2, 2, 4])
    assert made.ranking.tolist() == [4, 1, 2, 3, 0] and made.map[1, 3] * 12 == pytest.approx(2)


def test_edges_are_sobel_s():
    """A step from black to white: 1 + 2 + 1 on both sides of it, nothing elsewhere, at the borders neither."""
    image = BLACK.copy()
    image[:, 2:] = 255
    made = edges(COLUMNS, image)
    assert made.map == pytest.approx(np.tile([0, 4, 4, 0], (4, 1)), abs=1e-5)
    assert made.ranking.tolist() == [1, 2, 0, 3]
    assert edges(COLUMNS, BLACK).ranking.tolist() == [0, 1, 2, 3]  # a constant map
    enlarged = edges(COLUMNS, np.kron(image, np.ones((3, 3, 1), np.uint8)))
    assert enlarged.map.shape == (4, 4) and enlarged.ranking.tolist() == [1, 2, 0, 3]


def test_the_mask_s_ceiling_orders_by_the_share_inside():
    mask = np.zeros((4, 4), np.uint8)
    mask[:2, :2] = mask[2:, 2] = 255
    made = oracle_mask(QUADRANTS, BLACK, mask, None)
    assert made.scores.tolist() == [1, 0, 0, 0.5] and made.ranking.tolist() == [0, 3, 1, 2]
    assert (made.map == mask / 255).all()
    other = BLACK.copy()
    other[3, 1] = 60  # only in segment 2
    assert oracle_mask(QUADRANTS, BLACK, mask, other).ranking.tolist() == [0, 3, 2, 1]


def test_a_larger_mask_counts_by_its_area():
    mask = np.zeros((8, 8), np.uint8)
    mask[:, :1] = 255  # half of the outermost of four columns
    made = oracle_mask(COLUMNS, np.zeros((8, 8, 3), np.uint8), mask, None)
    assert made.scores.tolist() == [0.5, 0, 0, 0]


def test_the_difference_s_ceiling():
    other = BLACK.copy()
    other[2:, 2:] = (30, 60, 90)
    other[0, 0] = (255, 0, 0)
    made = oracle_difference(QUADRANTS, BLACK, other)
    assert made.scores == pytest.approx([1 / 12, 0, 0, 60 / 255], abs=1e-6)
    assert made.ranking.tolist() == [3, 0, 1, 2] and made.missing == ""


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: oracle_mask(QUADRANTS, BLACK, None, None), NO_MASK),
        (lambda: oracle_mask(QUADRANTS, BLACK, np.zeros((4, 4), np.uint8), BLACK), EMPTY_MASK),
        (lambda: oracle_difference(QUADRANTS, BLACK, None, "it isn't aligned"), "no counterpart: it isn't aligned"),
        (lambda: face_prior(QUADRANTS, BLACK, None, ellipses()), NO_LANDMARKS),
    ],
)
def test_what_can_t_be_ordered_says_why(made, why):
    found = made()
    assert found.missing == why and found.ranking.size == 0 and found.ranking.dtype == np.int16
    assert found.map.shape == (4, 4) and not found.map.any()
    assert found.scores.tolist() == [0, 0, 0, 0]


def test_a_similarity_by_hand():
    """Twice as large, turned from x to y, moved by (10, 20): (x, y) -> (10 - 2 y, 20 + 2 x)."""
    points = np.array([[0, 0], [1, 0], [0, 1], [3, 5]])
    onto = np.array([[10, 20], [10, 22], [8, 20], [0, 26]])
    assert similarity(points, onto) == pytest.approx(np.array([[0, -2, 10], [2, 0, 20]]))


def test_a_similarity_is_the_nearest_where_none_fits():
    """A square onto a rectangle of 3 x 1 with the same middle: twice as large."""
    square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    assert similarity(square, square * (3, 1)) == pytest.approx(np.array([[2, 0, 0], [0, 2, 0]]))
    with pytest.raises(ValueError, match="no scale"):
        similarity(np.ones((5, 2)), FACE)


def test_the_prior_is_the_mean_of_masks_on_the_fixed_face():
    """One face as it is, one moved by (+5, -3) with its mask: they lie over each other."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[40:60, 50:70] = 255
    moved = np.roll(mask, (-3, 5), axis=(0, 1))
    moved[100:110, 100:110] = 255
    found = mean_mask([(mask, FACE), (moved, FACE + (5, -3))])
    assert found.faces == 2 and found.share.dtype == np.float32
    assert found.share[50, 60] == 1 and found.share[105 + 3, 105 - 5] == 0.5 and found.share[20, 20] == 0
    assert found.share.sum() == pytest.approx(20 * 20 + 10 * 10 / 2, abs=0.1)


def test_without_masks_eyes_nose_and_mouth_are_the_prior():
    found = mean_mask([])
    assert found.faces == 0 and (found.share == ellipses().share).all()
    points = np.rint(FACE).astype(int)
    assert all(found.share[y, x] > 0.9 for x, y in points[:2])
    assert found.share[points[3:, 1], points[3:, 0]].min() > 0.5 and found.share[10, 10] < 1e-3
    assert found.share.max() == pytest.approx(1, abs=0.01)


def test_the_prior_is_laid_over_a_face():
    """A crop of twice the size, whose landmarks are those of the fixed face: each of its pixels is half as large."""
    share = np.zeros((SIDE, SIDE), np.float32)
    share[32:64, 64:96] = 1
    as_it_is = laid_over(Prior(share, 1), FACE, (SIDE, SIDE), (SIDE, SIDE))
    assert as_it_is == pytest.approx(share, abs=1e-5)
    doubled = laid_over(Prior(share, 1), (FACE + 0.5) * 2 - 0.5, (2 * SIDE, 2 * SIDE), (SIDE, SIDE))
    assert doubled == pytest.approx(share, abs=1e-5)
    segments = (np.arange(SIDE)[:, None] // 64 * 2 + np.arange(SIDE)[None] // 64).astype(np.int16)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    made = face_prior(segments, image, FACE, Prior(share, 1))
    assert made.scores == pytest.approx([0, 0.25, 0, 0], abs=1e-3) and made.ranking.tolist() == [1, 0, 2, 3]
    assert (made.more["landmarks"] == FACE.astype(np.float32)).all()


def test_a_prior_is_kept_and_named_by_its_values(tmp_path):
    path = tmp_path / "prior.npz"
    write(ellipses(), path)
    again = read(path)
    assert (again.share == ellipses().share).all() and again.faces == 0 and again.sha256 == ellipses().sha256
    assert Prior(again.share / 2, 0).sha256 != again.sha256
