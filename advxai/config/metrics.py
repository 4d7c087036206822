"""Configuration of the measures: each entry of `metrics:` is one, and may give several columns."""

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from advxai.config.base import Model, Number, Plain, is_import_path


class Restoration(Model):
    """The original's pixels put into the segments that an explanation ranks first."""

    measure: Literal["restoration"]
    area: Number = Field(0.3, gt=0, le=1, description="Share of the image that is restored at most.")
    top: int = Field(3, ge=1, le=10, description="Flips are counted after 1 ... top segments.")

    @property
    def forwards(self) -> bool:
        return True

    def images(self, segments: int, draws: int = 1) -> tuple[int, int]:
        """Images through the detector that an explanation takes: the counterpart, and one for each segment until the
        area is reached. Of segments of one size, and at most."""
        return 1 + draws * max(math.ceil(self.area * segments), self.top), 1 + draws * segments


class Localisation(Model):
    """How well a map agrees with the manipulated region."""

    measure: Literal["localisation"]
    top: int = Field(3, ge=1, le=10, description="The union of so many segments is compared with the region.")

    @property
    def forwards(self) -> bool:
        return False


class Complexity(Model):
    """How concentrated a map is."""

    measure: Literal["complexity"]

    @property
    def forwards(self) -> bool:
        return False


class CustomMeasure(Model):
    """A measure from outside the package."""

    measure: str = Field(description="`module:Class`, a subclass of advxai.metrics.Measure.")
    params: Plain = Field({}, description="Keyword arguments of the class.")
    forwards: bool = Field(True, description="It asks the detector; without, the class needs no torch.")

    @field_validator("measure")
    @classmethod
    def _known(cls, value: str) -> str:
        if is_import_path(value):
            return value
        raise ValueError(f"is not one of {', '.join(MEASURES)}, or an import path `module:Class`")


MEASURES = ("restoration", "localisation", "complexity")


def _kind(value: Any) -> str:
    measure = value.get("measure") if isinstance(value, dict) else getattr(value, "measure", None)
    return measure if measure in MEASURES else "custom"


AnyMeasure = Annotated[
    Annotated[Restoration, Tag("restoration")]
    | Annotated[Localisation, Tag("localisation")]
    | Annotated[Complexity, Tag("complexity")]
    | Annotated[CustomMeasure, Tag("custom")],
    Discriminator(_kind),
]


def all_measures() -> dict[str, Any]:
    """Every measure of ours, under its own name."""
    return {name: {"measure": name} for name in MEASURES}
