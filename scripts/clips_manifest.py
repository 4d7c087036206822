"""Join the shards' clips to one list of clips and one of their frames, and deal them out to shards."""

from advxai.clips.manifest import build, items
from advxai.common import parquet
from advxai.config import load
from advxai.run.jobs import job, write_items
from advxai.run.paths import Paths
from advxai.run.shards import shard_of

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    shards = paths.config.shards
    clips, frames = build(map(parquet.read, snakemake.input.frames), paths.clips_left_out[:-1])
    listed = items(clips, frames)
    for number, path in enumerate(snakemake.output.shards):
        write_items(path, [item for item in listed if shard_of(item["video"], shards) == number])
    parquet.write(frames, snakemake.output.frames)
    parquet.write(clips, snakemake.output.clips)
