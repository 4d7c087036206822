"""Building a detector's network and starting it from pretrained weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.detector.build import build_module, head_keys, load_initial, preprocessing

HALF = (0.5, 0.5, 0.5)


class Named(nn.Module):
    """A body of one convolution with BatchNorm, and a head of any width."""

    def __init__(self, num_classes: int, body: str = "stem", head: str = "fc") -> None:
        super().__init__()
        self.add_module(body, nn.Conv2d(3, 4, 3))
        self.add_module(f"{body}_bn", nn.BatchNorm2d(4))
        self.add_module(head, nn.Linear(4, num_classes))


def no_module(num_classes: int) -> str:
    return "not a network"


def no_arguments() -> nn.Module:
    return nn.Identity()


def test_a_timm_model_has_the_asked_head_and_its_own_preprocessing():
    settings = Settings(model="tf_efficientnet_lite0", input_size=96)
    module = build_module(settings, 5)
    assert module.classifier.weight.shape == (5, 1280)
    process = preprocessing(settings, module)
    assert (process.input_size, process.mean, process.std) == (96, HALF, HALF)
    assert head_keys(module) == ["classifier.weight", "classifier.bias"]


def test_a_factory_from_outside_is_called_with_the_number_of_classes():
    settings = Settings(model="tests.custom:tiny_detector", mean=(0.1, 0.2, 0.3), std=HALF)
    module = build_module(settings, 5)
    assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
    assert preprocessing(settings, module).mean == (0.1, 0.2, 0.3)
    assert head_keys(module) == ["4.weight", "4.bias"]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("no_such_net", "timm has no model 'no_such_net'"),
        ("tests.nowhere:factory", "detector tests.nowhere:factory: can't be imported (No module named"),
        ("tests.custom:nowhere", "tests.custom:nowhere: can't be imported"),
        (f"{__name__}:no_module", "returned str"),
        (f"{__name__}:no_arguments", "failed"),
    ],
)
def test_a_model_that_cannot_be_built_is_named(model: str, text: str):
    with pytest.raises(InputError, match="detector.model") as caught:
        build_module(Settings(model=model), 5)
    assert text in str(caught.value)


def test_a_module_without_preprocessing_asks_for_mean_and_std():
    settings = Settings(model="tests.custom:tiny_detector")
    with pytest.raises(InputError, match="set both"):
        preprocessing(settings, build_module(settings, 5))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_initial_weights_go_in_by_name_and_a_head_of_another_width_stays(tmp_path: Path, suffix: str):
    source, target = Named(1000), Named(5)
    head = target.fc.weight.clone()
    file = tmp_path / f"net{suffix}"
    (torch.save if suffix == ".pth" else save_file)(source.state_dict(), file)
    load_initial(target, file)
    assert torch.equal(target.stem.weight, source.stem.weight)
    assert torch.equal(target.fc.weight, head)
    same_width = Named(1000)
    load_initial(same_width, file)
    assert torch.equal(same_width.fc.weight, source.fc.weight)


def test_initial_weights_go_in_by_order_when_all_names_differ(tmp_path: Path):
    source, target = Named(1000, "_conv", "_fc"), Named(5)
    with torch.no_grad():
        source._conv_bn.running_var.fill_(7)
    torch.save(source.state_dict(), tmp_path / "net.pth")
    load_initial(target, tmp_path / "net.pth")
    assert torch.equal(target.stem.weight, source._conv.weight)
    assert target.stem_bn.running_var.tolist() == [7, 7, 7, 7]


def test_initial_weights_of_another_architecture_name_the_first_mismatch(tmp_path: Path):
    file = tmp_path / "net.pth"
    torch.save({"a.weight": torch.zeros(4, 3, 5, 5), **_rest()}, file)
    with pytest.raises(InputError, match=r"net.pth: a.weight \(4x3x5x5\) doesn't fit stem.weight \(4x3x3x3\)"):
        load_initial(Named(5), file)
    torch.save({"a.weight": torch.zeros(4, 3, 3, 3)}, file)
    with pytest.raises(InputError, match="has 1 tensors, the model 8"):
        load_initial(Named(5), file)
    state = Named(5).state_dict()
    del state["stem_bn.bias"]
    torch.save(state, file)
    with pytest.raises(InputError, match="lacks stem_bn.bias"):
        load_initial(Named(5), file)
    torch.save(Named(5).state_dict() | {"extra.weight": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="has extra.weight"):
        load_initial(Named(5), file)
    # BatchNorm's weight and bias have one shape: the order alone would exchange them silently.
    state = list(Named(5, "_conv", "_fc").state_dict().items())
    state[2], state[3] = state[3], state[2]
    torch.save(dict(state), file)
    with pytest.raises(InputError, match="_conv_bn.bias .* doesn't fit stem_bn.weight"):
        load_initial(Named(5), file)


def _rest() -> dict[str, torch.Tensor]:
    shapes = {"a.bias": 4, "b.weight": 4, "b.bias": 4, "b.running_mean": 4, "b.running_var": 4}
    state = {name: torch.zeros(size) for name, size in shapes.items()}
    return state | {"c.weight": torch.zeros(5, 4), "c.bias": torch.zeros(5)}
