"""A checkpoint of another package's own network, read by us, answers as that network does."""

import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from advxai.common.classes import Classes
from advxai.config.classes import classes_of
from advxai.config.networks import NAMES, NETWORKS, NOMINAL
from advxai.config.science import Detector as Settings
from advxai.detector.build import build_module, head_keys
from advxai.detector.folding import fold
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.networks import BUILT, CHOSEN, build
from advxai.detector.networks.efficientnet import FixedPadding
from advxai.dialects.renaming import renamed
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.unit.networks_of_others import (
    BenchMeso4,
    BenchMesoInception4,
    BenchResNet,
    BenchXception,
    EffnB4,
    IcprB4,
    IcprST,
    apart,
    as_before,
    images,
    lived_in,
    ours,
    package,
)

CLOSE = 1e-5
# Paddings of the convolutions of stride 2: of the stem and of the first blocks of the stages 1, 2, 3 and 5.
BEFORE = ((0, 1), (0, 1), (1, 2), (0, 1), (1, 2))
PADDINGS = {
    0: BEFORE,
    1: ((0, 1), (0, 1), (1, 2), (0, 1), (2, 2)),
    2: ((0, 1), (0, 1), (2, 2), (1, 1), (2, 2)),
    3: ((0, 1), (0, 1), (2, 2), (0, 1), (2, 2)),
    4: ((0, 1), (0, 1), (2, 2), (0, 1), (1, 2)),
    5: ((0, 1), (0, 1), (1, 2), (1, 1), (2, 2)),
    6: ((0, 1), (0, 1), (1, 2), (0, 1), (2, 2)),
    7: ((0, 1), (0, 1), (1, 2), (1, 1), (1, 2)),
}


def their_paddings(network: nn.Module) -> tuple[tuple[int, int], ...]:
    strided = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and tuple(layer.stride) == (2, 2)]
    found = [layer.static_padding.padding for layer in strided]
    assert all(each[:2] == each[2:] for each in found)
    return tuple(each[:2] for each in found)


def our_paddings(network: nn.Module) -> tuple[tuple[int, int], ...]:
    found = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            assert isinstance(layer, FixedPadding) and layer.padding[0] == layer.padding[1]
            left, right, above, below = layer.margins
            assert (left, right) == (above, below)
            found.append((left + layer.padding[0], right + layer.padding[0]))
    return tuple(found)


@pytest.mark.parametrize("number", range(8))
def test_every_efficientnet_has_the_packages_tensors_and_paddings(number):
    """On shapes alone: no weight is made."""
    with torch.device("meta"):
        theirs = package(number)
        network = build(f"efficientnet_pytorch_b{number}", 2)
        before = build(f"efficientnet_pytorch06_b{number}", 2)
    assert their_paddings(theirs) == our_paddings(network) == PADDINGS[number]
    assert their_paddings(as_before(theirs)) == our_paddings(before) == BEFORE
    state, own = theirs.state_dict(), network.state_dict()
    names = renamed({name: tuple(value.shape) for name, value in state.items()}, f"tf_efficientnet_b{number}")
    assert list(names) == list(state) and list(names.values()) == list(own) == list(before.state_dict())
    assert all(state[name].shape == own[names[name]].shape for name in state)
    assert NETWORKS[f"efficientnet_pytorch_b{number}"].input_size == NOMINAL[number]


@pytest.fixture(scope="module")
def b0():
    """The package's B0, ours, and timm's with the same weights."""
    theirs = lived_in(package(0), 96)
    return theirs, ours(theirs, "efficientnet_pytorch_b0", 224), ours(theirs, "tf_efficientnet_b0", 224)


@pytest.mark.parametrize(("size", "timms"), [(224, True), (256, True), (299, False)])
def test_b0_pads_as_the_package_at_any_size(b0, size, timms):
    theirs, network, timm = b0
    assert apart(theirs, network, size) < CLOSE
    difference = apart(theirs, timm, size)
    assert difference < CLOSE if timms else difference > 1000 * CLOSE


@pytest.mark.parametrize(
    ("model", "theirs", "size"),
    [
        ("deepfakebench_meso4", BenchMeso4, 256),
        ("deepfakebench_mesoinception4", BenchMesoInception4, 256),
        ("resnet34", BenchResNet, 64),
        ("legacy_xception", BenchXception, 75),
    ],
)
def test_other_networks_answer_as_theirs(model, theirs, size):
    torch.manual_seed(0)
    module = lived_in(theirs(), size)
    assert apart(module, ours(module, model, size), size) < CLOSE


@pytest.mark.parametrize(
    ("model", "outputs", "theirs"),
    [
        ("deepfakebench_effnb4", 2, EffnB4),
        ("icpr07_autoattst_b4", 1, lambda: IcprST(IcprB4(attention=True))),
        ("icpr_autoatt_b4", 1, lambda: IcprB4(attention=True, before=True)),
    ],
)
def test_b4s_of_others(model, outputs, theirs):
    """On small images, whose maps have odd sides; the sizes they are meant for take long (tests/contract)."""
    torch.manual_seed(0)
    module = lived_in(theirs(), 72)
    assert apart(module, ours(module, model, 72, outputs), 72) < CLOSE


def test_every_backend_computes_a_network_with_fixed_paddings(b0):
    (_, network, _), size = b0, 75
    folded = fold(network, size)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    plain = Preprocessing(size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    classes = Classes.named(("Real", "Fake"))
    wanted = network(images(size, 3)).softmax(dim=1)
    for backend in ("torch", "openvino", "onnxruntime"):
        detector = Detector(network, plain, classes=classes, forward_batch=2, backend=backend)
        assert detector.probabilities(images(size, 3)).numpy() == pytest.approx(wanted.detach().numpy(), abs=CLOSE)


def test_every_network_of_ours_can_be_built_and_trained():
    """The last layer is known as the head; what is known of a network makes sense."""
    assert [*BUILT, *CHOSEN] == list(NETWORKS)
    for name, network in NETWORKS.items():
        if re.fullmatch(r"efficientnet_pytorch\w*_b[1-7]", name):  # as B0
            continue
        with torch.device("meta"):
            module = build_module(Settings(model=name), 7)
        state = module.state_dict()
        head = head_keys(module)
        assert {state[key].shape[0] for key in head} == {7} and head[-2:] == list(state)[-2:]
        assert name in NAMES or any(name.startswith(part) for part in ("efficientnet_pytorch", "icpr07_"))
        classes = classes_of(Settings(model=name), {})
        assert network.source and network.weights
        if network.classes is None:
            assert name.startswith("efficientnet_pytorch") and len(classes.names) == 5  # FF++'s
        else:
            assert classes.names == ("Real", "Fake") and classes.outputs == (1 if network.output == "sigmoid" else 2)
            assert classes.positive_name == network.positive if network.positive else classes.output == "softmax"


def test_defaults_are_each_networks_own():
    settings = Settings(model="deepfakebench_effnb4")
    assert (settings.input_size, settings.mean, settings.std) == (256, (0.5,) * 3, (0.5,) * 3)
    settings = Settings(model="icpr_st_b4", input_size=380)
    assert (settings.input_size, settings.mean, settings.std) == (380, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert Settings(model="efficientnet_pytorch_b3").input_size == 300


def test_deepfakebenchs_mesonets_take_their_size_alone():
    network = build("deepfakebench_meso4", 2, 64)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2)
    with pytest.raises(ValueError, match=r"takes images of shape \(3, 64, 64\), not \(3, 96, 96\)"):
        network(torch.zeros(1, 3, 96, 96))


def test_renaming_needs_no_torch():
    code = "import sys, advxai.dialects.renaming; print({'torch', 'timm'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
