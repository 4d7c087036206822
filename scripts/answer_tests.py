"""Estimates, tests, scorecard and the answer's sentences."""

from advxai.answer.sentences import write
from advxai.answer.whole import answer
from advxai.common import parquet
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.left_out import noted
from advxai.tables.read import evaluation, metrics
from advxai.tables.write import write as write_table

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    found = answer(paths, evaluation(snakemake.input.evaluation), metrics(snakemake.input.metrics))
    for name, table in found.tables.items():
        write_table(table, paths.run / "tables" / name, note)
    parquet.write(found.estimates, snakemake.output.estimates)
    write(found.sentences, paths.outputs.answer)
