"""What may go, for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advxai.common.sizes import human


@dataclass(frozen=True)
class Entry:
    """A file or folder that may go.

    Attributes:
        path: where it is.
        why: why it may go, in words.
        bytes: size of its files together.
        files: how many they are.
    """

    path: Path
    why: str
    bytes: int
    files: int


def total(entries: Sequence[Entry]) -> str:
    """How many, and how large together, for example `3 things, 1.2 GB`."""
    return f"{len(entries)} thing{'' if len(entries) == 1 else 's'}, {human(sum(entry.bytes for entry in entries))}"
