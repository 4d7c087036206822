"""The contact sheet of a clip: its frames beside each other, a line of them for each row."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from advxai.common.files import printable
from advxai.video.drawing import GREY, MapOverTime, Score, cut, face_of, font, square

MOST = 16  # frames of a sheet
TILE, GAP, NAMES, HEAD = 112, 4, 120, 40  # pixels: of a tile, between them, the rows' names, the lines above
ABSENT = (237, 237, 237)


def chosen(frames: int) -> list[int]:
    """Which frames of a clip a sheet shows: all up to `MOST`, else so many, evenly, the first and the last among
    them."""
    return [round(place) for place in np.linspace(0, frames - 1, min(frames, MOST)).tolist()]


def sheet(
    faces: Sequence[NDArray[np.float64]], rows: Mapping[str, MapOverTime | str], score: Score, seconds: Sequence[float]
) -> Image.Image:
    """Draw it.

    Args:
        faces: T faces (n, n, 3) float in [0, 1].
        rows: row -> its map, or why there is none.
        score: of the clip.
        seconds: (T,) when each frame is shown in its video.
    """
    places = chosen(len(faces))
    width = NAMES + len(places) * (TILE + GAP)
    picture = Image.new("RGB", (width, HEAD + (len(rows) + 1) * (TILE + GAP)), "white")
    pen = ImageDraw.Draw(picture)
    title = printable(f"{score.name}: {score.called}, p(fake) {score.p:.2f}")
    letters = font(title, 13)
    pen.text((GAP, 3), cut(title, letters, width - 2 * GAP), "black", letters)
    small = [face_of(faces[place], TILE) for place in places]
    for column, place in enumerate(places):
        text = f"{place + 1}: {seconds[place]:.2f} s, {score.frames[place]:.2f}"
        pen.text((NAMES + column * (TILE + GAP), 22), text, GREY, font(text, 11))
    for line, (name, shown) in enumerate({"clip": None, **rows}.items()):
        top = HEAD + line * (TILE + GAP)
        name = printable(name)
        pen.text(
            (GAP, top + TILE // 2), cut(name, font(name, 12), NAMES - 2 * GAP), "black", font(name, 12), anchor="lm"
        )
        if isinstance(shown, str):
            pen.rectangle([NAMES, top, width - GAP, top + TILE], fill=ABSENT)
            reason = printable(f"no map: {shown}")
            words = cut(reason, font(reason, 12), width - NAMES - 4 * GAP)
            pen.text((NAMES + 2 * GAP, top + TILE // 2), words, "black", font(reason, 12), anchor="lm")
            continue
        for column, place in enumerate(places):
            picture.paste(square(small[column], shown, place), (NAMES + column * (TILE + GAP), top))
    return picture
