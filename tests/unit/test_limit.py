"""How many are in work in a second and a third try for lack of memory."""

from types import SimpleNamespace

import pytest
import torch

from advxai.adversary.nes import nes_at_once
from advxai.common.limit import Limit, within
from advxai.config.science import Nes
from advxai.saliency import stage
from tests.helpers import SIZE, linear_detector


def tries(most: int, enough: int) -> list[int]:
    return [within(Limit(max(1, most >> halvings), halvings), enough) for halvings in range(4)]


@pytest.mark.parametrize(
    ("most", "enough", "wanted"),
    [
        (64, 12, [12, 6, 3, 1]),  # a limit above what is enough changes nothing in a first try, and halves in others
        (64, 100, [64, 32, 16, 8]),
        (8, 8, [8, 4, 2, 1]),
        (3, 2, [2, 1, 1, 1]),
        (1, 5, [1, 1, 1, 1]),
    ],
)
def test_each_try_has_half_of_what_was_in_work(most, enough, wanted):
    assert tries(most, enough) == wanted


def test_a_plain_number_halves_nothing_and_resources_give_a_limit():
    assert within(8, 12) == 8 and within(64, 12) == 12
    given = Limit.of(SimpleNamespace(images_at_once=10, halvings=2))
    assert given == 10 and given.halvings == 2 and within(given, 44) == 10 and within(given, 12) == 3


def test_explainers_and_attacks_on_a_gpu(monkeypatch):
    """At 500 rows of memory seven requests of 64 fit; NES with n = 50 needs 2 + 1 + 4 (three batches by n) in work."""
    detector = linear_detector(torch.ones((3, SIZE, SIZE)), forward_batch=64)
    monkeypatch.setattr(stage, "held", lambda device: 500 * 3 * SIZE * SIZE * 4)
    limits = [Limit(64 >> halvings, halvings) for halvings in range(3)]
    assert [stage.in_work(limit, 2000, detector) for limit in limits] == [7, 3, 1]
    monkeypatch.setattr(detector, "device", torch.device("cuda"))
    assert [within(limit, nes_at_once(Nes(samples=50), detector)) for limit in limits] == [7, 3, 1]
