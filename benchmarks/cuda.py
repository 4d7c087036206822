"""Does a GPU compute what the CPU does? Maps of every explainer and NES's first step, on synthetic pictures.

    python -m benchmarks.cuda                   # CUDA against the CPU
    python -m benchmarks.cuda --device cpu      # the CPU against itself: all differences are 0

Both compute with the backend torch; the detector is tf_efficientnet_lite0 at 112 px with random weights, its batch
norms set to the pictures' statistics, so that its answers depend on the picture as a trained one's do. Prints JSON:

probabilities  the largest difference of one, and their largest standard deviation, over the pictures.
explainers     the largest difference of a map's value, the largest value, and how many pictures have the same top-3
               segments. `alone`: the device's maps are bit-equal when it explains one picture at a time.
nes            the same noise, drawn on the CPU: share of the pixels that the first step moves alike, least and mean of
               the pictures. At sigma = 0.001 it is the finest comparison of probabilities that the product makes.

Exit code 1: probabilities or NES differ by more than rounding explains, or `alone` doesn't hold.
"""

import argparse
import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from advxai.adversary.nes import attack, gaussian_noise
from advxai.classes import CLASSES, REAL
from advxai.config import Config, load
from advxai.detector.backends import CLOSE, require_device
from advxai.detector.build import build_module, preprocessing
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.environment import as_a_job, processor
from advxai.jobs import use_threads
from advxai.saliency import run as explain
from benchmarks.speed.work import picture

SIZE, BATCH, TOP = 112, 64, 3
SIGNS = 0.99  # of a picture's, at least: roundings on a CPU leave 99.98 % (benchmarks/results/precision.md)
EXPLAINERS = {
    "LIME": {"method": "lime", "baseline": "image_mean", "samples": 256},
    "SHAP": {"method": "shap", "baseline": {"kind": "blur", "size": 128}, "evaluations": 256},
    "SOBOL": {"method": "sobol", "baseline": {"kind": "blur", "size": 10}, "grid": 8, "design": 4},
    "RISE": {"method": "rise", "baseline": "zeros", "masks": 256},
}


def config() -> Config:
    return load(
        {
            "run": "cuda",
            "corpus": {"kind": "ffpp", "root": ".", "splits": "."},
            "detector": {"model": "tf_efficientnet_lite0", "input_size": SIZE},
            "explainers": EXPLAINERS,
            "adversary": {"iterations": 1},
        }
    )


def items(count: int) -> list[dict[str, Any]]:
    return [{"key": f"{number}.png", "sha256": "", "number": number} for number in range(count)]


def detectors(settings: Config, device: str) -> tuple[Detector, Detector]:
    """The same network on the CPU and on the device, which calls none of the pictures real."""
    torch.manual_seed(0)
    module = build_module(settings.detector, len(CLASSES))
    own = preprocessing(settings.detector, module)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean of all batches
    with torch.no_grad():
        module.train()(torch.stack([own.normalised(picture({"number": 1000 + n})) for n in range(BATCH)]))
        module.get_classifier().bias[CLASSES.index(REAL)] -= 3
    first, second = (Detector(module, own, device=where, forward_batch=BATCH) for where in ("cpu", device))
    return first, second


def maps(settings: Config, name: str, detector: Detector, count: int, at_once: int) -> list[dict[str, Any]]:
    """An explainer's records, in the order of the pictures."""
    found = explain(items(count), picture, detector, settings.explainers[name], 0, at_once)
    return sorted(found, key=lambda record: int(record["key"].removesuffix(".png")))


def compare_maps(settings: Config, name: str, cpu: Detector, other: Detector, count: int) -> dict[str, Any]:
    ours, theirs = (maps(settings, name, detector, count, at_once=8) for detector in (cpu, other))
    alone = maps(settings, name, other, count, at_once=1)
    return {
        "difference": max(float(np.abs(a["map"] - b["map"]).max()) for a, b in zip(ours, theirs, strict=True)),
        "largest": max(float(np.abs(a["map"]).max()) for a in ours),
        "same_top_3": sum(
            np.array_equal(a["ranking"][:TOP], b["ranking"][:TOP]) for a, b in zip(ours, theirs, strict=True)
        ),
        "alone": all(np.array_equal(a["map"], b["map"]) for a, b in zip(theirs, alone, strict=True)),
    }


def first_step(settings: Config, detector: Detector, item: dict[str, Any]) -> np.ndarray:
    """The steps of NES's first iteration, with noise from the CPU."""
    nes = settings.adversary
    drawn = gaussian_noise(nes.samples, (SIZE, SIZE), torch.device("cpu"), 0, item["key"], channels=nes.channels)
    image = detector.place(detector.preprocessing.normalised(picture(item)))
    work = attack(image, nes, detector.preprocessing, lambda n: drawn(n).to(detector.device), detector.real)
    ((_, outcome, _),) = drive([(item["key"], work)], detector, 1)
    if outcome.iterations != 1:
        raise RuntimeError(f"{item['key']}: called real before the first step, which then says nothing")
    return outcome.steps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--images", type=int, default=4, help="pictures; default: 4")
    options = parser.parse_args()
    require_device(options.device)
    use_threads(1)
    settings = config()
    cpu, other = detectors(settings, options.device)
    images = torch.stack([cpu.preprocessing.normalised(picture(item)) for item in items(options.images)])
    ours, theirs = (detector.probabilities(images).cpu() for detector in (cpu, other))
    steps = [[first_step(settings, detector, item) for detector in (cpu, other)] for item in items(options.images)]
    equal = [float((a == b).mean()) for a, b in steps]
    found = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else processor(),
        "cpu": processor(),
        "versions": {name: version(name) for name in ("torch", "timm", "numpy")},
        "images": options.images,
        "probabilities": {"difference": float((ours - theirs).abs().max()), "spread": float(ours.std(dim=0).max())},
        "explainers": {name: compare_maps(settings, name, cpu, other, options.images) for name in EXPLAINERS},
        "nes": {"least": min(equal), "mean": sum(equal) / len(equal)},
    }
    print(json.dumps(found, indent=1))
    right = found["probabilities"]["difference"] <= CLOSE and found["nes"]["least"] >= SIGNS
    return 0 if right and all(one["alone"] for one in found["explainers"].values()) else 1


if __name__ == "__main__":
    as_a_job()
    sys.exit(main())
