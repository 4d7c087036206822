"""LIME on superpixels (Ribeiro et al. 2016), as the lime package computes it, with the images made on the device."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, blend, pixels, spread


def default_design(samples: int, segments: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Binary design (samples, segments) uint8, each entry kept with probability 1/2; the first row keeps everything."""
    design = generator.integers(0, 2, (samples, segments), dtype=np.uint8)
    design[0] = 1
    return design


def kernel_weights(design: NDArray[Any], width: float) -> NDArray[np.float64]:
    """Exponential kernel on the cosine distance to the full row: (n, S) -> (n,) float64.

    For binary rows the cosine to the all-ones row is sqrt(kept / S); an empty row has distance 1.
    """
    distance: NDArray[np.float64] = 1 - np.sqrt(design.mean(axis=1, dtype=np.float64))
    return np.sqrt(np.exp(-(distance**2) / width**2))


def ridge(
    design: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64], penalty: float
) -> NDArray[np.float64]:
    """Weighted ridge with an unpenalised intercept, in closed form: coefficients (S,) float64."""
    total = weights.sum()
    x = design - (weights @ design) / total
    y = target - (weights @ target) / total
    weighted = x * weights[:, None]
    return np.linalg.solve(weighted.T @ x + penalty * np.eye(x.shape[1]), weighted.T @ y)


def lime_ranking(coefficients: Floats) -> NDArray[np.int16]:
    """Segments with a positive weight, the heaviest first."""
    order = np.argsort(-np.abs(coefficients), kind="stable")
    return order[coefficients[order] > 0].astype(np.int16)


class Lime(Explainer):
    """LIME.

    Args:
        samples: perturbed images; the first one is the image itself.
        kernel_width: of the exponential kernel.
        ridge: penalty.
        softmax_again: apply softmax to the probabilities, as the released code does.
    """

    def __init__(
        self, samples: int = 2000, kernel_width: float = 0.25, ridge: float = 1.0, softmax_again: bool = True
    ) -> None:
        self.samples, self.kernel_width, self.penalty = samples, kernel_width, ridge
        self.rows = samples
        self.softmax_again = softmax_again

    def explain(self, inputs: Inputs, design: NDArray[Any] | None = None) -> Explaining:
        """Explain; `design` (n, S) replaces the drawn one."""
        count = int(inputs.segments.max()) + 1
        if design is None:
            design = default_design(self.samples, count, inputs.generator)
        index = pixels(inputs.segments, inputs.image.device)
        kept = moved(torch.from_numpy(design.astype(np.float32)), inputs.image.device)
        answers = []
        memory = room(inputs.image, min(inputs.chunk, len(kept)))
        for part in torch.split(kept, inputs.chunk):
            answer = yield blend(inputs.image, inputs.baseline, spread(part, index, inputs.segments.shape), memory)
            found = values(answer)
            answers.append(found.softmax(dim=1) if self.softmax_again else found)
        target = torch.cat(answers)[:, inputs.target].double().numpy()
        weights = kernel_weights(design, self.kernel_width)
        coefficients = ridge(design.astype(np.float64), target, weights, self.penalty)
        return Explanation(
            map=coefficients[inputs.segments].astype(np.float32),
            scores=coefficients.astype(np.float32),
            ranking=lime_ranking(coefficients),
            zero=0.0,
        )
