"""The configuration as it holds for the detector's own file, which knows what the user hasn't said."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config.base import Model
from advxai.config.data import Faces
from advxai.config.science import Detector
from advxai.run.weights import said, told

Settings = TypeVar("Settings", bound=Model)
OWN = ("model", "input_size", "colour", "resize", "video_score")  # of a file of ours, whose mean and std join later
FOREIGN = (*OWN, "mean", "std")


def resolved(config: Config) -> Config:
    """The configuration with what `detector.checkpoint` says where the configuration says nothing: of the detector and,
    under `faces`, of how its faces are cut.

    Raises:
        InputError: the file is of a detector that can't be run here, or says what can't be.
    """
    if config.detector.checkpoint is None:
        return config
    path = Path(config.detector.checkpoint)
    found = told(path)
    detector = detector_of(config.detector, found, path, FOREIGN if "dialect" in found and not said(path) else OWN)
    return config.model_copy(update={"detector": detector, "faces": faces_of(config.faces, found, path)})


def detector_of(settings: Detector, found: Mapping[str, Any], path: Path, names: Iterable[str] = FOREIGN) -> Detector:
    """The settings with what a file says where they say nothing.

    Args:
        settings: of the detector.
        found: what its file says (`advxai.run.weights.told`).
        path: the file, for a message.
        names: the keys to take.

    Raises:
        InputError: one can't be.
    """
    own = {name: found[name] for name in names if found.get(name) is not None and name not in settings.given}
    if ":" in str(own.get("model", "")):  # code, which only the configuration may name
        del own["model"]
    return _joined(settings, own, path)


def faces_of(settings: Faces, found: Mapping[str, Any], path: Path) -> Faces:
    """The settings of the faces with those by which the detector's were cut, where they say nothing.

    Raises:
        InputError: one can't be.
    """
    own = found.get("faces") or {}
    if not isinstance(own, Mapping):
        raise InputError(f"{path}: its metadata say faces {ascii(own)[:80]}, which can't be; save the checkpoint anew")
    return _joined(settings, {name: own[name] for name in own if name not in settings.model_fields_set}, path)


def _joined(settings: Settings, own: Mapping[str, Any], path: Path) -> Settings:
    if not own:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    try:
        return type(settings).model_validate({**given, **own})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{path}: its metadata say {first['loc'][0] if first['loc'] else ''} {ascii(first['input'])[:80]}, which "
            f"can't be ({first['msg']}); save the checkpoint anew"
        ) from error
