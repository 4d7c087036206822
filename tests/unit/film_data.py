"""Clips of known content: four of eight frames, a square that moves over grey, three rows of which one lacks a clip."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from advxai.common.classes import Classes
from advxai.config import load
from advxai.run.store import write_shard
from advxai.video.films import Films, make

T, SIDE = 8, 32
CLASSES = Classes.named(["Real", "Fake"])
# category: the clip's p(fake), by frame
CLIPS = {
    "Real": np.full(T, 0.1),
    "Deepfakes": np.linspace(0.6, 0.95, T),
    "FaceSwap": np.full(T, 0.3),
    "Face2Face": np.linspace(0.9, 0.7, T),
}
VIDEO = {
    "frames": T,
    "top": 2,
    "explainers": {
        "SHAP3D": {"method": "shap3d", "baseline": {"kind": "blur"}},
        "RISE3D": {"method": "rise3d", "baseline": {"kind": "zeros"}},
        "random": {"method": "random"},
    },
    "films": {"side": 128, "fps": 8},
}


def key(category: str) -> str:
    return f"{'original' if category == 'Real' else 'manipulated'}_sequences/{category}/c23/videos/000.mp4/clip_00004_0"


def config(**films):
    demo = {"run": "tiny", "corpus": {"kind": "ffpp", "root": "nowhere", "splits": "nowhere"}}
    return load(demo | {"video": VIDEO | {"films": VIDEO["films"] | films}})


def picture(place: int) -> np.ndarray:
    """Grey, with a light square that moves to the right."""
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    image[12:20, 3 * place : 3 * place + 8] = 220
    return image


def segments() -> np.ndarray:
    """(T, 32, 32): a slice of four frames has four quarters."""
    quarters = np.kron(np.arange(4).reshape(2, 2), np.ones((SIDE // 2, SIDE // 2))).astype(np.int16)
    return np.stack([quarters + 4 * (place // 4) for place in range(T)])


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    clips, frames = [], []
    for category in CLIPS:
        video = key(category).rpartition("/")[0]
        clips.append({"key": key(category), "sha256": "0" * 64, "video": video, "category": category, "first": 4})
        for place in range(T):
            name = f"{key(category)}#{4 + place:05d}"
            frames.append(
                {"key": name, "clip": key(category), "place": place, "frame": 4 + place, "seconds": place / 25}
                | {"sha256": f"{place}"}
            )
    return pd.DataFrame(clips), pd.DataFrame(frames)


def scored(category: str) -> dict:
    p = CLIPS[category].astype(np.float32)
    both = np.stack([1 - p, p], axis=1)
    return {"key": key(category), "sha256": "0" * 64, "before": both.mean(axis=0), "frames_before": both} | {
        "called_real": bool(p.mean() < 0.5)
    }


def saliency(category: str, row: str) -> dict:
    """SHAP3D: segment 1 of the first slice speaks for the class, 6 of the second against it; RISE3D: heat that rises
    with time, and nothing of FaceSwap."""
    parts, scores = segments(), np.linspace(-0.01, 0.01, 8).astype(np.float32)
    scores[1], scores[6] = 0.8, -0.4
    ranking, missing, zero = np.array([1, 5, 7], np.int16), "", 0.0
    values = scores[parts]
    if row == "RISE3D":
        values = np.broadcast_to(np.linspace(0, 1, T, dtype=np.float32)[:, None, None], parts.shape).copy()
        ranking, zero = np.array([4, 5, 6, 7, 0, 1, 2, 3], np.int16), float("nan")
        missing = "nothing was measured" if category == "FaceSwap" else ""
    return {"key": key(category), "sha256": "0" * 64, "map": values, "segments": parts, "scores": scores} | {
        "ranking": ranking, "zero": zero, "missing": missing, "target": 1, "backwards": 0
    }  # fmt: skip


def films(folder: Path, **settings) -> Films:
    """The films of the clips, made in `folder`/films."""
    names = list(VIDEO["explainers"])
    stems = {"scores": [scored(category) for category in CLIPS]}
    stems |= {name: [saliency(category, name) for category in CLIPS] for name in names}
    for stem, records in stems.items():
        write_shard(folder / f"{stem}.h5", records, {})
    store = SimpleNamespace(image=lambda name, digest: picture(int(digest)))
    shards = {name: [folder / f"{name}.h5"] for name in names}
    (folder / "films").mkdir()
    return make(*tables(), store, [folder / "scores.h5"], shards, folder / "films", config(**settings), CLASSES)
