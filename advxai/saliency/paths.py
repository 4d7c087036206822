"""Path methods: gradients along the straight way from the baseline to the image, times how far apart these are."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.detector.gradients import Network
from advxai.saliency.whitebox import Batch, Maps, WhiteBox

# Share of score(image) - score(baseline) by which the sum of an image's attributions may be off: "within 5 %"
# (Sundararajan et al. 2017, section 5). Of scores that are as good as equal rounding alone is left.
SHARE = 0.05
ROUNDING = 1e-4


class IntegratedGradients(WhiteBox):
    """Integrated gradients (Sundararajan et al. 2017), by captum, summed over the channels.

    Each image goes through captum alone, `network.batch` points of its way at a time. Where the sum of an image's
    attributions isn't what its score has gained over the baseline's (completeness), more steps are needed; how many
    images that are, is said in the end.

    Args:
        steps: points on the way.
        rule: captum's name of how the integral is taken.
    """

    def __init__(self, steps: int, rule: str) -> None:
        from captum.attr import IntegratedGradients as Integral  # takes a second, which other jobs needn't

        self._integral = Integral
        self.steps, self.rule = steps, rule
        self._images = self._off = 0
        self._most = 0.0

    def maps(self, network: Network, batch: Batch) -> Maps:
        """Attributions of each image; see `WhiteBox.maps`."""
        baselines = _baselines(batch)
        integral = self._integral(network)
        found = torch.stack(
            [
                integral.attribute(
                    image[None],
                    baseline[None],
                    target=int(target),
                    n_steps=self.steps,
                    method=self.rule,
                    internal_batch_size=network.batch,
                )[0].detach()
                for image, baseline, target in zip(batch.images, baselines, batch.targets, strict=True)
            ]
        )
        self._see(found, network, batch, baselines)
        return Maps(found.sum(dim=1).cpu().numpy(), zero=0.0)

    @torch.no_grad()
    def _see(self, found: Tensor, network: Network, batch: Batch, baselines: Tensor) -> None:
        ends = network.score(torch.cat([batch.images, baselines]), batch.targets.repeat(2)).double().view(2, -1)
        gained = ends[0] - ends[1]
        apart = (found.double().sum(dim=(1, 2, 3)) - gained).abs()
        off = apart > SHARE * gained.abs() + ROUNDING * ends.abs().amax(dim=0)
        self._images += len(batch)
        self._off += int(off.sum())
        self._most = max(self._most, float(apart.max()))

    def remarks(self) -> list[str]:
        """How many images' attributions don't add up."""
        if not self._off:
            return []
        return [
            f"the attributions of {self._off} of {self._images} images miss what the score gains over the baseline's "
            f"by more than {SHARE:.0%} (by {self._most:.2g} at most): more `steps` than {self.steps} come nearer"
        ]


class GradientShap(WhiteBox):
    """Gradient SHAP (Lundberg & Lee 2017), also called expected gradients, with one baseline, summed over the channels.

    The mean over random points on the way from the baseline to the image, each with noise of its own if there is to be
    some, of the gradient there times the (noisy) image less the baseline. As captum's, but for the draws, which are
    from the image's own generator: first all places on the way, uniform, then the noise, sample by sample.

    Forwards are filled with points of several images, since a row's gradient doesn't depend on its neighbours; an
    image's are added up in their order, one by one.

    Args:
        samples: random points.
        std: of the noise, in units of the [0, 1] image.
    """

    def __init__(self, samples: int, std: float) -> None:
        self.samples, self.std = samples, std

    def maps(self, network: Network, batch: Batch) -> Maps:
        """Attributions of each image; see `WhiteBox.maps`."""
        baselines = _baselines(batch)
        places = [generator.uniform(size=self.samples) for generator in batch.generators]
        total = torch.zeros_like(batch.images)
        for owners, ways in _rows(places, network.batch):
            images = batch.images[owners]
            if self.std:
                images = images + self._noise(batch, owners)
            away = images - baselines[owners]
            points = baselines[owners] + torch.from_numpy(ways).to(away)[:, None, None, None] * away
            points.requires_grad_()
            (gradients,) = torch.autograd.grad(network.score(points, batch.targets[owners]).sum(), points)
            for owner, part in zip(owners, gradients * away, strict=True):
                total[owner] += part
        return Maps((total / self.samples).sum(dim=1).cpu().numpy(), zero=0.0)

    def _noise(self, batch: Batch, owners: list[int]) -> Tensor:
        """Normalised noise of one sample of each of these images: (n, 3, h, w)."""
        shape = batch.images.shape[1:]
        drawn = np.stack([batch.generators[owner].standard_normal(shape, np.float32) for owner in owners])
        std = batch.images.new_tensor(batch.preprocessing.std)[:, None, None]
        return torch.from_numpy(drawn).to(batch.images) * (self.std / std)


def _rows(places: list[NDArray[np.float64]], most: int) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """All images' points in their order, at most so many at a time: whose they are, and where on the way."""
    owners = [owner for owner, own in enumerate(places) for _ in own]
    ways = np.concatenate(places)
    for start in range(0, len(owners), most):
        yield owners[start : start + most], ways[start : start + most]


def _baselines(batch: Batch) -> Tensor:
    if batch.baselines is None:
        raise ValueError("a path needs a baseline to start from")
    return batch.baselines
