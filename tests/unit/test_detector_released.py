"""A test's answers by video in the released form: numbers by hand, read back; what counts; the ROC figure."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest

from advxai.beforehand.tested import require_testable
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.config import load
from advxai.detector.metrics import evaluate, predictions
from advxai.detector.released import HEADER, answers, file_name, labels, samples, video_name, write
from advxai.detector.shown import counted_on
from advxai.report.page import sections
from advxai.report.roc import draw, roc_figure
from tests.unit.paths_data import paths

HYBRID = Classes.named(["Real", "Fake"], output="sigmoid", threshold=0.55)
FAKES, REALS = (
    "manipulated_sequences/{}/c23/videos/{}.mp4/{}.png",
    "original_sequences/youtube/c23/videos/{}.mp4/{}.png",
)
LINE = re.compile(r"(?P<video>\S+)(?P<tracks>( \S+)+) --> (?P<score>[^\s(]+)\(CORRECT: (?P<label>[01]\.0)\)")

# video -> image -> p(fake)
TEST = {
    # Track 0 isn't fake, track 1 is: it settles the video, whose likeliest fake image is of track 0 all the same.
    ("Deepfakes", "002_003"): {"00000_0": 0.1, "00000_1": 0.7, "00023_0": 0.9, "00023_1": 0.8},
    # No track is: the mean of .5 and .3 is called real, and the lowest image stands for it.
    ("Face2Face", "003_002"): {"00000_0": 0.6, "00000_1": 0.3, "00007_0": 0.4},
    # .55 is called fake, but isn't above .55, and two images have the highest p(fake).
    ("FaceSwap", "004_005"): {"00011_0": 0.55, "00012_0": 0.55},
    ("Real", "003"): {"00000": 0.25, "00144": 0.125},
    ("Real", "004"): {"00000_0": 0.9},
}


def classified(classes: Classes = HYBRID) -> pd.DataFrame:
    """The images of `TEST`, classified."""
    table = pd.DataFrame(
        [
            {
                "key": (REALS.format(video, image) if name == "Real" else FAKES.format(name, video, image)),
                "category": name,
            }
            for (name, video), images in TEST.items()
            for image in images
        ]
    )
    p_fake = np.array([p for images in TEST.values() for p in images.values()], np.float32)
    return predictions(np.stack([1 - p_fake, p_fake], axis=1), table, classes)


def parsed(text: str) -> list[tuple[str, list[float], float, float]]:
    """Lines of labels.txt: video, p(fake) of its tracks and of itself, label."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    return [
        (one["video"], [float(p) for p in one["tracks"].split()], float(one["score"]), float(one["label"]))
        for one in found
        if one is not None
    ]


def test_the_parser_reads_released_lines():
    text = (
        "../deep_fakes_explain/dataset/validation_set/Original/051 0.00055479753 --> 0.00055479753(CORRECT: 0.0)\n"
        "../deep_fakes_explain/dataset/validation_set/Face2Face/011_805 0.43576032 0.9998499 0.86301595 --> 0.9998499"
        "(CORRECT: 1.0)\n"
    )
    one, other = parsed(text)
    assert one[0].endswith("validation_set/Original/051") and one[1:] == ([0.00055479753], 0.00055479753, 0.0)
    assert other[1:] == ([0.43576032, 0.9998499, 0.86301595], 0.9998499, 1.0)


def test_labels_have_a_line_a_video_with_its_tracks():
    found = parsed(labels(answers(classified(), HYBRID, score="first_track")))
    assert [one[0] for one in found] == [
        "test_set/Deepfakes/002_003",
        "test_set/Face2Face/003_002",
        "test_set/FaceSwap/004_005",
        "test_set/Original/003",
        "test_set/Original/004",
    ]
    tracks = [[0.5, 0.75], [0.5, 0.3], [0.55], [0.1875], [0.9]]
    for one, expected in zip(found, tracks, strict=True):
        assert one[1] == pytest.approx(expected, abs=1e-7)
    assert [one[2] for one in found] == pytest.approx([0.75, 0.4, 0.55, 0.1875, 0.9], abs=1e-7)
    assert [one[3] for one in found] == [1, 1, 1, 0, 0]


def test_samples_have_the_image_that_speaks_most_for_what_the_video_is_called():
    text = samples(answers(classified(), HYBRID, score="first_track"))
    assert text.splitlines()[0] == "video_name,label,video_prob,high_low_prob,example_file_name"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["label"] for row in rows] == ["1.0"] * 3 + ["0.0"] * 2
    # of all tracks; of equal ones the first
    assert [row["example_file_name"] for row in rows] == ["23_0.png", "0_1.png", "11_0.png", "144_0.png", "0_0.png"]
    assert [float(row["high_low_prob"]) for row in rows] == pytest.approx([0.9, 0.3, 0.55, 0.125, 0.9], abs=1e-7)
    assert rows[3] | {"video_prob": ""} == dict(
        zip(HEADER, ("test_set/Original/003", "0.0", "", "0.125", "144_0.png"), strict=True)
    )


def test_what_a_video_is_called_is_as_of_the_metrics():
    """By the mean of all images the first video is called fake at .5, and with a threshold above its .625 real."""
    lenient, strict = (Classes.named(["Real", "Fake"], threshold=at) for at in (0.5, 0.65))
    first = [answers(classified(classes), classes).iloc[0] for classes in (lenient, strict)]
    assert [one["video_prob"] for one in first] == pytest.approx([0.625] * 2)
    assert [one["key"].rpartition("/")[2] for one in first] == ["00023_0.png", "00000_0.png"]


def test_numbers_are_read_back_as_they_were(tmp_path):
    rng = np.random.default_rng(3)
    chances = rng.dirichlet(np.ones(5), 400).astype(np.float32)
    chances[0] = [1, 1e-12, 0, 0, 0]
    rows = pd.DataFrame(
        {"key": [FAKES.format("FaceSwap", f"{n // 8:03}_999", f"{n % 8:05}_{n % 2}") for n in range(400)]}
    )
    found = answers(predictions(chances, rows.assign(category="FaceSwap"), FIVE), FIVE, score="max_face")
    write(found, tmp_path / "labels.txt", tmp_path / "samples.csv")
    lines = parsed((tmp_path / "labels.txt").read_text())
    with open(tmp_path / "samples.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(lines) == len(table) == 50
    for column, values in (
        ("video_prob", [line[2] for line in lines]),
        ("video_prob", [float(row["video_prob"]) for row in table]),
        ("high_low_prob", [float(row["high_low_prob"]) for row in table]),
    ):
        assert np.array_equal(np.float32(values), found[column].to_numpy())
    tracks = [p for line in lines for p in line[1]]
    assert np.array_equal(np.float32(tracks), np.concatenate(found["tracks"].to_list())) and len(tracks) == 100
    assert [line[0] for line in lines] == [row["video_name"] for row in table]


def test_tracks_stand_in_the_order_of_their_numbers():
    rows = pd.DataFrame({"key": [f"v/{image}.png" for image in ("00000_2", "00001_0", "00002_10")], "category": "Real"})
    chances = np.array([[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]], np.float32)
    ((_, tracks, *_),) = parsed(labels(answers(predictions(chances, rows, HYBRID), HYBRID)))
    assert tracks == [0.5, 0.75, 0.25]


def test_names():
    assert video_name("original_sequences/actors/c23/videos/01__exit.mp4", "actors") == "test_set/actors/01__exit"
    assert (
        video_name("manipulated_sequences/FaceShifter/c40/videos/000_003", "FaceShifter")
        == "test_set/FaceShifter/000_003"
    )
    assert [file_name(f"v/{name}.png") for name in ("00144_1", "00000", "face")] == ["144_1.png", "0_0.png", "face.png"]


# -- what counts ------------------------------------------------------------------------------------------------------
def ffpp(**testing):
    corpus = {
        "kind": "ffpp",
        "root": "r",
        "splits": "s",
        "categories": ["Deepfakes", "Face2Face"],
        "also": ["FaceShifter"],
    }
    return load({"run": "r", "corpus": corpus, "detector": {"testing": testing}})


def test_chosen_manipulations_alone_count():
    every, chosen, further = ffpp(), ffpp(categories=["Deepfakes"]), ffpp(categories=["FaceShifter", "Face2Face"])
    assert (every.tested, every.untested) == (["Deepfakes", "Face2Face"], ["FaceShifter"])
    assert (chosen.tested, chosen.untested) == (["Deepfakes"], ["Face2Face", "FaceShifter"])
    assert (further.tested, further.untested) == (["FaceShifter", "Face2Face"], ["Deepfakes"])
    apart = ["Face2Face", "FaceSwap"]
    found = answers(classified(), HYBRID, apart)
    assert found["category"].tolist() == ["Deepfakes", "Real", "Real"]
    metrics = evaluate(classified(), HYBRID, apart)
    assert metrics["video"]["real_vs_fake"]["fake"] == 1 and set(metrics["unseen"]) == set(apart)
    # of the twelve images those that are measured
    said = "net on 7 test images of the originals, Deepfakes, real against fake:"
    assert counted_on(metrics, "net", ["Deepfakes"]) == said
    assert counted_on(metrics, "net", None) == "net on 7 test images, real against fake:"
    binary = {"classes": ["Real", "Fake"], "testing": {"categories": ["FaceSwap"]}}
    made = sections.detector(evaluate(classified(), HYBRID), paths(detector=binary))
    assert made["detector"].endswith(" Tested on the originals and FaceSwap alone.")


def test_what_can_t_be_tested_is_refused():
    with pytest.raises(
        InputError, match="detector.testing.categories: FaceSwap is none of corpus.categories and corpus"
    ):
        ffpp(categories=["FaceSwap"])
    with pytest.raises(InputError, match="detector.testing.categories: names Deepfakes twice; take one out"):
        ffpp(categories=["Deepfakes", "Deepfakes"])
    only = paths(detector={"classes": ["Real", "Deepfakes", "FaceSwap"], "testing": {"categories": ["Face2Face"]}})
    with pytest.raises(
        InputError, match="categories: the detector has no class for Face2Face .its classes are Real, Deep"
    ):
        require_testable(only)
    binary = {"classes": ["Real", "Fake"]}
    with pytest.raises(
        InputError, match="published: adv_xai's figures are means over Real, Neural.*classes are Real, Fake"
    ):
        require_testable(paths(detector=binary | {"testing": {"published": "adv_xai"}}))
    require_testable(paths(detector=binary | {"testing": {"published": "hybrid", "categories": ["FaceSwap"]}}))
    require_testable(paths(detector={"testing": {"published": "adv_xai"}}))


def test_published_figures_are_files_of_the_run_where_some_are_wanted():
    assert paths().outputs.beside_detector == [] and paths().published_detector is None
    asked = paths(detector={"testing": {"published": "pino"}})
    assert asked.published_detector == "pino" and not asked.beside_published
    assert [path.name for path in asked.outputs.beside_detector] == ["published.csv", "published.md"]
    assert [path.name for path in asked.outputs.tested][-3:] == ["labels.txt", "samples.csv", "summary.txt"]


def test_a_test_s_settings_change_no_store():
    chosen = paths(detector={"testing": {"categories": ["FaceSwap"], "published": "hybrid"}})
    assert chosen.records == paths().records


# -- the figure -------------------------------------------------------------------------------------------------------
def test_the_roc_figure_has_a_curve_a_level_with_its_area_and_the_point_of_the_threshold(tmp_path):
    metrics = evaluate(classified(), HYBRID, score="first_track")
    figure = draw(metrics, HYBRID)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    areas = {level: metrics[level]["real_vs_fake"]["auroc"] for level in ("frame", "track", "video")}
    assert areas["video"] == 0.5  # .75 .4 .55 against .1875 .9
    assert texts == [
        f"frame, n = 12 ({areas['frame']:.3f})",
        f"track, n = 7 ({areas['track']:.3f})",
        "video (first_track), n = 5 (0.500)",
        "called fake by p(fake) ≥ 0.55",
    ]
    chance, *drawn = axes.lines
    assert axes.get_xscale() == axes.get_yscale() == "linear" and chance.get_xydata().tolist() == [[0, 0], [1, 1]]
    curves, rings = drawn[:6:2], drawn[1:6:2]
    for curve, level in zip(curves, areas, strict=True):
        assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(areas[level])
    # of three images of real videos one is called fake, of nine of fake ones six; of two and three videos one and two
    assert rings[0].get_xydata().tolist() == [[pytest.approx(1 / 3), pytest.approx(6 / 9)]]
    assert rings[2].get_xydata().tolist() == [[0.5, pytest.approx(2 / 3)]]
    roc_figure(metrics, tmp_path / "roc.png", HYBRID, dpi=50)
    assert {path.name for path in tmp_path.iterdir()} == {"roc.png", "roc.pdf"}


def test_of_one_kind_alone_there_is_no_curve():
    images = classified()
    (axes,) = draw(evaluate(images[images["category"] != "Real"], HYBRID), HYBRID).axes
    assert len(axes.lines) == 1 and axes.get_legend() is None
    assert [text.get_text() for text in axes.texts] == ["There is no real test image: no curve"]
