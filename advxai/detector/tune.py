"""Which backend, kernels and forward batch are fastest on this machine (`make tune`)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import read
from advxai.config.kernels import BACKENDS, OF_TORCH, Device, Kernels
from advxai.config.science import Detector as Settings
from advxai.detector.backends import installed, require_device
from advxai.detector.graph import Graph
from advxai.detector.inductor import NEEDS
from advxai.detector.kernels import AMPERE
from advxai.detector.throughput import Rate, best
from advxai.detector.trials import REMEDY, Found, Trial, elsewhere, here, network_of
from advxai.run.bar import Bar
from advxai.run.environment import processor
from advxai.run.settings import resolved

BATCHES: dict[Device, tuple[int, ...]] = {"cpu": (8, 16, 32, 64, 128, 256), "cuda": (32, 64, 128, 256, 512, 1024)}
UNLIKE, UNSEEN = "(?)", "(-)"  # marks of what a second process gives otherwise, and of what it hasn't given
SET = ("backend", "layout", "cudnn_benchmark", "forward_batch")  # of `detector`, as the advice names them


def tune(file: Path, batches: Sequence[int] | None, seconds: float, device: Device | None = None) -> str:
    """Measure every installed backend with every forward batch for a configuration's detector; on a GPU with every
    layout, and with cuDNN's benchmark, too.

    The network has random weights, which don't matter for the time. Whether another process gives the same answers is
    looked at in one. cuDNN's benchmark is measured in one as well, for cuDNN keeps to what it has once chosen.

    Args:
        file: the configuration; `detector`'s model, input_size, device, precision and threads are used.
        batches: forward batches to try; None: those of the device.
        seconds: of each measurement.
        device: instead of the configuration's.

    Returns:
        The table and the lines to set, to be printed.

    Raises:
        InputError: the file can't be read or used, there is no such device, or the model can't be built.
    """
    settings = resolved(load(read(file))).detector
    if device is not None and device != settings.device:
        settings = settings.on(device)
    require_device(settings.device, REMEDY)
    network = network_of(settings)
    plain, timed = _trials(settings, tuple(batches or BATCHES[settings.device]), isinstance(network, nn.Module))
    with Bar(total=2 * sum(len(one.batches) for one in plain + timed), desc="tune", unit="measurement") as bar:
        found = here(settings, network, plain, seconds, bar.update)
        if timed:
            found = _joined(found, elsewhere(settings, timed, seconds, bar.update))
        again = elsewhere(settings, _of(found.rates, plain), 0, bar.update)
        if timed:
            again = _joined(again, elsewhere(settings, _of(found.rates, timed), 0, bar.update))
        found = _joined(Found(_beside(found.rates, again.rates), found.refused), Found([], again.refused))
    if not found.rates:
        said = "no forward batch fits into the memory; give smaller ones as --batches"
        raise InputError("; ".join(found.refused) or said)
    cpu = f"{processor()}, {settings.threads} CPU thread(s)"
    where = torch.cuda.get_device_name() if settings.device == "cuda" else cpu
    precision = "" if settings.precision == "float32" else f", {settings.precision}"
    head = f"{settings.model} at {settings.input_size} px on {where}{precision}: images a second"
    top = best(found.rates)
    lower = _lower(settings, network, top, seconds) if top else []
    return "\n".join(
        [head, "", *table(found.rates), "", *found.refused, *_missing(settings.device), *lower, *_advice(top, settings)]
    )


def _trials(settings: Settings, batches: tuple[int, ...], module: bool) -> tuple[list[Trial], list[Trial]]:
    """What is tried, and what needs a process of its own; `module`: there is one, so no graph of others."""
    backends = [name for name in installed(settings.device) if module or name not in OF_TORCH]
    plain = Kernels(settings.precision)
    if settings.device == "cpu":
        return [Trial(name, plain, batches) for name in backends], []
    chosen = [(name, replace(plain, layout=layout)) for name in backends for layout in ("channels_last", "contiguous")]
    timed = [Trial(name, replace(kernels, cudnn_benchmark=True), batches) for name, kernels in chosen]
    return [Trial(name, kernels, batches) for name, kernels in chosen], timed


def _of(rates: Sequence[Rate], trials: Sequence[Trial]) -> list[Trial]:
    """Those of the trials that have been measured."""
    batches = {
        trial: tuple(one.forward_batch for one in rates if (one.backend, one.kernels) == (trial.backend, trial.kernels))
        for trial in trials
    }
    return [replace(trial, batches=done) for trial, done in batches.items() if done]


def _joined(one: Found, other: Found) -> Found:
    refused = dict.fromkeys([*one.refused, *other.refused])
    return Found(one.rates + other.rates, list(refused))


def _beside(rates: Sequence[Rate], again: Sequence[Rate]) -> list[Rate]:
    """Rates that know whether another process, whose answers these are, has given the same."""
    others = {(one.backend, one.kernels, one.forward_batch): one.answers for one in again}
    keys = [(one.backend, one.kernels, one.forward_batch) for one in rates]
    return [
        replace(one, again=others[key] == one.answers if key in others else None)
        for key, one in zip(keys, rates, strict=True)
    ]


def _lower(settings: Settings, network: nn.Module | Graph, top: Rate, seconds: float) -> list[str]:
    """What TF32 would give, if it isn't set and the GPU has it."""
    if settings.device != "cuda" or settings.precision == "tf32" or torch.cuda.get_device_capability() < AMPERE:
        return []
    lower = settings.model_copy(update={"precision": "tf32"})
    trials = [
        Trial(top.backend, Kernels("tf32", layout), (top.forward_batch,)) for layout in ("channels_last", "contiguous")
    ]
    found = here(lower, network, trials, seconds).rates
    if not found:
        return []
    fastest = max(found, key=lambda one: one.rate)
    return [
        f"precision: tf32 would give {fastest.rate:.0f} images a second ({column(fastest)}, forward_batch "
        f"{fastest.forward_batch}). It changes every number: docs/speed.md says how much.",
    ]


def column(rate: Rate) -> str:
    """A column's name: the backend, and what isn't as usual of its kernels, but for the precision."""
    words = replace(rate.kernels, precision="float32").words
    return f"{rate.backend} ({words})" if words else rate.backend


def table(found: Sequence[Rate]) -> list[str]:
    """The measurements as a Markdown table: a row a forward batch, a column a backend and choice of kernels."""
    rates = {(column(one), one.forward_batch): one for one in found}
    columns = list(dict.fromkeys(map(column, found)))
    lines = ["| forward_batch | " + " | ".join(columns) + " |", "|---:|" + "---:|" * len(columns)]
    asked = any(one.again is not None for one in found)
    for batch in sorted({one.forward_batch for one in found}):
        cells = [rates.get((name, batch)) for name in columns]
        lines.append(f"| {batch} | " + " | ".join("-" if cell is None else _cell(cell, asked) for cell in cells) + " |")
    apart = {name: max(one.apart for one in found if column(one) == name) for name in columns}
    lines += ["", "Largest difference of a probability from the network's own: "]
    lines[-1] += ", ".join(f"{name} {value:.0e}" for name, value in apart.items()) + "."
    if asked:
        marks = [mark for mark, state in ((UNLIKE, False), (UNSEEN, None)) if any(one.again is state for one in found)]
        but = f", but for {' and '.join(marks)}" if marks else ""
        lines.append(f"A second process gives the same answers, bit by bit{but}.")
    if not all(one.alone for one in found):
        lines.append("(!) A row's answer there depends on its neighbours: not to be used.")
    if any(one.again is False for one in found):
        lines.append("(?) A second process gives other last bits there, so a run's jobs would differ: not to be used.")
    if asked and any(one.again is None for one in found):
        lines.append("(-) A second process has given no answers there, so it isn't advised.")
    return lines


def _cell(rate: Rate, asked: bool) -> str:
    wrongs = (("(!)", not rate.alone), (UNLIKE, rate.again is False), (UNSEEN, asked and rate.again is None))
    marks = [mark for mark, wrong in wrongs if wrong]
    return " ".join([f"{rate.rate:.0f}", *marks])


def _missing(device: Device) -> list[str]:
    absent = [name for name in BACKENDS if name not in installed(device)]
    others = [name for name in absent if name not in OF_TORCH]
    compiler = [f"inductor isn't measured: {NEEDS[device]} isn't here."] if "inductor" in absent else []
    return [*compiler, *([f"Not installed here: {', '.join(others)}."] if others and device == "cpu" else [])]


def _advice(top: Rate | None, settings: Settings) -> list[str]:
    """The lines to set: what isn't the default, and what the configuration has otherwise."""
    if top is None:
        return ["None of these can be used; detector.backend: torch with its defaults is the one that remains."]
    unseen = [] if top.again else ["Whether another process gives the same bits hasn't been seen: run this again."]
    defaults = Settings()
    wanted = {name: getattr(top, name) for name in SET}
    lines = [
        f"  {name}: {_yaml(value)}"
        for name, value in wanted.items()
        if value != getattr(defaults, name) or value != getattr(settings, name)
    ]
    if not lines:
        said = "Fastest (of those within 3 % the smallest batch) are the defaults, which are set: nothing to do."
        return [*unseen, said]
    return [
        *unseen,
        "Fastest (of those within 3 % the smallest batch). Nothing is set by itself; these are part of the digests, so",
        "another value computes everything after the detector anew:",
        "",
        "detector:",
        *lines,
    ]


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
