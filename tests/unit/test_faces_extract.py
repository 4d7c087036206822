"""The rules of extraction on drawn clips, with a detector that answers by plan."""

from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from advxai.corpus.video import write_video
from advxai.errors import InputError
from advxai.faces import extract as stage
from advxai.faces.crop import decode_png
from advxai.faces.extract import FACES, LEFT_OUT, extract, extract_video
from advxai.faces.mask import mask_crop
from advxai.faces.retinaface import Detection

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
FACE = Detection((20.0, 20.0, 40.0, 30.0), 0.99, np.zeros((5, 2), np.float32))


class Planned:
    """Finds plan[i] faces in the i-th frame it is shown."""

    def __init__(self, *plan, **settings):
        self.plan, self.settings, self.shown = plan, {"score": 0.95} | settings, 0

    def detect_batch(self, frames):
        counts = self.plan[self.shown : self.shown + len(frames)]
        self.shown += len(frames)
        return [[FACE] * count for count in counts]


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
        "mask": "m",
    }  # fmt: skip


def folder_of(root, row) -> Path:
    """Named by the video and by its bytes."""
    return root / f"{row['video']}-{sha256(Path(row['path']).read_bytes()).hexdigest()[:12]}"


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_rows_names_and_crops(row, tmp_path):
    result = extract_video(row, Planned(1, 0, 1, 1), tmp_path / "out", stride=3)
    assert [face["frame"] for face in result.faces] == [0, 6, 9]
    face = result.faces[1]
    assert list(face) == list(FACES)
    assert face["key"] == f"{VIDEO}/00006_0.png"
    # side 26 around (30, 25)
    assert (face["x1"], face["y1"], face["x2"], face["y2"]) == (17, 12, 43, 38)
    assert (face["video"], face["category"], face["label"], face["split"], face["mask"]) == (
        VIDEO, "Deepfakes", 3, "test", "m"
    )  # fmt: skip
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


def test_mask_crop(tmp_path):
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[16:32, 32:48] = 255
    clip = tmp_path / "mask.mp4"
    write_video(clip, [np.zeros_like(mask), mask], Fraction(10))
    part = mask_crop(clip, 1, (24, 8, 48, 32))
    assert part.shape == (24, 24) and part.dtype == np.uint8
    assert set(np.unique(part)) == {0, 255}
    assert (part[8:, 8:] == 255).mean() > 0.95 and (part[:6] == 0).all() and (part[:, :6] == 0).all()
    assert not mask_crop(clip, 0, (24, 8, 48, 32)).any()
    with pytest.raises(InputError, match="mask.mp4 has no frame 2"):
        mask_crop(clip, 2, (24, 8, 48, 32))
    with pytest.raises(InputError, match="64 x 48"):
        mask_crop(clip, 1, (24, 8, 74, 58))
