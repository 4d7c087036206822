"""Restoration: the original's pixels put into whole segments, by falling importance (ours).

The counterpart is the one filling that is in the distribution of faces and that no detector has had a part in. What is
compared is the area restored, not the number of segments or pixels: by the top shares of pixels, a centred blob would
do best, and shapes would be rewarded rather than places.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.metrics.base import CALLED_REAL, Measure, Measured, Measuring, Subject
from advxai.metrics.columns import SEGMENTS, Column

NOT_REAL = "its counterpart isn't called real"
SENSITIVE = (*SEGMENTS, "the largest area that is restored", "how well the counterpart is aligned")


def fall(areas: Floats, p: Floats, area: float) -> float:
    """Mean fall of a probability over the restored area: 1/A times the integral of p(0) - p(a) for a from 0 to A.

    Args:
        areas: rising, from 0; the last one is `area` at least.
        p: the probability at each; straight lines between them.
        area: A.
    """
    inside = areas < area
    x = np.append(areas[inside], area)
    y = np.append(p[inside], np.interp(area, areas, p))
    return float(np.trapezoid(y[0] - y, x) / area)


class Restoration(Measure):
    """Fall of the predicted class's probability while the original comes back.

    Args:
        name: of the entry.
        area: share of the image, in (0, 1].
        top: flips are counted after 1 ... top segments.
        what: is restored, in words. Of a clip segments are (T, h, w), image and counterpart (3, T, h, w).
    """

    kept = ("areas", "p")

    def __init__(self, name: str, area: float, top: int, what: str = "image") -> None:
        self.name, self.area, self.top, self.what = name, area, top, what
        column = partial(
            Column, reference="ours; docs/metrics.md", sensitive=SENSITIVE, needs=frozenset(("counterpart",))
        )
        share = f"{area:.0%}"
        self.columns = [
            column(name, f"restoration, {share}", "higher", "mean", low=-1.0, headline=True),
            *(column(f"{name}_fall_{k}", f"restoration, fall at top-{k}", "higher", low=-1.0) for k in self.ks),
            *(column(f"{name}_flip_{k}", f"restoration, flips at top-{k}", "higher", "share") for k in self.ks),
            *(column(f"{name}_area_{k}", f"restoration, area of top-{k}", None) for k in self.ks),
        ]

    @property
    def ks(self) -> range:
        return range(1, self.top + 1)

    def measure(self, subject: Subject) -> Measuring:
        reason = (
            subject.missing
            or (CALLED_REAL.replace("image", self.what) if subject.called_real else "")
            or subject.no_counterpart
        )
        if reason:
            return Measured(reasons={"": reason})
        import torch  # what yields nothing needs none

        from advxai.detector.engine import moved, values

        sizes = np.bincount(subject.segments.ravel()) / subject.segments.size
        steps = [self._steps(ranking, sizes) for ranking in subject.rankings]
        index = moved(torch.from_numpy(subject.segments.astype(np.int64)), subject.image.device)
        # the whole counterpart first, then every draw's steps
        restored = [np.ones(len(sizes), bool), *(row for keep in steps for row in keep)]
        answers = []
        for start in range(0, len(restored), subject.chunk):
            keep = moved(torch.from_numpy(np.array(restored[start : start + subject.chunk])), index.device)
            answer = yield torch.where(keep[:, index][:, None], subject.counterpart, subject.image)
            answers.append(values(answer))
            if start == 0 and not bool(subject.classes.called_real(answers[0][0].numpy())):
                return Measured(reasons={"": NOT_REAL})
        return self._measured(subject, sizes, steps, torch.cat(answers).numpy()[1:])

    def _steps(self, ranking: NDArray[np.int16], sizes: Floats) -> NDArray[np.bool_]:
        """Segments restored at each step, (steps, S) bool: one more each, until the area is reached."""
        areas = np.cumsum(sizes[ranking])
        # sums of shares round: the whole image may come to a hair less than 1
        last = max(int(np.searchsorted(areas, self.area - 1e-9)) + 1, self.top)
        keep = np.zeros((min(last, len(ranking)), len(sizes)), bool)
        for step in range(len(keep)):
            keep[step:, ranking[step]] = True
        return keep

    def _measured(
        self, subject: Subject, sizes: Floats, steps: Sequence[NDArray[np.bool_]], answers: NDArray[np.float32]
    ) -> Measured:
        before = subject.explanation["before"]
        target = int(subject.classes.called(before))
        found: dict[str, list[float]] = {column.name: [] for column in self.columns}
        used = 0
        kept = []
        for keep in steps:
            own = answers[used : used + len(keep)]
            used += len(keep)
            areas = np.concatenate([[0.0], keep @ sizes])
            p = np.concatenate([[before[target]], own[:, target]]).astype(np.float64)
            if keep[-1].all():
                areas[-1] = 1.0  # the sum of shares rounds
            found[self.name].append(fall(areas, p, self.area))
            kept.append(np.stack([areas, p]).astype(np.float32))  # a draw begins where the area is 0
            for k in self.ks:
                if k < len(p):
                    found[f"{self.name}_fall_{k}"].append(float(p[0] - p[k]))
                    found[f"{self.name}_flip_{k}"].append(float(subject.classes.called_real(own[k - 1])))
                    found[f"{self.name}_area_{k}"].append(float(areas[k]))
        values = {name: float(np.mean(numbers)) for name, numbers in found.items() if numbers}
        few = f"the {self.what} has only {len(sizes)} segments"
        return Measured(values, {"": few}, dict(zip(self.kept, np.concatenate(kept, axis=1), strict=True)))
