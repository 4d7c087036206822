"""The genuine image behind a fake one."""

import logging
from pathlib import Path

from advxai.common.arrays import Pixels
from advxai.common.categories import REAL
from advxai.common.errors import InputError
from advxai.common.types import Box, Record
from advxai.corpus.ffpp import places
from advxai.frames.database import FrameStore
from advxai.media.cut import cut
from advxai.media.video import read_at

log = logging.getLogger(__name__)


def original_of(face: Record, root: Path | None, frames: FrameStore) -> Pixels | None:
    """The frame of the original video from which a manipulated image was made.

    Of manipulated_sequences/<category>/<compression>/videos/<target>_<source>.mp4 that is the same frame of
    <target>.mp4, cut out by the same box where the video is on disk; else the original's own crop in the database. One
    that can't be read is reported in the log: it must not cost the figure.

    Args:
        face: the fake's row of the manifest.
        root: FF++'s root; None: there are no videos.
        frames: the LMDB.

    Returns:
        uint8 (h, w, 3) RGB; None if there is none.
    """
    kind, *parts = str(face["video"]).split("/")
    if kind != "manipulated_sequences" or len(parts) < 3:
        return None
    target = Path(parts[-1]).stem.split("_")[0]
    videos = [f"{place}/{target}.mp4" for place in places(REAL, parts[1])]
    x1, y1, x2, y2 = (int(face[name]) for name in ("x1", "y1", "x2", "y2"))
    for video in videos:
        if root is not None and min(x1, y1, x2, y2) >= 0 and (root / video).is_file():
            try:
                return _frame(root / video, int(face["frame"]), (x1, y1, x2, y2))
            except InputError as error:
                log.warning("no original of %s: %s", face["key"], error)
    for video in videos:
        for name in (f"{int(face['frame']):05d}_0.png", f"{int(face['frame']):05d}.png"):
            if f"{video}/{name}" in frames:
                return frames.image(f"{video}/{name}")
    return None


def _frame(path: Path, number: int, box: Box) -> Pixels:
    image = next((image for _, image in read_at(path, [number])), None)
    if image is None:
        raise InputError(f"{path} has no frame {number}")
    try:
        return cut(image, box)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
