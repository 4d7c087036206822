"""The measurements in words and tables."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from advxai.config import load
from advxai.config.file import read
from advxai.detector.throughput import Rate
from advxai.detector.tune import table
from advxai.plan.count import PAPER_ITERATIONS
from benchmarks.speed.projection import IMAGES, project
from benchmarks.speed.work import COUNTS, ITERATIONS

ROOT = Path(__file__).parents[2]
FFPP = ROOT / "config/ffpp.yaml"


def slug(device: str) -> str:
    """A device's name as that of a file: lower-case letters and digits, the rest as single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")


def commit() -> str:
    """What is measured; unknown in a copy that git doesn't know."""
    if shutil.which("git") is None:
        return "unknown"
    said = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def report(found: Mapping[str, Any]) -> str:
    """Markdown of what `benchmarks.speed` has found."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    head = [
        f"# Speed on {found['device']}, {found['threads']} thread(s)",
        "",
        f"{found['date']}, commit {found['commit']}; {versions}. `make bench`; medians of "
        f"{found['repeat']}, {found['at_once']} images held at once.",
    ]
    if found["not_measured"]:
        head += ["", f"Left out: {', '.join(found['not_measured'])}."]
    parts = [line for name, one in found["detectors"].items() for line in _detector(name, one, found["at_once"])]
    return "\n".join([*head, *parts]) + "\n"


def _detector(name: str, found: Mapping[str, Any], at_once: int) -> list[str]:
    top, advised = found["raw"]["top"], found["raw"]["advised"]
    return [
        "",
        f"## {name.capitalize()} detector: {found['model']} at {found['size']} px",
        "",
        "Raw full batches, images a second:",
        "",
        *table([Rate(**one) for one in found["raw"]["rates"]]),
        "",
        f"Below: {advised['backend']} with batches of {advised['forward_batch']}, compared with raw batches of "
        f"{top['forward_batch']} on {top['backend']}, measured anew beside each pass.",
        "",
        *_stages(found["stages"]),
        *(_package(found) if "package" in found else []),
        *(_growths(found["growth"]) if "growth" in found else []),
        *(_memory(found["memory"], found["memory_batch"], at_once) if "memory" in found else []),
        *(_beside(found["beside"], found["beside_batch"]) if "beside" in found else []),
        *_projection(found),
    ]


def _stages(stages: Mapping[str, Any]) -> list[str]:
    rows = []
    for stage, one in stages.items():
        each = one["seconds"] / one["images"]
        shown = sorted(found["overhead"] for found in one["passes"])
        rows.append(
            [
                stage,
                one["images"],
                f"{one['seconds']:.2f}",
                f"{one['images'] / one['raw']:.2f}",
                f"{one['overhead']:.3f}",
                f"{shown[0]:.3f} - {shown[-1]:.3f}",
                f"{1 / each:.1f}",
                "-" if one["forwards"] is None else f"{1 - one['forwards'] / one['seconds']:.1%}",
                f"{one['setup']:.1f}",
            ]
        )
    head = ["", "images", "seconds", "raw seconds", "overhead ratio", "of all passes", "images/s"]
    iterations = [
        f"{stage} {1000 * one['seconds'] / ITERATIONS / one['count']:.3g} ms"
        for stage, one in stages.items()
        if stage in ("adversary", "evaluation")
    ]
    return [
        *markdown([*head, "outside forwards", "set-up (s)"], rows),
        "",
        f"NES (n = 40), an iteration of one of {stages['adversary']['count']} images: {', '.join(iterations)}.",
        "",
    ]


def _package(found: Mapping[str, Any]) -> list[str]:
    ours, theirs = found["stages"]["LIME"], found["package"]
    if ours["forwards"] is None:
        return []  # of a GPU that isn't waited for
    shares = [(one["seconds"] - one["forwards"]) / one["forwards"] for one in (ours, theirs)]
    return [
        f"Outside the forwards LIME takes {shares[0]:.1%} of the forwards' time here; the lime package, which is given "
        f"each perturbed image to transform, {shares[1]:.1%} ({theirs['images']} samples).",
        "",
    ]


def _growths(growth: Mapping[str, Any]) -> list[str]:
    return [
        "Seconds with more images, at a sixteenth of the budget (NES: one iteration), medians:",
        "",
        *markdown(
            ["", *map(str, COUNTS), "largest growth at a doubling"],
            [[stage, *_growth(times)] for stage, times in growth.items()],
        ),
        "",
    ]


def _memory(memory: Mapping[str, Any], batch: int, at_once: int) -> list[str]:
    return [
        f"Peak memory in GiB with forward batches of {batch} and {at_once} images held at once; idle: imports and "
        "the network alone:",
        "",
        *markdown(
            ["", "peak", "idle", "device"],
            [
                [stage, *(f"{one[key] / 1024:.2f}" if one[key] else "-" for key in ("peak", "idle", "cuda"))]
                for stage, one in memory.items()
            ],
        ),
        "",
    ]


def _beside(beside: Mapping[str, Any], batch: int) -> list[str]:
    return [
        f"Other explainers at their defaults, with batches of {batch}: seconds and images an explanation, images back "
        "through the detector, and memory in GiB:",
        "",
        *markdown(
            ["", "seconds", "images", "back", "peak", "idle", "device"],
            [
                [
                    row,
                    f"{one['seconds']:.2f}",
                    str(one["images"]),
                    str(one["backwards"]),
                    *(f"{one[key] / 1024:.2f}" if one[key] else "-" for key in ("peak", "idle", "cuda")),
                ]
                for row, one in beside.items()
            ],
        ),
        "",
    ]


def _growth(times: Mapping[str, float]) -> list[str]:
    values = [times[str(count)] for count in COUNTS]
    doublings = [after / before for before, after in pairwise(values)]
    return [*(f"{value:.2f}" for value in values), f"{max(doublings):.2f}"]


def _projection(found: Mapping[str, Any]) -> list[str]:
    """Hours of one process for FF++, at each stage's measured speed."""
    config = load(read(FFPP))
    hours = project(config, {stage: one["images"] / one["seconds"] for stage, one in found["stages"].items()})
    return [
        f"The {len(config.of_kind('explainer'))} explainers of config/ffpp.yaml for {IMAGES} images would take one "
        f"such process {sum(row.hours for row in hours):.0f} hours ({PAPER_ITERATIONS} iterations of the adversary, "
        "segment attacks at their most)."
    ]


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A Markdown table's lines, its first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
