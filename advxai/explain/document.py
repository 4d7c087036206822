"""An explanation in numbers, for other programs: what `<stem>.json` says and `<stem>.npz` holds."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.config import Config
from advxai.config.kernels import COMPUTED
from advxai.explain.explained import Explained
from advxai.explain.source import Face, Source
from advxai.media.cut import Placement
from advxai.media.fit import Part
from advxai.media.rule import Rule
from advxai.report.captions import meanings
from advxai.report.forms import amplified
from advxai.report.polygons import rings, scaled
from advxai.saliency.ranking import ranking_of

VERSION = 1  # the version is raised when a reader of the former one would go wrong


def settings_of(
    config: Config, names: Sequence[str], frames: int, whole: bool, forward_batch: int, films: bool = False
) -> dict[str, Any]:
    """What determines the numbers, beside the detector's weights; the forward batch is that of the detector that
    explanations asked, which may be a smaller one than the run's. `films`: clips are explained as one, too."""
    return {
        "seed": config.seed,
        "frames": frames,
        "whole": whole,
        "faces": {
            **config.faces.model_dump(mode="json", include={"score", "device"}),
            **Rule.of(config.faces).settings,
        },
        "detector": config.detector.model_dump(mode="json", include={*COMPUTED}) | {"forward_batch": forward_batch},
        "adversary": config.adversary.model_dump(mode="json"),
        "evaluation": config.evaluation.model_dump(mode="json"),
        "explainers": {name: config.explainers[name].model_dump(mode="json") for name in names},
        **({"video": config.video.model_dump(mode="json")} if films else {}),
    }


def input_of(source: Source) -> dict[str, Any]:
    """What was explained."""
    height, width = source.size
    said: dict[str, Any] = {"argument": source.request.argument, "kind": source.kind, "sha256": source.sha256}
    if source.kind == "crop":
        said |= {"key": source.faces[0].key, "category": source.faces[0].category}
    said |= {"width": width, "height": height}
    if source.kind == "video":
        said["frames"] = [
            {"frame": one.frame, "seconds": one.seconds, "faces": [face.number for face in one.faces]}
            for one in source.looked
        ]
    return said


def image_of(one: Explained, config: Config, notes: Sequence[str], channels: bool) -> dict[str, Any]:
    """One crop: where it is, what the detector says of it, and every explanation.

    Args:
        one: the crop.
        config: what it was explained with.
        notes: in words.
        channels: the detector's tokens are channels, as of `advxai.report.captions.meanings`.
    """
    face, adversary, classes = one.face, one.adversary, one.classes
    said: dict[str, Any] = {"key": face.key, "sha256": face.sha256}
    if face.frame is not None:
        said |= {"frame": face.frame, "seconds": face.seconds}
    return said | {
        "crop": list(face.box),
        **({"placement": json.loads(face.place.text)} if face.place.text else {}),
        "detection": _detection(face),
        "probabilities": _named(adversary["before"], classes),
        "called": classes.names[one.predicted],
        "called_real": one.called_real,
        "adversary": None if one.called_real else _adversary(one),
        "explainers": {
            name: _explanation(one, name, config, channels) for name in config.explainers if name in one.maps
        },
        "notes": list(notes),
        "arrays": sorted(arrays_of(one)),
    }


def _detection(face: Face) -> dict[str, Any] | None:
    if face.found is None:
        return None
    return {"box": list(face.found.box), "score": face.found.score, "landmarks": face.found.landmarks.tolist()}


def _named(probabilities: Floats, classes: Classes) -> dict[str, float]:
    return {name: float(value) for name, value in zip(classes.names, probabilities, strict=True)}


def _adversary(one: Explained) -> dict[str, Any]:
    record, classes = one.adversary, one.classes
    return {
        "probabilities": _named(record["after"], classes),
        "called": classes.names[int(classes.called(record["after"]))],
        "success": bool(record["success"]),
        "iterations": int(record["iterations"]),
        "linf_255": amplified(one.image, one.copy)[1],
        "cost": _cost(record["queries"], record["calls"], record["seconds"]),
    }


def _cost(images: int, calls: int, seconds: float) -> dict[str, Any]:
    return {"images": int(images), "calls": int(calls), "seconds": round(float(seconds), 4)}


def _explanation(one: Explained, name: str, config: Config, channels: bool) -> dict[str, Any]:
    record, settings = one.maps[name], config.of_kind("explainer")[name]
    ranking = [int(label) for label in ranking_of(record, config.evaluation.population)]
    places = {label: place for place, label in enumerate(ranking, start=1)}
    attacks = one.attacks.get(name, [])
    return {
        "method": settings.method,
        "note": meanings({name: settings}, channels).get(name),
        "baseline": settings.filling or None,
        "target": one.classes.names[record["target"]],
        "zero": _finite(record["zero"]),
        "ranking": ranking,
        "segments": [
            {
                "label": label,
                "score": _finite(float(score)),
                "rank": places.get(label),
                "area": int((record["segments"] == label).sum()),
                "polygons": polygons(record["segments"] == label, one.face.place, one.part),
            }
            for label, score in enumerate(record["scores"])
        ],
        "attacks": [
            _attack(record, k, ranking[:k], one.predicted, one.classes) for k, record in enumerate(attacks, start=1)
        ],
        "cost": _cost(record["images"], record["calls"], record["seconds"]) | {"backwards": int(record["backwards"])},
    }


def _attack(record: Record, k: int, labels: list[int], predicted: int, classes: Classes) -> dict[str, Any]:
    now = int(classes.called(record["after"]))
    return {
        "k": k,
        "segments": labels,
        "probabilities_before": _named(record["before"], classes),
        "probabilities_after": _named(record["after"], classes),
        "called_before": classes.names[predicted],
        "called_after": classes.names[now],
        "success": bool(record["success"]),
        "iterations": int(record["iterations"]),
        "images": int(record["queries"]),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def polygons(region: Flags, place: Placement, part: Part) -> list[list[list[float]]]:
    """Outlines of a segment (h, w) bool of a crop, as even-odd rings of x, y in pixels of the picture. What the segment
    has of the black around the crop isn't outlined.

    Args:
        region: the segment, in pixels of the detector's input.
        place: where the crop lies in the picture.
        part: where it lies in the detector's input.
    """
    height, width = place.size
    found = (place.to_frame(ring) for ring in scaled(rings(part.of(region)), width / part.width, height / part.height))
    return [[[round(x, 2), round(y, 2)] for x, y in ring.tolist()] for ring in found]


def arrays_of(one: Explained) -> dict[str, NDArray[Any]]:
    """The arrays of one crop: its pixels, its copy, and each explainer's map and segments, by name."""
    face = one.face
    place = f"{face.number}" if face.frame is None else f"{face.number}/frame_{face.frame:05d}"
    arrays: dict[str, NDArray[Any]] = {f"{place}/crop": face.crop, f"{place}/adversarial": one.copy.astype(np.float32)}
    for name, record in one.maps.items():
        arrays |= {f"{place}/{name}/map": record["map"], f"{place}/{name}/segments": record["segments"]}
    return arrays


def text(content: Mapping[str, Any]) -> str:
    """Strict JSON, lists of numbers in one line.

    Raises:
        ValueError: a number isn't finite.
    """
    return "".join(_parts(content, "\n")) + "\n"


def _parts(value: Any, line: str) -> Iterator[str]:
    """The text of a value in parts; `line` begins a line of what it is in."""
    mapping = isinstance(value, Mapping)
    if not value or not (mapping or isinstance(value, list | tuple)) or _numbers(value):
        yield json.dumps(value, allow_nan=False)
        return
    inner = f"{line} "
    yield "{" if mapping else "["
    for place, part in enumerate(value):
        yield f",{inner}" if place else inner
        if mapping:
            yield f"{json.dumps(part)}: "
        yield from _parts(value[part] if mapping else part, inner)
    yield f"{line}{'}' if mapping else ']'}"


def _numbers(value: Any) -> bool:
    """Whether a list holds numbers and lists of numbers alone; null, true and false count as such."""
    if isinstance(value, list | tuple):
        return all(map(_numbers, value))
    return value is None or isinstance(value, int | float)
