"""Figures: what is computed for them, and that they are drawn the same every time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advxai.report.axes import Shown
from advxai.report.figure import Panel, draw, explainer_figure
from advxai.report.forms import amplified, heat
from advxai.report.nothing import NOTHING
from advxai.report.style import PAGE
from tests.unit.drawing import note_of, readable

GREY = np.full((8, 8, 3), 100, np.uint8)


def shown(size: int = 8) -> Shown:
    """Four quadrants, labels 0 to 3; the last one matters most."""
    half = np.arange(size) // (size // 2)
    segments = 2 * half[:, None] + half[None]
    return Shown(segments.astype(np.float32), segments.astype(np.int16), np.array([3, 2, 1, 0]), "caption")


def test_difference_is_stretched_around_mid_grey() -> None:
    other = GREY.astype(np.float64) / 255
    other[0, 0] += 2 / 255
    other[0, 1] -= 4 / 255
    stretched, largest = amplified(GREY, other)
    assert largest == pytest.approx(4)
    assert stretched[0, 0] == pytest.approx([0.75] * 3) and stretched[0, 1] == pytest.approx([0] * 3)
    assert stretched[5, 5] == pytest.approx([0.5] * 3)


def test_differences_below_one_grey_level_and_outside_the_range_are_seen() -> None:
    white = np.ones((2, 2, 3))
    stretched, largest = amplified(white, white + 0.5 / 255)
    assert largest == pytest.approx(0.5) and stretched == pytest.approx(np.ones((2, 2, 3)))


def test_no_difference() -> None:
    stretched, largest = amplified(GREY, GREY)
    assert largest == 0 and (stretched == 0.5).all()


def test_heat_is_brightest_where_the_map_is_highest() -> None:
    picture = heat(GREY, np.array([[0.0, 1.0], [2.0, 3.0]]))  # a coarse map is stretched over the image
    brightness = picture.sum(axis=2)
    assert brightness[0, 0] < brightness[0, 7] < brightness[7, 0] < brightness[7, 7]
    assert (brightness[:4, :4] == brightness[0, 0]).all()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_map_that_says_nothing_shows_the_grey_image(value: float) -> None:
    assert heat(GREY, np.full((8, 8), value)) == pytest.approx(np.full((8, 8, 3), 100 / 255))


def panels() -> list[Panel]:
    mask = np.zeros((16, 16), bool)
    mask[:, :8] = True  # of another size, and touching the border
    pair = {"LIME": shown(), "LIME_adv": shown()}
    adversarial = GREY / 255 + 1 / 255
    return [
        Panel("Deepfakes", GREY, "called Deepfakes", mask, adversarial, "called Real", pair),
        Panel("FaceSwap", GREY, "called Real", explanations={"LIME": shown()}),
    ]


def test_rows_and_columns() -> None:
    figure = draw(panels(), "title", top=3)
    cells = figure.axes[: 2 * 5]
    assert [axes.get_ylabel() for axes in cells[::2]] == [
        "image",
        "adversarial\ncopy",
        "difference",
        "LIME",
        "LIME_adv",
    ]
    assert [axes.get_title() for axes in cells[:2]] == ["Deepfakes", "FaceSwap"]
    assert cells[4].get_xlabel() == "largest 1.0/255, shown ×128"
    assert [text.get_text() for text in cells[5].texts] == ["none"]
    assert [text.get_text() for text in cells[9].texts] == ["no map"]
    assert [text.get_text() for text in draw(panels(), "", top=2).axes[6].texts] == ["1", "2"]


def test_numbers_stand_inside_their_segments() -> None:
    axes = draw(panels(), "", top=3).axes[6]
    for text, label in zip(axes.texts, [3, 2, 1], strict=True):
        x, y = text.get_position()
        assert shown().segments[round(y), round(x)] == label


def test_outlines_are_true_in_place() -> None:
    axes = draw(panels(), "", top=1).axes[6]
    segment, mask = (patch.get_path().get_extents() for patch in axes.patches)
    # pixel edges lie at -0.5 ... 7.5: the mask is the left half, segment 3 the lower right one; slack: a quarter of a
    # pixel of theirs
    assert [mask.x0, mask.y0, mask.x1, mask.y1] == pytest.approx([-0.5, -0.5, 3.5, 7.5], abs=0.26)
    assert [segment.x0, segment.y0, segment.x1, segment.y1] == pytest.approx([3.5, 3.5, 7.5, 7.5], abs=0.51)


def test_rows_without_adversarial_copies() -> None:
    figure = draw([Panel("Deepfakes", GREY, explanations={"RISE": shown()})], "", top=3)
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == ["image", "RISE"]


def test_what_maps_are_not_stands_under_them_and_gradients_share_the_bar_of_signs() -> None:
    maps = {"IG": replace(shown(), form="gradients", zero=0.0), "SHAP": replace(shown(), form="signed", zero=0.0)}
    text = "IG: how each pixel's difference from the baseline adds to the class's score; not more. " * 3
    figure = draw([replace(panels()[0], explanations=maps)], "IG", top=3, text=text)
    readable(figure, PAGE)
    assert note_of(figure).replace("\n", " ").strip() == text.strip()
    bars = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes[5:]]
    assert bars == [["against", "for"]]
    lowest = min(axes.get_window_extent().y0 for axes in figure.axes)
    assert lowest > max(one.get_window_extent().y1 for one in figure.texts if one.get_text().startswith("IG: "))


def test_same_panels_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        explainer_figure(panels(), tmp_path / folder / "LIME_adv.png", "title")
    names = ["LIME_adv.pdf", "LIME_adv.png"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "LIME_adv.png").read_bytes().startswith(b"\x89PNG")


def test_without_an_image_the_figure_says_so(tmp_path: Path) -> None:
    explainer_figure([], tmp_path / "LIME.png", "LIME on a detector")
    (text,) = draw([], "LIME on a detector", top=3).texts
    assert text.get_text() == f"LIME on a detector\n{NOTHING}"
    assert {path.name for path in tmp_path.iterdir()} == {"LIME.png", "LIME.pdf"}


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (4, 2), (2, 4)])
def test_any_number_of_columns_and_rows_is_readable_in_print(columns: int, rows: int) -> None:
    forms = ("outlines", "signed", "heat", "heat")
    scores = np.array([0.1, -0.3, 0.2, 0.5])
    maps = {
        f"EXPLAINER_{number}_adv": replace(shown(), form=forms[number], scores=scores, zero=0.0, caption="a\nb")
        for number in range(rows)
    }
    one = replace(panels()[0], explanations=maps, adversarial_caption="called Real\nafter 3\np(Real) 0.1")
    figure = draw([one] * columns, f"{' and '.join(maps)} on a network of a long name", top=3)
    readable(figure, PAGE)
    boxes = [axes.get_window_extent() for axes in figure.axes[: (3 + rows) * columns]]
    assert min(box.width for box in boxes) > 1.5 * figure.dpi
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:3] == ["true mask", "segments ranked 1 to 3", "speaks for the class"]
