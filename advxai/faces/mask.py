"""Ground-truth masks of manipulated faces."""

from pathlib import Path

import numpy as np

from advxai.corpus.video import read_frames
from advxai.errors import InputError
from advxai.faces.crop import cut


def mask_crop(mask_video: Path, frame: int, box: tuple[int, int, int, int]) -> np.ndarray:
    """The manipulated region inside a face's crop: uint8 (H, W), 255 where the mask is above 127, else 0.

    Args:
        mask_video: the mask clip of the face's video, of the same size in pixels.
        frame: the face's frame number.
        box: x1, y1, x2, y2 of the crop, x2 and y2 exclusive, as in the columns of the faces.

    Raises:
        InputError: the clip can't be read, is too short or smaller than the video.
    """
    image = next((image for _, image in read_frames(mask_video, start=frame, stop=frame + 1)), None)
    if image is None:
        raise InputError(f"{mask_video} has no frame {frame}: get the mask clip that belongs to the video.")
    try:
        part = cut(image, box)
    except ValueError as error:
        raise InputError(f"{mask_video}: {error}; get the mask clip that belongs to the video.") from error
    # some of FF++'s masks are drawn in colour: any channel counts
    return np.where(part.max(axis=2) > 127, 255, 0).astype(np.uint8)
