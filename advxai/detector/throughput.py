"""How many images a second a network takes: raw full batches, by backend and forward batch."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.classes import FIVE, Classes
from advxai.config.kernels import COMPUTED, OF_TORCH, PLAIN, Kernels, Layout, Precision
from advxai.config.science import Detector as Settings
from advxai.detector.forwards import made_with
from advxai.detector.graph import Graph
from advxai.detector.logits import logits, per_class, random_images
from advxai.detector.model import Detector, Preprocessing

WARM_UP = 2  # forwards before the clock starts: the first ones set up memory and kernels


@dataclass(frozen=True)
class Rate:
    """One backend with one forward batch and one choice of kernels.

    Attributes:
        backend, forward_batch: the two settings.
        rate: images a second; 0: not measured.
        apart: largest difference of a probability from the network's own, which torch gives or, of an ONNX file,
            what runs that.
        alone: a row's answer is bit-equal alone and among others; without that, results would depend on neighbours.
        precision, layout, cudnn_benchmark: by which kernels (`Kernels`).
        answers: hash of the answers of the same few images.
        again: another process gives the same answers, bit by bit; None: none was asked.
    """

    backend: str
    forward_batch: int
    rate: float
    apart: float
    alone: bool
    precision: Precision = "float32"
    layout: Layout = "channels_last"
    cudnn_benchmark: bool = False
    answers: str = ""
    again: bool | None = None

    @property
    def kernels(self) -> Kernels:
        return Kernels(self.precision, self.layout, self.cudnn_benchmark)

    @property
    def usable(self) -> bool:
        """Results would depend neither on neighbours nor on the process. Where cuDNN times its kernels, the latter must
        have been seen."""
        return self.alone and (self.again is True if self.cudnn_benchmark else self.again is not False)


def rate(detector: Detector, seconds: float, tick: Callable[[float], object] | None = None) -> float:
    """Images a second of full forward batches.

    Args:
        detector: whose forwards are timed.
        seconds: of the measurement; at least one forward is made.
        tick: told the seconds that have passed, after each forward.
    """
    batch = detector.empty_batch().normal_()
    for _ in range(WARM_UP):
        _forward(detector, batch)
    calls, start, passed = 0, time.perf_counter(), 0.0
    while not calls or passed < seconds:
        _forward(detector, batch)
        calls, passed = calls + 1, time.perf_counter() - start
        if tick:
            tick(passed)
    return calls * detector.forward_batch / passed


def speed(detector: Detector, settings: Settings, seconds: float = 1.0) -> dict[str, Any]:
    """The best of three measurements of `rate`, which other jobs may disturb, and with what; for JSON.

    Args:
        detector: whose forwards are timed.
        settings: of the configuration, which the detector was opened with.
        seconds: of each measurement.
    """
    return {
        "images_per_second": max(rate(detector, seconds) for _ in range(3)),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "made_with": made_with(detector),
        **settings.model_dump(include={*COMPUTED}),
    }


def compare(
    network: nn.Module | Graph,
    preprocessing: Preprocessing,
    device: str,
    backends: Iterable[str],
    batches: Iterable[int],
    seconds: float,
    classes: Classes = FIVE,
    kernels: Sequence[Kernels] = (PLAIN,),
) -> Iterator[Rate]:
    """Every backend with every forward batch and every choice of kernels, with as many threads as torch has now.

    In one process cuDNN keeps to the kernel that it has once taken for a convolution: rates with cudnn_benchmark are
    true only in a process where none without it came before.

    Args:
        network: a module, whose weights don't matter for the time; or a graph, for OpenVINO and ONNX Runtime.
        preprocessing: of its input.
        device: torch device; not the CPU: only the backends torch and inductor compute there.
        backends, batches: what is compared; a batch that the memory can't hold is left out.
        seconds: of each measurement; 0: only the answers are looked at.
        classes: the detector's.
        kernels: what is compared of the backends torch and inductor; the others have their own.

    Raises:
        InputError: a backend can't compute the module.
    """
    sides = (preprocessing.input_size,) * 2
    if isinstance(network, Graph):
        wanted = torch.tensor(network.answers)
        images = random_images(len(wanted), 3, *sides)
    else:
        images = random_images(3, 3, *sides)
        wanted = per_class(logits(network.eval(), images, classes), classes).softmax(dim=1)
    batches = list(batches)
    for backend, chosen in ((one, own) for one in backends for own in (kernels if one in OF_TORCH else (PLAIN,))):
        for batch in batches:
            try:
                detector = Detector(
                    network, preprocessing, classes=classes, device=device, forward_batch=batch, backend=backend,
                    kernels=chosen,
                )  # fmt: skip
                placed = images.to(detector.device)
                together, alone = detector.probabilities(placed), _one_by_one(detector, placed)
                measured = rate(detector, seconds) if seconds else 0.0
            except (MemoryError, torch.OutOfMemoryError):
                break  # nor will it hold the larger ones
            apart = float((together.cpu() - wanted).abs().max())
            answers = hashlib.sha256(together.cpu().numpy().tobytes()).hexdigest()
            yield Rate(backend, batch, measured, apart, torch.equal(together, alone), **vars(chosen), answers=answers)


def best(rates: Sequence[Rate]) -> Rate | None:
    """The fastest that can be used; of those within 3 % of it the smallest forward batch, which needs less memory and
    less padding, and of these the fastest. Where another process was asked about some, one of these. None: none can be
    used."""
    usable = [found for found in rates if found.usable]
    usable = [found for found in usable if found.again] or usable
    top = max((found.rate for found in usable), default=0.0)
    near = (found for found in usable if found.rate >= 0.97 * top)
    return min(near, key=lambda found: (found.forward_batch, -found.rate), default=None)


def _forward(detector: Detector, batch: Tensor) -> None:
    detector.forward(batch, len(batch))
    detector.wait()


def _one_by_one(detector: Detector, images: Tensor) -> Tensor:
    return torch.cat([detector.probabilities(image[None]) for image in images])
