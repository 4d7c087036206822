"""Many images' work in full forward batches.

Work on one image is a generator: it yields images that it wants classified, (n, 3, h, w) normalised, is sent their
probabilities (n, classes), and returns its result. `run` keeps several such generators going and fills every forward
with whatever rows are pending, from whichever of them. A row's answer doesn't depend on its neighbours, so neither does
a result.
"""

import time
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from advxai.detector.model import Detector

T = TypeVar("T")
Work = Generator[Tensor, Tensor, T]


@dataclass
class Cost:
    """What one piece of work spent.

    Attributes:
        images: rows through the detector.
        calls: forwards it would have needed alone (rows of each request over the forward batch, rounded up).
        seconds: its own time plus its share, by rows, of the forwards that it was part of.
    """

    images: int = 0
    calls: int = 0
    seconds: float = 0.0


class _Task:
    def __init__(self, name: Hashable, work: Work, forward_batch: int) -> None:
        self.name, self.work, self.cost = name, work, Cost()
        self.forward_batch = forward_batch
        self.request: Tensor | None = None
        self.taken = 0
        self.answers: list[Tensor] = []
        self.result: object = None
        self.done = False
        self._advance(None)

    def _advance(self, answer: Tensor | None) -> None:
        start = time.perf_counter()
        try:
            self.request = next(self.work) if answer is None else self.work.send(answer)
            self.cost.images += len(self.request)
            self.cost.calls += -(-len(self.request) // self.forward_batch)
        except StopIteration as stop:
            self.request, self.result, self.done = None, stop.value, True
        self.taken, self.answers = 0, []
        self.cost.seconds += time.perf_counter() - start

    @property
    def pending(self) -> int:
        return 0 if self.request is None else len(self.request) - self.taken

    def answer(self, rows: Tensor, seconds: float) -> None:
        self.answers.append(rows)
        self.cost.seconds += seconds
        if self.request is not None and sum(map(len, self.answers)) == len(self.request):
            self._advance(torch.cat(self.answers))


def _fill(batch: Tensor, queue: deque[_Task]) -> list[tuple[_Task, int]]:
    """Copy pending rows into the batch, first come first served; returns who got how many."""
    shares, used = [], 0
    while queue and used < len(batch):
        task = queue[0]
        assert task.request is not None
        rows = min(task.pending, len(batch) - used)
        batch[used : used + rows] = task.request[task.taken : task.taken + rows]
        task.taken += rows
        used += rows
        shares.append((task, rows))
        if task.pending == 0:
            queue.popleft()
    return shares


def run(work: Iterable[tuple[Hashable, Work]], detector: Detector, at_once: int) -> Iterator[tuple[Hashable, T, Cost]]:
    """Drive generators to their ends.

    Args:
        work: (name, generator) pairs; taken up lazily, so that only `at_once` of them hold memory.
        detector: answers their requests.
        at_once: how many are in work together.

    Yields:
        (name, result, cost), each as soon as it is finished.
    """
    source = iter(work)
    queue: deque[_Task] = deque()
    active = 0
    batch = detector.empty_batch()
    exhausted = False
    try:
        while True:
            while active < at_once and not exhausted:
                item = next(source, None)
                if item is None:
                    exhausted = True
                    break
                task = _Task(*item, detector.forward_batch)
                if task.done:
                    yield task.name, task.result, task.cost
                    continue
                active += 1
                queue.append(task)
            if not queue:
                return
            start = time.perf_counter()
            shares = _fill(batch, queue)
            rows = sum(count for _, count in shares)
            answers = detector.forward(batch, rows)
            if detector.device.type == "cuda":
                torch.cuda.synchronize(detector.device)
            seconds = time.perf_counter() - start
            used = 0
            for task, count in shares:
                before = task.request
                task.answer(answers[used : used + count].clone(), seconds * count / rows)
                used += count
                if task.done:
                    active -= 1
                    yield task.name, task.result, task.cost
                elif task.request is not before:
                    queue.append(task)
    finally:
        for task in queue:
            task.work.close()
