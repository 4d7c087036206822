"""Measure the detector on the test split."""

from pathlib import Path

import numpy as np

from advxai import parquet
from advxai.classes import CLASSES, REAL
from advxai.config import load
from advxai.detector.metrics import check_labels, classify, evaluate, write
from advxai.jobs import Forwards, job
from advxai.paths import Paths
from advxai.store import complete, read_shard

with job(snakemake.log):
    config = load(snakemake.config)
    folder = Paths(config).predictions
    manifest = parquet.read(snakemake.input.manifest)
    rows = manifest[manifest["split"] == "test"]
    check_labels(rows, CLASSES)
    shard = Path(snakemake.output.probabilities)
    forwards = Forwards(config, snakemake.input.detector, snakemake.input.frames, classify)
    folder.describe()
    complete(
        shard,
        rows[["key", "sha256"]].to_dict("records"),
        forwards,
        folder=folder.path,
        title="classify",
        attributes=lambda: forwards.spent,
    )
    probabilities = np.stack([record["probabilities"] for record in read_shard(shard, ["probabilities"])])
    predictions, metrics = evaluate(probabilities, rows, CLASSES, CLASSES.index(REAL))
    parquet.write(predictions, snakemake.output.predictions)
    write(metrics, Path(snakemake.output.json), Path(snakemake.output.csv))
