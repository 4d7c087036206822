"""An explainer and a detector from outside the package, as users bring theirs."""

import numpy as np
import torch
from torch import nn

from advxai.saliency import CallableExplainer, Explanation, Inputs


class Occlusion(CallableExplainer):
    """Fills one segment at a time; its score is the loss of probability."""

    def __init__(self, batch: int = 8) -> None:
        self.batch = batch

    def attribute(self, predict, inputs: Inputs) -> Explanation:
        labels = torch.from_numpy(inputs.segments.astype(np.int64))
        count = int(labels.max()) + 1
        images = torch.stack([torch.where(labels == one, inputs.baseline, inputs.image) for one in range(count)])
        answers = torch.cat([predict(part)[:, inputs.target] for part in images.split(self.batch)])
        scores = -answers.numpy()
        return Explanation.of_map(scores[inputs.segments], inputs.segments)


def tiny_detector(num_classes: int) -> nn.Module:
    """A small network that is no timm model."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, num_classes)
    )
