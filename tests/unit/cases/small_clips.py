"""A small run of clips made by hand: two clips of four frames, as small_run.py has two images."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from advxai.adversary import adversarial_images
from advxai.adversary.copies import with_copies
from advxai.cases import clip_files
from advxai.cases.clip_export import ClipSources
from advxai.clips.manifest import build, items
from advxai.common import parquet
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.forwards import image_loader, made_with
from advxai.detector.model import Detector, Preprocessing
from advxai.faces.mask import mask_of
from advxai.frames import database
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.media.cut import encode_png
from advxai.run.environment import made_without_torch
from advxai.run.jobs import use_threads
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from advxai.video import adversary, attacks, control, measured, saliency, scores
from advxai.video.hosts import hosts_of
from advxai.video.measures import Subjects
from advxai.video.rows import attack_items, attack_rows, metrics_rows
from tests.unit.cases.small_run import HALF, VIDEO, configuration, net

MODEL = f"{__name__}:surer"
GENUINE = (255, 0, 255)  # what all counterparts are of, and `surer` calls real
KEY = f"{VIDEO}/clip_00004_0"  # has masks and counterparts; the other one hasn't
VIDEO_SETTINGS = {
    "frames": 4,
    "segments": {"frames": 2, "number": 30},
    "explainers": {
        "LIME3D": {"method": "lime3d", "baseline": "zeros", "samples": 8},
        "SHAP3D_adv": {"method": "shap3d", "baseline": "adversarial", "samples": 8},
        "RISE3D_true": {"method": "rise3d", "baseline": "counterpart", "masks": 4, "cells": 2, "times": 2},
        "Gradient": {"over": "frames", "method": "tests.custom:GradientTimesInput", "baseline": "zeros"},
        "random": {"method": "random", "draws": 2},
        "oracle_mask": {"method": "oracle_mask"},
    },
    "top": 1,
}


def settings(folder: Path) -> dict:
    changed = configuration(folder, explainers={}, video=VIDEO_SETTINGS)
    return changed | {"detector": changed["detector"] | {"model": MODEL}}


def surer(num_classes: int) -> nn.Module:
    """small_run's network, whose answers are further apart."""
    module = net(num_classes)
    head = module[-1]
    with torch.no_grad():
        head.weight *= 10
        head.bias[0] += 1.3
    return module


def _frames(folder: Path) -> pd.DataFrame:
    """Frames of coloured squares, as rows of the table of frames."""
    generator = np.random.default_rng(0)
    rows = []
    (folder / "mask.png").write_bytes(encode_png(np.pad(np.full((20, 20), 255, np.uint8), 20)))
    for first in (0, 4):
        clip = f"{VIDEO}/clip_{first:05d}_0"
        for place in range(4):
            image = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)
            file = folder / f"{first + place}.png"
            file.write_bytes(encode_png(image))
            own = {"key": f"{clip}#{first + place:05d}", "file": str(file), "sha256": file_sha256(file)}
            own |= {"frame": first + place, "place": place, "seconds": (first + place) / 10, "clip": clip}
            rows.append(own | {"mask_file": str(folder / "mask.png") if clip == KEY else ""})
    box = {"track": 0, "x1": 0, "y1": 0, "x2": 60, "y2": 60, "score": 0.99, "mask": "", "placement": ""}
    return pd.DataFrame(rows).assign(video=VIDEO, category="Deepfakes", label=3, split="test", **box)


def _counterparts(paths: Paths, frames: pd.DataFrame, folder: Path) -> None:
    """Of the frames of `KEY`: pictures of one colour."""
    rows, table = [], []
    for row in frames.to_dict("records"):
        if row["clip"] != KEY:
            table.append({"key": row["key"], "sha256": "", "reason": "000.mp4 isn't there"})
            continue
        data = encode_png(np.full((60, 60, 3), GENUINE, np.uint8))
        file = folder / f"genuine_{row['place']}.png"
        file.write_bytes(data)
        digest = sha256(data).hexdigest()
        rows.append({"key": f"{row['key']}#counterpart", "file": str(file), "sha256": digest})
        table.append({"key": row["key"], "sha256": digest, "reason": ""})
    database.build(pd.DataFrame(rows), paths.clip_counterparts[1])
    parquet.write(pd.DataFrame(table), paths.clip_counterparts[0])


def _mapped(paths: Paths, name: str, clips: list[dict], image, detector: Detector) -> Iterable[dict]:
    """A row's records."""
    config, hosts, counterparts = paths.config, hosts_of(paths.scored[0]), Counterparts(*paths.clip_counterparts)
    entry = config.video.explainers[name]
    if entry.kind != "explainer":
        faces = parquet.read(paths.clips_run / "frames.parquet").set_index("key", drop=False)
        by_mask = {"faces": faces, "counterparts": counterparts} if "mask" in entry.needs else {}
        seen = control.Sources(FrameStore(paths.clips_lmdb), **by_mask)
        made = control.run(clips, hosts, entry, config.seed, seen, paths.classes)
        return [{**record, "made_with": made_without_torch()} for record in made]
    copies = adversarial_images(paths.video_copies[0], detector, config.adversary)
    given = copies if paths.clips_need_adversary(name) else None
    shown = clips if given is None else with_copies(clips, paths.video_copies[0])
    return saliency.run(
        shown, image, detector, entry, hosts, paths.clip_score, config.seed, 2, given, counterparts, row=name
    )


def run(folder: Path) -> tuple[Paths, ClipSources]:
    """What the workflow leaves, made by the library, both clips in work at once."""
    config = load(settings(folder))
    weights = Path(config.detector.checkpoint)
    checkpoint.save(weights, surer(5), model=MODEL, preprocessing=Preprocessing(48, HALF, HALF))
    use_threads(config.detector.threads)
    paths, detector = Paths(config), checkpoint.load(config.detector, weights)
    table, frames = build([_frames(folder)])
    paths.clips_run.mkdir(parents=True)
    parquet.write(table, paths.clips_run / "clips.parquet")
    parquet.write(frames, paths.clips_run / "frames.parquet")
    database.build(frames, paths.clips_lmdb)
    _counterparts(paths, frames, folder)
    clips, image, score, seed = items(table, frames), image_loader(str(paths.clips_lmdb)), paths.clip_score, config.seed
    stamp = {"made_with": made_with(detector), "weights": file_sha256(weights)}

    def keep(path: Path, records: Iterable[dict], **more: str) -> list[dict]:
        write_shard(path, [stamp | record | more for record in records], {})
        return read_shard(path)

    keep(paths.scored[0], scores.run(clips, image, detector, config.video.segments, score))
    keep(paths.video_copies[0], adversary.run(clips, image, detector, config.adversary, score, seed, 2))
    faces = {row["key"]: row for row in frames.to_dict("records")}
    files = {stage: dict(zip(config.video.ordered, of, strict=False)) for stage, of in clip_files(paths, KEY).items()}
    for name in config.video.ordered:
        made = keep(files["saliency"][name], _mapped(paths, name, clips, image, detector))
        explained = {record["key"]: record for record in made}
        wanted = attack_items(clips, explained, 1)
        attacked = attacks.run(wanted, image, detector, config.evaluation, score, seed, 2)
        attacked = keep(files["attacks"][name], attacked, made_for=name)
        rows = attack_rows(name, clips, explained, attacked, top=1, classes=paths.classes)
        counterparts = Counterparts(*paths.clip_counterparts)
        subjects = Subjects(explained, lambda key: mask_of(faces[key]), counterparts, paths.classes)
        values = keep(files["measures"][name], measured.run(clips, image, detector, subjects, config.video, score, 2))
        for stage, one in (("rows", rows), ("metrics", metrics_rows(name, clips, values, config.video))):
            files[stage][name].parent.mkdir(parents=True, exist_ok=True)
            parquet.write(one.assign(weights=stamp["weights"]), files[stage][name])
    return paths, ClipSources(
        clips=paths.clips_run / "clips.parquet",
        manifest=paths.clips_run / "frames.parquet",
        frames=paths.clips_lmdb,
        detector=weights,
        scores=paths.scored[0],
        adversary=paths.video_copies[0],
        counterparts=tuple(paths.clip_counterparts),
        **{stage: files[stage] for stage in ("saliency", "attacks", "rows", "measures", "metrics")},
    )
