"""How far a computation is, in images through the detector."""

from types import TracebackType
from typing import Self

from advxai.run.bar import Bar


class Progress:
    """A bar whose end is the most that can come, and moves nearer when less is needed.

    Args:
        most: images through the detector, at most.
    """

    def __init__(self, most: int) -> None:
        self._bar = Bar(total=most, unit="image")

    def stage(self, title: str) -> None:
        """What is computed now."""
        self._bar.set_description(title)

    def add(self, images: int) -> None:
        """So many images have gone through the detector."""
        self._bar.update(images)

    def less(self, images: int) -> None:
        """So many are not needed after all; a negative number: so many more are."""
        self._bar.total = max(self._bar.total - images, self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._bar.total = self._bar.n
        self._bar.close()
