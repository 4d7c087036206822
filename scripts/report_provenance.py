"""Write down what the run was made from, with, when and by how much work."""

import json
from pathlib import Path

from advxai.config import load
from advxai.files import publish
from advxai.jobs import job
from advxai.paths import Paths
from advxai.report.provenance import provenance

with job(snakemake.log, snakemake.input):
    text = json.dumps(provenance(Paths(load(snakemake.config))), indent=1) + "\n"
    publish(Path(snakemake.output[0]), lambda file: file.write_text(text))
