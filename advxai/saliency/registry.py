"""From a configuration entry to an explainer."""

from importlib.metadata import entry_points

import numpy as np
import torch

from advxai.common.errors import InputError
from advxai.common.usercode import described, imported
from advxai.config.explainers import ENTRY_POINT_GROUP, Custom
from advxai.config.explainers import AnyExplainer as Settings
from advxai.detector.gradients import Network
from advxai.detector.model import Preprocessing
from advxai.saliency.base import Explainer
from advxai.saliency.whitebox import Batch, WhiteBox

BUILT_IN = {
    "lime": "advxai.saliency.lime:Lime",
    "shap": "advxai.saliency.shap:Shap",
    "sobol": "advxai.saliency.sobol:Sobol",
    "rise": "advxai.saliency.rise:Rise",
    "occlusion": "advxai.saliency.occlusion:Occlusion",
    "kernel_shap": "advxai.saliency.kernel_shap:KernelShap",
    "gradcam": "advxai.saliency.cam:GradCam",
    "gradcam++": "advxai.saliency.cam:GradCamPlusPlus",
    "hirescam": "advxai.saliency.cam:HiResCam",
    "integrated_gradients": "advxai.saliency.paths:IntegratedGradients",
    "gradient_shap": "advxai.saliency.paths:GradientShap",
    "relevancy": "advxai.saliency.relevancy:Relevancy",
    "attention": "advxai.saliency.attention:Attention",
}

SHARED = {"method", "baseline", "segmentation", "published", "target", "gradient_batch"}  # the stage's, not the class's


def _external(method: str) -> object:
    for point in entry_points(group=ENTRY_POINT_GROUP, name=method):
        return imported(f"{point.module}:{point.attr}", f"explainer {method},", "method")
    return imported(method, "explainer", "method")


def build(settings: Settings) -> Explainer | WhiteBox:
    """The explainer of a configuration entry.

    Raises:
        InputError: a class from outside can't be imported, isn't an `Explainer`, doesn't take its `params`, or has no
            number of `rows`.
    """
    method = settings.method
    if not isinstance(settings, Custom):
        own: type[Explainer | WhiteBox] = imported(BUILT_IN[method], "explainer", "method")
        return own(**settings.model_dump(exclude=SHARED))
    kind = _external(method)
    if not (isinstance(kind, type) and issubclass(kind, Explainer | WhiteBox)):
        raise InputError(
            f"explainer {method}: is no subclass of advxai.saliency.Explainer or WhiteBox; derive it from one of these"
        )
    try:
        explainer = kind(**settings.params)
    except TypeError as error:
        raise InputError(f"explainer {method}: {error}; correct its `params`") from error
    except Exception as error:
        raise InputError(f"explainer {method}: {described(error)}; correct its `params` or the class") from error
    if isinstance(explainer, WhiteBox):
        return explainer
    if not isinstance(explainer.rows, int) or explainer.rows < 1:
        raise InputError(f"explainer {method}: its `rows` is {explainer.rows!r}; it must be a whole number from 1")
    return explainer


def asks_module(settings: Settings) -> bool:
    """Whether an explainer is a white box, which a detector without a module can't have.

    Raises:
        InputError: as of `build`.
    """
    return settings.gradients or (isinstance(settings, Custom) and isinstance(build(settings), WhiteBox))


def require_attention(settings: Settings, network: Network, size: int) -> None:
    """See that a network can be asked what an entry of `Attending` asks: black images are explained.

    Args:
        settings: the entry.
        network: the detector's module, whatever its weights.
        size: side of its input, in pixels.

    Raises:
        NoLayer: it can't.
    """
    images = torch.zeros((network.batch, 3, size, size), device=network.device)
    targets = torch.zeros(len(images), dtype=torch.int64, device=network.device)
    drawn = [np.random.default_rng(0) for _ in images]
    black = Batch([""] * len(images), images, None, targets, drawn, Preprocessing(size, (0.0,) * 3, (1.0,) * 3))
    explainer = build(settings)
    assert isinstance(explainer, WhiteBox)  # as all of Attending
    explainer.maps(network, black)
