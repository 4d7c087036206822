"""Of which files a detector, as people have it, consists."""

import os
from pathlib import Path

from advxai.dialects import hub, onnxfile


def parts(path: Path) -> list[Path]:
    """All files that a detector is read from: the file itself, or more for a folder or an ONNX file.

    Raises:
        InputError: one of them is missing, or of a kind that isn't read.
        OSError: there is nothing at this path.
    """
    if os.path.isdir(path):
        return hub.parts(path)
    return onnxfile.parts(path) if onnxfile.is_onnx(path) else [path]
