"""Preparing the next images while the detector is busy with the present ones."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def ahead(function: Callable[[S], T], items: Iterable[S], depth: int = 2, threads: int = 1) -> Generator[tuple[S, T]]:
    """(item, function(item)) in order, computed in threads of their own.

    They are up to `depth` items ahead of what was asked for, and at least one a thread; an exception of the function
    comes when its item is.
    """
    waiting: deque[tuple[S, Future[T]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) > max(depth, threads):
                    first, result = waiting.popleft()
                    yield first, result.result()
            while waiting:
                first, result = waiting.popleft()
                yield first, result.result()
        finally:
            for _, result in waiting:
                result.cancel()
