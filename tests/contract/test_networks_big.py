"""Large networks of others at the sizes that they are meant for (make test-big); `tests/unit/test_dialect_networks.py`
has small ones."""

import pytest
import torch

from advxai.config.networks import NOMINAL
from tests.unit.networks_of_others import (
    BenchResNet,
    BenchXception,
    EffnB4,
    IcprB4,
    IcprST,
    apart,
    as_before,
    lived_in,
    ours,
    package,
)

pytestmark = pytest.mark.big
CLOSE = 1e-5


def difference(theirs, model: str, size: int, outputs: int = 2) -> float:
    """Of the logits; in float64 where that decides whether it is rounding that a deep network has magnified."""
    network = ours(theirs, model, size, outputs)
    found = apart(theirs, network, size)
    if CLOSE <= found < 100 * CLOSE:
        print(f"{model} at {size}: {found:.1e} in float32")
        found = apart(theirs.double(), network.double(), size)
        theirs.float()
    print(f"{model} at {size}: {found:.1e}")
    return found


@pytest.mark.parametrize("number", range(8))
def test_efficientnets_of_0_7(number):
    theirs = lived_in(package(number), 128)
    for size in {0: (224, 299), 4: (224, 256, 380), 7: (224, 380, 600)}.get(number, (224, NOMINAL[number])):
        assert difference(theirs, f"efficientnet_pytorch_b{number}", size) < CLOSE
        same = difference(theirs, f"tf_efficientnet_b{number}", size)
        if size == NOMINAL[number]:
            assert same < CLOSE
        if number == 4 and size != 380:
            assert same > 1000 * CLOSE


@pytest.mark.parametrize("number", [0, 4, 7])
def test_efficientnets_of_0_6_are_timms_at_even_sizes(number):
    theirs = lived_in(as_before(package(number)), 128)
    for size in (224, 256):
        assert difference(theirs, f"efficientnet_pytorch06_b{number}", size) < CLOSE
        assert difference(theirs, f"tf_efficientnet_b{number}", size) < CLOSE
    assert difference(theirs, f"efficientnet_pytorch06_b{number}", 380) < CLOSE
    assert difference(theirs, f"tf_efficientnet_b{number}", 380) > 1000 * CLOSE


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", ["autoatt", "st", "autoattst"])
def test_icprs_b4s(kind, before):
    torch.manual_seed(0)
    inner = IcprB4(attention=kind.startswith("autoatt"), before=before)
    theirs = lived_in(IcprST(inner) if kind.endswith("st") else inner, 128)
    for size in (224, 380):
        assert difference(theirs, f"icpr{'' if before else '07'}_{kind}_b4", size, 1) < CLOSE


def test_deepfakebenchs():
    torch.manual_seed(0)
    effnb4 = lived_in(EffnB4(), 128)
    assert difference(effnb4, "deepfakebench_effnb4", 256) < CLOSE
    for other in ("tf_efficientnet_b4", "efficientnet_pytorch_b4"):
        assert difference(effnb4, other, 256) > 1000 * CLOSE
    assert difference(lived_in(BenchXception(), 128), "legacy_xception", 299) < CLOSE
    assert difference(lived_in(BenchResNet(), 128), "resnet34", 256) < CLOSE
