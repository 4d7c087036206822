"""Class activation maps; whatever imports grad-cam, which takes 13 seconds of CPU, is in this file."""

import cv2
import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.detector.gradients import Network
from advxai.detector.model import Detector
from advxai.saliency import build
from advxai.saliency.stage import run
from advxai.saliency.whitebox import Batch
from tests.contract import white_checks
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.golden import pictures
from tests.helpers import SIZE, TWO, UNIT, explainer_settings

CAMS = {"gradcam": "GradCAM", "gradcam++": "GradCAMPlusPlus", "hirescam": "HiResCAM"}


class Small(nn.Module):
    """Two convolutions, the second one's output changed in place by what comes after, as in timm's ResNets."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(torch.relu(self.first(x)))
        x += 0.5
        return self.head(torch.relu(x).mean(dim=(2, 3)))


def detector_of(module: nn.Module, classes: Classes = TWO, forward_batch: int = 4) -> Detector:
    return Detector(module, UNIT, classes=classes, forward_batch=forward_batch)


def batch_of(network: Network, images: torch.Tensor, targets: list[int]) -> Batch:
    return Batch(
        keys=[f"image {place}" for place in range(len(images))],
        images=images,
        baselines=None,
        targets=torch.tensor(targets),
        generators=[np.random.default_rng(place) for place in range(len(images))],
        preprocessing=UNIT,
    )


def images(count: int) -> torch.Tensor:
    return torch.stack([UNIT.normalised(pictures.picture(seed)) for seed in range(1, count + 1)])


def maps_of(module: nn.Module, method: str, given: torch.Tensor, targets: list[int], layers="last", classes=TWO):
    network = detector_of(module, classes).network()
    return build(explainer_settings(method=method, layers=layers)).maps(network, batch_of(network, given, targets))


def directly(module: nn.Module, method: str, given: torch.Tensor, targets: list[int], layers, reshape=None):
    with getattr(pytorch_grad_cam, CAMS[method])(module.eval(), layers, reshape_transform=reshape) as cam:
        return cam(given, [ClassifierOutputTarget(target) for target in targets])


@pytest.mark.parametrize("method", CAMS)
def test_unscaled_maps_tell_images_apart(method):
    """By hand: one convolution that hands the red channel on, whose mean is the score of fake. The gradient is 1 / 256
    = g in all 16 x 16 places, and so is the weight; Grad-CAM++'s is 1 / (2 + g * sum + 1e-6 / g^2), of a sum of 128 or
    32."""

    class Red(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.look = nn.Conv2d(3, 1, 1, stride=2, bias=False)
            self.look.weight.data = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fake = self.look(x).mean(dim=(1, 2, 3))
            return torch.stack([-fake, fake], dim=1)

    given = torch.zeros((3, 3, SIZE, SIZE))
    given[:, :, :, : SIZE // 2] = torch.tensor([1.0, 0.25, -1.0]).view(3, 1, 1, 1)
    found = maps_of(Red(), method, given, [1, 1, 1])
    strong, weak, against = found.unscaled
    assert strong.low == weak.low == against.low == 0 and not against.map.any()
    weights = [1 / 256, 1 / 256]
    if method == "gradcam++":
        weights = [1 / (2 + places / 256 + 1e-6 * 256**2) for places in (128, 32)]
    assert strong.high == strong.map.max() == pytest.approx(weights[0])
    assert weak.high == weak.map.max() == pytest.approx(0.25 * weights[1])
    np.testing.assert_allclose(found.values[0], strong.map / strong.high, atol=1e-4)
    assert found.values[1].max() == pytest.approx(1, abs=1e-3)  # each image's own is stretched


@pytest.mark.parametrize("method", CAMS)
@pytest.mark.parametrize("layers", ["last", "all", ["second", "first"]])
def test_maps_equal_the_package_s_on_the_bare_module(method, layers):
    """It is asked there without what changes the features in place."""

    class NotInPlace(Small):
        def forward(self, x):
            x = self.second(torch.relu(self.first(x)))
            return self.head(torch.relu(x + 0.5).mean(dim=(2, 3)))

    bare = NotInPlace()
    given, targets = images(3), [1, 0, 1]
    found = maps_of(Small(), method, given, targets, layers)
    wanted = directly(bare, method, given, targets, [bare.second] if layers == "last" else [bare.first, bare.second])
    assert found.values.dtype == np.float32 and np.isnan(found.zero)
    assert 0 <= found.values.min() and found.values.max() <= 1
    np.testing.assert_allclose(found.values, wanted, atol=2e-5)
    assert all(one.any() for one in wanted)


def test_the_job_s_log_says_which_layer_the_last_one_is(caplog):
    with caplog.at_level("INFO"):
        maps_of(Small(), "gradcam", images(1), [0])
    assert any("class activation maps of layer second, " in line for line in caplog.messages)


@pytest.mark.parametrize("method", CAMS)
def test_of_a_vision_transformer_the_norm_s_tokens_are_places(method):
    torch.manual_seed(0)
    bare = VisionTransformer(img_size=SIZE, patch_size=8, embed_dim=12, depth=2, num_heads=3, num_classes=2)
    given, targets = images(2), [1, 0]
    found = maps_of(bare, method, given, targets)
    wanted = directly(
        bare,
        method,
        given,
        targets,
        [bare.blocks[-1].norm1],
        lambda tokens: tokens[:, 1:].reshape(len(tokens), 4, 4, 12).permute(0, 3, 1, 2),
    )
    np.testing.assert_allclose(found.values, wanted, atol=2e-5)
    assert all(one.any() for one in wanted)


class Corner(nn.Module):
    """Its only evidence is how bright a place is that lies in the fourth row and second column of eight."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.outputs = outputs
        self.bright = nn.Conv2d(3, 1, SIZE // 8, stride=SIZE // 8)
        nn.init.constant_(self.bright.weight, 1.0)
        nn.init.constant_(self.bright.bias, 100.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.bright(x)[:, :, 3, 1] - 99.0
        return z if self.outputs == 1 else torch.cat([torch.zeros_like(z), z], dim=1)


def test_hirescam_finds_the_only_place_with_evidence():
    """Grad-CAM spreads it, for it takes the mean of the gradients; what it shows is where the feature is large."""
    found = maps_of(Corner(), "hirescam", images(2), [1, 1])
    for one in found.values:
        assert np.unravel_index(one.argmax(), one.shape)[0] // (SIZE // 8) == 3
        assert np.unravel_index(one.argmax(), one.shape)[1] // (SIZE // 8) == 1
        np.testing.assert_allclose(one, expected_corner(), atol=1e-5)


def expected_corner() -> np.ndarray:
    places = np.zeros((8, 8), np.float32)
    places[3, 1] = 1
    large = cv2.resize(places, (SIZE, SIZE))
    return large / large.max()


class Spot(nn.Module):
    """The features are nothing but in one place, where the image's mean stands; so all CAMs agree."""

    def __init__(self, outputs: int = 1, sign: float = 1.0) -> None:
        super().__init__()
        self.outputs, self.sign = outputs, sign
        self.layer = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.layer.weight, 1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spot = torch.zeros(8, 8)
        spot[3, 1] = 1
        x = self.layer(spot * (2 + x.mean(dim=(1, 2, 3), keepdim=True)))
        z = self.sign * x.sum(dim=(1, 2, 3))[:, None]
        return z if self.outputs == 1 else torch.cat([torch.zeros_like(z), z], dim=1)


@pytest.mark.parametrize("method", CAMS)
def test_the_known_place_is_found(method):
    found = maps_of(Spot(outputs=2), method, images(2), [1, 1])
    for one in found.values:
        np.testing.assert_allclose(one, expected_corner(), atol=1e-5)


@pytest.mark.parametrize("method", CAMS)
@pytest.mark.parametrize(("positive", "sign"), [("Fake", 1.0), ("Fake", -1.0), ("Real", 1.0), ("Real", -1.0)])
def test_of_one_logit_z_speaks_for_the_positive_class_and_against_the_other(method, positive, sign):
    """What speaks against the class that is explained is cut off, and the map is 0."""
    names = ("Real", "Fake")
    classes = Classes(names, output="sigmoid", positive=names.index(positive))
    for target in (0, 1):
        found = maps_of(Spot(sign=sign), method, images(1), [target], classes=classes)
        speaks_for = (target == names.index(positive)) == (sign > 0)
        np.testing.assert_allclose(found.values[0], expected_corner() if speaks_for else 0, atol=1e-5)


@pytest.mark.parametrize("method", CAMS)
@pytest.mark.parametrize("layers", ["last", "all"])
def test_neighbours_and_their_number_change_no_bit(method, layers):
    entry = explainer_settings(method=method, layers=layers)

    def records(*seeds: int) -> list:
        detector = detector_of(Small())
        return list(run(pictures.items(*seeds), pictures.load, detector, entry, seed=5, at_once=2))

    together = records(1, 2, 3, 4, 5)
    for place in (0, 2, 4):
        (alone,) = records(place + 1)
        np.testing.assert_array_equal(alone["map"], together[place]["map"])
        np.testing.assert_array_equal(alone["ranking"], together[place]["ranking"])
    for record in together:
        assert (record["images"], record["calls"], record["backwards"]) == (1, 1, 1)
        assert np.isnan(record["zero"]) and record["map"].any()


@pytest.mark.parametrize("method", CAMS)
def test_a_map_that_is_zero_ranks_segments_at_random(method):
    """Spot's features speak against Real alone, so a face called real has nothing that speaks for it."""
    entry = explainer_settings(method=method, target="real")
    detector = detector_of(Spot(), Classes(("Real", "Fake"), output="sigmoid", positive=1))
    records = list(run(pictures.items(1, 2), pictures.load, detector, entry, seed=5, at_once=1))
    for record in records:
        labels = list(range(record["segments"].max() + 1))
        assert not record["map"].any() and record["missing"] == ""
        assert list(record["ranking"]) != labels == sorted(record["ranking"])
    (again,) = run(pictures.items(1), pictures.load, detector, entry, seed=6, at_once=1)
    assert list(again["ranking"]) == list(records[0]["ranking"])


class Branches(nn.Module):
    """Convolutions side by side, all of one shape, joined in another order than they are run in."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.stem = nn.Conv2d(3, 4, 3, padding=1)  # as large as the image, so that no map is enlarged
        self.branches = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.after = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        third, first, second = (self.branches[place](x) for place in (2, 0, 1))
        x = torch.cat([self.after(first) * second, third - second], dim=1)
        return self.head(1000 * torch.relu(x).sum(dim=(2, 3)))  # the package adds 1e-7 to what it divides by


@pytest.mark.parametrize("method", CAMS)
def test_the_map_of_all_layers_is_the_mean_of_each_one_s(method):
    """The package tells features and gradients by the order in which they come, forth and back."""
    given, targets = images(2), [1, 0]
    names = ["stem", "branches.2", "branches.0", "branches.1", "after"]
    each = [maps_of(Branches(), method, given, targets, name).values for name in names]
    mean = np.mean(each, axis=0)
    whole = maps_of(Branches(), method, given, targets, "all").values
    np.testing.assert_allclose(
        whole, (mean - mean.min((1, 2), keepdims=True)) / np.ptp(mean, (1, 2), keepdims=True), atol=1e-4
    )
    assert all(np.abs(whole - one).max() > 0.05 for one in each)


def hooks(network: Network) -> int:
    return sum(len(layer._forward_hooks) for layer in network.modules())


class Fails(Small):
    """Breaks once it is told to, as a detector of the user's own may."""

    broken = False

    def forward(self, x):
        x = super().forward(x)
        if self.broken:
            raise IndexError("the detector's own error")
        return x


@pytest.mark.parametrize("method", CAMS)
def test_no_hook_is_left_and_no_error_swallowed(method):
    """The package keeps an IndexError to itself, and prints it."""
    network = detector_of(Fails()).network()
    explainer = build(explainer_settings(method=method, layers="all"))
    batch = batch_of(network, images(2), [1, 1])
    before = explainer.maps(network, batch).values
    assert hooks(network) == 0
    network.layers.broken = True
    with pytest.raises(IndexError, match="the detector's own error"):
        explainer.maps(network, batch)
    assert hooks(network) == 0
    network.layers.broken = False
    np.testing.assert_array_equal(explainer.maps(network, batch).values, before)
    assert (network.rows, network.backwards) == (2 + 2 + 2, 2 + 2)


def test_another_detector_has_layers_of_its_own():
    """An explainer keeps its layers for all batches of a job, but not for another module."""
    explainer = build(explainer_settings(method="gradcam"))
    for module in (Small(), Spot(outputs=2), Small()):
        network = detector_of(module).network()
        found = explainer.maps(network, batch_of(network, images(1), [1])).values
        np.testing.assert_array_equal(found, maps_of(module, "gradcam", images(1), [1]).values)


def test_a_layer_that_isn_t_there_names_the_explainer():
    entry = explainer_settings(method="gradcam", layers="secnd")
    with pytest.raises(
        InputError, match=r"^explainer gradcam: layers: the detector has no layer 'secnd' \(did you mea"
    ):
        list(run(pictures.items(1), pictures.load, detector_of(Small()), entry, seed=5, at_once=1))


class Sometimes(Small):
    """Its first layer's features count for bright images alone."""

    def forward(self, x):
        features = self.first(x)
        if x.mean() > 0.5:
            features = features.detach() + 0 * x.mean()
        return self.head(torch.relu(self.second(torch.relu(features))).mean(dim=(2, 3)))


def test_features_and_gradients_that_don_t_belong_together_are_refused():
    network = detector_of(Sometimes()).network()
    explainer = build(explainer_settings(method="hirescam", layers="all"))
    with pytest.raises(InputError, match="layers: some run, or get a gradient, for some images alone"):
        explainer.maps(network, batch_of(network, torch.ones(4, 3, SIZE, SIZE), [1] * 4))


@pytest.mark.parametrize("check", white_checks.WHITE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", CAMS)
def test_what_every_white_box_keeps(method, check, tmp_path):
    check({"method": method}, tmp_path)


def test_of_all_layers_too(tmp_path):
    for check in white_checks.EVERY:
        check({"method": "gradcam++", "layers": "all"}, tmp_path)
