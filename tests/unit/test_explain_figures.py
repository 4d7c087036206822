"""The figures of an explanation: what stands where, in words and pixels."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from advxai.common.classes import Classes
from advxai.config import load
from advxai.explain.explained import Explained
from advxai.explain.figures import Look, attack_lines, face_figure, rows_of
from advxai.explain.found import found_figure
from advxai.explain.notes import flips_at, grouped, summary, without
from advxai.explain.request import Request
from advxai.explain.sheets import alike, contact_sheet, scaled_map
from advxai.explain.source import Face, Looked, Source
from advxai.media.cut import Placement
from advxai.report.style import PAGE
from tests.unit.drawing import readable

CLASSES = Classes(("Real", "Deepfakes", "FaceSwap"))
SIZE = 16
LOOK = Look(
    classes=CLASSES,
    model="a_network",
    groups=[["LIME", "LIME_adv"], ["RISE"]],
    methods={"LIME": "lime", "LIME_adv": "lime", "RISE": "rise"},
    top=2,
    population="ranked",
    dpi=50,
)
FAKE, REAL, SWAP = (np.array(values) for values in ([0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6]))


def quarters() -> np.ndarray:
    half = np.arange(SIZE) * 2 // SIZE
    return (2 * half[:, None] + half[None]).astype(np.int16)


def record(scores: list[float], zero: float = float("nan")) -> dict:
    values = np.array(scores, np.float32)
    ranking = np.argsort(-values, kind="stable").astype(np.int16)
    return {"map": values[quarters()], "segments": quarters(), "scores": values, "ranking": ranking, "zero": zero}


def attack(after: np.ndarray) -> dict:
    return {"before": FAKE, "after": after}


def one(before: np.ndarray = FAKE, frame: int | None = None, **changes) -> Explained:
    crop = np.full((20, 20, 3), 100, np.uint8)
    seconds = None if frame is None else frame / 25
    face = Face(1, f"me/{frame}", "0", crop, Placement((10, 20, 30, 40)), frame=frame, seconds=seconds)
    image = np.full((SIZE, SIZE, 3), 100 / 255, np.float32)
    real = bool(before.argmax() == 0)
    adversary = {"before": before, "after": before if real else REAL, "iterations": 0 if real else 3, "success": True}
    maps = {"LIME": record([-1, 0.5, 0.2, 1], zero=0.0), "RISE": record([0.1, 0.2, 0.3, 0.4])}
    if not real:
        maps["LIME_adv"] = maps["LIME"]
    attacks = {} if real else {name: [attack(FAKE), attack(SWAP if name == "RISE" else REAL)] for name in maps}
    copy = image if real else image + np.float32(2 / 255)
    return Explained(face, CLASSES, adversary, image, copy, **{"maps": maps, "attacks": attacks, **changes})


def words(figure: Figure) -> str:
    """All that a figure says."""
    said = [text.get_text() for text in figure.texts]
    if figure._suptitle is not None:
        said.append(figure._suptitle.get_text())
    for axes in figure.axes:
        if axes.get_visible():
            said += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *(text.get_text() for text in axes.texts)]
    return "\n".join(said)


def test_lines_of_explainers_keep_those_of_one_group_together():
    groups = [["LIME", "LIME_adv"], ["SHAP"], ["RISE", "RISE_adv"], ["A", "B", "C", "D", "E"]]
    assert rows_of(groups, 4) == [["LIME", "LIME_adv", "SHAP"], ["RISE", "RISE_adv"], ["A", "B", "C", "D"], ["E"]]
    assert rows_of([["LIME"]], 4) == [["LIME"]]


def test_what_attacks_did():
    assert attack_lines([attack(FAKE), attack(SWAP), attack(REAL)], 1, CLASSES) == (
        "top 1: 0.70 → 0.70\ntop 2: 0.70 → 0.20, FaceSwap\ntop 3: 0.70 → 0.10, Real"
    )
    assert flips_at(one(), "LIME") == 2 and flips_at(one(), "RISE") is None and flips_at(one(REAL), "LIME") is None


def test_a_face_in_a_few_words():
    assert summary(one()) == (
        "called Deepfakes (p = 0.70), Real after 3 iterations of NES; attacks on the first segments flip it with "
        "top 2: LIME, LIME_adv; not at all: RISE"
    )
    assert summary(one(REAL)) == "called Real (p = 0.80)"


def test_notes_on_several_frames_are_put_together():
    assert grouped({1: ["a", "b"], 5: ["a"], 9: []}) == ["Frames 1, 5: a", "Frame 1: b"]
    assert grouped({None: ["a"]}) == ["a"]
    assert without([3, 4]) == "The face isn't found in frames 3, 4."


def test_the_figure_of_a_face():
    figure = face_figure(one(), "me.jpg, face 1", ["a note"], LOOK)
    said = words(figure)
    assert "me.jpg, face 1: called Deepfakes by a_network" in said and "a note" in said
    assert "called Deepfakes\np = 0.70" in said and "called Real, p = 0.80\nafter 3 iterations of NES" in said
    assert "largest 2.0/255" in said
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible() and axes.get_title()]
    assert titles == [
        "face", "adversarial copy", "difference", "class probabilities", "LIME", "LIME_adv", "RISE",
    ]  # fmt: skip
    bars = next(axes for axes in figure.axes if axes.get_title() == "class probabilities")
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([0.1, 0.8, 0.7, 0.1, 0.2, 0.1])
    assert {"FaceSwap", "0.20 → 0.10"} < {text.get_text() for text in bars.texts}
    rise = next(axes for axes in figure.axes if axes.get_title() == "RISE")
    assert rise.get_xlabel() == "top 1: 0.70 → 0.70\ntop 2: 0.70 → 0.20, FaceSwap"
    assert {text.get_text() for text in rise.texts} == {"1", "2"}  # the segments' numbers


def test_what_a_map_is_not_stands_in_the_picture_of_a_face_and_in_that_of_a_clip():
    rows = {"CAM": {"method": "gradcam"}, "IG": {"method": "integrated_gradients", "baseline": "zeros"}}
    rows["LIME"] = {"method": "lime", "baseline": "zeros"}
    corpus = {"kind": "ffpp", "root": "a", "splits": "b"}
    entries = load({"run": "a", "corpus": corpus, "explainers": rows}).of_kind("explainer")
    methods = {name: row["method"] for name, row in rows.items()}
    look = replace(LOOK, groups=[["CAM"], ["IG"], ["LIME"]], methods=methods, rows=entries, dpi=150)
    gradients = record([-1, 0.5, 0.2, 1], zero=0.0)
    maps = {"CAM": record([0, 1, 2, 3]), "IG": gradients | {"backwards": 50}, "LIME": gradients}
    for figure in (
        face_figure(one(maps=maps, attacks={}), "me.jpg", [], look),
        contact_sheet([one(frame=1, maps=maps, attacks={})], "me.mp4", [], look),
    ):
        readable(figure, PAGE)
        said = " ".join(words(figure).split())
        assert (
            "CAM: where the class's evidence lies in a layer's features; in deep layers a cell of it sees much more"
            in said
        )
        assert "IG: how each pixel's difference from the baseline adds" in said and "99th percentile" in said
        assert "LIME: how" not in said  # a figure of the paper's methods stays as it is


def test_everything_can_be_read_and_nothing_is_cut_off():
    note = "A note that is longer than one line of the figure is wide, so that it has to be broken. " * 3
    title = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00005_0.png"
    look = replace(LOOK, dpi=150)
    readable(face_figure(one(), title, [note], look), PAGE)
    readable(face_figure(one(REAL), title, [note], look), PAGE)
    clip = "a_long_name_of_a_clip_of_mine_2026-11-25_09-41.mp4, face 1 of 2"
    readable(contact_sheet([one(frame=frame) for frame in range(6)], clip, [note], look), PAGE + 1)
    readable(contact_sheet([one(frame=1)], clip, [note], look), PAGE)


def test_with_the_population_all_segments_beyond_the_ranking_are_numbered_too():
    few = record([0.1, 0.2, 0.3, 0.4]) | {"ranking": np.array([3], np.int16)}
    for population, numbers in (("ranked", {"1"}), ("all", {"1", "2"})):
        look = replace(LOOK, population=population)
        figure = face_figure(one(maps={"RISE": few}, attacks={}), "me.jpg", [], look)
        rise = next(axes for axes in figure.axes if axes.get_title() == "RISE")
        assert {text.get_text() for text in rise.texts} == numbers


def test_a_face_called_real_says_so_in_the_picture():
    said = words(face_figure(one(REAL), "me.jpg", ["NES has nothing to do"], LOOK))
    assert said.count("none: it is called\nReal already") == 2
    assert said.count("none: there is no\nadversarial copy") == 1  # LIME_adv
    assert "NES has nothing to do" in said and "Under a map" not in said and "top 1" not in said


def test_the_known_mask_is_outlined():
    face = one()
    masked = Face(**(vars(face.face) | {"mask": np.pad(np.full((10, 10), 255, np.uint8), 5)}))
    figure = face_figure(Explained(**(vars(face) | {"face": masked})), "me", [], LOOK)
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert "true mask" in labels
    assert "true mask" not in [
        text.get_text() for legend in face_figure(face, "me", [], LOOK).legends for text in legend.get_texts()
    ]


def source(kind: str, *looked: Looked) -> Source:
    faces = [face for one in looked for face in one.faces]
    return Source(Request("me.jpg", "file"), kind, "0", (100, 200), faces, looked, searched=True)


def test_the_faces_that_were_found_are_numbered():
    explained, pixels = one(), np.zeros((50, 100, 3), np.uint8)
    figure = found_figure(source("picture", Looked(pixels, 0.5, [explained.face])), {"me/None": explained}, LOOK)
    assert "me.jpg: 1 face" in words(figure) and "1 Deepfakes 0.70" in words(figure)
    (outline,) = figure.axes[0].patches
    corners = [[4.5, 9.5], [14.5, 9.5], [14.5, 19.5], [4.5, 19.5]]  # reduced by half
    assert outline.get_xy()[:4].tolist() == corners


def test_a_clip_s_frames_without_a_face_say_so():
    pixels = np.zeros((50, 100, 3), np.uint8)
    looked = [Looked(pixels, 0.5, [one(frame=5).face], 5, 0.2), Looked(pixels, 0.5, [], 15, 0.6)]
    said = words(found_figure(source("video", *looked), {}, LOOK))
    assert "me.jpg: 1 face in 2 frames" in said
    assert "0.20 s, frame 5\n" in said and "0.60 s, frame 15: no face" in said


def test_the_contact_sheet():
    frames = [one(frame=5), one(frame=15), one(REAL, frame=25)]
    figure = contact_sheet(frames, "clip.mp4, face 1", ["a note"], LOOK)
    said = words(figure)
    for line in (
        "clip.mp4, face 1: a_network", "0.20 s\nframe 5", "1.00 s\nframe 25", "mean of 2\nframes",
        "Deepfakes\n0.70", "Real with top 2", "top 2: 0.70 → 0.20", "Last column", "Under a map", "a note",
    ):  # fmt: skip
        assert line in said, line
    names = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert [name.replace("\n", "") for name in names] == ["face", "LIME", "LIME_adv", "RISE"]
    assert said.count("none") == 1 + 1  # LIME_adv of the frame called Real; and in "if with none"


def test_a_row_without_a_map_in_any_frame_is_left_out():
    figure = contact_sheet([one(REAL, frame=5)], "clip.mp4", [], LOOK)
    names = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert names == ["face", "LIME", "RISE"] and "Under a map" not in words(figure)


def test_only_frames_called_the_same_have_a_mean():
    fakes, real = [one(frame=1), one(frame=2)], one(REAL, frame=3)
    assert alike([real, *fakes]) == fakes
    assert alike([real, fakes[0]]) == [real]  # as many of both: the first


def test_maps_are_scaled_as_they_are_shown_before_their_mean_is_taken():
    face = one()
    signed, heat = scaled_map(face, "LIME", "signed"), scaled_map(face, "RISE", "heat")
    assert sorted(set(signed.ravel().round(6))) == [-1, 0.2, 0.5, 1]
    assert sorted(set(heat.ravel().round(6))) == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-5)
    gradients = one(maps={"IG": record([-1, 0.5, 0.2, 1], zero=0.0)})
    gradients.maps["IG"]["map"][0, 0] = 1e6  # one pixel of many
    assert sorted(set(scaled_map(gradients, "IG", "gradients").ravel().round(6))) == [-1, 0.2, 0.5, 1]
    constant = one(maps={"RISE": record([2, 2, 2, 2]), "LIME": record([0, 0, 0, 0], zero=0.0)})
    assert not scaled_map(constant, "RISE", "heat").any() and not scaled_map(constant, "LIME", "signed").any()
