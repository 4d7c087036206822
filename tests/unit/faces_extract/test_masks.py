"""Crops of a mask video lie beside those of its video."""

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.faces import extract as stage
from advxai.faces.extract import extract_video
from advxai.media.video import write_video
from tests.unit.corpus_faces import encoded
from tests.unit.faces_extract.drawn import VIDEO, Planned, Refuses, content, face_at, folder_of, frames_of


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
