"""Measure the detector on the test split."""

from pathlib import Path

import pandas as pd

from advxai.config import load
from advxai.detector.metrics import evaluate, write
from advxai.frames.database import FrameStore
from advxai.jobs import job, open_detector

with job(snakemake.log):
    config = load(snakemake.config)
    detector = open_detector(config, snakemake.input.detector)
    manifest = pd.read_parquet(snakemake.input.manifest)
    rows = manifest[manifest["split"] == "test"]
    predictions, metrics = evaluate(detector, FrameStore(Path(snakemake.input.frames)), rows)
    predictions.to_parquet(snakemake.output.predictions, index=False)
    write(metrics, Path(snakemake.output.json), Path(snakemake.output.csv))
