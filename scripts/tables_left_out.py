"""What was left out and why, and the closing message."""

from pathlib import Path

from advxai.answer.sentences import read, text
from advxai.common import parquet
from advxai.common.files import publish
from advxai.common.jsonfile import read_object
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables import left_out
from advxai.tables.read import adversary, evaluation

with job(snakemake.log, snakemake.input):
    rows = evaluation(snakemake.input.evaluation)
    stages = [parquet.read(path) for path in snakemake.input.left_out]
    out = left_out.collect(stages, rows)
    tables = Path(snakemake.output[0]).parent
    left_out.write(out, tables / "left_out")
    config = load(snakemake.config)
    classes = Paths(config).classes
    copies = adversary(snakemake.input.adversary, classes) if snakemake.input.adversary else None
    manifest = parquet.read(snakemake.input.manifest)
    # Images of the user's own database come without a list of videos.
    videos = sum(len(parquet.read(path)) for path in snakemake.input.videos) or manifest["video"].nunique()
    message = left_out.summary(
        videos=videos,
        faces=len(manifest),
        rows=rows,
        left_out=out,
        adversary=copies,
        tables=tables,
        answer=text(read(Path(snakemake.input.answer))),
        notes=read_object(Path(snakemake.input.metrics), "delete it and run again")["notes"],
        beside=[name for name in config.explainers if name not in config.of_kind("explainer")],
    )
    publish(Path(snakemake.output.summary), lambda path: path.write_text(message, encoding="utf-8"))
