"""The gallery's data: for every explained image a strip of small pictures, what filters go by, and all numbers."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
import pandas as pd

from advxai.common.arrays import Flags, Floats, Labels
from advxai.common.classes import Classes
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.report.forms import amplified, outlined, raster, resized
from advxai.report.polygons import inside, rings
from advxai.report.style import form_of
from advxai.saliency.ranking import missing_of

QUALITY = 82  # of the strips' WebP
SIMPLIFY = 0.6  # pixels by which a simplified outline may move
Stream = TypeVar("Stream")  # what names a stream of records
ABSENT = 0.93  # grey of a tile where there is no map
LEFT_OUT = -1  # in the place of flips: the image left the explainer's rows


@dataclass(frozen=True)
class Image:
    """What the gallery needs of one image.

    Attributes:
        face: its row of the manifest.
        picture: (H, W, 3) float in [0, 1], as the detector sees it.
        mask: (h, w) bool, the truly manipulated region; None: not known.
        adversary: the record of NES and the adversarial copy (H, W, 3) float; None: the run has none.
        saliency: explainer -> record.
        rows: explainer -> evaluation rows by rising k.
    """

    face: Record
    picture: Floats
    mask: Flags | None
    adversary: tuple[Record, Floats] | None
    saliency: Mapping[str, Record]
    rows: Mapping[str, Sequence[Record]]


@dataclass(frozen=True)
class Entry:
    """One image of the gallery.

    Attributes:
        index: what filters and cards go by; short, since all images' are in the page.
        detail: all numbers and outlines.
        strip: WebP: original, adversarial copy and amplified difference (where there is one), a map an explainer; all
            squares of one size, side by side.
    """

    index: dict[str, Any]
    detail: dict[str, Any]
    strip: bytes


def path(region: Flags) -> str:
    """A region's outline as the path of an SVG, in pixels of the region's array; fill rule even-odd."""
    parts = []
    for ring in rings(region, SIMPLIFY):
        points = " ".join(f"{x:g},{y:g}" for x, y in np.round(ring, 1).tolist())
        parts.append(f"M{points}Z")
    return "".join(parts)


def _rounded(values: Iterable[float], digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


def flips(rows: Sequence[Record]) -> int:
    """Bit k - 1 is set where the attack on the top-k segments made a fake real; LEFT_OUT if the image isn't counted."""
    if not rows or not rows[0]["included"]:
        return LEFT_OUT
    return sum(1 << (int(row["k"]) - 1) for row in rows if bool(row["flipped"]))


def _attacks(rows: Sequence[Record]) -> list[dict[str, Any]]:
    return [
        {
            "k": int(row["k"]),
            "before": round(float(row["p_before"]), 4),
            "after": round(float(row["p_after"]), 4),
            "called": int(row["predicted_after"]),
            "flipped": bool(row["flipped"]),
            "iterations": int(row["iterations"]),
        }
        for row in rows
        if row["included"]
    ]


class _Segmentations:
    """Outlines of the segments that some explainer shows; explainers with the same segments share them."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self.paths: list[dict[str, str]] = []
        self._places: list[dict[str, tuple[float, float]]] = []

    def add(self, segments: Labels, labels: Iterable[int]) -> int:
        """Make sure that the labels' outlines are there; the segmentation's number."""
        name = hashlib.sha256(segments.tobytes()).hexdigest()
        if name not in self._known:
            self._known[name] = len(self.paths)
            self.paths.append({})
            self._places.append({})
        number = self._known[name]
        for label in map(str, labels):
            if label not in self.paths[number]:
                region = segments == int(label)
                self.paths[number][label] = path(region)
                self._places[number][label] = inside(region)
        return number

    def place(self, number: int, label: int) -> list[float]:
        """Where a segment's number stands."""
        return list(self._places[number][str(label)])


def _explanation(
    record: Record, method: str, rows: Sequence[Record], top: int, segmentations: _Segmentations
) -> dict[str, Any]:
    form = form_of(method, record)
    first = [int(label) for label in record["ranking"][:top]]
    weights = outlined(record["scores"], record["zero"]) if form == "outlines" else []
    number = segmentations.add(record["segments"], [*first, *(one.label for one in weights)])
    reason = "" if rows[0]["included"] else str(rows[0]["reason"])
    return {
        "form": form,
        "segmentation": number,
        "top": [{"label": label, "at": segmentations.place(number, label)} for label in first],
        "scores": _rounded((record["scores"][label] for label in first), 5),
        "outlined": [[one.label, int(one.positive)] for one in weights],
        "attacks": _attacks(rows),
        "left_out": reason,
    }


def _strip(image: Image, methods: Mapping[str, str], tile: int) -> bytes:
    tiles = [image.picture]
    if image.adversary is not None:
        copy = image.adversary[1]
        tiles += [copy.clip(0, 1), amplified(image.picture, copy)[0]]
    for name, record in image.saliency.items():
        if missing_of(record):
            tiles.append(np.full_like(image.picture, ABSENT))
            continue
        fields = (record[field] for field in ("map", "segments", "scores", "zero"))
        tiles.append(raster(form_of(methods[name], record), image.picture, *fields))
    row = np.concatenate([resized(one, tile) for one in tiles], axis=1)
    pixels = cv2.cvtColor((row * 255).round().astype(np.uint8), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a strip of shape {row.shape} as WebP")
    return data.tobytes()


def _adversary(image: Image) -> dict[str, Any] | None:
    if image.adversary is None:
        return None
    record, copy = image.adversary
    return {
        "after": _rounded(record["after"]),
        "success": bool(record["success"]),
        "iterations": int(record["iterations"]),
        "queries": int(record["queries"]),
        "linf": round(amplified(image.picture, copy)[1], 2),
    }


def entry(
    image: Image, methods: Mapping[str, str], categories: Sequence[str], classes: Classes, top: int, tile: int
) -> Entry:
    """One image of the gallery.

    Args:
        image: what is known of it.
        methods: explainer -> its `method`.
        categories: the run's, in the order of its tables; the image's is one of them.
        classes: the detector's.
        top: how many segments are numbered.
        tile: side of a small picture, in pixels; no larger than the picture itself.
    """
    before = next(iter(image.saliency.values()))["before"]
    predicted = int(classes.called(before))
    segmentations = _Segmentations()
    explanations = {
        name: _explanation(record, methods[name], image.rows[name], top, segmentations)
        for name, record in image.saliency.items()
    }
    index = {
        "key": image.face["key"],
        "category": categories.index(image.face["category"]),
        "label": classes.label(image.face["category"]),
        "called": predicted,
        "p": round(float(before[predicted]), 3),
        "detected": int(predicted != classes.real),
        "copied": LEFT_OUT if image.adversary is None else int(bool(image.adversary[0]["success"])),
        "flips": [flips(rows) for rows in image.rows.values()],
    }
    mask = None
    if image.mask is not None and image.mask.any():
        mask = {"size": list(image.mask.shape[::-1]), "path": path(image.mask)}
    detail = {
        "before": _rounded(before),
        "adversary": _adversary(image),
        "size": list(next(iter(image.saliency.values()))["segments"].shape[::-1]),
        "mask": mask,
        "outlines": segmentations.paths,
        "explanations": explanations,
    }
    return Entry(index, detail, _strip(image, methods, min(tile, image.picture.shape[0])))


def rows_by_image(rows: pd.DataFrame) -> dict[str, dict[str, list[Record]]]:
    """key -> explainer -> the evaluation rows by rising k."""
    found: dict[str, dict[str, list[Record]]] = {}
    for row in records(rows.sort_values("k", kind="stable")):
        found.setdefault(row["key"], {}).setdefault(row["explainer"], []).append(row)
    return found


def in_step(streams: Mapping[Stream, Iterator[Record]], what: str) -> Iterator[dict[Stream, Record]]:
    """Records of the same image from several shards, which list their images in the same order.

    Raises:
        ValueError: they don't.
    """
    for together in zip(*streams.values(), strict=True):
        if len({record["key"] for record in together}) != 1:
            raise ValueError(f"{what}: the shards list different images; run again with --forceall")
        yield dict(zip(streams, together, strict=True))
