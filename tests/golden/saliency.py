"""Saliency: black and white boxes, what fills in for them, segments, and the stage itself."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advxai.config.rows import BASELINES, Baseline, Segmentation
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.networks.transformer import Encoder
from advxai.saliency import Batch, Explanation, build
from advxai.saliency.baselines import fill
from advxai.saliency.segments import segment
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.golden.compare import Near, Values
from tests.helpers import UNIT, drive_one, explainer_settings, inputs_of, linear_detector, quadrants

METHODS = {
    "lime": {"samples": 120},
    "shap": {"evaluations": 600, "batch": 20},
    "sobol": {"grid": 4, "design": 16},
    "rise": {"masks": 120, "cells": 5},
    "occlusion": {"grid": 8, "window": 2},
    "kernel_shap": {"samples": 120},
}
WHITE = {
    "integrated_gradients": {"steps": 6},
    "gradient_shap": {"samples": 8, "std": 0.05},
}


def _image() -> Tensor:
    return UNIT.normalise(UNIT.unit(pictures.picture(3)))


def _adversarial(image: Tensor) -> Tensor:
    """A copy that differs everywhere, in all segments by other amounts."""
    shift = np.random.default_rng(31).uniform(-0.6, 0.2, 16)[quadrants()]
    return (image + torch.from_numpy(shift).float()).clamp(-1, 1)


def _detector() -> Detector:
    """Reads every segment with a weight of its own, so that no two of them are equally important."""
    gains = np.random.default_rng(32).permutation(np.linspace(-0.8, 2.4, 16))[quadrants()] / (3 * 64)
    return linear_detector(torch.from_numpy(gains).float().expand(3, -1, -1).contiguous(), bias=0.4)


class Curved(nn.Module):
    """`_detector`'s network whose logits level off, so that gradients differ along the way from a baseline."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _detector().module

    def forward(self, x: Tensor) -> Tensor:
        return 20 * torch.tanh(self.network(x))


class Looking(nn.Module):
    """Four by four places as a transformer's tokens, and weighed by attention that is a map; the score is of both."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.attention_map = nn.Conv2d(3, 6, 8, stride=8), nn.Identity()
        self.encoder = Encoder(16, 6, 2, heads=2, head=3, hidden=8, grid=True)
        drawn = np.random.default_rng(34)
        for value in self.parameters():
            value.data = torch.from_numpy(drawn.normal(0, 0.4, tuple(value.shape))).float()

    def forward(self, x: Tensor) -> Tensor:
        places = self.places(x)
        share = self.attention_map(torch.sigmoid(places[:, :1]))
        seen = self.encoder((places * share).flatten(2).transpose(1, 2))
        return seen[:, 0, :2]


def _looking() -> Detector:
    return Detector(Looking().eval(), UNIT, classes=("Real", "Fake"), forward_batch=2)


def _curved() -> Detector:
    return Detector(Curved(), UNIT, classes=("Real", "Fake"), forward_batch=4)


def _filled(kind: str, image: Tensor) -> Tensor:
    return fill(
        Baseline(kind=kind, size=9),
        image,
        quadrants(),
        UNIT,
        adversarial=_adversarial(image),
        generator=np.random.default_rng(33),
        counterpart=image.flip(2),
    )


def _explained(method: str, kind: str) -> Explanation:
    settings = explainer_settings(method=method, baseline=kind, **METHODS[method])
    image = _image()
    return drive_one(build(settings).explain(inputs_of(image, _filled(kind, image), seed=4)), _detector())[0]


def _white(method: str, kind: str) -> Explanation:
    settings, image = explainer_settings(method=method, baseline=kind, **WHITE[method]), _image()
    batch = Batch(["a"], image[None], _filled(kind, image)[None], torch.tensor([1]), [np.random.default_rng(4)], UNIT)
    found = build(settings).maps(_curved().network(), batch)
    return Explanation.of_map(found.values[0], quadrants(), found.zero)


def _attending(method: str) -> Explanation:
    batch = Batch(["a"], _image()[None], None, torch.tensor([1]), [np.random.default_rng(4)], UNIT)
    found = build(explainer_settings(method=method)).maps(_looking().network(), batch)
    return Explanation.of_map(found.values[0], quadrants(), found.zero)


def _numbers(found: Explanation) -> dict[str, Any]:
    return {
        "scores": Near(found.scores, absolute=1e-5),
        "ranking": found.ranking,
        "map": Near([found.map.mean(), found.map.std(), *found.map[[3, 17, 30], [5, 16, 22]]], absolute=1e-5),
    }


def _sizes(**settings: Any) -> dict[str, Any]:
    """Sizes of a picture's segments; a pixel between two of them may fall to the other one on another CPU."""
    side = 64
    normalised = Preprocessing(side, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    unit = normalised.unit(pictures.picture(6, side, side))
    both = [tensor.permute(1, 2, 0).numpy() for tensor in (unit, normalised.normalise(unit))]
    labels = segment(*both, Segmentation(**settings))
    return {
        "type": str(labels.dtype),
        "labels": labels[[4, 4, 31, 60], [5, 60, 33, 8]],
        "sizes": Near(np.bincount(labels.ravel()), absolute=3),
    }


def _stage(detector: Detector, **entry: Any) -> list[dict[str, Any]]:
    settings = explainer_settings(baseline="noise", segmentation={"n_segments": 9}, **entry)
    records = run(pictures.items(1, 2), pictures.load, detector, settings, seed=5, at_once=2)
    told = ("key", "sha256", "target", "called_real", "images", "calls", *(["backwards"] * settings.gradients))
    return [
        {
            **{name: record[name] for name in told},
            "before": Near(record["before"], absolute=1e-5),
            "scores": Near(record["scores"], absolute=1e-3),  # segments may differ by a pixel
        }
        for record in records
    ]


def values() -> Values:
    image = _image()
    filled = {kind: _filled(kind, image) for kind in BASELINES}
    return {
        "baselines": {
            kind: Near([made.mean(), made.std(), *made[[0, 1, 2], [0, 16, 31], [31, 9, 2]]], absolute=1e-5)
            for kind, made in ((kind, made.numpy()) for kind, made in filled.items())
        },
        "segments": {
            "slic": _sizes(n_segments=12),
            "slic_normalised": _sizes(n_segments=12, image="normalised"),
            "quickshift": _sizes(algorithm="quickshift"),
        },
        **{
            method: {kind: _numbers(_explained(method, kind)) for kind in ("image_mean", "adversarial")}
            for method in METHODS
        },
        **{method: {"adversarial": _numbers(_white(method, "adversarial"))} for method in WHITE},
        **{method: _numbers(_attending(method))["map"] for method in ("relevancy", "attention")},
        "stage": _stage(pictures.detector(1.0), method="lime", samples=60),
        "stage_white": _stage(_curved(), method="gradient_shap", target="fake", **WHITE["gradient_shap"]),
    }
