"""What a digest is, the stages' algorithm versions, and the hashes of the user's own files and code."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.common.usercode import code_sha256
from advxai.config import Config
from advxai.config.base import Medium
from advxai.run.settings import resolved

# Raise a stage's number when its results change for equal parameters (tests/unit/test_golden.py tells).
VERSIONS = {
    "clip": 1,
    "faces": 1,
    "counterparts": 1,
    "detector": 1,
    "predictions": 2,
    "adversary": 2,
    "saliency": 3,
    "controls": 1,
    "attacks": 2,
    "evaluation": 1,
    "metrics": 1,
    "clips": 1,
    "video_scores": 1,
    "video_adversary": 1,
    "video_saliency": 1,
    "video_controls": 1,
    "video_attacks": 1,
    "video_metrics": 1,
}
# Fields that a stage's records have gained since, without a change of its numbers, and what stands for them in a record
# that was made before: p(Real) in each iteration of NES; the value of a map that stands for no effect, and why there is
# no explanation; images back through the detector.
LATER: dict[str, dict[str, Any]] = {
    "adversary": {"trace": np.zeros(0, np.float32)},
    "saliency": {"zero": math.nan, "missing": "", "backwards": 0},
}


def digest(params: dict[str, Any]) -> str:
    """Twelve hex digits of the SHA-256 of the parameters as canonical JSON."""
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Hashes:
    """SHA-256 of what one configuration names, each computed once.

    Args:
        config: a checked configuration.
        planning: a file of the user's that isn't there yet has a hash of its own instead of being an error.

    Attributes:
        asked: the configuration as it was given.
        config: with what the detector's file says where the configuration says nothing (`advxai.run.settings`).

    Raises:
        InputError: the detector's file is of one that can't be run here.
    """

    def __init__(self, config: Config, *, planning: bool = False) -> None:
        self.asked, self.config, self.planning = config, resolved(config), planning
        self._hashes: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._listings: dict[tuple[tuple[str, ...], tuple[str, ...], bool], str] = {}

    def _file(self, path: str | Path) -> str:
        """SHA-256 of a user's file, computed once."""
        if str(path) not in self._hashes:
            absent = self.planning and not Path(path).exists()
            self._hashes[str(path)] = "absent" if absent else file_sha256(path)
        return self._hashes[str(path)]

    def _medium(self, medium: Medium) -> str:
        return str(medium.sha256) if medium.path is None else self._file(medium.path)

    def _code(self, key: str, module: str) -> dict[str, str]:
        """A module of the user's and the SHA-256 of its code.

        Raises:
            InputError: it isn't found.
        """
        if module not in self._codes:
            found = code_sha256(module)
            if found is None:
                raise InputError(
                    f"{key}: the module {module!r} can't be found: put its folder on PYTHONPATH or install it"
                )
            self._codes[module] = found
        return {"module": module, "code": self._codes[module]}

    def require_same_code(self) -> None:
        """Refuse to go on where code of the user's was edited since its hash was taken, perhaps before it was imported.

        Raises:
            InputError: names the module.
        """
        for module, sha256 in self._codes.items():
            if code_sha256(module) != sha256:
                raise InputError(f"the code of {module} was edited while this job was starting: run again")
