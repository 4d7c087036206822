"""Reading and writing clips, frame-exact and reproducible (PyAV)."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from advxai.errors import InputError


def read_frames(
    path: Path, start: int = 0, stop: int | None = None, stride: int = 1, threads: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (index, frame) for the frames start, start + stride, ... below `stop`; frame is uint8 (H, W, 3) RGB.

    Indices count decoded frames from 0. Every frame before the last one asked for is decoded, so that an index means
    the same frame in any container. A rotation noted in the file is applied in quarter turns.

    Raises:
        InputError: the file can't be opened, has no video stream, or its data can't be decoded.
    """
    with _opened(path) as (container, stream):
        stream.codec_context.thread_count = threads
        for index, frame in enumerate(container.decode(stream)):
            if stop is not None and index >= stop:
                return
            if index >= start and (index - start) % stride == 0:
                yield index, _upright(frame.to_ndarray(format="rgb24"), frame.rotation)


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


def write_video(path: Path, frames: Iterable[np.ndarray], fps: Fraction, crf: int = 23) -> int:
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
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return count


def even(frame: np.ndarray) -> np.ndarray:
    """The frame without its last row or column where its height or width is odd."""
    height, width = frame.shape[:2]
    return frame[: height - height % 2, : width - width % 2]


def _encode(path: str, frames: Iterable[np.ndarray], fps: Fraction, crf: int) -> int:
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


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open the first video stream; any failure of PyAV inside the block becomes an InputError that names the file."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} has no video stream: give a video file.")
            yield container, container.streams.video[0]
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path} can't be read as a video ({error}): replace the file.") from error


def _upright(image: np.ndarray, rotation: int) -> np.ndarray:
    """Turn counter-clockwise by `rotation` degrees, a multiple of 90 (others stay as they are)."""
    return np.ascontiguousarray(np.rot90(image, rotation // 90)) if rotation % 360 and rotation % 90 == 0 else image
