"""Reading pictures and clips by their content; faces in pictures of any size; faces followed through a clip."""

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.explain.files import of_file
from advxai.explain.finding import COARSE, FINE, Finder
from advxai.explain.request import Request
from advxai.faces.tracks import follow
from advxai.media.pictures import kind_of, read_picture, reduced
from advxai.media.retinaface import Detection
from advxai.media.rule import Rule
from advxai.media.video import write_video
from tests.unit.corpus_faces import synthetic_frame

ORIENTATION = 6  # of EXIF: the first row is the right side, so turn it clockwise


def photo(path: Path, pixels: np.ndarray, orientation: int = 1) -> Path:
    """Write a JPEG with an EXIF orientation, as a phone does."""
    _done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data.tobytes()[2:])
    return path


def face(x1: float, y1: float, x2: float, y2: float, score: float = 0.99) -> Detection:
    return Detection((x1, y1, x2, y2), score, np.zeros((5, 2), np.float32))


class Says:
    """A face detector that says what it was told to say."""

    def __init__(self, *faces: Detection) -> None:
        self.faces, self.asked = list(faces), 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        self.asked += 1
        return self.faces


# -- pictures ---------------------------------------------------------------------------------------------------------
def test_a_phone_s_photo_is_upright(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20] = (250, 0, 0)  # the upper half is red
    upright = read_picture(photo(tmp_path / "me.jpg", pixels, ORIENTATION)).pixels
    assert upright.shape == (60, 40, 3)
    assert upright[:, 30:].reshape(-1, 3).mean(0) == pytest.approx([250, 0, 0], abs=4)  # and now the right one
    assert upright[:, :10].mean() < 4


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tiff"])
def test_a_picture_is_known_by_its_content(tmp_path, suffix):
    pixels, path = synthetic_frame(1), tmp_path / "clip.mp4"
    path.write_bytes(cv2.imencode(suffix, pixels[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    assert kind_of(path) == "picture"
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)


def test_a_video_is_known_by_its_content(tmp_path):
    write_video(tmp_path / "clip.mp4", [synthetic_frame(0)] * 2, Fraction(25))
    assert kind_of((tmp_path / "clip.mp4").rename(tmp_path / "clip.jpg")) == "video"


@pytest.mark.parametrize("name", ["notes.jpg", "notes.mp4", "notes.txt"])
def test_a_text_is_neither(tmp_path, name):
    (tmp_path / name).write_text("no picture at all\n" * 20)
    with pytest.raises(InputError, match=rf"{name} is neither a picture nor a video .*: give a picture \(JPEG"):
        kind_of(tmp_path / name)


def test_an_absent_file_and_a_heic_picture(tmp_path):
    with pytest.raises(InputError, match=r"me.jpg can't be read \(No such file"):
        kind_of(tmp_path / "me.jpg")
    (tmp_path / "me.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(InputError, match="HEIC picture, which can't be read here: save it as JPEG"):
        kind_of(tmp_path / "me.heic")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_is_cut_short_is_named(tmp_path, suffix):
    data = cv2.imencode(suffix, synthetic_frame(1))[1].tobytes()
    (tmp_path / f"me{suffix}").write_bytes(data[: len(data) * 9 // 10])
    with pytest.raises(InputError, match=rf"me{suffix} can't be read as a picture .*: it is damaged or cut short"):
        read_picture(tmp_path / f"me{suffix}")


def test_only_a_large_picture_is_reduced():
    assert reduced(np.zeros((300, 600, 3), np.uint8), 200).shape == (100, 200, 3)
    assert reduced(np.zeros((30, 60, 3), np.uint8), 200).shape == (30, 60, 3)


# -- finding ----------------------------------------------------------------------------------------------------------
def test_in_a_small_picture_faces_are_looked_for_once():
    coarse, fine = Says(), Says(face(50, 0, 60, 10), face(0, 0, 10, 10))
    found = Finder(coarse, fine).find(np.zeros((COARSE, COARSE, 3), np.uint8))
    assert [one.box[0] for one in found] == [0, 50]  # from left to right
    assert (coarse.asked, fine.asked) == (0, 1)


def test_of_a_face_that_fills_a_photo_the_parts_are_no_faces():
    """4,000 pixels wide: the fine detector takes eyes for faces of 700 pixels, and sees a small face well."""
    side = 4000
    whole, small = face(1000, 1000, 3000, 3400), face(100, 100, 240, 260)
    parts = [face(1300, 1500, 1900, 2100), face(2200, 1500, 2900, 2300)]
    rough = face(90, 90, 250, 270)  # the small one, coarsely
    found = Finder(Says(whole, rough), Says(*parts, small)).find(np.zeros((side, side, 3), np.uint8))
    assert found == [small, whole] and side > FINE


def test_a_face_that_only_one_of_the_two_sees_is_kept():
    seen_coarsely = face(1000, 1000, 1400, 1400)
    finely = Says(face(5, 5, 1005, 1005))  # too large to be believed
    found = Finder(Says(seen_coarsely), finely).find(np.zeros((1900, 1900, 3), np.uint8))
    assert found == [seen_coarsely]


def test_faces_keep_their_numbers():
    left, right = face(0, 0, 100, 100), face(300, 0, 400, 100)
    numbers = follow(
        [
            [left, right],
            [face(30, 0, 130, 100)],  # the right one is away
            [face(60, 0, 160, 100), face(310, 0, 410, 100)],  # and back, where it was
            [face(700, 0, 800, 100)],  # another face
        ]
    )
    assert numbers == [[1, 2], [1], [1, 2], [3]]


def test_the_better_of_two_boxes_goes_on():
    numbers = follow([[face(0, 0, 100, 100)], [face(10, 0, 110, 100), face(60, 0, 160, 100)]])
    assert numbers == [[1], [1, 2]]


# -- files ------------------------------------------------------------------------------------------------------------
def test_the_crops_of_a_picture_s_faces(tmp_path):
    pixels = synthetic_frame(2, 200, 300)
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), pixels[..., ::-1])
    found = Says(face(20, 60, 60, 100, 0.97), face(200, 100, 240, 140))
    source = of_file(Request(str(path), "file"), found.detect, Rule(1.5), 6)
    one, two = source.faces
    assert (source.kind, source.size, source.numbers, source.name) == ("picture", (200, 300), [1, 2], "me.png")
    assert one.box == (10, 50, 70, 110) and one.found.score == 0.97  # 1.5 times the face's 40 pixels
    np.testing.assert_array_equal(one.crop, pixels[50:110, 10:70])
    assert (one.key, two.key) == ("me.png/1", "me.png/2") and one.sha256 != two.sha256
    assert source.searched and source.looked[0].scale == 1 and source.looked[0].faces == [one, two]


def test_no_face_says_what_to_do(tmp_path):
    cv2.imwrite(str(tmp_path / "sea.png"), synthetic_frame(2))
    with pytest.raises(InputError, match=r"sea.png: no face is found in it: .* faces.score .*--whole"):
        of_file(Request(str(tmp_path / "sea.png"), "file"), Says().detect, Rule(1.3), 6)


def test_the_whole_picture_as_a_face(tmp_path):
    cv2.imwrite(str(tmp_path / "crop.png"), synthetic_frame(2, 60, 80))
    source = of_file(Request(str(tmp_path / "crop.png"), "file"), None, Rule(1.3), 6)
    (only,) = source.faces
    assert only.box == (0, 0, 80, 60) and only.crop.shape == (60, 80, 3) and only.found is None
    assert not source.searched and source.notes == [
        "the whole picture, 80 x 60 pixels, is taken as the face and made a square, as the detector sees it"
    ]


def test_a_clip_s_faces_with_their_times(tmp_path):
    """Two faces; the second isn't seen in the middle frame."""
    path = tmp_path / "clip.mp4"
    write_video(path, [synthetic_frame(index) for index in range(10)], Fraction(5))
    answers = iter([[face(0, 0, 40, 40), face(90, 60, 130, 100)], [face(4, 0, 44, 40)], [face(92, 60, 132, 100)]])
    source = of_file(Request(str(path), "file"), lambda frame: next(answers), Rule(1.0), 3)
    assert source.kind == "video" and [one.frame for one in source.looked] == [1, 5, 8]
    assert [(one.number, one.frame, one.key) for one in source.faces] == [
        (1, 1, "clip.mp4/00001_1"),
        (1, 5, "clip.mp4/00005_1"),
        (2, 1, "clip.mp4/00001_2"),
        (2, 8, "clip.mp4/00008_2"),
    ]
    assert [one.seconds for one in source.faces] == pytest.approx([0.2, 1.0, 0.2, 1.6])
    assert [[each.number for each in one.faces] for one in source.looked] == [[1, 2], [1], [2]]


def test_a_clip_without_a_face_counts_the_frames_looked_at(tmp_path):
    write_video(tmp_path / "sea.mp4", [synthetic_frame(index) for index in range(4)], Fraction(5))
    with pytest.raises(InputError, match=r"in any of the 4 frames looked at: .* or more frames \(--frames\)"):
        of_file(Request(str(tmp_path / "sea.mp4"), "file"), Says().detect, Rule(1.3), 6)
