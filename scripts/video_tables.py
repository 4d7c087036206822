"""Tables of what is measured of the explained clips, and the closing lines."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.files import publish_text
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.write import write
from advxai.video.read import Found
from advxai.video.tables import summary, tables

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    inputs = snakemake.input
    found = Found.read(inputs.clips, inputs.scores, inputs.saliency, metrics=inputs.metrics)
    left_out = [parquet.read(path) for path in inputs.left_out]
    for name, table in tables(found, paths.config, paths.classes, beside=snakemake.params.beside).items():
        write(table, paths.run / "tables" / name, snakemake.params.note)
    publish_text(Path(paths.video_page["summary"]), summary(found, paths.config, left_out))
