"""Which clips the run explains, dealt out to shards by video."""

from pathlib import Path

from advxai.clips.listing import listed
from advxai.clips.lists import read_list
from advxai.common import parquet
from advxai.common.rows import rows
from advxai.config import load
from advxai.run import progress
from advxai.run.jobs import job, write_items
from advxai.run.shards import shard_of

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    asked = read_list(Path(snakemake.input.listed[0])) if snakemake.input.listed else None
    videos, categories = parquet.read(snakemake.input.videos), config.corpus.categories
    learns = config.detector.checkpoint is None
    clips, left_out = listed(videos, config.video, categories, config.seed, asked, learns=learns)
    parquet.write(left_out, snakemake.output.left_out)
    parquet.write(clips, snakemake.output.clips)
    found = rows(clips)
    for number, path in enumerate(snakemake.output.shards):
        write_items(path, [clip for clip in found if shard_of(clip["video"], config.shards) == number])
    progress.tell(n=len(found), unit="clip")
