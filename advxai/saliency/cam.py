"""Class activation maps by the package grad-cam: features of a layer, weighted by what its gradients say."""

import logging
from contextlib import ExitStack
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advxai.detector.gradients import Network
from advxai.detector.layers import Layer, Layout, NoLayer, chosen, in_words
from advxai.saliency.base import Unscaled
from advxai.saliency.whitebox import Batch, Maps, WhiteBox

log = logging.getLogger(__name__)
PACKAGE = "pytorch_grad_cam"


class Cam(WhiteBox):
    """What class activation maps share.

    A layer's map is the package's: negative values are cut off, what is left is scaled, from its least place to its
    greatest, to [0, 1], and enlarged to the image; of several layers it is the mean of their maps, scaled again. So it
    has no sign and no unit, and 0 is its least place, which needn't be without evidence: of two images' maps nothing
    can be compared but where they are large.

    Where nothing at the layer speaks for the class, or all places do equally, the map is 0 everywhere. That is an
    explanation: it says so. Its segments are in an order that is drawn (`advxai.saliency.batches`), which is chance;
    leaving such images out would drop just those on which the method fails.

    Unscaled, what is not cut off is only enlarged, and of several layers the mean is taken: so frames of a clip can be
    compared, 0 is no evidence, and of several layers one with larger products counts for more.

    The package keeps the features and gradients of all its layers for all rows of a forward in the main memory, until
    the maps are made; with `layers: all` that can be gigabytes, which a lower `gradient_batch` divides.

    Importing the package takes ten seconds and more, when an explainer is built.

    Args:
        layers: "last", "all", a module's name or several (`advxai.detector.layers.chosen`).
    """

    kind: ClassVar[str]  # the package's class

    def __init__(self, layers: str | list[str] = "last") -> None:
        self.layers = layers
        self._made: Any = _in_step(getattr(import_module(PACKAGE), self.kind))
        self._of: Network | None = None
        self._chosen: list[Layer] = []

    def maps(self, network: Network, batch: Batch) -> Maps:
        """Explain the images with one forward and backward; see `WhiteBox`.

        Raises:
            NoLayer: a layer isn't there, or gives no map.
        """
        if network is not self._of:  # the same one for all batches of a job
            self._chosen, self._of = chosen(network, self.layers, batch.images.shape[-1]), network
            log.info("class activation maps of %s", in_words(self._chosen))
        images = batch.images.detach().requires_grad_()
        targets = [_Score(target) for target in batch.targets.tolist()]
        doors = [nn.Identity() for _ in self._chosen]
        with ExitStack() as opened:
            for layer, door in zip(self._chosen, doors, strict=True):
                opened.callback(layer.module.register_forward_hook(_through(door, layer.layout)).remove)
            cam = self._made(network, doors)
            # The package's own end of a `with` keeps an IndexError to itself.
            opened.callback(cam.activations_and_grads.release)
            values: NDArray[np.float32] = cam(images, targets)
        unscaled = [Unscaled(one, 0.0, float(one.max())) for one in _enlarged(cam.seen, images)]
        return Maps(values[: len(batch)], unscaled=unscaled)


def _in_step(kind: Any) -> Any:
    """The package's class, seen to have features and a gradient of every layer: it tells them by their order alone.

    Its attribute `seen` has each layer's maps (n, h, w), cut off at 0 and otherwise as they were computed.
    """

    def get_cam_image(cam: Any, *given: Any) -> Any:
        found = kind.get_cam_image(cam, *given)
        cam.seen.append(np.maximum(found, 0))
        return found

    def compute_cam_per_layer(cam: Any, *given: Any) -> Any:
        cam.seen = []
        kept, layers = cam.activations_and_grads, cam.target_layers
        if not len(kept.activations) == len(kept.gradients) == len(layers):
            raise NoLayer("layers: some run, or get a gradient, for some images alone; name others")
        return kind.compute_cam_per_layer(cam, *given)

    return type(
        kind.__name__, (kind,), {"compute_cam_per_layer": compute_cam_per_layer, "get_cam_image": get_cam_image}
    )


def _enlarged(maps: list[NDArray[np.float32]], images: Tensor) -> NDArray[np.float32]:
    """The mean of layers' maps, each enlarged to the images bilinearly, as the package does: (n, h, w) float32.

    Args:
        maps: (n or more, h', w'), padded as the forward was.
        images: (n, 3, h, w).
    """
    total = torch.zeros(len(images), 1, *images.shape[2:])
    for one in maps:
        small = torch.from_numpy(one[: len(images)])[:, None].float()
        total += nn.functional.interpolate(small, total.shape[2:], mode="bilinear")
    mean: NDArray[np.float32] = (total[:, 0] / len(maps)).numpy()
    return mean


class _Score:
    """The package's target: the score of one class, of a row of scores."""

    def __init__(self, target: int) -> None:
        self.target = target

    def __call__(self, scores: Tensor) -> Tensor:
        return scores[self.target]


def _through(door: nn.Module, layout: Layout | None) -> Any:
    """A hook that lets a layer's output pass through a door, at which the package stands, as maps (n, d, h, w)."""
    assert layout is not None  # of a chosen layer

    def hook(_layer: nn.Module, _given: Any, output: Tensor) -> Tensor:
        # What comes after may change its input in place, and the package keeps the tensor itself.
        return layout.output(door(layout.maps(output)), output).clone()

    return hook


class GradCam(Cam):
    """Grad-CAM (Selvaraju et al. 2017): each channel weighs as much as its mean gradient."""

    kind = "GradCAM"


class GradCamPlusPlus(Cam):
    """Grad-CAM++ (Chattopadhay et al. 2018): weights by positive gradients and their powers, place by place."""

    kind = "GradCAMPlusPlus"


class HiResCam(Cam):
    """HiResCAM (Draelos & Carin 2020): features times gradients, place by place, summed over the channels."""

    kind = "HiResCAM"
