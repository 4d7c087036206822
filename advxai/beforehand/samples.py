"""What must be there before a list of samples is explained."""

from pathlib import Path
from typing import TYPE_CHECKING

from advxai.common.errors import InputError

if TYPE_CHECKING:
    from advxai.run.paths import Paths


def require_samples(paths: "Paths") -> None:
    """Refuse to explain samples without rows, list or images.

    Args:
        paths: of the run, of which `samples` is asked for.

    Raises:
        InputError: names the key and what to do.
    """
    config, settings = paths.config, paths.config.samples
    if not config.sampled:
        raise InputError(
            "config: samples.explainers: no row of `explainers` explains a picture by itself without an adversarial "
            "copy: add one that does, such as `RISE: {method: rise, baseline: zeros}`"
        )
    listed = settings.list
    # the run makes its own list
    if listed is not None and not Path(listed).is_file() and not Path(listed).is_relative_to(paths.run):
        raise InputError(f"config: samples.list: {listed} is no file there: correct the path, or take the key out")
    if settings.crops is not None and not Path(settings.crops).is_dir():
        raise InputError(f"config: samples.crops: {settings.crops} is no folder: correct the path, or take the key out")
