"""Layers that give maps: which there are, how they are laid out, which are taken."""

import pytest
import torch
from torch import nn

from advxai.__main__ import main
from advxai.common.classes import Classes
from advxai.detector import listing
from advxai.detector.gradients import Network
from advxai.detector.graph import Graph
from advxai.detector.layers import Layer, Layout, NoLayer, chosen, in_words, layout_of, looked_at

SIZE = 16


def network(module: nn.Module, batch: int = 3) -> Network:
    return Network(module.eval(), Classes(("Real", "Fake")), torch.device("cpu"), batch, lambda rows: None)


class Excited(nn.Module):
    """Squeeze and excitation, a head that convolves after the pooling, and layers of all kinds that give no map."""

    def __init__(self) -> None:
        super().__init__()
        self.late = nn.Conv2d(8, 8, 3, padding=1)  # named first, run last
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.squeeze = nn.Conv2d(8, 8, 1)
        self.shared = nn.Conv2d(8, 8, 1)
        self.unused = nn.Conv2d(8, 8, 1)
        self.cut_off = nn.Conv2d(8, 8, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv_head = nn.Conv2d(8, 16, 1)
        self.flat = nn.Flatten()
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = x * torch.sigmoid(self.squeeze(self.pool(x)))
        x = self.shared(self.shared(x))
        x = self.late(x) + self.cut_off(x).detach()
        return self.head(self.flat(self.conv_head(self.pool(x))))


def test_the_last_convolution_is_the_last_that_is_run_and_gives_a_map():
    net = network(Excited())
    (layer,) = chosen(net, "last", SIZE)
    assert layer.name == "late" and layer.module is net.layers.late
    assert layer.layout == Layout("channels", SIZE // 2, SIZE // 2)


def test_all_are_the_convolutions_with_a_map_that_run_once_and_get_a_gradient():
    assert [layer.name for layer in chosen(network(Excited()), "all", SIZE)] == ["stem", "late"]


def test_layers_by_name_in_the_order_given():
    assert [layer.name for layer in chosen(network(Excited()), ["late", "stem"], SIZE)] == ["late", "stem"]
    assert [layer.name for layer in chosen(network(Excited()), "stem", SIZE)] == ["stem"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("steem", r"has no layer 'steem' \(did you mean stem\?\); `python -m advxai layers` lists those"),
        ("xyz", "has no layer 'xyz'; `python -m advxai layers`"),
        ("", "has no layer ''; "),
        (["late", "unused"], "layers: unused isn't run by itself when the detector answers; name another layer"),
        ("shared", "layers: shared runs 2 times in a forward, so that it has no map of its own; name another layer"),
        ("head", "layers: head gives 2 for an image, which is no map; name another layer"),
        ("squeeze", "layers: squeeze gives a map of a single place; name another layer"),
        ("cut_off", "layers: cut_off gets no gradient: the scores don't hang on it, or it is cut off from them; name"),
    ],
)
def test_a_layer_that_can_t_be_taken_is_one_sentence(wanted, said):
    with pytest.raises(NoLayer, match=said) as caught:
        chosen(network(Excited()), wanted, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wanted", ["last", "all"])
def test_a_detector_without_a_map_is_one_sentence(wanted):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 2))
    with pytest.raises(NoLayer, match="the detector has no convolution with a map; name layers, `python -m advxai lay"):
        chosen(network(flat), wanted, SIZE)


def test_looking_leaves_no_hook_and_isn_t_counted_also_after_an_error():
    class Fails(nn.Module):
        def forward(self, x):
            raise IndexError("its own")

    net = network(nn.Sequential(nn.Conv2d(3, 2, 3), Fails()))
    with pytest.raises(IndexError, match="its own"):
        looked_at(net, SIZE)
    assert not any(layer._forward_hooks for layer in net.modules())
    net = network(Excited())
    looked_at(net, SIZE)
    assert not any(layer._forward_hooks for layer in net.modules())
    assert (net.rows, net.calls, net.backwards) == (0, 0, 0)


class Tokens(nn.Module):
    """A layer of each order; `prefix` tokens stand before the places."""

    def __init__(self, prefix: int, says: bool) -> None:
        super().__init__()
        self.prefix = prefix
        if says:
            self.num_prefix_tokens = prefix
        self.embed = nn.Conv2d(3, 6, 4, stride=4)
        self.turned = nn.LayerNorm(6)
        self.tokens = nn.LayerNorm(6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.turned(self.embed(x).permute(0, 2, 3, 1)).flatten(1, 2)
        x = self.tokens(torch.cat([x.new_ones(len(x), self.prefix, 6), x], dim=1))
        return self.head(x.mean(dim=1))


@pytest.mark.parametrize(("prefix", "says"), [(0, True), (0, False), (1, True), (1, False), (9, True)])
def test_tokens_and_channels_last_become_maps_and_come_back(prefix, says):
    """Of 9 tokens and 16 places nothing but the network itself says that it isn't a map of 5 x 5."""
    net = network(Tokens(prefix, says))
    found = looked_at(net, SIZE)
    assert found["turned"].layout == Layout("channels last", 4, 4)
    assert found["tokens"].layout == Layout("tokens", 4, 4, prefix)
    maps = torch.randn(2, 6, 4, 4)
    places = maps.permute(0, 2, 3, 1)
    rows = torch.cat([torch.randn(2, prefix, 6), places.reshape(2, 16, 6)], dim=1)
    for name, output in (("embed", maps), ("turned", places), ("tokens", rows)):
        layout = found[name].layout
        assert torch.equal(layout.maps(output), maps)
        assert torch.equal(layout.output(maps, output), output)


def test_what_is_no_map():
    net = network(Tokens(0, False))
    assert layout_of("tokens", net, (2, 15, 7), rows=2) == Layout("tokens", 3, 3, 6)
    for shape in ((), (2,), (2, 6), (2, 4, 16, 5), (8, 16, 6), (2, 3, 4, 4, 4)):
        assert layout_of("tokens", net, shape, rows=2) is None


def test_as_many_channels_as_places_are_channels_first_unless_the_network_says_otherwise():
    net = network(Tokens(0, False))
    assert layout_of("tokens", net, (2, 4, 4, 4)) == Layout("channels", 4, 4)
    net.layers.output_fmt = "NHWC"
    assert layout_of("tokens", net, (2, 4, 4, 4)) == Layout("channels last", 4, 4)
    assert layout_of("embed", net, (2, 4, 4, 4)) == Layout("channels", 4, 4)


def test_the_command_lists_what_can_be_named(tmp_path, capsys, monkeypatch):
    file = tmp_path / "c.yaml"
    file.write_text(
        "run: a\ncorpus: {kind: ffpp, root: x, splits: y}\n"
        "detector: {model: 'tests.custom:tiny_detector', input_size: 48, mean: [.5, .5, .5], std: [.5, .5, .5]}\n"
    )
    assert main(["layers", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[2:6]] == [
        ["layer", "kind", "channels", "map"],
        ["0", "convolution", "8", "23", "x", "23"],
        ["1", "ReLU", "8", "23", "x", "23"],
        ["2", "AdaptiveAvgPool2d", "8", "4", "x", "4"],
    ]
    assert lines[7:9] == ["layers: last    0", "layers: all     the 1 of kind convolution"]
    monkeypatch.setattr(listing, "any_weights", lambda *given: Graph(b"", (), {}, ""))
    assert main(["layers", str(file)]) == 2
    assert "is a graph of ONNX, which has no gradients" in capsys.readouterr().err


def test_a_network_that_goes_on_with_tokens_has_no_default():
    """Else its first layer would stand for the whole."""
    import timm

    module = timm.create_model("mixer_s32_224", num_classes=2, img_size=64).eval()
    network = Network(module, Classes(("Real", "Fake")), torch.device("cpu"), 2, lambda _: None)
    said = "layers: behind the last convolution, stem.proj, the detector goes on with tokens, so that it says little"
    with pytest.raises(NoLayer, match=said):
        chosen(network, "last", 64)


class Pooled(nn.Module):
    """Attention whose block has no norm of tokens, behind a convolution that isn't the last thing, as in NesT."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 4, stride=4)
        self.block = nn.ModuleDict({"attention": Attention()})
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        tokens = self.block["attention"](self.first(x).flatten(2).transpose(1, 2))
        return self.head(tokens.mean(dim=1))


class Attention(nn.Module):
    def forward(self, tokens):
        return (tokens @ tokens.transpose(1, 2)).softmax(dim=-1) @ tokens


def test_attention_without_a_norm_has_no_default():
    """Else a convolution before it would stand for the network."""
    network = Network(Pooled().eval(), Classes(("Real", "Fake")), torch.device("cpu"), 2, lambda _: None)
    with pytest.raises(NoLayer, match="layers: no norm of the last block, block.attention, gives a map; name layers"):
        chosen(network, "last", 16)


def test_layers_in_words():
    def layer(number: int) -> Layer:
        return Layer(f"conv{number}", nn.Conv2d(1, 1, 1), 1, (3, 4, 5), Layout("channels", 4, 5), True)

    assert in_words([layer(1)]) == "layer conv1, 4 x 5"
    assert in_words([layer(1), layer(2)]) == "layers conv1, 4 x 5; conv2, 4 x 5"
    assert in_words([layer(one) for one in range(9)]) == "9 layers, from conv0, 4 x 5, to conv8, 4 x 5"


def test_who_stops_reading_ends_a_list_quietly():
    import os
    import subprocess
    import sys

    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "advxai", "detectors"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
