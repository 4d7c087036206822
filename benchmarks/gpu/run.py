"""All parts in order, saved after each."""

import argparse
import json
import os
import sys
import traceback
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch

from advxai.common.files import publish_text
from advxai.detector.backends import require_device
from advxai.run.environment import installed_version, processor
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.document import document
from benchmarks.gpu.pack import Pack
from benchmarks.gpu.parts import CPU_THREADS, MODELS, SIZES, agreement, kernels, nes_profile, precision, raw, stages
from benchmarks.speed.report import commit, slug

PACKAGES = ("torch", "timm", "numpy", "opencv")


def run(options: argparse.Namespace, pack: Pack, started: float) -> int:
    """Measure, write `<out>/<device>.json` and `.md` after each part, and print the latter.

    Args:
        options: device, minutes, threads, out.
        pack: what `make gpu-pack` made.
        started: of `time.monotonic`, when the command began.

    Returns:
        0; 1 if a part failed or the device doesn't agree with the CPU.

    Raises:
        InputError: there is no such device.
    """
    device = options.device
    require_device(device, "give --device cpu to try the command without one")
    sizes = SIZES[device].within(options.minutes)
    budget = Budget(60 * options.minutes, started, say=lambda line: print(line, flush=True))
    name = torch.cuda.get_device_name() if device == "cuda" else processor()
    here = commit()
    found: dict[str, Any] = {
        "command": f"--device {device} --minutes {options.minutes:g} --threads {options.threads}",
        "device": name,
        "on": device,
        "cpu": processor(),
        "threads": options.threads,
        "date": date.today().isoformat(),
        "commit": here if here != "unknown" else f"{pack.commit} (of the pack)",
        "versions": {package: installed_version(package) or "not installed" for package in PACKAGES}
        | ({"CUDA": torch.version.cuda} if device == "cuda" else {}),
        "minutes": options.minutes,
        "model": MODELS[0][0],
        "sizes": asdict(sizes),
        "failed": {},
    }
    out = Path(options.out) / slug(name)
    parts = {
        "agreement": lambda: agreement(found, save, budget, device, pack, sizes, _cores()),
        "raw": lambda: raw(found, save, budget, device, sizes, options.threads),
        "kernels": lambda: kernels(found, save, budget, device, sizes, options.threads),
        "stages": lambda: stages(found, save, budget, device, pack, sizes, options.threads),
        "profile": lambda: nes_profile(found, save, budget, device, sizes, options.threads),
        "precision": lambda: precision(found, save, budget, device, pack, sizes, options.threads),
    }

    def save() -> None:
        found.update(spent=budget.spent, done=budget.done, left_out=budget.left_out)
        publish_text(out.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
        publish_text(out.with_suffix(".md"), document(found))

    for part, make in parts.items():
        try:
            make()
        except Exception as error:  # the other parts' results are wanted all the same
            traceback.print_exc()
            found["failed"][part] = f"{type(error).__name__}: {error}".splitlines()[0]
        save()
    print(f"\n{document(found)}\nWritten to {out}.json and .md")
    differs = [
        f"{kind} detector: {said}" for kind, one in found.get("agreement", {}).items() for said in one.get("faults", ())
    ]
    for sentence in differs:
        print(f"Differs from the CPU: {sentence}", file=sys.stderr)
    return 1 if found["failed"] or differs else 0


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), CPU_THREADS)
