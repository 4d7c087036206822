"""What works ask for, and which rows go into the next forward."""

from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import torch
from torch import Tensor

from advxai.common.errors import InputError
from advxai.detector.model import Detector
from advxai.detector.transfer import with_values

Name = TypeVar("Name", bound=Hashable)
T = TypeVar("T")
Work = Generator[Tensor, Tensor, T]
SMALL = 8  # so many small requests fill a batch, at least
_NEXT = "_advxai_foreseen"  # attribute of a request


class Foreseen:
    """What a work will ask for next if the answer changes nothing: its rows fill forwards that would be padded.

    The work yields `after(request)`, and then `images` if it still wants them: rows that were computed by then have
    their answers. What it doesn't ask for is dropped and counted nowhere.

    Args:
        rows: how many.
        make: makes them (rows, 3, h, w), when the engine has room for them, or the work asks; from then on they stay
            as they are until they are answered. If it fails when the engine has room, it is called again when the
            work asks, if it does: nothing ends because of what nobody has asked for.
    """

    def __init__(self, rows: int, make: Callable[[], Tensor]) -> None:
        self.rows, self._make = rows, make

    @cached_property
    def images(self) -> Tensor:
        """The request, made once."""
        return self._make()

    def after(self, request: Tensor) -> Tensor:
        """A request after which these follow."""
        setattr(request, _NEXT, self)
        return request


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


@dataclass(eq=False)
class Request:
    """Rows that a work asks for, or will ask for.

    Attributes:
        rows: (n, 3, h, w), detached.
        taken: how many have gone into forwards, in their order.
        answers: of the first of them, in parts: on the device and on the CPU.
        spoilt: an answer may be no number, or come of none; whoever asks for it is told.
    """

    rows: Tensor
    taken: int = 0
    answers: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    spoilt: bool = False

    @property
    def pending(self) -> int:
        return len(self.rows) - self.taken

    @property
    def answered(self) -> bool:
        return sum(len(part) for part, _ in self.answers) == len(self.rows)

    @property
    @torch.inference_mode(mode=False)
    def answer(self) -> Tensor:
        """All answers (n, classes), whose values on the CPU are known."""
        whole, host = self.answers[0]
        if len(self.answers) > 1:
            same = host is whole
            whole, host = (torch.cat(parts) for parts in zip(*self.answers, strict=True))
            host = whole if same else host
        return with_values(whole, host)


class Task(Generic[Name, T]):
    """A work and how far it is.

    Attributes:
        request: what it has asked for; None: it is done.
        ahead: what it will ask for, as far as that was made; None: nothing is foreseen, or nothing made of it.
        result: once it is done.
    """

    def __init__(
        self, name: Name, work: Work[T], detector: Detector, batch: Tensor, who: str, clock: Callable[[], float]
    ) -> None:
        self.name, self.work, self.cost = name, work, Cost()
        self._detector, self._batch, self.who, self._clock = detector, batch, who, clock
        self.request: Request | None = None
        self.ahead: Request | None = None
        self._foreseen: Foreseen | None = None
        self.result: T
        self.done = False
        self.advance(None)

    @property
    def image(self) -> str:
        """Whose work it is, for a message: the image's key, with which names of several parts begin."""
        return str(self.name[0] if isinstance(self.name, tuple) and self.name else self.name)

    @property
    def pending(self) -> int:
        """Rows that are asked for and haven't gone into a forward."""
        return 0 if self.request is None else self.request.pending

    @property
    def foreseeable(self) -> int:
        """Rows that may fill a forward once all that it has asked for has gone into one."""
        if self.ahead is not None:
            return self.ahead.pending
        return 0 if self._foreseen is None else self._foreseen.rows

    def foresee(self) -> Request | None:
        """What is foreseen, made now if it isn't yet; None: it can't be made, which the work is told if it asks."""
        assert self._foreseen is not None
        if self.ahead is None:
            try:
                made: object = self._foreseen.images
            except Exception:  # of any kind, a lack of memory too: raised again when the work asks for the rows
                made = None
            if isinstance(made, Tensor) and self._fits(made):
                self.ahead = Request(made.detach())
            else:
                self._foreseen = None
        return self.ahead

    def advance(self, answer: Tensor | None) -> None:
        """Send the work its answers; None: begin it."""
        start = self._clock()
        try:
            asked = next(self.work) if answer is None else self.work.send(answer)
        except StopIteration as stop:
            self.request, self.result, self.done = None, stop.value, True
            self.ahead = self._foreseen = None
        else:
            self._take(asked)
        self.cost.seconds += self._clock() - start

    def _take(self, asked: object) -> None:
        expected, self._foreseen = self._foreseen, None
        if self.ahead is not None and expected is not None and asked is expected.images:
            self.request = self.ahead
            self._detector.asked(self.request.taken)
        else:
            self.request = Request(self._checked(asked))
        self._foreseen = asked.__dict__.pop(_NEXT, None)
        self.ahead = None
        rows = len(self.request.rows)
        self.cost.images += rows
        self.cost.calls += -(-rows // len(self._batch))

    def _checked(self, request: object) -> Tensor:
        """A request that fits into the batches; one that doesn't ends the work."""
        batch = self._batch
        if isinstance(request, Tensor):
            if self._fits(request):
                return request.detach()
            found = _words(request, tuple(request.shape))
        else:
            found = f"a {type(request).__name__}"
        self.work.close()
        raise InputError(
            f"{self.who}: its request for the image {self.image} is {found}; it must be a tensor, "
            f"{_words(batch, ('n', *batch.shape[1:]))}, with n at least 1"
        )

    def _fits(self, request: Tensor) -> bool:
        batch = self._batch
        like = request.dtype == batch.dtype and request.device == batch.device
        return like and request.dim() == batch.dim() and request.shape[1:] == batch.shape[1:] and len(request) > 0


def _words(tensor: Tensor, shape: tuple[object, ...]) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} ({', '.join(map(str, shape))}) on {tensor.device}"


@dataclass(frozen=True)
class Share(Generic[Name, T]):
    """Rows of a batch that are of one request: `count` of its rows from `first` on."""

    task: Task[Name, T]
    request: Request
    first: int
    count: int

    @property
    def asked(self) -> bool:
        """The work has asked for these rows, and doesn't merely foresee them."""
        return self.task.request is self.request

    @property
    def wanted(self) -> bool:
        """The work has asked for these rows, or may still; it hasn't dropped them."""
        return self.asked or self.task.ahead is self.request

    @property
    def images(self) -> Tensor:
        """The rows, as long as the work waits for their answers."""
        return self.request.rows[self.first : self.first + self.count]


class Queue(Generic[Name, T]):
    """Tasks whose rows wait for a forward, in the order in which they have asked.

    Args:
        detector: whose forwards they wait for.
        batch: its memory for those that are gathered.
    """

    def __init__(self, detector: Detector, batch: Tensor) -> None:
        self._detector, self._batch = detector, batch
        self._waiting: dict[Task[Name, T], None] = {}

    @property
    def rows(self) -> int:
        """How many wait."""
        return sum(task.pending for task in self._waiting)

    def join(self, task: Task[Name, T]) -> None:
        """Wait, at the end, if it has rows to wait for."""
        if task.pending:
            self._waiting[task] = None

    def next(self, active: Iterable[Task[Name, T]]) -> tuple[Tensor, list[Share[Name, T]]]:
        """The next batch, and whose its rows are; behind them it is padding.

        Small requests go first if they fill it together: each of many works needs but a row to go on. Else rows of the
        first request go without a copy, where they are a batch as they lie in memory. Else it is gathered: of small
        requests, then of the others in their order, so that a request's last rows go with the next one's first (left
        for later, they would be padded), and where these are too few, of what works foresee.

        Args:
            active: all tasks, of which some may foresee.
        """
        size = len(self._batch)
        small = [task for task in self._waiting if task.pending * SMALL <= size]
        first = next(iter(self._waiting), None)
        if first is not None and first.request is not None and sum(task.pending for task in small) < size:
            part = first.request.rows[first.request.taken : first.request.taken + size]
            if self._detector.takes(part):
                return part, [self._taken(first, first.request, size)]
        return self._batch, self._gathered(small, active)

    def _gathered(self, small: list[Task[Name, T]], active: Iterable[Task[Name, T]]) -> list[Share[Name, T]]:
        shares: list[Share[Name, T]] = []
        room = len(self._batch)
        for task in dict.fromkeys([*small, *self._waiting]):
            if room and task.request is not None:
                shares.append(self._copied(task, task.request, room))
                room -= shares[-1].count
        for task in active:
            if room and not task.pending and task.foreseeable:
                following = task.foresee()
                if following is not None:
                    shares.append(self._copied(task, following, room))
                    room -= shares[-1].count
        return shares

    def _copied(self, task: Task[Name, T], request: Request, room: int) -> Share[Name, T]:
        """Some rows of a request, into the batch's last `room` ones."""
        count, place = min(request.pending, room), len(self._batch) - room
        share = self._taken(task, request, count)
        self._batch[place : place + count] = share.images
        return share

    def _taken(self, task: Task[Name, T], request: Request, count: int) -> Share[Name, T]:
        share = Share(task, request, request.taken, count)
        request.taken += count
        if not task.pending:
            self._waiting.pop(task, None)
        return share
