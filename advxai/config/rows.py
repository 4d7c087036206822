"""What the entries of `explainers:` share: the explainers, and what stands beside them to be compared with."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from advxai.config.base import Model, Number

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
    def backwards(self) -> int:
        """Images back through the detector, for gradients."""
        return 0

    @property
    def gradients(self) -> bool:
        """It asks the detector's module for gradients, which a detector without one can't give."""
        return False

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that compute it besides what computes every row; records say their versions."""
        return ()

    @property
    def filling(self) -> str:
        """Kind of its baseline; "": it has none."""
        return ""

    @property
    def needs(self) -> frozenset[str]:
        """What it is made of besides the image: "adversarial" (copy), "counterpart", "mask", "prior"."""
        return frozenset()


Target = Literal["predicted", "fake", "real"]
BASELINES = ("segment_mean", "image_mean", "zeros", "blur", "noise", "adversarial", "counterpart")
PUBLISHED = ("LIME", "LIME_adv", "SHAP", "SHAP_adv", "SOBOL", "SOBOL_adv", "RISE", "RISE_adv")


class Baseline(Model):
    """What fills a perturbed region. A bare name stands for `{kind: name}`."""

    kind: Literal["segment_mean", "image_mean", "zeros", "blur", "noise", "adversarial", "counterpart"] = Field(
        description="segment_mean, image_mean, zeros (of the normalised image), blur, noise, adversarial, or "
        "counterpart (the original's frame; images without one aren't explained)."
    )
    size: int = Field(128, ge=2, le=1023, description="blur: side of the box kernel, in pixels.")
    std: Number = Field(0.2, gt=0, le=1, description="noise: standard deviation, in units of the [0, 1] image.")


NORMALISED = Segmentation(image="normalised")


class Explainer(Row):
    """What every entry of an explainer has."""

    kind: ClassVar[Kind] = "explainer"
    segmentation: Segmentation = Field(NORMALISED, description="Segments to score, rank and attack.")
    target: Target = Field(
        "predicted",
        description="The class that is explained: the predicted one, the likeliest fake one, or the real one (such a "
        "row is in all tables, and compared with none).",
    )
    published: str | None = Field(
        None, description="Row of the paper's tables that this one is a reading of; FF++ runs show the two together."
    )

    @field_validator("segmentation", mode="before")
    @classmethod
    def _own_image(cls, value: Any) -> Any:
        """A method's own choice of the image to segment holds when only other keys are given."""
        own = cls.model_fields["segmentation"].default.image
        return {"image": own, **value} if isinstance(value, dict) else value

    @field_validator("published")
    @classmethod
    def _in_the_paper(cls, value: str | None) -> str | None:
        if value is not None and value not in PUBLISHED:
            raise ValueError(f"is not one of {', '.join(PUBLISHED)}")
        return value

    @model_validator(mode="after")
    def _reads_the_paper(self) -> "Explainer":
        if self.published is not None and self.target != "predicted":
            raise ValueError(
                f"published: the paper explains the predicted class, so a row of `target: {self.target}` is no reading "
                f"of {self.published}: take one of the two keys out"
            )
        return self


class WithBaseline(Model):
    """What an explainer has that fills regions in, whether of an image or of a clip."""

    baseline: Baseline = Field(description="What fills a perturbed region, or stands for no evidence.")

    @field_validator("baseline", mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> "WithBaseline":
        if getattr(self, "target", "") == "real" and self.baseline.kind == "adversarial":
            raise ValueError(
                "baseline: the adversarial copy is called real already, so nothing of the image speaks for the real "
                "class beside it: give a row of `target: real` another baseline"
            )
        return self

    @property
    def filling(self) -> str:
        """Kind of its baseline."""
        return self.baseline.kind

    @property
    def needs(self) -> frozenset[str]:
        """What it is made of besides the image."""
        return frozenset({self.baseline.kind} & {"adversarial", "counterpart"})


class Filled(WithBaseline, Explainer):
    """What an explainer of images has that fills regions in, or compares the image with a baseline."""


def segments_of(entry: Row) -> Segmentation:
    """An entry's segmentation, which every entry of a loaded configuration has."""
    if entry.segmentation is None:
        raise ValueError("the entry hasn't been given its segmentation yet")
    return entry.segmentation
