"""A folder of the store, and what it says of itself."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advxai.files import publish

PARAMS = "params.json"


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

    def describe(self) -> None:
        """Leave params.json in the folder: what its files were made from."""
        content = {
            "holds": self.holds,
            "digest": self.path.name.rpartition("-")[2],
            "params": self.params,
            "made_from": ["/".join(path.parts[-2:]) for path in self.reads],
        }
        path = self.path / PARAMS
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        if not path.exists() or path.read_text() != text:
            publish(path, lambda file: file.write_text(text))
