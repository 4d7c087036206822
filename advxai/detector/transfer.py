"""Values between the CPU and the detector's device, without waiting for what the device is computing.

A GPU computes what it is told in the order in which it is told, in one stream; what is copied between pinned memory and
the GPU takes its place in it. So only the CPU has to know what has come already: an event behind a copy says it.
"""

import torch
from torch import Tensor

_HOST = "_advxai_host"  # attribute of an answer: its values on the CPU, and the answer's version that they are of


class Arriving:
    """Values of the device on their way to the CPU.

    Args:
        values: on the device.
    """

    def __init__(self, values: Tensor) -> None:
        self._host, self._event = values, None
        if values.device.type == "cuda":
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._host = host.copy_(values, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(values.device))

    def wait(self) -> Tensor:
        """The values on the CPU, once they are there; later work of the device isn't waited for.

        A copy, so that whoever keeps them keeps no pinned memory; on the CPU the tensor itself.
        """
        if self._event is None:
            return self._host
        self._event.synchronize()
        return self._host.clone()


def leaving(values: Tensor) -> Arriving:
    """Values of the device as they are now, on their way to the CPU from now on.

    What the device is told later may write into them. On the CPU they are the tensor itself, which mustn't be changed
    until they are looked at (`Arriving.wait`).
    """
    return Arriving(values)


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Values from the CPU on a device, laid out as they are, without waiting for what it is computing."""
    if device.type == "cuda" and values.device.type == "cpu":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def with_values(answers: Tensor, host: Tensor) -> Tensor:
    """Answers to be sent to a work, of which `values` knows already what they are on the CPU.

    What is made under `torch.inference_mode`, which a work may hold over its requests, has no version: it is fetched.
    """
    if host is not answers and not answers.is_inference():
        setattr(answers, _HOST, (host, answers._version))
    return answers


def values(answers: Tensor) -> Tensor:
    """Answers (n, classes) as a work was sent them, on the CPU, without waiting for later forwards.

    Of any other tensor they are fetched, and of answers that the work has written into. What torch counts as no change
    goes unseen on a GPU: writes through `.data`, DLPack or kernels of one's own. Whoever writes so asks a clone.
    """
    host, version = getattr(answers, _HOST, (answers, None))
    if version is not None and version == answers._version:  # else the work has written into them
        known: Tensor = host
        return known
    return answers.cpu()
