"""Whether a run's readable folder is of the present settings, where Snakemake's own record of it is gone.

What lies in the store has a digest in its path. Lists, tables and figures of a run don't: which of them are of other
settings is known from `.snakemake` alone. Where `results/` is without it (copied, or `.snakemake` was deleted), an old
list would pass for one of the present settings. So a run's folder remembers the settings that it was made with, and an
id that `.snakemake` has too.
"""

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.errors import InputError, reading
from advxai.common.files import publish_text, says
from advxai.common.jsonfile import read_object
from advxai.run.digests import digest

if TYPE_CHECKING:
    from advxai.run.paths import Paths

NAME = "settings.json"
OWN = "advxai"  # our folder within .snakemake
IRRELEVANT = {"image", "explain", "plan", "prune", "cases", "results", "scratch", "images_at_once", "threads"}


def settings_of(paths: "Paths") -> str:
    """Digest of all that a run's readable files depend on besides the images: its settings and the user's lists."""
    config = paths.config.model_dump(mode="json", exclude=IRRELEVANT)
    clips = {"clips": paths.clips_listed} if paths.clips_listed else {}
    return digest({"config": config, "listed": paths.listed, **clips})


def require_known(paths: "Paths", snakemake: Path) -> None:
    """Refuse a run's folder that may be of other settings, if Snakemake doesn't know it.

    Args:
        paths: of the run.
        snakemake: the folder `.snakemake`.

    Raises:
        InputError: the folder was made with other settings, too, and Snakemake's record of that isn't here.
    """
    said = _read(paths.run / NAME)
    if said is None:  # it hasn't begun, or is of before this was remembered
        begun = any((paths.run / name).exists() for name in ("corpus", "frames", "clips", "tables"))
        unknown = begun and not (snakemake / "metadata").is_dir()
    else:
        unknown = said["settings"] != [settings_of(paths)] and not says(_own_id(paths, snakemake), f"{said['id']}\n")
    if unknown:
        raise InputError(
            f"{paths.run} may be of other settings than these, and Snakemake's record of what each file was made from "
            f"(.snakemake) isn't here: bring it along, or delete {paths.run}, which is made anew from the store"
        )


def call_up(paths: "Paths", snakemake: Path) -> None:
    """Let Snakemake look at the detector's hash where the run has last been made with another one.

    It compares an input's checksum only if the input is younger than what was made of it, and a folder that was put
    back brings its old times along.

    Args:
        paths, snakemake: as of `require_known`.
    """
    present = paths.present_weights
    if present is not None and not says(_last_weights(paths, snakemake), f"{present}\n"):
        with suppress(OSError):  # nothing can be made where nothing can be written
            os.utime(paths.weights_hash)


def remember(paths: "Paths", snakemake: Path) -> None:
    """Note the present settings in the run's folder and the detector's hash in Snakemake's, when a run begins or has
    ended well.

    Args:
        paths, snakemake: as of `require_known`.
    """
    if (weights := paths.present_weights) is not None:
        publish_text(_last_weights(paths, snakemake), f"{weights}\n")
    said = _read(paths.run / NAME) or {"id": uuid.uuid4().hex, "settings": []}
    present = settings_of(paths)
    if present not in said["settings"]:
        said["settings"].append(present)
        publish_text(paths.run / NAME, json.dumps(said) + "\n")
    publish_text(_own_id(paths, snakemake), f"{said['id']}\n")


def _last_weights(paths: "Paths", snakemake: Path) -> Path:
    return snakemake / OWN / f"{paths.config.run}.weights"


def _own_id(paths: "Paths", snakemake: Path) -> Path:
    return snakemake / OWN / paths.config.run


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    remedy = "delete its folder, which is made anew"
    said = read_object(file, remedy)
    with reading(file, remedy):
        return {"id": str(said["id"]), "settings": list(said["settings"])}
