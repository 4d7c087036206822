"""Many images' work in full forward batches.

Work on one image is a generator: it yields images that it wants classified, (n, 3, h, w) normalised, is sent their
probabilities (n, classes), and returns its result. `run` keeps several such generators going and fills every forward
with whatever rows are pending, from whichever of them. A row's answer doesn't depend on its neighbours, so neither does
a result. A request must have the type, device and shape of the detector's batches, and an answer must be a number:
anything else is refused by the image's key.
"""

import time
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from advxai.common.errors import InputError
from advxai.detector.memory import memory
from advxai.detector.model import Detector

Name = TypeVar("Name", bound=Hashable)
T = TypeVar("T")
Work = Generator[Tensor, Tensor, T]


def enough(rows: int, detector: Detector) -> int:
    """Pieces of work that fill every forward when each asks for `rows` at a time; more would only hold memory."""
    return 1 - (-2 * detector.forward_batch // rows)


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


def values(answers: Tensor) -> Tensor:
    """Answers that a work was sent, (n, classes), on the CPU, to be looked at without waiting for later forwards."""
    return answers.cpu()


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Values from the CPU on a device, without waiting for what it is computing."""
    return values.to(device)


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


class _Task(Generic[Name, T]):
    def __init__(self, name: Name, work: Work[T], batch: Tensor, who: str) -> None:
        self.name, self.work, self.cost = name, work, Cost()
        self.batch, self.who = batch, who
        self.request: Tensor | None = None
        self.taken = 0
        self.answers: list[Tensor] = []
        self.result: T  # once it is done
        self.done = False
        self._advance(None)

    def _advance(self, answer: Tensor | None) -> None:
        start = time.perf_counter()
        try:
            self.request = self._checked(next(self.work) if answer is None else self.work.send(answer))
            self.cost.images += len(self.request)
            self.cost.calls += -(-len(self.request) // len(self.batch))
        except StopIteration as stop:
            self.request, self.result, self.done = None, stop.value, True
        self.taken, self.answers = 0, []
        self.cost.seconds += time.perf_counter() - start

    @property
    def image(self) -> str:
        """Whose work it is, for a message: the image's key, with which names of several parts begin."""
        return str(self.name[0] if isinstance(self.name, tuple) and self.name else self.name)

    def _checked(self, request: object) -> Tensor:
        """A request that fits into the batches; one that doesn't ends the work."""
        batch = self.batch
        if isinstance(request, Tensor):
            like = request.dtype == batch.dtype and request.device == batch.device
            if like and request.dim() == batch.dim() and request.shape[1:] == batch.shape[1:] and len(request):
                return request.detach()
            found = _words(request, tuple(request.shape))
        else:
            found = f"a {type(request).__name__}"
        self.work.close()
        raise InputError(
            f"{self.who}: its request for the image {self.image} is {found}; it must be a tensor, "
            f"{_words(batch, ('n', *batch.shape[1:]))}, with n at least 1"
        )

    @property
    def pending(self) -> int:
        return 0 if self.request is None else len(self.request) - self.taken

    def answer(self, rows: Tensor, seconds: float) -> bool:
        """Take some rows' answers; whether these were the request's last, so that the work has gone on."""
        assert self.request is not None
        self.answers.append(rows)
        self.cost.seconds += seconds
        whole = sum(map(len, self.answers)) == len(self.request)
        if whole:
            self._advance(torch.cat(self.answers))
        return whole


_Shares = list[tuple[_Task[Name, T], int]]  # who has how many rows of a batch


def _words(tensor: Tensor, shape: tuple[object, ...]) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} ({', '.join(map(str, shape))}) on {tensor.device}"


def _next(batch: Tensor, queue: deque[_Task[Name, T]], detector: Detector) -> tuple[Tensor, _Shares[Name, T]]:
    """The next batch, first come first served, and who has how many rows of it.

    It is `batch`, into which pending rows are copied, or a part of a request that is a batch as it lies in memory.
    """
    first = queue[0]
    assert first.request is not None
    part = first.request[first.taken : first.taken + len(batch)]
    if detector.takes(part):
        first.taken += len(part)
        if first.pending == 0:
            queue.popleft()
        return part, [(first, len(part))]
    shares: _Shares[Name, T] = []
    used = 0
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
    return batch, shares


def run(
    work: Iterable[tuple[Name, Work[T]]], detector: Detector, at_once: int, who: str = "the work"
) -> Iterator[tuple[Name, T, Cost]]:
    """Drive generators to their ends.

    Args:
        work: (name, generator) pairs; taken up lazily, so that only `at_once` of them hold memory. A name is the
            image's key, or a tuple that begins with it.
        detector: answers their requests.
        at_once: how many are in work together.
        who: asks, for a message.

    Yields:
        (name, result, cost), each as soon as it is finished.

    Raises:
        InputError: a request is no tensor that fits into the detector's batches, or has no rows; the detector's answer
            is NaN or infinite. Both name the image.
    """
    source = iter(work)
    queue: deque[_Task[Name, T]] = deque()
    active: dict[_Task[Name, T], None] = {}  # in their order; also those whose rows are all in the present forward
    batch = detector.empty_batch()
    exhausted = False
    try:
        while True:
            while len(active) < at_once and not exhausted:
                with memory(len(active) + 1, len(batch)):
                    item = next(source, None)
                    task = None if item is None else _Task(*item, batch, who)
                if task is None:
                    exhausted = True
                    break
                if task.done:
                    yield task.name, task.result, task.cost
                    continue
                active[task] = None
                queue.append(task)
            if not queue:
                return
            with memory(len(active), len(batch)):
                ended = _step(batch, queue, detector)
            for task in ended:
                del active[task]
            for task in ended:
                yield task.name, task.result, task.cost
    finally:
        for task in active:
            task.work.close()


def _step(batch: Tensor, queue: deque[_Task[Name, T]], detector: Detector) -> list[_Task[Name, T]]:
    """One forward; returns the tasks that it has ended. Those that ask for more join the queue's end."""
    start = time.perf_counter()
    full, shares = _next(batch, queue, detector)
    rows = sum(count for _, count in shares)
    answers = detector.forward(full, rows)
    detector.wait()
    _require_numbers(answers, full, shares, detector)
    seconds = time.perf_counter() - start
    used = 0
    for task, count in shares:
        if task.answer(answers[used : used + count].clone(), seconds * count / rows) and not task.done:
            queue.append(task)
        used += count
    return [task for task, _ in shares if task.done]


def _require_numbers(answers: Tensor, images: Tensor, shares: _Shares[Name, T], detector: Detector) -> None:
    """Refuse answers that are NaN or infinite; whose fault it is, the detector's or the asked image's, is said.

    On the CPU images are looked at even so: OpenVINO makes a finite answer of NaN. A sum takes a thousandth of the
    forward.
    """
    seen = images.device.type != "cpu" or bool(images.sum().isfinite())
    if seen and bool(answers.isfinite().all()):
        return
    tasks = [task for task, count in shares for _ in range(count)]
    for task, image in zip(tasks, images, strict=False):  # the rest of the images is padding
        if not bool(image.isfinite().all()):
            raise InputError(
                f"{task.who}: a request for the image {task.image} holds NaN or infinity; correct what makes it"
            )
    detector.require_numbers(answers, [task.image for task in tasks])
