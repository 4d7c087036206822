"""The detector that explanations ask: the run's, or a file of the user's."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.config.classes import classes_of
from advxai.config.data import Faces
from advxai.config.kernels import COMPUTED, OF_TORCH
from advxai.config.networks import forward_batch_of
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.keras import is_keras, network_of
from advxai.detector.model import Detector
from advxai.dialects.known import located, named
from advxai.dialects.line import lines
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import without_torch
from advxai.dialects.reading import Reading
from advxai.explain.request import command
from advxai.media.known import changed
from advxai.run.jobs import use_threads
from advxai.run.paths import Paths
from advxai.run.settings import detector_of, faces_of, joined, require_said
from advxai.run.weights import read_as as reading_as
from advxai.run.weights import said, source_sha256, told

OWN_CLASSES = ("classes", "real", "output", "positive")  # of the configured detector, not of another one
OTHERWISE = (
    "what the configuration's `detector` says of a network doesn't hold for a file that is given; to set a part of it "
    "otherwise, name the file as detector.checkpoint in a configuration of its own and give that as --config"
)
RUNNING = (*COMPUTED, "threshold")  # of whatever detector
# what a file of ours says of its detector
OWN = ("model", "network", "input_size", "mean", "std", "colour", "resize", "video_score")


@dataclass(frozen=True, eq=False)
class Opened:
    """A detector, its file, the file's hash, the name of its architecture, what the file was read as, in words, and
    whether its tokens are channels, which lie nowhere."""

    detector: Detector
    path: Path
    sha256: str
    model: str
    read_as: Sequence[str] = ()
    channels: bool = False


def weights_of(paths: Paths, file: Path | None = None) -> Path:
    """The detector of a run: the one in the store, else the configured checkpoint.

    Args:
        paths: of the run.
        file: the configuration's, for the message; None: it isn't known.

    Raises:
        InputError: neither is there.
    """
    stored, checkpoint_file = paths.weights, paths.config.detector.checkpoint
    if stored.exists():
        return stored
    if paths.ready_made:
        return paths.ready_made
    if checkpoint_file is None:
        raise InputError(
            f"{stored} isn't there, the run {paths.config.run} hasn't trained its detector yet: run "
            f"{command('detector', file)}, or give a detector's file as --detector"
        )
    if not os.path.exists(checkpoint_file):
        asked = named(checkpoint_file)
        remedy = asked.how_to_get(paths.config.results) if asked else "correct the path, or give --detector"
        raise InputError(f"detector.checkpoint: {checkpoint_file} isn't there: {remedy}")
    return Path(checkpoint_file)


def faces_for(paths: Paths, path: Path) -> Faces:
    """How faces are cut for a file of weights that is given instead of the run's: as the configuration says, else as
    the file does.

    Raises:
        InputError: the file is of a detector that can't be run here, or says what can't be.
    """
    path = located(path, paths.config.results)
    return paths.config.faces if configured(paths, path) else faces_of(paths.asked.faces, told(path), path)


def configured(paths: Paths, path: Path) -> bool:
    """Whether a file that is given is `detector.checkpoint`: then all that the configuration says of it holds."""
    own = paths.config.detector.checkpoint
    return own is not None and os.path.exists(own) and os.path.exists(path) and Path(own).samefile(path)


def open_weights(paths: Paths, path: Path, given: bool) -> Opened:
    """A detector as the configuration runs it.

    Args:
        paths: of a run: device, backend, kernels, forward batch and threads; also model and classes of a file that
            doesn't say its own. Beside the file in its store a graph may be kept.
        path: the weights.
        given: the file needn't be of the configured model: what it says of itself holds.

    Raises:
        InputError: as of `checkpoint.load`; or the file names code that the configuration doesn't.
    """
    settings, classes, read_as = paths.config.detector, paths.classes, paths.read_lines
    run = settings
    path = located(path, paths.config.results)
    if given and not configured(paths, path):
        read_as = []
        if not os.path.exists(path):
            asked = named(path)
            remedy = asked.how_to_get(paths.config.results) if asked else "correct --detector"
            raise InputError(f"{path}: there is no such file; {remedy}")
        kept = settings.model_dump(include={*RUNNING})
        about = said(path)
        # of the run's detector nothing holds for another's file, but that code of the user's may be its network
        reading = reading_as(path, Settings(**({"model": settings.model} if ":" in settings.model else {})))
        if is_keras(path):  # which says no more than its layers; what the network sees and tells apart is known
            settings = Settings(model=network_of(path), **kept)
            classes = classes_of(settings, {})
        elif not about and reading is not None:
            settings = _read(paths.asked.detector, reading, path)
            classes = classes_of(settings, reading.said, path) if "classes" in reading.detector else classes
            read_as = lines(path, reading, settings, classes, (), faces_for(paths, path))
            read_as.append(f"{path}: {OTHERWISE}")
        if "classes" in about:
            try:
                classes = classes_of(settings.model_copy(update=dict.fromkeys(OWN_CLASSES)), about)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
        settings = _described(settings, {name: about[name] for name in OWN if about.get(name) is not None}, path)
        room = run.forward_batch
        if not run.channel_tokens:  # else it was chosen for such a network
            room = min(room, forward_batch_of(settings.model, settings.network))
        settings = settings.model_copy(update={"forward_batch": room})
        if settings.model == ONNX and settings.backend in OF_TORCH:
            raise InputError(without_torch(path))
    if (known := named(path)) and (fault := changed(known, path)):
        raise InputError(fault)
    use_threads(settings.threads)
    sha256 = source_sha256(path)
    detector = checkpoint.load(settings, path, classes=classes, weights=sha256 if path == paths.weights else None)
    if source_sha256(path) != sha256:
        raise InputError(f"{path}: was exchanged while it was read; give the same command again")
    return Opened(detector, path, sha256, settings.model, read_as, settings.channel_tokens)


def _read(settings: Settings, reading: Reading, path: Path) -> Settings:
    """The settings of a file as it was read; what it doesn't say, and how to run it, is the configuration's.

    Raises:
        InputError: it can't be run, or the configuration doesn't say what it leaves open.
    """
    found = reading.said
    kept = [name for group in found.get("needs", ()) for name in group if name in settings.given]
    own = Settings(**settings.model_dump(include={*RUNNING, *kept}))
    require_said(own, found, path)
    return detector_of(own, found, path)


def _described(settings: Settings, own: Mapping[str, Any], path: Path) -> Settings:
    """The settings with what a file says of its detector, which anybody may have written."""
    model = own.get("model", settings.model)
    if ":" in str(model) and model != settings.model:
        raise InputError(
            f"{path}: says that its network is made by code, {model}, which is imported only if the configuration says "
            f"the same: look at that code and set detector.model to {model}, or give another file as --detector"
        )
    return joined(settings, own, path)
