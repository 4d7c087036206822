"""What a detector's file was read as, in one line for people."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from advxai.common.classes import Classes
from advxai.config.data import Faces
from advxai.config.science import Detector
from advxai.dialects.reading import Reading

_OF_CLASSES = ("classes", "real", "output", "positive")


# Keys that say how faces are cut.
_CROPS = ("scale", "margins", "square", "edges", "align", "several", "tracks")
_SETTABLE = (
    "model",
    "network",
    "input_size",
    "mean",
    "std",
    "colour",
    "resize",
    "video_score",
    *_OF_CLASSES,
    "threshold",
    "dialect",
)


def lines(
    path: Path, reading: Reading, settings: Detector, classes: Classes, given: Collection[str], crops: Faces
) -> list[str]:
    """The line, and the reading's notes, a sentence each.

    Args:
        path: the file.
        reading: what it was read as.
        settings: of the detector, as they hold.
        classes: the detector's.
        given: keys of `detector` and of `faces` ("faces.scale") that the configuration sets, which hold instead of the
            reading's.
        crops: how faces are cut, as it holds.
    """
    said = [_network(settings), _classes(classes), f"{settings.input_size} px", *_channels(settings.mean, settings.std)]
    if settings.colour == "bgr":
        said.append("blue first")
    if settings.resize is not None:
        said.append(f"resized by {settings.resize.library} ({settings.resize.interpolation}, {settings.resize.fit})")
    if settings.video_score is not None:
        said.append(f"a video by {settings.video_score}")
    own = [f"detector.{name}" for name in _SETTABLE if f"detector.{name}" in given]
    own += [f"faces.{name}" for name in _CROPS if f"faces.{name}" in given]
    text = f"{path}: read as {reading.dialect}: {', '.join(said)}; crops: {', '.join(_cut(crops))}"
    if own:
        text += f"; as the configuration has it: {', '.join(own)}"
    notes = [note for note in reading.notes if not {*getattr(note, "about", ())} & {*given}]
    return [f"{text}.", *(f"{reading.dialect}: {note}" for note in notes)]


def _network(settings: Detector) -> str:
    """Its name, and what was chosen of it."""
    chosen = {} if settings.network is None else settings.network.model_dump(exclude_none=True)
    return settings.model + (f" ({_shown(chosen)})" if chosen else "")


def _cut(crops: Faces) -> list[str]:
    """How faces are cut; keys at defaults that change nothing aren't said."""
    names = ["align", "scale"] if crops.align else ["scale", *(set(crops.later) & {"margins", "square", "edges"})]
    which = "several" if crops.tracks is None else "tracks"
    said = {name: getattr(crops, name) for name in (*_CROPS[:5], which) if name in (*names, which)}
    return [f"{name} {_shown(value)}" for name, value in said.items()]


def _classes(classes: Classes) -> str:
    if classes.positive_name is not None:
        return f"one output, the probability of {classes.positive_name}"
    fakes = classes.fakes
    which = f"fake = {fakes[0]}" if len(fakes) == 1 else f"real = {classes.real}"
    return f"{len(classes.names)} classes, {which}"


def _channels(mean: Sequence[float] | None, std: Sequence[float] | None) -> list[str]:
    if mean is None or std is None:
        return []
    return [f"mean = std = {_shown(mean)}"] if mean == std else [f"mean {_shown(mean)}", f"std {_shown(std)}"]


def _shown(value: Any) -> str:
    """A number without its needless zero, several once where they are equal."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        texts = [_shown(part) for part in value]
        return texts[0] if len(set(texts)) == 1 else " ".join(texts)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text[1:] if text.startswith("0.") else text
