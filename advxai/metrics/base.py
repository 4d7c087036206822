"""What a measure is given, what it returns, and how to write one."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats, Labels
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.metrics.columns import Column
from advxai.saliency.ranking import ranking_of

CALLED_REAL = "the detector calls the image real"


@dataclass(frozen=True)
class Truth:
    """Where a fake was manipulated.

    Attributes:
        region: (h, w) bool, of the map's size; None: not known.
        reason: why it isn't; "" if it is.
    """

    region: Flags | None
    reason: str = ""


@dataclass(frozen=True)
class Subject:
    """One explanation of one image.

    Attributes:
        key: the image's.
        explanation: its record of the stage saliency.
        classes: the detector's.
        find_mask, find_difference: what `mask` and `difference` ask when they are first looked at.
        image: for a measure with forwards, the detector's input, (3, h, w) torch tensor; else None.
        counterpart: likewise the genuine image; None: there is none.
        no_counterpart: why not; "" if there is one.
        chunk: most rows of a request.
    """

    key: str
    explanation: Record
    classes: Classes
    find_mask: Callable[[], Truth]
    find_difference: Callable[[], Truth]
    image: Any = None
    counterpart: Any = None
    no_counterpart: str = ""
    chunk: int = 64

    @cached_property
    def mask(self) -> Truth:
        """The true mask."""
        return self.find_mask()

    @cached_property
    def difference(self) -> Truth:
        """Where the image differs from its counterpart (`advxai.frames.counterparts.derived_mask`)."""
        return self.find_difference()

    @property
    def missing(self) -> str:
        """Why there is no explanation; "" if there is one."""
        return str(self.explanation.get("missing", ""))

    @property
    def called_real(self) -> bool:
        return bool(self.explanation["called_real"])

    @property
    def segments(self) -> Labels:
        """(h, w) labels."""
        segments: Labels = self.explanation["segments"]
        return segments

    @cached_property
    def rankings(self) -> list[NDArray[np.int16]]:
        """All segments by falling importance: those that the explainer ranks, then the others by score. Of an
        explanation of several draws one each."""
        return self._draws or [ranking_of(self.explanation, "all")]

    @cached_property
    def maps(self) -> list[Floats]:
        """(h, w) maps, one for each of `rankings`: the explanation's, or of several draws how early each segment
        comes."""
        if not self._draws:
            return [self.explanation["map"]]
        return [(len(ranking) - np.argsort(ranking)).astype(np.float32)[self.segments] for ranking in self._draws]

    @property
    def _draws(self) -> list[NDArray[np.int16]]:
        """Rankings of all draws, the record's (draws, S); none of an explanation that isn't drawn."""
        return list(self.explanation.get("draws", ()))


@dataclass(frozen=True)
class Measured:
    """What a measure says of one explanation.

    Attributes:
        values: column -> number; a column without one is missing.
        reasons: column -> why it is missing; under "": of all that aren't named.
        kept: further arrays of one axis, for figures and replays, by the names of `Measure.kept`.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def reason(self, column: str) -> str:
        """Why a column is missing; "" if it isn't."""
        if not math.isnan(self.values.get(column, math.nan)):
            return ""
        return self.reasons.get(column) or self.reasons.get("") or "it isn't defined here"


Measuring = Generator[Any, Any, Measured]


class Measure(ABC):
    """A measure as work on one explanation.

    Attributes:
        name: of its entry in the configuration; its columns' names begin with it.
        columns: what it gives; every image has all of them, or a reason.
        rows: how many images it asks for at a time, as a rule.
        kept: names of further arrays that it keeps of each image.
    """

    name: str
    columns: Sequence[Column]
    rows = 32
    kept: Sequence[str] = ()

    @abstractmethod
    def measure(self, subject: Subject) -> Measuring:
        """Measure one explanation: yield requests, (n, 3, h, w) tensors of at most `subject.chunk` rows like
        `subject.image`, receive their probabilities (n, classes); return the numbers. A measure without forwards yields
        nothing."""


def explanation_id(record: Record) -> str:
    """Names an explanation by all that a measure may look at: hash of segments, map and its zero, scores, rankings, and
    what the detector said of the image."""
    found = hashlib.sha256()
    for name in ("segments", "map", "zero", "scores", "ranking", "draws", "target", "called_real", "before"):
        if name in record:
            array = np.ascontiguousarray(record[name])
            found.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    found.update(str(record.get("missing", "")).encode())
    return found.hexdigest()[:16]
