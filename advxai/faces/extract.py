"""Face crops of videos: one face a frame (by the rule of the paper's authors a video with two is left out), or several
faces, each followed through the video.

A video's crops lie in `<root>/<FF++ relative path of the video>-<first digits of its SHA-256>/`, named `<frame, 5
digits>_<track>.png` (track 0 where there is one face a frame), beside `faces.json`, which says what was found and with
which settings, and `masks/`, the same crops of its mask video under the same names. The folder appears when the video
is finished.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.files import published_folder
from advxai.common.types import Record
from advxai.config.data import EdgeRule, Margins
from advxai.faces.choice import Rejected, Several, area, chosen_frames
from advxai.faces.mask import mask_crops
from advxai.faces.tracks import LOST, NO_FACE, Taker, kept, lacking, most_seen, number_of, taker
from advxai.media.cut import Placement, encode_png
from advxai.media.retinaface import Detection, RetinaFace
from advxai.media.rule import Rule
from advxai.media.streams import require_file
from advxai.media.video import as_shown
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.scratch import nearby

log = logging.getLogger(__name__)
STAGE = "faces"
RECORD = "faces.json"
MASKS = "masks"
FACES = {
    "key": "str", "video": "str", "category": "str", "label": "int64", "split": "str", "frame": "int64",
    "track": "int64", "x1": "int64", "y1": "int64", "x2": "int64", "y2": "int64", "score": "float64", "sha256": "str",
    "file": "str", "mask": "str", "mask_file": "str", "placement": "str",
}  # fmt: skip
LEFT_OUT = {"stage": "str", "item": "str", "reason": "str"}


class FaceDetector(Protocol):
    """What `extract_video` needs of a detector; `settings` are whatever its answers depend on."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def detect_batch(self, frames: list[Pixels]) -> list[list[Detection]]: ...


@dataclass(frozen=True)
class VideoFaces:
    """Faces of one video: rows with the columns FACES, rows with the columns LEFT_OUT, and whether all was there."""

    faces: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    found: bool


def extract(
    videos: Iterable[Record],
    detector_onnx: Path,
    out_root: Path,
    *,
    score: float = 0.95,
    threads: int = 1,
    device: str = "cpu",
    **choices: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Crops of every video of one shard.

    Args:
        videos: rows with `video` (FF++ relative path), `path`, `category`, `label`, `split` and `mask`.
        detector_onnx: RetinaFace's network.
        out_root: root of the crops.
        score, threads, device: as in `RetinaFace`.
        choices: keyword arguments of `extract_video`.

    Returns:
        The faces (columns FACES, in the order of videos and frames) and what was left out (columns LEFT_OUT).
    """
    detector = RetinaFace(detector_onnx, score=score, threads=threads, device=device)
    results = [
        extract_video(video, detector, out_root, **choices) for video in Bar(list(videos), desc="faces", unit="video")
    ]
    computed = sum(not result.found for result in results)
    counts = {"found": len(results) - computed, "computed": computed}
    progress.tell(**counts)
    log.info("faces: %d videos, %d found, %d computed", len(results), *counts.values(), extra={"told": True})
    return (
        table(chain.from_iterable(result.faces for result in results), FACES),
        table(chain.from_iterable(result.left_out for result in results), LEFT_OUT),
    )


def extract_video(
    video_row: Record,
    detector: FaceDetector,
    out_root: Path,
    *,
    stride: int = 23,
    frames_per_video: int | None = None,
    several: Several = "skip_video",
    tracks: int | None = None,
    scale: float = 1.3,
    margins: Margins | None = None,
    square: bool = True,
    edges: EdgeRule = "shift",
    align: int | None = None,
    masks: bool = True,
    batch: int = 8,
    scratch: Path | None = None,
) -> VideoFaces:
    """Detect and cut out a video's faces, and the same parts of its mask video; a finished video is only read back.

    A video that can't be decoded or is truncated, shows no face, or is rejected by `several`, gives no faces and one
    left-out row. Of any other video each frame without a face, or without one of its tracks, gives a left-out row, and
    one more tells which frames have no mask, if the mask video can't be read, is too short or of another size. Finished
    means: same bytes of video and mask video, same settings, every crop as it was written.

    Args:
        video_row: `video` (FF++ relative path), `path` (the file), `category`, `label`, `split`, `mask` (file or "").
        detector: finds faces in RGB frames.
        out_root: root of the crops.
        stride: every n-th frame is looked at, from the first one on, unless `frames_per_video` is given.
        frames_per_video: so many equidistant frames are looked at instead, all of a shorter video.
        several: what becomes of a frame with several faces, as in `choice.chooser`.
        tracks: instead of `several`: so many faces of the video are cut out, those that `tracks.most_seen` takes.
        scale, margins, square, edges, align: where the crop lies, as of `advxai.media.rule.Rule`.
        masks: whether the mask video, where there is one, is cut too.
        batch: frames a detector call; does not change the result.
        scratch: folder in which a video is copied before it is decoded; None: it is decoded where it lies.
    """
    video, path = str(video_row["video"]), Path(video_row["path"])
    mask = Path(video_row["mask"]) if masks and video_row["mask"] else None
    try:
        require_file(path)
        digest, shown = sha256_of(path), as_shown(path)
    except OSError as error:
        return VideoFaces([], [_left_out(video, f"can't be read ({error.strerror})")], found=False)
    except InputError as error:
        return VideoFaces([], [_left_out(video, str(error))], found=False)
    rule = Rule(scale, margins, square, edges, align)
    sampling = {"stride": stride} if frames_per_video is None else {"frames_per_video": frames_per_video}
    which: dict[str, Any] = {"several": several} if tracks is None else {"tracks": tracks}
    made_from = {"video_sha256": digest, **sampling, **which, **rule.settings, **detector.settings, **shown}
    masks_from = {"mask_sha256": sha256_or_none(mask)} if mask else {}
    # two corpora may give their videos the same names
    final = Path(out_root) / f"{video}-{digest[:12]}"
    stored = stored_record(final, made_from, masks_from)
    if stored is not None:
        return _rows(video_row, final, stored, found=True)
    try:
        with published_folder(final) as unfinished:
            with nearby(path, scratch) as source:
                frames = detected(chosen_frames(source, stride, frames_per_video), detector, batch)
                found = _crop_faces(frames, unfinished, taker(several, tracks), rule, tracks)
            record = {"made_from": made_from, **masks_from, **found}
            if mask and record["faces"]:
                record["no_mask"] = crop_masks(mask, record["faces"], record["size"], unfinished / MASKS, scratch)
            (unfinished / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    except InputError as error:  # not stored: whatever made it unreadable may be mended
        return VideoFaces([], [_left_out(video, str(error))], found=False)
    return _rows(video_row, final, record, found=False)


def _crop_faces(
    frames: Iterable[tuple[int, Pixels, list[Detection]]], folder: Path, take: Taker, rule: Rule, tracks: int | None
) -> dict[str, Any]:
    """Write the crops; what of the record they make up: why there are none, the crops, the frames that lack one and
    why, and height and width of the frames."""
    faces: list[dict[str, Any]] = []
    areas: dict[int, list[float]] = {}
    looked: dict[int, bool] = {}  # frame -> whether there is a face in it
    height = width = 0
    try:
        for index, frame, found in frames:
            looked[index] = bool(found)
            for number, face in take(index, found):
                height, width = frame.shape[:2]
                place = rule.place(face.box, face.landmarks, height, width)
                name = f"{index:05d}_{number}.png"
                digest = written(folder / name, place.cut(frame))
                faces.append(
                    {"name": name, "frame": index, "box": place.bounds, "score": face.score, "sha256": digest}
                    | {"mask_sha256": "", **({"placement": place.text} if place.text else {})}
                )
                areas.setdefault(number, []).append(area(face.box))
        if not faces:
            raise Rejected(f"no face in any of the {len(looked)} frames looked at" if looked else "it has no frame")
    except Rejected as reason:
        for png in folder.glob("*.png"):
            png.unlink()
        return {"rejected": str(reason), "faces": [], "no_face": []}
    if tracks is None:
        seen = {face["frame"] for face in faces}
        faceless = [(index, LOST if there else NO_FACE) for index, there in looked.items() if index not in seen]
    else:
        of = most_seen(areas, tracks)
        faces = kept(faces, of, folder)
        faceless = lacking(faces, len(of), looked)
    return {"rejected": "", "faces": faces, "no_face": faceless, "size": (height, width)}


def crop_masks(
    mask: Path, faces: Sequence[dict[str, Any]], size: tuple[int, int], folder: Path, scratch: Path | None
) -> str:
    """Write the mask of each face and its hash into the face's entry; why the last of them have none, "" if all have.

    A mask that can't be had must not cost its image.
    """
    done = 0
    wanted = [(face["frame"], Placement.read(tuple(face["box"]), face.get("placement", ""))) for face in faces]
    try:
        with nearby(mask, scratch) as source:
            for image in mask_crops(source, wanted, size):
                folder.mkdir(exist_ok=True)
                faces[done]["mask_sha256"] = written(folder / faces[done]["name"], image)
                done += 1
    except InputError as error:
        return f"no mask for frames {faces[done]['frame']} to {faces[-1]['frame']}: {error}"
    return ""


def detected(
    frames: Iterable[tuple[int, Pixels]], detector: FaceDetector, batch: int
) -> Iterator[tuple[int, Pixels, list[Detection]]]:
    """Index, frame and faces of every frame given; a batch holds frames of one size."""
    held: list[tuple[int, Pixels]] = []

    def answers() -> Iterator[tuple[int, Pixels, list[Detection]]]:
        found = detector.detect_batch([frame for _, frame in held])
        yield from ((*item, faces) for item, faces in zip(held, found, strict=True))
        held.clear()

    for index, frame in frames:
        if held and (len(held) == batch or frame.shape != held[0][1].shape):
            yield from answers()
        held.append((index, frame))
    if held:
        yield from answers()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; OSError if it can't be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_or_none(path: Path) -> str | None:
    """Of a mask video; None: it can't be read, which reading its frames will tell the user."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def written(path: Path, image: Pixels) -> str:
    """Write an image as PNG; its SHA-256."""
    data = encode_png(image)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def stored_record(folder: Path, made_from: dict[str, Any], masks_from: dict[str, Any]) -> dict[str, Any] | None:
    """A finished folder's record; None if there is none, it was made from something else, or a crop has changed.

    Masks that are there but not wanted, `masks_from` being empty, are left alone and not told of.
    """
    try:
        record = json.loads((folder / RECORD).read_text())
        if not masks_from:
            record |= {"no_mask": "", "faces": [face | {"mask_sha256": ""} for face in record["faces"]]}
        files = {folder / face["name"]: face["sha256"] for face in record["faces"]}
        files |= {folder / MASKS / face["name"]: face["mask_sha256"] for face in record["faces"] if face["mask_sha256"]}
        whole = all(sha256_of(path) == digest for path, digest in files.items())
        same = record["made_from"] == made_from and masks_from.items() <= record.items()
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        log.warning("%s can't be used (%s): made anew", folder / RECORD, error)
        return None
    return record if whole and same else None


def _rows(video_row: Record, folder: Path, record: Record, found: bool) -> VideoFaces:
    video = str(video_row["video"])
    if record["rejected"]:
        return VideoFaces([], [_left_out(video, record["rejected"])], found)
    common = {name: video_row[name] for name in ("video", "category", "label", "split", "mask")}
    faces = []
    for face in record["faces"]:
        x1, y1, x2, y2 = face["box"]
        row = common | {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "placement": face.get("placement", "")}
        row |= {name: face[name] for name in ("frame", "score", "sha256")} | {"track": number_of(face["name"])}
        mask_file = str(folder / MASKS / face["name"]) if face["mask_sha256"] else ""
        row |= {"key": f"{video}/{face['name']}", "file": str(folder / face["name"]), "mask_file": mask_file}
        faces.append({name: row[name] for name in FACES})
    left_out = [_left_out(f"{video}/{frame:05d}", reason) for frame, reason in record["no_face"]]
    if record.get("no_mask"):
        left_out.append(_left_out(f"{video}/{MASKS}", record["no_mask"]))
    return VideoFaces(faces, left_out, found)


def _left_out(item: str, reason: str) -> dict[str, str]:
    return {"stage": STAGE, "item": item, "reason": reason}


def table(rows: Iterable[Record], columns: dict[str, str]) -> pd.DataFrame:
    """A frame with the given columns and types, also when there is no row."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)
