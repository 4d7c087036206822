"""Reading and writing clips, frame-exact and reproducible (PyAV)."""

import logging
import os
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.stream import Discard
from av.video.frame import PictureType

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError

log = logging.getLogger(__name__)
# Of these a packet is a picture, so that the packets' time stamps number the frames. Not so, for example, of VP8 with
# its packets that show nothing.
NUMBERED_BY_PACKETS = ("h264", "hevc")
PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive


def read_frames(path: Path, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, frame) for the frames start, start + stride, ... below `stop`; frame is uint8 (H, W, 3) RGB.

    Indices count decoded frames from 0. Every frame before the last one asked for is decoded, so that an index means
    the same frame in any container. A rotation noted in the file is applied in quarter turns.

    Raises:
        InputError: the file can't be opened, has no video stream, or its data can't be decoded.
    """
    with _opened(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if stop is not None and index >= stop:
                return
            if index >= start and (index - start) % stride == 0:
                yield index, _rgb(frame)


def read_at(path: Path, indices: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, frame) for the given indices, ascending and each once, exactly as `read_frames` gives them.

    Decodes from the keyframe before each wanted frame; a clip whose time stamps don't number its frames, or that can't
    be sought in, is decoded from the start. Indices past the end give nothing.

    Raises:
        InputError: as `read_frames`, or the file is truncated.
        ValueError: an index is negative.
    """
    wanted = sorted(set(indices))
    if wanted and wanted[0] < 0:
        raise ValueError(f"frame {wanted[0]} is asked for: frames count from 0")
    timeline = _timeline(path)
    given: dict[int, int | None] = {}  # index -> presentation time
    try:
        for index, frame in _sought(path, timeline, wanted):
            given[index] = frame.pts
            yield index, _rgb(frame)
        return
    except _Unseekable as reason:
        log.info("%s: %s; decoded from its start", path, reason)
    left = set(wanted) - set(given)
    with _opened(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if index in left:
                yield index, _rgb(frame)
            elif given.get(index, frame.pts) != frame.pts:
                raise InputError(f"{path} has time stamps that don't number its frames: encode it anew.")
            if index == wanted[-1]:
                return


def count_frames(path: Path) -> int:
    """Number of frames that `read_frames` gives; only where packets don't tell it are the frames decoded.

    Raises:
        InputError: as `read_frames`, or the file is truncated.
    """
    timeline = _timeline(path)
    if isinstance(timeline, _Timeline):
        return len(timeline.shown)
    with _opened(path) as (container, stream):
        return sum(1 for _ in container.decode(stream))


def seconds_of(path: Path, indices: Iterable[int]) -> list[float]:
    """When frames are shown, in seconds from the first one: by their time stamps or, where these don't number the
    frames, by the mean frame rate.

    Raises:
        InputError: as `count_frames`, or the file has neither.
    """
    timeline = _timeline(path)
    with _opened(path) as (_, stream):
        base, rate = stream.time_base, stream.average_rate or stream.guessed_rate
    if isinstance(timeline, _Timeline) and base:
        return [float((timeline.shown[index] - timeline.shown[0]) * base) for index in indices]
    if not rate:
        raise InputError(f"{path} has no frame rate: replace the file by a playable clip.")
    return [float(index / rate) for index in indices]


def check_whole(path: Path) -> None:
    """Look whether all frames that the file's index lists are in the file, which only MP4 and MOV tell; no decoding.

    Raises:
        InputError: the file is truncated or isn't a video.
    """
    _timeline(path)


def probe(path: Path) -> tuple[int, Fraction, int, int]:
    """(frames, frames per second, width, height) of a clip, in pixels as decoded; frames are counted, not estimated.

    Raises:
        InputError: the file isn't a video, or it has no frame or no frame rate.
    """
    with _opened(path) as (container, stream):
        count, width, height = 0, 0, 0
        for frame in container.decode(stream):
            if count == 0:
                turned = frame.rotation % 180 == 90
                width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
            count += 1
        rate = stream.average_rate or stream.guessed_rate
    if not count or not rate:
        raise InputError(f"{path} holds no frame or no frame rate: replace the file by a playable clip.")
    return count, Fraction(rate), width, height


def write_video(path: Path, frames: Iterable[Pixels], fps: Fraction, crf: int = 23) -> int:
    """Encode RGB frames, uint8 (H, W, 3), as H.264 (yuv420p) in MP4; returns their number. Atomic and deterministic.

    An odd height or width loses its last row or column (4:2:0 chroma needs even sizes).

    Raises:
        ValueError: there is no frame, or the frames differ in size.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".mp4", dir=path.parent)
    os.close(handle)
    try:
        count = _encode(scratch, frames, Fraction(fps), crf)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return count


def even(frame: Pixels) -> Pixels:
    """The frame without its last row or column where its height or width is odd."""
    height, width = frame.shape[:2]
    return frame[: height - height % 2, : width - width % 2]


def _encode(path: str, frames: Iterable[Pixels], fps: Fraction, crf: int) -> int:
    stream, count, size = None, 0, None
    # bitexact: no library version or date in the container; one thread: x264's decisions depend on the thread count;
    # no macroblock tree: with it x264's SIMD code gave the same frames other bytes in every fifth run (measured)
    with av.open(path, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        for frame in frames:
            frame = np.ascontiguousarray(even(frame))
            if stream is None:
                size = frame.shape
                stream = container.add_stream("libx264", rate=fps)
                stream.height, stream.width = size[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
                stream.options = {"crf": str(crf), "preset": "fast", "x264-params": "mbtree=0"}
            if frame.shape != size:
                raise ValueError(f"frame {count} has shape {frame.shape}, the first one {size}")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            count += 1
        if stream is None:
            raise ValueError("no frame to write")
        container.mux(stream.encode(None))
    return count


class _Unseekable(Exception):
    """Frames can't be numbered by time stamps, or not be sought; the message says why."""


@dataclass(frozen=True)
class _Timeline:
    """Presentation times of the frames shown, and (presentation time, time to seek) of all keyframes, ascending."""

    shown: list[int]
    keys: list[tuple[int, int]]


def _timeline(path: Path) -> _Timeline | _Unseekable:
    """Times of a clip's frames from its packets alone, or why they don't tell.

    Raises:
        InputError: the file is truncated or isn't a video.
    """
    with _opened(path) as (container, stream):
        _check_index(path, container, stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        _check_index(path, container, stream)  # a fragmented file's index has grown meanwhile
        codec = stream.codec_context.codec.name
        if codec not in NUMBERED_BY_PACKETS or stream.codec_context.field_order not in PROGRESSIVE:
            return _Unseekable(f"a packet of this {codec} stream may be more or less than a frame")
        if container.format.name == "avi":
            return _Unseekable("AVI has times of decoding only")
    timed = [(packet.pts, packet) for packet in packets if packet.pts is not None]
    if not packets or len(timed) < len(packets):
        return _Unseekable("not every packet has its time")
    times = sorted(pts for pts, _ in timed)
    # before the first keyframe the decoder drops frames, how many the packets don't tell
    if len(set(times)) < len(times) or not packets[0].is_keyframe or packets[0].pts != times[0]:
        return _Unseekable("frames share a time or precede the first keyframe")
    # an edit list has frames decoded but not shown
    shown = sorted(pts for pts, packet in timed if not packet.is_discard)
    keys = ((pts, pts if packet.dts is None else packet.dts) for pts, packet in timed if packet.is_keyframe)
    return _Timeline(shown, sorted(keys))


def _check_index(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> None:
    # other containers' indices list only some frames, or places that aren't those of the frames' last bytes
    if not container.format.name.startswith("mov"):
        return
    there = [entry.pos + entry.size <= container.size for entry in stream.index_entries]
    if not all(there):
        raise InputError(
            f"{path} is truncated: its header promises {len(there)} frames, {sum(there)} are there: download it again."
        )


def _sought(path: Path, timeline: _Timeline | _Unseekable, wanted: list[int]) -> Iterator[tuple[int, av.VideoFrame]]:
    """The wanted frames, by seeking.

    Raises:
        _Unseekable: what comes isn't what the timeline says; frames yielded before are right unless it is wrong.
    """
    if isinstance(timeline, _Unseekable):
        raise timeline
    keys = [pts for pts, _ in timeline.keys]
    inside = [index for index in wanted if index < len(timeline.shown)]
    with _opened(path) as (container, stream):
        # the last keyframe shown no later than the frame: what an open group shows before its keyframe needs more
        for key, group in groupby(inside, lambda index: bisect_right(keys, timeline.shown[index]) - 1):
            indices = set(group)
            for index, frame in _from_key(container, stream, timeline, timeline.keys[key]):
                if index in indices:
                    yield index, frame
                    indices.discard(index)
                if not indices:
                    break
            if indices:
                raise _Unseekable(f"frame {min(indices)} doesn't come after its keyframe")


def _from_key(
    container: av.container.InputContainer, stream: av.VideoStream, timeline: _Timeline, key: tuple[int, int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """(index, frame) of every frame from a keyframe on; each must be the one that the timeline has next."""
    pts, dts = key
    start = index = bisect_left(timeline.shown, pts)
    begun = False
    try:
        container.seek(dts, stream=stream)
        for packet in container.demux(stream):
            begun = begun or (packet.is_keyframe and packet.pts == pts)
            for frame in packet.decode() if begun else ():
                if frame.pts is not None and frame.pts < pts:
                    continue
                if index == len(timeline.shown) or frame.pts != timeline.shown[index] or frame.interlaced_frame:
                    raise _Unseekable(f"frame {index} isn't what its packet promises")
                if index == start and frame.pts == pts and frame.pict_type != PictureType.I:
                    raise _Unseekable(f"frame {index} is called a keyframe and isn't one")
                yield index, frame
                index += 1
    except av.FFmpegError as error:  # whether the file is to blame, decoding from the start tells
        raise _Unseekable(f"seeking before frame {start} fails ({error})") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open the first video stream; any failure of PyAV inside the block becomes an InputError that names the file."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:  # a title may be in any encoding
            if not container.streams.video:
                raise InputError(f"{path} has no video stream: give a video file.")
            stream = container.streams.video[0]
            for other in container.streams:
                if other is not stream:  # what is missing of the sound must not end the pictures
                    other.discard = Discard.all
            stream.codec_context.thread_count = 1  # cores are shared with other jobs
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path} can't be read as a video ({error}): replace the file.") from error


def _rgb(frame: av.VideoFrame) -> Pixels:
    """uint8 (H, W, 3), turned counter-clockwise by the rotation noted, if that is a multiple of 90 degrees."""
    image = cast("Pixels", frame.to_ndarray(format="rgb24"))
    turned = frame.rotation % 360 and frame.rotation % 90 == 0
    return np.ascontiguousarray(np.rot90(image, frame.rotation // 90)) if turned else image
