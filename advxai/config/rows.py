"""What the entries of `explainers:` share: the explainers, and what stands beside them to be compared with."""

from typing import ClassVar, Literal

from pydantic import Field

from advxai.config.base import Model

Kind = Literal["explainer", "control", "ceiling"]
KINDS: tuple[Kind, ...] = ("explainer", "control", "ceiling")  # in the order of the tables' rows


class Segmentation(Model):
    """Superpixels that are scored, ranked and attacked."""

    algorithm: Literal["slic", "quickshift"] = Field("slic", description="slic, or quickshift with lime's settings.")
    n_segments: int = Field(50, ge=2, le=4096, description="slic: segments asked for; it makes fewer.")
    image: Literal["unit", "normalised"] = Field("unit", description="Segment the [0, 1] or the normalised image.")

    @property
    def algorithm_name(self) -> str:
        """The algorithm and, if it is asked for a number of segments, that: quickshift, slic50."""
        return f"slic{self.n_segments}" if self.algorithm == "slic" else self.algorithm

    def same(self, other: "Segmentation") -> bool:
        """Whether both make the same segments."""
        return (self.algorithm_name, self.image) == (other.algorithm_name, other.image)


class Row(Model):
    """What every entry has."""

    kind: ClassVar[Kind]
    segmentation: Segmentation | None = Field(description="Segments to score, rank and attack.")

    @property
    def forwards(self) -> int | None:
        """Images through the detector that an explanation takes, the one that finds the target included; None: of an
        explainer from outside, which doesn't say."""
        return None

    @property
    def needs(self) -> frozenset[str]:
        """What it is made of besides the image: "adversarial" (copy), "counterpart", "mask", "prior"."""
        return frozenset()


def segments_of(entry: Row) -> Segmentation:
    """An entry's segmentation, which every entry of a loaded configuration has."""
    if entry.segmentation is None:
        raise ValueError("the entry hasn't been given its segmentation yet")
    return entry.segmentation
