"""Raw forwards by what computes them: backend, layout, cuDNN's benchmark, TF32."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from advxai.config.kernels import Kernels, fault
from advxai.detector.backends import installed
from advxai.detector.throughput import Rate
from advxai.detector.trials import Trial, elsewhere
from benchmarks.gpu.budget import Budget
from benchmarks.speed import work
from benchmarks.speed.work import Spec

# Precision, layout, cuDNN's benchmark in the order of measuring: of torch, whose forwards start at once, the default
# and what differs from it in one thing first; of inductor, which compiles long, what more is expected of
TORCH = (
    ("float32", "channels_last", False),
    ("float32", "contiguous", False),
    ("tf32", "channels_last", False),
    ("float32", "contiguous", True),
    ("float32", "channels_last", True),
    ("tf32", "channels_last", True),
    ("tf32", "contiguous", False),
    ("tf32", "contiguous", True),
)
INDUCTOR = (
    ("float32", "contiguous", True),
    ("tf32", "channels_last", True),
    ("float32", "contiguous", False),
    ("float32", "channels_last", True),
    ("float32", "channels_last", False),
    ("tf32", "channels_last", False),
    ("tf32", "contiguous", True),
    ("tf32", "contiguous", False),
)
# Seconds that the first measurement with inductor is thought to take: on a CPU 159 and 168 were seen (two busy cores);
# a GPU's is assumed
COMPILING = {"cpu": 160.0, "cuda": 40.0}
Found = dict[str, Any]


def combinations(device: str, batch: int) -> list[Trial]:
    """What is measured on a device with a forward batch: all of torch, then inductor."""
    return [
        Trial(backend, Kernels(precision, layout, benchmark), (batch,))  # type: ignore[arg-type]
        for backend, order in (("torch", TORCH), ("inductor", INDUCTOR))
        for precision, layout, benchmark in order
        if fault(backend, device, precision, layout, benchmark) is None
    ]


def named(one: Mapping[str, Any]) -> str:
    """A combination in words. Args: one: keys of `Rate`."""
    more = ", cudnn_benchmark" if one["cudnn_benchmark"] else ""
    return f"{one['backend']}, {one['layout']}{more}, {one['precision']}"


def kernels(
    found: Found,
    save: Callable[[], None],
    budget: Budget,
    spec: Spec,
    batches: tuple[int, ...],
    seconds: float,
    ends: tuple[float, float],
    guess: float = 0.0,
) -> None:
    """Raw forwards of a detector by every combination, each in a process of its own; then the fastest of float32 and of
    TF32 with the other batches. What `raw` has isn't measured again.

    Adds `kernels`, a list of `Rate`s, and `fastest`: backend, `kernels` and rate of the fastest in float32 whose rows
    don't depend on their neighbours (of `raw` too).

    Args:
        found: gets them.
        save: writes it.
        budget: takes the measurements.
        spec: whose model, size, device and threads count.
        batches: forward batches, that of the combinations first.
        seconds: of a measurement.
        ends: of the share of torch, and of inductor and the other batches (`Budget.part`).
        guess: seconds that the first of torch will take; 0: not known.
    """
    found["kernels"] = []
    took = {"torch": guess, "inductor": COMPILING[spec.device]}
    known = {(one["backend"], Rate(**one).kernels, one["forward_batch"]) for one in measured(found, spec.model)}

    def measure(trial: Trial) -> None:
        if (trial.backend, trial.kernels, trial.batches[0]) not in known:
            _measure(found, budget, spec, trial, seconds, took)
            save()

    trials = combinations(spec.device, batches[0])
    for name, end, backend in (("kernels", ends[0], "torch"), ("compiled", ends[1], "inductor")):
        budget.part(name, end)
        for trial in trials:
            if trial.backend == backend:
                measure(trial)
    budget.part("kernels", ends[1])
    rates = [Rate(**one) for one in measured(found, spec.model) if one["forward_batch"] == batches[0]]
    for precision in ("float32", "tf32"):
        best = max((one for one in rates if one.precision == precision), key=lambda one: one.rate, default=None)
        for batch in batches[1:] if best else ():
            assert best is not None
            measure(Trial(best.backend, best.kernels, (batch,)))
    found["fastest"] = fastest(found, spec.model)


def measured(found: Mapping[str, Any], model: str) -> list[Found]:
    """All rates of a model, of `kernels` and `raw`."""
    return [*found.get("kernels", ()), *found.get("raw", {}).get(model, ())]


def _measure(found: Found, budget: Budget, spec: Spec, trial: Trial, seconds: float, took: dict[str, float]) -> None:
    what = f"{named({'backend': trial.backend, **vars(trial.kernels)})}, batch {trial.batches[0]}"
    if trial.backend not in installed(spec.device):
        budget.skip(what, "what compiles for this device isn't here")
        return
    settings = work.config(spec, small=False).detector
    made = budget.take(what, lambda: elsewhere(settings, [trial], seconds), took.get(trial.backend, 0.0))
    if made is None:
        return
    took[trial.backend] = budget.done[-1][1]
    found["kernels"] += [asdict(one) for one in made.rates]
    for sentence in made.refused:
        budget.skip(what, sentence.rstrip("."))
    if not made.rates and not made.refused:
        budget.skip(what, "the memory can't hold it")


def fastest(found: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The fastest combination in float32 whose rows don't depend on their neighbours, as `backend`, `kernels` (keys of
    `Kernels`) and `rate`; the backend torch with its defaults if none was measured."""
    rates = [Rate(**one) for one in measured(found, model)]
    usable = [one for one in rates if one.alone and one.precision == "float32"]
    top = max(usable, key=lambda one: one.rate, default=None)
    if top is None:
        return {"backend": "torch", "kernels": {}, "rate": None}
    return {"backend": top.backend, "kernels": top.kernels.params, "rate": top.rate}


def at(spec: Spec, found: Mapping[str, Any]) -> Spec:
    """The spec with the fastest combination, if it is known."""
    one = found.get("fastest")
    return spec if one is None else replace(spec, backend=one["backend"], kernels=one["kernels"])
