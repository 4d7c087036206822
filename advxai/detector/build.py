"""From the configuration to a torch module: a timm model or one of the user's own, with its preprocessing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError
from advxai.common.usercode import described, imported
from advxai.config.networks import NAMES, NETWORKS
from advxai.config.science import Detector as Settings
from advxai.detector.model import Preprocessing
from advxai.detector.tensors import is_safetensors, not_finite, read_tensors, shape, strange
from advxai.dialects.hub import is_hub
from advxai.dialects.onnxfile import MODEL as ONNX

State = dict[str, Tensor]


def build_module(settings: Settings, outputs: int) -> nn.Module:
    """The untrained network of `detector.model`, which takes images red first, whatever it was trained on.

    Args:
        settings: `model` is a timm name, a network of ours, or `module:factory`, called as
            `factory(num_classes=outputs)`. `colour`: of bgr the module turns the channels around at its door.
        outputs: width of the head.

    Returns:
        A module that maps (n, 3, h, w) float32 to logits (n, outputs); its weights come from torch's global generator.

    Raises:
        InputError: no such timm model, the factory can't be imported or called, or it returns no torch module; a
            network of ours can't have such an input.
    """
    return red_first(_network(settings, outputs), settings)


def red_first(module: nn.Module, settings: Settings) -> nn.Module:
    """The module, which takes images red first from now on, whatever it was trained on (`colour`)."""
    if settings.colour == "bgr":
        # A hook rather than a module around it: the tensors keep their names, and timm's settings their place.
        module.register_forward_pre_hook(_blue_first)
    return module


def _blue_first(_: nn.Module, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (images[0].flip(1), *images[1:])


def _network(settings: Settings, outputs: int) -> nn.Module:
    """The network as it was trained, for `build_module`."""
    name = settings.model
    if name in NETWORKS:
        from advxai.detector.networks import build

        return build(name, outputs, settings.input_size, settings.network)
    if is_hub(name) or name == ONNX:
        raise InputError(
            f"detector.model: {name} is made of its own file alone; set detector.checkpoint to it, for it can't be "
            "trained here"
        )
    if ":" not in name:
        import timm  # takes seconds, which a detector of the user's own needn't

        if not timm.is_model(name):
            raise InputError(
                f"detector.model: timm has no model {name!r}; give one of timm.list_models(), "
                f"{NAMES}, or `module:factory`"
            )
        return timm.create_model(name, pretrained=False, num_classes=outputs)
    factory = imported(name, "detector", "detector.model")
    try:
        module = factory(num_classes=outputs)
    except TypeError as error:
        raise InputError(
            f"detector.model: {name}(num_classes={outputs}) failed: {error}; correct the factory"
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(
            f"detector.model: {name}(num_classes={outputs}) failed: {described(error)}; correct the factory"
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(f"detector.model: {name} returned {type(module).__name__}; it must return a torch.nn.Module")
    return module


def preprocessing(settings: Settings, module: nn.Module | None = None) -> Preprocessing:
    """How images become the module's input: the configuration's mean and std, else a timm model's own.

    Raises:
        InputError: neither has them, or they aren't three finite numbers each, std above zero.
    """
    own = getattr(module, "pretrained_cfg", None) or {}
    mean = settings.mean or own.get("mean")
    std = settings.std or own.get("std")
    if mean is None or std is None:
        raise InputError(f"detector.mean, detector.std: {settings.model} doesn't say its own; set both")
    if not (three_finite(mean) and three_finite(std, above_zero=True)):
        raise InputError(
            f"detector.mean, detector.std: {mean}, {std} aren't three finite numbers each with std > 0; set both"
        )
    return Preprocessing(
        settings.input_size, _channels(mean), _channels(std), settings.resizing, settings.colour or "rgb"
    )


def _channels(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def three_finite(values: object, above_zero: bool = False) -> bool:
    """Whether these are three channels' numbers that float32 can hold, if asked for above zero there too."""
    if not isinstance(values, list | tuple) or len(values) != 3:
        return False
    held = torch.finfo(torch.float32)
    # NaN isn't below anything
    return all(
        isinstance(value, int | float) and abs(value) <= held.max and (value >= held.tiny or not above_zero)
        for value in values
    )


def head_keys(module: nn.Module) -> list[str]:
    """Names of the classifier's tensors in the state dict: what timm calls the classifier, else the last layer."""
    names = list(module.state_dict())
    prefixes = _heads(module)
    if found := [name for name in names if name.rpartition(".")[0] in prefixes]:
        return found
    last = names[-1].rpartition(".")[0]
    return [name for name in names if name.rpartition(".")[0] == last]


def _heads(module: nn.Module) -> tuple[str, ...]:
    """What timm calls the classifier of a network of its own; of others nothing."""
    declared = (getattr(module, "pretrained_cfg", None) or {}).get("classifier") or ()
    return (declared,) if isinstance(declared, str) else tuple(declared)


def _tensors(state: dict[Any, Any], file: Path) -> State:
    if not state or any(map(strange, state, state.values())):
        raise InputError(f"{file}: holds no dictionary of tensors; save the model's state_dict")
    # Counters of BatchNorm: older files lack them, and nothing here reads them.
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def load_initial(module: nn.Module, file: Path, backbone: str | None = None) -> None:
    """Put pretrained weights (ImageNet's) into a module whose head may have another width, or into its backbone.

    By name where the file has every name of the module; else, for a torch file, tensor by tensor in order, where
    shapes and last name parts (weight, bias, running_mean, running_var) agree all the way. A head of another width
    stays as initialised.

    Args:
        module: gets them.
        file: of weights of the same architecture.
        backbone: name of the network that the module stands on, as each of its parts that is called `backbone`; None:
            the module itself is of the architecture. So it is, too, where the module has no such part: it is the
            backbone itself with layers that were added.

    Layers whose attribute `added` is True needn't be in the file: then they stay as initialised.

    Raises:
        InputError: neither way fits, or a tensor holds NaN or infinity; names the file and the first mismatch.
    """
    parts = [part for name, part in module.named_modules() if name.rpartition(".")[2] == "backbone"]
    if backbone is not None and parts:
        from advxai.detector.networks.backbone import whole_of

        whole = whole_of(backbone, 1000)
        load_initial(whole, file)
        for part in parts:  # which lack the head, or may end at an early map
            part.load_state_dict({key: whole.state_dict()[key] for key in part.state_dict()})
        return
    given = _tensors(read_tensors(file), file)
    added = tuple(f"{name}." for name, layer in module.named_modules() if getattr(layer, "added", False) is True)
    own = {
        name: value
        for name, value in module.state_dict().items()
        if not name.endswith("num_batches_tracked") and (name in given or not name.startswith(added))
    }
    # where something was added to the head, it isn't called as in the file any more
    given = {
        name: value for name, value in given.items() if name in own or name.rpartition(".")[0] not in _heads(module)
    }
    head = set(head_keys(module))
    body = [name for name in own if name not in head]
    if set(given) & set(body) or is_safetensors(file):
        missing = next((name for name in body if name not in given), None)
        unknown = next((name for name in given if name not in own), None)
        if missing or unknown:
            fault = f"lacks {missing}" if missing else f"has {unknown}, which the model doesn't"
            raise InputError(f"{file}: {fault}; give weights of the same architecture")
        pairs = {name: name for name in own if name in given}
    else:
        if len(given) != len(own):
            raise InputError(
                f"{file}: has {len(given)} tensors, the model {len(own)}; give weights of the same architecture"
            )
        # safetensors files are sorted by name, so only a torch file has an order to go by.
        pairs = dict(zip(own, given, strict=True))
    chosen: State = {}
    for name, source in pairs.items():
        same_role = name.rpartition(".")[2] == source.rpartition(".")[2]
        if same_role and own[name].shape == given[source].shape:
            chosen[name] = given[source]
        elif name not in head:
            raise InputError(
                f"{file}: {source} ({shape(given[source])}) doesn't fit {name} ({shape(own[name])}); "
                "give weights of the same architecture"
            )
    # Never half a head: a bias without its weight means nothing.
    if not head <= set(chosen):
        chosen = {name: value for name, value in chosen.items() if name not in head}
    # in the module's own type: a float64 that float32 can't hold would become infinite
    wrong = not_finite({pairs[name]: value.to(own[name].dtype) for name, value in chosen.items()})
    if wrong is not None:
        raise InputError(f"{file}: the tensor {wrong} holds NaN or infinity; get the file anew or give other weights")
    module.load_state_dict(chosen, strict=False)


def start_small(module: nn.Module) -> None:
    """Draw the head's weights small, so that its first, random answers don't pull at pretrained features."""
    head = set(head_keys(module))
    for name, value in module.named_parameters():
        if name in head:
            nn.init.normal_(value, std=0.01) if value.ndim > 1 else nn.init.zeros_(value)


def follow_quickly(module: nn.Module) -> None:
    """Let running statistics follow within tens of steps: TensorFlow's momentum of 0.01 takes longer than a small
    training lasts, and evaluation would use another data set's."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.momentum is not None:
            part.momentum = max(part.momentum, 0.1)
