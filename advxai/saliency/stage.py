"""The stage `saliency`: maps, segments, scores and rankings of one explainer."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.ahead import ahead
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.randomness import seed_of
from advxai.common.types import Item, Record
from advxai.config.explainers import AnyExplainer as Settings
from advxai.detector.engine import enough, whole_batches
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs
from advxai.saliency.baselines import fill
from advxai.saliency.given import NO_COUNTERPART
from advxai.saliency.registry import build
from advxai.saliency.returned import checked
from advxai.saliency.segments import segment

# Rows of a request, rounded up to whole forward batches: enough for what SHAP asks at once, so that the work of several
# images fills every forward; 38 MB an image at 224 px.
CHUNK = 64
Adversarial = Callable[[Item, Tensor], tuple[Tensor, Record]]


@dataclass(frozen=True)
class _Prepared:
    """An image, its segments and the seconds that they took; where counterparts fill in, its own or why it has none."""

    image: Tensor
    segments: NDArray[np.int16]
    seconds: float
    counterpart: Tensor | None
    missing: str


def _prepare(
    item: Item,
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    counterparts: Genuine | None,
) -> _Prepared:
    start = time.perf_counter()
    unit = detector.preprocessing.unit(load(item))
    image = detector.preprocessing.normalise(unit)
    channels_last = [part.permute(1, 2, 0).numpy() for part in (unit, image)]
    segments = segment(channels_last[0], channels_last[1], settings.segmentation)
    counterpart, missing = None, ""
    if counterparts is not None:
        other = counterparts.image(item["key"])
        if other is None:
            missing = f"{NO_COUNTERPART}{counterparts.reason(item['key'])}"
        else:
            counterpart = detector.preprocessing.normalised(other)
    return _Prepared(image, segments, time.perf_counter() - start, counterpart, missing)


def _explain(
    item: Item,
    prepared: _Prepared,
    detector: Detector,
    explainer: Explainer,
    settings: Settings,
    seed: int,
    adversarial: Adversarial | None,
    who: str,
) -> Generator[Tensor, Tensor, dict[str, Any]]:
    image, segments = detector.place(prepared.image), prepared.segments
    before = (yield image[None])[0]
    copy, attack = adversarial(item, image) if adversarial else (None, {})
    target = int(detector.classes.called(before))
    if prepared.missing:
        explanation = nothing(segments)
    else:
        inputs = _inputs(item, prepared, image, copy, target, detector, settings, seed)
        explanation = checked((yield from _asked(explainer, inputs, who)), segments, who, item["key"])
    return {
        "map": explanation.map,
        "segments": segments,
        "scores": explanation.scores,
        "ranking": explanation.ranking,
        "zero": explanation.zero,
        "missing": prepared.missing,
        "target": target,
        "called_real": target == detector.real,
        "before": before.cpu().numpy(),
        "preparation": prepared.seconds,
        "adversary_images": int(attack.get("queries", 0)),
        "adversary_calls": int(attack.get("calls", 0)),
        "adversary_seconds": float(attack.get("seconds", 0.0)),
    }


def _inputs(
    item: Item,
    prepared: _Prepared,
    image: Tensor,
    copy: Tensor | None,
    target: int,
    detector: Detector,
    settings: Settings,
    seed: int,
) -> Inputs:
    def generator(purpose: str) -> np.random.Generator:
        return np.random.default_rng(seed_of(seed, "saliency", purpose, item["key"]))

    baseline = fill(
        settings.baseline,
        image,
        prepared.segments,
        detector.preprocessing,
        adversarial=copy,
        generator=generator("baseline"),
        counterpart=prepared.counterpart,
    )
    return Inputs(
        key=item["key"],
        image=image,
        baseline=detector.place(baseline),
        segments=prepared.segments.copy(),  # the explainer's own, whatever it does with it
        target=target,
        generator=generator(settings.method),
        chunk=whole_batches(CHUNK, detector),
    )


def _asked(explainer: Explainer, inputs: Inputs, who: str) -> Explaining:
    """The explainer's work, seen to be some."""
    work = explainer.explain(inputs)
    if not isinstance(work, Generator):
        raise InputError(
            f"{who}: its `explain` returned a {type(work).__name__} for the image {inputs.key}; it must be a "
            "generator that yields requests, or the class derive from CallableExplainer"
        )
    return (yield from work)


def nothing(segments: NDArray[np.int16]) -> Explanation:
    """What stands where an image has no explanation: zeros, no segment ranked."""
    scores = np.zeros(int(segments.max()) + 1, np.float32)
    return Explanation(np.zeros(segments.shape, np.float32), scores, np.zeros(0, np.int16))


def run(
    items: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    seed: int,
    at_once: int,
    adversarial: Adversarial | None = None,
    counterparts: Genuine | None = None,
) -> Iterator[dict[str, Any]]:
    """Explain every image with one explainer.

    Args:
        items: images with `key` and `sha256`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector to explain.
        settings: the explainer's entry of the configuration.
        seed: the run's; designs are seeded by (seed, "saliency", method, key), so LIME and LIME_adv share theirs.
        at_once: images in work together, at most.
        adversarial: reader of the adversary's shard; needed by the adversarial baseline.
        counterparts: reader of the counterparts; needed by the baseline counterpart.

    Yields:
        Records: key, sha256, map (h, w) float32, segments (h, w) int16, scores (S,), ranking, zero, missing (why there
        is no explanation, "" where there is one), target, called_real (a ranking of an image already called real means
        nothing), before (class probabilities), the explainer's own images, calls and seconds (without the one forward
        that finds the target), and those of its adversarial copy.

    Raises:
        InputError: a request or what is returned can't be used, or an answer is no number; names explainer and image.
    """
    explainer = build(settings)
    who = f"explainer {settings.method}"
    if "counterpart" in settings.needs and counterparts is None:
        raise ValueError("the baseline counterpart needs the counterparts")
    filling = counterparts if "counterpart" in settings.needs else None
    prepared = ahead(lambda item: _prepare(item, load, detector, settings, filling), items)
    works = (
        (
            (item["key"], item["sha256"]),
            _explain(item, ready, detector, explainer, settings, seed, adversarial, who),
        )
        for item, ready in prepared
    )
    together = min(at_once, enough(min(explainer.rows, whole_batches(CHUNK, detector)), detector))
    for (key, sha256), record, cost in drive(works, detector, together, who):
        seconds = cost.seconds + record.pop("preparation")
        spent = {"images": cost.images - 1, "calls": cost.calls - 1, "seconds": seconds}
        yield {"key": key, "sha256": sha256, **record, **spent}
