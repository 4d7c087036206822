import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.corpus.demo import make_clip
from advxai.media.retinaface import Detection
from advxai.media.video import Probed, probe, read_frames, write_video
from tests.unit.corpus_faces import synthetic_frame, synthetic_mesh

FPS = Fraction(10)
SETTINGS = {"block_seconds": 0.5, "gap_seconds": 1.0, "crf": 23, "seed": 1, "progress": False}


class Detector:
    """Finds as many faces as it is told, for the n-th frame that it is shown."""

    def __init__(self, faces=lambda shown: 1) -> None:
        self.faces, self.shown = faces, 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        self.shown += 1
        return [Detection((50.0, 28.0, 110.0, 100.0), 0.99, np.zeros((5, 2), np.float32))] * self.faces(self.shown - 1)


class Mesh:
    def fit(self, frame: np.ndarray, box: tuple[float, float, float, float], eyes: np.ndarray) -> np.ndarray:
        assert eyes.shape == (2, 2)
        return synthetic_mesh()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    write_video(path, [synthetic_frame(index, 129, 160) for index in range(70)], FPS)
    return path


def run(clip: Path, out: Path, splits: dict[str, int], detector: Detector):
    report = make_clip(clip, "me", splits, 20, detector, Mesh(), out, **SETTINGS)
    written = json.loads((out / "clip.json").read_text())
    assert written == {"name": report.name, "pairs": report.pairs, "videos": report.videos, "left_out": report.left_out}
    assert not list(out.parent.glob(".*"))
    return report


def test_the_tree_of_a_clip(clip: Path, tmp_path: Path) -> None:
    detector = Detector()
    report = run(clip, tmp_path / "out", {"train": 2, "test": 2}, detector)
    assert report.pairs == {"train": [["020", "021"]], "test": [["022", "023"]]} and report.left_out == []
    # 70 frames, 4 blocks of 5 frames (0.5 s): each source frame is looked at once
    assert detector.shown == 20
    originals = [f"original_sequences/youtube/c23/videos/{video:03d}.mp4" for video in range(20, 24)]
    fakes = [
        f"manipulated_sequences/{category}/c23/videos/{pair}.mp4"
        for category in ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
        for pair in ("020_021", "021_020", "022_023", "023_022")
    ]
    masks = [fake.replace("c23", "masks") for fake in fakes]
    assert sorted(report.videos) == sorted(originals + fakes)
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.mp4")) == sorted(
        originals + fakes + masks
    )
    assert {probe(tmp_path / "out" / video) for video in originals + fakes + masks} == {Probed(5, FPS, 160, 128)}
    # block 021 begins at frame 65 // 3 = 21
    _, first = next(read_frames(tmp_path / "out" / originals[1]))
    assert np.abs(first.astype(int) - synthetic_frame(21, 129, 160)[:128]).mean() < 12
    _, mask = next(read_frames(tmp_path / "out" / masks[0]))
    assert 0.05 < (mask > 127).mean() < 0.5 and mask[0, 0, 0] < 20


def test_same_clip_same_bytes(clip: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(clip, tmp_path / name, {"test": 2}, Detector())
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path


@pytest.mark.parametrize(
    "faces, splits, reason",
    [
        (lambda shown: 2 if shown == 12 else 1, {"train": 2, "test": 2}, "2 faces in frame 45"),
        (lambda shown: 0, {"test": 2}, "no face in more than half of the frames of 020 and 021"),
        (lambda shown: 1, {"train": 6, "test": 2}, "too short: 70 frames"),
    ],
)
def test_clips_that_are_left_out(clip: Path, tmp_path: Path, faces, splits: dict[str, int], reason: str) -> None:
    report = run(clip, tmp_path / "out", splits, Detector(faces))
    assert report.pairs == {} and report.videos == []
    assert [row["stage"] for row in report.left_out] == ["corpus"] and report.left_out[0]["reason"].startswith(reason)
    assert str(clip) in report.left_out[0]["item"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip.json"]


def test_a_pair_without_a_face_is_left_out_alone(clip: Path, tmp_path: Path) -> None:
    report = run(clip, tmp_path / "out", {"train": 2, "test": 2}, Detector(lambda shown: int(shown >= 8)))
    assert report.pairs == {"test": [["022", "023"]]}
    assert len(report.left_out) == 1 and "train pair 020, 021" in report.left_out[0]["item"]


def test_not_a_video_and_wrong_splits(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    report = run(tmp_path / "notes.mp4", tmp_path / "out", {"test": 2}, Detector())
    assert report.left_out[0]["reason"].startswith("not a video")
    with pytest.raises(InputError, match="even number"):
        run(clip, tmp_path / "other", {"test": 3}, Detector())
    assert not (tmp_path / "other").exists()


class Failing(Mesh):
    """Fits as often as it is told, then raises."""

    def __init__(self, error: Exception, fits: int) -> None:
        self.error, self.fits = error, fits

    def fit(self, *asked: object) -> np.ndarray:
        self.fits -= 1
        if self.fits < 0:
            raise self.error
        return synthetic_mesh()


@pytest.mark.parametrize("error", [cv2.error("odd\nframe"), ZeroDivisionError("odd frame"), ValueError("odd frame")])
@pytest.mark.parametrize("fits", [0, 15])  # at once; when the first pair is written
def test_whatever_goes_wrong_with_a_clip_is_its_reason(clip, tmp_path, error, fits, caplog) -> None:
    caplog.set_level("INFO")
    report = make_clip(
        clip, "me", {"train": 2, "test": 2}, 20, Detector(), Failing(error, fits), tmp_path / "out", **SETTINGS
    )
    assert (report.pairs, report.videos) == ({}, [])
    said = [{"stage": "corpus", "item": str(clip), "reason": "no videos can be made of it (odd frame)"}]
    assert report.left_out == said == json.loads((tmp_path / "out/clip.json").read_text())["left_out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip.json"]
    assert "Traceback" in caplog.text and type(error).__name__ in caplog.text


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "no"), MemoryError()])
def test_a_fault_of_the_disk_or_machine_is_not_the_clips(clip, tmp_path, error) -> None:
    with pytest.raises(type(error)) as caught:
        make_clip(clip, "me", {"test": 2}, 20, Detector(), Failing(error, 0), tmp_path / "out", **SETTINGS)
    assert caught.value is error and list(tmp_path.iterdir()) == []


def test_a_clip_that_breaks_off_is_left_out(clip, tmp_path) -> None:
    """Its end says how many frames there are; what is decoded first is damaged."""
    data = bytearray(clip.read_bytes())
    start = data.find(b"mdat")
    assert start > 0
    data[start + 4 : start + 8000] = bytes(len(data[start + 4 : start + 8000]))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    report = run(broken, tmp_path / "out", {"test": 2}, Detector())
    assert report.pairs == {} and [row["item"] for row in report.left_out] == [str(broken)]
    assert "broken.mp4" in report.left_out[0]["reason"]
