"""Files that appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def publish(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write a temporary file in the same folder, which is made, then put it in place atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays the last, for writers that go by it
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        save(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
