"""Parquet files that appear whole and are read back as they were written."""

from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa

from advxai.common.errors import reading
from advxai.common.files import publish


def write(frame: pd.DataFrame, path: str | Path) -> None:
    """Publish a table, without its index, with checksums."""
    publish(Path(path), partial(frame.to_parquet, index=False, write_page_checksum=True))


def read(path: str | Path) -> pd.DataFrame:
    """Read a table, its checksums verified.

    Raises:
        InputError: the file is missing or damaged; the message names it.
    """
    with reading(path, "delete it and run again"):
        frame = pd.read_parquet(path, page_checksum_verification=True)
        texts: list[str] = list(frame.select_dtypes("string"))
        for name in texts:  # of a table without checksums: Arrow decodes text when somebody looks at it
            pa.array(frame[name].array).validate(full=True)
        return frame
