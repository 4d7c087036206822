"""Crops by the rules of other detectors: where they lie is kept, and masks lie there too."""

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from advxai.faces.extract import extract_video
from advxai.faces.mask import mask_of
from advxai.media.align import template
from advxai.media.cut import Placement, decode_png
from advxai.media.retinaface import Detection
from advxai.media.video import read_frames, write_video
from tests.unit.faces_extract.drawn import Planned, Refuses, boxes_of, face_at, settings_of

HALF = np.zeros((48, 64, 3), np.uint8)
HALF[:, 5:] = 255


def test_crops_by_other_rules_say_where_they_lie_and_what_they_were_made_by(row, tmp_path):
    """A box that reaches past the frame, and a face turned by its five points; each in a frame of its own."""
    (frame, *_) = (image for _, image in read_frames(Path(row["path"])))
    write_video(tmp_path / "mask.mp4", [HALF], Fraction(10), crf=0)
    row = row | {"mask": str(tmp_path / "mask.mp4")}
    outside = Planned([face_at(-10, 10, 10, 30)])
    padded = extract_video(row, outside, tmp_path / "pad", stride=10, scale=1, edges="pad").faces[0]
    assert boxes_of(SimpleNamespace(faces=[padded])) == [(0, 10, 10, 30)]
    assert json.loads(padded["placement"]) == {"box": [-10, 10, 10, 30]}
    crop = decode_png(Path(padded["file"]).read_bytes(), "it", "mend it")
    assert not crop[:, :10].any()
    np.testing.assert_array_equal(crop[:, 10:], frame[10:30, :10])
    mask = mask_of(padded)
    assert mask.shape == (20, 20) and not mask[:, :15].any() and (mask[:, 15:] == 255).all()  # from column 5 on
    assert (mask_of(padded | {"mask_file": ""}) == mask).all()  # cut out of the video anew
    assert settings_of(tmp_path / "pad", row)["edges"] == "pad" and "align" not in settings_of(tmp_path / "pad", row)

    points = template(32, 1.3) * 0.75 + (20, 10)  # the crop shows columns 20 to 44 and rows 10 to 34
    aligned = Planned([Detection((25.0, 15.0, 40.0, 30.0), 0.99, points)])
    warped = extract_video(row, aligned, tmp_path / "align", stride=10, align=32).faces[0]
    assert boxes_of(SimpleNamespace(faces=[warped])) == [(20, 10, 45, 35)]  # half a pixel's corner: 20.1 to 44.1
    place = Placement.of(warped)
    assert place.side == 32 and place.matrix == pytest.approx(
        np.array([[4 / 3, 0, -80 / 3], [0, 4 / 3, -40 / 3]]), abs=1e-6
    )
    crop = decode_png(Path(warped["file"]).read_bytes(), "it", "mend it")
    wanted = cv2.warpAffine(frame, np.array(place.matrix), (32, 32), flags=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(crop, wanted)
    mask = mask_of(warped | {"mask_file": ""})
    assert mask.shape == (32, 32) and (mask == mask_of(warped)).all() and mask.all()
    again = extract_video(row, Refuses(), tmp_path / "align", stride=10, align=32)
    assert again.found and again.faces == [warped]  # to the last digit of the matrix
