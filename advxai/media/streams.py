"""A file's video stream, opened: which one it is, and the frames that it decodes to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.stream import Discard, Disposition

from advxai.common.errors import InputError, reading

NO_FRAMES = Disposition.attached_pic | Disposition.timed_thumbnails  # a sound's cover, a film's preview pictures
# A play list may name other files; never other machines.
OPTIONS = {"protocol_whitelist": "file"}
PLAYABLE = "give a video that plays, or convert it to H.264 in MP4"


@dataclass(frozen=True)
class Opened:
    """A container, its stream that is shown, and what was to be chosen."""

    container: av.container.InputContainer
    stream: av.VideoStream
    notes: tuple[str, ...] = ()


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file's video: the stream that is marked as its default, else the first.

    Whatever FFmpeg and PyAV raise inside the block becomes an InputError that names the file.

    Raises:
        InputError: the file can't be read, has no video, or FFmpeg has no decoder for it.
    """
    with reading(path, PLAYABLE, "a video"), own_memory():
        with container_of(path) as container:
            stream, notes = _shown(path, container)
            for other in container.streams:
                if other is not stream:  # what is missing of the sound must not end the pictures
                    other.discard = Discard.all
            stream.codec_context.thread_count = 1  # cores are shared with other jobs
            yield Opened(container, stream, notes)


def require_file(path: Path) -> None:
    """Refuse what is there and isn't a file: of a pipe or a device the reading may never end.

    Raises:
        InputError: it is such a thing.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path} isn't a file: give a picture or a video")


def container_of(path: Path) -> av.container.InputContainer:
    """A file as FFmpeg opens it, and nothing but this file.

    Raises:
        av.FFmpegError, OSError, ValueError: it can't be opened, or claims more than there is memory for.
    """
    require_file(path)
    with own_memory():
        # absolute: FFmpeg would take the 12 of 12:30.mp4 for a protocol; a title may be in any encoding
        return av.open(os.path.abspath(path), metadata_errors="replace", options=OPTIONS)


@contextmanager
def own_memory(kind: type[MemoryError] = av.error.MemoryError) -> Iterator[None]:
    """Let what a library has no memory for be the file's fault: what it reads at once is small unless it is damaged.

    Args:
        kind: of the library's errors; by default FFmpeg's.

    Raises:
        ValueError: there wasn't memory enough.
    """
    try:
        yield
    except kind as error:
        raise ValueError("it claims more than there is memory for") from error


def _shown(path: Path, container: av.container.InputContainer) -> tuple[av.VideoStream, tuple[str, ...]]:
    """The stream that a player would show, and what the user should know of the choice."""
    there = container.streams.video
    if not there:
        raise InputError(f"{path} has no video stream: give a video file.")
    moving = [stream for stream in there if not stream.disposition & NO_FRAMES]
    if not moving:
        raise InputError(f"{path} has no video, only sound and a cover picture: give a video file.")
    stream = next((one for one in moving if one.disposition & Disposition.default), moving[0])
    if stream.codec_context is None:
        raise InputError(f"{path} is in a coding that no decoder is there for: convert it to H.264 in MP4.")
    if len(moving) == 1:
        return stream, ()
    number = moving.index(stream) + 1
    why = "which is marked as the default" if stream.disposition & Disposition.default else "the first"
    return stream, (f"Of its {len(moving)} video streams number {number} is taken, {why}.",)
