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
            self._host = leaving(values)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(values.device))

    def wait(self) -> Tensor:
        """The values on the CPU, once they are there; later work of the device isn't waited for."""
        if self._event is not None:
            self._event.synchronize()
        return self._host


def leaving(values: Tensor) -> Tensor:
    """Values of the device on the CPU: complete as soon as any answer has come that a work asked for after this.

    On the CPU they are the tensor itself, which mustn't be changed.
    """
    if values.device.type != "cuda":
        return values
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return host.copy_(values, non_blocking=True)


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Values from the CPU on a device, laid out as they are, without waiting for what it is computing."""
    if device.type == "cuda" and values.device.type == "cpu":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def with_values(answers: Tensor, host: Tensor) -> Tensor:
    """Answers to be sent to a work, of which `values` knows already what they are on the CPU."""
    if host is not answers:
        setattr(answers, _HOST, (host, answers._version))
    return answers


def values(answers: Tensor) -> Tensor:
    """Answers (n, classes) as a work was sent them, on the CPU, without waiting for later forwards.

    Of any other tensor they are fetched.
    """
    host, version = getattr(answers, _HOST, (answers, None))
    if version is not None and version == answers._version:  # else the work has written into them
        known: Tensor = host
        return known
    return answers.cpu()
