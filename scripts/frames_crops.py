"""List the images of a tree of crops as the manifest: all of them, or those that the user lists."""

from pathlib import Path

import pandas as pd

from advxai.common.categories import REAL
from advxai.config import load
from advxai.frames.crops import from_tree
from advxai.frames.listed import as_listed
from advxai.frames.manifest import check
from advxai.frames.stage import write
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    corpus = config.corpus
    wanted = [REAL, *corpus.categories, *corpus.also]
    manifest, left_out = from_tree(Path(snakemake.input.crops), corpus.compression, wanted)
    required = {"test": corpus.categories}
    check(manifest, required)
    if snakemake.input.listed:
        source = Path(snakemake.input.listed[0])
        manifest, absent = as_listed(manifest, source, config, unlearnt=snakemake.params.unlearnt)
        left_out = pd.concat([left_out, absent], ignore_index=True)
        check(manifest, required)
    write(manifest, left_out, snakemake.output)
