"""Cut the faces out of one shard's videos."""

from pathlib import Path

import cv2

from advxai.config import load
from advxai.faces.extract import extract
from advxai.jobs import job, read_items
from advxai.paths import Paths, write_params

with job(snakemake.log):
    cv2.setNumThreads(snakemake.threads)
    config = load(snakemake.config)
    paths = Paths(config)
    settings = config.faces.model_dump(include={"stride", "scale", "score", "batch"})
    faces, left_out = extract(
        read_items(snakemake.input.videos),
        Path(snakemake.input.model),
        paths.faces,
        threads=snakemake.threads,
        device=config.detector.device,
        **settings,
    )
    write_params(paths.faces, paths.faces_params)
    left_out.to_parquet(snakemake.output.left_out, index=False)
    faces.to_parquet(snakemake.output.faces, index=False)
