"""The stage `saliency`: maps, segments, scores and rankings of one explainer."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from advxai.config.explainers import Explainer as Settings
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.randomness import seed_of
from advxai.saliency.base import Explainer, Inputs
from advxai.saliency.baselines import fill
from advxai.saliency.registry import build
from advxai.saliency.segments import segment

Item = Mapping[str, Any]
Adversarial = Callable[[Item, Tensor], tuple[Tensor, Mapping[str, Any]]]


def _channels_last(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).cpu().numpy()


def _explain(
    item: Item,
    load: Callable[[Item], np.ndarray],
    detector: Detector,
    explainer: Explainer,
    settings: Settings,
    seed: int,
    adversarial: Adversarial | None,
) -> Generator[Tensor, Tensor, dict[str, Any]]:
    unit = detector.preprocessing.unit(load(item)).to(detector.device)
    image = detector.preprocessing.normalise(unit)
    before = (yield image[None])[0]
    segments = segment(_channels_last(unit), _channels_last(image), settings.segmentation)
    copy, attack = adversarial(item, image) if adversarial else (None, {})
    method = settings.method  # type: ignore[attr-defined]

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
    target = int(before.argmax())
    inputs = Inputs(
        key=item["key"],
        image=image,
        baseline=baseline,
        segments=segments,
        target=target,
        generator=generator(method),
        chunk=detector.forward_batch,
    )
    explanation = yield from explainer.explain(inputs)
    return {
        "map": explanation.map,
        "segments": segments,
        "scores": explanation.scores,
        "ranking": explanation.ranking,
        "target": target,
        "called_real": target == detector.real,
        "before": before.cpu().numpy(),
        "adversary_images": int(attack.get("queries", 0)),
        "adversary_calls": int(attack.get("calls", 0)),
        "adversary_seconds": float(attack.get("seconds", 0.0)),
    }


def run(
    items: Iterable[Item],
    load: Callable[[Item], np.ndarray],
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
        at_once: images in work together.
        adversarial: reader of the adversary's shard; needed by the adversarial baseline.

    Yields:
        Records: key, sha256, map (h, w) float32, segments (h, w) int16, scores (S,), ranking, target, called_real (a
        ranking of an image already called real means nothing), before (class probabilities), the explainer's own
        images, calls and seconds (without the one forward that finds the target), and those of its adversarial copy.
    """
    explainer = build(settings)
    works = (
        (
            (item["key"], item["sha256"]),
            _explain(item, load, detector, explainer, settings, seed, adversarial),
        )
        for item in items
    )
    for (key, sha256), record, cost in drive(works, detector, at_once):
        spent = {"images": cost.images - 1, "calls": cost.calls - 1, "seconds": cost.seconds}
        yield {"key": key, "sha256": sha256, **record, **spent}
