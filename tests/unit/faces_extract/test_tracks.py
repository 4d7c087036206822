"""Several faces of a video, each followed, by hand."""

from pathlib import Path

import numpy as np
import pytest

from advxai.faces.extract import extract_video
from advxai.faces.tracks import lacking, most_seen
from advxai.media.cut import decode_png
from advxai.media.video import write_video
from tests.unit.faces_extract.drawn import VIDEO, Planned, Refuses, content, face_at, folder_of, settings_of

LEFT, RIGHT, TINY = face_at(4, 10, 16, 22), face_at(40, 12, 56, 28), face_at(28, 30, 34, 36)
# The tiny one is seen once; the right one is away in the third frame looked at, and all are in the fourth.
PLAN = ([RIGHT, TINY, LEFT], [LEFT, RIGHT], [LEFT], [])


def names(result) -> list[str]:
    return [face["key"].removeprefix(f"{VIDEO}/") for face in result.faces]


def test_two_of_three_faces_are_followed_and_named_from_left_to_right(row, tmp_path):
    result = extract_video(row, Planned(*PLAN), tmp_path / "out", stride=3, tracks=2)
    expected = ["00000_0.png", "00000_1.png", "00003_0.png", "00003_1.png", "00006_0.png"]
    assert names(result) == expected
    assert [(face["frame"], face["track"]) for face in result.faces] == [(0, 0), (0, 1), (3, 0), (3, 1), (6, 0)]
    # sides 16 and 21 around (10, 16) and (48, 20)
    assert [result.faces[place]["x1"] for place in (0, 2, 4)] == [2, 2, 2]
    assert [result.faces[place]["x1"] for place in (1, 3)] == [38, 38]
    stored = content(folder_of(tmp_path / "out", row))
    assert sorted(stored) == [*expected, "faces.json"]  # none of the third face
    assert result.left_out == [
        {"stage": "faces", "item": f"{VIDEO}/00006", "reason": "track 1 not seen in it"},
        {"stage": "faces", "item": f"{VIDEO}/00009", "reason": "no face found"},
    ]
    assert settings_of(tmp_path / "out", row)["tracks"] == 2 and "several" not in settings_of(tmp_path / "out", row)
    again = extract_video(row, Refuses(), tmp_path / "out", stride=3, tracks=2)
    assert (again.faces, again.left_out) == (result.faces, result.left_out)


def test_one_track_is_the_face_that_is_seen_most(row, tmp_path):
    """Where it isn't in the first frame, its crops' names still end with 0, and what they show is its face."""
    plan = ([LEFT], [RIGHT, LEFT], [RIGHT], [RIGHT])
    result = extract_video(row, Planned(*plan), tmp_path, stride=3, tracks=1)
    assert names(result) == ["00003_0.png", "00006_0.png", "00009_0.png"]
    assert {(face["x1"], face["y1"]) for face in result.faces} == {(38, 10)}
    assert result.left_out[0]["reason"] == "no face found of those that are followed"
    only = extract_video(row, Planned([RIGHT], [RIGHT], [RIGHT], [RIGHT]), tmp_path / "only", stride=3)
    assert [face["sha256"] for face in result.faces] == [face["sha256"] for face in only.faces[1:]]


def test_a_video_with_one_face_has_the_keys_and_crops_of_any_other_rule(row, tmp_path):
    plain = extract_video(row, Planned(1, 0, 1, 1), tmp_path / "plain", stride=3)
    tracked = extract_video(row, Planned(1, 0, 1, 1), tmp_path / "tracked", stride=3, tracks=3)
    strip = [{name: value for name, value in face.items() if name != "file"} for face in plain.faces]
    assert strip == [{name: value for name, value in face.items() if name != "file"} for face in tracked.faces]
    assert plain.left_out == tracked.left_out and [face["track"] for face in plain.faces] == [0, 0, 0]
    none = extract_video(row, Planned(0, 0, 0, 0), tmp_path / "none", stride=3, tracks=3)
    assert none.left_out[0]["reason"] == "no face in any of the 4 frames looked at"


def test_each_track_has_its_mask(row, tmp_path):
    masks = np.zeros((10, 48, 64, 3), np.uint8)
    masks[:, 14:18, 8:12] = 255  # in the left face
    write_video(tmp_path / "mask.mp4", masks, 10, crf=0)
    result = extract_video(row | {"mask": str(tmp_path / "mask.mp4")}, Planned(*PLAN), tmp_path, stride=3, tracks=2)
    shown = [decode_png(Path(face["mask_file"]).read_bytes(), "", "").any() for face in result.faces]
    assert shown == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("areas", "most", "tracks"),
    [
        ({1: [4.0], 2: [1.0, 1.0], 3: [9.0]}, 2, {2: 0, 3: 1}),  # of those seen once the larger one
        ({1: [4.0], 2: [1.0, 1.0], 3: [9.0]}, 5, {1: 0, 2: 1, 3: 2}),
        ({1: [4.0, 0.0], 2: [2.0, 2.0]}, 1, {1: 0}),  # equal in both: the first one
        ({}, 2, {}),
    ],
)
def test_which_faces_are_taken(areas, most, tracks):
    assert most_seen(areas, most) == tracks


def test_all_tracks_that_a_frame_lacks_are_named():
    faces = [{"frame": 0, "name": "00000_1.png"}]
    assert lacking(faces, 3, {0: True}) == [(0, "tracks 0, 2 not seen in it")]
