"""Measure every stage beside the detector's raw forwards, on an idle machine: `make bench`.

For the demo's detector and for the paper's, each at the paper's settings but with few images: seconds an image, images
through the detector, what these take as raw full batches on the fastest backend, and the ratio of the two (the
overhead ratio: padded rows, building of perturbed images, segmentation, decoding, all counts); peak memory; and how the
time grows with the images. Every measurement is a process of its own; on a CPU it may use --threads cores only. The
files are written anew after each detector.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from advxai.run.environment import as_a_job, installed_version, processor
from benchmarks.speed.report import ROOT, commit, report, slug
from benchmarks.speed.work import BESIDE, STAGES, Spec

DETECTORS = {"demo": ("tf_efficientnet_lite0", 112), "paper": ("tf_efficientnetv2_b0", 224)}
PACKAGES = ("torch", "timm", "openvino", "onnxruntime", "numpy")
BESIDE_BATCH = 16  # on a CPU, where forwards with gradients hold all features
MEMORY_BATCH = 64  # on a CPU; a GPU's is measured with the batch that is advised for it
PARTS = ("package", "growth", "memory", "beside")  # that can be left out
GIVEN = ("device", "threads", "images", "repeat", "at_once", "seconds")  # options that a measurement is told of
# as many iterations of NES on all images at once as make it worth while; the explainers' images take minutes
IMAGES = {"adversary": 8, "evaluation": 8}


def measure(spec: Spec) -> dict[str, Any]:
    """Outcome of a measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed.work", json.dumps(asdict(spec))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{spec.model}, {spec.stage or spec.task}: the measurement failed with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measured(name: str, options: argparse.Namespace, bar: tqdm) -> dict[str, Any]:
    """All about one detector."""
    model, size = DETECTORS[name]

    def run(label: str, **more: Any) -> dict[str, Any]:
        bar.set_description(f"the {name}'s detector: {label}")
        shared = {option: getattr(options, option) for option in GIVEN}
        found = measure(Spec(model=model, size=size, **shared | chosen | more))
        bar.update()
        return found

    chosen: dict[str, Any] = {}
    raw = run("raw forwards", task="raw")
    top, advised = raw["top"], raw["advised"]
    chosen = {
        "backend": advised["backend"],
        "forward_batch": advised["forward_batch"],
        "raw_backend": top["backend"],
        "raw_batch": top["forward_batch"],
    }
    found = {
        "model": model,
        "size": size,
        "raw": raw,
        "stages": {
            stage: run(stage, task="stage", stage=stage, images=max(options.images, IMAGES.get(stage, 1)))
            for stage in STAGES
        },
    }
    if "package" not in options.without:
        found["package"] = run("lime package", task="package")
    if "growth" not in options.without:
        found["growth"] = {stage: run(f"growth of {stage}", task="growth", stage=stage) for stage in STAGES}
    if "memory" not in options.without:
        found["memory_batch"] = batch = MEMORY_BATCH if options.device == "cpu" else advised["forward_batch"]
        found["memory"] = {
            stage: run(f"memory of {stage}", task="memory", stage=stage, forward_batch=batch) for stage in STAGES
        }
    if "beside" not in options.without:
        found["beside_batch"] = batch = BESIDE_BATCH if options.device == "cpu" else advised["forward_batch"]
        found["beside"] = {row: run(row, task="beside", stage=row, forward_batch=batch) for row in BESIDE}
    return found


def main() -> None:
    parser = argparse.ArgumentParser("make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads, and cores, of a process; default: 1")
    parser.add_argument("--images", type=int, default=2, help="images an explainer; default: 2")
    parser.add_argument("--repeat", type=int, default=3, help="passes, of which the median counts; default: 3")
    parser.add_argument("--at-once", type=int, default=8, help="images held at once, at most; default: 8")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a raw measurement; default: 2")
    parser.add_argument(
        "--detector", nargs="+", choices=DETECTORS, default=list(DETECTORS), help="in this order; default: both"
    )
    parser.add_argument("--without", nargs="+", choices=PARTS, default=[], help="parts that aren't measured")
    parser.add_argument("--out", type=Path, help="without ending; default: benchmarks/results/<device>")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device is usable here")
    device = torch.cuda.get_device_name() if options.device == "cuda" else processor()
    found = {
        "device": device,
        "threads": options.threads,
        "date": date.today().isoformat(),
        "commit": commit(),
        "versions": {name: installed_version(name) or "not installed" for name in PACKAGES},
        "repeat": options.repeat,
        "at_once": options.at_once,
        "not_measured": options.without,
        "detectors": {},
    }
    out = options.out or ROOT / "benchmarks/results" / f"{slug(device)}-{options.threads}"
    out.parent.mkdir(parents=True, exist_ok=True)
    parts = {"package": 1, "growth": len(STAGES), "memory": len(STAGES), "beside": len(BESIDE)}
    each = 1 + len(STAGES) + sum(count for part, count in parts.items() if part not in options.without)
    with tqdm(total=len(options.detector) * each, unit="measurement") as bar:
        for name in options.detector:
            found["detectors"][f"the {name}'s"] = measured(name, options, bar)
            text = report(found)
            out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
            out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    as_a_job()
    main()
