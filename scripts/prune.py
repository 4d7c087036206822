"""List what no configuration refers to; delete it if the configuration says so."""

import logging
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.sizes import human
from advxai.config import load
from advxai.prune.delete import delete
from advxai.prune.entries import total
from advxai.prune.runs import configurations
from advxai.prune.unused import unused
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    further = snakemake.params.configurations
    entries = unused(configurations(config, further))
    logging.info("Kept is what the run %s refers to%s.", config.run, "".join(f", and {file}" for file in further))
    if entries:
        logging.info("%s, that no configuration here refers to:", total(entries))
    else:
        logging.info("There is nothing in %s that no configuration here refers to.", config.results)
    for entry in entries:
        files = f"{entry.files:,} file{'' if entry.files == 1 else 's'}"
        logging.info("%10s in %s: %s (%s)", human(entry.bytes), files, entry.path, entry.why)
    if entries and not snakemake.params.delete:
        logging.info("Nothing is deleted. To delete this, add --config 'prune={delete: true}' to the command.")
    elif entries:
        gone = delete(entries, Path(config.results))
        logging.info("Deleted: %s.", total(gone))
        if len(gone) < len(entries):
            raise InputError(f"{total(entries)} were to be deleted, {total(gone)} could be; the reasons are above")
