"""The module compiled by torch.compile, what that needs, and what can go wrong with it."""

import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError

log = logging.getLogger(__name__)

# A variable, and what is looked for without it: torch takes one C++ compiler, Triton one of two of C.
CXX = "clang++" if sys.platform == "darwin" else "g++"
COMPILERS = {"cpu": ("CXX", CXX), "cuda": ("CC", "gcc", "clang")}
NEEDS = {
    "cpu": f"a C++ compiler that works ({CXX}, or what CXX names)",
    "cuda": "triton with a C compiler that works (gcc, or what CC names)",
}
LOUD = ("torch.__trace", "torch._dynamo", "torch._inductor", "torch.utils.cpp_extension")
CACHE = "TORCHINDUCTOR_CACHE_DIR"
# Settings from outside by which nothing is compiled although nothing is said, or by which numbers become others than
# the configuration's. As of `advxai.detector.backends.LOWERED`.
DISTURBING = {
    "TORCHDYNAMO_DISABLE": ("", "0"),
    "TORCH_COMPILE_DISABLE": ("", "0"),
    "TORCHDYNAMO_SUPPRESS_ERRORS": ("",),  # whatever else it is, it is on
    "TORCH_COMPILE_OVERRIDE_BACKENDS": ("",),
    "TORCHINDUCTOR_USE_FAST_MATH": ("", "0"),
    "TORCHINDUCTOR_CPP_ENABLE_UNSAFE_MATH_OPT_FLAG": ("", "0"),
    "TORCHINDUCTOR_MAX_AUTOTUNE": ("", "0"),
    "TORCHINDUCTOR_MAX_AUTOTUNE_POINTWISE": ("", "0"),
    "TORCHINDUCTOR_MAX_AUTOTUNE_GEMM": ("", "0"),
    "TORCHINDUCTOR_COORDINATE_DESCENT_TUNING": ("", "0"),
}
REFUSED = "detector.backend: inductor can't take this model"
CHANGES = f"{REFUSED} (its forward changes itself, so that it would be compiled again and again); set it to torch"
MARKS = {  # of a compiler that is wanting: names of errors, or parts of their messages
    "cpu": ("InvalidCxxCompiler", "CppCompileError"),
    "cuda": ("TritonMissing", "Failed to find C compiler", "Cannot find a working triton"),
}
FULL = ("No space left on device", "Disk quota exceeded", "Read-only file system")
OFTEN = 4  # compilations of one module: torch gives up at 8, with a message of its own


class Again(RuntimeError):
    """A module is compiled anew, again and again."""


class Compiled:
    """A module's forward for batches of the shape and layout of the first one, in which it is compiled.

    No kernel is chosen by timing it, where this torch can do without: other ones in another process would round
    otherwise. One that can't be compiled as a whole raises in the first call, of whatever kind.

    Attributes:
        times: compilations so far. A few more than one are borne, as when the process's number of threads changes.
    """

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        for name, harmless in DISTURBING.items():
            value = os.environ.get(name, "")
            if value not in harmless:
                raise InputError(f"{name}={value} interferes with detector.backend: inductor; unset this variable")
        from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException
        from torch._inductor import config
        from torch._inductor.compile_fx import compile_fx

        self._device, self._errors = device.type, (TorchDynamoException, FailOnRecompileLimitHit)

        # The layout is the detector's setting, not the compiler's choice.
        options: dict[str, Any] = {"layout_optimization": False}
        if hasattr(config, "deterministic"):
            options["deterministic"] = True
        self.times = 0

        def compiler(graph: Any, inputs: Any) -> Any:
            if self.times >= OFTEN:
                raise Again
            with quiet():
                made = compile_fx(graph, inputs, config_patches=options)
            self.times += 1
            return made

        def forward(batch: Tensor) -> Tensor:
            answers: Tensor = module(batch)
            return answers

        # torch keeps a few compilations for each code and refuses the next; of this one there is but one.
        forward.__code__ = forward.__code__.replace()
        self._forward = torch.compile(forward, backend=compiler, dynamic=False, fullgraph=True)

    def __call__(self, batch: Tensor) -> Tensor:
        # To the compiler, the same memory is another input where inference mode made it, or where the stride of a side
        # of one row is another one, although nothing hangs on that.
        with torch.inference_mode(False):
            batch = torch.utils.dlpack.from_dlpack(batch)
        if len(batch) == 1:
            batch = batch.as_strided(batch.shape, (batch[0].numel(), *batch.stride()[1:]))
        try:
            return self._forward(batch)
        except self._errors as error:
            raise memory(error) or refusal(error, self._device) from error

    def settle(self, one: Tensor, other: Tensor) -> Tensor:
        """The first forwards, for which it is compiled: answers to `one`.

        Raises:
            InputError: nothing is compiled, or other images are enough for that to be done anew.
        """
        log.info("detector.backend: inductor compiles the detector, which takes up to a minute for the first time")
        with quiet():
            answers = self(one)
            if not self.times:
                raise InputError("detector.backend: torch has compiled nothing for inductor here; set it to torch")
            before = self.times
            self(other)
        if self.times != before:
            raise InputError(CHANGES)
        return answers


def needed(device: str) -> bool:
    """Whether what compiles for a device, "cpu" or "cuda", is here and says its version, which torch asks it for."""
    variable, *names = COMPILERS[device]
    given = os.environ.get(variable)
    return (device == "cpu" or importlib.util.find_spec("triton") is not None) and any(
        map(_works, names if given is None else [given])
    )


def _works(command: str) -> bool:
    try:
        words = shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            return False
        return not subprocess.run([*words, "--version"], capture_output=True, check=False).returncode
    except (OSError, ValueError):  # no program, or quotes that aren't closed
        return False


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


def chain(error: BaseException) -> list[BaseException]:
    """An error and what it was made from, the compiler's wrappings before what they wrap."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        seen.append(found)
        found = getattr(found, "inner_exception", None) or found.__cause__ or found.__context__
    return seen


def memory(error: BaseException) -> BaseException | None:
    """The want of memory behind an error; None: it isn't one."""
    wants = (one for one in chain(error) if isinstance(one, MemoryError | torch.OutOfMemoryError))
    return next(wants, None)


def reason(error: BaseException) -> str:
    """An error's first line without what would introduce another one: "expected a number"."""
    cause = getattr(error, "inner_exception", None) or error
    lines = [line.strip().rstrip(":.,;") for line in str(cause).splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__


def refusal(error: Exception, device: str) -> InputError:
    """What to tell of a failed compilation: the machine's fault, with how to mend that, or the module's."""
    causes = chain(error)
    kinds = {type(one).__name__ for one in causes}
    if kinds & {"Again", "FailOnRecompileLimitHit"}:
        return InputError(CHANGES)
    text = "\n".join(map(str, causes))
    unwritten = _unwritten(causes, text)
    wanting = next(
        (name for name, marks in MARKS.items() if any(mark in kinds or mark in text for mark in marks)), None
    )
    wanting = wanting or (None if needed(device) else device)
    if unwritten and (wanting is None or unwritten in FULL):
        return InputError(
            f"detector.backend: inductor can't write what it compiles ({unwritten}); mend that, name a folder with "
            f"room in {CACHE}, or set it to torch"
        )
    if wanting:
        return InputError(
            f"detector.backend: inductor needs {NEEDS[wanting]}{_complaint(text)}; install one, or set it to torch"
        )
    return InputError(f"{REFUSED} ({reason(error)}); set it to torch")


def _unwritten(causes: list[BaseException], text: str) -> str | None:
    """What says that a file couldn't be written; None: nothing does."""
    said = next((one for one in FULL if one in text), None)
    for one in causes:
        if said is None and isinstance(one, OSError) and one.strerror:
            return f"{one.filename}: {one.strerror}" if one.filename else one.strerror
    return said


def _complaint(text: str) -> str:
    """What a compiler complained of: " (it says: fatal error: Python.h: No such file or directory)"."""
    found = next((line for line in text.splitlines() if "error:" in line), None)
    return "" if found is None else f" (it says: {found[found.index('error:') :].strip()})"
