"""The stage `saliency` for white boxes: images in batches through the detector's module, forwards and back."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.types import Item, Record
from advxai.common.usercode import running
from advxai.config.explainers import AnyExplainer as Settings
from advxai.detector.backends import CLOSE
from advxai.detector.engine import values
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer
from advxai.detector.memory import memory_and_back
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency.base import Explanation
from advxai.saliency.prepare import (
    Prepared,
    baseline_of,
    explained_class,
    generator_of,
    nothing,
    prepared_ahead,
    record_of,
)
from advxai.saliency.ranking import rank
from advxai.saliency.returned import checked
from advxai.saliency.whitebox import Batch, Maps, WhiteBox

Adversarial = Callable[[Item, Tensor], tuple[Tensor, Record]]


def run(
    items: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    explainer: WhiteBox,
    settings: Settings,
    seed: int,
    adversarial: Adversarial | None,
    counterparts: Genuine | None,
    who: str,
    tell: Callable[[str], None] | None = None,
    whole: bool = False,
) -> Iterator[dict[str, Any]]:
    """Explain every image with one white box; arguments and records as of `advxai.saliency.stage.run`.

    The class that is explained is the one that the run's backend finds; scores and gradients are the module's. Where
    an image is so near to another class that rounding decides, that is said.

    Raises:
        InputError: the detector has no module; what is returned can't be used; hooks are left behind; no memory.
    """
    say = tell or (lambda sentence: logging.warning("%s: %s", who, sentence))
    network = detector.network(getattr(settings, "gradient_batch", None))
    with closing(prepared_ahead(items, load, detector, settings, counterparts)) as source:
        while group := list(islice(source, network.batch)):
            with memory_and_back(network.batch, who):
                made = _records(group, detector, network, explainer, settings, seed, adversarial, who, say, whole)
            yield from made
    with running(explainer, who):
        remarks = explainer.remarks()
    if not isinstance(remarks, list | tuple) or not all(isinstance(one, str) for one in remarks):
        raise InputError(f"{who}: its `remarks` returned {remarks!r} and no list of sentences; correct it")
    for remark in remarks:
        say(remark)


def _records(
    group: list[tuple[Item, Prepared]],
    detector: Detector,
    network: Network,
    explainer: WhiteBox,
    settings: Settings,
    seed: int,
    adversarial: Adversarial | None,
    who: str,
    say: Callable[[str], None],
    whole: bool,
) -> list[dict[str, Any]]:
    images = torch.stack([detector.place(prepared.image) for _, prepared in group])
    before = values(detector.probabilities(images, [item["key"] for item, _ in group]))
    targets = [
        explained_class(settings, row, detector.classes, item) for row, (item, _) in zip(before, group, strict=True)
    ]
    given = [
        adversarial(item, image) if adversarial else (None, {}) for (item, _), image in zip(group, images, strict=True)
    ]
    places = [place for place, (_, prepared) in enumerate(group) if not prepared.missing]
    found = {place: nothing(prepared.segments) for place, (_, prepared) in enumerate(group) if prepared.missing}
    spent: dict[str, Any] = {"images": 0, "calls": 0, "backwards": 0, "seconds": 0.0}
    if places:
        rows, calls, backwards, start = network.rows, network.calls, network.backwards, time.perf_counter()
        batch = _batch(places, group, images, given, targets, detector, settings, seed)
        found |= dict(zip(places, _explained(explainer, network, batch, places, group, who), strict=True))
        detector.wait()
        each = -(-(network.rows - rows) // len(places))
        spent = {
            "images": each,
            "calls": -(-(network.calls - calls) // len(places)),
            "backwards": -(-(network.backwards - backwards) // len(places)),
            "seconds": (time.perf_counter() - start) / len(places),
        }
    _tell_near(network, detector, images, before, group, say)
    records = []
    for place, (item, prepared) in enumerate(group):
        own = dict.fromkeys(spent, 0) if prepared.missing else spent
        attack = given[place][1]
        record = record_of(found[place], prepared, before[place], targets[place], attack, detector.classes, whole)
        cost = {**own, "seconds": float(own["seconds"]) + prepared.seconds}
        records.append({"key": item["key"], "sha256": item["sha256"], **record, **cost})
    return records


def _batch(
    places: list[int],
    group: list[tuple[Item, Prepared]],
    images: Tensor,
    given: list[tuple[Tensor | None, Record]],
    targets: list[int],
    detector: Detector,
    settings: Settings,
    seed: int,
) -> Batch:
    keys = [group[place][0]["key"] for place in places]
    filled = [
        baseline_of(key, group[place][1], images[place], given[place][0], detector, settings, seed)
        for key, place in zip(keys, places, strict=True)
    ]
    with_one = [one for one in filled if one is not None]
    return Batch(
        keys=keys,
        images=images[places],
        baselines=torch.stack(with_one) if with_one else None,
        targets=torch.tensor([targets[place] for place in places], device=images.device),
        generators=[generator_of(seed, settings.method, key) for key in keys],
        preprocessing=detector.preprocessing,
    )


def _explained(
    explainer: WhiteBox, network: Network, batch: Batch, places: list[int], group: list[tuple[Item, Prepared]], who: str
) -> list[Explanation]:
    try:
        with running(explainer, who), network.unhooked(who), torch.enable_grad():
            made: Any = explainer.maps(network, batch)
    except NoLayer as error:
        raise InputError(f"{who}: {error}") from error
    if not isinstance(made, Maps):
        raise InputError(f"{who}: returned a {type(made).__name__} and no advxai.saliency.Maps; correct it")
    values = made.values
    wanted = (len(batch), *batch.images.shape[2:])
    if not isinstance(values, np.ndarray) or values.shape != wanted or values.dtype.kind not in "fiu":
        kind = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else f"a {type(values).__name__}"
        raise InputError(f"{who}: returned maps that are {kind} and not numbers of the shape {wanted}; correct it")
    explanations = []
    unscaled = [None] * len(batch) if made.unscaled is None else made.unscaled
    for key, place, one, before in zip(batch.keys, places, values, unscaled, strict=True):
        segments = group[place][1].segments
        if not np.isfinite(one.astype(np.float32)).all():
            raise InputError(f"{who}: returned a map with NaN or infinity for the image {key}; correct it")
        found = checked(Explanation.of_map(one, segments, made.zero, before), segments, who, key)
        # Many segments of a map that is cut off at 0 are equal, and labels begin in the background. By the image alone:
        # the seed of the run has no part in what draws nothing else.
        explanations.append(replace(found, ranking=rank(found.scores, generator_of(0, "ties", key))))
    return explanations


def _tell_near(
    network: Network,
    detector: Detector,
    images: Tensor,
    before: Tensor,
    group: list[tuple[Item, Prepared]],
    say: Callable[[str], None],
) -> None:
    """Say of which images whose class the module finds another one than the backend, by rounding."""
    classes = detector.classes
    if classes.threshold is None:
        highest = before.topk(2, dim=1).values
        near = highest[:, 0] - highest[:, 1] < 2 * CLOSE
    else:
        near = (1 - before[:, classes.real] - classes.threshold).abs() < CLOSE
    for place in near.nonzero()[:, 0].tolist():
        if "target" in group[place][0]:  # it is given, whatever either calls the image
            continue
        other = values(network.probabilities(images[place : place + 1]))[0]
        if classes.called(other) != classes.called(before[place]):
            say(
                f"{group[place][0]['key']}: the detector's backend and its module call it otherwise, by rounding; what "
                "the backend calls it decides which class is explained"
            )
