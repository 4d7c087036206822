"""Make one clip's part of the demo's FF++ tree: originals, manipulations, masks."""

from pathlib import Path

import cv2

from advxai.corpus.demo import make_clip
from advxai.corpus.mesh import FaceMesh
from advxai.faces.retinaface import RetinaFace
from advxai.jobs import job
from advxai.paths import write_params

with job(snakemake.log):
    cv2.setNumThreads(snakemake.threads)
    params = snakemake.params.clip
    out = Path(snakemake.output[0])
    make_clip(
        Path(snakemake.input.clip),
        snakemake.wildcards.clip,
        params["splits"],
        params["first_id"],
        RetinaFace(Path(snakemake.input.face_model), threads=snakemake.threads),
        FaceMesh(Path(snakemake.input.face_mesh)),
        out,
        block_seconds=params["block_seconds"],
        gap_seconds=params["gap_seconds"],
        crf=params["crf"],
        seed=params["seed"],
    )
    write_params(out, params)
