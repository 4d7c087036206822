"""Whether the detector can be tested as the configuration asks."""

from typing import TYPE_CHECKING

from advxai.common.classes import FIVE
from advxai.common.errors import InputError

if TYPE_CHECKING:
    from advxai.run.paths import Paths


def require_testable(paths: "Paths") -> None:
    """Refuse a test that has nothing to measure, or that would be set beside the figures of quite another one.

    Args:
        paths: of the run.

    Raises:
        InputError: the detector has no class for one of `detector.testing.categories`; or `published` is adv_xai, and
            its classes aren't the paper's, over which those figures are means.
    """
    testing, classes = paths.config.detector.testing, paths.classes
    listed = ", ".join(classes.names)
    for name in testing.categories or ():
        if classes.of(name) is None:
            raise InputError(
                f"config: detector.testing.categories: the detector has no class for {name} (its classes are {listed}):"
                " take it out, or set detector.classes"
            )
    if testing.published == "adv_xai" and set(classes.names) != set(FIVE.names):
        raise InputError(
            f"config: detector.testing.published: adv_xai's figures are means over {', '.join(FIVE.names)}, and the "
            f"detector's classes are {listed}: set it to hybrid, pino or null"
        )
