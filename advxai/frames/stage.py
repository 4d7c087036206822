"""What both origins of the images, our own crops and an existing database, leave for the stages after them."""

from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common import parquet
from advxai.frames.manifest import write_csv


def write(manifest: pd.DataFrame, left_out: pd.DataFrame, output: Any) -> None:
    """Write the lists of a run's images.

    Args:
        manifest: every image.
        left_out: columns stage, item, reason.
        output: the rule's output, paths by name: manifest and left_out (Parquet), csv (the manifest in the authors'
            form, with the split).
    """
    parquet.write(manifest, output.manifest)
    write_csv(manifest, Path(output.csv), split=True)
    parquet.write(left_out, output.left_out)
