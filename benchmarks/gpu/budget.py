"""A time budget that parts of a measurement respect: what no longer fits is left out, and said."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Budget:
    """Minutes for several parts, one after the other. A part's share ends at a fixed time, so time that one doesn't
    need is the next one's.

    Args:
        seconds: in all, from `started` on.
        started: of the clock; None: now.
        clock: seconds that only go up.
        say: told a line after each piece of work.

    Attributes:
        left_out: what wasn't done, a sentence each.
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
        self.left_out: list[str] = []
        self.done: list[tuple[str, float]] = []

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
        self.name, self.end = name, self.started + self.seconds * until

    def take(self, what: str, work: Callable[[], T], guess: float = 0.0) -> T | None:
        """Do a piece of the part's work if it is thought to fit. Nothing is broken off once it has begun.

        Args:
            what: for messages.
            work: does it.
            guess: seconds that it will take; 0: not known, so it is begun as long as any time is left.

        Returns:
            What the work returns; None: it was left out.
        """
        if self.left <= guess:
            needs = f"needs about {guess:.0f} s, and " if guess else ""
            self.skip(what, f"{needs}{max(self.left, 0):.0f} s of this part's share were left")
            return None
        before = self.clock()
        found = work()
        took = self.clock() - before
        self.done.append((f"{self.name}: {what}", took))
        self.say(f"{self.spent:4.0f} s  {self.name}: {what}, {took:.1f} s")
        return found

    def skip(self, what: str, why: str) -> None:
        """Note what isn't done, and why."""
        self.left_out.append(f"{self.name}: {what} ({why})")
