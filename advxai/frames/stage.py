"""What both origins of the images, our own crops and an existing database, leave for the stages after them."""

from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common import parquet
from advxai.frames.lists import write_lists
from advxai.frames.manifest import write_csv


def write(manifest: pd.DataFrame, images: pd.DataFrame, left_out: pd.DataFrame, output: Any) -> None:
    """Write the lists of a run's images.

    Args:
        manifest: every image.
        images: those to explain.
        left_out: columns stage, item, reason.
        output: the rule's output, paths by name: manifest, evaluation and left_out (Parquet), csv (the manifest in the
            authors' form, with the split), evaluation_csv (the images to explain in the authors' form) and shards
            (the images to explain, dealt out by their video).
    """
    parquet.write(manifest, output.manifest)
    write_csv(manifest, Path(output.csv), split=True)
    parquet.write(images, output.evaluation)
    write_csv(images, Path(output.evaluation_csv))
    parquet.write(left_out, output.left_out)
    write_lists(images, output.shards)
