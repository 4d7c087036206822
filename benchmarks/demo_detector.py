"""The weights that the demo starts from: train them, and see how far the demo's figures depend on them.

    python -m benchmarks.demo_detector train       # writes config/demo-detector.safetensors and .json
    python -m benchmarks.demo_detector spread      # the demo's tables with five seeds and two numbers of threads
    python -m benchmarks.demo_detector trainings   # the same, trained anew each time (half an hour)

All of them run the workflow, so an interrupted one goes on. `train` keeps the weights in float16, half of the file; the
demo's figures are those of the kept ones. The .json says what made them, and tests/unit/test_demo_detector.py compares
it with the configuration: after a change of clips, manipulations or training the weights are to be made anew. `train`
takes a minute or two and replaces both files (`git checkout config` brings them back).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.classes import FIVE
from advxai.common.files import file_sha256, publish_text
from advxai.config import load
from advxai.config.file import read
from advxai.detector import checkpoint
from advxai.detector.logits import answers
from advxai.run.digests import digest
from advxai.run.environment import installed_version, processor
from advxai.run.paths import Paths

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "config.yaml"
WEIGHTS = ROOT / "config/demo-detector.safetensors"
CARD = WEIGHTS.with_suffix(".json")
SEEDS, THREADS = range(5), (1, 2)
TOP = 3


def trained(mapping: dict[str, Any]) -> dict[str, Any]:
    """A configuration whose detector is trained, not read from a file."""
    return {**mapping, "detector": {**mapping["detector"], "trained": None, "checkpoint": None}}


def training_digest(mapping: dict[str, Any]) -> str:
    """Digest of all that determines a trained detector: model, input, training, seed, and the clips it learns from."""
    return digest(Paths(load(trained(mapping)), planning=True).detector_params)


def snakemake(cores: str, targets: list[Path], **settings: str) -> None:
    """Run the workflow for some files, with settings as `--config` takes them."""
    command = [sys.executable, "-m", "snakemake", *map(str, targets), "--cores", cores, "--config"]
    done = subprocess.run([*command, *(f"{name}={value}" for name, value in settings.items())], cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)  # Snakemake has said why


def halved(source: Path, target: Path, mapping: dict[str, Any]) -> None:
    """Store a detector's weights in float16, with what our own files say of theirs."""
    settings = load(trained(mapping)).detector.model_copy(update={"backend": "torch", "device": "cpu"})
    detector = checkpoint.load(settings, source, forward_batch=1)
    checkpoint.save(
        target,
        detector.module.half(),
        model=settings.model,
        preprocessing=detector.preprocessing,
        training=training_digest(mapping),
    )


def card(mapping: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """What the file beside the weights says.

    Args:
        mapping: the demo's configuration.
        metrics: content of the training run's detector/metrics.json.
    """
    settings = load(trained(mapping)).detector
    module = checkpoint.load(settings.model_copy(update={"backend": "torch"}), WEIGHTS, forward_batch=1).module
    return {
        "made by": "python -m benchmarks.demo_detector train",
        "date": date.today().isoformat(),
        "machine": processor(),
        "versions": {name: installed_version(name) for name in ("torch", "timm")},
        "sha256": file_sha256(WEIGHTS),
        "digest": training_digest(mapping),
        "training": settings.training.model_dump(mode="json"),
        "accuracy before float16": {
            "five classes": metrics["frame"]["overall"]["accuracy"],
            "real or fake": metrics["frame"]["real_vs_fake"]["accuracy"],
        },
        "answers": answers(module, settings.input_size, FIVE, str(WEIGHTS)).tolist(),
    }


def train(cores: str) -> None:
    """Make the weights and the file that says how."""
    mapping = read(DEMO)
    paths = Paths(load(trained(mapping) | {"run": "demo_detector"}), planning=True)
    metrics = paths.run / "detector/metrics.json"
    snakemake(cores, [metrics], run="demo_detector", detector="{trained: null}")
    halved(ROOT / paths.weights, WEIGHTS, mapping)
    publish_text(CARD, json.dumps(card(mapping, json.loads((ROOT / metrics).read_text())), indent=1) + "\n")


def runs() -> Iterator[tuple[str, int, int]]:
    """Name, seed and threads of each run of a comparison."""
    for threads in THREADS:
        for seed in SEEDS:
            yield f"s{seed}_t{threads}", seed, threads


def counts(tables: Path) -> pd.Series:
    """Images, by table, row and number of attacked segments: rightly classified, and flipped; of all categories."""
    accuracy = pd.read_csv(tables / "accuracy.csv").set_index("explainer")
    flips = pd.read_csv(tables / "flips.csv").set_index("explainer")
    columns = [f"all top-{top}" for top in range(1, TOP + 1)]
    right = accuracy[columns].mul(accuracy["n"], axis=0)
    return pd.concat(
        {"accuracy": right.stack(), "flips": flips[columns].drop(index="Original", errors="ignore").stack()}
    )


def widest(found: pd.DataFrame) -> pd.DataFrame:
    """Least, largest and their difference of each cell over the runs, a row a cell, the widest first."""
    least, largest = found.min(axis=1), found.max(axis=1)
    table = pd.DataFrame({"least": least, "largest": largest, "apart": largest - least})
    return table.sort_values("apart", ascending=False, kind="stable")


def compared(cores: str, anew: bool) -> None:
    """The demo's tables with other draws and roundings, of the same weights or of a detector trained anew each time."""
    found, figures = {}, []
    for name, seed, threads in runs():
        run = f"demo_{'trained' if anew else 'spread'}_{name}"
        folder = Path(load(read(DEMO)).results, run)
        metrics, tables = folder / "detector/metrics.json", folder / "tables"
        detector = (
            f"trained: null, training: {{threads: {threads}}}" if anew else f"checkpoint: {WEIGHTS}, threads: {threads}"
        )
        targets = [metrics, *(tables / f"{table}.csv" for table in ("accuracy", "flips"))]
        snakemake(cores, targets, run=run, seed=str(seed), detector=f"{{{detector}}}")
        frame = json.loads((ROOT / metrics).read_text())["frame"]
        figures.append((seed, threads, frame["overall"]["accuracy"], frame["real_vs_fake"]["accuracy"]))
        print("seed {}, {} thread(s): {:.3f} of five classes, {:.3f} real or fake".format(*figures[-1]), flush=True)
        found[name] = counts(ROOT / tables)
    print(pd.DataFrame(found).join(widest(pd.DataFrame(found))).sort_values("apart", ascending=False).to_string())
    accuracy = pd.DataFrame(figures, columns=["seed", "threads", "five classes", "real or fake"])
    print(accuracy.iloc[:, 2:].agg(["mean", "min", "max"]).round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "spread", "trainings"))
    parser.add_argument("--cores", default="all", help="cores for Snakemake (default: all)")
    arguments = parser.parse_args()
    if arguments.what == "train":
        train(arguments.cores)
    else:
        compared(arguments.cores, anew=arguments.what == "trainings")


if __name__ == "__main__":
    main()
