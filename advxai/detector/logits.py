"""From a network's outputs to logits and probabilities of the detector's classes."""

import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError

ROWS = 2  # images that module and graph are compared on: a row's answer doesn't depend on its neighbours
ANOTHER = "give the checkpoint of another detector, or train one anew"  # whose answers are numbers


def random_images(*shape: int) -> Tensor:
    """Images to try a network with, (n, 3, size, size) float32 in [-1, 1), the same ones every time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def logits(module: nn.Module, images: Tensor, classes: Classes) -> Tensor:
    """What a module answers, seen to be logits: (n, 3, size, size) -> (n, classes.outputs).

    Args:
        module: in evaluation mode.
        images: normalised float32, where the module is.
        classes: the detector's.

    Raises:
        InputError: it fails on such images, or returns anything but a float tensor of that shape.
    """
    size = "x".join(map(str, images.shape[1:]))
    try:
        with torch.no_grad():
            found = module(images)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a module of the user's own raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"detector.model: fails on images of {size} ({reason}); correct it or detector.input_size"
        ) from error
    if not isinstance(found, Tensor):
        what = f"a {type(found).__name__}"
    elif found.shape != (len(images), classes.outputs) or not found.is_floating_point():
        what = f"{str(found.dtype).removeprefix('torch.')} of shape {tuple(found.shape)}"
    else:
        return found
    raise InputError(
        f"detector.model: returns {what} for {len(images)} images of {size}; it must return their logits, a float "
        f"tensor of shape {(len(images), classes.outputs)}"
    )


def per_class(outputs: Tensor, classes: Classes) -> Tensor:
    """Logits (n, classes) of a network's outputs (n, classes.outputs).

    One logit z becomes the logits z and 0, whose softmax is sigmoid(z) and its complement. (As 1 - sigmoid(z) the
    latter would be 0 in float32 from z = 17 on, and have no gradient that NES could see.)
    """
    if classes.positive is None:
        return outputs
    zero = torch.zeros_like(outputs)
    return torch.cat((outputs, zero) if classes.positive == 0 else (zero, outputs), dim=1)


def answers(module: nn.Module, size: int, classes: Classes, named: str) -> Tensor:
    """Probabilities (ROWS, classes) of random images, computed by torch on the CPU.

    Args:
        module: in evaluation mode, on the CPU.
        size: side of its input.
        classes: the detector's.
        named: the detector, in a message.

    Raises:
        InputError: the module returns no logits, or NaN or infinity.
    """
    found = per_class(logits(module, random_images(ROWS, 3, size, size), classes), classes).softmax(dim=1)
    if not bool(found.isfinite().all()):
        raise InputError(f"{named} answers random images with NaN or infinity; {ANOTHER}")
    return found
