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

# Backend, layout, cuDNN's benchmark, of which more is expected first
PROMISING = (
    ("inductor", "contiguous", True),
    ("torch", "contiguous", True),
    ("inductor", "contiguous", False),
    ("torch", "contiguous", False),
    ("inductor", "channels_last", True),
    ("torch", "channels_last", True),
    ("inductor", "channels_last", False),
    ("torch", "channels_last", False),
)
Found = dict[str, Any]


def combinations(device: str, batch: int) -> list[Trial]:
    """What is measured on a device with a forward batch: float32 first, of TF32 channels last first."""
    float32 = [("float32", *one) for one in PROMISING]
    tf32 = [("tf32", *one) for one in sorted(PROMISING, key=lambda one: one[1] != "channels_last")]
    return [
        Trial(backend, Kernels(precision, layout, benchmark), (batch,))  # type: ignore[arg-type]
        for precision, backend, layout, benchmark in [*float32, *tf32]
        if fault(backend, device, precision, layout, benchmark) is None
    ]


def named(one: Mapping[str, Any]) -> str:
    """A combination in words. Args: one: keys of `Rate`."""
    more = ", cudnn_benchmark" if one["cudnn_benchmark"] else ""
    return f"{one['backend']}, {one['layout']}{more}, {one['precision']}"


def kernels(
    found: Found, save: Callable[[], None], budget: Budget, spec: Spec, batches: tuple[int, ...], seconds: float
) -> None:
    """Raw forwards of a detector by every combination, each in a process of its own; then the fastest of float32 and of
    TF32 with the other batches.

    Adds `kernels`, a list of `Rate`s, and `fastest`: backend, `kernels` and rate of the fastest in float32 whose rows
    don't depend on their neighbours (of `raw` too).

    Args:
        found: gets them.
        save: writes it.
        budget: takes the measurements.
        spec: whose model, size, device and threads count.
        batches: forward batches, that of the combinations first.
        seconds: of a measurement.
    """
    found["kernels"] = []
    took: dict[str, float] = {}
    for trial in combinations(spec.device, batches[0]):
        _measure(found, budget, spec, trial, seconds, took)
        save()
    rates = [Rate(**one) for one in found["kernels"]]
    for precision in ("float32", "tf32"):
        best = max((one for one in rates if one.precision == precision), key=lambda one: one.rate, default=None)
        for batch in batches[1:] if best else ():
            assert best is not None
            _measure(found, budget, spec, Trial(best.backend, best.kernels, (batch,)), seconds, took)
            save()
    found["fastest"] = fastest(found, spec.model)


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
    rates = [Rate(**one) for one in [*found.get("kernels", ()), *found.get("raw", {}).get(model, ())]]
    usable = [one for one in rates if one.alone and one.precision == "float32"]
    top = max(usable, key=lambda one: one.rate, default=None)
    if top is None:
        return {"backend": "torch", "kernels": {}, "rate": None}
    return {"backend": top.backend, "kernels": top.kernels.params, "rate": top.rate}


def at(spec: Spec, found: Mapping[str, Any]) -> Spec:
    """The spec with the fastest combination, if it is known."""
    one = found.get("fastest")
    return spec if one is None else replace(spec, backend=one["backend"], kernels=one["kernels"])
