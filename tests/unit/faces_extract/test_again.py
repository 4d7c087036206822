"""A finished video is found, an unfinished or changed one is made anew."""

from pathlib import Path

import pytest

from advxai.faces.extract import extract_video
from tests.unit.faces_extract.drawn import Planned, Refuses, content, draw, folder_of


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
