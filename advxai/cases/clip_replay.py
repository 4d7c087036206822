"""Replay of a clip's test case: its stages, in the order of the workflow's, each from the stored records before it."""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from advxai.adversary.stage import copy_of
from advxai.cases.clip_bundle import ClipCase
from advxai.cases.comparing import Outcome, compare, compare_attacks, compare_measures, compare_rows, to_repeat
from advxai.common.arrays import Pixels
from advxai.common.types import Item
from advxai.detector.model import Detector
from advxai.run.digests import Digests
from advxai.saliency.controls import Sight
from advxai.video import adversary, attacks, control, measured, saliency, scores
from advxai.video.hosts import HOST, Hosts
from advxai.video.measures import Subjects
from advxai.video.rows import attack_items, attack_rows, metrics_rows


class Counterparts:
    """The case's own, of the clip's frames."""

    def __init__(self, case: ClipCase) -> None:
        self.case = case

    def image(self, key: str) -> Pixels | None:
        return self.case.counterparts[self.case.place(key)]

    def reason(self, key: str) -> str:
        return self.case.content.frames[self.case.place(key)].no_counterpart

    def sha256(self, key: str) -> str:
        picture = self.image(key)
        return "" if picture is None else hashlib.sha256(picture.tobytes()).hexdigest()


def names(case: ClipCase) -> list[str]:
    """The longest names of what is replayed."""
    rows, top = case.config.video.ordered, case.config.video.top
    return [name for row in rows for name in (f"attack {row} top-{top}", f"measures {row}", f"saliency {row}")]


def _score(case: ClipCase) -> str:
    return Digests(case.config).clip_score


def _hosts(case: ClipCase) -> Hosts:
    return {(case.content.key, case.content.sha256): {field: case.scores[field] for field in HOST}}


def _scores(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """What the detector says of the clip, and its segments."""
    (fresh,) = scores.run([case.item], case.image, detector, case.config.video.segments, _score(case))
    yield compare("scores", case.scores, fresh)


def _copy(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """The adversarial copy."""
    if case.adversary is not None:
        config = case.config
        (fresh,) = adversary.run([case.item], case.image, detector, config.adversary, _score(case), config.seed, 1)
        yield compare("adversary", case.adversary, fresh)


def _maps(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """Every explainer's maps, scores and ranking, with the stored segments and adversarial copy."""
    config = case.config
    stored_copy = copy_of(case.adversary or {}, detector, config.adversary)
    for name, entry in config.video.of_kind("explainer").items():
        copies = stored_copy if Digests(config).clips_need_adversary(name) else None
        shown = [case.item], case.image, detector, entry, _hosts(case), _score(case), config.seed, 1
        (fresh,) = saliency.run(*shown, copies, Counterparts(case), row=name)
        yield compare(f"saliency {name}", case.saliency[name], fresh)


class _Seen:
    """What controls and ceilings go by, in the case (`advxai.video.control.Sources`)."""

    def __init__(self, case: ClipCase, detector: Detector) -> None:
        self.case, self.fit = case, detector.preprocessing.resize.fit

    def see(self, item: Item, segments: NDArray[np.int16]) -> list[Sight]:
        case = self.case
        return [
            Sight(
                key=frame["key"],
                segments=labels,
                image=case.images[place],
                mask=case.masks[place],
                counterpart=case.counterparts[place],
                no_counterpart=case.content.frames[place].no_counterpart,
                fit=self.fit,
            )
            for place, (frame, labels) in enumerate(zip(item["frames"], segments, strict=True))
        ]


def _controls(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """Every control's and ceiling's order of the stored segments."""
    video, seen = case.config.video, _Seen(case, detector)
    for name, entry in {**video.of_kind("control"), **video.of_kind("ceiling")}.items():
        (fresh,) = control.run([case.item], _hosts(case), entry, case.config.seed, seen, detector.classes)
        yield compare(f"saliency {name}", case.saliency[name], fresh)


def _attacked(case: ClipCase) -> list[str]:
    """The rows whose segments are attacked: all, or none."""
    return case.config.video.ordered if case.config.video.attacks else []


def _attack_items(case: ClipCase, row: str) -> list[Item]:
    return list(attack_items([case.item], {case.content.key: case.saliency[row]}, case.config.video.top))


def _attacks(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """Every attack on the stored rankings' segments; those that rows share are computed once."""
    config = case.config
    wanted = {name: _attack_items(case, name) for name in _attacked(case)}
    made = attacks.run(
        to_repeat(wanted, case.attacks),
        case.image,
        detector,
        config.evaluation,
        _score(case),
        config.seed,
        config.at_once,
    )
    yield from compare_attacks(wanted, case.attacks, made)


def _rows(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """Every row's table of attacks, from the stored rankings and attacks."""
    for name in _attacked(case):
        if any(item["mask"] not in case.attacks for item in _attack_items(case, name)):
            yield Outcome(f"rows {name}", ["can't be made: an attack isn't stored"])
            continue
        explained, made = {case.content.key: case.saliency[name]}, list(case.attacks.values())
        top, classes = case.config.video.top, detector.classes
        rows = attack_rows(name, [case.item], explained, made, top=top, classes=classes)
        yield compare_rows(f"rows {name}", case.rows[case.rows["explainer"] == name], rows)


def _measures(case: ClipCase, detector: Detector) -> Iterator[Outcome]:
    """What is measured of each stored explanation, restoration included, and the table of the stored numbers."""
    config, fit = case.config, detector.preprocessing.resize.fit
    for name in config.video.ordered:
        explained = {case.content.key: case.saliency[name]}
        subjects = Subjects(explained, case.mask, Counterparts(case), detector.classes, fit)
        (fresh,) = measured.run([case.item], case.image, detector, subjects, config.video, _score(case), 1)
        yield compare(f"measures {name}", case.measures[name], fresh)
        rows = metrics_rows(name, [case.item], [case.measures[name]], config.video)
        yield Outcome(f"metrics {name}", compare_measures(case.metrics[case.metrics["explainer"] == name], rows))


STAGES: tuple[Callable[[ClipCase, Detector], Iterator[Outcome]], ...] = (
    _scores,
    _copy,
    _maps,
    _controls,
    _attacks,
    _rows,
    _measures,
)
