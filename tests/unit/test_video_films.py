"""Films of clips: what is in their pixels, what they are scaled by, and what is said of them."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.media.video import read_frames
from advxai.video.drawing import MapOverTime, Score, Strip, face_of, film_size, square, strip_height
from advxai.video.films import Settings, chosen, folder_of, name_of
from advxai.video.sheet import chosen as frames_of_sheet
from tests.unit.film_data import CLASSES, CLIPS, SIDE, T, config, films, key, picture, saliency, scored, tables

ORANGE = np.array([213, 94, 0])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The films' folder, and what is said of them."""
    folder = tmp_path_factory.mktemp("films")
    found = films(folder)
    found.write(folder / "clips.json")
    return folder / "films", json.loads((folder / "clips.json").read_text())


def read(made, category: str, row: str) -> np.ndarray:
    folder, content = made
    clip = next(one for one in content["clips"] if one["category"] == category)
    return np.stack([frame for _, frame in read_frames(folder / clip["rows"][row]["film"])]).astype(int)


def test_films_have_the_clip_s_frames_and_their_index_comes_first(made):
    folder, content = made
    frames = read(made, "Deepfakes", "SHAP3D")
    assert frames.shape == (T, *film_size(128, 2)[::-1], 3)
    assert film_size(127, 2) == film_size(128, 2) == (128, 128 + 52 + 90)  # three lines of text; curve and two bars
    data = (folder / content["clips"][0]["clip"]).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"avc1" in data  # H.264


def test_the_present_frame_s_mark_moves_from_left_to_right(made):
    strip = read(made, "Deepfakes", "SHAP3D")[:, -90:]
    orange = np.abs(strip - ORANGE).sum(axis=-1) < 120
    places = [np.flatnonzero(one.any(axis=0)).mean() for one in orange]
    inner = 128 - 26 - 8
    np.testing.assert_allclose(places, [26 + inner * (place + 0.5) / T for place in range(T)], atol=1.5)


def test_segments_are_outlined_in_their_own_frames_alone(made):
    face = read(made, "Deepfakes", "SHAP3D")[:, :128]
    # the first of the ranking is the upper right quarter of the first slice, the second that of the second
    white = (face > 225).all(axis=-1)
    assert white[:, 4:60, 64:68].any(axis=2).mean() > 0.9  # its left edge, in each frame
    lower = white[:, 68:124, 60:68].any(axis=2).mean()
    assert lower < 0.1  # no line between the quarters below
    # the numbers: a 1 in the first four frames, a 2 in the others; they are no wider than a quarter
    assert not np.array_equal(white[0, 16:48, 80:112], white[4, 16:48, 80:112])
    assert np.array_equal(white[4, 16:48, 104:112], white[7, 16:48, 104:112])


def test_a_signed_map_is_red_for_and_blue_against_and_scaled_once_a_clip():
    shown = MapOverTime.of("shap3d", saliency("Deepfakes", "SHAP3D"), 2)
    grey = np.full((64, 64, 3), 0.5)
    first, last = shown.over(grey, 0), shown.over(grey, T - 1)
    # RdBu_r at its end, .65 of the colour over .35 of the grey: 103, 0, 31
    np.testing.assert_allclose(first[10, 50] * 255, 0.65 * np.array([103, 0, 31]) + 0.35 * 127.5, atol=1.5)
    red, _, blue = last[50, 10]  # segment 6, lower left: -.4, half of the strongest
    assert blue > red + 0.2
    # the strongest of the second slice is not in full colour: the scale is the clip's, .8
    full = 0.65 * np.array([5, 48, 97]) / 255 + 0.35 * 0.5
    assert np.abs(last[50, 10] - full).max() > 0.2


def test_heat_goes_from_the_clip_s_least_to_its_most():
    shown = MapOverTime.of("rise3d", saliency("Deepfakes", "RISE3D"), 2)
    grey = np.full((8, 8, 3), 0.5)
    means = [shown.over(grey, place).mean() for place in range(T)]
    assert (
        means == sorted(means) and shown.form == "heat"
    )  # each frame's map is constant: by itself it would say nothing
    np.testing.assert_allclose(shown.over(grey, 0)[0, 0] * 255, 0.65 * np.array([0, 34, 78]) + 0.35 * 127.5, atol=1.5)


def test_outlines_of_lime_are_shown_by_their_sign():
    assert MapOverTime.of("lime3d", saliency("Deepfakes", "SHAP3D"), 2).form == "signed"
    assert MapOverTime.of("lime", saliency("Deepfakes", "SHAP3D"), 2).form == "signed"
    assert MapOverTime.of("gradcam", {**saliency("Deepfakes", "SHAP3D"), "backwards": 8}, 2).form == "gradients"


def test_a_square_without_a_map_is_the_face():
    face = face_of(picture(2) / 255, SIDE)
    assert np.array_equal(np.asarray(square(face, None, 2)), picture(2))


def test_the_curve_is_where_the_scores_are():
    strip = Strip(Score("x", "called fake", 0.5, [0.0, 1.0], 0.5), 200)
    assert (strip.x(0), strip.x(1)) == (26 + 166 / 4, 26 + 3 * 166 / 4)
    assert (strip.y(1), strip.y(0)) == (8, 54)
    disc = np.asarray(strip.at(1))[8, round(strip.x(1))]
    assert tuple(disc) == tuple(ORANGE)


def test_bars_and_their_numbers_have_rooms_of_their_own():
    score, spans = Score("x", "called fake", 0.5, [0.5] * 8), [(0, 3), (4, 7), (0, 7)]
    below = np.asarray(Strip(score, 320, spans, 3).still)[54 + 8 :]
    assert len(below) == strip_height(3) - 62 == 40  # 12 each, and 4
    inked = [(below[:, columns] < 220).any(axis=(1, 2)) for columns in (slice(0, 24), slice(26, 312))]
    for dark in inked:  # three numbers, and three bars, with white between them and below
        starts = np.flatnonzero(np.diff(np.r_[False, dark].astype(int)) == 1)
        assert len(starts) == 3 and [start // 12 for start in starts] == [0, 1, 2] and not dark[-3:].any()
    assert strip_height(20) == strip_height(8)  # more bars are thinner, and have no numbers


def test_names_of_clips():
    clip = {"category": "Real", "video": "own/my_clip.2-0123456789", "first": 7}
    assert name_of(clip) == "Real my_clip.2, from frame 7"
    assert name_of({"category": "", "video": "me.mp4", "first": 0}) == "me, from frame 0"


def test_the_class_that_is_called_is_named_where_there_are_several():
    five = Classes.named(["Real", "NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap"])
    before = np.array([0.1, 0.05, 0.6, 0.15, 0.1], np.float32)
    record = {"before": before, "frames_before": before[None], "called_real": False}
    settings = Settings(config(), five, {})
    assert settings.named(record) == {"class": "Face2Face", "p": pytest.approx(0.6)}
    clip = {"category": "Deepfakes", "video": "a/000_001.mp4", "first": 3}
    assert settings.score(clip, record).called == "called fake (Face2Face 0.60)"
    assert settings.named({**record, "called_real": True}) is None
    assert settings.score(clip, {**record, "called_real": True}).called == "called real"
    assert Settings(config(), CLASSES, {}).named(record | {"before": before[:2]}) is None


def test_which_clips_get_films():
    clips, _ = tables()
    scores = {key(category): scored(category) for category in CLIPS}
    assert [one["category"] for one in chosen(clips, scores, 9)] == ["Deepfakes", "Face2Face", "FaceSwap", "Real"]
    unknown = clips.assign(category=["unknown" if name == "Deepfakes" else name for name in clips["category"]])
    assert [one["category"] for one in chosen(unknown, scores, 9)] == ["Face2Face", "FaceSwap", "unknown", "Real"]
    twice = [clips, clips.assign(key=clips["key"] + "b"), clips.assign(key=clips["key"] + "c")]
    more = pd.concat(twice, ignore_index=True)
    many = {name + end: one for name, one in scores.items() for end in ("", "b", "c")}
    assert [one["key"][-1] + one["category"][0] for one in chosen(more, many, 5)] == ["0D", "0F", "bD", "bF", "cD"]


def test_what_is_said(made):
    folder, content = made
    assert (content["fps"], content["line"], content["top"], content["without"]) == (8.0, 0.5, 2, 0)
    assert [row["name"] for row in content["rows"]] == ["SHAP3D", "RISE3D", "random"]
    first = content["clips"][0]
    assert (first["called"], first["fake"], first["p"]) == ("fake", True, pytest.approx(0.775))
    assert first["named"] is None  # the one fake class
    assert first["frames"][3] == {"number": 7, "seconds": 0.12, "p": pytest.approx(0.75)}
    assert first["rows"]["SHAP3D"]["top"][1] == {"label": 5, "first": 4, "last": 7, "score": pytest.approx(0.004286)}
    swapped = next(one for one in content["clips"] if one["category"] == "FaceSwap")
    assert (swapped["rows"]["RISE3D"]["film"], swapped["rows"]["RISE3D"]["missing"]) == (None, "nothing was measured")
    assert swapped["called"] == "real"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    told = {row["film"] for one in content["clips"] for row in one["rows"].values() if row["film"]}
    assert files == told | {one[name] for one in content["clips"] for name in ("clip", "sheet")}


def test_a_sheet_has_all_frames_up_to_sixteen(made):
    assert frames_of_sheet(8) == list(range(8))
    assert frames_of_sheet(16) == list(range(16))
    assert frames_of_sheet(31) == list(range(0, 31, 2))
    folder, content = made
    sheet = np.asarray(Image.open(folder / content["clips"][2]["sheet"]))
    assert sheet.shape == (40 + 4 * 116, 120 + 8 * 116, 3)
    # third row, which lacks a map, is one grey band
    band = sheet[40 + 2 * 116 + 4 : 40 + 2 * 116 + 40, 130:1000]
    assert len(np.unique(band.reshape(-1, 3), axis=0)) == 1


def test_names_of_folders_are_safe_and_unlike():
    assert folder_of("../a b/\u00e4?.mp4/clip_00004_0", 3) == "0003__a_b_mp4_clip_00004_0"
    assert folder_of("x" * 300, 1) != folder_of("x" * 301, 1) and len(folder_of("x" * 300, 1)) <= 85
    assert folder_of("a/b", 1) != folder_of("a_b", 2)


def test_a_shard_that_lacks_a_clip_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.unit.film_data.saliency", lambda category, row: saliency("Real", row))
    with pytest.raises(InputError, match=r"SHAP3D\.h5 lacks the clip .*Deepfakes"):
        films(tmp_path, most=1)


@pytest.mark.parametrize("fps", [1e-9, 0, 61])
def test_films_show_a_frame_in_ten_seconds_at_least(fps):
    with pytest.raises(InputError, match="fps"):
        config(fps=fps)
