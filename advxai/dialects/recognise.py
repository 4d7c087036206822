"""Which form a detector's file has."""

import os
import re
from functools import lru_cache
from pathlib import Path

from advxai.common.categories import REAL
from advxai.common.errors import InputError
from advxai.config.dialects import PLAIN
from advxai.dialects import hub, onnxfile
from advxai.dialects.forms import FORMS, ONE, TWO, Form, outputs_of
from advxai.dialects.outline import Outline, outline
from advxai.dialects.reading import SIGN, Note, Reading
from advxai.dialects.refused import OURS, refused
from advxai.dialects.seen import Seen

GUESSED = "efficientnet_pytorch", "Cadene Xception"  # whose names tell the network alone, not who trained it


def reading_of(path: Path, dialect: str | None = None) -> Reading | None:
    """What a file, or a folder, that isn't ours was read as; None: nothing is known of it but its tensors.

    Args:
        path: the file.
        dialect: the form that the user says it has (`detector.dialect`); None: its tensors tell.

    Raises:
        InputError: it is a detector that can't be run here, can't be read, or can't be of the form that is said.
    """
    if dialect is None and os.path.isdir(path):
        return hub.read(path)
    if dialect is None and onnxfile.is_onnx(path):
        return onnxfile.read(path)
    if dialect == PLAIN or not os.path.isfile(path):
        return None
    status = path.stat()
    return _reading(path, dialect, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=16)
def _reading(path: Path, dialect: str | None, *_: int) -> Reading | None:
    found = outline(path)
    if found is None:
        if dialect is not None:
            raise InputError(
                f"detector.dialect: {path} is neither a file of torch nor safetensors, so it is no {dialect}; take "
                "detector.dialect out"
            )
        return None
    return told_by(found, path, dialect)


def belong(model: str, read: str) -> bool:
    """Whether a network that the user names can be that of a file which was read as another: EfficientNets of a size
    have the same tensors, however they are padded."""
    return _family(model) == _family(read)


def _family(model: str) -> str:
    name = model.partition(".")[0]  # timm's name of the weights
    if sized := re.fullmatch(
        r"(?:(?:tf_)?efficientnet|efficientnet_pytorch\d*|icpr\d*_\w+|deepfakebench_effn)_?b(\d)\w*", name
    ):
        return f"efficientnet {sized[1]}"
    return name.removeprefix("legacy_") if name.endswith("xception") else name


def told_by(found: Outline, path: Path, dialect: str | None = None) -> Reading | None:
    """What an outline is read as; as of `reading_of`."""
    seen = Seen(found)
    if dialect is not None:
        said = next(form for form in FORMS if form.name == dialect)
        if not said.fits(seen):
            raise InputError(
                f"detector.dialect: {path} lacks the tensors of a {dialect}; take detector.dialect out, or set it to "
                "the form that the file has"
            )
        return _with_classes(said, seen)
    if why := refused(seen):
        raise InputError(f"{path}: {why}")
    form = next((form for form in FORMS if form.is_it(seen)), None)
    if form is None:
        _whole(seen, path)
        return None
    return _with_classes(form, seen)


def _whole(seen: Seen, path: Path) -> None:
    """Refuse an Xception that sees something else than pictures, which `refused` has no name for."""
    channels = seen.side("conv1.weight", 1)
    if seen.xception and channels != 3:
        raise InputError(f"{path}: is an Xception of {channels} channels, which a picture hasn't; {OURS}")


def _with_classes(form: Form, seen: Seen) -> Reading:
    """The reading, with classes only as far as the form says them; a guess, or what to set, is in its notes."""
    reading, outputs = form.read(seen), outputs_of(seen)
    average = (
        ("It holds a moving average of the weights as well, which isn't what is read.",)
        if seen.outline.averaged
        else ()
    )
    if form.name not in GUESSED:
        if outputs in (None, form.outputs):
            return _noted(reading, *average)
        known = {key: value for key, value in reading.detector.items() if key not in ONE | TWO}
        note = (
            f"Its authors' has {form.outputs} outputs, this one {outputs}: set detector.classes, detector.real and "
            "detector.output to what they are."
        )
        needed: tuple[tuple[str, ...], ...] = (("classes",), ("output",)) if outputs == 1 else (("classes",),)
        left = Reading(reading.dialect, known, reading.faces, reading.notes, needed)
        return _noted(left, Note(note, *SIGN), *average)
    if outputs == 2:
        note = (
            f"Names alone don't tell who trained it: that its second output is the fake one (fake = 1) is a guess; set "
            f"detector.classes to [Fake, {REAL}] if it is the first."
        )
        guess = TWO
    elif outputs == 1:
        note = (
            "Names alone don't tell who trained it: that its output is the probability of a fake is a guess; set "
            f"detector.positive to {REAL} if it is that of a genuine face."
        )
        guess = ONE
    else:
        note, guess = f"Names alone don't tell what its {outputs} outputs are: set detector.classes.", {}
    needs: tuple[tuple[str, ...], ...] = () if guess else (("classes",),)
    merged = Reading(reading.dialect, {**reading.detector, **guess}, reading.faces, reading.notes, needs)
    return _noted(merged, Note(note, *SIGN), *average)


def _noted(reading: Reading, *notes: str) -> Reading:
    return Reading(reading.dialect, reading.detector, reading.faces, (*reading.notes, *notes), reading.needs)
