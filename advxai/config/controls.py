"""Configuration of what explainers are compared with: controls, which never see the detector, and ceilings, which know
the answer. Each exists once for every segmentation of the run's explainers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypeVar

from pydantic import Field

from advxai.config.base import Number
from advxai.config.rows import KINDS, Kind, Row, Segmentation

CONTROLS = ("random", "centre", "edges", "face_prior", "largest")
CEILINGS = ("oracle_mask", "oracle_difference")
Entry = TypeVar("Entry", bound=Row)


class Control(Row):
    """A ranking of segments that takes no forward and never sees the detector."""

    kind: ClassVar[Kind] = "control"
    segmentation: Segmentation | None = Field(
        None, description="One that an explainer of the run uses; null: a row for each that they use."
    )

    @property
    def forwards(self) -> int:
        return 0


class Random(Control):
    """Segments in random order."""

    method: Literal["random"]
    draws: int = Field(
        5, ge=1, le=100, description="Orders; the segment attacks take the first, all other measures the mean."
    )


class Centre(Control):
    """A Gaussian in the middle of the image."""

    method: Literal["centre"]
    width: Number = Field(0.25, gt=0, le=10, description="Its sigma, as a share of the image's side.")


class Edges(Control):
    """Sobel magnitude of the grey image."""

    method: Literal["edges"]


class FacePrior(Control):
    """Where training fakes are manipulated on average, by the face's landmarks; without masks: eyes, nose, mouth."""

    method: Literal["face_prior"]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"prior"})


class Largest(Control):
    """Segments by their area."""

    method: Literal["largest"]


class Ceiling(Control):
    """A ranking of segments by what no explainer is told."""

    kind: ClassVar[Kind] = "ceiling"


class OracleMask(Ceiling):
    """Segments by their share in the true mask; those of equal share by the difference to the counterpart."""

    method: Literal["oracle_mask"]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"mask", "counterpart"})


class OracleDifference(Ceiling):
    """Segments by the mean absolute difference to the counterpart: the original's frame."""

    method: Literal["oracle_difference"]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"counterpart"})


AnyControl = Random | Centre | Edges | FacePrior | Largest | OracleMask | OracleDifference


def expanded(rows: Mapping[str, Entry]) -> dict[str, Entry]:
    """Entries with a row of each control and ceiling for each segmentation; explainers first, then controls, ceilings.

    A row has its entry's name where there is one segmentation, else that name and what differs between them:
    `random_unit`, `random_quickshift_unit`. What is expanded already stays as it is.

    Args:
        rows: name -> entry, as configured.

    Raises:
        ValueError: there is no explainer, none uses a control's segmentation, or two rows would have one name.
    """
    explainers = {name: entry for name, entry in rows.items() if entry.kind == "explainer"}
    if not explainers:
        raise ValueError(f"{', '.join(rows)}: controls and ceilings stand beside explainers; add one")
    used = _different([entry.segmentation for entry in explainers.values() if entry.segmentation is not None])
    suffixes = _suffixes(used)
    found: dict[str, Entry] = {}
    for kind in KINDS:
        for name, entry in rows.items():
            if entry.kind != kind:
                continue
            for one, row in _rows(name, entry, used, suffixes).items():
                if one in found or (one != name and one in rows):
                    raise ValueError(
                        f"{name} is expanded to a row {one}, and there is another of this name; rename one"
                    )
                found[one] = row
    return found


def _rows(name: str, entry: Entry, used: Sequence[Segmentation], suffixes: Sequence[str]) -> dict[str, Entry]:
    """The rows of an entry."""
    given = entry.segmentation
    if entry.kind == "explainer":
        return {name: entry}
    if given is None:
        return {
            f"{name}{suffix}": entry.model_copy(update={"segmentation": one})
            for one, suffix in zip(used, suffixes, strict=True)
        }
    if not any(given.same(one) for one in used):
        known = ", ".join(f"{one.algorithm_name} of the {one.image} image" for one in used)
        raise ValueError(
            f"{name}.segmentation: no explainer uses {given.algorithm_name} of the {given.image} image, so that there "
            f"are no such segments; they use {known}: take one of them, or leave the key out"
        )
    return {name: entry}


def _different(segmentations: Sequence[Segmentation]) -> list[Segmentation]:
    found: list[Segmentation] = []
    for one in segmentations:
        if not any(one.same(other) for other in found):
            found.append(one)
    return found


def _suffixes(used: Sequence[Segmentation]) -> list[str]:
    """What tells each of some different segmentations apart; the default's algorithm goes without saying beside an
    image that differs."""
    if len(used) == 1:
        return [""]
    images = len({one.image for one in used}) > 1
    algorithms = len({one.algorithm_name for one in used}) > 1
    unsaid = Segmentation().algorithm_name if images else ""
    return [
        "".join(
            f"_{part}"
            for part, shown in (
                (one.algorithm_name, algorithms and one.algorithm_name != unsaid),
                (one.image, images),
            )
            if shown
        )
        for one in used
    ]
