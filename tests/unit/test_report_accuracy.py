"""The figure of accuracy: the numbers of the table, and what is drawn of them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from advxai.report.accuracy import Lines, accuracy_figure, accuracy_shares, draw
from advxai.report.nothing import NOTHING
from advxai.report.style import PAGE
from advxai.tables.compute import Axes, accuracy, clean_predictions
from tests.unit.drawing import labels_of, note_of, readable, same_bytes
from tests.unit.tables_data import AXES, EXPLANATIONS, evaluation_rows

BASELINES = {"LIME": "image_mean", "LIME_adv": "adversarial", "SHAP": "blur"}


def in_videos(table: pd.DataFrame) -> pd.DataFrame:
    """Images d1 and d2 are frames of one video, f1 and f2 of another one."""
    return table.assign(key=table["key"].str[0] + ".mp4/" + table["key"].str[1] + ".png")


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    rows, spent = in_videos(evaluation_rows()), in_videos(EXPLANATIONS)
    return accuracy_shares(rows, clean_predictions(rows, spent), AXES)


def lines(**changes) -> Lines:
    return dataclasses.replace(Lines(AXES, [["LIME", "LIME_adv"], ["SHAP"]], BASELINES, note="Run r."), **changes)


def panel(figure: Figure, row: int, column: int = 0, columns: int = 2):
    return figure.axes[row * columns + column]


def curves(axes) -> list[tuple[list, list]]:
    """x and y of each curve, not of the bands' ends and not of what is published."""
    drawn = [line for line in axes.lines if line.get_linewidth() == 1.1 and line.get_markerfacecolor() != "none"]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in drawn]


def test_the_shares_are_the_table_s(found):
    rows, spent = in_videos(evaluation_rows()), in_videos(EXPLANATIONS)
    table = accuracy(rows, AXES, clean_predictions(rows, spent))
    table = table[table["n"] > 0].set_index(["explainer", "category", "k"]).sort_index()
    ours = found.set_index(["explainer", "category", "k"]).sort_index()
    pd.testing.assert_series_equal(ours["value"], table["value"], check_exact=True)
    assert ours["n"].tolist() == table["n"].tolist()
    # d1 is right, d2 isn't, both of one video
    assert ours.loc[("Original", "Deepfakes", 0), ["n", "videos", "effective", "value"]].tolist() == [2, 1, 1, 0.5]


def test_curves_bands_and_labels(found):
    figure = draw(found, lines())
    rows = [panel(figure, row).get_ylabel() for row in range(5)]
    assert rows == ["Deepfakes\nn = 2", "Face2Face\nn = 2", "FaceSwap\nn = 0", "NeuralTextures\nn = 1", "all\nn = 5"]
    deepfakes = panel(figure, 0)
    # k = 0 clean; LIME: d1 and d2 are called 3 (right) at k = 1, Real at 2; LIME_adv: Real and FaceSwap, Real and Real
    assert curves(deepfakes) == [([0, 1, 2], [0.5, 1, 0]), ([0, 1, 2], [0.5, 0, 0])]
    band = deepfakes.collections[0].get_paths()[0].vertices
    mine = found[(found["explainer"].isin(["Original", "LIME"])) & (found["category"] == "Deepfakes")]
    for _, one in mine.iterrows():
        at = band[band[:, 0] == one["k"], 1]
        assert at.min() == pytest.approx(one["low"]) and at.max() == pytest.approx(one["high"])
    assert labels_of(deepfakes) == ["LIME", "LIME_adv"] and labels_of(panel(figure, 0, 1)) == ["SHAP"]
    looks = [(line.get_linestyle(), line.get_marker()) for line in deepfakes.get_legend().get_lines()]
    assert looks == [("-", "o"), ("--", "s")]
    # f2 leaves LIME's rows
    assert [text.get_text() for text in panel(figure, 1).texts] == ["n = 1 to 2"]
    assert note_of(figure).endswith("resemble each other. Run r.") and "published" not in note_of(figure)


def test_an_explainer_and_a_category_without_rows_show_what_there_is(found):
    figure = draw(found, lines())
    assert curves(panel(figure, 0, 1)) == [([0], [0.5])]
    assert len(panel(figure, 2).lines) == 0
    readable(figure, PAGE)


def test_published_numbers_are_hollow_and_only_the_paper_s(found):
    figure = draw(found, lines(readings={"LIME": "LIME", "LIME_adv": "LIME_adv"}))
    hollow = [line for line in panel(figure, 0).lines if line.get_markerfacecolor() == "none"]
    # table 1 of the paper, Deepfakes; the figure goes to k = 2
    assert [line.get_ydata().tolist() for line in hollow] == [[0.978, 0.735, 0.440], [0.978, 0.673, 0.363]]
    assert not [line for line in panel(figure, 4).lines if line.get_markerfacecolor() == "none"]
    assert "Hollow: published (paper, table 1)" in note_of(figure)


def many(names: list[str], frames: int = 1) -> pd.DataFrame:
    """Four categories of 30 videos."""
    rng = np.random.default_rng(0)
    clean = pd.DataFrame(
        [
            (f"{label}/{video}.mp4/{frame}.png", category, label, label)
            for label, category in enumerate(AXES.categories, start=1)
            for video in range(30)
            for frame in range(frames)
        ],
        columns=["key", "category", "label", "predicted"],
    )
    rows = [
        clean.assign(
            explainer=name, k=k, included=True, predicted_after=clean["label"] * (rng.random(len(clean)) < 0.6)
        )
        for name in names
        for k in (1, 2, 3)
    ]
    return accuracy_shares(pd.concat(rows), clean, Axes(names, AXES.categories, 3))


@pytest.mark.parametrize("apart", [True, False])
def test_eleven_explainers_are_readable(apart):
    names = [f"METHOD{n}_of_a_long_name" for n in range(11)]
    groups = [[name] for name in names] if apart else [names[:4], names[4:8], names[8:]]
    axes = Axes(names, AXES.categories, 3)
    figure = draw(many(names), Lines(axes, groups, dict.fromkeys(names, "blur"), note="Run."))
    readable(figure, PAGE)
    shown = [one for one in figure.axes if one.get_visible()]
    assert len(shown) == 5 * len(groups)
    tops = [one for one in shown if one.get_legend()]
    assert len(tops) == len(groups) and all(one.get_window_extent().width > 80 for one in shown)
    # what is distinguished by colour is by line and marker too
    for one in tops:
        looks = [(str(line.get_linestyle()), line.get_marker()) for line in one.get_legend().get_lines()]
        assert len(set(looks)) == len(looks) == (1 if apart else len(labels_of(one)))


def test_one_image(tmp_path):
    axes = Axes(["LIME"], ["Deepfakes"], 1)
    clean = pd.DataFrame({"key": ["v.mp4/0.png"], "category": "Deepfakes", "label": 3, "predicted": 3})
    rows = clean.assign(explainer="LIME", k=1, included=True, predicted_after=0)
    figure = draw(accuracy_shares(rows, clean, axes), Lines(axes, [["LIME"]], {"LIME": "zeros"}))
    assert curves(figure.axes[0]) == [([0, 1], [1, 0])]
    readable(figure, PAGE)


def test_the_same_input_gives_the_same_bytes(found, tmp_path):
    same_bytes(lambda path: accuracy_figure(found, lines(), path, 60), tmp_path)


def test_without_an_image_the_figure_says_so(tmp_path):
    rows, spent = in_videos(evaluation_rows())[:0], in_videos(EXPLANATIONS)[:0]
    none = accuracy_shares(rows, clean_predictions(rows, spent), AXES)
    assert none.empty
    figure = draw(none, lines())
    (text,) = figure.texts
    assert figure.axes == [] and text.get_text().endswith(f"Run r.\n{NOTHING}")
    accuracy_figure(none, lines(), tmp_path / "accuracy.png")
    assert (tmp_path / "accuracy.pdf").stat().st_size > 1000
