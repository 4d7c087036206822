"""The configuration as it holds for the detector's own file, which knows what the user hasn't said."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config.base import Model
from advxai.config.data import Faces
from advxai.config.kernels import OF_TORCH
from advxai.config.networks import options_of
from advxai.config.science import Detector
from advxai.dialects.hub import is_hub
from advxai.dialects.known import located
from advxai.dialects.line import lines
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import without_torch
from advxai.run.weights import read_as, said, told

Settings = TypeVar("Settings", bound=Model)
OWN = (
    "model",
    "network",
    "input_size",
    "colour",
    "resize",
    "video_score",
)  # of a file of ours, whose mean and std join later
FOREIGN = (*OWN, "mean", "std")
TRAVELS = ("video_score", "dialect", "faces")  # from an imported file to ours as they are


def checkpoint_path(config: Config) -> Path | None:
    """The file or folder of `detector.checkpoint`, which may be a path or `known:NAME`; None: the detector is trained.

    Raises:
        InputError: no detector is known under this name, or it can't be run here.
    """
    given = config.detector.checkpoint
    return None if given is None else located(given, config.results)


def resolved(config: Config) -> Config:
    """The configuration with what `detector.checkpoint` says where the configuration says nothing: of the detector and,
    under `faces`, of how its faces are cut. The key itself is a path then, whatever it was given as.

    Raises:
        InputError: the file is of a detector that can't be run here, says what can't be, or leaves open what the
            configuration doesn't say either.
    """
    path = checkpoint_path(config)
    if path is None:
        return config
    try:
        found = told(path, config.detector)
    except InputError as error:
        said_key = str(error).startswith("detector.")
        raise InputError(str(error) if said_key else f"detector.checkpoint: {error}") from error
    require_said(config.detector, found, path)
    detector = detector_of(config.detector, found, path, FOREIGN if "dialect" in found and not said(path) else OWN)
    detector = detector.model_copy(update={"checkpoint": str(path)})
    return config.model_copy(update={"detector": detector, "faces": faces_of(config.faces, found, path)})


def read_lines(asked: Config, config: Config, classes: Classes) -> list[str]:
    """What the imported file was read as, a line and notes, for people; []: it is ours, or nothing is known of it.

    Args:
        asked: the configuration as the user has it.
        config: resolved.
        classes: of the detector.

    Raises:
        InputError: as of `told`.
    """
    settings = asked.detector
    if config.detector.checkpoint is None or said(path := Path(config.detector.checkpoint)):
        return []
    reading = read_as(path, settings)
    if reading is None:
        return []
    return lines(path, reading, config.detector, classes, keys_of(asked), config.faces)


def keys_of(asked: Config) -> set[str]:
    """Keys of the detector and of the faces that a configuration sets, as people write them."""
    faces = {f"faces.{name}" for name in asked.faces.model_fields_set}
    return {f"detector.{name}" for name in asked.detector.given} | faces


def about(config: Config) -> dict[str, Any]:
    """What a file of ours says of the run's detector besides its network, mean, std and classes, for `checkpoint.save`:
    how its input is made as the configuration has it, its crop and a video's score as the imported file has them. (The
    configuration's aren't in the detector's digest, so they must not change its file.)

    Args:
        config: resolved.

    Raises:
        InputError: as of `told`.
    """
    settings = config.detector
    found = {} if settings.checkpoint is None else told(Path(settings.checkpoint), settings)
    return input_of(settings) | {name: found[name] for name in TRAVELS if found.get(name) is not None}


def input_of(settings: Detector) -> dict[str, Any]:
    """What a file of ours says of how an image becomes the network's input, size, mean and std apart."""
    resize = settings.resize and settings.resize.model_dump()
    options = options_of(settings.model, settings.network) or None
    kept = {"colour": settings.colour, "resize": resize, "network": options}
    return {name: value for name, value in kept.items() if value is not None}


def require_said(settings: Detector, found: Mapping[str, Any], path: Path) -> None:
    """Refuse a configuration that leaves open what the detector's file doesn't say, or names another network for it.

    Args:
        settings: of the detector.
        found: what its file says (`advxai.run.weights.told`).
        path: the file, for a message.

    Raises:
        InputError: names the keys to set.
    """
    given = settings.given
    missing = [group for group in found.get("needs", ()) if not given & set(group)]
    if missing:
        keys = ", ".join(" or ".join(f"detector.{name}" for name in group) for group in missing)
        labels = f" (its labels are {', '.join(found['classes'])})" if "classes" in found else ""
        raise InputError(
            f"{path}, read as {found['dialect']}, doesn't say all that must be known of it{labels}: set {keys}"
        )
    model = found.get("model")
    if (is_hub(model) or model == ONNX) and "model" in given and settings.model != model:
        raise InputError(
            f"detector.model: {settings.model} isn't what {path} is, which says {model}: take detector.model out"
        )

    if model == ONNX and settings.backend in OF_TORCH:
        raise InputError(without_torch(path))


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
    if settings.network is not None and "network" in names and isinstance(found.get("network"), Mapping):
        own["network"] = {**found["network"], **settings.network.model_dump(exclude_none=True)}  # option by option
    if ":" in str(own.get("model", "")):  # code, which only the configuration may name
        del own["model"]
    return joined(settings, own, path, None if said(path) else found.get("dialect"))


def faces_of(settings: Faces, found: Mapping[str, Any], path: Path) -> Faces:
    """The settings of the faces with those by which the detector's were cut, where they say nothing.

    Raises:
        InputError: one can't be.
    """
    own = found.get("faces") or {}
    if not isinstance(own, Mapping):
        raise InputError(f"{path}: its metadata say faces {ascii(own)[:80]}, which can't be; save the checkpoint anew")
    return joined(settings, {name: own[name] for name in own if name not in settings.model_fields_set}, path)


def joined(settings: Settings, own: Mapping[str, Any], path: Path, dialect: str | None = None) -> Settings:
    """The settings with what a file says, which anybody may have written, in place of their own; `dialect`: what a file
    was read as that isn't ours.

    Raises:
        InputError: one of its values can't be.
    """
    if not own:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    try:
        return type(settings).model_validate({**given, **own})
    except ValidationError as error:
        first = error.errors()[0]
        if dialect is not None:  # the file says nothing itself
            key = ".".join(map(str, first["loc"]))
            raise InputError(
                f"{path}, read as {dialect}, is of a network with {key} {ascii(first['input'])[:80]}, which "
                f"isn't known here ({first['msg']}): set detector.dialect to plain and say all of it, or take another"
            ) from error
        raise InputError(
            f"{path}: its metadata say {first['loc'][0] if first['loc'] else ''} {ascii(first['input'])[:80]}, which "
            f"can't be ({first['msg']}); save the checkpoint anew"
        ) from error
