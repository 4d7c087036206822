"""The changes of the published trainings, each by hand, and the chains that draw them."""

import colorsys

import cv2
import numpy as np
import pytest

from advxai.config.science import Resize
from advxai.config.training import Training
from advxai.detector import augmentations
from advxai.detector.augmentations import (
    along_colours,
    compressed,
    dfdc,
    downscaled,
    grey,
    hybrid,
    noisy,
    recoloured,
    relit,
    shifted,
)
from advxai.detector.images import Images

PICTURE = np.random.default_rng(3).integers(0, 256, (40, 30, 3)).astype(np.uint8)
LETTERBOX = Resize(library="opencv", interpolation="area_or_bicubic", fit="letterbox")


def plain(*colour: int) -> np.ndarray:
    return np.zeros((8, 6, 3), np.uint8) + np.array(colour, np.uint8)


def test_noise_has_the_variance_asked_for_in_each_channel():
    found = noisy(np.full((200, 200, 3), 128, np.uint8), 50, np.random.default_rng(0)).astype(float) - 128
    # rounding to whole numbers adds a twelfth
    assert np.abs(found.var(axis=(0, 1)) - (50 + 1 / 12)).max() < 1 and abs(found.mean()) < 0.1
    assert np.abs(np.corrcoef(found.reshape(-1, 3).T) - np.eye(3)).max() < 0.02
    assert noisy(plain(0, 255, 0), 50, np.random.default_rng(0)).max() == 255  # and nothing has gone round


def test_brightness_and_contrast():
    assert relit(plain(100, 200, 10), 0.2, -0.1)[0, 0].tolist() == [90 + 51, 180 + 51, 9 + 51]
    assert relit(plain(100, 200, 10), -0.2, 0.2)[0, 0].tolist() == [120 - 51, 240 - 51, 0]
    assert np.array_equal(relit(PICTURE, 0, 0), PICTURE)


def test_colours_are_moved_along_their_own_axes():
    """Two colours at 100 +- 30 in red and 100 +- 40 in green: one axis, (.6, .8, 0), of variance (50 / 255)^2."""
    image = np.array([[[70, 60, 100], [130, 140, 100]]], np.uint8)
    moved = along_colours(image, np.array([5.0, 5.0, 0.5])).astype(int) - image
    far = 0.5 * 255 * (50 / 255) ** 2  # 4.9; the axes of no variance move nothing
    assert moved.reshape(2, 3).tolist() == [[round(0.6 * far), round(0.8 * far), 0]] * 2 == [[3, 4, 0]] * 2
    assert np.array_equal(along_colours(image, np.zeros(3)), image)
    assert np.array_equal(along_colours(plain(9, 99, 199), np.ones(3)), plain(9, 99, 199))


@pytest.mark.parametrize("colour", [(200, 40, 40), (30, 90, 210), (10, 200, 120)])
def test_hue_saturation_and_value(colour: tuple[int, int, int]):
    h, s, v = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    wanted = colorsys.hsv_to_rgb((h + 15 / 180) % 1, s - 30 / 255, v + 20 / 255)
    assert np.abs(recoloured(plain(*colour), 15, -30, 20)[0, 0] - 255 * np.array(wanted)).max() < 3.5
    # red turned back by 20 parts of 180 goes round
    wanted = colorsys.hsv_to_rgb((h - 20 / 180) % 1, s, v)
    assert np.abs(recoloured(plain(*colour), -20, 0, 0)[0, 0] - 255 * np.array(wanted)).max() < 3.5


def test_grey_is_the_luma():
    assert grey(plain(200, 100, 50))[0, 0].tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)] * 3


def test_a_shift_a_turn_and_a_scale_go_on_black():
    image = np.full((10, 20, 3), 200, np.uint8)
    image[4, 10] = 90
    moved = shifted(image, 0.1, -0.2, 1, 0)  # two columns to the right, two rows up
    assert np.array_equal(moved[:8, 2:], image[2:, :18]) and not moved[8:].any() and not moved[:, :2].any()
    square = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    assert np.array_equal(shifted(square, 0, 0, 1, 90), np.rot90(square))  # anticlockwise
    small = shifted(np.full((101, 101, 3), 255, np.uint8), 0, 0, 0.8, 0)
    assert abs((small[50] > 127).sum() / 3 - 80.8) < 1.5 and small[50, 50, 0] == 255


def test_downscaling_averages_and_compression_is_jpeg():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, ::2] = 200
    assert (downscaled(image, 0.5) == 100).all() and downscaled(PICTURE, 0.7).shape == PICTURE.shape
    coded = cv2.imencode(".jpg", PICTURE[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    assert np.array_equal(compressed(PICTURE, 70), cv2.imdecode(coded, 1)[:, :, ::-1])


@pytest.mark.parametrize("chain", [hybrid, dfdc])
def test_a_chain_depends_on_its_generator_alone(chain):
    before = PICTURE.copy()
    results = [chain(PICTURE, 32, np.random.default_rng(seed), LETTERBOX) for seed in (1, 2, 1)]
    assert all(result.shape == (32, 32, 3) and result.dtype == np.uint8 for result in results)
    assert np.array_equal(results[0], results[2]) and not np.array_equal(results[0], results[1])
    assert np.array_equal(PICTURE, before)


@pytest.mark.parametrize(
    ("chain", "shares"),
    [
        (
            hybrid,
            {"compressed": 0.2, "noisy": 0.3, "relit": 0.4 / 3, "along_colours": 0.4 / 3, "recoloured": 0.4 / 3,
             "grey": 0.2, "shifted": 0.5, "downscaled": 0.0},
        ),
        (
            dfdc,
            {"compressed": 0.5, "noisy": 0.5, "relit": 0.25, "along_colours": 0.0, "recoloured": 0.25, "grey": 0.0,
             "shifted": 0.0, "downscaled": 0.5},
        ),
    ],
)  # fmt: skip
def test_a_chain_makes_each_change_as_often_as_it_says(monkeypatch, chain, shares):
    counts = dict.fromkeys(shares, 0)

    def counting(name):
        def change(image, *values):
            counts[name] += 1
            return image

        return change

    for name in shares:
        monkeypatch.setattr(augmentations, name, counting(name))
    flips = 0
    for seed in range(1000):
        seen = chain(PICTURE[:30], 30, np.random.default_rng(seed), Resize())
        assert np.array_equal(seen, PICTURE[:30]) or np.array_equal(seen, PICTURE[:30, ::-1])
        flips += np.array_equal(seen, PICTURE[:30, ::-1])
    for name, share in (shares | {"flip": 0.5}).items():
        found = (counts | {"flip": flips})[name] / 1000
        assert abs(found - share) <= 4 * np.sqrt(share * (1 - share) / 1000), name


def test_the_hybrid_is_resized_in_three_ways_and_what_is_around_stays_black(monkeypatch):
    """Nothing else changes: a generator that draws .95 always, but for the numbers of the resizings in turn."""

    class Draws:
        def __init__(self, which: int) -> None:
            self.which = which

        def random(self) -> float:
            return 0.95

        def integers(self, high: int) -> int:
            assert high == 3
            return self.which

    rows = slice(4, 28)  # 40 x 30 pixels become 32 x 24
    for which, how in enumerate((cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR)):
        seen = hybrid(PICTURE, 32, Draws(which), LETTERBOX)
        assert np.array_equal(seen[:, rows], cv2.resize(PICTURE, (24, 32), interpolation=how))
        assert not seen[:, :4].any() and not seen[:, 28:].any()
    for which, how in enumerate((cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LINEAR)):
        seen = hybrid(PICTURE, 80, Draws(which), LETTERBOX)
        assert np.array_equal(seen[:, 10:70], cv2.resize(PICTURE, (60, 80), interpolation=how))
    white = np.full((40, 20, 3), 250, np.uint8)
    monkeypatch.setattr(augmentations, "shifted", lambda image, *_: image)
    for seed in range(20):
        seen = hybrid(white, 32, np.random.default_rng(seed), LETTERBOX)
        assert not seen[:, :8].any() and not seen[:, 24:].any() and seen[:, 8:24].min() > 100


def test_a_training_sees_the_chain_that_it_names():
    class Frames:
        def image(self, key: str) -> np.ndarray:
            return PICTURE

    found = {
        name: Images(Frames(), 32, Training(augmentations=name), resize=LETTERBOX)
        for name in ("ours", "hybrid", "dfdc")
    }
    first = {name: [one.augmented("a/1.png", 0, epoch) for epoch in range(6)] for name, one in found.items()}
    again = {name: one.augmented("a/1.png", 0, 4) for name, one in found.items()}
    assert all(np.array_equal(first[name][4], again[name]) for name in found)
    assert not np.array_equal(first["ours"], first["hybrid"]) and not np.array_equal(first["hybrid"], first["dfdc"])
    assert not np.array_equal(first["dfdc"], first["ours"])
    assert not np.array_equal(found["hybrid"].augmented("b/1.png", 0, 4), again["hybrid"])
