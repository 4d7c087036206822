"""Where training fakes are manipulated on average, in coordinates of the face."""

from pathlib import Path

from advxai.common import parquet
from advxai.frames.database import FrameStore
from advxai.media.retinaface import RetinaFace
from advxai.run.jobs import job
from advxai.saliency.prior import NETWORK, prior_of, write

with job(snakemake.log, snakemake.input):
    network = RetinaFace(Path(snakemake.input.network), threads=snakemake.threads, **NETWORK)
    manifest = parquet.read(snakemake.input.manifest)
    write(prior_of(manifest, FrameStore(Path(snakemake.input.frames)), network), Path(snakemake.output[0]))
