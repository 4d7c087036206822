"""The detector's figure: the curves' points by hand, and that it is drawn the same every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from advxai.common.classes import FIVE
from advxai.detector.calibration import roc
from advxai.detector.metrics import evaluate, predictions
from advxai.report.detector import detector_figure, draw

CATEGORIES = ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"]


def test_roc_of_six_images_two_of_them_tied():
    score = np.array([0.9, 0.8, 0.7, 0.7, 0.3, 0.1])
    x, y, thresholds = roc(score, np.array([True, True, True, False, False, True]))
    # .9 and .8: two of four found; .7: one more, with one of the two others; .3: the other one; .1: the last.
    assert x.tolist() == [0, 0, 0.5, 1, 1] and y.tolist() == [0, 0.5, 0.75, 0.75, 1]
    assert thresholds.tolist() == [np.inf, 0.8, 0.7, 0.3, 0.1]


def test_roc_of_a_perfect_and_of_an_undecided_detector():
    positive = np.array([True, False, True, False])
    x, y, _ = roc(positive.astype(float), positive)
    assert x.tolist() == [0, 0, 1] and y.tolist() == [0, 1, 1]
    x, y, _ = roc(np.ones(4), positive)
    assert x.tolist() == [0, 1] and y.tolist() == [0, 1]


def test_the_area_under_the_curve_is_the_metric():
    images, metrics = sample()
    images = images[images["category"] != "FaceShifter"]
    fake = (images["label"] != 0).to_numpy()
    x, y, _ = roc(-images["p_Real"].to_numpy(), fake)
    assert np.trapezoid(y, x) == pytest.approx(metrics["frame"]["real_vs_fake"]["auroc"])
    assert len(x) < len(images)


def sample(*absent: str) -> tuple[pd.DataFrame, dict]:
    """Thirty frames of each class in three videos, 27 right and 3 called the next class; and some FaceShifter."""
    rng, rows, chances = np.random.default_rng(0), [], []
    for label, name in enumerate(FIVE.names):
        for number in range(0 if name in absent else 30):
            rows.append((f"{name}/{number // 10}.mp4/{number:05}_0.png", name, label))
            called = label if number % 10 else (label + 1) % len(FIVE.names)
            chances.append(rng.dirichlet(np.where(np.arange(5) == called, 40, 1)))
    for number in range(4):
        rows.append((f"FaceShifter/0.mp4/{number:05}_0.png", "FaceShifter", -1))
        chances.append(np.full(5, 0.2))
    table = pd.DataFrame(rows, columns=["key", "category", "label"])
    images = predictions(np.array(chances, dtype=np.float32), table, FIVE)
    return images, evaluate(images, FIVE)


def labels(figure: Figure, axes: int) -> list[str]:
    return [text.get_text() for text in figure.axes[axes].get_legend().get_texts()]


def test_the_matrix_has_shares_and_counts_in_the_tables_order():
    figure = draw(*sample(), CATEGORIES, FIVE)
    matrix = figure.axes[0]
    assert matrix.get_title(loc="left") == "Confusion by frame (n = 150)"
    assert [text.get_text() for text in matrix.get_xticklabels()] == ["Real", "DF", "F2F", "FS", "NT"]
    assert [text.get_text() for text in matrix.get_yticklabels()][1] == "Deepfakes\n(DF)"
    texts = np.array([text.get_text() for text in matrix.texts]).reshape(5, 5)
    assert np.diag(texts).tolist() == ["90.0%\n27"] * 5
    # The class after Real is NeuralTextures, the one after Deepfakes FaceSwap.
    assert texts[0, 4] == "10.0%\n3" and texts[1, 3] == "10.0%\n3" and texts[1, 0] == "0.0%\n0"


def test_the_legend_has_the_auroc_of_each_level():
    images, metrics = sample()
    figure = draw(images, metrics, CATEGORIES, FIVE)
    assert [axes.get_title(loc="left") for axes in figure.axes[1:]] == [
        "ROC by frame (n = 150)",
        "ROC by video (n = 15)",
        "Reliability of p(fake)",
        "",
    ]
    for axes, level in ((1, "frame"), (2, "video")):
        values = {"fake vs real": metrics[level]["real_vs_fake"]["auroc"]}
        values |= {f"{name} vs rest": metrics[level]["per_class"][name]["auroc"] for name in CATEGORIES}
        assert labels(figure, axes) == [f"{name} ({value:.3f})" for name, value in values.items()]
    assert labels(figure, 2)[0] == "fake vs real (1.000)"


def test_the_reliability_has_a_point_a_bin_and_the_number_in_it():
    """p(fake) of half of the videos' images .1, of the others' .9; each is right in eight of ten."""
    rows, chances = [], []
    for number in range(40):
        low = number < 20
        fake = (number % 10 < 8) != low
        name = "FaceSwap" if fake else "Real"
        rows.append((f"{name}/{number // 10}.mp4/{number:05}_{number % 2}.png", name, 4 if fake else 0))
        chances.append([0.9, 0, 0, 0, 0.1] if low else [0.1, 0, 0, 0, 0.9])
    images = predictions(np.array(chances, np.float32), pd.DataFrame(rows, columns=["key", "category", "label"]), FIVE)
    metrics = evaluate(images, FIVE, score="max_face")
    figure = draw(images, metrics, CATEGORIES, FIVE)
    titles = [axes.get_title(loc="left").partition(" (n")[0] for axes in figure.axes[1:4]]
    assert titles == ["ROC by frame", "ROC by track", "ROC by video (max_face)"]
    reliability, bars = figure.axes[4:]
    frames = reliability.lines[1]
    assert frames.get_xdata() == pytest.approx([0.1, 0.9]) and frames.get_ydata() == pytest.approx([0.2, 0.8])
    assert reliability.get_legend().get_texts()[0].get_text() == "frame (ECE 0.100)"
    counts = bars.patches[0].get_data().values
    assert counts.tolist() == [0, 20, *[0] * 11, 20, 0]


def test_a_class_without_images_has_neither_row_nor_curve():
    figure = draw(*sample("FaceSwap"), CATEGORIES, FIVE)
    assert [text.get_text().partition("\n")[0] for text in figure.axes[0].get_yticklabels()] == [
        "Real", "Deepfakes", "Face2Face", "NeuralTextures"
    ]  # fmt: skip
    assert len(figure.axes[0].texts) == 4 * 5
    assert not any("FaceSwap" in label for label in labels(figure, 1)) and len(labels(figure, 1)) == 4
    # A class keeps its line whether or not another one is there.
    line = dict(zip(labels(figure, 1), figure.axes[1].lines[1:], strict=True))
    colours = {name.partition(" ")[0]: drawn.get_color() for name, drawn in line.items()}
    assert colours["NeuralTextures"] == "#CC79A7"


def test_images_of_one_class_alone_have_no_curve(tmp_path: Path):
    images, metrics = sample(*FIVE.names[1:])
    figure = draw(images, metrics, CATEGORIES, FIVE)
    assert figure.axes[1].get_legend() is None and len(figure.axes[1].lines) == 1
    detector_figure(images, metrics, tmp_path / "d.png", CATEGORIES, FIVE, dpi=60)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path):
    files = [tmp_path / name for name in ("a.png", "a.pdf", "b.png", "b.pdf")]
    for png in files[::2]:
        detector_figure(*sample(), png, CATEGORIES, FIVE, dpi=60)
    first_png, first_pdf, second_png, second_pdf = [file.read_bytes() for file in files]
    assert first_png == second_png and first_png.startswith(b"\x89PNG") and b"matplotlib" not in first_png
    assert first_pdf == second_pdf and first_pdf.startswith(b"%PDF") and b"CreationDate" not in first_pdf
    assert set(tmp_path.iterdir()) == set(files)
