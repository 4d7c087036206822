"""The figures of the scorecard and of the agreement of measures: marks of the tables' numbers."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from advxai.answer.agreement import agreement
from advxai.answer.rows import Row
from advxai.answer.scorecard import tidy
from advxai.report.agreement import agreement_figure
from advxai.report.agreement import draw as draw_agreement
from advxai.report.scorecard import FEW, draw, heights, scorecard_figure
from advxai.report.style import ADVERSARIAL, PAGE, PLAIN
from tests.unit.answer_data import ACCURACY, COLUMNS, MASK, RESTORATION, ROWS, estimate
from tests.unit.drawing import note_of, readable, same_bytes

ESTIMATES = pd.concat(
    [
        estimate("restoration", {"LIME": 0.3, "LIME_adv": 0.42, "random": 0.06, "centre": 0.2, "oracle_mask": 0.47}),
        estimate("auc_mask", {"LIME": 0.1, "LIME_adv": 0.2, "oracle_mask": 0.5}, 6, 3, "Deepfakes"),
    ]
)
BEST = {("restoration", "all"): frozenset(["LIME_adv"])}
TABLE = tidy(ESTIMATES, COLUMNS, ROWS, BEST)


def many(count: int) -> tuple[pd.DataFrame, list[Row]]:
    """A scorecard of so many explainers with long names, controls and ceilings, in ten columns."""
    rows = [
        Row(f"Explainer_of_ours_number_{n}", "explainer", "x:Y", ("zeros", "adversarial")[n % 2]) for n in range(count)
    ]
    rows += [Row("random", "control"), Row("oracle_mask", "ceiling", "oracle_mask")]
    generator = np.random.default_rng(0)

    def values() -> Mapping[str, float]:
        return {row.name: float(generator.uniform(-1, 1)) for row in rows}

    frames = [estimate(column.name, values()) for column in (RESTORATION, ACCURACY)]
    categories = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
    frames += [estimate("auc_mask", values(), category=category) for category in categories]
    return tidy(pd.concat(frames), [RESTORATION, ACCURACY, MASK], rows, {}), rows


def marks(panel) -> list[tuple[float, str, str, bool]]:
    """(value, marker, colour, filled) of each row that is drawn."""
    lines = [line for line in panel.lines if line.get_marker() not in ("None", "")]
    return [
        (line.get_xdata()[0], line.get_marker(), line.get_color(), line.get_markerfacecolor() == line.get_color())
        for line in lines
    ]


def test_marks_are_the_table_s():
    restoration, mask = draw(TABLE, COLUMNS, ROWS).axes
    assert marks(restoration) == [
        (0.3, "o", PLAIN, False),
        (0.42, "s", ADVERSARIAL, True),
        (0.06, "D", "0.45", True),
        (0.2, "D", "0.45", True),
        (0.47, "^", "black", False),
    ]
    intervals = [
        line.get_xdata() for line in restoration.lines if line.get_color() == ADVERSARIAL and len(line.get_xdata()) > 1
    ]
    assert [list(ends) for ends in intervals] == [pytest.approx([0.38, 0.46])]
    assert [value for value, *_ in marks(mask)] == [0.1, 0.2, 0.5]
    assert [text.get_text() for text in mask.texts] == ["†"] and not restoration.texts
    assert [panel.get_title("left") for panel in (restoration, mask)] == [
        "restoration, 30% ↑",
        "pixel AUC, true mask, DF ↑",
    ]


def test_white_boxes_have_a_mark_of_their_own_and_colours_still_say_the_filling():
    others = {"LIME": {"method": "gradcam", "baseline": ""}, "LIME_adv": {"method": "integrated_gradients"}}
    white = [replace(row, **others.get(row.name, {})) for row in ROWS]
    figure = draw(TABLE, COLUMNS, white)
    assert marks(figure.axes[0])[:2] == [(0.3, "P", PLAIN, False), (0.42, "P", ADVERSARIAL, True)]
    (legend,) = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said[:2] == ["white box", "white box, adversarial filling"]
    card = tidy(estimate("restoration", dict.fromkeys((row.name for row in ROWS), 0.3)), COLUMNS, ROWS, BEST)
    beside = draw(card, COLUMNS, white)
    readable(beside, PAGE)
    assert [text.get_text() for text in beside.legends[0].get_texts()] == [
        "explainer", "with adversarial filling", *said[:2], "may be the best", "control", "ceiling", "chance"
    ]  # fmt: skip
    assert "white box" not in [text.get_text() for text in draw(TABLE, COLUMNS, ROWS).legends[0].get_texts()]


def test_the_band_reaches_from_the_lowest_control_to_the_highest():
    restoration, mask = draw(TABLE, COLUMNS, ROWS).axes
    (band,) = restoration.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.06, 0.14)) and not mask.patches


def test_what_marks_mean_is_said_where_there_are_any():
    figure = draw(TABLE, COLUMNS, ROWS, "Run r.")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "explainer", "with adversarial filling", "may be the best", "control", "ceiling", "chance"
    ]  # fmt: skip
    said = note_of(figure)
    assert "Filled: the best" in said and "† Made from" in said and "fewer than 20 people" in said
    assert said.endswith("Run r.")
    alone = tidy(estimate("restoration", {"LIME": 0.3}), COLUMNS, ROWS, {})
    assert (
        note_of(draw(alone, COLUMNS, ROWS)) == "Means and shares with 95 % intervals; arrows: which values are better."
    )
    few = alone.assign(low=float("nan"), high=float("nan"))
    assert note_of(draw(few, COLUMNS, ROWS)) == f"Means and shares; arrows: which values are better. {FEW}"


def test_rows_of_other_kinds_stand_apart():
    assert heights(["explainer", "explainer", "control"], [1, 2, 1]) == ([0.5, 2, 4.1], 4.6)
    restoration, _ = draw(TABLE, COLUMNS, ROWS).axes
    assert [label.get_text() for label in restoration.get_yticklabels()] == [
        "LIME", "LIME_adv", "random", "centre", "oracle_mask"
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 20])
def test_all_can_be_read_with_few_and_many_rows(count):
    table, rows = many(count)
    readable(draw(table, COLUMNS, rows, "A note."), PAGE)
    taus = agreement(table[table["kind"] == "explainer"], COLUMNS, rows)
    readable(draw_agreement(taus, "A note."), PAGE)


def test_nothing_to_draw():
    empty = tidy(ESTIMATES[:0], COLUMNS, ROWS, {})
    assert draw(empty, COLUMNS, ROWS).axes == [] == draw_agreement(agreement(ESTIMATES[:0], COLUMNS, ROWS)).axes


def test_a_matrix_of_numbers_blank_where_there_is_none():
    names = ["restoration", "accuracy, top-3", "sufficiency, top-3"]
    nan = float("nan")
    taus = pd.DataFrame([[1, -0.5, nan], [-0.5, 1, nan], [nan, nan, nan]], names, names)
    (axes,) = draw_agreement(taus).axes
    assert [(*text.get_position(), text.get_text()) for text in axes.texts] == [(1, 0, "−0.50"), (0, 1, "−0.50")]
    faces = axes.images[0].get_array()
    assert to_hex(faces[0, 2]) == "#ffffff" and to_hex(faces[0, 0]) == "#e6e6e6" == to_hex(faces[2, 2])
    red, _, blue, _ = faces[0, 1]
    assert red > blue


def test_the_same_input_gives_the_same_bytes(tmp_path):
    same_bytes(lambda path: scorecard_figure(TABLE, COLUMNS, ROWS, path, "note", 60), tmp_path / "a")
    taus = agreement(ESTIMATES, COLUMNS, ROWS)
    same_bytes(lambda path: agreement_figure(taus, path, "note", 60), tmp_path / "b")
