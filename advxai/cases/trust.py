"""Code that a test case names: it is imported only if the user has named it too, since a case may come from anybody."""

from collections.abc import Collection
from pathlib import Path

from advxai import cases
from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config import load as load_config
from advxai.config.explainers import Custom
from advxai.config.file import read
from advxai.config.metrics import CustomMeasure
from advxai.config.video import OverFrames


def code_of(config: Config) -> dict[str, str]:
    """Key of the configuration -> the import path `module:name` that it has."""
    named = {"detector.model": config.detector.model}
    named |= {
        f"explainers.{name}.method": row.method for name, row in config.explainers.items() if isinstance(row, Custom)
    }
    named |= {
        f"video.explainers.{name}.method": entry.method
        for name, entry in config.video.explainers.items()
        if isinstance(entry, OverFrames) and isinstance(entry.row, Custom)
    }
    named |= {
        f"metrics.{name}.measure": entry.measure
        for name, entry in config.metrics.items()
        if isinstance(entry, CustomMeasure)
    }
    return {key: path for key, path in named.items() if ":" in path}  # else a name of timm's or an entry point


def require_named(folder: Path, config: Config, own: Path | None = None, trusted: Collection[str] = ()) -> None:
    """Nothing of the case is imported that the user hasn't named.

    Args:
        folder: the test case.
        config: of the case.
        own: the user's configuration, whose code may be imported; None: there is none.
        trusted: further import paths that may be.

    Raises:
        InputError: the case names other code, or the user's configuration, being needed, can't be used.
    """
    wanted = {key: path for key, path in code_of(config).items() if path not in trusted}
    if wanted and own is not None:
        known = set(code_of(load_config(read(own, "--config"))).values())
        wanted = {key: path for key, path in wanted.items() if path not in known}
    if wanted:
        listed = ", ".join(f"{path} ({key})" for key, path in wanted.items())
        names = " ".join(dict.fromkeys(wanted.values()))
        raise InputError(
            f"{folder / cases.CASE}: replaying it would run code that you haven't named: {listed}; look at that code "
            f"and give --trust {names}, or --config FILE of a configuration that has it"
        )
