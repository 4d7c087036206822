"""What fills a perturbed region, of an image or of a clip: every method works with every baseline.

A clip (3, T, h, w) is filled in frame by frame, but for two baselines that are the clip's: the mean colour of all of
it, so that the filling doesn't flicker, and of each segment in space and time.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.config.rows import Baseline
from advxai.detector.engine import moved, values
from advxai.detector.model import Preprocessing


def segment_mean(image: Tensor, segments: NDArray[np.int16]) -> Tensor:
    """Each segment filled with its own mean colour: (3, h, w), (h, w) -> (3, h, w); or of a clip, likewise."""
    labels = moved(torch.from_numpy(segments.astype(np.int64).ravel()), image.device)
    count = moved(torch.from_numpy(np.bincount(segments.ravel()).astype(np.float64)), image.device)
    flat = image.reshape(3, -1).to(torch.float64)
    sums = torch.zeros((3, len(count)), dtype=torch.float64, device=image.device).index_add_(1, labels, flat)
    return (sums / count)[:, labels].reshape(image.shape).to(image.dtype)


def box_blur(image: Tensor, size: int) -> Tensor:
    """Box filter of size x size pixels with reflected borders (cv2.blur, as the shap package's `blur(k,k)`)."""
    array = np.ascontiguousarray(values(image).permute(1, 2, 0).numpy())
    return moved(torch.from_numpy(cv2.blur(array, (size, size))).permute(2, 0, 1), image.device)


def fill(
    baseline: Baseline,
    image: Tensor,
    segments: NDArray[np.int16],
    preprocessing: Preprocessing,
    *,
    adversarial: Tensor | None,
    generator: np.random.Generator,
    counterpart: Tensor | None = None,
) -> Tensor:
    """The image that perturbed regions are taken from.

    Args:
        baseline: which one.
        image: (3, h, w) normalised; or a clip, (3, T, h, w), as are then what fills in and what is returned.
        segments: (h, w) labels; of a clip (T, h, w).
        preprocessing: the detector's, for noise in units of the [0, 1] image.
        adversarial: (3, h, w) normalised; needed by `adversarial` only.
        generator: for `noise`.
        counterpart: (3, h, w) normalised; needed by `counterpart` only.

    Returns:
        (3, h, w) normalised float32.
    """
    if image.dim() == 4 and baseline.kind in ("blur", "noise"):
        made = [
            fill(baseline, frame, labels, preprocessing, adversarial=None, generator=generator)
            for frame, labels in zip(image.unbind(1), segments, strict=True)
        ]
        return torch.stack(made, dim=1)
    match baseline.kind:
        case "segment_mean":
            return segment_mean(image, segments)
        case "image_mean":
            return image.mean(dim=tuple(range(1, image.dim())), keepdim=True).expand_as(image).clone()
        case "zeros":
            return torch.zeros_like(image)
        case "blur":
            return box_blur(image, baseline.size)
        case "noise":
            draw = moved(
                torch.from_numpy(generator.standard_normal(tuple(image.shape), dtype=np.float32)), image.device
            )
            return preprocessing.normalise((preprocessing.to_unit(image) + baseline.std * draw).clamp(0, 1))
        case "adversarial":
            if adversarial is None:
                raise ValueError("the adversarial baseline needs the adversarial image")
            return adversarial
        case "counterpart":
            if counterpart is None:
                raise ValueError("the baseline counterpart needs the original's frame")
            return counterpart
    raise ValueError(f"unknown baseline {baseline.kind}")
