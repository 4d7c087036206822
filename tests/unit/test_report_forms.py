"""Maps in their methods' forms: what is red, what is blue, what is outlined."""

import math

import numpy as np
import pytest
from matplotlib import colormaps

from advxai.report.forms import full_at, heat, outlined, raster, resized, signed, tinted
from advxai.report.style import form_of

GREY = np.full((4, 4, 3), 0.5)
SEGMENTS = np.array([[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2, np.int16)


def test_form_goes_by_method_and_sign() -> None:
    assert form_of("lime", {"zero": 0.0}) == "outlines"
    assert form_of("shap", {"zero": 0.3}) == "signed"
    assert form_of("rise", {"zero": math.nan}) == form_of("gradcam", {"zero": math.nan, "backwards": 1}) == "heat"
    assert form_of("occlusion", {"zero": 0.0, "backwards": 0}) == form_of("kernel_shap", {"zero": 0.0}) == "signed"
    # white boxes with a sign, also from outside
    for method in ("integrated_gradients", "gradient_shap", "tests.custom:GradientTimesInput"):
        assert form_of(method, {"zero": 0.0, "backwards": 1}) == "gradients"
    assert form_of("tests.custom:Occlusion", {"zero": 0.0}) == "signed"
    # made before the zero was kept
    assert form_of("lime", {"zero": math.nan}) == form_of("shap", {"zero": math.nan}) == "heat"


def test_red_speaks_for_and_blue_against() -> None:
    values = np.array([0.25, 1.0, 0.5, 0.0])  # zero is 0.5: half against, wholly for, nothing, wholly against
    picture = signed(GREY, values[SEGMENTS], 0.5)
    red, blue = picture[..., 0], picture[..., 2]
    assert red[0, 2] > blue[0, 2] and blue[2, 2] > red[2, 2] and blue[0, 0] > red[0, 0]
    # no effect is the middle of the colours, nearly white: 0.35 x 0.5 + 0.65 x 0.97
    assert picture[2, 0] == pytest.approx([0.805] * 3, abs=0.01)
    # half as strong is paler
    assert picture[0, 0].sum() > picture[2, 2].sum()


def test_a_few_pixels_of_gradients_don_t_pale_all_others() -> None:
    values = np.full((20, 20), -0.5)
    values[0, :3] = 50.0  # three of 400, above the 99th percentile
    grey = np.full((20, 20, 3), 0.5)
    assert (full_at(values, "signed"), full_at(values, "gradients")) == (50.0, 0.5)
    cut, whole = signed(grey, values, 0.0, "gradients"), signed(grey, values, 0.0)
    assert cut[5, 5] == pytest.approx(0.35 * 0.5 + 0.65 * np.array(colormaps["RdBu_r"](0.0)[:3]))  # wholly against
    assert whole[5, 5] == pytest.approx([0.805] * 3, abs=0.02)  # next to nothing
    assert cut[0, 0] == pytest.approx(whole[0, 0])  # wholly for, in both
    few = np.zeros((20, 20))
    few[3, 3] = 2.0
    assert full_at(few, "gradients") == 2.0  # where the percentile is 0
    assert math.isnan(full_at(np.full((2, 2), math.nan), "gradients"))


@pytest.mark.parametrize("zero", [0.5, math.nan])
def test_a_map_that_says_nothing_is_the_grey_image(zero: float) -> None:
    assert signed(GREY, np.full((4, 4), 0.5), zero) == pytest.approx(GREY)


def test_the_largest_weights_are_outlined() -> None:
    shown = outlined(np.array([0.1, -0.4, 0.0, 0.3]), 0.0, count=3)
    assert [(one.label, one.positive) for one in shown] == [(1, False), (3, True), (0, True)]
    assert [one.weight for one in shown] == pytest.approx([-0.4, 0.3, 0.1])
    assert len(outlined(np.array([0.1, -0.4, 0.0, 0.3]), 0.0, count=9)) == 3  # a weight of nothing has no outline
    assert outlined(np.array([0.1, 0.2]), math.nan) == []


def test_tints_follow_the_sign() -> None:
    picture = tinted(GREY, SEGMENTS, outlined(np.array([1.0, 0.0, 0.0, -1.0]), 0.0))
    assert picture[0, 0, 0] > picture[0, 0, 2] and picture[3, 3, 2] > picture[3, 3, 0]
    assert picture[0, 3] == pytest.approx(GREY[0, 3]) and picture[3, 0] == pytest.approx(GREY[3, 0])


def test_raster_takes_the_form() -> None:
    scores = np.array([0.0, 1.0, 2.0, -1.0])
    args = (GREY, scores[SEGMENTS], SEGMENTS, scores, 0.0)
    assert raster("heat", *args) == pytest.approx(heat(GREY, scores[SEGMENTS]))
    assert raster("signed", *args) == pytest.approx(signed(GREY, scores[SEGMENTS], 0.0))
    assert raster("gradients", *args) == pytest.approx(signed(GREY, scores[SEGMENTS], 0.0, "gradients"))
    assert raster("outlines", *args) == pytest.approx(tinted(GREY, SEGMENTS, outlined(scores, 0.0)))


def test_resizing_keeps_the_mean() -> None:
    picture = np.random.default_rng(0).random((64, 64, 3))
    assert resized(picture, 32).mean() == pytest.approx(picture.mean(), abs=1e-6)
    assert resized(picture, 64) is picture
