"""A film and a contact sheet of each explained clip, and what the page plays, as data."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.files import published_folder
from advxai.config import load
from advxai.frames.database import FrameStore
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.video.films import make

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    inputs = snakemake.input
    with published_folder(paths.films, alone=True) as folder:
        made = make(
            parquet.read(inputs.clips),
            parquet.read(inputs.manifest),
            FrameStore(Path(inputs.frames)),
            paths.scored,
            {name: paths.video_maps_of(name) for name in snakemake.params.explainers},
            folder,
            paths.config,
            paths.classes,
        )
        made.write(folder / Path(snakemake.output[0]).name)  # which is there when all films are
