"""Toy detectors whose explanations are known by hand, and a clock that a test sets."""

import numpy as np
import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.config import load
from advxai.config.controls import CEILINGS, CONTROLS
from advxai.detector.engine import run
from advxai.detector.model import Detector, Preprocessing
from advxai.saliency import Inputs

SIZE = 32
TWO = Classes(("Real", "Fake"))
UNIT = Preprocessing(input_size=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class LinearModule(nn.Module):
    """Logit of class 1 ("Fake") is <weight, x> + bias; that of class 0 ("Real") is 0."""

    def __init__(self, weight: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        fake = (x * self.weight).sum(dim=(1, 2, 3)) + self.bias
        return torch.stack([torch.zeros_like(fake), fake], dim=1)


def linear_detector(weight: Tensor, bias: float = 0.0, forward_batch: int = 16) -> Detector:
    return Detector(LinearModule(weight, bias), UNIT, classes=("Real", "Fake"), forward_batch=forward_batch)


def quadrants(size: int = SIZE) -> np.ndarray:
    """Sixteen square segments, labels 0 ... 15 in reading order."""
    index = np.arange(size) * 4 // size
    return (index[:, None] * 4 + index[None, :]).astype(np.int16)


def reads_segment(segment: int, gain: float = 6.0) -> Detector:
    """Calls an image fake when the mean of one segment's pixels (normalised) is above zero."""
    mask = torch.from_numpy(quadrants() == segment).float()
    return linear_detector((gain * mask / (3 * mask.sum())).expand(3, SIZE, SIZE).contiguous())


def inputs_of(image: Tensor, baseline: Tensor, target: int = 1, seed: int = 0, chunk: int = 16) -> Inputs:
    return Inputs(
        key="a/b.png",
        image=image,
        baseline=baseline,
        segments=quadrants(),
        target=target,
        generator=np.random.default_rng(seed),
        chunk=chunk,
    )


class Clock:
    """Stands for the module `time` in a module under test: time goes on only where the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


def drive_one(work, detector: Detector):
    """Result and cost of a single piece of work."""
    ((_, result, cost),) = run([("only", work)], detector, 1)
    return result, cost


def asked(work, predict):
    """What a piece of work returns, and its requests, answered by a function of images (n, ...)."""
    requests = []
    try:
        request = next(work)
        while True:
            requests.append(request.clone())
            request = work.send(predict(request))
    except StopIteration as end:
        return end.value, requests


def explainer_settings(**entry):
    """A checked entry of `explainers:`."""
    corpus = {"kind": "demo", "clips": [{"name": "a", "first_id": 0, "source": {"path": "x"}, "splits": {"test": 2}}]}
    rows = {"Row": entry, "Beside": {"method": "lime", "baseline": "zeros"}}  # no control comes alone
    if entry["method"] not in (*CONTROLS, *CEILINGS):
        del rows["Beside"]
    return load({"run": "test", "corpus": corpus, "explainers": rows}).explainers["Row"]
