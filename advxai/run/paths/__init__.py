"""Where everything lies. A store path carries a digest of what determines its numbers; a run's paths are readable.

    <results>/store/<stage>/<name>-<digest>/...   shared by all runs, with params.json beside it
    <results>/<run>/...                           tables, figures and lists of one run

A digest covers parameters, the stage's algorithm version and the digests of the stages it reads, never the list of
images. As a stage's folder needs those of the stages it reads, each class builds on the one before it, in the order in
which data flows: base, images, detector, stages.
"""

from functools import cached_property

from advxai.run.paths.outputs import Outputs
from advxai.run.paths.video import VideoPaths

__all__ = ["Outputs", "Paths"]


class Paths(VideoPaths):
    """Paths and parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
        planning: data that are absent are no error.
    """

    @cached_property
    def outputs(self) -> Outputs:
        """What people read."""
        return Outputs(self)
