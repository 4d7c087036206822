"""Which form a detector's file has."""

from pathlib import Path

from advxai.dialects.reading import Reading


def reading_of(path: Path) -> Reading | None:
    """What a file, or a folder, that isn't ours was read as; None: nothing is known of it but its tensors.

    Raises:
        InputError: it is a detector that can't be run here.
    """
    del path
    return None
