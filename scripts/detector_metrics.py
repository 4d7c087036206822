"""Measure the detector on the test split; what it has no class for is classified as well."""

from pathlib import Path

import numpy as np
import pandas as pd

from advxai.common import parquet
from advxai.common.files import publish
from advxai.config import load
from advxai.detector import published, released
from advxai.detector.forwards import Forwards
from advxai.detector.metrics import evaluate, parted, predictions, write, write_curves
from advxai.detector.shown import counted_on, summary
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.store import complete, read_shard

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    folder = paths.predictions
    manifest = parquet.read(snakemake.input.manifest)
    test = manifest[manifest["split"] == "test"]
    classes = paths.classes
    rows = pd.concat(parted(test, config.tested, classes), ignore_index=True)
    shard = Path(snakemake.output.probabilities)

    def start(*arguments):
        from advxai.detector.classify import classify

        return classify(*arguments)

    forwards = Forwards(paths, snakemake.input, start)
    folder.describe()
    complete(
        shard,
        rows[["key", "sha256"]].to_dict("records"),
        forwards,
        folder=folder.path,
        title="classify",
        weights=forwards.weights,
        attributes=lambda: forwards.spent,
        later=paths.later("predictions", forwards.weights),
    )
    probabilities = np.stack([record["probabilities"] for record in read_shard(shard, ["probabilities"])])
    images = predictions(probabilities, rows, classes)
    score = config.detector.video_score or "mean"
    metrics = evaluate(images, classes, config.untested, score)
    parquet.write(images.assign(weights=forwards.weights), snakemake.output.predictions)
    table, corners, bins, labels, samples, main = map(Path, snakemake.output.tested)
    write(metrics, Path(snakemake.output.json), table)
    write_curves(metrics, corners, bins)
    released.write(released.answers(images, classes, config.untested, score), labels, samples)
    text = summary(metrics, counted_on(metrics, config.detector.model, config.detector.testing.categories))
    publish(main, lambda path: path.write_text(text, encoding="utf-8"))
    if beside := snakemake.output.get("published"):
        published.write(paths.published_detector, metrics, config.detector, classes, *map(Path, beside))
