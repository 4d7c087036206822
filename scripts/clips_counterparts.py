"""Cut out the original's frame behind each frame of the fake clips, and measure how well the two fit."""

from advxai.clips.manifest import CUT
from advxai.common import parquet
from advxai.common.categories import manipulated
from advxai.config import load
from advxai.frames.cutting import collect, write
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    scratch = scratch_folder(config.scratch)
    folder = paths.clip_counterparts_cut
    folder.describe()
    frames = parquet.read(snakemake.input.frames)
    fakes = frames[frames["category"].map(manipulated).astype(bool)]
    table = collect(fakes, paths.corpus_root, folder.path, config.frames.aligned, scratch, CUT)
    write(table, snakemake.output, scratch)
