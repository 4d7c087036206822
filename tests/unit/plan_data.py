"""Configurations, and what a run leaves of them, for the tests of planning."""

from pathlib import Path

import pandas as pd

from advxai import plan
from advxai.common import parquet
from advxai.config import load
from advxai.run.paths import Paths

NOTHING = plan.Store()


def ffpp(**changes):
    """The paper's settings on an FF++ that isn't there."""
    corpus = {"kind": "ffpp", "root": "/no/root", "splits": "/no/splits"} | changes.pop("corpus", {})
    return load({"run": "r", "corpus": corpus, "detector": {"checkpoint": "/no/file.ckpt"}} | changes)


def demo(folder: Path, **changes):
    """One clip of the user's own, with four train and two test blocks; two explainers."""
    (folder / "clip.mp4").touch()
    clip = {"name": "one", "first_id": 0, "source": {"path": f"{folder}/clip.mp4"}, "splits": {"train": 4, "test": 2}}
    explainers = {
        "LIME": {"method": "lime", "baseline": "adversarial", "samples": 20},
        "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
    }
    settings = {
        "run": "r",
        "results": f"{folder}/results",
        "corpus": {"kind": "demo", "clips": [clip], "block_seconds": 2.0},
        "faces": {"stride": 4, "model": {"path": f"{folder}/clip.mp4"}},
        "frames": {"per_video": 3},
        "adversary": {"samples": 2, "iterations": 4},
        "evaluation": {"samples": 2, "iterations": 2, "top": 2},
        "explainers": explainers,
    }
    return load(settings | changes)


def rows_of(config, population=None, store=NOTHING, rate=None) -> dict[str, plan.Row]:
    population = population or plan.population(Paths(config, planning=True))
    found = plan.rows(config, population, store, rate)
    return {f"{row.stage} {row.name}".strip(): row for row in found}


def costs(row: plan.Row) -> tuple[int, int, int | None, int | None]:
    return row.items, row.found, row.forwards, row.most


def key(number: int) -> str:
    return f"manipulated_sequences/Deepfakes/c23/videos/00{number % 2}_003.mp4/{number:05d}_0.png"


def manifest(config) -> pd.DataFrame:
    """Six test images in two videos, and two train images; as if the run had made it."""
    paths = Paths(config, planning=True)
    keys = [key(number) for number in range(8)]
    table = pd.DataFrame(
        {
            "key": keys,
            "sha256": "s",
            "video": [name.rpartition("/")[0] for name in keys],
            "category": "Deepfakes",
            "label": 3,
            "split": ["test"] * 6 + ["train"] * 2,
            "frame": range(8),
        }
    )
    parquet.write(table, paths.run / "frames/manifest.parquet")
    for folder in paths.clips:
        folder.path.mkdir(parents=True)
        (folder.path / "clip.json").write_text("{}")
    for crops in paths.crops:
        parquet.write(table, crops)
    return table


def text(config, rate: float | str, store=NOTHING, **changes) -> str:
    population = plan.population(Paths(config, planning=True))
    speed = plan.Speed(rate, "a CPU", "random weights") if isinstance(rate, float) else rate
    found = plan.rows(config, population, store, rate if isinstance(rate, float) else None)
    options = {"cores": 16, "free": 10**9} | changes
    return plan.report(config, population, store, found, speed, **options)
