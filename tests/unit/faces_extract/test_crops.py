"""The rules of extraction: which frames give which crops, and what is left out."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from advxai.faces import extract as stage
from advxai.faces.extract import FACES, LEFT_OUT, extract, extract_video
from advxai.media.cut import decode_png
from tests.unit.corpus_faces import encoded
from tests.unit.faces_extract.drawn import (
    VIDEO,
    Planned,
    Refuses,
    boxes_of,
    content,
    face_at,
    folder_of,
    frames_of,
    settings_of,
)


def test_rows_names_and_crops(row, tmp_path):
    result = extract_video(row, Planned(1, 0, 1, 1), tmp_path / "out", stride=3)
    assert [face["frame"] for face in result.faces] == [0, 6, 9]
    face = result.faces[1]
    assert list(face) == list(FACES)
    assert face["key"] == f"{VIDEO}/00006_0.png"
    # side 26 around (30, 25)
    assert (face["x1"], face["y1"], face["x2"], face["y2"]) == (17, 12, 43, 38)
    assert [face[name] for name in ("video", "category", "label", "split", "mask", "mask_file")] == [
        VIDEO, "Deepfakes", 3, "test", "", ""
    ]  # fmt: skip
    data = Path(face["file"]).read_bytes()
    assert face["file"] == str(folder_of(tmp_path / "out", row) / "00006_0.png")
    assert face["sha256"] == sha256(data).hexdigest()
    assert decode_png(data, "", "").shape == (26, 26, 3)
    assert result.left_out == [{"stage": "faces", "item": f"{VIDEO}/00003", "reason": "no face found"}]


def test_batch_size_changes_nothing(row, tmp_path):
    folders = []
    for batch in (1, 2, 5, 100):
        extract_video(row, Planned(*[1] * 10), tmp_path / str(batch), stride=1, batch=batch)
        folders.append(content(folder_of(tmp_path / str(batch), row)))
    assert len(folders[0]) == 11
    assert all(folder == folders[0] for folder in folders)


def test_two_faces_in_one_frame_leave_the_video_out(row, tmp_path):
    expected = [{"stage": "faces", "item": VIDEO, "reason": "2 faces in frame 6"}]
    for detector in (Planned(1, 1, 2, 1), Refuses()):  # the second time it is known
        result = extract_video(row, detector, tmp_path, stride=3)
        assert (result.faces, result.left_out) == ([], expected)
    assert list(content(folder_of(tmp_path, row))) == ["faces.json"]


def test_a_video_without_a_face_is_one_row(row, tmp_path):
    result = extract_video(row, Planned(0, 0, 0, 0), tmp_path, stride=3)
    assert result.faces == []
    assert [entry["reason"] for entry in result.left_out] == ["no face in any of the 4 frames looked at"]


def test_what_is_no_video_is_left_out_with_its_reason(row, tmp_path):
    Path(row["path"]).write_text("not a video")
    result = extract_video(row, Refuses(), tmp_path / "out", stride=3)
    assert result.faces == [] and result.left_out[0]["item"] == VIDEO
    assert "clip.mp4 can't be read as a video" in result.left_out[0]["reason"]
    Path(row["path"]).unlink()
    assert "No such file" in extract_video(row, Refuses(), tmp_path, stride=3).left_out[0]["reason"]
    assert not list((tmp_path / "out").rglob("*.mp4"))


def test_extract_joins_videos_to_typed_tables(row, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "RetinaFace", lambda onnx, **settings: Planned(*[1] * 8))
    other = row | {"video": "original_sequences/youtube/c23/videos/000.mp4", "category": "Real", "label": 0}
    bad = row | {"video": "original_sequences/youtube/c23/videos/001.mp4", "path": str(tmp_path / "none")}
    faces, left_out = extract([row, bad, other], Path("net"), tmp_path / "out", stride=3)
    assert list(faces.columns) == list(FACES) and list(left_out.columns) == list(LEFT_OUT)
    assert faces["video"].tolist() == [VIDEO] * 4 + [other["video"]] * 4
    assert left_out["item"].tolist() == [bad["video"]]
    faces, left_out = extract([], Path("net"), tmp_path / "out")
    assert len(faces) == len(left_out) == 0 and faces["frame"].dtype == np.int64


def test_equidistant_frames_are_looked_at(row, tmp_path):
    # 10 frames: floor(10 / 6), floor(30 / 6), floor(50 / 6)
    result = extract_video(row, Planned(1, 1, 1), tmp_path, stride=2, frames_per_video=3)
    assert frames_of(result) == [1, 5, 8]
    stored = settings_of(tmp_path, row)
    assert stored["frames_per_video"] == 3 and "stride" not in stored and stored["several"] == "skip_video"
    every = extract_video(row, Planned(*[1] * 10), tmp_path / "all", stride=1)
    same = {face["key"]: face["sha256"] for face in every.faces}
    assert all(same[face["key"]] == face["sha256"] for face in result.faces)
    stored = settings_of(tmp_path / "all", row)
    assert stored["stride"] == 1 and "frames_per_video" not in stored
    # the stride is of no account
    assert extract_video(row, Refuses(), tmp_path, stride=7, frames_per_video=3).faces == result.faces


def test_a_video_of_fewer_frames_gives_all(row, tmp_path):
    assert frames_of(extract_video(row, Planned(*[1] * 10), tmp_path, frames_per_video=11)) == list(range(10))


@pytest.mark.parametrize("choice", [{"stride": 5}, {"frames_per_video": 2}])
def test_a_truncated_video_is_left_out_before_it_is_decoded(choice, row, tmp_path):
    whole = encoded(tmp_path / "whole.mp4", 40, container={"movflags": "faststart"}).read_bytes()
    Path(row["path"]).write_bytes(whole[: len(whole) // 2])
    result = extract_video(row, Refuses(), tmp_path / "out", **choice)
    assert result.faces == [] and [entry["item"] for entry in result.left_out] == [VIDEO]
    assert "clip.mp4 is truncated: its header promises 40 frames, " in result.left_out[0]["reason"]


SMALL, WIDE = face_at(2, 2, 12, 12), face_at(30, 10, 50, 24)  # areas 100 and 280


def test_the_largest_of_several_faces(row, tmp_path):
    plan = ([SMALL, WIDE], [WIDE, SMALL], [], [SMALL])
    result = extract_video(row, Planned(*plan), tmp_path, stride=3, several="largest")
    # side 26 around (40, 17); side 13 around (7, 7)
    assert boxes_of(result) == [(27, 4, 53, 30), (27, 4, 53, 30), (1, 1, 14, 14)]
    assert [Path(face["file"]).name for face in result.faces] == ["00000_0.png", "00003_0.png", "00009_0.png"]
    assert result.left_out == [{"stage": "faces", "item": f"{VIDEO}/00006", "reason": "no face found"}]
    assert settings_of(tmp_path, row)["several"] == "largest"


def test_one_face_is_followed(row, tmp_path):
    plan = (
        [],
        [SMALL, WIDE],  # the largest
        [face_at(0, 0, 60, 40), face_at(32, 12, 52, 26)],  # IoU 280 / 2400, 216 / 344: not the largest
        [SMALL],  # elsewhere
        [SMALL, face_at(50, 24, 60, 40), face_at(36, 14, 56, 28)],  # with the last one followed 0, 4 / 436, 192 / 368
    )
    result = extract_video(row, Planned(*plan), tmp_path, stride=2, several="track")
    assert frames_of(result) == [2, 4, 8]
    assert boxes_of(result) == [(27, 4, 53, 30), (29, 6, 55, 32), (33, 8, 59, 34)]
    lost = "no face found that overlaps the one followed"
    assert [(entry["item"][-5:], entry["reason"]) for entry in result.left_out] == [
        ("00000", "no face found"), ("00006", lost)
    ]  # fmt: skip
    again = extract_video(row, Refuses(), tmp_path, stride=2, several="track")
    assert (again.faces, again.left_out) == (result.faces, result.left_out)


def test_boxes_that_touch_do_not_overlap(row, tmp_path):
    plan = ([face_at(10, 10, 20, 20)], [face_at(20, 10, 40, 30)], [face_at(15, 20, 18, 40)], [face_at(19, 19, 29, 29)])
    result = extract_video(row, Planned(*plan), tmp_path, stride=3, several="track")
    assert frames_of(result) == [0, 9] and len(result.left_out) == 2


def test_following_begins_anew_with_each_video(row, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "RetinaFace", lambda onnx, **settings: Planned([SMALL], [SMALL], [WIDE], [WIDE]))
    other = row | {"video": "original_sequences/youtube/c23/videos/000.mp4"}
    faces, left_out = extract([row, other], Path("net"), tmp_path, stride=5, several="track")
    assert len(faces) == 4 and len(left_out) == 0
