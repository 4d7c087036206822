"""Configuration of the detector's test."""

from typing import Literal

from pydantic import Field

from advxai.config.base import Model
from advxai.config.data import Manipulation

Published = Literal["adv_xai", "hybrid", "pino"]


class Testing(Model):
    """What counts in the detector's test, and whose figures stand beside its own; changes nothing that is stored."""

    categories: list[Literal[Manipulation, "DeepFakeDetection"]] | None = Field(
        None,
        min_length=1,
        description="Manipulations of corpus.categories or corpus.also that count, beside the originals; of the others "
        "it is only said how many are called fake. null: those of corpus.categories.",
    )
    published: Published | None = Field(
        None,
        description="Whose figures stand beside the run's own in detector/published.*: those of the paper's detector "
        "(adv_xai), of the hybrid of EfficientNet and transformer on FF++'s validation videos (hybrid), of "
        "EfficientNets with and without LTPA on DFDC (pino). null: adv_xai where the run is on FF++ and its detector "
        "has the paper's classes, else nobody's.",
    )
