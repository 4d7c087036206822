"""Does a GPU compute what the CPU does? Maps of every explainer and NES's first step, on synthetic pictures.

    python -m benchmarks.cuda                   # CUDA against the CPU
    python -m benchmarks.cuda --device cpu      # the CPU against itself: all differences are 0

Both compute with the backend torch; the detector is tf_efficientnet_lite0 at 112 px with random weights, its batch
norms set to the pictures' statistics, so that its answers depend on the picture as a trained one's do. Prints JSON:

probabilities  the largest difference of one, of the pictures as they are and faded to grey in three steps (a sure
               answer's is small), their largest standard deviation, over the pictures as they are, and `rounding`: the
               root of the mean squared difference of their logarithms.
explainers     the largest difference of a map's value, the largest value, and how many pictures have the same top-3
               segments. `apart`: the largest difference of the CPU's scores of two segments that change places there: 0
               or of rounding's size in a tie; `highest`: the largest of all scores. `allowed`: what rounding explains
               of the difference, see below; `alone`: the device's maps are
               bit-equal when it explains one picture at a time (a white box: half of them). `alike`: of a white box,
               the least correlation of a picture's two maps. The adversarial copies are the CPU's, for both.
left_out       rows whose packages aren't installed, with these.
nes            the same noise, drawn on the CPU: share of the pixels that the first step moves alike, least and mean of
               the pictures. At sigma = 0.001 it is the finest comparison of probabilities that the product makes.

Exit code 1 and the reasons on stderr: a map, NES or a probability differs by more than rounding explains, top-3
segments differ, or `alone` doesn't hold. A map that is divided by the answers' variance, or stretched, magnifies their
rounding, on an H100 up to 2e-4 where it is 1e-7 in a probability. So the device explains once more, with answers whose
logarithms independent noise of that `rounding` shakes, and may differ from the CPU by three times what this has
changed, at least by 1e-5; segments whose scores are nearer than that may change places. Rounding moves a gradient by
jumps where a ReLU's input is near 0: in float32 and in float64, both on a CPU, single values differed by 1 % of the
largest one and maps were correlated by 0.99995. So white boxes are compared by that, and may swap segments
whose scores are as good as equal. What asks for attention is compared on small networks that have some. `make gpu`
makes the same comparison, with a trained detector and faces too.
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor  # to torch, which looks for a package `cuda` in a script's folder, no more than an ImportError

from advxai.adversary import run as attack_all
from advxai.adversary.nes import attack, gaussian_noise, reconstruct
from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.common.randomness import seed_of
from advxai.config import Config, load
from advxai.detector import checkpoint
from advxai.detector.backends import CLOSE, require_device
from advxai.detector.build import build_module, preprocessing
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.run.environment import as_a_job, installed_version, processor
from advxai.run.jobs import use_threads
from advxai.run.weights import said
from advxai.saliency import run as explain
from benchmarks.speed.work import picture

MODEL, SIZE = "tf_efficientnet_lite0", 112
BATCH, TOP, AT_ONCE = 64, 3, 8
MAP = 1e-5  # of a map's value, at least: its rounding was 2e-6 at most on an H100 where nothing magnifies it
MAGNIFIED = 3  # times what answers shaken by their own rounding change
LEAST = 1e-30  # of a probability, for its logarithm
FADED = (1.0, 0.75, 0.5, 0.25)  # of a picture, the rest grey: where probabilities are compared
ALIKE = 0.999  # correlation of a white box's maps
TIE = 0.005  # of the highest score: a white box's segments that are nearer to each other may change places
SIGNS = 0.999  # of a picture's, at least: roundings on a CPU leave 99.98 % (benchmarks/results/precision.md)
COPIED = 5  # iterations of NES in an adversarial copy: whether it deceives doesn't matter
PLAIN = {
    "LIME": {"method": "lime", "baseline": "image_mean", "samples": 256},
    "SHAP": {"method": "shap", "baseline": {"kind": "blur", "size": 128}, "evaluations": 256},
    "SOBOL": {"method": "sobol", "baseline": {"kind": "blur", "size": 10}, "grid": 8, "design": 4},
    "RISE": {"method": "rise", "baseline": "zeros", "masks": 256},
    "Occlusion": {"method": "occlusion", "baseline": "zeros", "grid": 14},
    "KernelSHAP": {"method": "kernel_shap", "baseline": "zeros", "samples": 256},
}
WHITE = {
    "GradCAM": {"method": "gradcam"},
    "GradCAMpp": {"method": "gradcam++", "layers": "all"},
    "HiResCAM": {"method": "hirescam"},
    "IntegratedGradients": {"method": "integrated_gradients", "baseline": "zeros", "steps": 50},
    "GradientSHAP": {"method": "gradient_shap", "baseline": "zeros", "samples": 50},
}
EXPLAINERS = PLAIN | {f"{name}_adv": entry | {"baseline": "adversarial"} for name, entry in PLAIN.items()} | WHITE
# What asks for attention, each with a small detector that has some
ATTENDING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Relevancy": ({"model": "vit_tiny_patch16_224", "input_size": 224}, {"method": "relevancy"}),
    "Attention": (
        {"model": "efficientnet_ltpa", "input_size": 112, "network": {"backbone": "mobilenetv3_small_050"}},
        {"method": "attention"},
    ),
}
ATTENDED = 4  # rows of their forwards: a CPU computes them too
Item = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A network on the CPU and on another device, and pictures.

    Attributes:
        items: with `key` and `sha256`; none is called real.
        image: item -> RGB uint8 (h, w, 3).
        cpu, other: the detectors.
        called_real: pictures that were left out, since nothing attacks them.
    """

    items: list[dict[str, Any]]
    image: Callable[[Item], np.ndarray]
    cpu: Detector
    other: Detector
    called_real: int = 0


def config(model: str = MODEL, size: int = SIZE) -> Config:
    return _config({"model": model, "input_size": size}, EXPLAINERS)


def _config(detector: Mapping[str, Any], explainers: Mapping[str, Any]) -> Config:
    corpus = {"kind": "ffpp", "root": ".", "splits": "."}
    return load({"run": "cuda", "corpus": corpus, "detector": detector, "explainers": explainers})


def attending_pair(name: str, device: str, count: int) -> tuple[Config, Pair]:
    """Settings and detectors for a row of ATTENDING, with so many synthetic pictures."""
    detector, entry = ATTENDING[name]
    settings = _config(detector, {name: entry})
    return settings, random_pair(settings, device, count, ATTENDED)


def random_pair(settings: Config, device: str, count: int, batch: int = BATCH) -> Pair:
    """Random weights, and so many synthetic pictures, of which none is called real.

    Args:
        settings: of the detector.
        device: torch device.
        count: pictures.
        batch: rows of every forward.
    """
    torch.manual_seed(0)
    module = build_module(settings.detector, FIVE.outputs)
    own = preprocessing(settings.detector, module)
    norms = [layer for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    *_, head = (layer for layer in module.modules() if isinstance(layer, torch.nn.Linear))
    for layer in norms:
        layer.momentum = None  # the mean of all batches
    with torch.no_grad():
        if norms:
            module.train()(torch.stack([own.normalised(picture({"number": 1000 + n})) for n in range(BATCH)]))
        head.bias[FIVE.real] -= 3
    cpu, other = (Detector(module, own, device=where, forward_batch=batch) for where in ("cpu", device))
    items = [{"key": f"{number}.png", "sha256": "", "number": number} for number in range(count)]
    return Pair(items, picture, cpu, other)


def trained_pair(
    weights: Path, device: str, items: list[dict[str, Any]], image: Callable[[Item], np.ndarray]
) -> tuple[Config, Pair]:
    """A trained detector and those of the pictures that it doesn't call real; with the settings to compare it by.

    Args:
        weights: safetensors file of ours, which says the model and its input size.
        device: torch device.
        items: pictures, with `key` and `sha256`.
        image: item -> RGB uint8 (h, w, 3).

    Raises:
        InputError: the file can't be used, or all pictures are called real.
    """
    about = said(weights)
    settings = config(about.get("model", MODEL), about.get("input_size", SIZE))
    cpu, other = (
        checkpoint.load(settings.detector, weights, forward_batch=BATCH, device=where) for where in ("cpu", device)
    )
    answers = cpu.probabilities(torch.stack([cpu.preprocessing.normalised(image(item)) for item in items]))
    fake = (~cpu.classes.called_real(answers)).tolist()
    chosen = [item for item, kept in zip(items, fake, strict=True) if kept]
    if not chosen:
        raise InputError(f"{weights}: calls each of the {len(items)} pictures Real; take others, or another detector")
    return settings, Pair(chosen, image, cpu, other, len(items) - len(chosen))


def absent(settings: Config, name: str) -> list[str]:
    """Packages that an explainer needs and this environment lacks."""
    return [package for package in settings.explainers[name].packages if installed_version(package) is None]


def copies(settings: Config, pair: Pair) -> dict[str, np.ndarray]:
    """Step maps of the pictures' adversarial copies by key, made on the CPU: both devices fill with the same."""
    nes = settings.adversary.model_copy(update={"iterations": COPIED})
    made = attack_all(pair.items, pair.image, pair.cpu, nes, 0, AT_ONCE)
    return {record["key"]: record["steps"] for record in made}


def maps(
    settings: Config, name: str, pair: Pair, detector: Detector, steps: Mapping[str, np.ndarray], at_once: int
) -> list[dict[str, Any]]:
    """An explainer's records, in the order of the pictures."""

    def adversarial(item: Item, image: Tensor) -> tuple[Tensor, Mapping[str, Any]]:
        return reconstruct(image, steps[item["key"]], settings.adversary, detector.preprocessing), {}

    entry = settings.explainers[name]
    filled = adversarial if entry.filling == "adversarial" else None
    found = {record["key"]: record for record in explain(pair.items, pair.image, detector, entry, 0, at_once, filled)}
    return [found[item["key"]] for item in pair.items]


def shaken(detector: Detector, size: float) -> Detector:
    """The detector with normal noise of a standard deviation in its answers' logarithms, the same in every run."""
    one = copy.copy(detector)
    generator = torch.Generator().manual_seed(seed_of("shaken"))

    def forward(batch: Tensor, *rows: int) -> Tensor:
        answers = detector.forward(batch, *rows)
        noise = torch.randn(answers.shape, generator=generator).to(answers.device)
        return (_logarithms(answers) + size * noise).softmax(dim=1)

    one.forward = forward  # type: ignore[method-assign]
    return one


def _logarithms(answers: Tensor) -> Tensor:
    return answers.clamp(min=LEAST).log()


def largest(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> float:
    """The largest difference of a map's value."""
    return max(float(np.abs(a["map"] - b["map"]).max()) for a, b in zip(one, other, strict=True))


def compare_maps(
    settings: Config, name: str, pair: Pair, steps: Mapping[str, np.ndarray], rounding: float
) -> dict[str, Any]:
    """One explainer on both devices, see the module's text; `images`: how many pictures.

    Args:
        settings: has the explainer.
        name: its row.
        pair: the detectors.
        steps: of the adversarial copies, by key; {}: the row needs none.
        rounding: of the answers' logarithms, as `compare_probabilities` measures it.
    """
    ours, theirs = (maps(settings, name, pair, detector, steps, AT_ONCE) for detector in (pair.cpu, pair.other))
    white = settings.explainers[name].gradients
    every = 2 if white else 1  # a white box takes as many at once as a forward has rows
    alone = maps(settings, name, replace(pair, items=pair.items[::every]), pair.other, steps, at_once=1)
    allowed = MAP
    if not white:
        moved = maps(settings, name, pair, shaken(pair.other, rounding), steps, AT_ONCE)
        allowed = max(MAP, MAGNIFIED * largest(theirs, moved))
    tops = [(a["scores"], a["ranking"][:TOP], b["ranking"][:TOP]) for a, b in zip(ours, theirs, strict=True)]
    other = [np.abs(scores[a] - scores[b]).max() for scores, a, b in tops if not np.array_equal(a, b)]
    return {
        "images": len(ours),
        **({"alike": min(correlation(a["map"], b["map"]) for a, b in zip(ours, theirs, strict=True))} if white else {}),
        **({} if white else {"allowed": allowed}),
        "difference": largest(ours, theirs),
        "largest": max(float(np.abs(a["map"]).max()) for a in ours),
        "same_top_3": len(tops) - len(other),
        "apart": float(max(other, default=0.0)),
        "highest": max(float(np.abs(a["scores"]).max()) for a in ours),
        "alone": all(np.array_equal(a["map"], b["map"]) for a, b in zip(theirs[::every], alone, strict=True)),
    }


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, of two maps; 1 of equal ones, even if they are constant."""
    if np.array_equal(one, other):
        return 1.0
    apart, beside = one - one.mean(dtype=float), other - other.mean(dtype=float)
    return float((apart * beside).sum() / np.sqrt((apart**2).sum() * (beside**2).sum()))


def first_step(settings: Config, detector: Detector, item: Item, image: np.ndarray) -> np.ndarray:
    """The steps of NES's first iteration, with noise from the CPU: int8 (1 or 3, h, w).

    Raises:
        RuntimeError: the picture is called real, so that there is no step.
    """
    nes = settings.adversary.model_copy(update={"iterations": 1})
    size = (detector.preprocessing.input_size,) * 2
    drawn = gaussian_noise(nes.samples, size, torch.device("cpu"), 0, item["key"], channels=nes.channels)
    placed = detector.place(detector.preprocessing.normalised(image))
    work = attack(placed, nes, detector.preprocessing, lambda n: drawn(n).to(detector.device), detector.classes)
    ((_, outcome, _),) = drive([(item["key"], work)], detector, 1)
    if outcome.iterations != 1:
        raise RuntimeError(f"{item['key']}: called real before the first step, which then says nothing")
    return outcome.steps


def compare_first_steps(settings: Config, pair: Pair) -> dict[str, Any]:
    """NES's first step on both devices, see the module's text."""
    equal = []
    for item in pair.items:
        image = pair.image(item)
        a, b = (first_step(settings, detector, item, image) for detector in (pair.cpu, pair.other))
        equal.append(float((a == b).mean()))
    return {"images": len(equal), "least": min(equal), "mean": sum(equal) / len(equal)}


def compare_probabilities(pair: Pair) -> dict[str, float]:
    """Probabilities of the pictures on both devices, see the module's text."""
    process = pair.cpu.preprocessing
    units = torch.stack([process.unit(pair.image(item)) for item in pair.items])
    images = process.normalise(torch.cat([0.5 + share * (units - 0.5) for share in FADED]))
    ours, theirs = (detector.probabilities(images.to(detector.device)).cpu() for detector in (pair.cpu, pair.other))
    spread = ours[: len(units)].std(dim=0, correction=0).max()
    rounding = (_logarithms(ours) - _logarithms(theirs)).square().mean().sqrt()
    return {"difference": float((ours - theirs).abs().max()), "spread": float(spread), "rounding": float(rounding)}


def faults(found: Mapping[str, Any]) -> list[str]:
    """What differs by more than rounding explains, a sentence each; what wasn't compared isn't missed.

    Args:
        found: with some of `probabilities`, `explainers` and `nes`, as `main` prints.
    """
    said = []
    if "probabilities" in found and not found["probabilities"]["difference"] <= CLOSE:
        said.append(f"a probability differs by {found['probabilities']['difference']:.1e}, more than {CLOSE:.0e}")
    for name, one in found.get("explainers", {}).items():
        white = "alike" in one
        if white and not one["alike"] >= ALIKE:
            said.append(f"{name}: a picture's two maps are correlated by {one['alike']:.4f}, less than {ALIKE}")
        allowed = one.get("allowed", MAP)
        if not white and not one["difference"] <= allowed:
            said.append(f"{name}: a map's value differs by {one['difference']:.1e}, more than {allowed:.1e}")
        tied = one["apart"] <= (TIE * one["highest"] if white else allowed)
        if one["same_top_3"] != one["images"] and not tied:
            said.append(
                f"{name}: {one['images'] - one['same_top_3']} of {one['images']} pictures have other top-3 segments, "
                f"whose scores are up to {one['apart']:.1e} apart"
            )
        if not one["alone"]:
            said.append(f"{name}: a picture's map depends on which others are explained with it")
    if "nes" in found and not found["nes"]["least"] >= SIGNS:
        least = found["nes"]["least"]
        said.append(f"NES's first step: {least:.3%} of a picture's pixels move alike, less than {SIGNS:.1%}")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--images", type=int, default=4, help="pictures; default: 4")
    options = parser.parse_args()
    require_device(options.device)
    use_threads(1)
    settings = config()
    pair = random_pair(settings, options.device, options.images)
    steps = copies(settings, pair)
    left_out = {name: ", ".join(packages) for name in EXPLAINERS if (packages := absent(settings, name))}
    probabilities = compare_probabilities(pair)
    rounding = probabilities["rounding"]
    attending = {name: attending_pair(name, options.device, options.images) for name in ATTENDING}
    found = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else processor(),
        "cpu": processor(),
        "versions": {name: version(name) for name in ("torch", "timm", "numpy")},
        "images": options.images,
        "probabilities": probabilities,
        "explainers": {
            **{
                name: compare_maps(settings, name, pair, steps, rounding) for name in EXPLAINERS if name not in left_out
            },
            **{name: compare_maps(own, name, one, {}, 0.0) for name, (own, one) in attending.items()},
        },
        "left_out": left_out,
        "nes": compare_first_steps(settings, pair),
    }
    print(json.dumps(found, indent=1))
    said = faults(found)
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    as_a_job()
    sys.exit(main())
