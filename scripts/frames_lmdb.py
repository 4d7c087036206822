"""Store every crop of the manifest in an LMDB, verified by hash."""

from pathlib import Path

import pandas as pd

from advxai.frames.database import build
from advxai.jobs import job

with job(snakemake.log):
    build(pd.read_parquet(snakemake.input.manifest), Path(snakemake.output[0]))
