"""Trained detectors on disk: our own safetensors files, checkpoints in the forms that people have, Keras's weights of
the Mesos."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from advxai.common.categories import REAL
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError, reading
from advxai.common.files import file_sha256, publish
from advxai.config.classes import classes_of
from advxai.config.kernels import OF_TORCH, Device
from advxai.config.networks import names_of, options_of
from advxai.config.science import Detector as Settings
from advxai.config.science import Resize
from advxai.detector.backends import require_device
from advxai.detector.build import build_module, preprocessing, red_first, three_finite
from advxai.detector.fitting import fill
from advxai.detector.graph import Graph, Made, graph_file, keep, read
from advxai.detector.hub import KEY as HUB
from advxai.detector.hub import HubNetwork, from_folder, rebuilt
from advxai.detector.keras import is_keras, state_from_keras
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.onnx_import import graph_of
from advxai.detector.tensors import not_finite, read_tensors, strange
from advxai.dialects.hub import is_hub
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import is_onnx, without_torch
from advxai.dialects.outline import KIND
from advxai.run.settings import detector_of
from advxai.run.weights import KEY, said, told

DEFAULTS = {"real": REAL, "output": "softmax", "positive": "null"}


def save(
    path: Path,
    module: nn.Module | Graph,
    *,
    model: str,
    preprocessing: Preprocessing,
    classes: Classes = FIVE,
    checkpoint: str | None = None,
    training: str | None = None,
    about: Mapping[str, Any] | None = None,
    replace: bool = True,
) -> bool:
    """Write weights and what is needed to use them as one safetensors file, atomically.

    Args:
        path: appears only when it is complete.
        module: its state dict is written as it is, on the CPU; a graph is kept whole, as one tensor of bytes. What a
            module says of itself (`said`), so that it can be rebuilt, is kept in the metadata.
        model, preprocessing, classes: kept as JSON in the file's metadata, under "advxai".
        checkpoint: SHA-256 of the file that the weights were imported from, kept likewise; None: they were trained.
        training: digest of the training that made them, kept likewise, for `detector.trained`.
        about: what else is known of the detector, kept likewise: colour, resize, video_score, dialect, faces
            (`advxai.run.settings.about`).
        replace: a file that is there already is replaced; else it stays.

    Returns:
        Whether the file is this one.

    Raises:
        InputError: a tensor holds NaN or infinity; nothing is written.
    """
    meta = {
        "model": model,
        **classes.said,
        "input_size": preprocessing.input_size,
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        **(about or {}),
    }
    if preprocessing.colour != "rgb":  # the two keys are younger than many a file
        meta["colour"] = preprocessing.colour
    if preprocessing.resize != Resize():
        meta["resize"] = preprocessing.resize.model_dump()
    if checkpoint is not None:
        meta["checkpoint"] = checkpoint
    if training is not None:
        meta["training"] = training
    if isinstance(module, Graph):
        meta |= {"answers": module.answers, "by": module.by, "versions": module.versions}
        tensors = {ONNX: torch.frombuffer(bytearray(module.onnx), dtype=torch.uint8)}
    else:
        meta |= next((one.said for one in module.modules() if isinstance(one, HubNetwork)), {})
        # safetensors refuses tensors that share memory or aren't laid out row by row.
        tensors = {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in module.state_dict().items()
        }
    wrong = not_finite(tensors)
    if wrong is not None:
        raise InputError(
            f"{path}: isn't written, for the tensor {wrong} holds NaN or infinity; lower "
            "detector.training.learning_rate, or give a checkpoint"
        )
    meta["sha256"] = _digest(tensors)
    text = json.dumps(meta, sort_keys=True)
    return publish(path, lambda file: save_file(tensors, file, metadata={KEY: text}), replace=replace)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names and contents; safetensors itself wouldn't notice a changed weight."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load(
    settings: Settings,
    path: Path,
    *,
    forward_batch: int | None = None,
    device: Device | None = None,
    classes: Classes | None = None,
    weights: str | None = None,
) -> Detector:
    """The detector of a checkpoint, in evaluation mode.

    With `weights` the file is the store's, written by `save`: what OpenVINO and ONNX Runtime compute is kept beside it
    (`advxai.detector.graph`), so that a later call needs neither the module nor what builds it.

    Args:
        settings: `model` says the architecture, the rest how to run it.
        path: safetensors file (ours, or a bare state dict), or a torch file: a state dict, bare or in what a training
            has put around it, or a whole pickled module, in any form that `advxai.dialects` knows; or the HDF5 that
            Keras has written, of a network of ours; or a folder of transformers, or an ONNX file. What the file is
            known to be holds where the settings are silent.
        forward_batch, device: instead of those of `settings`; what another device hasn't is left out (`Detector.on`).
        classes: the detector's; None: as of `classes_of`, from the settings and what the file says.
        weights: SHA-256 that the file must have; None: whatever it has.

    Raises:
        InputError: unreadable; of another hash; weights changed since we wrote them; a detector that can't be run here;
            another number or order of classes; a missing, unexpected or differently shaped tensor, or one with NaN or
            infinity; made for another model, input size, mean, std, colour or resize; mean or std that can't be used;
            no such device.
    """
    if device is not None and device != settings.device:
        settings = settings.on(device)
    require_device(settings.device)
    meta = said(path)
    known = meta or told(path, settings)
    own = classes_of(settings, known, path) if classes is None else classes
    if not meta:
        settings = detector_of(settings, known, path)
    backend, kernels = settings.backend, settings.kernels

    def open_network(
        network: nn.Module | Graph, process: Preprocessing, rebuild: Callable[[], nn.Module] | None = None
    ) -> Detector:
        batch = forward_batch or settings.forward_batch
        return Detector(
            network, process, classes=own, device=settings.device, forward_batch=batch, backend=backend,
            kernels=kernels, source=path, rebuild=rebuild,
        )  # fmt: skip

    def module_of(state: Mapping[str, Tensor], settings: Settings) -> nn.Module:
        module = red_first(rebuilt(meta[HUB], path), settings) if HUB in meta else build_module(settings, own.outputs)
        names = None if meta else names_of(settings.model, settings.network)
        fill(module, dict(state), path, own.outputs, names, str(known.get("dialect", "")))
        return module

    def rebuild(settings: Settings) -> nn.Module:
        content = read_tensors(path)
        _require(path, str(weights))  # it could have been exchanged since
        return module_of(_written(content, meta, path), settings)

    made = None
    if weights is not None:
        _require(path, weights)
        settings = _agree(settings, meta, path, own)
        if backend not in OF_TORCH and settings.model != ONNX:
            made = Made.of(weights, settings.model, own, settings.input_size)
    if made and (graph := read(path, made)):
        try:
            return open_network(graph, preprocessing(settings), partial(rebuild, settings))
        except InputError as error:  # another release may not read it; the module tells whether more is wrong
            logging.warning("%s can't be used (%s): the network is built", graph_file(path), error)
    if path.is_dir():
        return open_network(red_first(from_folder(path), settings), preprocessing(settings))
    if is_onnx(path):
        if backend in OF_TORCH:
            raise InputError(without_torch(path))
        graph = graph_of(path, own, settings.input_size, settings.colour == "bgr")
        return open_network(graph, preprocessing(settings))
    if is_keras(path):
        state = state_from_keras(path, settings.model, own.outputs, settings.input_size)
    else:
        state = _written(read_tensors(path), meta, path)
    if meta:
        settings = _agree(settings, meta, path, own)
    if meta.get("model") == ONNX:
        return open_network(_kept(state, meta, path), preprocessing(settings))
    module = module_of(state, settings)
    detector = open_network(module, preprocessing(settings, module))
    if weights is not None:
        _require(path, weights)  # it could be exchanged while it was read
    if made and detector.graph:
        keep(detector.graph, path, made)
    return detector


def any_weights(settings: Settings, classes: Classes) -> nn.Module | Graph:
    """The network for what doesn't hang on weights: with random ones or, where its own file alone makes it, with its.

    Raises:
        InputError: it can't be built, or its file can't be read.
    """
    if settings.checkpoint is None or not (is_hub(settings.model) or settings.model == ONNX):
        return build_module(settings, classes.outputs).eval()
    path = Path(settings.checkpoint)
    opened = load(settings.uncompiled, path, forward_batch=1, device="cpu", classes=classes)
    network = opened.module or opened.graph
    assert network is not None  # a detector has one or the other
    return network


def _written(content: dict[Any, Any], meta: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """A file's tensors; of one of ours those that were written."""
    state = _state(content, path)
    if "sha256" in meta and meta["sha256"] != _digest(state):
        raise InputError(f"{path}: its weights aren't those that were written; delete it and run again")
    return state


def _kept(state: Mapping[str, Tensor], meta: Mapping[str, Any], path: Path) -> Graph:
    """The graph that a file of ours holds whole."""
    with reading(path, "import the detector anew", KIND):
        answers = tuple(tuple(map(float, row)) for row in meta["answers"])
        return Graph(state[ONNX].numpy().tobytes(), answers, dict(meta["versions"]), str(meta["by"]))


def ready(settings: Settings, path: Path) -> None:
    """Have the graph that the configured backend computes lie beside a new detector of the store.

    Should the backend be unable to compute it, that is logged: the detector itself can be used, with another backend.

    Args:
        settings: `backend` and `device` say whether there is to be one.
        path: the detector's file, written by `save`.

    Raises:
        InputError: the file can't be read.
    """
    if settings.backend in OF_TORCH or settings.device != "cpu":
        return
    try:
        load(settings, path, forward_batch=1, weights=file_sha256(path))
    except InputError as error:
        logging.warning("%s", error)


def keep_graph(detector: Detector, settings: Settings, path: Path) -> None:
    """Put the graph that a detector computes, if it has one, beside the store's file of the same weights.

    Args:
        detector: as `load` has opened it.
        settings: what it was opened with.
        path: the file, written by `save`.
    """
    if detector.graph and settings.model != ONNX:  # which the file itself holds
        made = Made.of(file_sha256(path), settings.model, detector.classes, settings.input_size)
        keep(detector.graph, path, made)


def _require(path: Path, weights: str) -> None:
    if file_sha256(path) != weights:
        raise InputError(f"{path} isn't the detector that this job was started for; give the same command again")


def _agree(settings: Settings, meta: dict[str, Any], path: Path, classes: Classes) -> Settings:
    """Settings with the file's own mean and std where the configuration has none; all else must be the same."""
    names = meta.get("classes", list(classes.names))
    if names != list(classes.names) and not (classes.positive is not None and set(names) == set(classes.names)):
        raise InputError(
            f"{path}: its classes are {', '.join(meta['classes'])}, not {', '.join(classes.names)}; give a detector of "
            "these, or take detector.classes out"
        )
    wanted, found = classes.head, Classes.read(meta).head if "classes" in meta else classes.head
    for name in ("real", "output", "positive"):
        if wanted.get(name) != found.get(name):
            raise InputError(
                f"{path}: was made with {name} {found.get(name, DEFAULTS[name])}; take detector.{name} out of the "
                "configuration"
            )
    for name in ("mean", "std"):
        if meta.get(name) and not three_finite(meta[name], above_zero=name == "std"):
            above = " above zero" if name == "std" else ""
            raise InputError(
                f"{path}: its {name} {meta[name]} isn't three finite numbers{above}; save the checkpoint anew"
            )
    for name in ("model", "input_size", "mean", "std"):
        asked, made = getattr(settings, name), meta.get(name)
        asked = list(asked) if isinstance(asked, tuple) else asked
        if None not in (asked, made) and asked != made:
            raise InputError(f"{path}: was made with {name} {made}; set detector.{name} to it, not to {asked}")
    settings = detector_of(settings, meta, path, ("network",))
    for name, value in options_of(settings.model, settings.network).items():
        own_value = (meta.get("network") or {}).get(name, value)
        if own_value != value:
            raise InputError(
                f"{path}: was made with {name} {own_value}; set detector.network.{name} to it, not to {value}"
            )
    seen = detector_of(settings, meta, path, ("colour", "resize"))
    made = detector_of(Settings(), meta, path, ("colour", "resize"))
    if (seen.colour or "rgb", seen.resizing) != (made.colour or "rgb", made.resizing):
        raise InputError(
            f"{path}: was made with colour {made.colour or 'rgb'} and resize {made.resizing.model_dump()}; take "
            "detector.colour and detector.resize out of the configuration"
        )
    own = {name: tuple(meta[name]) for name in ("mean", "std") if meta.get(name)}
    return seen.model_copy(update=own)


def _state(content: dict[Any, Any], path: Path) -> dict[str, Tensor]:
    if not content:
        raise InputError(f"{path}: holds no state_dict; give a Lightning checkpoint or a safetensors file")
    for wrong in filter(None, map(strange, content, content.values())):
        raise InputError(f"{path}: {wrong}; give a Lightning checkpoint or a safetensors file")
    return content
