"""The tensors of a checkpoint put into a network: names cleaned and renamed, values converted where a released file has
them for something else (`CONVERTED`), then each must be there and fit."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from advxai.common.errors import InputError, named, reading
from advxai.detector.build import head_keys
from advxai.detector.tensors import not_finite, shape
from advxai.dialects.names import cleaned, fitting
from advxai.dialects.outline import ANEW, KIND
from advxai.dialects.renaming import renamed, shaped

_MOST_LISTED = 100  # names that a log's line has
State = dict[str, Tensor]


def fill(
    module: nn.Module, state: State, path: Path, outputs: int, model: str | None = None, read_as: str = ""
) -> None:
    """Put a checkpoint's tensors into a module.

    Args:
        module: gets them.
        state: name in the file -> tensor.
        path: the file, for messages.
        outputs: of the detector, for messages.
        model: name of the network, whose names may differ from the file's; None: the file is ours, its names are the
            network's own.
        read_as: what the file was read as, for messages; "": nothing.

    Raises:
        InputError: a tensor is missing, unexpected, of another shape, or holds NaN or infinity.
    """
    own = module.state_dict()
    prefix = ""
    if model is not None:
        state, prefix = _as_the_network(state, own, path, model)
    mend = f"give a checkpoint of detector.model, or correct that{_told(prefix, read_as)}"
    head = head_keys(module)
    for name in own:
        if name not in state:
            if name.endswith("num_batches_tracked"):
                continue
            raise InputError(f"{path}: lacks the tensor {name}; {mend}")
        found = state[name]
        if found.shape != own[name].shape:
            if name in head and found.ndim and found.shape[1:] == own[name].shape[1:]:
                raise InputError(
                    f"{path}: {name} is a head of {len(found)} classes, not {outputs}; give a detector of {outputs}"
                    f"{_told(prefix, read_as)}"
                )
            raise InputError(f"{path}: {name} is {shape(found)}, the model's is {shape(own[name])}; {mend}")
        if own[name].is_floating_point() and not found.is_floating_point():
            kind = str(found.dtype).removeprefix("torch.")
            raise InputError(
                f"{path}: {name} holds whole numbers ({kind}), as quantised weights do; give float weights"
            )
    unexpected = next((name for name in state if name not in own), None)
    if unexpected is not None:
        raise InputError(f"{path}: has the tensor {named(unexpected.strip('()'))}, which the model doesn't; {mend}")
    # BatchNorm's counter may be missing (older files); it plays no part in evaluation.
    with reading(path, ANEW, KIND):
        module.load_state_dict(state, strict=False)
    # of the module, not of the file: a float64 that float32 can't hold has become infinite
    wrong = not_finite(module.state_dict())
    if wrong is not None:
        raise InputError(
            f"{path}: the tensor {wrong} holds NaN or infinity, so no answer of this detector would mean anything; get "
            "the file anew, or train again"
        )


def _told(prefix: str, read_as: str) -> str:
    """What was done with the file before it didn't fit, for a message's end."""
    parts = [f"it was read as {read_as}"] if read_as else []
    parts += [f"{named(prefix)} was taken off its names"] if prefix else []
    return f" ({'; '.join(parts)})" if parts else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(map(named, names[:_MOST_LISTED])) + more


def _as_the_network(state: State, own: State, path: Path, model: str) -> tuple[State, str]:
    """Tensors under the network's names, those left out that it has no use for; and the prefix that was taken off."""
    found = cleaned(state, own)
    if found.left_out:
        logging.info("%s: %s belong to the training's loss and metrics and are not used", path, _listed(found.left_out))
    names, prefix = found.names, found.prefix
    if ":" not in model:  # code of the user's has whatever names it has
        new = renamed({short: tuple(state[name].shape) for name, short in names.items()}, model)
        unused = [name for name, short in names.items() if short not in new]
        if unused:
            logging.info("%s: %s are not used by the detector", path, _listed(unused))
        names = {name: new[short] for name, short in names.items() if short in new}
    names, more = fitting(names, own)
    prefix += more
    if prefix:
        logging.info("%s: the prefix %s was taken off the tensors' names", path, named(prefix))
    fitted = {short: state[name] for name, short in names.items()}
    if ":" not in model:
        fitted = {name: value.reshape(shaped(name, tuple(value.shape))) for name, value in fitted.items()}
        if convert := CONVERTED.get(model):
            fitted = {name: convert(name, value, own[name]) if name in own else value for name, value in fitted.items()}
    return fitted, prefix


def _first_row(name: str, value: Tensor, own: Tensor) -> Tensor:
    """efficient_vit's position embedding, which the released code takes by an image's row in the batch, (rows, 1,
    width): that of row 0, which an image alone gets there, for both tokens."""
    if name == "encoder.pos_embed" and value.shape[1:] == (1, own.shape[2]) and len(value):
        return value[:1].expand(own.shape)
    return value


def _first_tokens(name: str, value: Tensor, own: Tensor) -> Tensor:
    """cross_efficient_vit's position embeddings, made for more tokens than there are: the first ones, which the
    released code takes."""
    return value[:, : own.shape[1]] if name.endswith(".pos_embed") and value.ndim == own.ndim else value


# By network what its files' tensors of other values become: of the name here, the tensor, and the network's own.
CONVERTED: dict[str, Callable[[str, Tensor, Tensor], Tensor]] = {
    "efficient_vit": _first_row,
    "cross_efficient_vit": _first_tokens,
}
