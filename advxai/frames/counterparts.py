"""The genuine frame behind each explained fake: its original's frame of the same number, cut out by the fake's box.

Of manipulated_sequences/<category>/<compression>/videos/<target>_<source>.mp4 that is a frame of <target>.mp4: FF++'s
manipulations keep frames and background. How well the two fit is measured: where the fake wasn't manipulated they must
differ by compression alone.
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import numpy as np

from advxai.common.arrays import Flags, Floats, Pixels
from advxai.common.categories import REAL
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.corpus.ffpp import places
from advxai.frames.database import FrameStore

SUFFIX = "#counterpart"  # of a counterpart's key in the database
SIGMA = 2.0  # of the blur, in pixels of the crop
LEAST = 0.01  # share of the crop that inside and outside must have for the mask to be of use
FACE = 1 / 1.3  # the face's box in the crop, where there is no mask of use
COLUMNS = {
    "key": "str",
    "original": "str",
    "file": "str",
    "sha256": "str",
    "region": "str",
    "outside": "float64",
    "inside": "float64",
    "alignment": "float64",
    "reason": "str",
}


class Genuine(Protocol):
    """What explanations and measures ask of counterparts; `Counterparts` answers."""

    def image(self, key: str) -> Pixels | None: ...

    def reason(self, key: str) -> str: ...

    def sha256(self, key: str) -> str: ...


class Counterparts:
    """Reader of a run's counterparts.

    Args:
        table: with the columns COLUMNS, one row an explained fake.
        lmdb: the database of those that are there, under the fake's key and SUFFIX.
    """

    def __init__(self, table: Path, lmdb: Path) -> None:
        self.table, self.frames = Path(table), FrameStore(Path(lmdb))

    @cached_property
    def _rows(self) -> dict[str, Record]:
        from advxai.common import parquet  # pandas, which a job that fills in with something else needn't load

        return {str(row["key"]): row for row in records(parquet.read(self.table))}

    def reason(self, key: str) -> str:
        """Why an image has no counterpart of use; "" if it has one."""
        row = self._rows.get(key)
        return "it is no explained fake of this run" if row is None else str(row["reason"])

    def sha256(self, key: str) -> str:
        """SHA-256 of the counterpart's bytes; "" if there is none of use."""
        return "" if self.reason(key) else str(self._rows[key]["sha256"])

    def image(self, key: str) -> Pixels | None:
        """uint8 (H, W, 3) RGB, of the fake's size; None if there is none of use.

        Raises:
            InputError: the database lacks it, or has another one.
        """
        return None if self.reason(key) else self.frames.image(key + SUFFIX, self.sha256(key))


def original_of(video: str) -> list[str]:
    """FF++ relative paths at which a fake's original may lie; none for what is no fake of <target>_<source>."""
    kind, *parts = video.split("/")
    target, _, source = Path(video).stem.partition("_")
    if kind != "manipulated_sequences" or len(parts) < 3 or not (target.isdigit() and source.isdigit()):
        return []
    return [f"{place}/{target}.mp4" for place in places(REAL, parts[1])]


def difference(fake: Pixels, counterpart: Pixels) -> Floats:
    """|fake - counterpart|, mean over channels: (H, W) float32 in [0, 1]; the two have one size."""
    gap = np.abs(fake.astype(np.float32) - counterpart.astype(np.float32)) / 255
    mean: Floats = gap.mean(axis=2)
    return mean


def blurred(picture: Floats) -> Floats:
    """Gaussian blur of SIGMA pixels, borders reflected."""
    return cast("Floats", cv2.GaussianBlur(picture, (0, 0), SIGMA, borderType=cv2.BORDER_REFLECT))


def region_of(mask: Pixels | None, size: tuple[int, int]) -> tuple[str, Flags]:
    """Where a fake was manipulated: ("mask", its mask), or ("box", the face's box) where there is no mask or it leaves
    less than LEAST of the crop on one of its sides. (h, w) bool."""
    if mask is not None and mask.shape == size:
        inside: Flags = mask > 0
        if LEAST <= inside.mean() <= 1 - LEAST:
            return "mask", inside
    box = np.zeros(size, bool)
    margins = [round(side * (1 - FACE) / 2) for side in size]
    box[margins[0] : size[0] - margins[0], margins[1] : size[1] - margins[1]] = True
    return "box", box


def alignment(fake: Pixels, counterpart: Pixels, mask: Pixels | None) -> dict[str, Any]:
    """How well a counterpart fits.

    Args:
        fake, counterpart: uint8 (H, W, 3).
        mask: uint8 (H, W), not 0 where the fake is manipulated; None: not known.

    Returns:
        region, inside and outside: mean absolute difference of the two pictures after a blur, in [0, 1]; and alignment,
        outside over inside (0 is perfect; nan where they don't differ at all).
    """
    both = [blurred(picture.astype(np.float32) / 255) for picture in (fake, counterpart)]
    gap = np.abs(both[0] - both[1]).mean(axis=2)
    region, within = region_of(mask, gap.shape)
    inside, outside = float(gap[within].mean()), float(gap[~within].mean())
    ratio = outside / inside if inside > 0 else (np.inf if outside > 0 else np.nan)
    return {"region": region, "inside": inside, "outside": outside, "alignment": ratio}


def derived_mask(fake: Pixels, counterpart: Pixels, mask: Pixels | None) -> Flags:
    """Where a fake differs from its counterpart: the blurred difference is above three times what it is outside the
    face on average (outside the mask, else outside the face's box), and above half a grey level. (H, W) bool."""
    gap = blurred(difference(fake, counterpart))
    _, within = region_of(mask, gap.shape)
    above: Flags = gap > max(3 * gap[~within].mean(), 0.5 / 255)
    return above
