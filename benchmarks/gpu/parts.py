"""The parts of `make gpu`: agreement with the CPU, raw forwards, a profile of NES, stages, precision. Each adds its
findings."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from advxai.config import Config, load
from advxai.config.file import read
from advxai.config.kernels import Kernels
from advxai.detector.trials import Trial, elsewhere
from advxai.plan.count import explanation
from advxai.plan.found import Held
from advxai.run.jobs import use_threads
from benchmarks import cuda
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.kernels import at
from benchmarks.gpu.kernels import kernels as measure_kernels
from benchmarks.gpu.pack import Pack, evenly
from benchmarks.gpu.precision import crops_of
from benchmarks.gpu.precision import measure as measure_precision
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
        kernel_batches: of the combinations of kernels, that of all of them first.
        seconds: of a raw measurement.
        batches: forward batches of the stages, the most important first.
        images, attacks: of an explainer's measurement and of an attack's; of SHAP, which asks for few rows at a time,
            twice as many images.
        held: images held at once, at most; None: as many as in a run.
        small: a sixteenth of the paper's budgets.
        iterations: of NES in the profile.
        compared: fakes compared in lower precisions, at the budgets of `scale`.
    """

    faces: int
    pictures: int
    raw_batches: tuple[int, ...]
    kernel_batches: tuple[int, ...]
    seconds: float
    batches: tuple[int, ...]
    images: int
    attacks: int
    held: int | None
    small: bool
    iterations: int
    compared: int
    scale: str

    def within(self, minutes: float) -> "Sizes":
        """Fewer faces and fakes where there are few minutes, so that more of the rows get their turn."""
        if self.small:
            return self
        faces, compared = max(4, round(1.5 * minutes)), max(8, round(6 * minutes))
        return replace(self, faces=min(self.faces, faces), compared=min(self.compared, compared))

    def count(self, stage: str) -> int:
        """Images of a stage's measurement."""
        if stage not in EXPLAINERS:
            return self.attacks
        return 2 * self.images if stage == "SHAP" else self.images


SIZES = {
    "cuda": Sizes(
        24, 4, work.BATCHES["cuda"], (512, 1024, 256), 1.0, (512, 1024, 256), 32, 64, None, False, 2, 48, "quarter"
    ),
    "cpu": Sizes(2, 1, (16, 8), (16, 8), 0.3, (16, 8), 1, 1, 8, True, 1, 2, "demo"),
}
# When each part's share of the budget ends; what is left after the last is for a piece that takes longer than thought
ENDS = {"agreement": 0.2, "raw": 0.34, "kernels": 0.44, "compiled": 0.57, "stages": 0.8, "profile": 0.86}
ENDS["precision"] = 0.95
FEWER = (1, 2, 4)  # divisors of the images explained, the first by which a batch's stages fit
Found = dict[str, Any]
Save = Callable[[], None]


def agreement(found: Found, save: Save, budget: Budget, device: str, pack: Pack, sizes: Sizes, threads: int) -> None:
    """Compare the device with the CPU (`benchmarks.cuda`): a trained detector on faces, and random weights.

    Adds `agreement`, {"trained", "random" or a row of `cuda.ATTENDING`: as `benchmarks.cuda` prints, `called_real`,
    and `faults`}.
    """
    budget.part("agreement", ENDS["agreement"])
    use_threads(threads)
    crops = evenly(pack.crops, sizes.faces)

    settings = cuda.config()
    pairs = {
        "trained": lambda: cuda.trained_pair(pack.weights, device, crops, crops_of(pack)),
        **{
            name: lambda row=name: cuda.attending_pair(row, device, sizes.pictures)  # type: ignore[misc]
            for name in cuda.ATTENDING
        },
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
    compared = {"probabilities": lambda: cuda.compare_probabilities(pair)}
    if name not in cuda.ATTENDING:  # whose forwards are small
        compared["nes"] = lambda: cuda.compare_first_steps(settings, pair)
    for key, compare_all in compared.items():
        made = budget.take(f"{name}, {key}", compare_all)
        if made is not None:
            one[key] = made
    if "probabilities" not in one:
        budget.skip(f"{name}, maps", "how probabilities are rounded was left out")
        save()
        return
    steps = None
    if any("adversarial" in entry.needs for entry in settings.explainers.values()):
        steps = budget.take(f"{name}, adversarial copies", lambda: cuda.copies(settings, pair))
    _compare_maps(one, budget, name, settings, pair, steps)
    one["faults"] = cuda.faults(one)
    save()


def _compare_maps(
    one: Found, budget: Budget, name: str, settings: Config, pair: cuda.Pair, steps: Mapping[str, Any] | None
) -> None:
    """Every explainer's maps. Args: one: gets them; steps: of the adversarial copies; None: there are none."""
    rounding = one["probabilities"]["rounding"]
    known: dict[str, float] = {}  # seconds of each method: the baseline makes no difference
    for explainer in settings.explainers:
        if packages := cuda.absent(settings, explainer):
            budget.skip(f"{name}, {explainer}", f"{', '.join(packages)} isn't installed here")
            continue
        if steps is None and "adversarial" in settings.explainers[explainer].needs:
            budget.skip(f"{name}, {explainer}", "its adversarial copies were left out")
            continue
        method = explainer.removesuffix("_adv")
        guess = known.get(method, min(known.values(), default=0.0))
        made = budget.take(
            f"{name}, {explainer}",
            lambda row=explainer: cuda.compare_maps(settings, row, pair, steps or {}, rounding),
            guess,
        )
        if made is not None:
            one["explainers"][explainer] = made
            known[method] = budget.done[-1][1]


def raw(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """Raw forwards of both detectors by forward batch, with the backend torch as a run has it by default.

    Each detector's are measured in a process of its own: in one process cuDNN keeps to the kernel that it has once
    taken for a convolution, so that no later part could have it time them. Adds `raw`, model -> `Rate`s.
    """
    budget.part("raw", ENDS["raw"])
    found["raw"] = {}
    guess = 0.0  # the first is what all else is compared with
    for model, size in MODELS:
        settings = work.config(Spec("raw", model, size, device, threads), small=False).detector
        trial = Trial("torch", Kernels(), sizes.raw_batches)
        made = budget.take(model, lambda own=settings, one=trial: elsewhere(own, [one], sizes.seconds), guess)
        if made is None:
            continue
        guess = found["raw_seconds"] = budget.done[-1][1]
        found["raw"][model] = [asdict(one) for one in made.rates]
        for sentence in made.refused:
            budget.skip(model, sentence.rstrip("."))
        if len(made.rates) < len(sizes.raw_batches) and not made.refused:
            budget.skip(f"{model}, batch {sizes.raw_batches[len(made.rates)]}", "the memory can't hold it")
        save()


def kernels(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """The paper's detector by backend, layout, cuDNN's benchmark and precision (`benchmarks.gpu.kernels`)."""
    model, size = MODELS[0]
    spec = Spec("raw", model, size, device, threads)
    # as long as a process of `raw`, which measures more batches
    guess = found.get("raw_seconds", 0.0) - 2 * sizes.seconds * (len(sizes.raw_batches) - 1)
    ends = ENDS["kernels"], ENDS["compiled"]
    measure_kernels(found, save, budget, spec, sizes.kernel_batches, sizes.seconds, ends, max(guess, 0.0))


def precision(found: Found, save: Save, budget: Budget, device: str, pack: Pack, sizes: Sizes, threads: int) -> None:
    """Lower precisions against float32 on the demo's fakes (`benchmarks.gpu.precision`)."""
    budget.part("precision", ENDS["precision"])
    use_threads(threads)
    measure_precision(found, save, budget, device, pack, sizes.scale, sizes.compared)


def stages(found: Found, save: Save, budget: Budget, device: str, pack: Pack, sizes: Sizes, threads: int) -> None:
    """Each stage of the paper's detector by forward batch, by the fastest kernels, with the guess of its time from the
    raw rate, if that is there.

    Adds `stages` (batch -> stage -> seconds, seconds within forwards, images through the detector, those computed with
    padding, images' count) and, for batches of which all stages are there, `projection` and, of a pack with lengths,
    `expected` (batch -> `projection.Row`s): attacks at their most, and as long as they were on the demo's detector.
    """
    budget.part("stages", ENDS["stages"])
    use_threads(threads)
    found |= {"stages": {}, "projection": {}, "expected": {}}
    model, size = MODELS[0]
    known: dict[str, float] = {}
    for batch in sizes.batches:
        spec = at(Spec("stage", model, size, device, threads, at_once=sizes.held, forward_batch=batch), found)
        if batch == sizes.batches[0]:
            sizes = fitting(found, spec, sizes, budget.left)
            found["sizes"] = found["sizes"] | {"images": sizes.images}
        detector = budget.take(f"detector, batch {batch}", lambda spec=spec: _unreal(spec))
        made = found["stages"][str(batch)] = {}
        if detector is not None:
            _measure(found, budget, spec, detector, sizes, made, known)
        if set(made) == set(STAGES):
            pace = {stage: one["images"] / one["seconds"] for stage, one in made.items()}
            settings = load(read(FFPP))
            found["projection"][str(batch)] = [asdict(row) for row in project(settings, pace)]
            if pack.lengths is not None:
                rows = project(settings, pace, lengths=pack.lengths)
                found["expected"][str(batch)] = [asdict(row) for row in rows]
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


def fitting(found: Found, spec: Spec, sizes: Sizes, left: float) -> Sizes:
    """Sizes with as many images as all stages of a batch have time for, at least a quarter."""
    tried = [replace(sizes, images=max(1, sizes.images // fewer)) for fewer in FEWER]
    for one in tried:
        if sum(_guess(found, replace(spec, stage=stage), one) for stage in STAGES) <= left:
            return one
    return tried[-1]


def _unreal(spec: Spec) -> Any:
    return work.detector(spec, spec.backend, spec.forward_batch)


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
    return SLACK * sizes.count(spec.stage) * forwards(spec, sizes.small) / float(nearest["rate"])


def _stage(spec: Spec, detector: Any, sizes: Sizes) -> dict[str, Any]:
    timed(spec, work.config(spec, small=True), detector, 1)  # imports, caches, kernels
    count = sizes.count(spec.stage)
    return timed(spec, work.config(spec, sizes.small), detector, count) | {"count": count}


def nes_profile(found: Found, save: Save, budget: Budget, device: str, sizes: Sizes, threads: int) -> None:
    """What NES spends its time on, with the paper's detector, the fastest kernels and the first of the stages' batches.

    Adds `profile`: batch, images, iterations, `seconds` and `profiled` (wall time without and with the profiler),
    `kind` ("kernels" of the GPU, or "operators" of torch on the CPU), `total` seconds of them, and the top `rows`:
    name, calls, seconds.
    """
    budget.part("profile", ENDS["profile"])
    use_threads(threads)
    (model, size), batch = MODELS[0], sizes.batches[0]
    spec = Spec("stage", model, size, device, threads, "adversary", at_once=sizes.held, forward_batch=batch)
    spec = at(spec, found)
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
