"""Where a face's crop lies, by every rule that detectors' authors have: at the frame's borders, by hand."""

import json

import cv2
import numpy as np
import pytest

from advxai.config.data import Faces
from advxai.explain.document import polygons
from advxai.media.align import ARCFACE, similarity, template
from advxai.media.cut import Placement, cut, square_box
from advxai.media.fit import Part
from advxai.media.rule import STANDS_IN, Rule

HEIGHT, WIDTH = 100, 200
NONE = np.zeros((5, 2))
FRAME = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
EIGHTHS, THIRDS = (1 / 8,) * 4, (1 / 3,) * 4


def place(rule: Rule, *box: float) -> Placement:
    return rule.place((box[0], box[1], box[2], box[3]), NONE, HEIGHT, WIDTH)


def test_the_defaults_give_the_boxes_of_always():
    rng = np.random.default_rng(0)
    assert Rule.of(Faces()) == Rule() and Rule().settings == {"scale": 1.3} and not Rule().notes
    for x, y, w, h in rng.uniform((-30, -30, 1, 1), (200, 100, 90, 90), (300, 4)):
        found = place(Rule(), x, y, x + w, y + h)
        assert found == Placement(square_box((x, y, x + w, y + h), HEIGHT, WIDTH, 1.3)) and found.text == ""


@pytest.mark.parametrize(
    ("rule", "box", "bounds"),
    [
        # SBI: an eighth of width and height at each side, cut off at the frame, no square
        (Rule(1, EIGHTHS, square=False, edges="clip"), (40, 20, 80, 52), (35, 16, 85, 56)),
        (Rule(1, EIGHTHS, square=False, edges="clip"), (-2, 0, 38, 32), (0, 0, 43, 36)),
        (Rule(1, EIGHTHS, square=False, edges="clip"), (160, 60, 200, 100), (155, 55, 200, 100)),
        # selimsef: a third
        (Rule(1, THIRDS, square=False, edges="clip"), (60, 30, 90, 60), (50, 20, 100, 70)),
        (Rule(1, THIRDS, square=False, edges="clip"), (170, 3, 200, 33), (160, 0, 200, 43)),
        # ICPR: .2 at each side, .4 on top; a square of the longer side
        (Rule(1, (0.2, 0.4, 0.2, 0.2), edges="clip"), (60, 40, 80, 60), (54, 32, 86, 64)),  # 28 by 32 around (70, 48)
        (Rule(1, (0.2, 0.4, 0.2, 0.2), edges="clip"), (0, 0, 20, 20), (0, 0, 26, 24)),  # would begin at (-6, -8)
        # FF++'s own: int(1.3 * 45) = 58 around (47, 50), then at borders
        (Rule(1.3, edges="shrink"), (30, 28, 65, 73), (18, 21, 76, 79)),
        (Rule(1.3, edges="shrink"), (-4, 10, 26, 40), (0, 6, 39, 45)),  # the corner alone is moved: not (0, 6, 35, 45)
        (Rule(1.3, edges="shrink"), (150, 70, 190, 110), (144, 64, 180, 100)),  # 36 rows are left of 52, and of columns
        # not square, moved inside
        (Rule(1.5, square=False), (-10, 30, 30, 50), (0, 25, 60, 55)),
        (Rule(1.5, square=False), (10, 0, 20, 90), (8, 0, 23, 100)),  # 135 rows don't fit into 100
        # square, cut off
        (Rule(1.0, edges="clip"), (180, 80, 220, 100), (180, 70, 200, 100)),
    ],
)
def test_boxes_at_the_frame_s_borders(rule, box, bounds):
    found = place(rule, *box)
    assert found.bounds == bounds and found.text == ""
    x1, y1, x2, y2 = bounds
    np.testing.assert_array_equal(found.cut(FRAME), FRAME[y1:y2, x1:x2])


def test_what_is_not_in_the_frame_is_black():
    found = place(Rule(1, edges="pad"), -10, 20, 30, 50)  # 40 by 40 around (10, 35)
    assert found.bounds == (0, 15, 30, 55) and found.reaching == (-10, 15, 30, 55) and found.size == (40, 40)
    crop = found.cut(FRAME)
    assert not crop[:, :10].any()
    np.testing.assert_array_equal(crop[:, 10:], FRAME[15:55, :30])
    np.testing.assert_array_equal(found.cut(FRAME[..., 0]), crop[..., 0])  # of a mask
    corner = place(Rule(1, edges="pad"), 190, 90, 210, 110).cut(FRAME)
    np.testing.assert_array_equal(corner[:10, :10], FRAME[90:, 190:])
    assert not corner[10:].any() and not corner[:, 10:].any()
    assert place(Rule(1, edges="pad"), 20, 20, 40, 40) == Placement((20, 20, 40, 40))  # nothing lacks
    assert place(Rule(1, edges="pad"), 300, 20, 320, 40).bounds == (199, 20, 200, 40)  # beside the frame: what there is


def turned(side: int, scale: float, angle: float, zoom: float, shift: tuple[float, float]) -> np.ndarray:
    """Landmarks in a frame of a face that lies in the template as it should."""
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return template(side, scale) @ turn.T + shift


def test_the_template_is_deepfakebench_s():
    np.testing.assert_allclose(template(112, 1.0), ARCFACE)
    # the eye at the left, of 256 pixels drawn in by 1.3: margin 38.4, times 256 / 332.8
    np.testing.assert_allclose(template(256, 1.3)[0], (np.array([38.2946, 51.6963]) * 256 / 112 + 38.4) * 256 / 332.8)
    assert np.hypot(*(template(256, 1.3)[1] - template(256, 1.3)[0])) < 256 / 112 * 35.3 / 1.29


@pytest.mark.parametrize(("angle", "zoom"), [(0.0, 1.0), (0.4, 0.8), (-1.2, 1.7)])
def test_a_turned_face_is_brought_back_to_the_template(angle, zoom):
    points = turned(256, 1.3, angle, zoom, (300.5, 200.25))
    found = Rule(1.3, align=256).place((0, 0, 1, 1), points, 900, 1200)
    matrix = np.array(found.matrix)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], template(256, 1.3), atol=1e-3)
    assert found.size == (256, 256) and Placement.read(found.bounds, found.text) == found  # to the bit
    # and back: the nose, counted from the corner of the first pixel
    np.testing.assert_allclose(found.to_frame(template(256, 1.3) + 0.5), points + 0.5, atol=1e-6)


def test_a_warp_cuts_what_lies_there():
    dot = np.zeros((300, 400), np.uint8)
    cv2.circle(dot, (210, 150), 6, 255, -1)
    onto = template(128, 1.3)
    points = turned(128, 1.3, 0.6, 0.8, (180, 60))
    found = Rule(1.3, align=128).place((0, 0, 1, 1), points, 300, 400)
    matrix = similarity(points, onto)
    crop = found.cut(dot)
    y, x = np.nonzero(crop > 127)
    np.testing.assert_allclose((x.mean(), y.mean()), matrix[:, :2] @ (210, 150) + matrix[:, 2], atol=0.3)
    x1, y1, x2, y2 = found.bounds
    assert 0 <= x1 < x2 <= 400 and 0 <= y1 < y2 <= 300
    inside = found.corners.clip(0, (400, 300))
    assert x1 <= inside[:, 0].min() < x1 + 1 and y2 - 1 < inside[:, 1].max() <= y2
    # the dot's outline goes back to the picture, to a pixel
    ((ring,),) = [polygons(crop > 127, found, Part(0, 0, 128, 128))]
    away = np.hypot(*(np.array(ring) - (210.5, 150.5)).T)
    assert np.abs(away - 6).max() < 1


def test_outlines_of_a_letterboxed_crop_are_in_pixels_of_the_picture():
    region = np.zeros((8, 8), bool)
    region[:, 4:] = True  # the right half of an input in which a crop of 40 by 20 lies in rows 2 to 5
    ((ring,),) = [polygons(region, Placement((100, 50, 140, 70)), Part(0, 2, 8, 4))]
    x, y = zip(*ring, strict=True)
    assert (min(x), max(x), min(y), max(y)) == (121.25, 138.75, 51.25, 68.75)  # a quarter of 5 pixels within
    region[:2] = False
    black = np.zeros((8, 8), bool)
    black[:2] = True
    assert polygons(black, Placement((100, 50, 140, 70)), Part(0, 2, 8, 4)) == []


def test_rows_say_where_their_crops_lie():
    box = dict(zip(("x1", "y1", "x2", "y2"), (0, 15, 30, 55), strict=True))
    assert Placement.of(box) == Placement.of(box | {"placement": float("nan")}) == Placement((0, 15, 30, 55))
    padded = place(Rule(1, edges="pad"), -10, 20, 30, 50)
    assert Placement.of(box | {"placement": padded.text}) == padded and json.loads(padded.text)["box"] == [
        -10,
        15,
        30,
        55,
    ]
    for wrong in ("{", "[]", '{"box": [1]}', '{"matrix": 3, "side": 4}'):
        with pytest.raises(ValueError, match="doesn't say where a crop lies"):
            Placement.of(box | {"placement": wrong})
    with pytest.raises(ValueError, match="20 x 100"):  # of a smaller mask video
        cut(FRAME[:, :20], padded)


def test_rules_in_words_and_in_records():
    sbi = Rule.of(Faces(scale=1, margins=("1/8",) * 4, square=False, edges="clip"))
    assert sbi.settings == {"scale": 1, "margins": [0.125] * 4, "square": False, "edges": "clip"}
    assert (
        sbi.words == "the face's box and margins of 0.125, 0.125, 0.125, 0.125, times 1, cut off at the frame's edges"
    )
    assert Rule().words == "square of the longer side of the face's box, times 1.3, moved inside the frame"
    assert "turned and scaled to 256 pixels" in Rule(align=256).words and Rule(align=256).notes == [STANDS_IN]
