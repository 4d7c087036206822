"""The manipulated part of a crop."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from advxai.corpus.video import write_video
from advxai.errors import InputError
from advxai.faces.mask import mask_crop, mask_crops

BOX = (24, 8, 48, 32)


@pytest.fixture
def clip(tmp_path) -> Path:
    """48 x 64 pixels: black, then a white square, then a dark grey and a red one."""
    images = np.zeros((4, 48, 64, 3), np.uint8)
    images[1, 16:32, 32:48] = 255
    images[2, 16:32, 32:48] = 100
    images[3, 16:32, 32:48, 0] = 255
    write_video(tmp_path / "mask.mp4", images, Fraction(10), crf=0)
    return tmp_path / "mask.mp4"


def square() -> np.ndarray:
    expected = np.zeros((24, 24), np.uint8)
    expected[8:, 8:] = 255
    return expected


def test_what_is_bright_in_any_channel_is_manipulated(clip):
    crops = list(mask_crops(clip, [(index, BOX) for index in range(4)], (48, 64)))
    assert all(crop.dtype == np.uint8 for crop in crops)
    assert not crops[0].any() and not crops[2].any()
    assert (crops[1] == square()).all() and (crops[3] == square()).all()


def test_each_crop_has_its_own_frame_and_box(clip):
    first, second = mask_crops(clip, [(1, (30, 14, 36, 20)), (3, (46, 16, 50, 20))])
    assert first[:2].max() == 0 and first[:, :2].max() == 0 and (first[2:, 2:] == 255).all()
    assert second.tolist() == [[255, 255, 0, 0]] * 4


def test_one_crop(clip):
    assert (mask_crop(clip, 1, BOX) == square()).all()
    assert not mask_crop(clip, 0, BOX).any()
    with pytest.raises(InputError, match="mask.mp4 has no frame 4: get the mask clip"):
        mask_crop(clip, 4, BOX)
    with pytest.raises(InputError, match="64 x 48"):
        mask_crop(clip, 1, (24, 8, 74, 58))


def test_crops_come_until_one_can_not_be_given(clip):
    crops = mask_crops(clip, [(1, BOX), (7, BOX)])
    assert (next(crops) == square()).all()
    with pytest.raises(InputError, match="no frame 7"):
        next(crops)
    with pytest.raises(InputError, match="mask.mp4 is 64 x 48, the video 32 x 24"):
        next(mask_crops(clip, [(0, (0, 0, 9, 9))], (24, 32)))
