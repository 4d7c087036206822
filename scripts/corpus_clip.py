"""Make one clip's part of the demo's FF++ tree: originals, manipulations, masks."""

from pathlib import Path

import cv2

from advxai.config import load
from advxai.corpus.demo import finished, make_clip
from advxai.corpus.mesh import FaceMesh
from advxai.media.retinaface import RetinaFace
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    cv2.setNumThreads(snakemake.threads)
    name = snakemake.wildcards.clip
    folder = Paths(load(snakemake.config)).clip(name)
    folder.require(snakemake.wildcards.digest)
    params = folder.params
    if not finished(folder.path):  # another machine may have made it meanwhile
        make_clip(
            Path(snakemake.input.clip),
            name,
            params["splits"],
            params["first_id"],
            RetinaFace(Path(snakemake.input.face_model), threads=snakemake.threads),
            FaceMesh(Path(snakemake.input.face_mesh)),
            folder.path,
            block_seconds=params["block_seconds"],
            gap_seconds=params["gap_seconds"],
            crf=params["crf"],
            seed=params["seed"],
        )
    folder.describe()
