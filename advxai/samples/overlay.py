"""The picture of a sample: the face beside its map, under a title."""

from functools import cache
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from advxai.common.arrays import Floats
from advxai.common.files import printable
from advxai.common.types import Record
from advxai.report.fonts import families
from advxai.report.forms import outlined, raster, resized
from advxai.report.polygons import rings
from advxai.report.style import NEGATIVE, POSITIVE, form_of
from advxai.saliency.ranking import missing_of

SIDE, GAP, TEXT = 256, 8, 13  # pixels: of a square, between them, of the letters
LINE = TEXT + 5
LETTERS = 64  # of a line, of which two squares' width holds as many


def draw(face: Floats, record: Record, method: str, title: list[str], path: Path) -> None:
    """Write a sample's picture as PNG: face and map side by side; the face alone and the reason where there is no map.

    Args:
        face: (h, w, 3) float in [0, 1], as the detector sees it.
        record: of the stage saliency.
        method: the row's.
        title: lines above the squares; long ones are wrapped.
        path: of the file; its folder is there.
    """
    missing = missing_of(record)
    said = [*title, *([f"no map: {missing}"] if missing else [])]
    lines = [part for line in said for part in wrap(printable(line), LETTERS) or [""]]
    top = GAP + LINE * len(lines)
    sheet = Image.new("RGB", (2 * SIDE + 3 * GAP, top + SIDE + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        pen.text((GAP, GAP // 2 + LINE * number), line, fill="black", font=_font(families(line)[-1]))
    sheet.paste(_square(face), (GAP, top))
    if not missing:
        form = form_of(method, record)
        scores, segments, zero = record["scores"], record["segments"], record["zero"]
        sheet.paste(_square(raster(form, face, record["map"], segments, scores, zero)), (2 * GAP + SIDE, top))
        for one in outlined(scores, zero) if form == "outlines" else []:
            _outline(pen, segments == one.label, POSITIVE if one.positive else NEGATIVE, (2 * GAP + SIDE, top))
    sheet.save(path, "PNG")


def _square(picture: NDArray[np.float64] | Floats) -> Image.Image:
    return Image.fromarray((resized(np.asarray(picture, np.float64), SIDE) * 255).round().astype(np.uint8))


def _outline(pen: ImageDraw.ImageDraw, region: NDArray[np.bool_], colour: str, corner: tuple[int, int]) -> None:
    height, width = region.shape
    for ring in rings(region):
        points = [(corner[0] + x * SIDE / width, corner[1] + y * SIDE / height) for x, y in [*ring, ring[0]]]
        pen.line(points, fill=colour, width=2)


@cache
def _font(family: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(FontProperties(family=[family])), TEXT)
