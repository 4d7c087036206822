"""Join the faces to the manifest, of all images or of those that the user lists."""

from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.config import load
from advxai.frames.listed import LEFT_OUT, as_listed
from advxai.frames.manifest import build, check
from advxai.frames.stage import write
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    required = {"test": config.corpus.categories}
    faces = [Path(path) for path in snakemake.input.faces]
    manifest = build(
        [parquet.read(path) for path in faces], required, [path.with_suffix(".left_out.parquet") for path in faces]
    )
    left_out = pd.DataFrame(columns=LEFT_OUT, dtype="str")
    if snakemake.input.listed:
        source = Path(snakemake.input.listed[0])
        manifest, left_out = as_listed(manifest, source, config, unlearnt=snakemake.params.unlearnt)
        check(manifest, required)
    write(manifest, left_out, snakemake.output)
