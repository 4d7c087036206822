"""The figure of NES: what is read of the shards, the size of a change, and what is drawn."""

from pathlib import Path

import numpy as np
import pytest

from advxai.adversary.distortion import Distortion
from advxai.common.classes import FIVE
from advxai.config.science import Adversary
from advxai.report.nes import Progress, draw, nes_figure, progress, size_of, text_of
from advxai.report.style import PAGE
from advxai.run.store import write_shard
from tests.unit.drawing import labels_of, note_of, readable, same_bytes

MEAN, STD = (np.array(values)[:, None, None] for values in ([0.5, 0.4, 0.3], [0.2, 0.25, 0.5]))
FAKE, REAL = np.array([0.1, 0, 0, 0.9, 0], np.float32), np.array([0.9, 0, 0, 0.1, 0], np.float32)


def distortion(**settings) -> Distortion:
    return Distortion(Adversary(alpha=2 / 255, iterations=4, **settings), MEAN, STD)


def test_size_of_a_change_by_hand():
    """Normalised units: 3 steps of 2/255 are 6 times std in a channel; half of the pixels moved, half by none."""
    steps = np.array([[[3, 0], [-3, 0]]], np.int8)
    largest, square = size_of(steps, None, distortion())
    assert largest == pytest.approx(6 * 0.5)
    assert square == pytest.approx(6 * np.sqrt((0.2**2 + 0.25**2 + 0.5**2) / 3 / 2))
    largest, square = size_of(steps, None, distortion(units="pixel"))
    assert (largest, square) == pytest.approx((6, 6 / np.sqrt(2)))


def test_what_a_projection_cuts_off_does_not_count():
    """Pixel units, delta 16/255: 20 steps of 2/255 stop at 16; a white pixel can't get whiter at all."""
    steps = np.array([[[20, 20]]], np.int8)
    image = np.array([[[0.5] * 3, [1.0] * 3]])
    largest, square = size_of(steps, image, distortion(units="pixel", project=True))
    assert largest == pytest.approx(16) and square == pytest.approx(16 / np.sqrt(2))


def record(key: str, iterations: int, success: bool, trace: list[float], before: np.ndarray = FAKE) -> dict:
    return {
        "key": key,
        "sha256": key,
        "steps": np.full((1, 2, 2), iterations, np.int8),
        "iterations": iterations,
        "success": success,
        "before": before,
        "trace": np.array(trace, np.float32),
    }


@pytest.fixture
def shards(tmp_path) -> list[Path]:
    """Two shards and an empty one: flipped after 2, budget of 4 spent, called real before, a record without a trace."""
    parts = [
        [record("a", 2, True, [0.1, 0.2, 0.6]), record("b", 4, False, [0.0, 0.1, 0.1, 0.2, 0.3])],
        [record("c", 0, True, [0.9], REAL), record("d", 1, True, [])],
        [],
    ]
    files = [tmp_path / f"{number}.h5" for number in range(len(parts))]
    for file, records in zip(files, parts, strict=True):
        write_shard(file, records, {})
    return files


@pytest.fixture
def found(shards) -> Progress:
    def never(key: str):
        raise AssertionError("without projection no image is needed")

    return progress(shards, distortion(), never, FIVE)


def test_what_is_read(found):
    assert found.called_real == 1 and found.limit == 4
    assert found.iterations.tolist() == [2, 4, 1] and found.success.tolist() == [True, False, True]
    assert found.largest == pytest.approx([2 * 2 * 0.5, 4 * 2 * 0.5, 1 * 2 * 0.5])
    assert [len(trace) for trace in found.traces] == [3, 5, 0]
    # carried on after the flip
    assert found.curves == pytest.approx(np.array([[0.1, 0.2, 0.6, 0.6, 0.6], [0, 0.1, 0.1, 0.2, 0.3]]))


def test_images_are_asked_for_where_the_attack_projects(shards):
    asked = []

    def image_of(key: str) -> np.ndarray:
        asked.append(key)
        return np.full((2, 2, 3), 0.5)

    progress(shards, distortion(project=True), image_of, FIVE)
    assert asked == ["a", "b", "d"]


def test_shards_that_were_written_before_there_were_traces(tmp_path):
    old = record("a", 2, True, [])
    del old["trace"]
    write_shard(tmp_path / "old.h5", [old], {})
    found = progress([tmp_path / "old.h5"], distortion(), lambda key: np.zeros((2, 2, 3)), FIVE)
    assert found.curves.shape == (0, 5)
    figure = draw(found)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no curve was kept"]
    assert "1 have no curve: earlier code, which kept none, made their records." in note_of(figure)


def test_curves_median_and_quartiles(found):
    axes = draw(found).axes[0]
    lines = {name: one for one in axes.lines if not (name := one.get_label()).startswith("_")}
    assert lines["median"].get_ydata() == pytest.approx([0.05, 0.15, 0.35, 0.4, 0.45])
    low, high = [one.get_ydata() for one in axes.lines if one.get_linestyle() == ":" and len(one.get_xdata())]
    assert low == pytest.approx([0.025, 0.125, 0.225, 0.3, 0.375])
    assert high == pytest.approx([0.075, 0.175, 0.475, 0.5, 0.525])
    single = [path.vertices for collection in axes.collections[:2] for path in collection.get_paths()]
    assert [part.shape for part in single] == [(3, 2), (5, 2)] and single[0][-1] == pytest.approx([2, 0.6])
    assert labels_of(axes) == ["called real (1)", "budget spent (1)", "quartiles", "median"]


def test_iterations_and_sizes(found):
    figure = draw(found)
    _, iterations, sizes = figure.axes
    bars = {round(bar.get_x() + bar.get_width() / 2): (bar.get_y(), bar.get_height()) for bar in iterations.patches}
    assert bars == {1: (0, 1), 2: (0, 1), 4: (0, 1)}
    assert labels_of(iterations) == ["called real (2)", "budget spent (1)"]
    assert [bar.get_hatch() for bar in iterations.patches] == ["", "", "xxxx"]
    assert labels_of(sizes) == ["root mean square", "largest"] and sizes.get_xlim()[1] == pytest.approx(4 * 1.02)
    assert note_of(figure) == " ".join(text_of(found).split())
    assert text_of(found).startswith(
        "NES on the 3 images that the detector calls fake: 2 are called real in the end, 1 are not after 4 iterations. "
        "Not counted: 1 called real from the start. 1 have no curve"
    )


def test_stacked_where_both_end_in_the_same_iteration():
    found = Progress(4, 0, np.array([4, 4, 4]), np.array([True, False, False]), *[np.ones(3)] * 2, [np.zeros(0)] * 3)
    assert [(bar.get_y(), bar.get_height()) for bar in draw(found).axes[1].patches] == [(0, 1), (1, 2)]


def test_no_image_is_called_fake():
    empty = np.zeros(0)
    figure = draw(Progress(4, 3, empty.astype(int), empty.astype(bool), empty, empty, []))
    readable(figure, PAGE)
    assert "NES on the 0 images" in note_of(figure) and "3 called real from the start" in note_of(figure)


def many(count: int, limit: int) -> Progress:
    rng = np.random.default_rng(0)
    iterations = rng.integers(1, limit + 1, count)
    traces = [np.linspace(0, 0.5, number + 1).astype(np.float32) for number in iterations]
    sizes = rng.random(count) * 10
    return Progress(limit, 0, iterations, iterations < limit, sizes, sizes / 2, traces)


def test_thousands_of_images_make_no_large_file(tmp_path):
    nes_figure(many(2000, 80), tmp_path / "nes.png", "note", 60)
    assert (tmp_path / "nes.pdf").stat().st_size < 200_000
    bars = draw(many(2000, 80)).axes[1].patches
    assert len(bars) <= 41 and sum(bar.get_height() for bar in bars) == 2000


def test_readable_and_the_same_bytes(found, tmp_path):
    readable(draw(found, "A note."), PAGE)
    same_bytes(lambda path: nes_figure(found, path, "note", 60), tmp_path)
