"""What fills a perturbed region, by hand."""

import numpy as np
import pytest
import torch

from advxai.config.rows import Baseline
from advxai.saliency.baselines import fill
from tests.helpers import SIZE, UNIT, quadrants


@pytest.fixture
def image() -> torch.Tensor:
    """Normalised, up to the edges of the valid range."""
    return torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)) * 2 - 1


def filled(image: torch.Tensor, **baseline) -> torch.Tensor:
    return fill(Baseline(**baseline), image, quadrants(), UNIT, adversarial=None, generator=np.random.default_rng(7))


def test_noise_is_added_to_the_pixels_and_stays_among_them(image):
    """std counts in units of the [0, 1] image; what would leave it stops at its edge."""
    draw = np.random.default_rng(7).standard_normal((3, SIZE, SIZE), dtype=np.float32)
    expected = (((image.numpy() + 1) / 2 + 0.3 * draw).clip(0, 1) - 0.5) / 0.5
    found = filled(image, kind="noise", std=0.3)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.min() == -1 and found.max() == 1


def test_means_and_zeros(image):
    means = filled(image, kind="segment_mean")
    for label in range(16):
        inside = quadrants() == label
        np.testing.assert_allclose(
            means[:, inside], image[:, inside].mean(dim=1, keepdim=True).expand(-1, 64), atol=1e-6
        )
    whole = filled(image, kind="image_mean")
    np.testing.assert_allclose(whole, image.mean(dim=(1, 2))[:, None, None].expand_as(image), atol=1e-6)
    assert not filled(image, kind="zeros").any()


def test_a_blur_is_the_mean_of_the_pixels_around(image):
    found = filled(image, kind="blur", size=5)
    np.testing.assert_allclose(found[:, 10, 20], image[:, 8:13, 18:23].mean(dim=(1, 2)), atol=1e-6)


def test_without_an_adversarial_copy_nothing_is_filled_with_one(image):
    with pytest.raises(ValueError, match="needs the adversarial image"):
        filled(image, kind="adversarial")


def test_the_counterpart_is_taken_as_it_is_and_must_be_there(image):
    other = image.flip(2)
    found = fill(
        Baseline(kind="counterpart"), image, quadrants(), UNIT, adversarial=None, generator=np.random.default_rng(7),
        counterpart=other,
    )  # fmt: skip
    assert torch.equal(found, other)
    with pytest.raises(ValueError, match="needs the original's frame"):
        filled(image, kind="counterpart")
