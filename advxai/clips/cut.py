"""Face crops of clips, decoded for themselves: one face, in frames that belong together, at one scale.

A clip's crops lie in `<root>/<the video>-<first digits of its SHA-256>/clip_<first frame asked for, or middle>/`, named
`<frame, 5 digits>.png`, beside `faces.json`, which says what was found and with which settings, and `masks/`, the same
crops of its mask video under the same names. The folder appears when the clip is finished.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.clips.box import placed
from advxai.clips.listing import LEFT_OUT, STAGE
from advxai.clips.lists import BY_RULE
from advxai.clips.window import Faces as Seen
from advxai.clips.window import NoClip, chosen
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.files import published_folder
from advxai.common.types import Record
from advxai.config.data import Faces
from advxai.config.video import Video
from advxai.faces.extract import (
    FACES,
    MASKS,
    RECORD,
    FaceDetector,
    crop_masks,
    detected,
    sha256_of,
    sha256_or_none,
    stored_record,
    table,
    written,
)
from advxai.media.cut import Placement
from advxai.media.retinaface import Detection, RetinaFace
from advxai.media.rule import Rule
from advxai.media.streams import require_file
from advxai.media.video import Clip, as_shown
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.scratch import nearby

log = logging.getLogger(__name__)
TRACK = 0  # the number of the face, of which a clip has one
FRAMES = {**FACES, "clip": "str", "place": "int64", "seconds": "float64"}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class ClipFrames:
    """One clip: rows with the columns FRAMES, none if it is left out; rows with the columns LEFT_OUT; whether all was
    there already; and why it doesn't begin where it was asked for, "" if it does."""

    frames: Rows
    left_out: list[dict[str, str]]
    found: bool
    moved: str = ""


def cut(
    clips: Iterable[Record],
    model: Path,
    out_root: Path,
    *,
    faces: Faces,
    video: Video,
    threads: int = 1,
    scratch: Path | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The crops of every clip of one shard.

    Args:
        clips: rows with the columns of `advxai.clips.listing.COLUMNS`.
        model: RetinaFace's network.
        out_root: root of the crops.
        faces, video, scratch: as of `cut_clip`.
        threads: of the network.

    Returns:
        The frames (columns FRAMES, in the order of clips and frames) and what was left out (columns LEFT_OUT): clips
        with their reasons, and which frames have no mask.
    """
    network = RetinaFace(model, score=faces.score, threads=threads, device=faces.device)
    asked = list(clips)
    results = [
        cut_clip(row, network, out_root, faces=faces, video=video, scratch=scratch)
        for row in Bar(asked, desc="clips", unit="clip")
    ]
    found = [result.found for result in results if result.frames]
    for row, result in zip(asked, results, strict=True):
        _tell_moved(row, result)
    counts = {"found": sum(found), "computed": len(found) - sum(found)}
    progress.tell(**counts)
    said = (len(results), *counts.values(), len(results) - len(found))
    log.info("clips: %d, %d found, %d computed, %d give none", *said, extra={"told": True})
    kept, twice = _once(results)
    left_out = chain(chain.from_iterable(result.left_out for result in results), twice)
    return table(kept, FRAMES), table(left_out, LEFT_OUT)


def cut_clip(
    row: Record,
    network: FaceDetector,
    out_root: Path,
    *,
    faces: Faces,
    video: Video,
    scratch: Path | None = None,
) -> ClipFrames:
    """Choose a clip's frames, find its face and cut it out, and the same parts of the mask video; a finished clip is
    only read back.

    A video that can't be decoded, is too short or shows no face in all frames of a clip gives no frames and one
    left-out row. Masks that can't be had are told of and don't cost the clip. Finished means: same bytes of video and
    mask video, same settings, every crop as it was written.

    Args:
        row: video (FF++ relative path, or a name of the user's own file), path (the file), category, label, split,
            mask (file or "") and start (the first frame, or BY_RULE: -1).
        network: finds faces in RGB frames.
        out_root: root of the crops.
        faces: how crops are made, and whether masks are cut.
        video: how many frames, how far apart, and whether the crop follows the face.
        scratch: folder in which a video is copied before it is decoded; None: it is decoded where it lies.
    """
    path, start = Path(row["path"]), int(row["start"])
    mask = Path(row["mask"]) if faces.masks and row["mask"] else None
    try:
        require_file(path)
        digest, shown = sha256_of(path), as_shown(path)
    except OSError as error:
        return ClipFrames([], [_left_out(row, f"can't be read ({error.strerror})")], found=False)
    except InputError as error:
        return ClipFrames([], [_left_out(row, str(error))], found=False)
    rule = Rule.of(faces)
    which = video.model_dump(include={"frames", "step", "crop", "track"}) | {"start": start}
    made_from = {"video_sha256": digest, **which, **rule.settings, **network.settings, **shown}
    masks_from = {"mask_sha256": sha256_or_none(mask)} if mask else {}
    final = Path(out_root) / f"{row['video']}-{digest[:12]}" / folder_of(start)
    record = stored_record(final, made_from, masks_from)
    if record is not None:
        return _rows(row, final, record, found=True)
    try:
        with published_folder(final) as unfinished:
            with nearby(path, scratch) as source:
                found = _cut(Clip(source), unfinished, network, rule, video, start, faces.batch)
            record = {"made_from": made_from, **masks_from, **found}
            if mask and record["faces"]:
                record["no_mask"] = crop_masks(mask, record["faces"], record["size"], unfinished / MASKS, scratch)
            (unfinished / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    except InputError as error:  # not stored: whatever made it unreadable may be mended
        return ClipFrames([], [_left_out(row, str(error))], found=False)
    return _rows(row, final, record, found=False)


def _cut(
    clip: Clip, folder: Path, network: FaceDetector, rule: Rule, video: Video, start: int, batch: int
) -> dict[str, Any]:
    """Write the crops; what of the record they make up: why there are none, or the crops and the frames' size."""

    def look(frames: Sequence[int]) -> Iterator[tuple[int, list[Detection]]]:
        shown = _shown(clip, frames)
        yield from ((number, found) for number, _, found in detected(shown, network, batch))

    try:
        frames, face = chosen(clip.count, video.frames, video.step, start, Seen(look))
    except NoClip as reason:
        return {"rejected": str(reason), "faces": []}
    entries: Rows = []
    places: list[Placement] = []
    height = width = 0
    seconds = clip.seconds(frames)
    for number, (frame, image) in enumerate(_shown(clip, frames)):  # anew: a long clip's frames would fill the memory
        if not places:
            height, width = image.shape[:2]
            places = placed(face, rule, video.crop, height, width)
        name, place = f"{frame:05d}.png", places[number]
        digest = written(folder / name, place.cut(image))
        entries.append(
            {"name": name, "frame": frame, "seconds": seconds[number], "box": place.bounds}
            | {"score": face[number].score, "sha256": digest, "mask_sha256": ""}
            | ({"placement": place.text} if place.text else {})
        )
    moved = _moved(start, frames[0], clip.count, video)
    return {"rejected": "", "faces": entries, "size": (height, width), "moved": moved}


def _moved(start: int, first: int, count: int, video: Video) -> str:
    """Why a clip doesn't begin where it was asked for; "" if it does, or nobody asked."""
    if start in (BY_RULE, first):
        return ""
    if video.step == "spread":
        return "the face isn't seen in the frames looked at before"
    if start + (video.frames - 1) * video.step >= count:
        return f"the video has {count} frames"
    return "no face is in all frames of the clip that begins there"


def _shown(clip: Clip, frames: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    """The frames, after which the log is told what isn't as it seems."""
    yield from clip.at(frames)
    for note in clip.notes:
        log.warning("%s: %s", clip.path, note)


def _rows(row: Record, folder: Path, record: Record, found: bool) -> ClipFrames:
    if record["rejected"]:
        return ClipFrames([], [_left_out(row, record["rejected"])], found)
    common = {name: row[name] for name in ("video", "category", "label", "split", "mask")}
    clip = f"{row['video']}/clip_{record['faces'][0]['frame']:05d}_{TRACK}"
    frames = []
    for place, face in enumerate(record["faces"]):
        x1, y1, x2, y2 = face["box"]
        own = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "placement": face.get("placement", ""), "track": TRACK}
        own |= {name: face[name] for name in ("frame", "seconds", "score", "sha256")} | {"clip": clip, "place": place}
        mask_file = str(folder / MASKS / face["name"]) if face["mask_sha256"] else ""
        own |= {"key": f"{clip}#{face['frame']:05d}", "file": str(folder / face["name"]), "mask_file": mask_file}
        frames.append({name: (common | own)[name] for name in FRAMES})
    no_mask = record.get("no_mask")
    left_out = [_left_out(row, no_mask, f"{clip}/{MASKS}")] if no_mask else []
    return ClipFrames(frames, left_out, found, record.get("moved", ""))


def _tell_moved(row: Record, result: ClipFrames) -> None:
    """Tell of a clip that doesn't begin where the user's list has it."""
    for frame in result.frames[:1]:
        if result.moved:
            asked = (row["video"], row["start"], frame["frame"], result.moved)
            log.info("%s: the clip from frame %d on begins with frame %d, for %s", *asked)


def _once(results: Iterable[ClipFrames]) -> tuple[Rows, list[dict[str, str]]]:
    """The frames of the clips, each clip once: two of one video may have moved to the same place, or the rule has it
    where the user's other line has it."""
    seen: set[str] = set()
    frames: Rows = []
    twice = []
    for result in results:
        for clip in dict.fromkeys(str(frame["clip"]) for frame in result.frames):
            if clip in seen:
                reason = "another clip of the video has the same frames; this one is left out"
                twice.append({"stage": STAGE, "item": clip, "reason": reason})
            else:
                seen.add(clip)
                frames += result.frames
    return frames, twice


def folder_of(start: int) -> str:
    """Name of a clip's folder: where it was asked for."""
    return "clip_middle" if start == BY_RULE else f"clip_{start:05d}"


def _left_out(row: Record, reason: str, item: str = "") -> dict[str, str]:
    return {"stage": STAGE, "item": item or in_words(row), "reason": reason}


def in_words(row: Record) -> str:
    """How a clip that was asked for is called where it is left out."""
    start = int(row["start"])
    return str(row["video"]) if start == BY_RULE else f"{row['video']} from frame {start} on"
