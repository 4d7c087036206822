"""Lines that fit, squares that are square."""

import pytest

from advxai.report.sheet import broken, note, note_height, sheet, side_of, squares, wrapped
from tests.unit.drawing import readable

TEXT = (
    "Mean images, calls and seconds of explaining one image. " * 6 + "\nRun r, protocol paper, WWWWWWWW MMMMMMMM. " * 3
)


def test_lines_fit_and_nothing_is_lost():
    lines = wrapped(TEXT, 2.0).split("\n")
    assert " ".join(lines).split() == TEXT.split()
    assert [line for line in lines if line.startswith("Run r,")]  # a paragraph begins a line
    readable_at = sheet(2.16, 3, 100)
    readable_at.text(0.02, 0.02, "\n".join(lines), fontsize=6.5)
    readable(readable_at, 2.16)


def test_a_name_breaks_after_underscores_and_before_capitals_alone():
    assert broken("LIME_segment_mean", 0.55) == "LIME_\nsegment_\nmean" and broken("LIME_adv", 1) == "LIME_adv"
    assert broken("IntegratedGradients_adv", 0.65) == "Integrated\nGradients_\nadv"
    assert broken("KernelSHAP", 0.1) == "Kernel\nSHAP"
    assert broken("Averylongname", 0.1) == "Averylongname"


@pytest.mark.parametrize("layout", ["constrained", None])
def test_the_note_stands_along_the_lower_edge(layout):
    figure = sheet(3.5, 2, 100, layout)
    note(figure, TEXT)
    readable(figure, 3.5)
    assert figure.get_tightbbox().y1 == pytest.approx(note_height(TEXT, 3.5), abs=0.2)


def test_squares():
    figure = sheet(4, 3, 100, None)
    grid = squares(figure, [0.5, 0.1], 2, 1.0, left=0.4, top=0.3, gap=0.2)
    boxes = [[axes.get_window_extent() for axes in line] for line in grid]
    assert [[(box.x0, box.y1) for box in line] for line in boxes] == [
        [pytest.approx((40, 270)), pytest.approx((160, 270))], [pytest.approx((40, 120)), pytest.approx((160, 120))]
    ]  # fmt: skip
    assert all(box.width == pytest.approx(100) == pytest.approx(box.height) for line in boxes for box in line)
    assert side_of(7, 4, 2, gap=0.2) == pytest.approx(1.6) and side_of(7, 2, 2, gap=0.2) == 2
