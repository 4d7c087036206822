"""SHAP (Lundberg & Lee 2017): Owen values of a hierarchy of regions, as shap's Partition explainer computes them."""

import math
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from advxai.saliency.base import (
    CallableExplainer,
    Explainer,
    Explaining,
    Explanation,
    Inputs,
    Predict,
    Unscaled,
    min_max,
)
from advxai.saliency.owen import owen_values


def _explanation(values: NDArray[np.float64], inputs: Inputs) -> Explanation:
    """The map: values (h, w, 3) scaled to [0, 1], then averaged over the channels (released code)."""
    low, high = float(values.min()), float(values.max())
    zero = -low / (high - low) if high > low else math.nan  # where the scaling puts a value of 0
    unscaled = Unscaled(values.mean(axis=2), low, high)
    return Explanation.of_map(min_max(values).mean(axis=2), inputs.segments, zero, unscaled)


class Shap(Explainer):
    """SHAP's Partition explainer.

    Args:
        evaluations: max_evals.
        batch: evaluations a batch; it decides the order in which regions are split, so it is part of the result.
        engine: `device`, our own, or `library`, the shap package. They differ where regions of equal worth are split:
            ours goes by the order in which they came up, the package draws lots (seeded by the image's generator).
    """

    def __init__(self, evaluations: int = 2000, batch: int = 50, engine: str = "device") -> None:
        self.evaluations, self.batch, self.engine = evaluations, batch, engine
        self.rows = batch

    def explain(self, inputs: Inputs) -> Explaining:
        if self.engine == "library":
            return (yield from LibraryShap(self.evaluations, self.batch).explain(inputs))
        return _explanation((yield from owen_values(inputs, self.evaluations, self.batch)), inputs)


class LibraryShap(CallableExplainer):
    """The same by the shap package."""

    def __init__(self, evaluations: int, batch: int) -> None:
        self.evaluations, self.batch = evaluations, batch

    def values(self, predict: Predict, inputs: Inputs) -> NDArray[np.float64]:
        """SHAP values (h, w, 3) float64 of the target's probability."""
        import shap  # heavy (numba), and only this method needs it

        def target(images: NDArray[Any]) -> NDArray[np.float32]:
            tensor = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).permute(0, 3, 1, 2)
            answers = [predict(part.to(inputs.image.device)) for part in torch.split(tensor, inputs.chunk)]
            return cast("NDArray[np.float32]", torch.cat(answers)[:, [inputs.target]].cpu().numpy())

        image, background = (tensor.permute(1, 2, 0).cpu().numpy() for tensor in (inputs.image, inputs.baseline))
        masker = shap.maskers.Image(background, image.shape)
        explainer = shap.PartitionExplainer(target, masker)
        result = explainer(image[None], max_evals=self.evaluations, batch_size=self.batch, silent=True)
        values: NDArray[np.float64] = result.values[0][..., 0]
        return values

    def attribute(self, predict: Predict, inputs: Inputs) -> Explanation:
        return _explanation(self.values(predict, inputs), inputs)
