"""Explain what the configuration's `image` names."""

import logging
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.limit import Limit
from advxai.config import load
from advxai.explain.command import Wanted, run
from advxai.explain.request import configured, names
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    wanted = Wanted(
        requests=[configured(config)],
        names=names(config, None),
        frames=config.explain.frames,
        whole=config.explain.whole,
        weights=None,
        seed=config.seed,
        at_once=Limit.of(snakemake.resources),
        chosen=bool(config.explain.explainers),
        video=config.explains_clips,
    )
    place = Path(snakemake.output[0]).parent
    outcome = run(wanted, Paths(config), place)
    for reason in outcome.refused:
        raise InputError(reason)
    for note in outcome.notes:
        logging.warning("note: %s", note)
    for line in [*outcome.lines, *(place / name for name in outcome.places)]:
        logging.info("%s", line)
