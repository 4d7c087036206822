"""Explanations of clips: in space and time, and frame by frame."""

from typing import Any

from advxai.config.rows import BASELINES
from advxai.video.saliency import run
from tests.clips import clip, entry, hosts, load
from tests.golden.compare import Near, Values
from tests.golden.pictures import detector, picture

ROWS: dict[str, dict[str, Any]] = {
    **{f"shap3d {kind}": {"method": "shap3d", "samples": 40, "baseline": kind} for kind in BASELINES},
    "lime3d": {"method": "lime3d", "samples": 60, "baseline": "image_mean"},
    "rise3d": {"method": "rise3d", "masks": 60, "cells": 4, "times": 3, "baseline": "adversarial"},
    "frames": {
        "over": "frames",
        "method": "kernel_shap",
        "samples": 20,
        "baseline": "adversarial",
        "segmentation": {"n_segments": 9},
    },
    "frames, stretched": {"over": "frames", "method": "shap", "evaluations": 30, "baseline": "image_mean"},
}


class Genuine:
    """Another picture behind each frame."""

    def reason(self, key: str) -> str:
        return ""

    def sha256(self, key: str) -> str:
        return key

    def image(self, key: str) -> Any:
        return picture(60 + int(key.rpartition("#")[2]))


def _numbers(keys: dict[str, Any]) -> dict[str, Any]:
    item, own = clip(1), detector(0.4)
    copies = lambda _, frames: (frames.flip(3) * 0.9, {})  # noqa: E731
    settings = entry(**keys, target="fake")
    (record,) = run([item], load, own, settings, hosts([item], own), "mean", 5, 2, copies, Genuine())
    made = record["map"]
    return {
        **{name: record[name] for name in ("target", "images", "calls")},
        "scores": Near(record["scores"], absolute=2e-3),  # segments may differ by a pixel
        "map": Near([made.mean(), made.std(), *made[[0, 2, 5], [3, 17, 30], [5, 16, 22]]], absolute=2e-3),
    }


def values() -> Values:
    return {name: _numbers(keys) for name, keys in ROWS.items()}
