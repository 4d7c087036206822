"""An explainer and a detector from outside the package, as users bring theirs."""

import os
import time

import numpy as np
import torch
from torch import Tensor, nn

from advxai.saliency import Batch, CallableExplainer, Explanation, Inputs, Maps, WhiteBox


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


class GradientTimesInput(WhiteBox):
    """The score's gradient times how far the image is from the baseline, summed over the channels."""

    def maps(self, network, batch: Batch) -> Maps:
        images = batch.images.detach().requires_grad_()
        network.score(images, batch.targets).sum().backward()
        return Maps((images.grad * (batch.images - batch.baselines)).sum(dim=1).cpu().numpy(), zero=0.0)


class Watched(nn.Module):
    """Adds a byte a forward to the file FORWARDS and takes SLOW_FORWARD seconds, if the environment says so: a test can
    kill a job in the midst of its work, and count what all jobs have done.
    """

    def forward(self, x: Tensor) -> Tensor:
        if "FORWARDS" in os.environ:
            with open(os.environ["FORWARDS"], "ab") as file:
                file.write(b".")
        time.sleep(float(os.environ.get("SLOW_FORWARD", 0)))
        return x


def tiny_detector(num_classes: int) -> nn.Module:
    """A small network that is no timm model; loath to call an image real, so that there is something to attack."""
    torch.manual_seed(0)
    head = nn.Linear(128, num_classes)
    with torch.no_grad():
        head.bias[0] -= 1.0
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), head, Watched()
    )
