"""What the explained clips were made from: results/<run>/video/provenance.json."""

import json
from pathlib import Path

from advxai.common.files import publish_text
from advxai.config import load
from advxai.report.provenance import provenance
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    publish_text(Path(snakemake.output[0]), json.dumps(provenance(paths, clips=True), indent=1) + "\n")
