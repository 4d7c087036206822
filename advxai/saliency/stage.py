"""The stage `saliency`: maps, segments, scores and rankings of one explainer."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import torch
from torch import Tensor

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.limit import within
from advxai.common.types import Item, Record
from advxai.common.usercode import running
from advxai.config.explainers import AnyExplainer as Settings
from advxai.detector.engine import enough, values, whole_batches
from advxai.detector.engine import run as drive
from advxai.detector.gradients import NoModule
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency import batches
from advxai.saliency.base import Explainer, Explaining, Inputs
from advxai.saliency.prepare import (
    Prepared,
    baseline_of,
    explained_class,
    generator_of,
    nothing,
    prepared_ahead,
    record_of,
)
from advxai.saliency.registry import build
from advxai.saliency.returned import checked
from advxai.saliency.whitebox import WhiteBox

# Rows of a request, rounded up to whole forward batches: enough for what SHAP asks at once, so that the work of several
# images fills every forward. At 224 px an image in work holds 39 MB with batches of 64 and 308 MB with 512; SHAP 31 MB.
CHUNK = 64
HELD = 20  # a GPU's requests may take this part of its memory: 4 GB of 80
Adversarial = Callable[[Item, Tensor], tuple[Tensor, Record]]


def held(device: torch.device) -> int:
    """Bytes that requests may take even where fewer images in work would fill the forwards; none on a CPU."""
    return int(torch.cuda.get_device_properties(device).total_memory) // HELD if device.type == "cuda" else 0


def in_work(at_once: int, rows: int, detector: Detector) -> int:
    """How many images are in work together, at most.

    Enough to fill the forwards and, on a GPU, as many as its memory bears: images that ask for equally much end
    together, and their last rows and the first of the next ones fill a large forward only if there are many.

    Args:
        at_once: the configuration's limit.
        rows: that an image asks for at a time.
        detector: answers.
    """
    return together(at_once, min(rows, whole_batches(CHUNK, detector)), detector)


def together(at_once: int, rows: int, detector: Detector) -> int:
    """As `in_work`, of images, or clips, whose requests have `rows` rows, each an image that the detector is given."""
    request = rows * math.prod(detector.shape[1:]) * 4  # bytes of float32
    return within(at_once, max(enough(rows, detector), held(detector.device) // request))


def _explain(
    item: Item,
    prepared: Prepared,
    detector: Detector,
    explainer: Explainer,
    settings: Settings,
    seed: int,
    adversarial: Adversarial | None,
    who: str,
    whole: bool,
) -> Generator[Tensor, Tensor, dict[str, Any]]:
    image, segments = detector.place(prepared.image), prepared.segments
    before = values((yield image[None]))[0]
    copy, attack = adversarial(item, image) if adversarial else (None, {})
    target = explained_class(settings, before, detector.classes, item)
    if prepared.missing:
        explanation = nothing(segments)
    else:
        inputs = _inputs(item, prepared, image, copy, target, detector, settings, seed)
        explanation = checked((yield from _asked(explainer, inputs, who)), segments, who, item["key"])
    return {
        **record_of(explanation, prepared, before, target, attack, detector.classes, whole),
        "preparation": prepared.seconds,
    }


def _inputs(
    item: Item,
    prepared: Prepared,
    image: Tensor,
    copy: Tensor | None,
    target: int,
    detector: Detector,
    settings: Settings,
    seed: int,
) -> Inputs:
    baseline = baseline_of(item["key"], prepared, image, copy, detector, settings, seed)
    return Inputs(
        key=item["key"],
        image=image,
        baseline=image if baseline is None else baseline,
        segments=prepared.segments.copy(),  # the explainer's own, whatever it does with it
        target=target,
        generator=generator_of(seed, settings.method, item["key"]),
        chunk=whole_batches(CHUNK, detector),
    )


def _asked(explainer: Explainer, inputs: Inputs, who: str) -> Explaining:
    """The explainer's work, seen to be some."""
    with running(explainer, who):
        work = explainer.explain(inputs)
    if not isinstance(work, Generator):
        raise InputError(
            f"{who}: its `explain` returned a {type(work).__name__} for the image {inputs.key}; it must be a "
            "generator that yields requests, or the class derive from CallableExplainer"
        )
    with running(explainer, who):
        return (yield from work)


def run(
    items: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    seed: int,
    at_once: int,
    adversarial: Adversarial | None = None,
    counterparts: Genuine | None = None,
    row: str | None = None,
    tell: Callable[[str], None] | None = None,
    whole: bool = False,
) -> Iterator[dict[str, Any]]:
    """Explain every image with one explainer.

    Args:
        items: images with `key` and `sha256`, and with `target` where the class is given (`explained_class`).
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector to explain.
        settings: the explainer's entry of the configuration.
        seed: the run's; designs are seeded by (seed, "saliency", method, key), so LIME and LIME_adv share theirs.
        at_once: images in work together, at most; white boxes take as many as a forward has rows.
        adversarial: reader of the adversary's shard; needed by the adversarial baseline.
        counterparts: reader of the counterparts; needed by the baseline counterpart.
        row: the entry's name, for messages.
        tell: takes what is to be known of the explanations, a sentence each; None: they are logged.
        whole: records have `unscaled` of the explanations, too: of a clip's frames, which are joined.

    Yields:
        Records: key, sha256, map (h, w) float32, segments (h, w) int16, scores (S,), ranking, zero, missing (why there
        is no explanation, "" where there is one), target (the class that is explained), called_real (a ranking of an
        image already called real means nothing), before (class probabilities), the explainer's own images, calls,
        backwards (images back through the detector) and seconds (without the one forward that finds the target), and
        those of its adversarial copy.

    Raises:
        InputError: a request or what is returned can't be used, or an answer is no number; names explainer and image.
            Or code of the user's own ends in an error.
    """
    explainer = build(settings)
    who = f"explainer {row} ({settings.method})" if row else f"explainer {settings.method}"
    if "counterpart" in settings.needs and counterparts is None:
        raise ValueError("the baseline counterpart needs the counterparts")
    filling = counterparts if "counterpart" in settings.needs else None
    if isinstance(explainer, WhiteBox):
        try:
            yield from batches.run(
                items, load, detector, explainer, settings, seed, adversarial, filling, who, tell, whole
            )
        except NoModule as error:
            raise InputError(
                f"{who}: {error}: take the row out, or give the detector in a form that torch reads"
            ) from error
        return
    with closing(prepared_ahead(items, load, detector, settings, filling)) as prepared:
        works = (
            (
                (item["key"], item["sha256"]),
                _explain(item, ready, detector, explainer, settings, seed, adversarial, who, whole),
            )
            for item, ready in prepared
        )
        for (key, sha256), record, cost in drive(works, detector, in_work(at_once, explainer.rows, detector), who):
            seconds = cost.seconds + record.pop("preparation")
            spent = {"images": cost.images - 1, "calls": cost.calls - 1, "backwards": 0, "seconds": seconds}
            yield {"key": key, "sha256": sha256, **record, **spent}
