"""From one clip to an FF++-shaped data set: originals, four manipulated versions of each, and their masks."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, keep_traceback, reason
from advxai.common.files import published_folder
from advxai.common.jsonfile import read_object
from advxai.corpus.blocks import REPORT, Block, TooShort, pairs, plan_blocks
from advxai.corpus.manipulations import CATEGORIES, Tracked, manipulate
from advxai.corpus.mesh import FaceMesh
from advxai.media.retinaface import RetinaFace
from advxai.media.video import even, probe, read_frames, write_video
from advxai.run.bar import Bar

COMPRESSION = "c23"
LEAST_FACES = 0.5  # share of a block's frames that must show the face


@dataclass
class ClipReport:
    """What came of a clip: pairs of video ids per split, written files (relative), and what was left out and why."""

    name: str
    pairs: dict[str, list[list[str]]] = field(default_factory=dict)
    videos: list[str] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)

    def leave_out(self, item: str, reason: str) -> None:
        self.left_out.append({"stage": "corpus", "item": item, "reason": reason})


class _Unusable(Exception):
    """The clip can't be used; the message says why, for a user."""


def make_clip(
    clip: Path,
    name: str,
    splits: dict[str, int],
    first_id: int,
    detector: RetinaFace,
    mesh: FaceMesh,
    out: Path,
    *,
    block_seconds: float,
    gap_seconds: float,
    crf: int,
    seed: int,
    progress: bool = True,
) -> ClipReport:
    """Write the clip's part of an FF++ tree, and clip.json (the report), under `out`, which appears when complete.

    Each block of the clip is an original video NNN; each pair of blocks (a, b) of one split gives a_b and b_a in
    every category, target first. Originals and manipulated videos go through the same decoder, size and encoder. A
    clip that isn't a video, is too short, shows no face or several, or fails in any other way, gives no video: its
    reason is in the report.

    Args:
        clip: the media file. name: what to call it in reports.
        splits: blocks per split, even numbers. first_id: number of its first FF++ video (0 to 999).
        block_seconds, gap_seconds: longest block and least gap between blocks.
        crf: constant rate factor of x264 (FF++'s c23 is 23).
        seed: of the settings that vary from one manipulated video to the next.

    Raises:
        InputError: `splits` names an unknown split, or an odd or impossible number of blocks.
        OSError: of the disk that is written to.
    """
    with published_folder(Path(out)) as scratch:
        report = ClipReport(name)
        try:
            blocks = _plan(clip, report, splits, first_id, gap_seconds, block_seconds)
            if blocks is not None:
                _write_pairs(clip, report, *blocks, detector, mesh, scratch, crf, seed, progress)
        except (InputError, OSError, MemoryError):  # of the settings, of the disk, of the machine
            raise
        except Exception as error:  # whatever a decoder or encoder has against this clip, the others can be used
            keep_traceback(clip)
            said = str(error) if isinstance(error, _Unusable) else f"no videos can be made of it ({reason(error)})"
            report = ClipReport(name)
            report.leave_out(str(clip), said)
        if not report.pairs:
            for part in scratch.iterdir():
                shutil.rmtree(part)
        (scratch / REPORT).write_text(json.dumps(asdict(report), indent=1) + "\n")
    return report


def finished(out: Path) -> bool:
    """Whether `make_clip` has written this folder, and every video that it reports is there."""
    try:
        videos = read_object(Path(out) / REPORT, "make it anew")["videos"]
        return all((Path(out) / video).is_file() for video in videos)
    except (InputError, KeyError, TypeError, OSError, ValueError):  # not there, or not whole; or names that no file has
        return False


def _plan(
    clip: Path, report: ClipReport, splits: dict[str, int], first_id: int, gap_s: float, block_s: float
) -> tuple[Fraction, list[Block]] | None:
    """The clip's frame rate and blocks; None, with a line in the report, for a file that can't give them."""
    try:
        found = probe(clip, square=False)
    except InputError as error:
        report.leave_out(str(clip), f"not a video: {error}")
        return None
    try:
        planned = plan_blocks(found.frames, found.fps, splits, gap_s, block_s, first_id, times=found.times)
        return found.fps, planned
    except TooShort as error:
        report.leave_out(str(clip), str(error))
        return None


def _write_pairs(
    clip: Path,
    report: ClipReport,
    fps: Fraction,
    planned: list[Block],
    detector: RetinaFace,
    mesh: FaceMesh,
    root: Path,
    crf: int,
    seed: int,
    progress: bool,
) -> None:
    tracks = _track(clip, planned, detector, mesh)
    total = sum(block.frames for block in planned) * (1 + len(CATEGORIES))
    with Bar(total=total, desc=f"corpus {report.name}", unit="frame", disable=not progress) as bar:
        for a, b in pairs(planned):
            track_a, track_b = next(tracks), next(tracks)
            faceless = [
                block.video_id
                for block, track in ((a, track_a), (b, track_b))
                if np.mean([tracked.mesh is not None for tracked in track]) < LEAST_FACES
            ]
            if faceless:
                seconds = f"{float(a.start / fps):.1f} to {float(b.stop / fps):.1f} s"
                report.leave_out(
                    f"{clip}, {a.split} pair {a.video_id}, {b.video_id} ({seconds})",
                    f"no face in more than half of the frames of {' and '.join(faceless)}",
                )
                bar.update((a.frames + b.frames) * (1 + len(CATEGORIES)))
                continue
            for block, track in ((a, track_a), (b, track_b)):
                path = f"original_sequences/youtube/{COMPRESSION}/videos/{block.video_id}.mp4"
                bar.update(write_video(root / path, (tracked.frame for tracked in track), fps, crf))
                report.videos.append(path)
            for category in CATEGORIES:
                for target, source, moved, driving in ((a, b, track_a, track_b), (b, a, track_b, track_a)):
                    pair = f"{target.video_id}_{source.video_id}"
                    rng = _generator(seed, report.name, category, target.start, source.start)
                    made = list(manipulate(category, moved, driving, rng))
                    folder = f"manipulated_sequences/{category}"
                    path = f"{folder}/{COMPRESSION}/videos/{pair}.mp4"
                    write_video(root / path, (frame for frame, _ in made), fps, crf)
                    masks = (np.repeat(mask[..., None], 3, axis=2) for _, mask in made)
                    write_video(root / f"{folder}/masks/videos/{pair}.mp4", masks, fps, crf)
                    report.videos.append(path)
                    bar.update(len(moved))
            report.pairs.setdefault(a.split, []).append([a.video_id, b.video_id])


def _frames(clip: Path, start: int, stop: int) -> Iterator[tuple[int, Pixels]]:
    try:
        # pixels as they are coded, as OpenCV gives them to the field's detectors: nothing is sampled twice
        yield from read_frames(clip, start, stop, square=False)
    except InputError as error:
        raise _Unusable(str(error)) from error


def _track(clip: Path, planned: list[Block], detector: RetinaFace, mesh: FaceMesh) -> Iterator[list[Tracked]]:
    """One list of tracked frames per block, in order; the clip is decoded once."""
    frames = _frames(clip, planned[0].start, planned[-1].stop)
    for block in planned:
        track = []
        for index, frame in frames:
            if index >= block.start:
                frame = np.ascontiguousarray(even(frame))
                found = detector.detect(frame)
                if len(found) > 1:
                    raise _Unusable(f"{len(found)} faces in frame {index}: give a clip of one person")
                points = mesh.fit(frame, found[0].box, found[0].landmarks[:2]) if found else None
                track.append(Tracked(frame, points))
            if index == block.stop - 1:
                break
        yield track


def _generator(seed: int, *words: object) -> np.random.Generator:
    """A generator of its own for each (seed, words): neither order nor neighbours matter."""
    digest = hashlib.sha256(json.dumps([seed, *map(str, words)]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
