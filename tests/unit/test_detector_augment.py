"""What a training image goes through, and the state in which a training begins."""

import cv2
import numpy as np
import torch

from advxai.detector.augment import SIGMA, augment
from advxai.detector.build import follow_quickly, start_small
from advxai.detector.model import Preprocessing
from advxai.media.fit import fitted

HALF = (0.5, 0.5, 0.5)


def test_augmentation_depends_on_its_generator_alone():
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    before = image.copy()
    results = [augment(image, 32, 50, np.random.default_rng(seed)) for seed in (1, 2, 1)]
    assert all(result.shape == (32, 32, 3) and result.dtype == np.uint8 for result in results)
    assert np.array_equal(results[0], results[2]) and not np.array_equal(results[0], results[1])
    assert np.array_equal(image, before)
    # Colours stay roughly what they are, so channels aren't exchanged by the coder.
    red = np.zeros((40, 40, 3), np.uint8) + np.array([200, 30, 30], np.uint8)
    for seed in range(8):
        mean = augment(red, 32, 50, np.random.default_rng(seed)).mean(axis=(0, 1))
        assert np.abs(mean - [200, 30, 30]).max() < 127.5 * 0.15 + 255 * 0.12 + 5


class Draws:
    """Stands in for a generator: gives out the numbers that `augment` asks for."""

    def __init__(self, flip: bool = False, compress: bool = False, blur: bool = False, sigma: float = 1.0) -> None:
        coins = np.where([flip, compress], 0.1, 0.9)
        whole, plain = np.array([1.0, 0.0, 0.0]), np.zeros(2)
        self.randoms, self.uniforms = iter([coins, whole, 0.1 if blur else 0.9]), iter([plain, sigma])

    def random(self, size: int | None = None):
        return next(self.randoms)

    def uniform(self, low: float, high: float, size: int | None = None):
        return next(self.uniforms)

    def integers(self, low: int, high: int, endpoint: bool) -> int:
        assert (low, high, endpoint) == (50, 100, True)
        return 80


NOISE = np.random.default_rng(5).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_each_change_alone():
    assert np.array_equal(augment(NOISE, 32, 50, Draws(), 0.5), NOISE)
    assert np.array_equal(augment(NOISE, 32, 50, Draws(flip=True), 0.5), NOISE[:, ::-1])
    coded = cv2.imencode(".jpg", NOISE[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    assert np.array_equal(augment(NOISE, 32, 50, Draws(compress=True), 0.5), cv2.imdecode(coded, 1)[:, :, ::-1])


def test_a_blurred_point_is_a_gaussian():
    image = np.zeros((33, 33, 3), np.uint8)
    image[16, 16] = 255
    found = augment(image, 33, 50, Draws(blur=True, sigma=1.5), 0.5)
    bell = np.exp(-(np.arange(-16, 17) ** 2) / (2 * 1.5**2))
    wanted = 255 * np.outer(bell, bell) / bell.sum() ** 2
    assert np.abs(found - wanted[..., None]).max() < 1
    assert found[16, 16].tolist() == [18, 18, 18]  # 255 / (2 pi sigma^2)


def test_blur_takes_its_share_and_leaves_the_other_images_alone():
    changed = []
    for seed in range(300):
        plain = augment(NOISE, 32, 50, np.random.default_rng(seed))
        assert np.array_equal(augment(NOISE, 32, 50, np.random.default_rng(seed), 0.0), plain)
        changed.append(not np.array_equal(augment(NOISE, 32, 50, np.random.default_rng(seed), 0.3), plain))
        rng = np.random.default_rng(seed)
        rng.random(2), rng.random(3), rng.integers(50, 100, endpoint=True), rng.uniform(-1, 1, 2)
        chosen, sigma = rng.random() < 0.3, rng.uniform(*SIGMA)
        # a sigma of a fraction of a pixel changes nothing
        assert changed[-1] <= chosen and (changed[-1] or not chosen or sigma < 0.3)
    assert 70 <= sum(changed) <= 100


def test_training_resizes_as_inference_does():
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8), (5, 5), 0)
    seen = Preprocessing(32, HALF, HALF).unit(image).permute(1, 2, 0).numpy() * 255
    assert np.abs(fitted(image, 32) - seen).max() < 1.5
    assert fitted(image, 90) is image


def test_running_statistics_follow_within_a_small_training():
    module = torch.nn.Sequential(torch.nn.BatchNorm2d(3, momentum=0.01), torch.nn.BatchNorm2d(3, momentum=0.3))
    follow_quickly(module)
    assert [part.momentum for part in module] == [0.1, 0.3]


def test_a_new_head_starts_with_even_answers():
    module = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 5))
    body = module[0].weight.detach().clone()
    torch.nn.init.constant_(module[1].bias, 3.0)
    start_small(module)
    assert torch.equal(module[0].weight, body)
    assert module[1].weight.abs().max() < 0.06 and not module[1].bias.any()
