"""White boxes in the stage saliency, on detectors whose gradients are known."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.detector.layers import NoLayer, chosen
from advxai.detector.model import Detector
from advxai.saliency import Maps, WhiteBox
from advxai.saliency.batches import run as run_white
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.helpers import SIZE, UNIT, explainer_settings, linear_detector

METHOD = "tests.custom:GradientTimesInput"


def _weight() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(3).normal(0, 0.02, (3, SIZE, SIZE))).float()


def _records(detector, count=3, **settings):
    entry = explainer_settings(method=METHOD, baseline="zeros", **settings)
    return list(run(pictures.items(*range(1, count + 1)), pictures.load, detector, entry, seed=5, at_once=2))


def _image(item) -> torch.Tensor:
    return UNIT.normalise(UNIT.unit(pictures.load(item)))


def test_a_linear_detector_is_explained_by_weight_times_image():
    """Of two logits the fake one's gradient is the weight, the real one's nothing."""
    weight = _weight()
    records = _records(linear_detector(weight, bias=5.0))
    for item, record in zip(pictures.items(1, 2, 3), records, strict=True):
        assert record["target"] == 1 and not record["called_real"] and record["zero"] == 0
        np.testing.assert_allclose(record["map"], (weight * _image(item)).sum(0).numpy(), atol=1e-6)
        assert (record["images"], record["calls"], record["backwards"]) == (1, 1, 1)
        assert record["seconds"] > 0
    real = _records(linear_detector(weight, bias=5.0), target="real")
    assert all((record["target"], record["called_real"]) == (0, False) for record in real)
    assert all(not record["map"].any() for record in real)


class OneLogit(nn.Module):
    def __init__(self, weight: torch.Tensor, bias: float) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x):
        return (x * self.weight).sum(dim=(1, 2, 3))[:, None] + self.bias


@pytest.mark.parametrize(("positive", "bias"), [("Fake", 5.0), ("Fake", -5.0), ("Real", 5.0), ("Real", -5.0)])
def test_of_one_logit_z_itself_is_differentiated(positive, bias):
    """+z for the class whose probability the sigmoid is, -z for the other one."""
    weight, classes = _weight(), Classes(("Real", "Fake"), output="sigmoid", positive=("Real", "Fake").index(positive))
    detector = Detector(OneLogit(weight, bias), UNIT, classes=classes, forward_batch=4)
    called = positive if bias > 0 else {"Real": "Fake", "Fake": "Real"}[positive]
    for item, record in zip(pictures.items(1, 2, 3), _records(detector), strict=True):
        assert classes.names[record["target"]] == called
        sign = 1 if called == positive else -1
        np.testing.assert_allclose(record["map"], sign * (weight * _image(item)).sum(0).numpy(), atol=1e-6)


def test_neighbours_and_their_number_change_no_bit():
    together = _records(pictures.detector(1.0), 3)
    for place, item in enumerate(pictures.items(1, 2, 3)):
        entry = explainer_settings(method=METHOD, baseline="zeros")
        (alone,) = run([item], pictures.load, pictures.detector(1.0), entry, seed=5, at_once=1)
        np.testing.assert_array_equal(alone["map"], together[place]["map"])


class LeavesAHook(WhiteBox):
    def maps(self, network, batch):
        network.layers.register_forward_hook(lambda *_: None)
        return Maps(np.zeros((len(batch), SIZE, SIZE)))


class ReturnsTooFew(WhiteBox):
    def maps(self, network, batch):
        return Maps(np.zeros((len(batch), 3, 3)))


class NotANumber(WhiteBox):
    def maps(self, network, batch):
        return Maps(np.full((len(batch), SIZE, SIZE), np.nan))


def test_hooks_are_gone_after_an_error():
    """The image after it isn't changed by them."""
    network = pictures.detector(1.0).network()
    images = torch.zeros(1, 3, SIZE, SIZE)
    before = network(images)
    with pytest.raises(ValueError, match="its own"), network.unhooked("who"):
        network.layers.register_forward_hook(lambda *given: given[-1] * 0)
        raise ValueError("its own error")
    assert torch.equal(network(images), before)  # torch.testing takes seconds to import


@pytest.mark.parametrize(
    ("explainer", "said"),
    [
        (LeavesAHook(), "who: has left hooks on the layer layers; remove them, also after an error"),
        (
            ReturnsTooFew(),
            r"who: returned maps that are float64 \(1, 3, 3\) and not numbers of the shape \(1, 32, 32\)",
        ),
        (NotANumber(), "who: returned a map with NaN or infinity for the image"),
    ],
)
def test_what_a_white_box_may_not_do(explainer, said):
    detector, entry = pictures.detector(1.0), explainer_settings(method=METHOD, baseline="zeros")
    with pytest.raises(InputError, match=said):
        list(run_white(pictures.items(1), pictures.load, detector, explainer, entry, 0, None, None, "who"))


class Trains(WhiteBox):
    def maps(self, network, batch):
        network.layers.train()
        return Maps(np.zeros((len(batch), SIZE, SIZE)))


class Reweighs(WhiteBox):
    def maps(self, network, batch):
        with torch.no_grad():
            next(network.layers.parameters()).mul_(2)
        return Maps(np.zeros((len(batch), SIZE, SIZE)))


class Remarks(WhiteBox):
    def maps(self, network, batch):
        return Maps(np.zeros((len(batch), SIZE, SIZE)))

    def remarks(self):
        return "a sentence"


@pytest.mark.parametrize(
    ("explainer", "said"),
    [
        (Trains(), r"who: has left the layer layers\S* changed \(its mode, weights, buffers or forward\)"),
        (Reweighs(), r"who: has left the layer layers\S* changed"),
        (Remarks(), "who: its `remarks` returned 'a sentence' and no list of sentences"),
    ],
)
def test_what_a_white_box_may_not_leave_behind(explainer, said):
    """The images of the next batch would have other maps than alone."""
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    detector = Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=4)
    entry = explainer_settings(method=METHOD, baseline="zeros")
    with pytest.raises(InputError, match=said):
        list(run_white(pictures.items(1), pictures.load, detector, explainer, entry, 0, None, None, "who"))


class CutOff(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        with torch.no_grad():
            return self.inner(x)


def test_a_detector_without_gradients_is_said_to_be_one():
    detector = Detector(CutOff(), UNIT, classes=("Real", "Fake"), forward_batch=4)
    with pytest.raises(InputError, match="the detector's scores carry no gradient, for its forward cuts them off"):
        list(_records(detector, 1))
    with pytest.raises(NoLayer, match="layers: none gets a gradient, for the detector's forward cuts its scores off"):
        chosen(detector.network(), "last", SIZE)


def test_a_module_of_torchscript_is_no_plain_one():
    module = torch.jit.trace(CutOff().inner.eval(), torch.zeros(4, 3, SIZE, SIZE))
    with pytest.raises(InputError, match="can't be copied to take gradients of it .*white boxes need a plain torch"):
        Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=4).network()


def test_a_white_box_of_one_s_own_has_a_gradient_batch():
    """Which is in its digest where it is given alone."""
    entry = explainer_settings(method=METHOD, baseline="zeros", gradient_batch=2)
    (record,) = run(pictures.items(1), pictures.load, pictures.detector(1.0), entry, seed=5, at_once=1)
    assert entry.gradient_batch == 2 and record["backwards"] == 1


@pytest.mark.parametrize("method", [METHOD, "tests.custom:Occlusion"])
def test_an_error_ends_the_thread_that_prepares_images(method):
    """Also while somebody holds the error, whose frames would keep it alive."""

    def load(item):
        if item["key"] == items[0]["key"]:
            raise InputError("unreadable")
        return pictures.load(item)

    items, before = pictures.items(1, 2, 3), set(threading.enumerate())
    with pytest.raises(InputError, match="unreadable"):
        list(run(items, load, pictures.detector(1.0), explainer_settings(method=method, baseline="zeros"), 0, 2))
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("ahead")]
