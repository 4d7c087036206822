"""Replay of the measures of a test case."""

import hashlib
from collections.abc import Iterator

from advxai.cases.bundle import Case
from advxai.cases.comparing import compare_measures
from advxai.common.arrays import Pixels
from advxai.detector.model import Detector
from advxai.metrics.base import Measure
from advxai.metrics.registry import measures
from advxai.metrics.rows import metrics_rows
from advxai.metrics.stage import with_forwards, without_forwards
from advxai.metrics.subjects import Subjects


class Counterpart:
    """The case's own."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def image(self, key: str) -> Pixels | None:
        return self.case.counterpart

    def reason(self, key: str) -> str:
        return self.case.content.no_counterpart

    def sha256(self, key: str) -> str:
        picture = self.case.counterpart
        return "" if picture is None else hashlib.sha256(picture.tobytes()).hexdigest()


def measured(case: Case, detector: Detector) -> Iterator[tuple[str, list[str]]]:
    """Every measure of every explainer, from the stored explanations, mask and counterpart.

    Args:
        case: the test case; one without measures gives nothing.
        detector: for the measures that ask it.

    Yields:
        (explainer and measure, what differs, in words).
    """
    if case.metrics is None:
        return
    found = measures(case.config)
    for name, record in case.saliency.items():
        subjects = Subjects(
            {case.content.key: record},
            lambda *_: case.image,
            lambda _: case.mask,
            Counterpart(case),
            detector.classes,
            detector.preprocessing.resize.fit,
        )
        for key, measure in found.items():
            yield f"metrics {name} {key}", _differences(case, name, measure, subjects, detector)


def _differences(case: Case, explainer: str, measure: Measure, subjects: Subjects, detector: Detector) -> list[str]:
    if case.config.metrics[measure.name].forwards:
        (record,) = with_forwards([case.item], subjects, measure, detector, 1)
    else:
        (record,) = without_forwards([case.item], subjects, measure)
    assert case.metrics is not None
    rows = metrics_rows(explainer, [case.item], [(measure, {case.content.key: record})])
    return compare_measures(case.metrics[case.metrics["explainer"] == explainer], rows)
