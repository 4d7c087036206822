"""From a crop to a detector's input: where it lies, whose arithmetic, and what is laid over it."""

import cv2
import numpy as np
import pytest
from PIL import Image

from advxai.config.science import Resize
from advxai.media.fit import fitted, lies_in, over, region_over, unit_of

TALL = np.random.default_rng(1).integers(0, 256, (30, 17, 3)).astype(np.uint8)
LARGE = np.random.default_rng(2).integers(0, 256, (90, 60, 3)).astype(np.uint8)
AREA, CUBIC, LINEAR = cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LINEAR


@pytest.mark.parametrize(
    ("crop", "fit", "part"),
    [
        ((100, 50), "stretch", (0, 0, 64, 64)),
        ((100, 50), "letterbox", (16, 0, 32, 64)),
        ((50, 100), "letterbox", (0, 16, 64, 32)),
        ((30, 17), "letterbox", (14, 0, 36, 64)),  # 17 * 64 / 30 = 36.3; (64 - 36) / 2
        ((64, 31), "letterbox", (16, 0, 31, 64)),  # half a pixel: nearer to the left
        ((1, 900), "letterbox", (0, 31, 64, 1)),
        ((30, 17), "pad", (23, 17, 17, 30)),
        ((100, 17), "pad", (23, 0, 17, 64)),  # padded to 100 by 64, then stretched
        ((100, 90), "pad", (0, 0, 64, 64)),
    ],
)
def test_where_a_crop_lies(crop, fit, part):
    assert lies_in(crop, 64, fit) == part


@pytest.mark.parametrize(
    ("crop", "part"),
    [
        ((166, 166), (0, 0, 223, 224)),  # 166 * (224 / 166) = 223.99999999999997
        ((207, 207), (0, 0, 223, 224)),
        ((208, 208), (0, 0, 224, 224)),
        ((207, 414), (0, 56, 224, 111)),  # 111.99999999999999; of 113 pixels of black 56 are above
        ((414, 207), (56, 0, 111, 224)),
        ((444, 333), (28, 0, 167, 224)),  # 167.99999999999997
        ((224, 224), (0, 0, 224, 224)),
        ((1, 900), (0, 111, 224, 1)),
    ],
)
def test_letterboxed_as_the_released_codes_do(crop, part):
    assert lies_in(crop, 224, "letterbox") == part


def test_a_letterboxed_square_lacks_a_column_where_floats_do():
    lacking = []
    for side in range(20, 1200):
        scale = 224 / side
        width = int(side * scale)
        lacking += [side] * (width < 224)
        assert lies_in((side, side), 224, "letterbox") == (0, 0, width, 224)
        for other in (side // 3, side // 2, side - 1):
            short = int(other * scale)
            before = int((224 - short) / 2.0)
            assert lies_in((side, other), 224, "letterbox") == (before, 0, short, 224)
            assert lies_in((other, side), 224, "letterbox") == (0, before, 224, short)
    assert len(lacking) == 97 and lacking[0] > 20 and {166, 207} <= set(lacking)


def test_what_a_square_lacks_is_black_and_lies_in_no_mask():
    image, resize = np.full((166, 166, 3), 200, np.uint8), Resize(library="opencv", fit="letterbox")
    seen = unit_of(image, 224, resize)
    assert (seen[:, :223] > 0.7).all() and not seen[:, 223].any()
    whole = region_over(np.ones((166, 166), bool), (224, 224), "letterbox")
    assert whole[:, :223].all() and not whole[:, 223].any()


def test_opencv_s_and_pillow_s_resize_are_their_own_calls():
    for name, how in (("bicubic", CUBIC), ("bilinear", LINEAR), ("area", AREA)):
        wanted = cv2.resize(LARGE, (64, 64), interpolation=how)
        np.testing.assert_array_equal(fitted(LARGE, 64, Resize(library="opencv", interpolation=name)), wanted)
    for name, filter in (("bicubic", 3), ("bilinear", 2), ("area", 4)):  # Pillow's numbers of its filters
        wanted = np.asarray(Image.fromarray(LARGE).resize((64, 64), Image.Resampling(filter)))
        np.testing.assert_array_equal(fitted(LARGE, 64, Resize(library="pillow", interpolation=name)), wanted)


def test_area_where_it_gets_smaller_and_bicubic_where_it_gets_larger():
    settings = Resize(library="opencv", interpolation="area_or_bicubic", fit="letterbox")
    small, large = fitted(LARGE, 64, settings), fitted(TALL, 64, settings)
    np.testing.assert_array_equal(small[:, 11:53], cv2.resize(LARGE, (42, 64), interpolation=AREA))
    np.testing.assert_array_equal(large[:, 14:50], cv2.resize(TALL, (36, 64), interpolation=CUBIC))
    assert not small[:, :11].any() and not small[:, 53:].any() and not large[:, :14].any() and not large[:, 50:].any()


def test_a_padded_crop_keeps_its_pixels_and_a_longer_side_is_stretched_with_the_black():
    settings = Resize(library="opencv", interpolation="bilinear", fit="pad")
    whole = fitted(TALL, 64, settings)
    np.testing.assert_array_equal(whole[17:47, 23:40], TALL)
    assert whole.sum(dtype=np.int64) == TALL.sum(dtype=np.int64)
    long = cv2.resize(TALL, (17, 100))
    black = np.zeros((100, 64, 3), np.uint8)
    black[:, 23:40] = long
    np.testing.assert_array_equal(fitted(long, 64, settings), cv2.resize(black, (64, 64), interpolation=LINEAR))


def test_what_is_shown_is_what_is_seen():
    np.testing.assert_array_equal(
        unit_of(LARGE, 64), cv2.resize(LARGE.astype(np.float32) / 255, (64, 64), interpolation=CUBIC).clip(0, 1)
    )
    found = unit_of(LARGE, 64, Resize(library="pillow", fit="letterbox"))
    assert found.dtype == np.float32 and found.max() <= 1 and not found[:, :11].any()


def test_a_mask_lies_where_its_crop_lies():
    mask = np.zeros((100, 50), bool)
    mask[50:, :25] = True  # the lower left quarter
    boxed = region_over(mask, (64, 64), "letterbox")
    assert boxed[32:, 16:32].all() and boxed.sum() == 32 * 16
    small = np.ones((30, 17), bool)
    padded = region_over(small, (64, 64), "pad")
    assert padded[17:47, 23:40].all() and padded.sum() == 30 * 17
    stretched = region_over(mask, (64, 64))
    assert stretched[32:, :32].all() and stretched.sum() == 32 * 32
    values = over(np.full((100, 50), 0.5, np.float32), (64, 64), "letterbox")
    assert values.sum() == 0.5 * 64 * 32 and not values[:, :16].any()
