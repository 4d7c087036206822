"""Types that many rooms name."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]  # a record of the store, or a row of a table: field -> value, of whatever type the field has
Item = Mapping[str, Any]  # an image to be worked on: a row of the list of images, with `key` and `sha256`
Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in whole pixels, x2 and y2 exclusive
Edges = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels
