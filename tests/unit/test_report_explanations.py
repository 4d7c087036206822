"""The figure of all explainers' maps, and where the original images in it come from."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from advxai.common.classes import FIVE
from advxai.report.axes import Shown
from advxai.report.explanations import Column, draw, explanations_figure
from advxai.report.figure import Panel, forms_of
from advxai.report.figure import draw as draw_one
from advxai.report.nothing import NOTHING
from advxai.report.panels import panel
from advxai.report.style import PAGE
from tests.unit.drawing import note_of, readable, same_bytes

GREY = np.full((8, 8, 3), 100, np.uint8)
SEGMENTS = np.kron(np.arange(4).reshape(2, 2), np.ones((4, 4))).astype(np.int16)


def shown(form: str) -> Shown:
    scores = np.array([0.5, -0.4, 0.1, 0.9], np.float32)
    return Shown(scores[SEGMENTS], SEGMENTS, np.array([3, 0, 2]), "caption", form=form, scores=scores, zero=0.0)


def columns(names: tuple[str, ...] = ("LIME", "SHAP", "RISE")) -> list[Column]:
    forms = ("outlines", "signed", "heat")
    mask = np.zeros((16, 16), bool)
    mask[:, :8] = True
    maps = {name: shown(forms[number % 3]) for number, name in enumerate(names)}
    panel = Panel("Deepfakes", GREY, "called Deepfakes", mask, explanations=maps)
    other = dataclasses.replace(panel, title="NeuralTextures", mask=None, explanations={names[0]: maps[names[0]]})
    return [Column(panel, GREY // 2), Column(other, None)]


def test_rows_columns_and_masks():
    figure = draw(columns(), "A note.", top=2)
    cells = np.array(figure.axes[:10]).reshape(5, 2)
    names = [axes.get_ylabel() for axes in cells[:, 0]]
    assert names == ["original", "manipulated", "LIME", "SHAP", "RISE"]
    assert [axes.get_title() for axes in cells[0]] == ["Deepfakes", "NeuralTextures"]
    assert [text.get_text() for text in cells[0, 1].texts] == ["no original"]
    assert [text.get_text() for text in cells[3, 1].texts] == ["no map"]
    assert cells[0, 0].images[0].get_array()[0, 0, 0] == pytest.approx(50 / 255)
    # true mask: on the manipulated image and on each map; LIME: four segments, two of them numbered
    assert [len(axes.patches) for axes in cells[:, 0]] == [0, 1, 1 + 4 + 2, 1 + 2, 1 + 2]
    assert [len(axes.patches) for axes in cells[:, 1]] == [0, 0, 4 + 2, 0, 0]
    assert [text.get_text() for text in cells[3, 0].texts] == ["1", "2"]
    assert all(axes.get_xlabel() == "" for axes in cells.ravel())
    assert note_of(figure) == "A note."
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["true mask", "segments ranked 1 to 2", "speaks for the class", "speaks against it"]


@pytest.mark.parametrize(("count", "wide"), [(11, 4), (1, 1), (3, 4)])
def test_any_number_of_rows_and_columns_is_readable(count, wide):
    names = tuple(f"EXPLAINER_{number}_released" for number in range(count))
    figure = draw((columns(names) * 2)[:wide], "A note of some length. " * 12, top=3)
    readable(figure, PAGE)
    boxes = [axes.get_window_extent() for axes in figure.axes[: (count + 2) * wide]]
    assert min(box.width for box in boxes) >= 0.79 * figure.dpi
    assert all(box.width == pytest.approx(box.height) for box in boxes)


def test_names_of_methods_fit_beside_their_rows():
    figure = draw(columns(("IntegratedGradients_adv", "GradCAM++")), "A note.", top=3)
    readable(figure, PAGE)
    assert [axes.get_ylabel() for axes in figure.axes[4:8:2]] == ["Integrated\nGradients_adv", "GradCAM++"]


def test_without_an_image_the_figure_says_so(tmp_path):
    explanations_figure([], tmp_path / "none.png", "The run's note.")
    (text,) = draw([], "The run's note.", top=3).texts
    assert text.get_text() == f"The run's note.\n{NOTHING}"
    assert {path.name for path in tmp_path.iterdir()} == {"none.png", "none.pdf"}


def test_the_same_input_gives_the_same_bytes(tmp_path):
    same_bytes(lambda path: explanations_figure(columns(), path, "note", dpi=60), tmp_path)


def test_what_has_no_explanation_is_no_map_in_both_figures_and_has_no_form():
    """A record of the stage saliency where the counterpart is missing: the panel keeps its row, without a caption."""
    scores = np.array([0.5, -0.4, 0.1, 0.9], np.float32)
    there = {"map": scores[SEGMENTS], "segments": SEGMENTS, "scores": scores, "ranking": np.array([3, 0], np.int16)}
    there |= {"zero": 0.0, "missing": "", "before": np.array([0.1, 0.1, 0.1, 0.6, 0.1], np.float32)}
    zeros = {"map": np.zeros((8, 8), np.float32), "scores": np.zeros(4, np.float32), "zero": float("nan")}
    gone = there | zeros | {"ranking": np.zeros(0, np.int16), "missing": "no counterpart: 000.mp4 isn't there"}
    row = {"k": 3, "included": True, "predicted_before": 3, "predicted_after": 0, "p_before": 0.6, "p_after": 0.2}
    made = panel(
        {"key": "k", "category": "Deepfakes", "mask": "", "mask_file": ""},
        SimpleNamespace(image=lambda key: GREY),
        {"LIME_true": gone, "LIME": there},
        {"LIME_true": {"included": False}, "LIME": row},
        None,
        methods={"LIME_true": "lime", "LIME": "lime"},
        classes=FIVE,
        size=8,
        distortion=None,
    )
    assert made.explanations["LIME_true"] is None and made.explanations["LIME"].caption.endswith("now Real")
    assert made.caption == "called Deepfakes, p = 0.60" and forms_of([made]) == {"outlines"}
    every = draw([Column(made, None)], "A note.", top=2)
    one = draw_one([made], "title", top=2)
    for figure, rows in ((every, ["original", "manipulated"]), (one, ["image"])):
        cells = figure.axes[: len(rows) + 2]
        assert [axes.get_ylabel() for axes in cells] == [*rows, "LIME_true", "LIME"]
        assert [text.get_text() for text in cells[-2].texts] == ["no map"] and len(cells[-1].texts) == 2
    # all of it missing is a figure, too
    lone = dataclasses.replace(made, explanations={"LIME_true": None})
    assert [text.get_text() for text in draw_one([lone], "", top=2).axes[1].texts] == ["no map"]
