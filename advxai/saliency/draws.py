"""Global random generators, lent to one explanation at a time.

Packages draw from the global generators of numpy, Python and torch. Explanations of several images take turns between
their forwards, so that draws from states they share would depend on who else is in work.
"""

import copy
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

States = tuple[Any, Any, Tensor]  # of numpy's, Python's and torch's, in forms of their own

_lent = threading.Lock()  # the generators belong to the process, so only one turn at a time
_here = threading.local()  # .turn: of the explanation that this thread computes


def states() -> States:
    """The states of numpy's, Python's and torch's (CPU) global generators."""
    return np.random.get_state(legacy=False), random.getstate(), torch.get_rng_state()  # noqa: NPY002


def _put(values: States) -> None:
    try:
        np.random.set_state(values[0])  # noqa: NPY002  # fails when somebody has put another kind of generator there
    finally:
        random.setstate(values[1])
        torch.set_rng_state(values[2])


class Turn:
    """An explanation's own states of the global generators, in force from `enter` to `leave`.

    Args:
        generator: the image's, which seeds them; it is copied, so that its own draws stay what they are.

    Attributes:
        held: the states are in force.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        seeds = [int(seed) for seed in copy.deepcopy(generator).integers(2**32, size=3)]
        self._own: States = (
            np.random.RandomState(seeds[0]).get_state(legacy=False),
            random.Random(seeds[1]).getstate(),
            torch.Generator().manual_seed(seeds[2]).get_state(),
        )
        self._outer: States  # while the own ones are in force
        self.held = False

    def enter(self) -> None:
        """Wait for the generators and put the own states in."""
        _lent.acquire()
        self._outer = states()
        try:
            _put(self._own)
            self.held = True
        finally:
            if not self.held:
                _put(self._outer)
                _lent.release()

    def leave(self) -> None:
        """Put back what was there before, if this turn has the generators."""
        if self.held:
            self.held = False
            try:
                self._own = states()
                _put(self._outer)
            finally:
                _lent.release()

    def begin(self) -> None:
        """Enter, in the thread that computes the explanation."""
        self.enter()
        _here.turn = self


@contextmanager
def stood_down() -> Iterator[None]:
    """Leave the turn that this thread is in, if any, to wait for another explanation's thread, and enter it again."""
    turn = getattr(_here, "turn", None)
    if turn is None or not turn.held:
        yield
        return
    turn.leave()
    try:
        yield
    finally:
        turn.enter()
