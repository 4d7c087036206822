"""Configuration files, read outside of Snakemake."""

from pathlib import Path
from typing import Any

import yaml

from advxai.common.errors import InputError


def read(path: Path, named: str = "the path") -> dict[str, Any]:
    """A configuration file's mapping, unchecked (see `advxai.config.load`).

    Args:
        path: YAML or JSON.
        named: what to correct where the file is the wrong one.

    Raises:
        InputError: it can't be read, or holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        said = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise InputError(f"{path}: can't be read as YAML ({said}); correct {named} or the file") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: is no configuration; correct {named} or the file")
    return content
