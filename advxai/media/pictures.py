"""Reading what a user brings, told apart by its content and not by its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

import av
import cv2

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.media.cut import decode_png
from advxai.media.video import count_frames

HEIC = (b"heic", b"heix", b"heim", b"heis")  # what a phone's pictures may say they are
NO_VIDEO = ("tty", "image2")  # FFmpeg's readers that take a text, or a file of any content called .jpg, for pictures
GIVE = "give a picture (JPEG, PNG, WebP, TIFF, BMP, AVIF ...) or a video"


def kind_of(path: Path) -> Literal["picture", "video"]:
    """What a file is; a GIF that moves is a video.

    Raises:
        InputError: it can't be read, or is neither.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): {GIVE}") from error
    if start.startswith(b"GIF8"):
        return "video" if count_frames(path) > 1 else "picture"
    if start[4:8] == b"ftyp" and start[8:12] in HEIC:
        raise InputError(f"{path} is a HEIC picture, which can't be read here: save it as JPEG or PNG and give that")
    with _quiet():
        if cv2.haveImageReader(str(path)):
            return "picture"
    if reason := _not_played(path):
        raise InputError(f"{path} is neither a picture nor a video that can be read ({reason}): {GIVE}")
    return "video"


def _not_played(path: Path) -> str:
    """Why FFmpeg finds no video in a file; nothing if it does."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if container.format.name.startswith(NO_VIDEO):
                return "its content is of no known kind"
            return "" if container.streams.video else "it has no pictures"
    except (av.FFmpegError, OSError) as error:
        return error.strerror or type(error).__name__


def read_picture(path: Path) -> Pixels:
    """An upright picture, uint8 (H, W, 3) RGB: a rotation noted by the camera is applied, transparency is dropped.

    Raises:
        InputError: it is damaged, cut short or too large for OpenCV.
    """
    try:
        with _quiet():
            return decode_png(path.read_bytes(), str(path), "it is damaged or cut short; get it anew")
    except cv2.error as error:
        raise InputError(f"{path} can't be decoded ({error.err}): save it anew, or smaller") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OpenCV's own messages, which name its source lines and not the file."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def reduced(picture: Pixels, longest: int) -> Pixels:
    """A picture (H, W, 3) whose longer side is at most `longest` pixels."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return picture
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cast("Pixels", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
