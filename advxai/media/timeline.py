"""When a clip's frames are shown, as its packets say: without decoding, where a packet is a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from advxai.common.errors import InputError
from advxai.media.shown import interlaced
from advxai.media.streams import Opened, opened

# Of these a packet is a picture, so that the packets' time stamps number the frames. Not so, for example, of VP8 with
# its packets that show nothing.
NUMBERED_BY_PACKETS = ("h264", "hevc")


class Unseekable(Exception):
    """Frames can't be numbered by time stamps, or not be sought; the message says why."""


@dataclass(frozen=True)
class Timeline:
    """Presentation times of the frames shown, ascending, in units of `base` seconds; and (presentation time, time to
    seek) of all keyframes, likewise."""

    shown: Sequence[int]
    keys: Sequence[tuple[int, int]]
    base: Fraction


@dataclass(frozen=True, slots=True)
class _Packet:
    """What is kept of a packet: with its data a long video would fill the memory."""

    pts: int | None
    dts: int | None
    key: bool
    discarded: bool


def timeline(path: Path) -> Timeline | Unseekable:
    """Times of a clip's frames from its packets alone, or why they don't tell.

    Raises:
        InputError: the file is truncated or isn't a video.
    """
    with opened(path) as video:
        stream = video.stream
        check_index(path, video)
        packets = [
            _Packet(packet.pts, packet.dts, packet.is_keyframe, packet.is_discard)
            for packet in video.container.demux(stream)
            if packet.size
        ]
        check_index(path, video)  # a fragmented file's index has grown meanwhile
        codec = stream.codec_context.codec.name
        if codec not in NUMBERED_BY_PACKETS or interlaced(stream):
            return Unseekable(f"a packet of this {codec} stream may be more or less than a frame")
        if video.container.format.name == "avi":
            return Unseekable("AVI has times of decoding only")
        base = stream.time_base
    return _of(packets, base)


def _of(packets: Sequence[_Packet], base: Fraction | None) -> Timeline | Unseekable:
    timed = [(packet.pts, packet) for packet in packets if packet.pts is not None]
    if not packets or len(timed) < len(packets) or not base:
        return Unseekable("not every packet has its time")
    times = sorted(pts for pts, _ in timed)
    # before the first keyframe the decoder drops frames, how many the packets don't tell
    if len(set(times)) < len(times) or not packets[0].key or packets[0].pts != times[0]:
        return Unseekable("frames share a time or precede the first keyframe")
    # an edit list has frames decoded but not shown
    shown = sorted(pts for pts, packet in timed if not packet.discarded)
    keys = ((pts, pts if packet.dts is None else packet.dts) for pts, packet in timed if packet.key)
    return Timeline(shown, sorted(keys), base)


def check_index(path: Path, video: Opened) -> None:
    """Look whether the frames that an MP4's or MOV's index lists are in the file.

    Raises:
        InputError: they aren't.
    """
    # other containers' indices list only some frames, or places that aren't those of the frames' last bytes
    container: av.container.InputContainer = video.container
    if not container.format.name.startswith("mov"):
        return
    there = [entry.pos + entry.size <= container.size for entry in video.stream.index_entries]
    if not all(there):
        raise InputError(
            f"{path} is truncated: its header promises {len(there)} frames, {sum(there)} are there: download it again."
        )
