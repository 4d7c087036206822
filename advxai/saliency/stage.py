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
from advxai.detector.engine import enough
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.saliency.base import Explainer, Inputs
from advxai.saliency.baselines import fill
from advxai.saliency.registry import build
from advxai.saliency.returned import checked
from advxai.saliency.segments import segment

# Rows of a request, rounded up to whole forward batches: enough for what SHAP asks at once, so that the work of several
# images fills every forward; 38 MB an image at 224 px.
CHUNK = 64
Adversarial = Callable[[Item, Tensor], tuple[Tensor, Record]]


def _chunk(detector: Detector) -> int:
    return -(-CHUNK // detector.forward_batch) * detector.forward_batch


@dataclass(frozen=True)
class _Prepared:
    """An image, its segments, and the seconds that they took."""

    image: Tensor
    segments: NDArray[np.int16]
    seconds: float


def _prepare(item: Item, load: Callable[[Item], Pixels], detector: Detector, settings: Settings) -> _Prepared:
    start = time.perf_counter()
    unit = detector.preprocessing.unit(load(item))
    image = detector.preprocessing.normalise(unit)
    channels_last = [part.permute(1, 2, 0).numpy() for part in (unit, image)]
    segments = segment(channels_last[0], channels_last[1], settings.segmentation)
    return _Prepared(image, segments, time.perf_counter() - start)


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
    method = settings.method

    def generator(purpose: str) -> np.random.Generator:
        return np.random.default_rng(seed_of(seed, "saliency", purpose, item["key"]))

    baseline = fill(
        settings.baseline,
        image,
        segments,
        detector.preprocessing,
        adversarial=copy,
        generator=generator("baseline"),
    )
    target = int(detector.classes.called(before))
    inputs = Inputs(
        key=item["key"],
        image=image,
        baseline=detector.place(baseline),
        segments=segments.copy(),  # the explainer's own, whatever it does with it
        target=target,
        generator=generator(method),
        chunk=_chunk(detector),
    )
    work = explainer.explain(inputs)
    if not isinstance(work, Generator):
        raise InputError(
            f"{who}: its `explain` returned a {type(work).__name__} for the image {item['key']}; it must be a "
            "generator that yields requests, or the class derive from CallableExplainer"
        )
    explanation = checked((yield from work), segments, who, item["key"])
    return {
        "map": explanation.map,
        "segments": segments,
        "scores": explanation.scores,
        "ranking": explanation.ranking,
        "zero": explanation.zero,
        "target": target,
        "called_real": target == detector.real,
        "before": before.cpu().numpy(),
        "preparation": prepared.seconds,
        "adversary_images": int(attack.get("queries", 0)),
        "adversary_calls": int(attack.get("calls", 0)),
        "adversary_seconds": float(attack.get("seconds", 0.0)),
    }


def run(
    items: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    seed: int,
    at_once: int,
    adversarial: Adversarial | None = None,
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

    Yields:
        Records: key, sha256, map (h, w) float32, segments (h, w) int16, scores (S,), ranking, zero, target, called_real
        (a ranking of an image already called real means nothing), before (class probabilities), the explainer's own
        images, calls and seconds (without the one forward that finds the target), and those of its adversarial copy.

    Raises:
        InputError: a request or what is returned can't be used, or an answer is no number; names explainer and image.
    """
    explainer = build(settings)
    who = f"explainer {settings.method}"
    prepared = ahead(lambda item: _prepare(item, load, detector, settings), items)
    works = (
        (
            (item["key"], item["sha256"]),
            _explain(item, ready, detector, explainer, settings, seed, adversarial, who),
        )
        for item, ready in prepared
    )
    together = min(at_once, enough(min(explainer.rows, _chunk(detector)), detector))
    for (key, sha256), record, cost in drive(works, detector, together, who):
        seconds = cost.seconds + record.pop("preparation")
        spent = {"images": cost.images - 1, "calls": cost.calls - 1, "seconds": seconds}
        yield {"key": key, "sha256": sha256, **record, **spent}
