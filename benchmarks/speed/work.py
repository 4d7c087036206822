"""One measurement, in a process of its own, so that its peak memory is its own: `python -m benchmarks.speed.work SPEC`.

SPEC is JSON, see `Spec`; the outcome is the last line on stdout, JSON too.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

START = time.perf_counter()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from advxai.common.classes import FIVE  # noqa: E402
from advxai.config import Config, load  # noqa: E402
from advxai.config.kernels import Kernels  # noqa: E402
from advxai.detector.backends import installed  # noqa: E402
from advxai.detector.build import build_module, preprocessing  # noqa: E402
from advxai.detector.model import Detector  # noqa: E402
from advxai.detector.throughput import Rate, best, compare, rate  # noqa: E402
from advxai.run.jobs import use_threads  # noqa: E402

BATCHES = {"cpu": (8, 16, 32, 64, 128, 256), "cuda": (8, 16, 32, 64, 128, 256, 512, 1024)}
EXPLAINERS = ("LIME", "SHAP", "SOBOL", "RISE")
BESIDE = ("Occlusion", "KernelSHAP", "GradCAM", "IntegratedGradients", "GradientSHAP")  # measured without raw forwards
STAGES = ("adversary", *EXPLAINERS, "evaluation")
COUNTS = (1, 2, 4, 8)
ITERATIONS = 5  # of NES: each takes the same time
SIDE = 300  # of the pictures, in pixels: they are resized, as face crops are
PAPER = {
    "LIME": {"method": "lime", "baseline": "image_mean", "samples": 2000},
    "SHAP": {"method": "shap", "baseline": {"kind": "blur", "size": 128}, "evaluations": 2000},
    "SOBOL": {"method": "sobol", "baseline": {"kind": "blur", "size": 10}, "grid": 8, "design": 32},
    "RISE": {"method": "rise", "baseline": "zeros", "masks": 4000},
    "Occlusion": {"method": "occlusion", "baseline": "zeros"},
    "KernelSHAP": {"method": "kernel_shap", "baseline": "zeros"},
    "GradCAM": {"method": "gradcam"},
    "IntegratedGradients": {"method": "integrated_gradients", "baseline": "zeros"},
    "GradientSHAP": {"method": "gradient_shap", "baseline": "zeros"},
}
# A sixteenth of the budget: to see how the time grows with the images
SMALL = {"LIME": {"samples": 128}, "SHAP": {"evaluations": 128}, "SOBOL": {"design": 2}, "RISE": {"masks": 256}}


class Enough(Exception):
    """The forwards that were to be made are made."""


@dataclass(frozen=True)
class Spec:
    """What to measure.

    Attributes:
        task: of TASKS.
        model, size: timm name and input size.
        device, threads: where, with how many CPU threads, which are also all cores that the process may use.
        stage: of STAGES; of the task `beside`: of BESIDE.
        backend, forward_batch: as tuning advises.
        raw_backend, raw_batch: the fastest, to compare with.
        images, repeat: images a measurement, measurements.
        at_once: images that are held at once, at most; None: as many as in a run on that device.
        seconds: of a raw measurement.
        kernels: keys of `advxai.config.kernels.Kernels` that aren't at their defaults.
    """

    task: str
    model: str
    size: int
    device: str
    threads: int
    stage: str = ""
    backend: str = "torch"
    forward_batch: int = 64
    raw_backend: str = "torch"
    raw_batch: int = 64
    images: int = 2
    repeat: int = 3
    at_once: int | None = 8
    seconds: float = 2.0
    kernels: Mapping[str, Any] = field(default_factory=dict)


def config(spec: Spec, small: bool) -> Config:
    """The paper's settings, or small ones, for the spec's detector."""
    nes = {"iterations": 1 if small else ITERATIONS}
    return load(
        {
            "run": "bench",
            "images_at_once": spec.at_once,
            "corpus": {"kind": "ffpp", "root": ".", "splits": "."},
            "detector": {"model": spec.model, "input_size": spec.size, "device": spec.device, "threads": spec.threads},
            "explainers": {name: entry | (SMALL.get(name, {}) if small else {}) for name, entry in PAPER.items()},
            "adversary": nes,
            "evaluation": nes,
        }
    )


def detector(spec: Spec, backend: str, batch: int) -> Detector:
    """The network with random weights (they don't matter for the time) that never calls an image real."""
    torch.manual_seed(0)
    settings = config(spec, small=False).detector
    module = build_module(settings, FIVE.outputs)
    with torch.no_grad():
        module.get_classifier().bias[0] -= 100  # so that no attack ends early
    own = preprocessing(settings, module)
    kernels = Kernels(**spec.kernels)
    return Detector(module, own, device=spec.device, forward_batch=batch, backend=backend, kernels=kernels)


def picture(item: Mapping[str, Any]) -> np.ndarray:
    """A smooth picture, so that superpixels look like a photograph's: uint8 (SIDE, SIDE, 3)."""
    coarse = np.random.default_rng(item["number"]).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def works(spec: Spec, settings: Config, model: Detector, count: int) -> Iterator[Mapping[str, Any]]:
    """A stage's records of `count` images, by the stage's own code."""
    items = [{"key": f"{number}.png", "sha256": "", "number": number} for number in range(count)]
    if spec.stage == "adversary":
        from advxai.adversary import run as attack

        return attack(items, picture, model, settings.adversary, 0, settings.at_once)
    if spec.stage == "evaluation":
        from advxai.evaluation.attacks import run as attack_segments

        pixels = np.zeros((spec.size, spec.size), dtype=bool)
        pixels[: spec.size // 4, : spec.size // 4] = True
        attacks = [item | {"mask": "a quarter", "pixels": pixels} for item in items]
        return attack_segments(attacks, picture, model, settings.evaluation, 0, settings.at_once)
    from advxai.saliency import run as explain

    return explain(items, picture, model, settings.explainers[spec.stage], 0, settings.at_once)


class Watched:
    """Counts and times a detector's forwards; ends the work after so many of them.

    A GPU is only told what to do in a forward, and not waited for, as in a run: its `seconds` are those of telling.
    """

    def __init__(self, model: Detector, most: int | None = None) -> None:
        self.seconds, self.most, self.inner = 0.0, most, model.forward
        model.forward = self.forward  # type: ignore[method-assign]

    def forward(self, batch: torch.Tensor, *rows: int) -> torch.Tensor:
        if self.most == 0:
            raise Enough
        self.most = None if self.most is None else self.most - 1
        start = time.perf_counter()
        answers = self.inner(batch, *rows)
        self.seconds += time.perf_counter() - start
        return answers


def timed(spec: Spec, settings: Config, model: Detector, count: int) -> dict[str, Any]:
    """One pass over `count` images: seconds, those within forwards (of a GPU None: it isn't waited for), images through
    the detector, and `computed`, which counts the padding too."""
    watched, before, calls = Watched(model), model.images, model.calls
    start = time.perf_counter()
    made = sum(1 for _ in works(spec, settings, model, count))
    model.wait()
    seconds = time.perf_counter() - start
    model.forward = watched.inner  # type: ignore[method-assign]
    assert made == count
    return {
        "seconds": seconds,
        "forwards": watched.seconds if model.device.type == "cpu" else None,
        "images": model.images - before,
        "computed": (model.calls - calls) * model.forward_batch,
    }


def stage(spec: Spec) -> dict[str, Any]:
    """A stage at the paper's settings, each pass beside a raw measurement of its own."""
    model = detector(spec, spec.backend, spec.forward_batch)
    fastest = detector(spec, spec.raw_backend, spec.raw_batch)
    settings = config(spec, small=False)
    setup = time.perf_counter() - START
    timed(spec, config(spec, small=True), model, 1)  # imports, caches
    passes = []
    for _ in range(spec.repeat):
        before = rate(fastest, spec.seconds)
        found = timed(spec, settings, model, spec.images)
        raw = (before + rate(fastest, spec.seconds)) / 2
        passes.append(found | {"raw": raw, "overhead": found["seconds"] * raw / found["images"]})
    middle = sorted(passes, key=lambda one: one["overhead"])[len(passes) // 2]
    return {"setup": setup, "passes": passes, "count": spec.images, **middle}


def package(spec: Spec) -> dict[str, Any]:
    """The lime package on one image, with the usual transform of each image; a tenth of the samples."""
    from lime.lime_image import LimeImageExplainer

    model = detector(spec, spec.backend, spec.forward_batch)
    samples = PAPER["LIME"]["samples"] // 10
    forwards = 0.0

    def classify(images: np.ndarray) -> np.ndarray:
        nonlocal forwards
        batch = torch.stack([model.preprocessing.normalised(image) for image in images])
        start = time.perf_counter()
        answers = model.probabilities(batch).cpu().numpy()
        forwards += time.perf_counter() - start
        return answers

    image = picture({"number": 0})
    start = time.perf_counter()
    LimeImageExplainer(random_state=0).explain_instance(
        image, classify, num_samples=samples, batch_size=spec.forward_batch
    )
    return {"seconds": time.perf_counter() - start, "forwards": forwards, "images": samples}


def growth(spec: Spec) -> dict[str, Any]:
    """Seconds with 1, 2, 4 and 8 images, medians."""
    model, settings = detector(spec, spec.backend, spec.forward_batch), config(spec, small=True)
    timed(spec, settings, model, 1)
    rounds = [{count: timed(spec, settings, model, count)["seconds"] for count in COUNTS} for _ in range(spec.repeat)]
    return {str(count): statistics.median(one[count] for one in rounds) for count in COUNTS}


def memory(spec: Spec) -> dict[str, Any]:
    """Peak memory in MiB, with all images that are held at once in work, until the forwards have seen each of them."""
    model, settings = detector(spec, spec.backend, spec.forward_batch), config(spec, small=False)
    idle = _peak()
    Watched(model, most=3 * settings.at_once)
    try:
        for _ in works(spec, settings, model, 2 * settings.at_once):
            pass
    except Enough:
        pass
    held = torch.cuda.max_memory_allocated() / 2**20 if spec.device == "cuda" else None
    return {"idle": idle, "peak": _peak(), "cuda": held}


def beside(spec: Spec) -> dict[str, Any]:
    """Seconds and images an explanation, there and back, the median of the passes, and peak memory in MiB.

    Forwards with gradients are the module's, whatever the backend, in batches of `forward_batch`.
    """
    model, settings = detector(spec, spec.backend, spec.forward_batch), config(spec, small=False)
    idle, passes = _peak(), []
    list(works(spec, settings, model, 1))  # imports, caches
    for _ in range(spec.repeat):
        start = time.perf_counter()
        records = list(works(spec, settings, model, spec.images))
        passes.append((time.perf_counter() - start) / spec.images)
    return {
        "seconds": statistics.median(passes),
        **{name: records[0][name] for name in ("images", "calls", "backwards")},
        "idle": idle,
        "peak": _peak(),
        "cuda": torch.cuda.max_memory_allocated() / 2**20 if spec.device == "cuda" else None,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def raw(spec: Spec) -> dict[str, Any]:
    """Every installed backend with every batch, but inductor, which compiles for each (`make tune`, `make gpu`)."""
    settings = config(spec, small=False).detector
    module = build_module(settings, FIVE.outputs)
    backends = [name for name in installed(spec.device) if name != "inductor"]
    found: list[Rate] = list(
        compare(module, preprocessing(settings, module), spec.device, backends, BATCHES[spec.device], spec.seconds)
    )
    top = max(found, key=lambda one: one.rate)
    return {"rates": [asdict(one) for one in found], "top": asdict(top), "advised": asdict(best(found))}


TASKS: dict[str, Callable[[Spec], dict[str, Any]]] = {
    "raw": raw,
    "stage": stage,
    "package": package,
    "growth": growth,
    "memory": memory,
    "beside": beside,
}


def main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    if spec.device == "cpu":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: spec.threads])  # no other core helps out unseen
    use_threads(spec.threads)
    print(json.dumps(TASKS[spec.task](spec)))


if __name__ == "__main__":
    main()
