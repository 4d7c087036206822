"""Toy clips, and what their scores say of them."""

from collections.abc import Iterable

import numpy as np
import torch

from advxai.config.video import ClipSegments, Video
from advxai.detector.model import Detector
from advxai.video import scores
from tests.golden.pictures import picture

FRAMES = 6


def clip(number: int, frames: int = FRAMES) -> dict:
    """The item of a clip of so many frames, for `load`."""
    key = f"manipulated_sequences/Deepfakes/c23/videos/000_00{number}.mp4/clip_00000_0"
    listed = [{"key": f"{key}#{place:05d}", "sha256": f"hash of {number}, {place}"} for place in range(frames)]
    return {"key": key, "sha256": f"hash of {number}", "frames": listed}


def load(frame: dict) -> np.ndarray:
    """A frame's picture: another one for each clip, which goes over into another one by and by."""
    number, place = int(frame["key"].partition(".mp4")[0][-1]), int(frame["key"].rpartition("#")[2])
    share = place / 16
    mixed = (1 - share) * picture(number).astype(float) + share * picture(number + 100)
    return mixed.astype(np.uint8)


def images(frames: np.ndarray):
    """A loader of the clip whose frames, (T, 3, h, w) in [-1, 1], are given: to the nearest grey level."""
    pixels = ((frames + 1) / 2 * 255).round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return lambda frame: pixels[int(frame["key"].rpartition("#")[2])]


def hosts(items: Iterable[dict], detector: Detector, loader=load, **segments) -> dict:
    """Scores of clips, as rows take them over."""
    settings = ClipSegments(**{"frames": 4, "number": 9, **segments})
    records = scores.run(items, loader, detector, settings, "mean")
    return {(record["key"], record["sha256"]): record for record in records}


def entry(**keys):
    """A checked entry of `video.explainers`."""
    rows = {"row": keys, "beside": {"method": "lime3d", "baseline": "zeros"}}  # no control comes alone
    return Video(explainers=rows).explainers["row"]


def frames_of(item: dict, detector: Detector, loader=load) -> torch.Tensor:
    """A clip's frames (T, 3, h, w) normalised."""
    return torch.stack([detector.preprocessing.normalised(loader(frame)) for frame in item["frames"]])
