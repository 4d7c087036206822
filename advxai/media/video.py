"""Reading and writing clips, frame-exact and reproducible (PyAV)."""

import logging
import os
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.files import let_others
from advxai.media.shown import UPRIGHT, Shown, decoded, has_alpha, interlaced, pixel_of, square_size, turn_of
from advxai.media.streams import Opened, opened
from advxai.media.timeline import Timeline, Unseekable, check_index, timeline

log = logging.getLogger(__name__)


class Clip:
    """A video's frames, as they are meant to be shown.

    Args:
        path: the file.
        square: pixels that aren't square are made so.

    Attributes:
        path: the file.
        notes: what the user should know, of the frames that were read so far.
    """

    def __init__(self, path: Path, square: bool = True) -> None:
        self.path = path
        self.notes: list[str] = []
        self._square = square

    @cached_property
    def _timeline(self) -> Timeline | Unseekable:
        return timeline(self.path)

    @cached_property
    def _decoded(self) -> tuple[list[int | None], Fraction | None, Fraction | None]:
        """Presentation times of all frames, by decoding them; what a unit of these is in seconds; mean frame rate."""
        with opened(self.path) as video:
            times = [one.time for one in decoded(video.container, video.stream)]
            return times, video.stream.time_base, _rate(video.stream)

    @property
    def count(self) -> int:
        """Number of frames; only where packets don't tell it are the frames decoded.

        Raises:
            InputError: the file can't be read as a video, or is truncated.
        """
        line = self._timeline
        return len(line.shown) if isinstance(line, Timeline) else len(self._decoded[0])

    @cached_property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds from the first one: by its time stamp or, where frames have none or
        these don't ascend, by the mean frame rate.

        Raises:
            InputError: as of `count`, or the file has neither.
        """
        line = self._timeline
        if isinstance(line, Timeline):
            return [(time - line.shown[0]) * line.base for time in line.shown]
        said, base, rate = self._decoded
        seconds = _seconds(said, base)
        if len(seconds) == len(said):
            return seconds
        if not rate:
            raise InputError(f"{self.path} has no frame rate: replace the file by a playable clip.")
        return [index / rate for index in range(len(said))]

    def seconds(self, indices: Iterable[int]) -> list[float]:
        """When frames are shown; see `times`."""
        return [float(self.times[index]) for index in indices]

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[tuple[int, Pixels]]:
        """Yield what `read_frames` does."""
        with opened(self.path) as video:
            shown = self._shown(video)
            for index, (_, frame, combed) in enumerate(decoded(video.container, video.stream)):
                if stop is not None and index >= stop:
                    return
                if index >= start and (index - start) % stride == 0:
                    yield index, shown.rgb(frame, combed)

    def at(self, indices: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
        """Yield what `read_at` does."""
        wanted = sorted(set(indices))
        if wanted and wanted[0] < 0:
            raise ValueError(f"frame {wanted[0]} is asked for: frames count from 0")
        if not wanted:
            return
        given: dict[int, int | None] = {}  # index -> presentation time
        try:
            for index, frame, shown in self._sought(wanted):
                given[index] = frame.pts
                yield index, shown.rgb(frame)
            return
        except Unseekable as reason:
            log.info("%s: %s; decoded from its start", self.path, reason)
        left = set(wanted) - set(given)
        with opened(self.path) as video:
            shown = self._shown(video)
            for index, (time, frame, combed) in enumerate(decoded(video.container, video.stream)):
                if index in left:
                    yield index, shown.rgb(frame, combed)
                elif given.get(index, time) != time:
                    raise InputError(f"{self.path} has time stamps that don't number its frames: encode it anew.")
                if index == wanted[-1]:
                    return

    def _shown(self, video: Opened) -> Shown:
        shown = Shown(self.path, video.stream, video.notes, self._square)
        self.notes = shown.notes
        return shown

    def _sought(self, wanted: list[int]) -> Iterator[tuple[int, av.VideoFrame, Shown]]:
        """The wanted frames, by seeking, and what shows them.

        Raises:
            Unseekable: what comes isn't what the timeline says; frames yielded before are right unless it is wrong.
        """
        line = self._timeline
        if isinstance(line, Unseekable):
            raise line
        keys = [pts for pts, _ in line.keys]
        inside = [index for index in wanted if index < len(line.shown)]
        reason: Unseekable | None = None  # no fault of the file, so raised when it is closed
        with opened(self.path) as video:
            shown = self._shown(video)
            # the last keyframe shown no later than the frame: what an open group shows before its keyframe needs more
            for key, group in groupby(inside, lambda index: bisect_right(keys, line.shown[index]) - 1):
                indices = set(group)
                try:
                    for index, frame in _from_key(video, line, line.keys[key]):
                        if index in indices:
                            yield index, frame, shown
                            indices.discard(index)
                        if not indices:
                            break
                except Unseekable as error:
                    reason = error
                if indices:
                    reason = reason or Unseekable(f"frame {min(indices)} doesn't come after its keyframe")
                    break
        if reason:
            raise reason


def _from_key(video: Opened, line: Timeline, key: tuple[int, int]) -> Iterator[tuple[int, av.VideoFrame]]:
    """(index, frame) of every frame from a keyframe on; each must be the one that the timeline has next."""
    pts, dts = key
    start = index = bisect_left(line.shown, pts)
    begun = False
    try:
        video.container.seek(dts, stream=video.stream)
        for packet in video.container.demux(video.stream):
            begun = begun or (packet.is_keyframe and packet.pts == pts)
            for frame in packet.decode() if begun else ():
                if frame.pts is not None and frame.pts < pts:
                    continue
                if index == len(line.shown) or frame.pts != line.shown[index] or frame.interlaced_frame:
                    raise Unseekable(f"frame {index} isn't what its packet promises")
                if index == start and frame.pts == pts and frame.pict_type != PictureType.I:
                    raise Unseekable(f"frame {index} is called a keyframe and isn't one")
                yield index, frame
                index += 1
    except av.FFmpegError as error:  # whether the file is to blame, decoding from the start tells
        raise Unseekable(f"seeking before frame {start} fails ({error})") from error


def read_frames(
    path: Path, start: int = 0, stop: int | None = None, stride: int = 1, *, square: bool = True
) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, frame) for the frames start, start + stride, ... below `stop`; frame is uint8 (H, W, 3) RGB.

    Indices count decoded frames from 0. Every frame before the last one asked for is decoded, so that an index means
    the same frame in any container. Frames are as they are meant to be shown (`advxai.media.shown`): turned and
    mirrored as the file says, interlaced ones without combs and, unless `square` is False, with square pixels.

    Raises:
        InputError: the file can't be opened, has no video stream, its data can't be decoded, or its frames change
            their size.
    """
    clip = Clip(path, square)
    return _reading(clip, clip.frames(start, stop, stride))


def read_at(path: Path, indices: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, frame) for the given indices, ascending and each once, exactly as `read_frames` gives them.

    Decodes from the keyframe before each wanted frame; a clip whose time stamps don't number its frames, or that can't
    be sought in, is decoded from the start. Indices past the end give nothing.

    Raises:
        InputError: as `read_frames`, or the file is truncated.
        ValueError: an index is negative.
    """
    clip = Clip(path)
    return _reading(clip, clip.at(indices))


def count_frames(path: Path) -> int:
    """Number of frames that `read_frames` gives; raises as `Clip.count` does."""
    return Clip(path).count


def seconds_of(path: Path, indices: Iterable[int]) -> list[float]:
    """When frames are shown, in seconds from the first one; see `Clip.times`, and raises as that does."""
    return Clip(path).seconds(indices)


def check_whole(path: Path) -> None:
    """Look whether all frames that the file's index lists are in the file, which only MP4 and MOV tell; no decoding.

    Raises:
        InputError: the file is truncated or isn't a video.
    """
    timeline(path)


@dataclass(frozen=True)
class Probed:
    """What is in a clip.

    Attributes:
        frames: counted, not estimated.
        fps: frames per second, the mean.
        width, height: as shown, in pixels.
        times: when each frame is shown, in seconds from the first one, of a clip of a variable rate; None: at `fps`.
    """

    frames: int
    fps: Fraction
    width: int
    height: int
    times: Sequence[Fraction] | None = None


def probe(path: Path, *, square: bool = True) -> Probed:
    """What is in a clip, as `read_frames` gives it; all of it is decoded.

    Raises:
        InputError: the file isn't a video, or it has no frame or no frame rate.
    """
    with opened(path) as video:
        times: list[int | None] = []
        width = height = 0
        for time, frame, _ in decoded(video.container, video.stream):
            if not times:
                width, height = square_size(
                    frame.width, frame.height, pixel_of(video.stream) if square else Fraction(1)
                )
                (_, exchanged), _ = turn_of(frame) or UPRIGHT
                width, height = (height, width) if exchanged else (width, height)
            times.append(time)
        rate, base = _rate(video.stream), video.stream.time_base
    if not times or not rate:
        raise InputError(f"{path} holds no frame or no frame rate: replace the file by a playable clip.")
    seconds = _seconds(times, base)
    if len(seconds) < 2:
        return Probed(len(times), rate, width, height)
    mean = (len(times) - 1) / seconds[-1]
    for constant in (rate, mean):  # what the header says may be a guess; clocks are coarse, so half a frame is nothing
        if all(abs(time * constant - index) < 0.5 for index, time in enumerate(seconds)):
            return Probed(len(times), constant, width, height)
    return Probed(len(times), mean, width, height, seconds)


def as_shown(path: Path) -> dict[str, object]:
    """What pixels depend on beside what is decoded; nothing of an ordinary video, so that what was once made of one
    stays valid.

    Raises:
        InputError: the file can't be read as a video.
    """
    with opened(path) as video:
        check_index(path, video)  # or its first frame's absence would be the reason
        said: dict[str, object] = {}
        if pixel := pixel_of(video.stream) - 1:
            said["pixel"] = str(pixel + 1)
        if video.notes:
            said["stream"] = video.stream.index
        for frame in video.container.decode(video.stream):
            if interlaced(video.stream) or frame.interlaced_frame:
                said["interlaced"] = True
            (right, over), (under, down) = turn_of(frame) or UPRIGHT
            if right * down - over * under < 0:
                said["mirrored"] = True
            if has_alpha(frame):
                said["transparent"] = True
            break
        return said


def _seconds(times: Sequence[int | None], base: Fraction | None) -> list[Fraction]:
    """Presentation times as seconds from the first one; none where frames have none, or these don't ascend."""
    stamps = [time for time in times if time is not None]
    if not base or len(stamps) < len(times) or any(a >= b for a, b in pairwise(stamps)):
        return []
    return [(time - stamps[0]) * base for time in stamps]


def _rate(stream: av.VideoStream) -> Fraction | None:
    """Frames per second, the mean."""
    return stream.average_rate or stream.guessed_rate


def _reading(clip: Clip, frames: Iterator[tuple[int, Pixels]]) -> Iterator[tuple[int, Pixels]]:
    """The frames, after which the log is told what isn't as it seems."""
    try:
        yield from frames
    finally:
        for note in clip.notes:
            log.warning("%s: %s", clip.path, note)


def write_video(
    path: Path, frames: Iterable[Pixels], fps: Fraction, crf: int = 23, *, index_first: bool = False
) -> int:
    """Encode RGB frames, uint8 (H, W, 3), as H.264 (yuv420p) in MP4; returns their number. Atomic and deterministic.

    An odd height or width loses its last row or column (4:2:0 chroma needs even sizes). `index_first`: the file's index
    lies before its frames, so that a browser can begin before it has all of it.

    Raises:
        ValueError: there is no frame, or the frames differ in size.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".mp4", dir=path.parent)
    os.close(handle)
    try:
        count = _encode(scratch, frames, Fraction(fps), crf, index_first)
        let_others(Path(scratch))
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return count


def even(frame: Pixels) -> Pixels:
    """The frame without its last row or column where its height or width is odd."""
    height, width = frame.shape[:2]
    return frame[: height - height % 2, : width - width % 2]


def _encode(path: str, frames: Iterable[Pixels], fps: Fraction, crf: int, index_first: bool) -> int:
    stream, count, size = None, 0, None
    # bitexact: no library version or date in the container; one thread: x264's decisions depend on the thread count;
    # no macroblock tree: with it x264's SIMD code gave the same frames other bytes in every fifth run (measured)
    options = {"fflags": "+bitexact", **({"movflags": "+faststart"} if index_first else {})}
    with av.open(path, "w", format="mp4", options=options) as container:
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
