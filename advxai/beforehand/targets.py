"""Targets that need rows under `explainers`, where the configuration explains clips alone."""

from collections.abc import Collection

from advxai.common.errors import InputError
from advxai.config import Config

# What is made of explained images, as arguments; a case's is a path
OF_IMAGES = {
    "adversary", "saliency", "evaluation", "metrics", "tables", "answer", "report", "samples",
}  # fmt: skip


def require_rows(config: Config, arguments: Collection[str]) -> None:
    """Refuse to make of explained images what is asked for, where no row explains images.

    Args:
        config: the run's.
        arguments: of the command line.

    Raises:
        InputError: names the target and what to do.
    """
    asked = sorted(OF_IMAGES.intersection(arguments))
    if asked and not config.explainers:
        raise InputError(
            f"config: explainers: is {{}}, so no image is explained and there is nothing to make {asked[0]} of: add a "
            "row, such as `RISE: {method: rise, baseline: zeros}`, or ask for the target video, which is of clips"
        )
