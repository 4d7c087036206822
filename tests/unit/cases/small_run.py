"""A small run made by hand, and what is done to a test case of it."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from advxai import cases
from advxai.__main__ import main
from advxai.adversary.stage import adversarial_images
from advxai.adversary.stage import run as make_copy
from advxai.cases.export import Sources
from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.forwards import image_loader, made_with
from advxai.detector.model import Preprocessing
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.frames import database
from advxai.media.cut import encode_png
from advxai.run.jobs import use_threads
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from advxai.saliency.stage import run as explain

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4"
KEY = f"{VIDEO}/00005_0.png"
MODEL = f"{__name__}:net"
HALF = (0.5, 0.5, 0.5)


def net(num_classes: int) -> nn.Module:
    """A small network, loath to call an image real."""
    torch.manual_seed(0)
    head = nn.Linear(128, num_classes)
    with torch.no_grad():
        head.bias[0] -= 1
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), head)


def save(path: Path, gain: float = 1.0) -> None:
    module = net(5)
    with torch.no_grad():
        module[0].weight *= gain
    checkpoint.save(path, module, model=MODEL, preprocessing=Preprocessing(48, HALF, HALF))


def configuration(folder: Path, **changes) -> dict:
    source = {"package": "p", "version": "1", "file": "one.mp4", "sha256": "0" * 64}
    lime = {"method": "lime", "baseline": "image_mean", "samples": 40}
    return {
        "run": "small",
        "results": str(folder / "results"),
        "corpus": {
            "kind": "demo",
            "clips": [{"name": "one", "first_id": 0, "source": source, "splits": {"test": 2}}],
        },
        "detector": {
            "model": MODEL,
            "checkpoint": str(folder / "own.safetensors"),
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "input_size": 48,
            "forward_batch": 16,
        },
        "adversary": {"samples": 2, "iterations": 3},
        "evaluation": {"samples": 2, "iterations": 2, "top": 2},
        "explainers": {
            "LIME": lime,
            "LIME_again": lime,
            "LIME_adv": lime | {"baseline": "adversarial"},
            "Occlusion": {"method": "tests.custom:Occlusion", "baseline": "noise"},
        },
    } | changes


def images(folder: Path) -> pd.DataFrame:
    """Two images of coloured squares, as rows of a manifest."""
    generator = np.random.default_rng(0)
    rows = []
    for name in ("00000_0.png", "00005_0.png"):
        image = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)
        (folder / name).write_bytes(encode_png(image))
        digest = sha256((folder / name).read_bytes()).hexdigest()
        rows.append({"key": f"{VIDEO}/{name}", "file": str(folder / name), "sha256": digest})
    return pd.DataFrame(rows).assign(category="Deepfakes", label=3)


def run(folder: Path) -> tuple[Paths, Sources]:
    """What the workflow leaves, made by the library."""
    config = load(configuration(folder))
    weights = Path(config.detector.checkpoint)
    save(weights)
    use_threads(config.detector.threads)
    paths, detector = Paths(config), checkpoint.load(config.detector, weights)
    rows = images(folder)
    frames, listed = paths.run / "frames/frames.lmdb", paths.run / "frames/evaluation.parquet"
    database.build(rows, frames)
    parquet.write(rows, listed)
    items, image, seed = rows.to_dict("records"), image_loader(str(frames)), config.seed

    def keep(path: Path, records: Iterable[dict], **stamp: str) -> list[dict]:
        marks = {"made_with": made_with(detector), "weights": file_sha256(weights)}
        write_shard(path, [record | stamp | marks for record in records], {})
        return read_shard(path)

    (copies,) = paths.copies
    keep(copies, make_copy(items, image, detector, config.adversary, seed, 2))
    stored = adversarial_images(copies, detector, config.adversary)
    done: dict[str, str] = {}
    for name, settings in config.explainers.items():
        (maps,), (attacks,), (table,) = paths.maps_of(name), paths.attacks_of(name), paths.rows_of(name)
        copy = stored if paths.needs_adversary(name) else None
        records = {one["key"]: one for one in keep(maps, explain(items, image, detector, settings, seed, 2, copy))}
        wanted = attack_items(items, records, config.evaluation.top)
        made_for = done.setdefault(wanted[0]["mask"], name)  # as when an earlier job has left them
        made = keep(attacks, make_attacks(wanted, image, detector, config.evaluation, seed, 3), made_for=made_for)
        made_rows = evaluation_rows(name, items, records, made, top=config.evaluation.top, classes=FIVE)
        parquet.write(made_rows.assign(weights=file_sha256(weights)), table)
    return paths, Sources(
        evaluation=listed,
        frames=frames,
        detector=weights,
        adversary=copies,
        saliency={name: paths.maps_of(name)[0] for name in config.explainers},
        attacks={name: paths.attacks_of(name)[0] for name in config.explainers},
        rows={name: paths.rows_of(name)[0] for name in config.explainers},
    )


def replayed(capsys, *arguments: object) -> tuple[int, dict[str, str], str]:
    """Exit code, the table's lines by item, and all that was printed."""
    code = main(["replay", *map(str, arguments)])
    said = capsys.readouterr()
    lines = (line.partition("  ") for line in said.out.splitlines())
    return code, {name: rest.strip() for name, _, rest in lines if rest}, said.out + said.err


def rewrite(path: Path, **changes) -> None:
    """Change fields of a shard's only record; the file stays whole."""
    (record,) = read_shard(path)
    write_shard(path, [record | changes], {})


def edit(folder: Path, **changes) -> None:
    """Change top-level entries of case.json."""
    content = json.loads((folder / cases.CASE).read_text())
    (folder / cases.CASE).write_text(json.dumps(content | changes))
