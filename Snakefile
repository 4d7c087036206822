# Explaining deepfake detectors: the workflow's entry. The stages are in rules/, the science in advxai/.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

# The library lies next to the Snakefile.
sys.path.insert(0, workflow.basedir)

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import require_once

# --configfile replaces config.yaml. (`configfile:` would merge the two.)
if not workflow.overwrite_configfiles:

    configfile: os.path.join(workflow.basedir, "config.yaml")


try:
    # Snakemake has read them, and of a key that is there twice only the last. A job's own process needn't look again.
    if not (workflow.remote_exec or workflow.subprocess_exec):
        for file in workflow.configfiles:
            require_once(Path(file))
    CONFIG = load(config)
except InputError as error:
    raise WorkflowError(str(error)) from None


include: "rules/common.smk"
include: "rules/corpus.smk"
include: "rules/faces.smk"
include: "rules/frames.smk"
include: "rules/detector.smk"
include: "rules/adversary.smk"
include: "rules/saliency.smk"
include: "rules/evaluation.smk"
include: "rules/metrics.smk"
include: "rules/tables.smk"
include: "rules/answer.smk"
include: "rules/report.smk"
include: "rules/prune.smk"
include: "rules/plan.smk"
include: "rules/explain.smk"
include: "rules/samples.smk"
include: "rules/clips.smk"
include: "rules/video.smk"
include: "rules/cases.smk"


# What is made when no target is given: everything.
rule all:
    default_target: True
    input:
        P.outputs.everything,
        P.run / "detector/metrics.json",
        P.outputs.tested,
