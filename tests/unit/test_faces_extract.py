"""The rules of extraction on drawn clips, with a detector that answers by plan."""

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.faces import extract as stage
from advxai.faces.extract import FACES, LEFT_OUT, extract, extract_video
from advxai.media.cut import decode_png
from advxai.media.retinaface import Detection
from advxai.media.video import write_video
from tests.unit.corpus_faces import encoded

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"


def face_at(*box) -> Detection:
    return Detection(tuple(map(float, box)), 0.99, np.zeros((5, 2), np.float32))


class Planned:
    """Finds plan[i], faces or a number of equal ones, in the i-th frame it is shown."""

    def __init__(self, *plan, **settings):
        self.plan = [[face_at(20, 20, 40, 30)] * faces if isinstance(faces, int) else faces for faces in plan]
        self.settings, self.shown = {"score": 0.95} | settings, 0

    def detect_batch(self, frames):
        self.shown += len(frames)
        return self.plan[self.shown - len(frames) : self.shown]


class Refuses(Planned):
    def detect_batch(self, frames):
        raise RuntimeError("asked to detect")


def draw(path, frames=10):
    pattern = np.add.outer(np.arange(48), 2 * np.arange(64))[..., None]
    write_video(path, ((pattern + 8 * i + np.array([0, 10, 20])).astype(np.uint8) for i in range(frames)), Fraction(10))


@pytest.fixture
def row(tmp_path):
    draw(tmp_path / "clip.mp4")
    return {
        "video": VIDEO, "path": str(tmp_path / "clip.mp4"), "category": "Deepfakes", "label": 3, "split": "test",
        "mask": "",
    }  # fmt: skip


def folder_of(root, row) -> Path:
    """Named by the video and by its bytes."""
    return root / f"{row['video']}-{sha256(Path(row['path']).read_bytes()).hexdigest()[:12]}"


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


def test_a_copy_in_scratch_gives_the_same(row, tmp_path):
    """Crops, record and messages are the original's, also of a video that can't be read; no copy stays."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    row |= {"mask": row["path"]}
    plain, copied = tmp_path / "plain", tmp_path / "copied"
    extract_video(row, Planned(1, 1, 1, 1), plain, stride=3)
    extract_video(row, Planned(1, 1, 1, 1), copied, stride=3, scratch=scratch)
    assert content(folder_of(copied, row)) == content(folder_of(plain, row)) != {}
    Path(row["path"]).write_bytes(b"no video")
    said = [
        extract_video(row, Planned(1, 1, 1, 1), plain, stride=3, scratch=where).left_out for where in (None, scratch)
    ]
    assert said[0] == said[1] and row["path"] in said[0][0]["reason"]
    assert not list(scratch.iterdir())


def test_a_finished_video_is_not_detected_again(row, tmp_path):
    first = extract_video(row, Planned(1, 0, 1, 1), tmp_path, stride=3)
    again = extract_video(row | {"split": "train"}, Refuses(), tmp_path, stride=3)
    assert [face | {"split": "test"} for face in again.faces] == first.faces
    assert {face["split"] for face in again.faces} == {"train"}  # what the corpus says is not stored
    assert again.left_out == first.left_out
    assert (first.found, again.found) == (False, True)


def test_other_settings_or_other_bytes_or_a_lost_crop_make_a_video_anew(row, tmp_path):
    folder = folder_of(tmp_path, row)
    extract_video(row, Planned(1, 1, 1, 1), tmp_path, stride=3)
    extract_video(row, Planned(1, 1), tmp_path, stride=9)
    assert sorted(content(folder)) == ["00000_0.png", "00009_0.png", "faces.json"]
    extract_video(row, Planned(1, 0, score=0.5), tmp_path, stride=9)
    assert sorted(content(folder)) == ["00000_0.png", "faces.json"]
    (folder / "00000_0.png").unlink()
    assert len(extract_video(row, Planned(1, 1, score=0.5), tmp_path, stride=9).faces) == 2
    data = bytearray((folder / "00009_0.png").read_bytes())
    data[-9] ^= 1
    (folder / "00009_0.png").write_bytes(data)
    assert len(extract_video(row, Planned(1, 1, score=0.5), tmp_path, stride=9).faces) == 2
    assert (folder / "00009_0.png").read_bytes() != bytes(data)
    (folder / "faces.json").write_text("{half")
    assert len(extract_video(row, Planned(1, 0, score=0.5), tmp_path, stride=9).faces) == 1
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_other_bytes_of_the_same_name_have_a_folder_of_their_own(row, tmp_path):
    """Two corpora in one store; the first one's crops are still there."""
    extract_video(row, Planned(1, 1), tmp_path, stride=9)
    whole = Path(row["path"]).read_bytes()
    draw(Path(row["path"]), frames=5)
    assert len(extract_video(row, Planned(1), tmp_path, stride=9).faces) == 1
    Path(row["path"]).write_bytes(whole)
    assert len(extract_video(row, Refuses(), tmp_path, stride=9).faces) == 2


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


def test_an_interrupted_video_leaves_nothing(row, tmp_path):
    with pytest.raises(RuntimeError, match="asked"):
        extract_video(row, Refuses(), tmp_path / "out", stride=3)
    assert not [path for path in (tmp_path / "out").rglob("*") if "mp4" in path.name]


def test_two_writers_of_one_video_leave_one_whole_folder(row, tmp_path):
    """The second one publishes while the first is at work."""

    class Overtaken(Planned):
        def detect_batch(self, frames):
            extract_video(row, Planned(1, 1, 1, 1), tmp_path, stride=3)
            return super().detect_batch(frames)

    result = extract_video(row, Overtaken(1, 1, 1, 1), tmp_path, stride=3)
    folder = folder_of(tmp_path, row)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert extract_video(row, Refuses(), tmp_path, stride=3).faces == result.faces


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


def frames_of(result):
    return [face["frame"] for face in result.faces]


def boxes_of(result):
    return [tuple(face[name] for name in ("x1", "y1", "x2", "y2")) for face in result.faces]


def settings_of(root, row):
    return json.loads((folder_of(root, row) / "faces.json").read_text())["made_from"]


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


def draw_mask(path, frames=10, height=48, width=64):
    """White from column 16 i of frame i on, in the lower half; one colour only, as some of FF++'s masks are."""

    def image(index):
        mask = np.zeros((height, width, 3), np.uint8)
        mask[height // 2 :, 16 * index :, 1] = 255
        return mask

    write_video(path, map(image, range(frames)), Fraction(10), crf=0)


@pytest.fixture
def masked(row, tmp_path):
    draw_mask(tmp_path / "mask.mp4")
    return row | {"mask": str(tmp_path / "mask.mp4")}


def read_mask(face) -> np.ndarray:
    image = cv2.imread(face["mask_file"], cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint8 and image.ndim == 2
    return image


def test_masks_lie_beside_the_crops_and_are_cut_by_their_boxes(masked, tmp_path):
    result = extract_video(masked, Planned(1, 0, 1, 1), tmp_path / "out", frames_per_video=4)  # frames 1, 3, 6, 8
    assert frames_of(result) == [1, 6, 8]
    folder = folder_of(tmp_path / "out", masked)
    first, *others = result.faces
    assert first["mask"] == masked["mask"]
    assert first["mask_file"] == str(folder / "masks/00001_0.png")
    # crop 17..43 x 12..38, mask from column 16 and row 24 on: rows 12 on are white
    expected = np.zeros((26, 26), np.uint8)
    expected[12:] = 255
    assert (read_mask(first) == expected).all()
    assert not any(read_mask(face).any() for face in others)  # columns from 96 on: none
    listed = json.loads((folder / "faces.json").read_text())["faces"]
    assert [face["mask_sha256"] for face in listed] == [
        sha256(Path(face["mask_file"]).read_bytes()).hexdigest() for face in result.faces
    ]
    assert [entry["reason"] for entry in result.left_out] == ["no face found"]


def test_a_masks_left_edge_is_where_its_frame_has_it(masked, tmp_path):
    plan = [[face_at(20, 20, 60, 30)]] * 10  # side 48, all rows: columns 16..64
    faces = extract_video(masked, Planned(*plan), tmp_path, stride=1).faces
    assert [int(read_mask(face)[40].argmax()) for face in faces[1:4]] == [0, 16, 32]  # columns 16, 32, 48
    assert (read_mask(faces[2])[24:, 16:] == 255).all() and not read_mask(faces[2])[:24].any()


def test_a_finished_video_with_masks_is_not_made_anew(masked, tmp_path):
    first = extract_video(masked, Planned(1, 1), tmp_path, stride=9)
    again = extract_video(masked, Refuses(), tmp_path, stride=9)
    assert again.found and again.faces == first.faces and all(face["mask_file"] for face in again.faces)


def test_a_changed_mask_or_a_spoilt_mask_crop_makes_a_video_anew(masked, tmp_path):
    first = extract_video(masked, Planned(1, 1), tmp_path, stride=9)
    crop = Path(first.faces[0]["mask_file"])
    whole = crop.read_bytes()
    crop.write_bytes(whole[:-1])
    assert not extract_video(masked, Planned(1, 1), tmp_path, stride=9).found
    assert crop.read_bytes() == whole
    crop.unlink()
    assert not extract_video(masked, Planned(1, 1), tmp_path, stride=9).found
    draw_mask(Path(masked["mask"]), frames=12)
    assert not extract_video(masked, Planned(1, 1), tmp_path, stride=9).found


def test_masks_may_be_done_without(masked, tmp_path):
    result = extract_video(masked, Planned(1, 1), tmp_path, stride=9, masks=False)
    assert [face["mask_file"] for face in result.faces] == ["", ""] and result.left_out == []
    assert sorted(content(folder_of(tmp_path, masked))) == ["00000_0.png", "00009_0.png", "faces.json"]
    with_masks = extract_video(masked, Planned(1, 1), tmp_path, stride=9)
    assert not with_masks.found and all(face["mask_file"] for face in with_masks.faces)
    # another configuration that does without them neither lists them nor takes them away
    again = extract_video(masked, Refuses(), tmp_path, stride=9, masks=False)
    assert again.faces == result.faces
    assert extract_video(masked, Refuses(), tmp_path, stride=9).faces == with_masks.faces
    assert extract_video(masked | {"mask": ""}, Refuses(), tmp_path, stride=9).found


def test_a_short_mask_video_costs_masks_but_no_image(masked, tmp_path):
    draw_mask(Path(masked["mask"]), frames=5)
    for detector in (Planned(1, 1, 1, 1), Refuses()):  # the second time it is known
        result = extract_video(masked, detector, tmp_path, stride=3)
        assert frames_of(result) == [0, 3, 6, 9]
        assert [bool(face["mask_file"]) for face in result.faces] == [True, True, False, False]
        (entry,) = result.left_out
        assert (entry["stage"], entry["item"]) == ("faces", f"{VIDEO}/masks")
        assert entry["reason"] == (
            f"no mask for frames 6 to 9: {masked['mask']} has no frame 6: get the mask clip that belongs to the video."
        )
    draw_mask(Path(masked["mask"]))  # mended
    result = extract_video(masked, Planned(1, 1, 1, 1), tmp_path, stride=3)
    assert all(face["mask_file"] for face in result.faces) and result.left_out == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "mask.mp4 can't be read as a video"),
        (lambda path: path.write_text("no video"), "mask.mp4 can't be read as a video"),
        (lambda path: draw_mask(path, height=64, width=80), "mask.mp4 is 80 x 64, the video 64 x 48: get the mask"),
        (lambda path: path.write_bytes(truncated(path)), "mask.mp4 is truncated: its header promises 40 frames"),
    ],
)
def test_a_mask_video_of_no_use_costs_no_image(spoil, reason, masked, tmp_path):
    spoil(Path(masked["mask"]))
    result = extract_video(masked, Planned(1, 1, 0, 1), tmp_path / "out", stride=3)
    assert frames_of(result) == [0, 3, 9] and {face["mask_file"] for face in result.faces} == {""}
    gap, entry = result.left_out
    assert gap["reason"] == "no face found" and entry["item"] == f"{VIDEO}/masks"
    assert entry["reason"].startswith("no mask for frames 0 to 9: ") and reason in entry["reason"]
    assert "masks" not in {path.name for path in folder_of(tmp_path / "out", masked).iterdir()}


def truncated(path: Path) -> bytes:
    data = encoded(path, 40, container={"movflags": "faststart"}).read_bytes()
    return data[: len(data) // 2]


def test_a_rejected_video_reads_no_mask(masked, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "mask_crops", None)
    assert extract_video(masked, Planned(2), tmp_path, stride=10).left_out[0]["reason"] == "2 faces in frame 0"
