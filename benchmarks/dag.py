"""How long Snakemake plans: time and memory of `snakemake -n`, by the number of jobs.

    python benchmarks/dag.py                # a table of all cases; two minutes
    python benchmarks/dag.py --out dag.md   # into a file

The demo is config.yaml in an empty folder. FF++ is config/ffpp.yaml on a simulated tree: FF++'s 5,000 videos and 4,000
masks as empty files, splits of its form, a checkpoint of the real one's size; ten times FF++ is the same with ten times
the videos and shards. "Begun" has everything before the explanations, as empty files, so that what is there is looked
at; "one job" is what each job of a cluster does twice before it begins: the workflow is read and that job planned.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from advxai.common.categories import REAL  # noqa: E402
from advxai.config import load  # noqa: E402
from advxai.config.data import CATEGORIES  # noqa: E402
from advxai.corpus.ffpp import places  # noqa: E402
from advxai.run.environment import processor  # noqa: E402
from advxai.run.paths import Paths  # noqa: E402

PAIRS = {"train": 360, "val": 70, "test": 70}  # of FF++'s official splits
CHECKPOINT = 24_000_000  # bytes of tf_efficientnetv2_b0's weights
ROW = "results/ffpp/tables/LIME_adv.csv"


@dataclass(frozen=True)
class Planned:
    """A dry run. Memory is the process's peak resident set, in MB."""

    jobs: int
    seconds: float
    megabytes: float


def simulate(folder: Path, times: int = 1) -> Path:
    """A tree as FF++ has it, of empty files, and a configuration for it.

    Args:
        folder: empty; Snakemake is to run in it.
        times: as many videos, and shards, as FF++ and config/ffpp.yaml have.

    Returns:
        The configuration's path.
    """
    config = yaml.safe_load((ROOT / "config/ffpp.yaml").read_text())
    config["shards"] *= times
    root, splits = folder / config["corpus"]["root"], folder / config["corpus"]["splits"]
    splits.mkdir(parents=True)
    names = iter(range(10**6))
    pairs = {
        split: [[f"{next(names):03d}", f"{next(names):03d}"] for _ in range(number * times)]
        for split, number in PAIRS.items()
    }
    for split, own in pairs.items():
        (splits / f"{split}.json").write_text(json.dumps(own))
    everyone = [pair for own in pairs.values() for pair in own]
    fakes = [name for a, b in everyone for name in (f"{a}_{b}", f"{b}_{a}")]
    _touch(root / places(REAL, "c23")[0], [name for pair in everyone for name in pair])
    for category in CATEGORIES:
        _touch(root / places(category, "c23")[0], fakes)
        _touch(root / f"manipulated_sequences/{category}/masks/videos", fakes)
    (folder / config["detector"]["checkpoint"]).write_bytes(bytes(CHECKPOINT))
    path = folder / "ffpp.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def _touch(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.mp4").touch()


def begin(folder: Path, config: Path) -> None:
    """Put empty files where a run has everything before its explanations."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        paths = Paths(load(yaml.safe_load(config.read_text())))
        frames = [paths.run / "frames" / name for name in ("manifest.parquet", "manifest.csv", "evaluation.parquet")]
        lists = [paths.lists / f"{shard}.json" for shard in paths.shards]
        corpus = [paths.run / "corpus/shards" / f"{shard}.json" for shard in paths.shards]
        corpus += [paths.run / "corpus/videos.parquet", paths.run / "corpus/left_out.parquet"]
        detector = [paths.detector.path / "detector.safetensors", paths.predicted]
        steps = (
            [Path(medium) for medium in paths.media], [paths.face_model], corpus, [*paths.crops, *paths.left_out],
            [*frames, paths.run / "frames/evaluation.csv", *lists], [paths.lmdb], detector, paths.copies,
        )  # fmt: skip
        now = time.time() - 1000
        for number, files in enumerate(steps):
            for file in files:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
                os.utime(file, (now + number, now + number))
    finally:
        os.chdir(before)


def dry_run(folder: Path, *arguments: str) -> Planned:
    """Plan in a folder; the three figures."""
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--snakefile", str(ROOT / "Snakefile")]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--directory", str(folder), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    total = re.search(r"^total\s+(\d+)$", said, re.MULTILINE)
    if status or not total:
        raise SystemExit(f"the dry run failed:\n{said[-3000:]}")
    return Planned(int(total[1]), seconds, used.ru_maxrss / 1024)


def cases(scratch: Path) -> Iterator[tuple[str, Planned]]:
    """Name and figures of each case, the fastest of three."""

    def best(name: str, folder: Path, *arguments: str) -> tuple[str, Planned]:
        return name, min((dry_run(folder, *arguments) for _ in range(3)), key=lambda found: found.seconds)

    (scratch / "demo").mkdir()
    yield best("demo, everything", scratch / "demo")
    for times, name in ((1, "FF++"), (10, "ten times FF++")):
        folder = scratch / f"x{times}"
        folder.mkdir()
        config = simulate(folder, times)
        given = ("--configfile", str(config))
        yield best(f"{name}, everything", folder, *given)
        yield best(f"{name}, the table of one row", folder, ROW, *given)
        begin(folder, config)
        yield best(f"{name}, begun", folder, *given)
        paths = Paths(load(yaml.safe_load(config.read_text())), planning=True)
        shard = f"shard={paths.shards[0]}"
        yield best(f"{name}, one job", folder, *given, "--target-jobs", f"adversary_shard:{shard}", "--force")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there too")
    out = parser.parse_args().out
    lines = [
        f"{date.today()}, {processor()}, Python {platform.python_version()}, snakemake {version('snakemake')}; "
        "`python benchmarks/dag.py`, the fastest of three.",
        "",
        "| `snakemake -n` | jobs | seconds | peak memory, MB |",
        "|---|---:|---:|---:|",
    ]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory(prefix="advxai-dag-") as scratch:
        for name, found in cases(Path(scratch)):
            lines.append(f"| {name} | {found.jobs:,} | {found.seconds:.1f} | {found.megabytes:,.0f} |")
            print(lines[-1], flush=True)
    if out is not None:
        out.write_text("# Planning\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
