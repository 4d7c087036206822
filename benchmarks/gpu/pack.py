"""What `make gpu-pack` leaves for a machine without a package index, and how it is put to use there.

Only the standard library is imported here: the pack holds packages that the rest needs.
"""

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from advxai.common.errors import InputError

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".gpu"  # git ignores it; it has to travel with the tree
CONTENT, PACKAGES, CROPS, WEIGHTS = "pack.json", "packages", "crops", "detector.safetensors"
PYTHON = (3, 12)  # of the machine that the pack is for
REMEDY = (
    "run `make demo` and then `make gpu-pack` where there is a package index, and bring the folder "
    f"{FOLDER.name}/ along with the tree"
)
# Modules of the machine's own, and those that the pack brings
OWN = ("torch", "torchvision", "timm", "safetensors", "yaml", "numpy", "scipy", "skimage", "h5py", "pandas", "pyarrow")
OWN += ("cv2", "tqdm")
BROUGHT = {
    "annotated-types": "annotated_types",
    "lmdb": "lmdb",
    "pydantic": "pydantic",
    "pydantic-core": "pydantic_core",
    "threadpoolctl": "threadpoolctl",
    "typing-extensions": "typing_extensions",
    "typing-inspection": "typing_inspection",
}


@dataclass(frozen=True)
class Pack:
    """A pack that is there.

    Attributes:
        folder: its place.
        commit: the tree that it was made in.
        crops: of each face crop, `key`, `sha256` (of the PNG's bytes) and `file`, relative to the folder.
        weights: the demo's detector.
        lengths: how long NES's attacks took on it at the paper's settings (`benchmarks/lengths.py`); None: an older
            pack, which doesn't say.
    """

    folder: Path
    commit: str
    crops: list[dict[str, Any]]
    weights: Path
    lengths: dict[str, Any] | None = None


def evenly(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced, in their order."""
    chosen = min(count, len(items))
    return [items[number * len(items) // chosen] for number in range(chosen)]


def opened(folder: Path = FOLDER) -> Pack:
    """The pack in a folder.

    Raises:
        InputError: it isn't there, or isn't whole.
    """
    try:
        content = json.loads((folder / CONTENT).read_text())
        crops, lengths = list(content["crops"]), content.get("lengths")
        pack = Pack(folder, str(content["commit"]), crops, folder / WEIGHTS, None if lengths is None else dict(lengths))
        files = [pack.weights, *(folder / crop["file"] for crop in pack.crops)]
    except FileNotFoundError as error:
        raise InputError(f"{folder.name}/ holds no pack: {REMEDY}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / CONTENT}: can't be read ({error}); delete {folder.name}/ and {REMEDY}") from error
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise InputError(f"{missing} is missing from the pack; delete {folder.name}/ and {REMEDY}")
    return pack


def put_to_use(pack: Pack, version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Let Python find the pack's packages, before any other of the same name; another Python's stay unused.

    Args:
        pack: the pack.
        version: this Python's.

    Raises:
        InputError: something that is needed isn't installed here.
    """
    if version == PYTHON:
        sys.path.insert(0, str(pack.folder / PACKAGES))
        importlib.invalidate_caches()
    own, brought = (
        [name for name in names if importlib.util.find_spec(name) is None] for names in (OWN, BROUGHT.values())
    )
    if not own and not brought:
        return
    wanted, here = (".".join(map(str, numbers)) for numbers in (PYTHON, version))
    if version != PYTHON:
        raise InputError(
            f"{sys.executable} is Python {here} and lacks {', '.join([*own, *brought])}; the pack's packages are for "
            f"Python {wanted} alone: set PYTHON=... to a {wanted} that has {', '.join(OWN)}, or to another that has "
            f"{', '.join(BROUGHT)} too"
        )
    if own:
        raise InputError(
            f"{sys.executable} lacks {', '.join(own)}, which aren't in the pack: install them there, or set PYTHON=... "
            f"to a Python {wanted} that has them"
        )
    raise InputError(f"{pack.folder / PACKAGES} lacks {', '.join(brought)}: delete {pack.folder.name}/ and {REMEDY}")
