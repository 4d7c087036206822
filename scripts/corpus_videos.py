"""List the run's videos and deal them out to shards; for the demo, join the clips' trees first."""

from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.config import load
from advxai.corpus.tree import left_out, merge, scan
from advxai.frames.listed import require_unlearnt
from advxai.frames.manifest import read_csv
from advxai.run.jobs import job, write_items
from advxai.run.paths import Paths
from advxai.run.shards import shard_of

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    root = paths.corpus_root
    clips = [Path(report).parent for report in snakemake.input.clips]
    if clips:
        merge(clips, root)
    corpus = config.corpus
    splits = root / "splits" if clips else Path(corpus.splits)
    videos, missing = scan(root, corpus.compression, corpus.categories, splits, corpus.also)
    if snakemake.params.unlearnt:  # looked at before faces are cut out, which takes long
        listed = Path(snakemake.input.listed[0])
        require_unlearnt(videos, read_csv(listed), listed)
    parquet.write(pd.concat([left_out(clips), missing]), snakemake.output.left_out)
    parquet.write(videos, snakemake.output.videos)
    numbers = videos["video"].map(lambda video: shard_of(video, config.shards))
    for number, path in enumerate(snakemake.output.shards):
        write_items(path, videos[numbers == number].to_dict("records"))
