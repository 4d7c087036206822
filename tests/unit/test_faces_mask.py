"""The manipulated part of a crop."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.faces.mask import mask_crop, mask_crops, mask_of
from advxai.media.cut import encode_png
from advxai.media.video import write_video

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


def face(**fields) -> dict:
    box = dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True))
    return {"key": "a.mp4/00001_0.png", "frame": 1, "mask": "", "mask_file": "", **box, **fields}


def test_a_face_s_mask_is_the_crop_beside_it_or_cut_from_the_video(clip, tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(square()))
    assert mask_of(face()) is None
    assert (mask_of(face(mask=str(clip))) == square()).all()
    assert (mask_of(face(mask_file=str(tmp_path / "mask.png"), mask="not looked at")) == square()).all()


def test_a_mask_that_can_not_be_read_is_reported_and_costs_nothing(tmp_path, caplog):
    (tmp_path / "mask.png").write_text("no picture")
    for lost in (face(mask=str(tmp_path / "gone.mp4")), face(mask_file=str(tmp_path / "mask.png"))):
        caplog.clear()
        assert mask_of(lost) is None and "no mask of a.mp4/00001_0.png" in caplog.text
