"""A time budget that parts of a measurement respect: what no longer fits is left out, and said."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
TIME = "for want of time"
NAMED = 3  # pieces of a group
Left = tuple[str, str, str, float]  # part, what, why, seconds that it was thought to need (0: not known)


def grouped(left_out: Sequence[Left]) -> list[str]:
    """What was left out, a sentence for each part and reason: how many pieces, why, and the first of them."""
    groups: dict[tuple[str, str], list[Left]] = {}
    for one in left_out:
        groups.setdefault((one[0], one[2]), []).append(one)
    said = []
    for (part, why), pieces in groups.items():
        needed = max(one[3] for one in pieces)
        most = f" (up to {needed:.0f} s each)" if needed else ""
        names = "; ".join(one[1] for one in pieces[:NAMED])
        more = f"; {len(pieces) - NAMED} more" if len(pieces) > NAMED else ""
        said.append(f"{part}: {len(pieces)} {why}{most}: {names}{more}")
    return said


class Budget:
    """Minutes for several parts, one after the other. A part's share ends at a fixed time, so time that one doesn't
    need is the next one's.

    Args:
        seconds: in all, from `started` on.
        started: of the clock; None: now.
        clock: seconds that only go up.
        say: told a line after each piece of work.

    Attributes:
        left_out: what wasn't done, and why.
        done: what was, with its seconds.
    """

    def __init__(
        self,
        seconds: float,
        started: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.seconds, self.clock, self.say = seconds, clock, say
        self.started = clock() if started is None else started
        self.name, self.end = "", self.started + seconds
        self.left_out: list[Left] = []
        self.done: list[tuple[str, float]] = []
        self._pieces: list[float] = []  # seconds of the present part's

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    @property
    def left(self) -> float:
        """Seconds until the present part's share ends; below zero after it."""
        return self.end - self.clock()

    def part(self, name: str, until: float) -> None:
        """Begin a part.

        Args:
            name: for messages.
            until: when its share ends, as a share of the whole budget, in (0, 1].
        """
        self.name, self.end, self._pieces = name, self.started + self.seconds * until, []

    def take(self, what: str, work: Callable[[], T], guess: float = 0.0) -> T | None:
        """Do a piece of the part's work if it is thought to fit. Nothing is broken off once it has begun.

        Args:
            what: for messages.
            work: does it.
            guess: seconds that it will take; 0: not known, so as many as the part's pieces took on average; the first
                is begun as long as any time is left.

        Returns:
            What the work returns; None: it was left out.
        """
        guess = guess or sum(self._pieces) / max(len(self._pieces), 1)
        if self.left <= guess:
            self.skip(what, TIME, guess)
            return None
        before = self.clock()
        found = work()
        took = self.clock() - before
        self._pieces.append(took)
        self.done.append((f"{self.name}: {what}", took))
        self.say(f"{self.spent:4.0f} s  {self.name}: {what}, {took:.1f} s")
        return found

    def skip(self, what: str, why: str, guess: float = 0.0) -> None:
        """Note what isn't done, why, and the seconds that it was thought to need."""
        self.left_out.append((self.name, what, why, guess))
