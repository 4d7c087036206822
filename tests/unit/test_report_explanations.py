"""The figure of all explainers' maps, and where the original images in it come from."""

import dataclasses
import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.frames.database import FrameStore, build
from advxai.media.cut import encode_png
from advxai.media.video import read_frames, write_video
from advxai.report.axes import Shown
from advxai.report.explanations import Column, draw, explanations_figure
from advxai.report.figure import Panel
from advxai.report.originals import original_of
from advxai.report.style import PAGE
from tests.unit.drawing import note_of, readable, same_bytes

GREY = np.full((8, 8, 3), 100, np.uint8)
SEGMENTS = np.kron(np.arange(4).reshape(2, 2), np.ones((4, 4))).astype(np.int16)
VIDEO = "manipulated_sequences/Deepfakes/c23/videos/012_026.mp4"
ORIGINAL = "original_sequences/youtube/c23/videos/012.mp4"


def face(**changes: Any) -> dict[str, Any]:
    box = {"x1": 8, "y1": 4, "x2": 24, "y2": 20}
    return {"key": f"{VIDEO}/00002_0.png", "video": VIDEO, "frame": 2, **box} | changes


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> FrameStore:
    """A database that has the crop of the original's frame 3 under the authors' name, of frame 4 under ours."""
    folder = tmp_path_factory.mktemp("store")
    rows = []
    for key, value in ((f"{ORIGINAL.replace('youtube/', '')}/00003.png", 30), (f"{ORIGINAL}/00004_0.png", 40)):
        data = encode_png(np.full((8, 8, 3), value, np.uint8))
        file = folder / f"{value}.png"
        file.write_bytes(data)
        rows.append({"key": key, "file": str(file), "sha256": hashlib.sha256(data).hexdigest()})
    build(pd.DataFrame(rows), folder / "frames.lmdb")
    return FrameStore(folder / "frames.lmdb")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Originals: 012 with five frames, each brighter, a mark in the upper left corner of the box."""
    folder = tmp_path_factory.mktemp("root")
    frames = [np.full((32, 48, 3), 20 + 40 * number, np.uint8) for number in range(5)]
    for frame in frames:
        frame[4:8, 8:12] = 255
    (folder / ORIGINAL).parent.mkdir(parents=True)
    write_video(folder / ORIGINAL, frames, Fraction(25), crf=0)
    return folder


def test_the_original_is_the_same_frame_by_the_same_box(root, store):
    found = original_of(face(), root, store)
    (frame,) = [image for number, image in read_frames(root / ORIGINAL) if number == 2]
    np.testing.assert_array_equal(found, frame[4:20, 8:24])
    assert found[0, 0].min() > 240 and abs(int(found[10, 10, 0]) - 100) < 4


def test_without_the_video_the_database_may_have_its_crop(tmp_path, store):
    assert original_of(face(frame=4), tmp_path, store).max() == 40
    assert original_of(face(frame=3, x1=-1, y1=-1, x2=-1, y2=-1), None, store).max() == 30
    assert original_of(face(frame=1), tmp_path, store) is None


def test_a_box_that_is_not_known_needs_the_database(root, store):
    assert original_of(face(frame=4, x1=-1, y1=-1, x2=-1, y2=-1), root, store).max() == 40


@pytest.mark.parametrize("changes", [{"frame": 9}, {"x2": 60, "y2": 56}])
def test_what_can_t_be_cut_out_is_said_in_the_log(root, store, caplog, changes):
    assert original_of(face(**changes), root, store) is None
    assert "no original of" in caplog.text and "012.mp4" in caplog.text


def test_a_damaged_video_costs_only_its_picture(tmp_path, store, caplog):
    (tmp_path / ORIGINAL).parent.mkdir(parents=True)
    (tmp_path / ORIGINAL).write_text("no video")
    assert original_of(face(frame=1), tmp_path, store) is None and "can't be read as a video" in caplog.text


def test_an_image_that_is_no_fake_has_none(root, store):
    assert original_of(face(video=ORIGINAL), root, store) is None


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


def test_no_column():
    with pytest.raises(ValueError, match="at least one column"):
        explanations_figure([], Path("never.png"), "")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    same_bytes(lambda path: explanations_figure(columns(), path, "note", dpi=60), tmp_path)
