"""SHAP (Lundberg & Lee 2017): Owen values of a hierarchy of regions, by the shap package's Partition explainer."""

import numpy as np
import torch

from advxai.saliency.base import CallableExplainer, Explanation, Inputs, Predict, min_max


class Shap(CallableExplainer):
    """SHAP's Partition explainer.

    Args:
        evaluations: max_evals.
        batch: evaluations a batch; it decides the order in which regions are split, so it is part of the result.
    """

    def __init__(self, evaluations: int = 2000, batch: int = 50) -> None:
        self.evaluations, self.batch = evaluations, batch

    def values(self, predict: Predict, inputs: Inputs) -> np.ndarray:
        """SHAP values (h, w, 3) float64 of the target's probability."""
        import shap  # heavy (numba), and only this method needs it

        def target(images: np.ndarray) -> np.ndarray:
            tensor = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).permute(0, 3, 1, 2)
            answers = [predict(part.to(inputs.image.device)) for part in tensor.split(inputs.chunk)]
            return torch.cat(answers)[:, [inputs.target]].cpu().numpy()

        image, background = (tensor.permute(1, 2, 0).cpu().numpy() for tensor in (inputs.image, inputs.baseline))
        masker = shap.maskers.Image(background, image.shape)
        explainer = shap.PartitionExplainer(target, masker)
        result = explainer(image[None], max_evals=self.evaluations, batch_size=self.batch, silent=True)
        return result.values[0][..., 0]

    def attribute(self, predict: Predict, inputs: Inputs) -> Explanation:
        """The map: values scaled to [0, 1], then averaged over the channels (released code)."""
        return Explanation.of_map(min_max(self.values(predict, inputs)).mean(axis=2), inputs.segments)
