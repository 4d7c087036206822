"""Configuration of white boxes: explainers that ask the detector's own module, for gradients and features."""

from typing import Literal

from pydantic import Field, field_validator

from advxai.config.base import Number
from advxai.config.rows import Explainer, Filled, Target

WHITE = ("gradcam", "gradcam++", "hirescam", "integrated_gradients", "gradient_shap", "relevancy", "attention")


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

    @property
    def forwards(self) -> int:
        return 2  # one for the target, and its own

    @property
    def backwards(self) -> int:
        return 1


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


class Relevancy(WhiteBox):
    """Relevancy (Chefer et al. 2021): what a transformer's answer has taken from each token, through all attention."""

    method: Literal["relevancy"]
    map: Literal["places", "released"] = Field(
        "places",
        description="places: of tokens that are places their relevancy; of efficientnet_vit's channels, which lie "
        "nowhere, how each place of the map that they are made of adds to the score. released: those channels as a "
        "square of 32 x 32, as that network's own code shows them; its places mean nothing.",
    )


class Attention(WhiteBox):
    """The map that a network weighs places by (efficientnet_ltpa, efficientnet_autoatt, icpr_autoatt_b4): where it
    looks, real or fake."""

    method: Literal["attention"]
    level: int | None = Field(
        None,
        ge=1,
        le=3,
        description="Which of a network's maps: of efficientnet_ltpa's those of stride 8, 16, 32. null: the only one, "
        "of three the second.",
    )

    @field_validator("target")
    @classmethod
    def _of_all_classes(cls, value: Target) -> Target:
        if value != "predicted":
            raise ValueError("attention is the same whatever class is explained: take the key out")
        return value

    @property
    def backwards(self) -> int:
        return 0


Attending = Relevancy | Attention  # what only a network with attention can be asked
