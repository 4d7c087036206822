"""List the images of an existing database as the manifest."""

from pathlib import Path

import pandas as pd

from advxai.config import load
from advxai.frames.imported import from_lmdb
from advxai.frames.listed import LEFT_OUT
from advxai.frames.manifest import check, known, read_csv
from advxai.frames.stage import write
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    categories = config.corpus.categories
    source = Path(snakemake.input.listed[0])
    listed = known(read_csv(source), [*categories, *config.corpus.also])
    manifest = from_lmdb(listed, Path(snakemake.input.lmdb), source)
    check(manifest, {"test": categories})
    write(manifest, pd.DataFrame(columns=LEFT_OUT, dtype="str"), snakemake.output)
