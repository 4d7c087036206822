"""One image under every filling, through the detector; and how many images a second the detector takes."""

import json
from pathlib import Path

import numpy as np

from advxai.adversary import reconstruct
from advxai.common.files import publish
from advxai.config import load
from advxai.config.rows import Filled
from advxai.detector.forwards import image_loader, open_detector
from advxai.detector.throughput import speed
from advxai.frames.counterparts import Counterparts
from advxai.report.pick import pick, picked
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.store import write_shard
from advxai.run.weights import read_hash
from advxai.saliency.fillings import baselines, chosen, filled
from advxai.tables.read import evaluation

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    rows = evaluation(snakemake.input.evaluation)
    detector = open_detector(paths, snakemake.input.detector, read_hash(Path(snakemake.input.weights)))
    said = {"key": "", "category": "", "explainer": "", "labels": np.zeros(0, np.int16)}
    records = []
    if shown := pick(rows, list(config.corpus.categories), paths.classes):  # none where no image is explained
        category, key = next(iter(shown.items()))
        explainers = config.of_kind("explainer")
        maps = {name: picked(paths.maps_of(name), paths, [key])[key] for name in explainers}
        name, labels = chosen(maps, config.evaluation.top)
        image = detector.preprocessing.normalised(image_loader(snakemake.input.frames)(maps[name]))
        copy = picked(paths.copies, paths, [key]).get(key)
        if copy is not None:
            copy = reconstruct(image, copy["steps"], config.adversary, detector.preprocessing)
        other = Counterparts(*snakemake.input.counterparts).image(key)
        if other is not None:
            other = detector.preprocessing.normalised(other)
        used = [entry.baseline for entry in explainers.values() if isinstance(entry, Filled)]
        kinds = baselines(used, copy is not None, other is not None)
        records = filled(key, image, maps[name]["segments"], labels, kinds, detector, config.seed, copy, other)
        said = {"key": key, "category": category, "explainer": name, "labels": labels}
    write_shard(Path(snakemake.output.data), records, said)
    measured = json.dumps(speed(detector, config.detector), indent=1) + "\n"
    publish(Path(snakemake.output.speed), lambda file: file.write_text(measured))
