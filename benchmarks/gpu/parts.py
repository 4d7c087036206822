"""The parts of `make gpu`: agreement with the CPU, raw forwards, a profile of NES, stages. Each adds its findings."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from advxai.common.classes import FIVE
from advxai.config import Config, load
from advxai.config.file import read
from advxai.detector.build import build_module, preprocessing
from advxai.detector.throughput import compare
from advxai.media.cut import decode_png
from advxai.plan.count import explanation
from advxai.plan.found import Held
from advxai.run.jobs import use_threads
from benchmarks import cuda
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.pack import REMEDY, Pack, evenly
from benchmarks.speed import work
from benchmarks.speed.projection import project
from benchmarks.speed.report import FFPP
from benchmarks.speed.work import EXPLAINERS, STAGES, Spec, timed

MODELS = (("tf_efficientnetv2_b0", 224), ("tf_efficientnet_lite0", 112))  # the paper's, the demo's
TOP_KERNELS = 15
SLACK = 1.5  # of a guess from the raw rate: a stage has more to do than its forwards
CPU_THREADS = 8  # at most, of the CPU that the device is compared with


@dataclass(frozen=True)
class Sizes:
    """How much is done.

    Attributes:
        faces, pictures: compared with the CPU: crops with the trained detector, synthetic pictures with random weights.
        raw_batches: forward batches of the raw rates.
        seconds: of a raw measurement.
        batches: forward batches of the stages, the most important first.
        images, attacks: of an explainer's measurement and of an attack's.
        held: images held at once, at most.
        small: a sixteenth of the paper's budgets.
        iterations: of NES in the profile.
    """

    faces: int
    pictures: int
    raw_batches: tuple[int, ...]
    seconds: float
    batches: tuple[int, ...]
    images: int
    attacks: int
    held: int
    small: bool
    iterations: int

    def count(self, stage: str) -> int:
        """Images of a stage's measurement."""
        return self.images if stage in EXPLAINERS else self.attacks


SIZES = {
    "cuda": Sizes(24, 4, work.BATCHES["cuda"], 1.0, (512, 64, 256, 1024, 128), 24, 64, 32, False, 2),
    "cpu": Sizes(2, 1, (8, 16, 32), 1.0, (16, 8), 2, 2, 8, True, 1),
}
# When each part's share of the budget ends
ENDS = {"agreement": 0.4, "raw": 0.52, "profile": 0.66, "stages": 0.97}
Found = dict[str, Any]
Save = Callable[[], None]


def agreement(found: Found, save: Save, budget: Budget, device: str, pack: Pack, sizes: Sizes, threads: int) -> None:
    """Compare the device with the CPU (`benchmarks.cuda`): a trained detector on faces, and random weights.

    Adds `agreement`, {"trained" or "random": as `benchmarks.cuda` prints, `called_real`, and `faults`}.
    """
    budget.part("agreement", ENDS["agreement"])
    use_threads(threads)
    crops = evenly(pack.crops, sizes.faces)

    def image(item: cuda.Item) -> Any:
        return decode_png((pack.folder / item["file"]).read_bytes(), item["file"], f"delete the folder and {REMEDY}")

    settings = cuda.config()
    pairs = {
        "trained": lambda: cuda.trained_pair(pack.weights, device, crops, image),
        "random": lambda: (settings, cuda.random_pair(settings, device, sizes.pictures)),
    }
    found["agreement"] = {}
    for name, opened in pairs.items():
        ready = budget.take(f"{name} detector", opened)
        if ready is not None:
            _compare(found, save, budget, name, *ready)


def _compare(found: Found, save: Save, budget: Budget, name: str, settings: Config, pair: cuda.Pair) -> None:
    one: Found = {"images": len(pair.items), "called_real": pair.called_real, "explainers": {}}
    found["agreement"][name] = one
    for key, compare_all in (
        ("probabilities", lambda: cuda.compare_probabilities(pair)),
        ("nes", lambda: cuda.compare_first_steps(settings, pair)),
    ):
        made = budget.take(f"{name}, {key}", compare_all)
        if made is not None:
            one[key] = made
    steps = budget.take(f"{name}, adversarial copies", lambda: cuda.copies(settings, pair))
    known: dict[str, float] = {}  # seconds of each method: the baseline makes no difference
    for explainer in cuda.EXPLAINERS:
        if packages := cuda.absent(settings, explainer):
            budget.skip(f"{name}, {explainer}", f"{', '.join(packages)} isn't installed here")
            continue
        if steps is None and "adversarial" in settings.explainers[explainer].needs:
            budget.skip(f"{name}, {explainer}", "its adversarial copies were left out")
            continue
        method = explainer.removesuffix("_adv")
        guess = known.get(method, min(known.values(), default=0.0))
        made = budget.take(
            f"{name}, {explainer}", lambda row=explainer: cuda.compare_maps(settings, row, pair, steps or {}), guess
        )
        if made is not None:
            one["explainers"][explainer] = made
            known[method] = budget.done[-1][1]
    one["faults"] = cuda.faults(one)
    save()


def raw(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """Raw forwards of both detectors by forward batch. Adds `raw`, model -> `Rate`s."""
    budget.part("raw", ENDS["raw"])
    use_threads(threads)
    found["raw"] = {}
    for model, size in MODELS:
        _raw(found, budget, Spec("raw", model, size, device, threads), sizes)
        save()


def stages(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """Each stage of the paper's detector by forward batch, with the guess of its time from `raw`, if that is there.

    Adds `stages` (batch -> stage -> seconds, seconds within forwards, images through the detector, images' count) and
    `projection` (batch -> `projection.Row`s, for batches of which all stages are there).
    """
    budget.part("stages", ENDS["stages"])
    use_threads(threads)
    found |= {"stages": {}, "projection": {}}
    model, size = MODELS[0]
    known: dict[str, float] = {}
    for batch in sizes.batches:
        spec = Spec("stage", model, size, device, threads, at_once=sizes.held, forward_batch=batch)
        detector = budget.take(f"detector, batch {batch}", lambda spec=spec: _unreal(spec))
        made = found["stages"][str(batch)] = {}
        if detector is not None:
            _measure(found, budget, spec, detector, sizes, made, known)
        if set(made) == set(STAGES):
            pace = {stage: one["images"] / one["seconds"] for stage, one in made.items()}
            found["projection"][str(batch)] = [asdict(row) for row in project(load(read(FFPP)), pace)]
        save()


def _measure(
    found: Found, budget: Budget, spec: Spec, detector: Any, sizes: Sizes, found_here: Found, known: dict[str, float]
) -> None:
    """Every stage with one batch. Args: found_here: gets them; known: last seconds of each, with whatever batch."""
    for stage in STAGES:
        one, what = replace(spec, stage=stage), f"{stage}, batch {spec.forward_batch}"
        guess = known.get(stage) or _guess(found, one, sizes)
        try:
            made = budget.take(what, lambda one=one: _stage(one, detector, sizes), guess)
        except (MemoryError, torch.OutOfMemoryError):
            budget.skip(what, "the memory can't hold it")
            continue
        if made is not None:
            found_here[stage], known[stage] = made, budget.done[-1][1]


def _raw(found: Found, budget: Budget, spec: Spec, sizes: Sizes) -> None:
    settings = work.config(spec, small=False).detector
    module = budget.take(spec.model, lambda: build_module(settings, FIVE.outputs))
    if module is None:
        return
    own = preprocessing(settings, module)
    listed = found["raw"][spec.model] = []
    longest = 2 * sizes.seconds
    for batch in sizes.raw_batches:
        what = f"{spec.model}, batch {batch}"
        made = budget.take(
            what, lambda b=batch: list(compare(module, own, spec.device, ["torch"], [b], sizes.seconds)), longest
        )
        if made == []:
            budget.skip(what, "the memory can't hold it")
            break
        if made:
            listed.append(asdict(made[0]))
            longest = max(longest, budget.done[-1][1])


def _unreal(spec: Spec) -> Any:
    return work.detector(spec, "torch", spec.forward_batch)


def forwards(spec: Spec, small: bool) -> float:
    """Images through the detector that a stage's measurement of one image takes."""
    settings = work.config(spec, small)
    if spec.stage in EXPLAINERS:
        return explanation(settings.explainers[spec.stage], Held()) or 0
    return settings.adversary.forwards()


def _guess(found: Found, spec: Spec, sizes: Sizes) -> float:
    """Seconds that a stage will take, by the raw rate of its batch or of the nearest."""
    rated = found.get("raw", {}).get(spec.model)
    if not rated:
        return 0.0
    nearest = min(rated, key=lambda one: abs(one["forward_batch"] - spec.forward_batch))
    return SLACK * sizes.count(spec.stage) * forwards(spec, sizes.small) / nearest["rate"]


def _stage(spec: Spec, detector: Any, sizes: Sizes) -> dict[str, float]:
    timed(spec, work.config(spec, small=True), detector, 1)  # imports, caches, kernels
    count = sizes.count(spec.stage)
    return timed(spec, work.config(spec, sizes.small), detector, count) | {"count": count}


def nes_profile(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """What NES spends its time on, with the paper's detector and the first of the stages' batches.

    Adds `profile`: batch, images, iterations, `seconds` and `profiled` (wall time without and with the profiler),
    `kind` ("kernels" of the GPU, or "operators" of torch on the CPU), `total` seconds of them, and the top `rows`:
    name, calls, seconds.
    """
    budget.part("profile", ENDS["profile"])
    use_threads(threads)
    (model, size), batch = MODELS[0], sizes.batches[0]
    spec = Spec("stage", model, size, device, threads, "adversary", at_once=sizes.held, forward_batch=batch)
    # before it another two passes, to warm up and without the profiler
    guess = 3 * _guess(found, spec, sizes) * sizes.iterations / (1 if sizes.small else work.ITERATIONS)
    made = budget.take(f"NES, batch {batch}", lambda: _profiled(spec, sizes), guess)
    if made is not None:
        found["profile"] = made
        save()


def _profiled(spec: Spec, sizes: Sizes) -> Found:
    detector = _unreal(spec)
    settings = work.config(spec, small=True)
    nes = settings.adversary.model_copy(update={"iterations": sizes.iterations})
    settings = settings.model_copy(update={"adversary": nes})
    timed(spec, settings, detector, sizes.attacks)
    plain = timed(spec, settings, detector, sizes.attacks)
    on_gpu = spec.device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities, acc_events=True) as profiler:
        watched = timed(spec, settings, detector, sizes.attacks)
    rows = []
    for event in profiler.key_averages():
        kernel = event.device_type == torch.autograd.DeviceType.CUDA
        if kernel == on_gpu:
            spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            rows.append({"name": event.key, "calls": event.count, "seconds": spent / 1e6})
    rows.sort(key=lambda row: -row["seconds"])
    return {
        "batch": spec.forward_batch,
        "images": sizes.attacks,
        "iterations": sizes.iterations,
        "seconds": plain["seconds"],
        "profiled": watched["seconds"],
        "kind": "kernels" if on_gpu else "operators",
        "total": sum(row["seconds"] for row in rows),
        "rows": rows[:TOP_KERNELS],
    }
