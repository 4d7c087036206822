"""The first lines of what `make gpu` has found: does the device agree with the CPU, how fast is it, what is missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from advxai.config.kernels import Kernels
from benchmarks.cuda import ATTENDING, EXPLAINERS
from benchmarks.gpu.budget import grouped
from benchmarks.gpu.kernels import measured, named

# What an H100 is to reach in float32 with the paper's detector: images/s, raw, in NES, and of every stage's raw rate
GOALS = {"raw": 11000, "adversary": 10000, "share": 0.95}
ROWS = 2 * len(EXPLAINERS) + len(ATTENDING)  # of explainers: with the trained detector and random weights
HOURS = {"expected": "hours, attacks as they come", "most": "hours, segment attacks at their most"}


def referred(found: Mapping[str, Any]) -> bool:
    """Is it the kind of GPU that the goals are for?"""
    return "H100" in found["device"]


def chosen(found: Mapping[str, Any]) -> str:
    """What profile and stages run with, in words."""
    one = found.get("fastest") or {"backend": "torch", "kernels": {}}
    return named({**vars(Kernels(**one["kernels"])), "backend": one["backend"]})


def hours(found: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Hours for FF++, by kind of HOURS and forward batch; {}: a stage wasn't measured."""
    kinds = {"expected": found.get("expected"), "most": found.get("projection")}
    return {
        kind: {batch: sum(row["hours"] for row in rows) for batch, rows in batches.items()}
        for kind, batches in kinds.items()
        if batches
    }


def summary(found: Mapping[str, Any]) -> Iterator[str]:
    """The section, as lines. Args: found: see `benchmarks.gpu.parts` and `benchmarks.gpu.run`."""
    yield from ("## Summary", "")
    yield from (f"- **Failed**: {part}: {reason}" for part, reason in found["failed"].items())
    yield f"- **Agreement with the CPU**: {_agreement(found.get('agreement', {}))}."
    yield f"- **Raw forwards**, {found['model']} in float32: {_raw(found)}."
    yield f"- **NES**: {_nes(found)}."
    yield f"- **FaceForensics++**: {_hours(hours(found))}."
    if found["left_out"]:
        yield from (f"- Left out of {sentence}." for sentence in grouped([_tuple(one) for one in found["left_out"]]))
    else:
        yield "- Nothing was left out."
    yield ""


def _tuple(one: Any) -> tuple[str, str, str, float]:
    part, what, why, seconds = one
    return part, what, why, seconds


def _agreement(compared: Mapping[str, Any]) -> str:
    maps = sum(len(one["explainers"]) for one in compared.values())
    steps = sum("nes" in one for one in compared.values())
    odds = sum("probabilities" in one for one in compared.values())
    if not maps + steps + odds:
        return "nothing was compared"
    faults = [f"{name} detector: {said}" for name, one in compared.items() for said in one.get("faults", ())]
    much = (
        f"maps of {maps} of {ROWS} rows, NES's first step with {steps} of 2 detectors, probabilities of {odds} of "
        f"{2 + len(ATTENDING)}"
    )
    if faults:
        return f"DIFFERS in {len(faults)} ({'; '.join(faults)}); compared were {much}"
    return f"agrees in all that was compared: {much}"


def _raw(found: Mapping[str, Any]) -> str:
    rates = [one for one in measured(found, found["model"]) if one["precision"] == "float32"]
    if not rates:
        return "not measured"
    top = max(rates, key=lambda one: float(one["rate"]))
    kinds = len({named(one) for one in rates})
    which = "the only combination measured" if kinds == 1 else f"the fastest of {kinds} combinations"
    goal = f"; goal {GOALS['raw']:,}" if referred(found) else ""
    alone = "" if top["alone"] else ", where a row's answer depends on its neighbours"
    return f"{top['rate']:,.0f} images/s at batch {top['forward_batch']} by {named(top)}, {which}{alone}{goal}"


def _nes(found: Mapping[str, Any]) -> str:
    stages = {batch: made["adversary"] for batch, made in found.get("stages", {}).items() if "adversary" in made}
    if not stages:
        return "not measured"
    rates = {batch: one["images"] / one["seconds"] for batch, one in stages.items()}
    best = max(rates, key=rates.__getitem__)
    goal = f"; goal {GOALS['adversary']:,}" if referred(found) else ""
    return f"{rates[best]:,.0f} images/s at batch {best}, by {chosen(found)}{goal}"


def _hours(kinds: Mapping[str, Mapping[str, float]]) -> str:
    if not kinds:
        return "not known, for not all stages were measured with one batch"
    said = {"expected": "with attacks as they come", "most": "with segment attacks at their most"}
    first = next(iter(kinds.values()))
    best = min(first, key=first.__getitem__)
    listed = ", ".join(f"{batches[best]:,.1f} {said[kind]}" for kind, batches in kinds.items())
    return f"hours of one process for the explainers of config/ffpp.yaml at batch {best}: {listed}"
