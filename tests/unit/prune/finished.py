"""What finished runs leave, written by hand, and what is listed of it."""

import hashlib
import os
import time
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.faces.extract import FACES
from advxai.prune.unused import unused
from advxai.run.paths import Paths
from advxai.run.store import write_shard

OLD = time.time() - 25 * 3600
HEX = "0123456789ab"
REAL_VIDEO = "original_sequences/youtube/c23/videos/000.mp4"

# videos of each run, with their split; both have the first, of the shared clip
VIDEOS = {
    "a": {"Real/000": "train", "Deepfakes/004_005": "test", "Deepfakes/005_004": "test", "FaceSwap/004_005": "test"},
    "b": {"Real/000": "train", "Deepfakes/008_009": "test", "FaceSwap/008_009": "test"},
}

FACELESS = "FaceSwap/"


def clip(name: str, first_id: int, **splits: int) -> dict:
    source = {"package": name, "version": "1", "file": f"clips/{name}.mp4", "sha256": "0" * 64}
    return {"name": name, "first_id": first_id, "source": source, "splits": splits}


def mapping(results: Path, run: str, **changes) -> dict:
    """Two runs that share a clip, the detector, the adversary, the attacks and one of two rows."""
    own = {"a": clip("two", 4, test=2), "b": clip("three", 8, test=2)}[run]
    return {
        "run": run,
        "results": str(results),
        "shards": {"a": 2, "b": 1}[run],
        "corpus": {
            "kind": "demo",
            "clips": [clip("one", 0, train=2), own],
            "categories": ["Deepfakes", "FaceSwap"],
        },
        "frames": {"per_video": 1},
        "explainers": {
            "LIME": {"method": "lime", "baseline": "zeros", "samples": {"a": 20, "b": 30}[run]},
            "LIME_adv": {"method": "lime", "baseline": "adversarial", "samples": 20},
        },
    } | changes


def touch(path: Path, text: str = "something", at: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if at is not None:
        os.utime(path, (at, at))
    return path


def video_path(name: str) -> str:
    category, _, number = name.partition("/")
    return REAL_VIDEO if category == "Real" else f"manipulated_sequences/{category}/c23/videos/{number}.mp4"


def crops_of(paths: Paths, name: str) -> Path:
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return paths.faces.path / f"{video_path(name)}-{digest}"


def write_faces(paths: Paths, shard: str, names: list[str]) -> list[dict]:
    """One shard's crops, two a video with a face, and its lists."""
    rows = []
    for name in names:
        folder = crops_of(paths, name)
        category = name.partition("/")[0]
        touch(folder / "faces.json")
        for frame in () if name.startswith(FACELESS) else (0, 23):
            key = f"{video_path(name)}/{frame:05d}_0.png"
            file = touch(folder / f"{frame:05d}_0.png", key)
            known = {"key": key, "video": video_path(name), "category": category, "label": FIVE.label(category)}
            known |= {"split": VIDEOS[paths.config.run][name], "frame": frame, "file": str(file)}
            known |= {"sha256": hashlib.sha256(key.encode()).hexdigest()}
            rows.append(dict.fromkeys(FACES, 0) | known)
    path = paths.faces.path / paths.config.run / f"{shard}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write(pd.DataFrame(rows, columns=list(FACES)), path)
    parquet.write(pd.DataFrame({"item": []}), path.with_suffix(".left_out.parquet"))
    return rows


DETECTOR = "something"  # what `touch` writes
WEIGHTS = hashlib.sha256(DETECTOR.encode()).hexdigest()


def records(rows: list[dict]) -> list[dict]:
    return [{name: row[name] for name in ("key", "sha256")} | {"weights": WEIGHTS} for row in rows]


def run(paths: Paths) -> None:
    """Write by hand what a finished run leaves."""
    for path in (*map(Path, paths.media), paths.face_model, *paths.outputs.tables, *paths.outputs.figures):
        touch(path)
    others = ("tables/left_out.csv", "tables/left_out.parquet", "tables/estimates.parquet", "answer.json")
    for name in (*others, "summary.txt", "provenance.json"):
        touch(paths.run / name)
    touch(paths.logs / paths.config.run / "faces_shard/0-of-1.log")
    for folder in paths.folders:
        folder.describe()
    for folder in paths.clips:
        touch(folder.path / "clip.json")
        touch(folder.path / "original_sequences/youtube/c23/videos/000.mp4")
    touch(paths.detector.path / "detector.safetensors", DETECTOR)
    names = VIDEOS[paths.config.run]
    videos = pd.DataFrame({"video": map(video_path, names), "category": [name.partition("/")[0] for name in names]})
    (paths.run / "corpus").mkdir(parents=True, exist_ok=True)
    parquet.write(videos, paths.run / "corpus/videos.parquet")
    every = []
    for shard in paths.shards:
        mine = [name for name in names if paths.shard_of_key(f"{video_path(name)}/") == shard]
        rows = write_faces(paths, shard, mine)
        every += [row for row in rows if row["split"] == "test"]
        explained = records([row for row in rows if row["split"] == "test" and row["frame"] == 0])
        for explainer in paths.config.explainers:
            at = paths.shards.index(shard)
            for path in (paths.copies[at], paths.maps_of(explainer)[at], paths.attacks_of(explainer)[at]):
                write_shard(path, explained, {})
            path = paths.rows_of(explainer)[at]
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write(pd.DataFrame(explained, columns=["key", "sha256", "weights"]), path)
            for name in paths.config.metrics:
                write_shard(paths.measured(name, explainer)[at], explained, {})
            path = paths.metrics_of(explainer)[at]
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write(pd.DataFrame(explained, columns=["key", "sha256", "weights"]), path)
    write_shard(paths.predicted, records(every), {})


def files(folder: Path) -> dict[str, bytes]:
    """Every file, by its path; a link is what it points to."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def listed(*configurations: Paths) -> set[str]:
    store = configurations[0].store
    return {os.path.relpath(entry.path, store) for entry in unused(configurations)}


SHARED = ("predictions", "adversary", "attacks")


def only_of(mine: Paths, other: Paths) -> set[str]:
    """What `mine` has and `other` doesn't refer to."""
    name = mine.config.run
    clip = mine.clips[1].path
    folders = [clip, mine.saliency("LIME").path, mine.evaluation("LIME").path, mine.metrics("LIME").path]
    folders += [getattr(mine, stage).path / name for stage in SHARED]
    folders += [getattr(mine, stage)("LIME_adv").path / name for stage in ("saliency", "evaluation", "metrics")]
    folders += [mine.measure(measure).path / name for measure in mine.config.metrics]
    folders += [mine.faces.path / name, mine.store / "media" / f"{clip.name.rpartition('-')[0]}-1"]
    folders += [crops_of(mine, video) for video in VIDEOS[name] if video not in VIDEOS[other.config.run]]
    return {path.relative_to(mine.store).as_posix() for path in folders}
