"""Say what the run will cost: images, forwards, disk, time, jobs."""

import logging
import shutil

from advxai import plan
from advxai.beforehand import check
from advxai.beforehand.clips import require_clips
from advxai.common.errors import InputError
from advxai.common.files import publish
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config), planning=True)
    config = paths.config
    absent = ""
    try:
        check(paths)
        if config.video.asked:
            require_clips(paths)
    except InputError as error:
        absent = str(error)
    population = plan.population(paths)
    store = plan.look(paths)
    if config.plan.rate is not None:
        speed = plan.Speed(config.plan.rate, "not measured here", "as plan.rate says")
    else:
        try:
            speed = plan.measure(config.detector, paths.weights)
        except InputError as error:
            speed = str(error)
    samples = plan.sampled(paths, population)
    rate = speed.rate if isinstance(speed, plan.Speed) else None
    rows = plan.rows(config, population, store, rate, samples)
    clips = plan.clips_of(paths, population)
    if clips is not None:
        rows += plan.clip_rows(config, clips, rate)
    paths.run.mkdir(parents=True, exist_ok=True)
    text = plan.report(
        config,
        population,
        store,
        rows,
        speed,
        cores=snakemake.params.cores,
        gpus=snakemake.params.gpus,
        submitted=snakemake.params.submitted,
        timed=plan.timed(paths),
        free=shutil.disk_usage(paths.run).free,
        absent=absent,
        samples=samples,
        clips=clips,
    )
    publish(paths.run / "plan.txt", lambda file: file.write_text(text, encoding="utf-8"))
    logging.info("\n%s", text)
