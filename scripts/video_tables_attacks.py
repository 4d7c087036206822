"""The table of attacks on the segments of clips."""

from advxai.config import load
from advxai.config.video import ATTACKS
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.write import write
from advxai.video.attacked import attacks_table
from advxai.video.read import Found

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    inputs = snakemake.input
    found = Found.read(inputs.clips, inputs.scores, inputs.saliency, evaluation=inputs.evaluation)
    write(attacks_table(found, paths.config, paths.classes), paths.run / "tables" / ATTACKS, snakemake.params.note)
