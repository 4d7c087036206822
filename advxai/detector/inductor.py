"""The module compiled by torch.compile, and what that needs."""

import importlib.util
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

COMPILERS = {"cpu": ("CXX", "g++", "clang++"), "cuda": ("CC", "cc", "gcc", "clang")}  # a variable, then names
NEEDS = {"cpu": "a C++ compiler (g++, or what CXX names)", "cuda": "triton, or the C compiler that it needs,"}
LOUD = ("torch.__trace", "torch._dynamo", "torch._inductor", "torch.utils.cpp_extension")


def compiled(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """A module's forward for batches of the shape and layout of the first one, in which it is compiled.

    No kernel is chosen by timing it, where this torch can do without: other ones in another process would round
    otherwise. One that can't be compiled as a whole raises in the first call, of whatever kind.
    """
    from torch._inductor import config

    # The layout is the detector's setting, not the compiler's choice.
    options: dict[str, str | int | bool | Callable[..., object]] = {"layout_optimization": False}
    if hasattr(config, "deterministic"):
        options["deterministic"] = True

    def forward(batch: Tensor) -> Tensor:
        answers: Tensor = module(batch)
        return answers

    # torch keeps a few compilations for each code and refuses the next; of this one there is but one.
    forward.__code__ = forward.__code__.replace()
    return torch.compile(forward, dynamic=False, fullgraph=True, options=options)


def needed(device: str) -> bool:
    """Whether what compiles for a device, "cpu" or "cuda", is here."""
    variable, *names = COMPILERS[device]
    given = os.environ.get(variable, "").split()
    found = any(map(shutil.which, given[:1] or names))
    return found and (device == "cpu" or importlib.util.find_spec("triton") is not None)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the compiler says of its own workings from users; errors are raised, not said."""
    loggers = [logging.getLogger(name) for name in LOUD]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def origin(error: BaseException) -> BaseException:
    """The error that the compiler has wrapped into its own; no memory before all others."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        if isinstance(found, MemoryError | torch.OutOfMemoryError):
            return found
        seen.append(found)
        found = getattr(found, "inner_exception", None) or found.__cause__ or found.__context__
    return getattr(error, "inner_exception", None) or error
