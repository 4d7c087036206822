"""Where a crop doesn't fill the detector's input: controls, masks and measures know what is face and what is black."""

from pathlib import Path

import numpy as np
import pytest

from advxai.common.classes import FIVE
from advxai.config.science import Resize
from advxai.explain.explained import Explained
from advxai.explain.source import Face
from advxai.media.cut import Placement, encode_png
from advxai.media.fit import lies_in
from advxai.metrics.subjects import Subjects
from advxai.report.panels import as_seen, mask_seen
from advxai.saliency.controls import Ordered, Sight, ordered
from advxai.saliency.prior import FACE, SIDE, Prior, laid_over
from tests.helpers import explainer_settings

SIZE = 32
CROP = np.full((60, 30, 3), 90, np.uint8)  # lies in columns 8 to 23
CROP[30:, 15:] = 200
MASK = np.zeros((60, 30), np.uint8)
MASK[30:, 15:] = 255  # rows 16 on, columns 16 to 23
# columns 0 to 3 and 4 to 7 are black, then the crop in quarters, then black: labels 0 to 6
SEGMENTS = np.zeros((SIZE, SIZE), np.int16)
SEGMENTS[:, 4:8] = 1
SEGMENTS[:16, 8:16], SEGMENTS[:16, 16:24], SEGMENTS[16:, 8:16], SEGMENTS[16:, 16:24] = 2, 3, 4, 5
SEGMENTS[:, 24:] = 6


def order(method: str, seen: Sight) -> Ordered:
    return ordered(explainer_settings(method=method), seen, 0)


def sight(**changes) -> Sight:
    return Sight("a", SEGMENTS, CROP, MASK, CROP // 2, fit="letterbox", **changes)


def test_black_has_no_share_and_no_edge():
    assert order("largest", sight()).scores.tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25, 0]
    found = order("edges", sight())
    assert not found.map[:, :8].any() and not found.map[:, 24:].any()
    assert found.map[:13, 8:24].max() < 1e-5 and found.map[20, 15:17].min() > 0  # where the picture has one
    stretched = order("edges", Sight("a", SEGMENTS, CROP))
    assert stretched.map[25, 14:18].any() and stretched.map[25, 22:26].max() < 1e-5


def test_true_masks_and_differences_lie_where_the_crop_lies():
    mask, gap = order("oracle_mask", sight()), order("oracle_difference", sight())
    assert mask.scores.tolist() == [0, 0, 0, 0, 0, 1, 0] and mask.ranking[0] == 5
    assert gap.scores == pytest.approx([0, 0, *[45 / 255] * 3, 100 / 255, 0])
    landmarks = FACE * (30 / SIDE) + (0, 10)
    prior = order("face_prior", sight(landmarks=landmarks))
    assert prior.map[:, 8:24].sum() > 0.99 * prior.map.sum() > 0


def test_a_face_is_laid_over_in_its_own_proportions():
    share = np.zeros((SIDE, SIDE), np.float32)
    x, y = FACE[2].round().astype(int)  # the nose
    share[y - 3 : y + 4, x - 3 : x + 4] = 1
    landmarks = np.asarray(FACE * (30 / SIDE) + (0, 10))
    found = laid_over(Prior(share, 1), landmarks, (60, 30), (SIZE, SIZE), "letterbox")
    rows, columns = np.nonzero(found > 0.5)
    part = lies_in((60, 30), SIZE, "letterbox")
    assert (columns.mean(), rows.mean()) == pytest.approx(
        (part.left + (landmarks[2, 0] + 0.5) * 16 / 30 - 0.5, (landmarks[2, 1] + 0.5) * 32 / 60 - 0.5), abs=0.5
    )


class NoCounterpart:
    def image(self, key):
        return None

    def reason(self, key):
        return "there is none"

    def sha256(self, key):
        return ""


def test_measures_compare_with_the_mask_where_it_lies():
    record = {"segments": SEGMENTS}
    subjects = Subjects({"a": record}, lambda *_: CROP, lambda _: MASK, NoCounterpart(), FIVE, "letterbox")
    truth = subjects.subject("a", "0").find_mask()
    assert truth.region.shape == (SIZE, SIZE) and np.array_equal(truth.region, SEGMENTS == 5)


def test_figures_draw_the_mask_where_it_lies(tmp_path: Path):
    (tmp_path / "mask.png").write_bytes(encode_png(MASK))
    row = {"key": "a", "mask": "", "mask_file": str(tmp_path / "mask.png")}
    assert np.array_equal(mask_seen(row, CROP, SIZE, "letterbox"), SEGMENTS == 5)
    assert mask_seen(row, CROP, SIZE, "stretch").shape == (60, 30)  # is drawn over all of it
    assert as_seen(CROP, SIZE, Resize(fit="letterbox")).shape == as_seen(CROP, SIZE, Resize()).shape == (SIZE, SIZE, 3)
    assert as_seen(CROP[:30], SIZE, Resize()) is not None and as_seen(None, SIZE, Resize()) is None


def test_an_explanation_s_picture_shows_the_crop_where_it_lies():
    face = Face(1, "a", "0", CROP, Placement((0, 0, 30, 60)), mask=MASK)
    seen = np.zeros((SIZE, SIZE, 3), np.float32)
    one = Explained(face, FIVE, {}, seen, seen, fit="letterbox")
    assert np.array_equal(one.mask, SEGMENTS == 5)
    picture = one.enlarged(64)
    assert picture.shape == (64, 64, 3) and not picture[:, :16].any() and not picture[:, 48:].any()
    assert picture[5, 20] == pytest.approx([90 / 255] * 3) and picture[60, 44] == pytest.approx([200 / 255] * 3)
    assert one.display.shape == (60, 60, 3)
