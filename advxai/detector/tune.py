"""Which backend and forward batch are fastest on this machine (`make tune`)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import read
from advxai.config.kernels import BACKENDS
from advxai.detector.backends import installed, require_device
from advxai.detector.build import preprocessing
from advxai.detector.checkpoint import any_weights
from advxai.detector.throughput import Rate, best, compare
from advxai.run.bar import Bar
from advxai.run.environment import processor
from advxai.run.jobs import use_threads
from advxai.run.settings import resolved
from advxai.run.weights import configured_classes


def tune(file: Path, batches: Sequence[int], seconds: float, device: str | None = None) -> str:
    """Measure every installed backend with every forward batch for a configuration's detector.

    The network has random weights, which don't matter for the time.

    Args:
        file: the configuration; `detector`'s model, input_size, device and threads are used.
        batches: forward batches to try.
        seconds: of each measurement.
        device: instead of the configuration's.

    Returns:
        The table and the two lines to set, to be printed.

    Raises:
        InputError: the file can't be read or used, there is no such device, or the model can't be built.
    """
    settings = resolved(load(read(file))).detector
    settings = settings.model_copy(update={"device": device or settings.device})
    require_device(settings.device, "tune on the machine that has one, or give --device cpu")
    use_threads(settings.threads)
    classes = configured_classes(settings)
    network = any_weights(settings, classes)
    module = network if isinstance(network, nn.Module) else None
    backends = installed() if settings.device == "cpu" else ["torch"]
    if module is None:
        backends = [name for name in backends if name != "torch"]
    found, refused = [], []
    with Bar(total=len(backends) * len(batches), desc="tune", unit="measurement") as bar:
        for backend in backends:
            try:
                for measured in compare(
                    network, preprocessing(settings, module), settings.device, [backend], batches, seconds, classes
                ):
                    found.append(measured)
                    bar.update()
            except InputError as error:
                refused.append(str(error))
    if not found:
        raise InputError("; ".join(refused) or "no forward batch fits into the memory; give smaller ones as --batches")
    where = torch.cuda.get_device_name() if settings.device == "cuda" else processor()
    cpu = f", {settings.threads} CPU thread(s)" if settings.device == "cpu" else ""
    head = f"{settings.model} at {settings.input_size} px on {where}{cpu}: images a second"
    return "\n".join([head, "", *table(found), "", *refused, *_missing(settings.device), *_advice(found)])


def table(found: Sequence[Rate]) -> list[str]:
    """The measurements as a Markdown table: a row a forward batch, a column a backend."""
    rates = {(one.backend, one.forward_batch): one for one in found}
    backends = list(dict.fromkeys(one.backend for one in found))
    lines = ["| forward_batch | " + " | ".join(backends) + " |", "|---:|" + "---:|" * len(backends)]
    for batch in sorted({one.forward_batch for one in found}):
        cells = [rates.get((backend, batch)) for backend in backends]
        texts = ["-" if cell is None else f"{cell.rate:.0f}" + ("" if cell.alone else " (!)") for cell in cells]
        lines.append(f"| {batch} | " + " | ".join(texts) + " |")
    apart = {backend: max(one.apart for one in found if one.backend == backend) for backend in backends}
    lines += ["", "Largest difference of a probability from the network's own: "]
    lines[-1] += ", ".join(f"{name} {value:.0e}" for name, value in apart.items()) + "."
    if not all(one.alone for one in found):
        lines.append("(!) A row's answer there depends on its neighbours: not to be used.")
    return lines


def _missing(device: str) -> list[str]:
    absent = [name for name in BACKENDS if name not in installed()]
    return [f"Not installed here: {', '.join(absent)}."] if absent and device == "cpu" else []


def _advice(found: Sequence[Rate]) -> list[str]:
    top = best(found)
    return [
        "Fastest (of those within 3 % the smallest batch). Nothing is set by itself; both are part of the digests, so",
        "another value computes everything after the detector anew:",
        "",
        "detector:",
        f"  backend: {top.backend}",
        f"  forward_batch: {top.forward_batch}",
    ]
