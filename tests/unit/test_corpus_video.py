from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from advxai.corpus.video import probe, read_frames, write_video
from advxai.errors import InputError
from tests.unit.corpus_faces import synthetic_frame

FPS = Fraction(24000, 1001)


def grey_ramp(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frame i is grey of value 20 + 10 i, which survives the encoder and tells which frame it is."""
    return [np.full((height, width, 3), 20 + 10 * index, np.uint8) for index in range(count)]


def test_round_trip_is_frame_exact(tmp_path: Path) -> None:
    path = tmp_path / "a" / "clip.mp4"
    assert write_video(path, grey_ramp(20), FPS) == 20
    assert probe(path) == (20, FPS, 64, 48)
    read = list(read_frames(path, 3, 17, 5))
    assert [index for index, _ in read] == [3, 8, 13]
    for index, frame in read:
        assert frame.shape == (48, 64, 3) and frame.dtype == np.uint8
        assert abs(float(frame.mean()) - (20 + 10 * index)) < 2
    assert [p.name for p in path.parent.iterdir()] == ["clip.mp4"]


def test_same_frames_same_bytes(tmp_path: Path) -> None:
    # textured and 160 x 128: what x264's macroblock tree encoded differently from run to run
    frames = [synthetic_frame(index) for index in range(8)]
    written = set()
    for _ in range(20):
        write_video(tmp_path / "clip.mp4", frames, FPS)
        written.add((tmp_path / "clip.mp4").read_bytes())
    assert len(written) == 1


def test_odd_sizes_lose_their_last_line(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mp4", grey_ramp(3, 49, 65), FPS)
    assert probe(tmp_path / "odd.mp4")[2:] == (64, 48)


def test_a_failed_encoding_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frame 1 has shape"):
        write_video(tmp_path / "a.mp4", [*grey_ramp(1), *grey_ramp(1, 50)], FPS)
    with pytest.raises(ValueError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], FPS)
    assert list(tmp_path.iterdir()) == []


def test_not_a_video(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video at all")
    for path in (text, tmp_path / "absent.mp4"):
        with pytest.raises(InputError, match=path.name):
            probe(path)
        with pytest.raises(InputError, match=path.name):
            next(read_frames(path))
