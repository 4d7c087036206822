import cv2
import numpy as np

from advxai.corpus.warp import blend, hull_mask, sample, soften, warp_map

SQUARE = np.array([[2.0, 2.0], [12, 2], [12, 12], [2, 12], [7, 7]])


def test_affine_map_by_hand() -> None:
    # twice as large and 3 px to the right: pixel (x, y) comes from (2 x + 3, 2 y)
    where, inside = warp_map(SQUARE, 2 * SQUARE + [3, 0], (16, 20))
    assert where.shape == (16, 20, 2) and inside[7, 7] and not inside[0, 0] and not inside[14, 7]
    np.testing.assert_allclose(where[5, 9], [21, 10], atol=1e-4)
    np.testing.assert_allclose(where[0, 1], [1, 0])  # outside: itself
    y, x = np.nonzero(inside)
    np.testing.assert_allclose(where[inside], np.stack([2 * x + 3, 2 * y], axis=1), atol=1e-4)


def test_only_the_triangles_of_a_moved_point_move() -> None:
    source = SQUARE.copy()
    source[4] = [8, 7]
    where, _ = warp_map(SQUARE, source, (16, 16))
    np.testing.assert_allclose(where[7, 7], [8, 7], atol=1e-4)
    # half way from the moved point to the square's edge: half the shift
    np.testing.assert_allclose(where[7, 10], [10 + 0.4, 7], atol=1e-4)
    np.testing.assert_allclose(where[2, 7], [7, 2], atol=1e-4)


def test_sample_takes_the_pixel_named() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    where = np.array([[[3, 2], [0.5, 0], [9, 9]]], np.float32)
    np.testing.assert_array_equal(sample(image.astype(np.float32), where), [[11, 0.5, 11]])
    assert sample(image, where, cv2.INTER_NEAREST)[0, 0] == 11


def test_weights_rise_from_the_edge() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[2:7, :] = 255  # a band over the whole width: its edges are above and below only
    weight = soften(mask, 2)
    # distance 1, 2, 3, 2, 1 of a ramp of 2 px: smoothstep(.5) = .5, then 1
    np.testing.assert_allclose(weight[:, 4], [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0], atol=1e-3)
    np.testing.assert_allclose(weight[:, 0], weight[:, 4], atol=1e-3)


def test_blend_by_hand() -> None:
    below, above = np.full((1, 3, 3), 100, np.uint8), np.full((1, 3, 3), 203.0, np.float32)
    mixed = blend(below, above, np.array([[0, 0.25, 1]], np.float32))
    assert mixed.dtype == np.uint8
    assert mixed[0, :, 0].tolist() == [100, 126, 203]  # 100 + 103 / 4 = 125.75


def test_hull() -> None:
    mask = hull_mask(np.array([[1.0, 1], [3, 1], [3, 3], [1, 3], [2, 2]]), (5, 5))
    assert (mask > 0).sum() == 9 and mask[1, 1] == 255 and mask[0, 0] == 0
