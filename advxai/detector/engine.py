"""Many images' work in full forward batches.

Work on one image is a generator: it yields images that it wants classified, (n, 3, h, w) normalised, is sent their
probabilities (n, classes), and returns its result. `run` keeps several such generators going and fills every forward
with whatever rows are pending, from whichever of them (`queue.py`). A row's answer doesn't depend on its neighbours, so
neither does a result. A request must have the type, device and shape of the detector's batches, and an answer must be
a number: anything else is refused by the image's key.

A GPU is told the next forward before the last one's answers are looked at (`flight.py`), so that it need not wait for
the works. A work may look at its answers by `values`, and bring tensors to the device by `moved`, without waiting for
that next forward; whatever it does on the device comes after it, in order. What it will ask for next, if the answer
changes nothing, it can say beforehand (`Foreseen`).
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Generic

import torch
from torch import Tensor

from advxai.detector.flight import Flight, require_numbers
from advxai.detector.memory import memory
from advxai.detector.model import Detector
from advxai.detector.queue import Cost, Foreseen, Name, Queue, T, Task, Work
from advxai.detector.transfer import leaving, moved, values

__all__ = ["Cost", "Foreseen", "Work", "enough", "leaving", "moved", "room", "run", "values", "whole_batches"]

IN_FLIGHT = {"cuda": 2}  # forwards that a device is told beforehand; elsewhere one: there they are computed at once


def flights_of(detector: Detector) -> int:
    """How many forwards are in flight at most, by default."""
    return IN_FLIGHT.get(detector.device.type, 1)


def enough(rows: int, detector: Detector) -> int:
    """Pieces of work that fill every forward when each asks for `rows` at a time; more would only hold memory.

    Of the forwards in flight, and of one that is filled meanwhile.
    """
    return 1 - (-(flights_of(detector) + 1) * detector.forward_batch // rows)


def whole_batches(rows: int, detector: Detector) -> int:
    """So many rows, rounded up to full forwards."""
    return -(-rows // detector.forward_batch) * detector.forward_batch


def room(image: Tensor, rows: int) -> Tensor:
    """Memory for a work's requests, (rows, 3, h, w), laid out as the image (3, h, w) is.

    Each request may be written over the one before; memory fetched anew takes longer than what is computed in it.

    Of a volume (3, frames, h, w) it is (rows, 3, frames, h, w), frame after frame in memory, each laid out as the
    volume's are: so that all rows' frames, (rows * frames, 3, h, w), are a view of it.
    """
    if image.dim() == 4:
        frames = image.transpose(0, 1)
        if frames.is_contiguous():
            return image.new_empty((rows, *frames.shape)).transpose(1, 2)
        layout = torch.channels_last_3d
    else:
        layout = torch.contiguous_format if image.is_contiguous() else torch.channels_last
    return torch.empty((rows, *image.shape), dtype=image.dtype, device=image.device, memory_format=layout)


def run(
    work: Iterable[tuple[Name, Work[T]]],
    detector: Detector,
    at_once: int,
    who: str = "the work",
    in_flight: int | None = None,
) -> Iterator[tuple[Name, T, Cost]]:
    """Drive generators to their ends.

    Args:
        work: (name, generator) pairs; taken up lazily, as many as fill the forwards. A name is the image's key, or a
            tuple that begins with it.
        detector: answers their requests.
        at_once: how many are in work together, at most, and hold memory.
        who: asks, for a message.
        in_flight: forwards that the detector is told before the first one's answers are looked at; None: as many as
            suit its device. It changes no number.

    Yields:
        (name, result, cost), each as soon as it is finished.

    Raises:
        InputError: a request is no tensor that fits into the detector's batches, or has no rows; the detector's answer
            is NaN or infinite. Both name the image.
    """
    crew = _Crew(iter(work), detector, at_once, who)
    flights: deque[Flight[Name, T]] = deque()
    depth = in_flight or flights_of(detector)
    try:
        while True:
            for task in crew.take_up():
                yield task.name, task.result, task.cost
            if crew.fills_a_forward or (crew.queue.rows and not flights):
                with crew.memory():
                    flights.extend(crew.launched())
                if len(flights) < depth:
                    continue
            if not flights:
                return
            with crew.memory():
                ended = crew.go_on(flights.popleft().collect())
            for task in ended:
                yield task.name, task.result, task.cost
    finally:
        crew.close()


class _Crew(Generic[Name, T]):
    """The pieces of work that are in work, taken up as they are needed."""

    def __init__(self, source: Iterator[tuple[Name, Work[T]]], detector: Detector, at_once: int, who: str) -> None:
        self._source, self._detector, self._at_once, self._who = source, detector, at_once, who
        self.clock = time.perf_counter
        self._batch = detector.empty_batch()
        self.queue: Queue[Name, T] = Queue(detector, self._batch)
        self.active: dict[Task[Name, T], None] = {}  # in their order; also those whose rows are all in flight
        self._needed = 0  # so many in work have been needed to fill a forward
        self._exhausted = False

    def memory(self, more: int = 0) -> AbstractContextManager[None]:
        """Within it a failed allocation says what can be done about it."""
        return memory(len(self.active) + more, len(self._batch))

    @property
    def fills_a_forward(self) -> bool:
        """There are so many rows, asked for or foreseen."""
        lacking = len(self._batch) - self.queue.rows
        return lacking <= 0 or lacking <= sum(task.foreseeable for task in self.active)

    def launched(self) -> list[Flight[Name, T]]:
        """The next forward, which the detector has been told to compute; none if all was foreseen and can't be made."""
        since = self.clock()
        batch, shares = self.queue.next(self.active)
        return [Flight(batch, shares, self._detector, self.clock, since)] if shares else []

    def take_up(self) -> Iterator[Task[Name, T]]:
        """Begin work for what has ended, and as long as the next forward isn't full; yields what ends at once."""
        while not self._exhausted and len(self.active) < self._at_once:
            if len(self.active) >= self._needed and self.queue.rows >= len(self._batch):
                return
            with self.memory(1):
                item = next(self._source, None)
                task = None if item is None else Task(*item, self._detector, self._batch, self._who, self.clock)
            if task is None:
                self._exhausted = True
            elif task.done:
                yield task
            else:
                self.active[task] = None
                self.queue.join(task)
                self._needed = max(self._needed, len(self.active))

    def go_on(self, tasks: Iterable[Task[Name, T]]) -> list[Task[Name, T]]:
        """Send the works the answers that are complete; returns those that have ended."""
        ended = []
        for task in tasks:
            request = task.request
            while task.request is not None and task.request.answered:
                if task.request.spoilt:  # what was foreseen is asked for now
                    rows = task.request.rows
                    require_numbers(values(task.request.answer), rows, [task] * len(rows), self._detector)
                task.advance(task.request.answer)
            if task.request is None and request is not None:
                ended.append(task)
                del self.active[task]
            elif task.request is not request:
                self.queue.join(task)
        return ended

    def close(self) -> None:
        """End what is in work."""
        for task in self.active:
            task.work.close()
