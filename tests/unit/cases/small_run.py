"""A small run made by hand, and what is done to a test case of it."""

import json
from collections.abc import Iterable
from functools import partial
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
from advxai.detector.model import Detector, Preprocessing
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.faces.mask import mask_of
from advxai.frames import database
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.media.cut import decode_png, encode_png
from advxai.metrics.registry import measures
from advxai.metrics.rows import metrics_rows
from advxai.metrics.stage import with_forwards, without_forwards
from advxai.metrics.subjects import Subjects
from advxai.run.environment import made_without_torch
from advxai.run.jobs import use_threads
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from advxai.saliency.beside import Sources as SeenBy
from advxai.saliency.beside import hosts_of
from advxai.saliency.beside import run as order
from advxai.saliency.given import counterpart_id, with_given
from advxai.saliency.stage import run as explain

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4"
KEY = f"{VIDEO}/00005_0.png"
MODEL = f"{__name__}:net"
HALF = (0.5, 0.5, 0.5)
TRUSTED = ("tests.custom:Occlusion", "tests.custom:GradientTimesInput")


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
            "LIME_true": lime | {"baseline": "counterpart"},
            "Occlusion": {"method": "tests.custom:Occlusion", "baseline": "noise"},
            # of LIME's segments alone
            "random": {"method": "random", "draws": 3, "segmentation": {"image": "unit"}},
            "oracle_mask": {"method": "oracle_mask", "segmentation": {"image": "unit"}},
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


def counterparts_of(paths: Paths, rows: pd.DataFrame, folder: Path) -> Path:
    """The second image has a mask and a counterpart, its inverse in the middle; the first one hasn't. The manifest."""
    files = [""]
    table = pd.DataFrame({"key": rows["key"], "sha256": "", "reason": ["000.mp4 isn't there", ""]})
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, 20:40] = 255
    genuine = decode_png((folder / "00005_0.png").read_bytes(), "", "")
    genuine[20:40, 20:40] = 255 - genuine[20:40, 20:40]
    for name, image in (("mask.png", mask), ("genuine.png", genuine)):
        (folder / name).write_bytes(encode_png(image))
    files.append(str(folder / "mask.png"))
    digest = sha256((folder / "genuine.png").read_bytes()).hexdigest()
    parquet_path, lmdb = paths.counterparts
    there = pd.DataFrame([{"key": f"{KEY}#counterpart", "file": str(folder / "genuine.png"), "sha256": digest}])
    database.build(there, lmdb)
    parquet.write(table.assign(sha256=["", digest]), parquet_path)
    manifest = paths.run / "frames/manifest.parquet"
    parquet.write(rows.assign(mask="", mask_file=files), manifest)
    return manifest


def measured(paths: Paths, name: str, items: list[dict], records: dict[str, dict], detector: Detector) -> None:
    """An explainer's rows of all measures."""
    faces = {row["key"]: row for row in parquet.read(paths.run / "frames/manifest.parquet").to_dict("records")}
    store = FrameStore(paths.lmdb)
    subjects = Subjects(
        records, store.image, lambda key: mask_of(faces[key]), Counterparts(*paths.counterparts), detector.classes
    )
    found = []
    for measure in measures(paths.config).values():
        if paths.config.metrics[measure.name].forwards:
            made = with_forwards(items, subjects, measure, detector, 2)
        else:
            made = without_forwards(items, subjects, measure)
        found.append((measure, {one["key"]: one for one in made}))
    (path,) = paths.metrics_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write(metrics_rows(name, items, found).assign(weights=file_sha256(paths.config.detector.checkpoint)), path)


def mapped(paths: Paths, name: str, items: list[dict], detector: Detector, image, copy) -> list[dict]:
    """An explainer's, control's or ceiling's records, with what they are made from."""
    settings, seed, counterparts = paths.config.explainers[name], paths.config.seed, Counterparts(*paths.counterparts)
    if settings.kind == "explainer":
        stamp = made_with(detector)
        made = explain(items, image, detector, settings, seed, 2, copy, counterparts)
        if "counterpart" in settings.needs:
            items = with_given(items, partial(counterpart_id, counterparts))
    else:
        faces = parquet.read(paths.run / "frames/manifest.parquet").set_index("key", drop=False)
        by_mask = {"faces": faces, "counterparts": counterparts} if "mask" in settings.needs else {}
        sources = SeenBy(FrameStore(paths.lmdb), **by_mask)
        (host,) = paths.maps_of(paths.config.host(name))
        stamp, items = made_without_torch(), sources.with_given(items)
        made = order(items, hosts_of(host, detector.classes), settings, seed, sources.see)
    given = {item["key"]: {"given": item["given"]} if "given" in item else {} for item in items}
    return [{**record, **given[record["key"]], "made_with": stamp} for record in made]


def run(folder: Path, **changes) -> tuple[Paths, Sources]:
    """What the workflow leaves, made by the library."""
    config = load(configuration(folder, **changes))
    weights = Path(config.detector.checkpoint)
    save(weights)
    use_threads(config.detector.threads)
    paths, detector = Paths(config), checkpoint.load(config.detector, weights)
    rows = images(folder)
    manifest = counterparts_of(paths, rows, folder)
    frames, listed = paths.run / "frames/frames.lmdb", paths.run / "frames/evaluation.parquet"
    database.build(rows, frames)
    parquet.write(rows, listed)
    items, image, seed = rows.to_dict("records"), image_loader(str(frames)), config.seed

    def keep(path: Path, records: Iterable[dict], **stamp: str) -> list[dict]:
        marks = {"made_with": made_with(detector), "weights": file_sha256(weights)}
        write_shard(path, [marks | record | stamp for record in records], {})
        return read_shard(path)

    copies = paths.adversary.path / paths.config.run / "0-of-1.h5"
    keep(copies, make_copy(items, image, detector, config.adversary, seed, 2))
    stored = adversarial_images(copies, detector, config.adversary)
    done: dict[str, str] = {}
    for name in config.explainers:
        (maps,), (attacks,), (table,) = paths.maps_of(name), paths.attacks_of(name), paths.rows_of(name)
        copy = stored if paths.needs_adversary(name) else None
        records = {one["key"]: one for one in keep(maps, mapped(paths, name, items, detector, image, copy))}
        wanted = attack_items(items, records, config.evaluation.top)
        made_for = done.setdefault(wanted[0]["mask"], name)  # as when an earlier job has left them
        made = keep(attacks, make_attacks(wanted, image, detector, config.evaluation, seed, 3), made_for=made_for)
        made_rows = evaluation_rows(name, items, records, made, top=config.evaluation.top, classes=FIVE)
        parquet.write(made_rows.assign(weights=file_sha256(weights)), table)
        measured(paths, name, items, records, detector)
    return paths, Sources(
        evaluation=listed,
        frames=frames,
        detector=weights,
        adversary=copies,
        saliency={name: paths.maps_of(name)[0] for name in config.explainers},
        attacks={name: paths.attacks_of(name)[0] for name in config.explainers},
        rows={name: paths.rows_of(name)[0] for name in config.explainers},
        metrics={name: paths.metrics_of(name)[0] for name in config.explainers},
        manifest=manifest,
        counterparts=tuple(paths.counterparts),
    )


def replayed(capsys, *arguments: object) -> tuple[int, dict[str, str], str]:
    """Exit code, the table's lines by item, and all that was printed."""
    code = main(["replay", *map(str, arguments), "--trust", MODEL, *TRUSTED])
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
