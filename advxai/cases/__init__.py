"""Test cases: a folder with all that a run has computed of one image or clip, which a replay computes anew."""

from pathlib import Path
from typing import Any

from advxai.common.classes import Output
from advxai.config.base import Model
from advxai.run.environment import installed_version
from advxai.run.paths import Paths

FORMAT = 1  # of the folder; raised when an older replay couldn't read it
CLIP_FORMAT = 2  # of a clip's

CASE = "case.json"
IMAGE = "image.png"
COPY = "adversary.png"
MAPS = "maps.png"
ROWS = "rows.csv"
METRICS = "metrics.csv"
MASK = "mask.png"
COUNTERPART = "counterpart.png"
PRIOR = "face_prior.npz"
WEIGHTS = "detector.safetensors"
ADVERSARY = "records/adversary.h5"
ATTACKS = "records/attacks.h5"
SCORES = "records/scores.h5"  # this and what follows, of a clip
SHEET = "sheet.png"
FRAMES = "frames.csv"
PICTURES = "frames"  # folders of a file a frame
MASKS = "masks"
COUNTERPARTS = "counterparts"
PACKAGES = (
    "torch",
    "openvino",
    "onnxruntime",
    "timm",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv",
    "shap",
    "captum",
    "grad-cam",
)


class Weights(Model):
    """The detector: hash of its file, its classes (the keys of the configuration's `detector`; what a case that was
    exported before them lacks is at its default), and how its forwards were run."""

    sha256: str
    classes: list[str]
    real: str | None = None
    output: Output | None = None
    positive: str | None = None
    threshold: float | None = None
    device: str
    threads: int
    forward_batch: int


class Stage(Model):
    """A digest's folder of the run's store: what it holds in words, and what determines its numbers."""

    holds: str
    params: dict[str, Any]


class Content(Model):
    """What case.json says. `files`: name -> what it holds; `stages`: folder of the store -> what it was made from;
    `no_counterpart`: why there is none."""

    format: int
    replay: str
    run: str
    key: str
    sha256: str
    category: str
    label: int
    files: dict[str, str]
    no_counterpart: str = ""
    detector: Weights
    versions: dict[str, str]
    stages: dict[str, Stage]
    config: dict[str, Any]


class Frame(Model):
    """One of a clip's: its key, the hash of its file, and why there is no counterpart of it."""

    key: str
    sha256: str
    no_counterpart: str = ""


class ClipContent(Content):
    """What case.json says of a clip: `video`, its FF++ relative path or name; `frames`, in order; `sha256` is the hash
    over theirs."""

    video: str
    frames: list[Frame]


def frame_file(folder: str, place: int) -> str:
    """Path, within the case, of a frame's picture: its crop, mask or counterpart, by `folder`."""
    return f"{folder}/{place:03d}.png"


def measures_file(row: str) -> str:
    """Path, within the folder, of what is measured of a row of clips."""
    return f"records/measures/{row}.h5"


def saliency_file(explainer: str) -> str:
    """Path, within the folder, of an explainer's record."""
    return f"records/saliency/{explainer}.h5"


def shard_files(paths: Paths, key: str) -> dict[str, list[Path]]:
    """What a run keeps of an image's shard.

    Args:
        paths: of the run's configuration.
        key: the image's; it needn't be one of the run.

    Returns:
        `adversary`, one file or, if no explainer needs it, none; `saliency`, `attacks`, `rows` and `metrics`, each with
        a file an explainer, in the order of the configuration; of `metrics` none, if nothing is measured. `prior`, one
        file, or none where no control goes by it.
    """
    own = paths.shards.index(paths.shard_of_key(key))
    stages = {"saliency": paths.maps_of, "attacks": paths.attacks_of, "rows": paths.rows_of}
    files = {stage: [of(name)[own] for name in paths.config.explainers] for stage, of in stages.items()}
    prior = [paths.face_prior] if paths.any_needs("prior") else []
    metrics = [path for name in paths.config.explainers for path in paths.metrics_of(name)[own : own + 1]]
    return {"adversary": paths.copies[own : own + 1], **files, "metrics": metrics, "prior": prior}


def clip_files(paths: Paths, key: str) -> dict[str, list[Path]]:
    """What a run keeps of a clip's shard.

    Args:
        paths: of the run's configuration.
        key: the clip's; it needn't be one of the run.

    Returns:
        `scores`, one file; `adversary`, one or, if no row needs it, none; `saliency`, `attacks`, `rows`, `measures` and
        `metrics`, each with a file a row of `video.explainers`, in the order of `Video.ordered`; of `attacks` and
        `rows` none, if no segments are attacked.
    """
    own = paths.shards.index(paths.shard_of_key(key))
    video, attacked = paths.config.video, {"attacks": paths.video_attacks_of, "rows": paths.video_rows_of}
    stages = {
        "saliency": paths.video_maps_of,
        **(attacked if video.attacks else {}),
        "measures": paths.video_measured,
        "metrics": paths.video_metrics_of,
    }
    files: dict[str, list[Path]] = {stage: [] for stage in attacked}
    files |= {stage: [of(name)[own] for name in video.ordered] for stage, of in stages.items()}
    return {"scores": paths.scored[own : own + 1], "adversary": paths.video_copies[own : own + 1], **files}


def versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on."""
    return {name: installed_version(name) or "not installed" for name in PACKAGES}
