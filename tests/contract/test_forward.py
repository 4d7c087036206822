"""A row's answer depends on nothing but the row: the ground of every promise about shards and order."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from advxai import adversary, saliency
from advxai.config.kernels import BACKENDS
from advxai.config.science import Nes
from advxai.detector.model import Detector, Preprocessing
from tests.helpers import explainer_settings


def small() -> nn.Module:
    """Of what large ones have what a compiler fuses, and compiled in a second."""
    convolution = nn.Conv2d(3, 8, 3, stride=2, bias=False)
    deep = nn.Conv2d(8, 8, 3, groups=8)
    return nn.Sequential(
        convolution, nn.BatchNorm2d(8), nn.SiLU(), deep, nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 5),
    )  # fmt: skip


def build(backend: str) -> Detector:
    torch.manual_seed(0)
    module = small() if backend == "inductor" else timm.create_model("mobilenetv3_small_050", num_classes=5)
    return Detector(module, Preprocessing(64, (0.5,) * 3, (0.5,) * 3), forward_batch=10, backend=backend)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return build("torch")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_neighbours_and_position_change_no_bit(backend, threads):
    """At one number of threads. Another number may round otherwise, so it is part of the digests."""
    images = torch.rand((23, 3, 64, 64), generator=torch.Generator().manual_seed(1)) * 2 - 1
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        detector = build(backend)
        alone = torch.cat([detector.probabilities(image[None]) for image in images])
        together = detector.probabilities(images)
        turned = detector.probabilities(images.flip(0)).flip(0)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(alone, together) and torch.equal(alone, turned)
    np.testing.assert_allclose(together.sum(dim=1), 1, atol=1e-6)


def test_preprocessing_and_its_inverse(detector):
    image = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    unit = detector.preprocessing.unit(image)
    assert unit.shape == (3, 64, 64) and 0 <= unit.min() and unit.max() <= 1
    torch.testing.assert_close(detector.preprocessing.to_unit(detector.preprocessing.normalise(unit)), unit)
    same = np.full((64, 64, 3), 51, np.uint8)
    assert torch.equal(
        detector.preprocessing.normalise(detector.preprocessing.unit(same)), torch.full((3, 64, 64), -0.6)
    )


def test_a_batch_of_another_size_is_refused(detector):
    with pytest.raises(ValueError, match="10 rows, not 3"):
        detector.forward(torch.zeros((3, 3, 64, 64)), 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stage_gives_the_same_whatever_is_in_work_beside_an_image(backend):
    """Requests in memory that is used again, taken with or without a copy: steps and maps are equal to the last bit."""
    detector = build(backend)
    items = [{"key": f"{number}.png", "sha256": "", "number": number} for number in range(5)]
    nes = Nes(samples=7, iterations=3, sigma=0.05)

    def picture(item):
        return np.random.default_rng(item["number"]).integers(0, 256, (70, 70, 3), dtype=np.uint8)

    def made(at_once: int) -> dict:
        attacks = adversary.run(items, picture, detector, nes, 0, at_once)
        found = {record["key"]: [record["steps"], record["after"]] for record in attacks}
        for method, budget in (("lime", {"samples": 45}), ("shap", {"evaluations": 45}), ("rise", {"masks": 45})):
            settings = explainer_settings(method=method, baseline="zeros", **budget)
            for record in saliency.run(items, picture, detector, settings, 0, at_once):
                found[record["key"]] += [record["map"], record["images"], record["calls"]]
        return found

    alone, together = made(1), made(5)
    assert alone.keys() == together.keys() == {item["key"] for item in items}
    for key, values in alone.items():
        for one, other in zip(values, together[key], strict=True):
            np.testing.assert_array_equal(one, other)
    assert any(np.any(values[0]) for values in alone.values())
