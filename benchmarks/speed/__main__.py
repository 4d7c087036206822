"""Measure every stage beside the detector's raw forwards, on an idle machine: `make bench`.

For the demo's detector and for the paper's, each at the paper's settings but with few images: seconds an image, images
through the detector, what these take as raw full batches on the fastest backend, and the ratio of the two (the
overhead ratio: padded rows, building of perturbed images, segmentation, decoding, all counts); peak memory; and how the
time grows with the images. Every measurement is a process of its own; on a CPU it may use --threads cores only.
"""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from advxai.environment import as_a_job, processor
from benchmarks.speed.report import report
from benchmarks.speed.work import STAGES, Spec

ROOT = Path(__file__).parents[2]
DETECTORS = {"the demo's": ("tf_efficientnet_lite0", 112), "the paper's": ("tf_efficientnetv2_b0", 224)}
PACKAGES = ("torch", "timm", "openvino", "onnxruntime", "numpy")
MEMORY_BATCH = 64
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
        bar.set_description(f"{name} detector: {label}")
        settings = {"images": options.images, "repeat": options.repeat, **chosen, **more}
        found = measure(Spec(model=model, size=size, device=options.device, threads=options.threads, **settings))
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
    return {
        "model": model,
        "size": size,
        "raw": raw,
        "stages": {
            stage: run(stage, task="stage", stage=stage, images=IMAGES.get(stage, options.images)) for stage in STAGES
        },
        "package": run("lime package", task="package"),
        "growth": {stage: run(f"growth of {stage}", task="growth", stage=stage) for stage in STAGES},
        "memory": {
            stage: run(f"memory of {stage}", task="memory", stage=stage, forward_batch=MEMORY_BATCH) for stage in STAGES
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser("make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads, and cores, of a process; default: 1")
    parser.add_argument("--images", type=int, default=2, help="images an explainer; default: 2")
    parser.add_argument("--repeat", type=int, default=3, help="passes, of which the median counts; default: 3")
    parser.add_argument("--detector", choices=("demo", "paper"), help="only this one; default: both")
    parser.add_argument("--out", type=Path, help="without ending; default: benchmarks/results/<device>")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device is usable here")
    device = torch.cuda.get_device_name() if options.device == "cuda" else processor()
    names = [name for name in DETECTORS if options.detector in (None, name.removeprefix("the ").removesuffix("'s"))]
    with tqdm(total=len(names) * (2 + 3 * len(STAGES)), unit="measurement") as bar:
        detectors = {name: measured(name, options, bar) for name in names}
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    found = {
        "device": device,
        "threads": options.threads,
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip() or "unknown",
        "versions": {name: version(name) for name in PACKAGES},
        "memory_batch": MEMORY_BATCH,
        "detectors": detectors,
    }
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    out = options.out or ROOT / "benchmarks/results" / f"{slug}-{options.threads}"
    out.parent.mkdir(parents=True, exist_ok=True)
    text = report(found)
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    as_a_job()
    main()
