"""Face crops of videos, by the rules of the paper's authors: one face a frame, and a video with two faces is left out.

A video's crops lie in `<root>/<FF++ relative path of the video>-<first digits of its SHA-256>/`, named `<frame, 5
digits>_<face index>.png`, beside `faces.json`, which says what was found and with which settings. The folder appears
when the video is finished.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from tqdm import tqdm

from advxai.corpus.video import read_frames
from advxai.errors import InputError
from advxai.faces.crop import cut, encode_png, square_box
from advxai.faces.retinaface import Detection, RetinaFace
from advxai.files import published_folder

log = logging.getLogger(__name__)
STAGE = "faces"
RECORD = "faces.json"
FACES = {
    "key": "str", "video": "str", "category": "str", "label": "int64", "split": "str", "frame": "int64",
    "x1": "int64", "y1": "int64", "x2": "int64", "y2": "int64", "score": "float64", "sha256": "str", "file": "str",
    "mask": "str",
}  # fmt: skip
LEFT_OUT = {"stage": "str", "item": "str", "reason": "str"}


class FaceDetector(Protocol):
    """What `extract_video` needs of a detector; `settings` are whatever its answers depend on."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def detect_batch(self, frames: list[np.ndarray]) -> list[list[Detection]]: ...


@dataclass(frozen=True)
class VideoFaces:
    """Faces of one video: rows with the columns FACES, rows with the columns LEFT_OUT, and whether all was there."""

    faces: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    found: bool


class _Rejected(Exception):
    """The whole video leaves the population; the message is the reason."""


def extract(
    videos: Iterable[Mapping[str, Any]],
    detector_onnx: Path,
    out_root: Path,
    *,
    stride: int = 23,
    scale: float = 1.3,
    score: float = 0.95,
    batch: int = 8,
    threads: int = 1,
    device: str = "cpu",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Crops of every video of one shard.

    Args:
        videos: rows with `video` (FF++ relative path), `path`, `category`, `label`, `split` and `mask`.
        detector_onnx: RetinaFace's network.
        out_root: root of the crops.
        stride, scale, batch: as in `extract_video`.
        score, threads, device: as in `RetinaFace`.

    Returns:
        The faces (columns FACES, in the order of videos and frames) and what was left out (columns LEFT_OUT).
    """
    detector = RetinaFace(detector_onnx, score=score, threads=threads, device=device)
    results = [
        extract_video(video, detector, out_root, stride=stride, scale=scale, batch=batch)
        for video in tqdm(list(videos), desc="faces", unit="video", mininterval=2)
    ]
    computed = sum(not result.found for result in results)
    log.info("faces: %d videos, %d found, %d computed", len(results), len(results) - computed, computed)
    return (
        _table(chain.from_iterable(result.faces for result in results), FACES),
        _table(chain.from_iterable(result.left_out for result in results), LEFT_OUT),
    )


def extract_video(
    video_row: Mapping[str, Any],
    detector: FaceDetector,
    out_root: Path,
    *,
    stride: int = 23,
    scale: float = 1.3,
    batch: int = 8,
) -> VideoFaces:
    """Detect and cut out the face of every `stride`-th frame of a video; a finished video is only read back.

    A video that can't be decoded, shows no face, or two in one frame, gives no faces and one left-out row. Of any other
    video each frame without a face gives a left-out row. Finished means: same video bytes, same settings, every crop
    as it was written.

    Args:
        video_row: `video` (FF++ relative path), `path` (the file), `category`, `label`, `split`, `mask` (file or "").
        detector: finds faces in RGB frames.
        out_root: root of the crops.
        stride: every n-th frame is looked at, from the first one on.
        scale: side of the crop over the longer side of the face's box.
        batch: frames a detector call; does not change the result.
    """
    video, path = str(video_row["video"]), Path(video_row["path"])
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return VideoFaces([], [_left_out(video, f"can't be read ({error.strerror})")], found=False)
    made_from = {"video_sha256": digest, "stride": stride, "scale": scale, **detector.settings}
    # two corpora may give their videos the same names
    final = Path(out_root) / f"{video}-{digest[:12]}"
    stored = _stored(final, made_from)
    if stored is not None:
        return _rows(video_row, final, stored, found=True)
    try:
        with published_folder(final) as scratch:
            record = {"made_from": made_from, **_crop_faces(path, detector, scratch, stride, scale, batch)}
            (scratch / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    except InputError as error:  # not stored: whatever made it unreadable may be mended
        return VideoFaces([], [_left_out(video, str(error))], found=False)
    return _rows(video_row, final, record, found=False)


def _crop_faces(
    path: Path, detector: FaceDetector, folder: Path, stride: int, scale: float, batch: int
) -> dict[str, Any]:
    faces: list[dict[str, Any]] = []
    empty: list[int] = []
    try:
        for index, frame, found in _detected(path, detector, stride, batch):
            if len(found) > 1:
                raise _Rejected(f"{len(found)} faces in frame {index}")
            if not found:
                empty.append(index)
                continue
            box = square_box(found[0].box, *frame.shape[:2], scale)
            data = encode_png(cut(frame, box))
            name = f"{index:05d}_0.png"
            (folder / name).write_bytes(data)
            faces.append(
                {
                    "name": name,
                    "frame": index,
                    "box": box,
                    "score": found[0].score,
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            )
        if not faces:
            raise _Rejected(f"no face in any of the {len(empty)} frames looked at" if empty else "it has no frame")
    except _Rejected as reason:
        for png in folder.glob("*.png"):
            png.unlink()
        return {"rejected": str(reason), "faces": [], "no_face": []}
    return {"rejected": "", "faces": faces, "no_face": empty}


def _detected(
    path: Path, detector: FaceDetector, stride: int, batch: int
) -> Iterator[tuple[int, np.ndarray, list[Detection]]]:
    """Index, frame and faces of every `stride`-th frame; a batch holds frames of one size."""
    held: list[tuple[int, np.ndarray]] = []

    def answers() -> Iterator[tuple[int, np.ndarray, list[Detection]]]:
        found = detector.detect_batch([frame for _, frame in held])
        yield from ((*item, faces) for item, faces in zip(held, found, strict=True))
        held.clear()

    for index, frame in read_frames(path, stride=stride):
        if held and (len(held) == batch or frame.shape != held[0][1].shape):
            yield from answers()
        held.append((index, frame))
    if held:
        yield from answers()


def _stored(folder: Path, made_from: dict[str, Any]) -> dict[str, Any] | None:
    """A finished folder's record; None if there is none, it was made from something else, or a crop has changed."""
    try:
        record = json.loads((folder / RECORD).read_text())
        whole = all(
            hashlib.sha256((folder / face["name"]).read_bytes()).hexdigest() == face["sha256"]
            for face in record["faces"]
        )
        same = record["made_from"] == made_from
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        log.warning("%s can't be used (%s): made anew", folder / RECORD, error)
        return None
    return record if whole and same else None


def _rows(video_row: Mapping[str, Any], folder: Path, record: Mapping[str, Any], found: bool) -> VideoFaces:
    video = str(video_row["video"])
    if record["rejected"]:
        return VideoFaces([], [_left_out(video, record["rejected"])], found)
    common = {name: video_row[name] for name in ("video", "category", "label", "split", "mask")}
    faces = []
    for face in record["faces"]:
        x1, y1, x2, y2 = face["box"]
        row = common | {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
        row |= {name: face[name] for name in ("frame", "score", "sha256")}
        row |= {"key": f"{video}/{face['name']}", "file": str(folder / face["name"])}
        faces.append({name: row[name] for name in FACES})
    return VideoFaces(faces, [_left_out(f"{video}/{frame:05d}", "no face found") for frame in record["no_face"]], found)


def _left_out(item: str, reason: str) -> dict[str, str]:
    return {"stage": STAGE, "item": item, "reason": reason}


def _table(rows: Iterable[Mapping[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    """A frame with the given columns and types, also when there is no row."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)
