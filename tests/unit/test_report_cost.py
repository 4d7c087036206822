"""The figure of cost: bars of the table's numbers, and the mark of the raw forwards."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from advxai.config.science import Detector as Settings
from advxai.detector import throughput
from advxai.report.cost import cost_figure, draw, limits
from advxai.report.nothing import NOTHING
from advxai.report.style import PAGE
from advxai.tables.compute import cost
from tests.helpers import reads_segment
from tests.unit.drawing import note_of, readable, same_bytes
from tests.unit.tables_data import AXES, EXPLANATIONS

SPEED = {
    "images_per_second": 50.0,
    "measured": "2025-01-02T03:04:05+00:00",
    "made_with": "Some CPU; torch 2.15.0",
    "device": "cpu",
    "backend": "openvino",
    "forward_batch": 16,
    "threads": 1,
}
# LIME: 100 images, 10 calls, 6 seconds; LIME_adv: 487 / 5 images, 7 / 5 calls and 4 / 5 seconds more; SHAP: no image
COSTS = cost(EXPLANATIONS, AXES)


def bars(axes) -> list[tuple[int, float, float, str]]:
    """(row, from, length, hatch) of every bar that can be seen."""
    return [
        (round(bar.get_y() + bar.get_height() / 2), bar.get_x(), pytest.approx(bar.get_width()), bar.get_hatch() or "")
        for bar in axes.patches
        if bar.get_width()
    ]


def test_bars_are_the_table_s():
    figure = draw(COSTS, SPEED)
    expected = {"images": (100, 97.4), "calls": (10, 1.4), "seconds": (6, 0.8)}
    for axes, (own, copy) in zip(figure.axes, expected.values(), strict=True):
        assert bars(axes) == [(0, 0, own, ""), (1, 0, own, ""), (1, own, copy, "//////")]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["LIME", "LIME_adv", "SHAP"]
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "images through the detector",
        "calls of the detector",
        "seconds",
    ]


def test_the_mark_is_all_images_at_the_raw_rate():
    assert limits(COSTS, SPEED)[:2] == pytest.approx([100 / 50, 197.4 / 50]) and np.isnan(limits(COSTS, SPEED)[2])
    *others, seconds = draw(COSTS, SPEED).axes
    (mark,) = seconds.lines
    assert mark.get_xdata()[:2] == pytest.approx([2, 3.948]) and mark.get_ydata().tolist() == [0, 1, 2]
    assert not any(axes.lines for axes in others)


def test_the_note_says_where_the_rate_is_from():
    said = note_of(draw(COSTS, SPEED, "Run r."))
    assert "(n = 0 to 5)" in said and "at 50 images a second with batches of 16 (openvino on cpu; Some CPU)" in said
    assert "measured 2025-01-02 when the run was done" in said and "perhaps on another machine" in said
    assert said.endswith("Run r.")


def test_parts_are_told_apart_without_colour():
    (legend,) = draw(COSTS, SPEED).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "limit of the forwards", "the explainer's own", "its adversarial copy's"
    ]  # fmt: skip
    own, copy = (bar for bar in legend.get_patches())
    assert own.get_hatch() is None and copy.get_hatch() and to_hex(copy.get_facecolor()) == "#ffffff"


def test_eleven_explainers():
    names = [f"METHOD_{number}_of_a_long_name" for number in range(11)]
    table = pd.concat([COSTS[:1]] * 11, ignore_index=True).assign(explainer=names)
    figure = draw(table, SPEED, "Run r.")
    readable(figure, PAGE)
    assert len(figure.legends[0].get_texts()) == 2  # no copies
    assert len(figure.axes[0].patches) == 11 and all(axes.get_window_extent().width > 150 for axes in figure.axes)


def test_the_speed_is_measured():
    found = throughput.speed(reads_segment(5), Settings(forward_batch=16), seconds=0.01)
    assert found["images_per_second"] > 0 and found["forward_batch"] == 16 and found["device"] == "cpu"
    assert "torch" in found["made_with"] and found["measured"].startswith("20")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    same_bytes(lambda path: cost_figure(COSTS, SPEED, path, "note", 60), tmp_path)


def test_without_an_image_the_figure_says_so(tmp_path):
    none = cost(EXPLANATIONS[:0], AXES)
    figure = draw(none, SPEED, "Run r.")
    (text,) = figure.texts
    assert figure.axes == [] and text.get_text().endswith(f"Run r.\n{NOTHING}")
    cost_figure(none, SPEED, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").stat().st_size > 1000


def test_what_goes_back_through_the_detector_has_a_panel_of_its_own_where_there_is_any():
    back = EXPLANATIONS.assign(backwards=(EXPLANATIONS["explainer"] == "LIME_adv") * 50)
    figure = draw(cost(back, AXES), SPEED)
    assert [axes.get_xlabel() for axes in figure.axes][2] == "images back through it"
    assert bars(figure.axes[2]) == [(1, 0, 50, "")]  # NES takes no gradient
    said = " ".join(note_of(figure).split())
    assert "Marks, none of white boxes, which work on torch's module: time of the same images as raw full" in said
    (mark,) = figure.axes[3].lines
    # LIME, a black box; LIME_adv, which goes back; SHAP, without an image
    assert mark.get_xdata()[0] == pytest.approx(2) and np.isnan(mark.get_xdata()[1:]).all()
    none = draw(cost(EXPLANATIONS.assign(backwards=0), AXES), SPEED)
    assert len(none.axes) == 3 and "white boxes" not in note_of(none) and "Marks: time of the same" in note_of(none)
