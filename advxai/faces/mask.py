"""Ground-truth masks of manipulated faces."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.types import Box, Record
from advxai.media.cut import Placement, cut, decode_png
from advxai.media.video import read_at

log = logging.getLogger(__name__)
REMEDY = "get the mask clip that belongs to the video"


def mask_of(face: Record) -> Pixels | None:
    """The manipulated region of a row of the manifest, uint8 (H, W) as by `mask_crop`; None if none is known.

    The crop that was cut out with the face's, else the mask video. A mask that can't be read is reported in the log: it
    must not cost the image.
    """
    if face["mask_file"]:
        try:
            return decode_png(Path(face["mask_file"]).read_bytes(), face["mask_file"], REMEDY)[..., 0]
        except (OSError, InputError) as error:
            log.warning("no mask of %s: %s", face["key"], error)
            return None
    if not face["mask"]:
        return None
    try:
        return mask_crop(Path(face["mask"]), int(face["frame"]), Placement.of(face))
    except InputError as error:
        log.warning("no mask of %s: %s", face["key"], error)
        return None


def mask_crop(mask_video: Path, frame: int, box: Box | Placement) -> Pixels:
    """The manipulated region inside a face's crop: uint8 (H, W), 255 where the mask is above 127, else 0.

    Args:
        mask_video: the mask clip of the face's video, of the same size in pixels.
        frame: the face's frame number.
        box: where the crop lies, as in the columns of the faces: x1, y1, x2, y2, x2 and y2 exclusive, or a placement.

    Raises:
        InputError: the clip can't be read, is too short or smaller than the video.
    """
    return next(mask_crops(mask_video, [(frame, box)]))


def mask_crops(
    mask_video: Path,
    wanted: Sequence[tuple[int, Box | Placement]],
    size: tuple[int, int] | None = None,
) -> Iterator[Pixels]:
    """What `mask_crop` gives, of several frames in one pass.

    Args:
        mask_video: as for `mask_crop`.
        wanted: frame number and box of each crop, by ascending frame; a frame may have several boxes.
        size: height and width of the video; None if not known.

    Raises:
        InputError: as `mask_crop`, when it comes to the first crop that can't be given.
    """
    images = read_at(mask_video, dict.fromkeys(frame for frame, _ in wanted))
    last, image = -1, None
    for frame, box in wanted:
        if frame != last:
            last, image = next(images, (frame, None))
        if image is None:
            raise InputError(f"{mask_video} has no frame {frame}: {REMEDY}.")
        if size is not None and image.shape[:2] != size:
            (height, width), (rows, columns) = size, image.shape[:2]
            raise InputError(f"{mask_video} is {columns} x {rows}, the video {width} x {height}: {REMEDY}.")
        try:
            part = cut(image, box)
        except ValueError as error:
            raise InputError(f"{mask_video}: {error}; {REMEDY}.") from error
        # some of FF++'s masks are drawn in colour: any channel counts
        yield np.where(part.max(axis=2) > 127, 255, 0).astype(np.uint8)
