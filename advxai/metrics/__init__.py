"""What is measured of an explanation besides the segment attacks: restoration, localisation, complexity, and measures
from outside.

Names are looked up when they are asked for, so that what needs only the columns imports nothing else.
"""

from typing import TYPE_CHECKING, Any

from advxai.common.lazily import lookup

if TYPE_CHECKING:
    from advxai.metrics.base import Measure, Measured, Subject
    from advxai.metrics.columns import Column
    from advxai.metrics.registry import all_columns, build, measures

__all__ = ["Column", "Measure", "Measured", "Subject", "all_columns", "build", "measures"]

_WHERE = dict.fromkeys(("Measure", "Measured", "Subject"), "base") | {"Column": "columns"}
_WHERE |= dict.fromkeys(("all_columns", "build", "measures"), "registry")


def __getattr__(name: str) -> Any:
    return lookup(__name__, _WHERE, name)
