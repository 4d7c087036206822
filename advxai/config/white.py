"""Configuration of white boxes: explainers that ask the detector's own module, for gradients and features."""

from typing import Literal

from pydantic import Field

from advxai.config.base import Number
from advxai.config.rows import Explainer, Filled

WHITE = ("gradcam", "gradcam++", "hirescam", "integrated_gradients", "gradient_shap")


class WhiteBox(Explainer):
    """What every entry of a white box has."""

    gradient_batch: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Images in every forward with its backward, the last one padded; they hold all of the network's "
        "features. null: detector.forward_batch.",
    )

    @property
    def gradients(self) -> bool:
        return True


class Cam(WhiteBox):
    """What class activation maps share."""

    layers: str | list[str] = Field(
        "last",
        min_length=1,
        description="Whose features are weighted: the last convolution with a map (of an attention network the first "
        "norm of its last block), all convolutions (the mean of their maps), or modules by name, as listed by "
        "`python -m advxai layers`.",
    )

    @property
    def forwards(self) -> int:
        return 2

    @property
    def backwards(self) -> int:
        return 1

    @property
    def packages(self) -> tuple[str, ...]:
        return ("grad-cam",)


class GradCam(Cam):
    """Grad-CAM (Selvaraju et al. 2017), by the package grad-cam: features weighted by their mean gradients."""

    method: Literal["gradcam"]


class GradCamPlusPlus(Cam):
    """Grad-CAM++ (Chattopadhay et al. 2018), by the package grad-cam; with `layers: all` as in MAD'24."""

    method: Literal["gradcam++"]


class HiResCam(Cam):
    """HiResCAM (Draelos & Carin 2020), by the package grad-cam: features times gradients, place by place."""

    method: Literal["hirescam"]


class IntegratedGradients(WhiteBox, Filled):
    """Integrated gradients (Sundararajan et al. 2017), by the package captum: along the way from the baseline."""

    method: Literal["integrated_gradients"]
    steps: int = Field(50, ge=2, le=4096, description="Points on the way.")
    # captum's other rules are left out: riemann_left is as good as riemann_right, and the weights of riemann_trapezoid
    # add up to 1 - 1/steps there.
    rule: Literal["gausslegendre", "riemann_middle", "riemann_right"] = Field(
        "gausslegendre",
        description="How the integral is taken: captum's default, the midpoints, or as in the method's paper.",
    )

    @property
    def forwards(self) -> int:
        return self.steps + 3  # the image itself, for the target; it and the baseline, to see that all adds up

    @property
    def backwards(self) -> int:
        return self.steps

    @property
    def packages(self) -> tuple[str, ...]:
        return ("captum",)


class GradientShap(WhiteBox, Filled):
    """Gradient SHAP (Lundberg & Lee 2017): gradients at random points on the way from the baseline."""

    method: Literal["gradient_shap"]
    samples: int = Field(50, ge=1, description="Random points on the way.")
    std: Number = Field(
        0.0, ge=0, le=1, description="Standard deviation of noise on each point's image, in units of the [0, 1] image."
    )

    @property
    def forwards(self) -> int:
        return self.samples + 1

    @property
    def backwards(self) -> int:
        return self.samples
