"""Join the faces to the manifest, of all images or of those that the user lists."""

from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.config import load
from advxai.frames.listed import LEFT_OUT, other_splits, require_unlearnt, select
from advxai.frames.manifest import build, check, known, read_csv
from advxai.frames.stage import write
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    categories = config.corpus.categories
    required = {"test": categories}
    faces = [Path(path) for path in snakemake.input.faces]
    manifest = build(
        [parquet.read(path) for path in faces], required, [path.with_suffix(".left_out.parquet") for path in faces]
    )
    left_out = pd.DataFrame(columns=LEFT_OUT, dtype="str")
    if snakemake.input.listed:
        source = Path(snakemake.input.listed[0])
        listed = known(read_csv(source), [*categories, *config.corpus.also])
        chosen, left_out = select(manifest, listed, source)
        learns = config.detector.checkpoint is None
        if snakemake.params.unlearnt:
            require_unlearnt(manifest, listed, source)
        manifest = pd.concat([chosen, other_splits(manifest, listed)], ignore_index=True) if learns else chosen
        check(manifest, required)
    write(manifest, left_out, snakemake.output)
