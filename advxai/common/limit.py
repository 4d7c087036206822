"""How many images are in work together, also where a job is tried again because it lacked memory."""

from typing import Any, Self


class Limit(int):
    """At most so many; and of what would be enough so many halves, which a limit above it wouldn't touch.

    Whoever is asked for a limit may be given a plain number: it halves nothing.

    Args:
        most: halved already.
        halvings: how often.
    """

    halvings: int

    def __new__(cls, most: int, halvings: int = 0) -> Self:
        made = super().__new__(cls, most)
        made.halvings = halvings
        return made

    @classmethod
    def of(cls, resources: Any) -> Self:
        """What a job's resources say: `images_at_once` and `halvings`, of the attempt that it is."""
        return cls(resources.images_at_once, resources.halvings)


def within(at_once: int, enough: int) -> int:
    """How many are in work together, at least one.

    Args:
        at_once: the limit.
        enough: as many as are of use, or as a device bears; in a second try half of them, in a third a quarter.
    """
    halvings = at_once.halvings if isinstance(at_once, Limit) else 0
    return max(1, min(at_once, enough >> halvings))
