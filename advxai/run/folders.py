"""A folder of the store, and what it says of itself."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.common.files import publish_text

PARAMS = "params.json"
DIGEST = re.compile(r"-([0-9a-f]{12})$")  # at the end of a folder's name
# Whose files hold records of a detector.
STAGES = (
    "predictions", "adversary", "saliency", "attacks", "evaluation", "measures", "metrics",
    "video_scores", "video_adversary", "video_saliency", "video_attacks", "video_evaluation", "video_measures",
    "video_metrics",
)  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """A digest's folder in the store.

    Attributes:
        path: `<store>/<stage>/<name>-<digest>`.
        holds: what its files are, in words.
        params: what determines their numbers; the digest is theirs.
        reads: folders that they were made from.
    """

    path: Path
    holds: str
    params: dict[str, Any]
    reads: tuple[Path, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Of `params`, as in the path."""
        return self.path.name.rpartition("-")[2]

    def require(self, digest: str) -> None:
        """Refuse a target in the store that is another digest's: it would be filled from this configuration.

        Raises:
            InputError: it isn't this folder's.
        """
        if digest != self.digest:
            other = self.path.with_name(f"{self.path.name.removesuffix(self.digest)}{digest}")
            raise InputError(
                f"{other} isn't of this configuration, whose own is {self.path}: ask for that, or give the "
                "configuration that the other is of (its params.json says which settings it has)"
            )

    def describe(self) -> None:
        """Leave params.json in the folder: what its files were made from."""
        content = {
            "holds": self.holds,
            "digest": self.digest,
            "params": self.params,
            "made_from": ["/".join(path.parts[-2:]) for path in self.reads],
        }
        publish_text(self.path / PARAMS, json.dumps(content, indent=2, sort_keys=True) + "\n")


def is_shard(path: Path) -> bool:
    """Whether a path is that of records of a detector: `<stage>/<name>-<digest>/<run>/<shard>.h5` or `.parquet`."""
    *_, stage, folder, _, name = ("", "", "", *path.parts)
    return stage in STAGES and bool(DIGEST.search(folder)) and name.endswith((".h5", ".parquet"))
