"""A figure as PNG and PDF, the same bytes for the same figure."""

from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from advxai.common.files import publish

# Without dates and versions in the files.
NOTHING = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Producer": None, "Creator": None}}


def save(figure: Figure, path: Path) -> None:
    """Publish a figure as <path>.png and <path>.pdf; a suffix .png or .pdf of the path counts for neither."""
    stem = path.name.removesuffix(".png").removesuffix(".pdf")
    for suffix, metadata in NOTHING.items():
        publish(path.with_name(f"{stem}{suffix}"), partial(figure.savefig, metadata=metadata))
