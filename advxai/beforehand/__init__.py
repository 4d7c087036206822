"""What is looked at whenever the workflow is planned, before any job starts: is all there, is it what it was."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advxai.beforehand import crops
from advxai.beforehand.layers import rows_of
from advxai.beforehand.lists import learnt_of, untested
from advxai.beforehand.tested import require_testable
from advxai.beforehand.validation import unvalidated
from advxai.common.categories import REAL
from advxai.common.errors import InputError
from advxai.config.data import DemoCorpus, FfppCorpus
from advxai.config.networks import KERAS, NETWORKS
from advxai.corpus.ffpp import missing
from advxai.detector.keras import is_keras
from advxai.dialects.hub import is_hub
from advxai.dialects.known import named
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import without_gradients
from advxai.media.known import changed
from advxai.run import weights

if TYPE_CHECKING:
    from advxai.run.paths import Paths


Trains = Literal["now", "later", "no"]
# Of a file that isn't there, what it is and what else can be done.
HINTS = {
    "detector.training.initial_weights": " (ImageNet's weights of the network or its backbone: "
    "docs/training.md#initial-weights says which files), or set it to null to train from scratch"
}
BEFORE_THE_DETECTOR = {"corpus", "faces", "frames", "prune"}  # targets that need none


def when_trained(arguments: Collection[str], job: bool) -> Trains:
    """Whether what is asked for may take a detector that is to be trained, as `check` wants to know.

    Args:
        arguments: of the command line.
        job: this is a job's own process, for which all has been looked at.
    """
    return "no" if job else "now" if BEFORE_THE_DETECTOR.isdisjoint(arguments) else "later"


def check(paths: "Paths", trains: Trains = "now") -> list[str]:
    """Look for what must be there, and bring the hash of the run's detector up to date.

    Args:
        paths: of the run.
        trains: whether a detector, if it isn't there, is to be trained: what it can't learn is an error if now, and a
            note if later, for whoever wants the faces alone needs no detector.

    Returns:
        What the user should know, a sentence each.

    Raises:
        InputError: one message that lists everything that is missing, with its key and where to get it; or a detector
            that is to be trained has nothing to learn one of its classes from, or its training waits for validation
            images that there aren't; or the stored detector was imported from another checkpoint than the configured
            one; or rows ask for gradients of a detector that has none; or it can't be tested as `detector.testing`
            says.
    """
    _refuse(_lacking(paths))
    require_testable(paths)
    config = paths.config
    white = {name: entry.method for name, (_, entry) in rows_of(config).items() if entry.gradients}
    if white and paths.config.detector.model == ONNX:
        raise InputError(f"config: {without_gradients(white)}")
    if trains == "now" and _is_trained(paths):  # which is asked of files that are known to be there
        _refuse(_untaught(paths) + unvalidated(paths))
    notes = paths.read_lines + _turned(paths)
    if paths.config.frames.crops is not None:
        notes += crops.unused(Path(paths.config.frames.crops))
    if trains != "no" and _is_trained(paths):
        try:
            paths.require_learnt()
        except InputError as error:
            if trains == "now":
                raise
            notes.append(f"before a detector can be trained: {str(error).removeprefix('config: ')}.")
    if paths.weights.exists():
        return notes + _sealed(paths)
    given = paths.config.detector.trained
    if given is None or paths.imported or paths.ready_made:
        return notes
    return [
        *notes,
        f"{given} is of other clips, model, seed or training than the configuration's: a detector is trained. (To take "
        "its weights all the same, set detector.checkpoint to it.)",
    ]


def _refuse(lacking: list[str]) -> None:
    if lacking:
        raise InputError("config: this is missing:\n" + "\n".join(f"  - {one}" for one in lacking))


def _lacking(paths: "Paths") -> list[str]:
    config, corpus = paths.config, paths.config.corpus
    files: dict[str, str | None] = {
        "frames.manifest": config.frames.manifest,
        "frames.lmdb": config.frames.lmdb,
        "faces.model": config.faces.model.path,
    }
    if isinstance(corpus, DemoCorpus):
        files |= {f"corpus.clips ({clip.name}) source.path": clip.source.path for clip in corpus.clips}
        if config.detector.checkpoint is None and not any(clip.splits.train for clip in corpus.clips):
            raise InputError(
                "config: corpus.clips: none has a block in the split train; add one or set detector.checkpoint"
            )
        if config.frames.manifest is None and not any(clip.splits.test for clip in corpus.clips):
            raise InputError(
                "config: corpus.clips: none has a block in the split test, whose fakes are explained; add one"
            )
    if (initial := config.detector.training.initial_weights) and config.detector.checkpoint is None:
        files["detector.training.initial_weights"] = initial.path
    lacking = [
        f"{key}: {path} is not there: correct the path{HINTS.get(key, '')}"
        for key, path in files.items()
        if path is not None and not Path(path).exists()
    ]
    if config.frames.crops is not None:
        tree = Path(config.frames.crops)
        tested = corpus.categories if config.frames.manifest is None else []
        lacking += crops.untreed(tree) or crops.lacking(tree, "test", tested)
    elif isinstance(corpus, FfppCorpus) and config.frames.lmdb is None and not config.without_corpus:
        tested = list(corpus.categories) if config.frames.manifest is None else []  # a list says itself which are test
        lacking += _missing(corpus, corpus.also, dict.fromkeys(tested, ("test",)), config.detector.checkpoint is None)
    checkpoint, listed = config.detector.checkpoint, config.frames.manifest
    if config.frames.lmdb and checkpoint is None and listed and Path(listed).exists() and not paths.lists_splits:
        lacking.append(
            f"detector.checkpoint: {listed} names test images only, so there is nothing to train on: give a "
            "checkpoint, or a list with a fourth column, split"
        )
    if listed and Path(listed).exists():
        lacking += untested(Path(listed), config.corpus.categories, checkpoint is None)
    trained = config.detector.trained_file
    if checkpoint is None and trained is not None and not os.path.isfile(trained):
        lacking.append(f"detector.trained: {trained} is no file there: correct the path, or set it to null to train")
    if checkpoint is not None and is_keras(Path(checkpoint)) and config.detector.model not in KERAS:
        lacking.append(
            f"detector.model: {checkpoint} is a file of Keras, which is read for {' and '.join(KERAS)}, not for "
            f"{config.detector.model}: set it to one of these"
        )
    known = None if checkpoint is None else named(checkpoint)
    if checkpoint is None and (is_hub(config.detector.model) or config.detector.model == ONNX):
        lacking.append(
            f"detector.checkpoint: {config.detector.model} is made of its own file alone: set it to that file or folder"
        )
    if checkpoint is not None and known and not os.path.exists(checkpoint):
        lacking.append(f"detector.checkpoint: {checkpoint} is not there: {known.how_to_get(config.results)}")
    elif checkpoint is not None and not os.path.exists(checkpoint):
        lacking.append(
            f"detector.checkpoint: {checkpoint} is no file there: correct the path ({_source(config.detector.model)}), "
            "or set it to null to train on the corpus"
        )
    elif checkpoint is not None and known and (fault := changed(known, Path(checkpoint))):
        lacking.append(f"detector.checkpoint: {fault}")
    return lacking


def _is_trained(paths: "Paths") -> bool:
    """A detector will be trained, when it is asked for."""
    return paths.source is None and not paths.weights.exists()


def _untaught(paths: "Paths") -> list[str]:
    """What there is no image of to train the detector with, a sentence each."""
    corpus, frames = paths.config.corpus, paths.config.frames
    learnt = [REAL, *paths.learnt]
    if frames.manifest is not None and paths.lists_splits:
        named, lacking = learnt_of(Path(frames.manifest), learnt)
        if named or frames.lmdb is not None:
            return lacking
    if frames.crops is not None:
        return crops.lacking(Path(frames.crops), "train", learnt)
    if not isinstance(corpus, FfppCorpus) or frames.lmdb is not None:
        return []
    return _missing(corpus, (), dict.fromkeys(learnt, ("train",)), True)


def _missing(
    corpus: FfppCorpus, also: Collection[str], wanted: Mapping[str, Collection[str]], learns: bool
) -> list[str]:
    root, splits = Path(str(corpus.root)), Path(str(corpus.splits))
    return missing(root, corpus.compression, list(corpus.categories), list(also), splits, wanted, learns)


def _sealed(paths: "Paths") -> list[str]:
    """Mend the detector's hash if other weights lie in its place; what `check` says of that."""
    key = "checkpoint" if paths.imported else "trained"
    checkpoint = paths.detector_params.get(key)
    source = weights.said_if_whole(paths.weights).get("checkpoint")
    if None not in (checkpoint, source) and checkpoint != source:
        raise InputError(
            f"{paths.weights} was imported from another checkpoint (SHA-256 {source}) than detector.{key} "
            f"({checkpoint}): delete it and run again"
        )
    known = paths.weights_hash.exists()
    before = paths.weights_hash.read_text(errors="replace").split()[:1] if known else []
    weights.seal(paths.weights)
    now = weights.read_hash(paths.weights_hash)
    if before and before != [now]:
        return [
            f"{paths.weights} has other weights ({now[:12]}) than before ({before[0][:12]}): what the former ones made "
            "is made anew by these, and stays in the store."
        ]
    recorded = any(path.exists() for shards in paths.records.values() for path in shards)
    if known or paths.shown or not recorded:
        return []
    if paths.imported:
        return [
            f"{paths.weights} was imported before such files said of which checkpoint they are: what the store holds "
            "of it is computed anew; to have it used, delete that file and run again, which imports it in seconds."
        ]
    return [
        f"{paths.detector.path} was made before records named the weights that made them: what the store holds of it "
        "can't be shown to be this detector's and is computed anew."
    ]


def _turned(paths: "Paths") -> list[str]:
    """A note where published weights are read as if their sigmoid were the other class's."""
    settings, classes = paths.config.detector, paths.classes
    if settings.model not in KERAS or settings.checkpoint is None or not is_keras(Path(settings.checkpoint)):
        return []
    network = NETWORKS[settings.model]
    if classes.positive is None or (classes.positive == classes.real) == (network.positive == REAL):
        return []
    theirs = "genuine" if network.positive == REAL else "fake"
    return [
        f"detector.positive is {classes.positive_name}, but what the published weights of {settings.model} "
        f"give is the probability of the {theirs} class: every answer is the opposite of theirs."
    ]


def _source(model: str) -> str:
    """Where published weights of a network are."""
    if model in NETWORKS:
        return NETWORKS[model].weights
    return "the paper's authors link theirs in the GitHub repository IDT-ITI/XAI-Deepfakes"
