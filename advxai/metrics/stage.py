"""The stage `metrics`: one measure of one explainer's explanations."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from advxai.common.ahead import ahead
from advxai.common.errors import InputError
from advxai.common.limit import within
from advxai.common.types import Item
from advxai.common.usercode import running
from advxai.metrics.base import Measure, Measured, Measuring, Subject
from advxai.metrics.subjects import Subjects

if TYPE_CHECKING:
    from advxai.detector.model import Detector

ROUNDING = 1e-6  # by which a value may leave its column's range
CHUNK = 64  # rows of a request, rounded up to whole forward batches


def without_forwards(items: Iterable[Item], subjects: Subjects, measure: Measure) -> Iterator[dict[str, Any]]:
    """Records of a measure that asks nothing of the detector; fields as of `with_forwards`.

    Raises:
        InputError: the measure makes requests all the same, or its code, of the user's own, ends in an error.
    """
    for item in items:
        start = time.perf_counter()
        work = _work(measure, subjects.subject(item["key"], item["sha256"]))
        try:
            next(work)
        except StopIteration as stop:
            yield record_of(item["key"], item["sha256"], measure, stop.value, 0, time.perf_counter() - start)
            continue
        work.close()
        raise InputError(f"metrics.{measure.name}: it asks the detector; set its `forwards: true`")


def with_forwards(
    items: Iterable[Item], subjects: Subjects, measure: Measure, detector: "Detector", at_once: int
) -> Iterator[dict[str, Any]]:
    """Records of a measure that asks the detector.

    Args:
        items: images with `key` and `sha256`.
        subjects: what is measured.
        measure: the measure.
        detector: answers its requests.
        at_once: images in work together, at most.

    Yields:
        Records: key, sha256, values (columns,) float64 in the order of the measure's columns, NaN where one is missing,
        reasons (why, a line a column), images (through the detector), seconds, and what the measure keeps.

    Raises:
        InputError: a request can't be used, or an answer is no number; names measure and image.
    """
    from advxai.detector.engine import enough, whole_batches
    from advxai.detector.engine import run as drive

    chunk = whole_batches(CHUNK, detector)
    prepare = detector.preprocessing.normalised
    with closing(
        ahead(lambda item: subjects.with_inputs(item["key"], item["sha256"], prepare, chunk), items)
    ) as prepared:
        works = (
            ((item["key"], item["sha256"]), _work(measure, _placed(subject, detector))) for item, subject in prepared
        )
        together = within(at_once, enough(min(measure.rows, chunk), detector))
        for (key, sha256), measured, cost in drive(works, detector, together, f"metrics.{measure.name}"):
            yield record_of(key, sha256, measure, measured, cost.images, cost.seconds)


def _work(measure: Measure, subject: Subject) -> Measuring:
    with running(measure, f"metrics.{measure.name}"):
        return (yield from measure.measure(subject))


def _placed(subject: Subject, detector: "Detector") -> Subject:
    """The subject with its inputs where the detector wants them."""
    other = None if subject.counterpart is None else detector.place(subject.counterpart)
    return replace(subject, image=detector.place(subject.image), counterpart=other)


def record_of(
    key: str, sha256: str, measure: Measure, measured: Measured, images: int, seconds: float
) -> dict[str, Any]:
    """The record of what a measure has returned; fields and errors as of `with_forwards`."""
    if not isinstance(measured, Measured):
        raise InputError(
            f"metrics.{measure.name}: it returned a {type(measured).__name__} for the image {key}; it must return a "
            "Measured"
        )
    names = [column.name for column in measure.columns]
    strange = [name for name in measured.values if name not in names]
    if strange:
        raise InputError(f"metrics.{measure.name}: it returned {strange[0]}, which is none of its columns")
    values = np.array([float(measured.values.get(name, np.nan)) for name in names])
    if np.isinf(values).any():
        raise InputError(f"metrics.{measure.name}: a value of the image {key} is infinite")
    for column, value in zip(measure.columns, values, strict=True):
        if value < column.low - ROUNDING or value > column.high + ROUNDING:  # NaN is neither
            raise InputError(
                f"metrics.{measure.name}: the value {value:g} of the image {key} is outside of the column "
                f"{column.name}, which is from {column.low:g} to {column.high:g}: correct the measure, or `low` and "
                "`high` of its Column"
            )
    reasons = [measured.reason(name).replace("\n", " ") for name in names]
    kept = {name: measured.kept.get(name, np.zeros(0, np.float32)) for name in measure.kept}
    spent = {"images": images, "seconds": seconds}
    return {"key": key, "sha256": sha256, "values": values, "reasons": "\n".join(reasons), **spent, **kept}
