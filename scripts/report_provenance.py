"""Write down what the run was made from, with, when and by how much work."""

import json
from pathlib import Path

from advxai.common.files import publish
from advxai.config import load
from advxai.report.provenance import provenance
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    text = json.dumps(provenance(Paths(load(snakemake.config))), indent=1) + "\n"
    publish(Path(snakemake.output[0]), lambda file: file.write_text(text))
