"""Put what `make gpu` needs besides the tree into a folder that travels with it (`make gpu-pack`).

The folder .gpu/ then holds packages for Python 3.12 on x86-64 Linux that such a machine lacks, in the versions of
requirements.txt and unpacked, since Python can't import compiled modules from a wheel; face crops of the demo's test
fakes; the demo's detector; and how long NES's attacks took on it. The crops show real people: git ignores the folder.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from advxai.common import parquet
from advxai.common.categories import REAL
from advxai.common.errors import InputError
from advxai.common.files import published_folder
from advxai.common.rows import rows
from advxai.config import Config, load
from advxai.config.file import read
from advxai.frames.database import FrameStore
from advxai.plan.lengths import read as read_lengths
from advxai.run.paths import Paths
from benchmarks.gpu.pack import BROUGHT, CONTENT, CROPS, FOLDER, PACKAGES, PYTHON, ROOT, WEIGHTS, evenly
from benchmarks.speed.report import commit

PLATFORM = "x86_64-manylinux_2_28"
IMAGES = 56  # some are called Real: 48 are compared in lower precisions
LENGTHS = ROOT / "config/demo-lengths.json"
MOST = 64 * 2**20  # bytes: more doesn't travel


def locked(text: str, names: Collection[str]) -> str:
    """The entries of a lock file, hashes included, that pin some packages.

    Args:
        text: requirements with hashes, as `make lock` writes them.
        names: of the packages.

    Raises:
        InputError: one isn't pinned there with a hash.
    """
    entries = {}
    for entry in re.split(r"\n(?=[A-Za-z])", text.strip()):
        name, pinned, _ = entry.partition("==")
        if pinned and name in names and "--hash=" in entry:
            entries[name] = entry.strip()
    missing = sorted(set(names) - set(entries))
    if missing:
        raise InputError(f"requirements.txt pins no {', '.join(missing)}; add it to requirements.in, then `make lock`")
    return "\n".join(entries[name] for name in sorted(entries)) + "\n"


def foreign(files: Iterable[str], version: tuple[int, int] = PYTHON) -> list[str]:
    """Compiled modules among the files that Python of this version on x86-64 Linux can't import, by their tags."""
    tag = f"cpython-{version[0]}{version[1]}-x86_64-linux-gnu"
    return [name for name in files if name.endswith(".so") and not name.endswith((f".{tag}.so", ".abi3.so"))]


def fetch(target: Path) -> None:
    """Unpack the packages into a folder, from the index that uv is configured with.

    Raises:
        InputError: they can't be had, or are compiled for something else.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise InputError("uv isn't beside this Python: run `make gpu-pack`, which sets it up")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(locked((ROOT / "requirements.txt").read_text(), BROUGHT))
        command = [uv, "pip", "install", "--quiet", "--link-mode", "copy", "--target", str(target), "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-platform", PLATFORM]
        command += ["--python-version", ".".join(map(str, PYTHON)), "-r", str(wanted)]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise InputError("the packages can't be fetched; uv says why above")
    (target / ".lock").unlink(missing_ok=True)
    shutil.rmtree(target / "bin", ignore_errors=True)  # commands that nobody calls, with this machine's paths
    wrong = foreign(path.name for path in target.rglob("*.so"))
    if wrong:
        raise InputError(f"{', '.join(wrong)}: not for Python {'.'.join(map(str, PYTHON))} on x86-64 Linux")


def copy_run(config: Config, source: str, folder: Path) -> list[dict[str, Any]]:
    """Copy crops of test fakes and the detector of a finished run; returns `key`, `sha256` and `file` of each crop.

    Raises:
        InputError: the configuration hasn't been run here.
    """
    paths = Paths(config)
    weights = paths.detector.path / WEIGHTS
    manifest = paths.run / "frames/manifest.parquet"
    for needed in (weights, paths.lmdb, manifest):
        if not needed.exists():
            raise InputError(f"{needed} is not there: run {source} first, in this folder (`make demo`)")
    (folder / CROPS).mkdir(parents=True)
    shutil.copyfile(weights, folder / WEIGHTS)
    table, crops = parquet.read(manifest), []
    fakes = rows(table[(table["split"] == "test") & (table["category"] != REAL)])
    with FrameStore(paths.lmdb) as frames:
        for number, item in enumerate(evenly(fakes, IMAGES)):
            file = f"{CROPS}/{number:02}.png"
            (folder / file).write_bytes(frames.bytes(item["key"], item["sha256"]))
            crops.append({"key": item["key"], "sha256": item["sha256"], "file": file})
    return crops


def pack(source: Path, folder: Path = FOLDER) -> str:
    """Make the pack anew, whole or not at all; returns what is in it, in words.

    Args:
        source: the configuration file of a finished run.
        folder: the pack's.

    Raises:
        InputError: the run isn't there, the packages can't be had, or it is too large to travel.
    """
    with published_folder(folder) as scratch:
        crops = copy_run(load(read(source)), source.name, scratch)
        fetch(scratch / PACKAGES)
        content = {"commit": commit(), "python": ".".join(map(str, PYTHON)), "packages": sorted(BROUGHT)}
        content |= {"crops": crops, "lengths": read_lengths(LENGTHS).content}
        (scratch / CONTENT).write_text(json.dumps(content, indent=1) + "\n")
        size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
        if size > MOST:
            raise InputError(
                f"{folder.name}/ would hold {size / 2**20:.0f} MiB, more than the {MOST / 2**20:.0f} that travel: use "
                "a run with a smaller detector"
            )
    return (
        f"{folder.name}/: {size / 2**20:.1f} MiB: {len(BROUGHT)} packages for Python {content['python']}, {len(crops)} "
        "face crops and the detector; it has to travel with the tree"
    )


def main() -> int:
    parser = argparse.ArgumentParser("make gpu-pack", description=__doc__)
    parser.add_argument("config", nargs="?", type=Path, default=Path("config.yaml"), help="has been run in this folder")
    options = parser.parse_args()
    try:
        print(pack(options.config))
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
