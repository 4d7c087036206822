"""Both protocols' NES: points 1 to 4 and the fixes of distance, noise and objective.

Numbers are those of the list of what the paper and its released code do, and of the fixes. Every test fails if a
protocol did what the other one does.
"""

import numpy as np
import pytest
import torch

from advxai.adversary import attack, reconstruct
from advxai.config.science import Nes
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from tests.contract.protocols_data import PROTOCOLS, config
from tests.helpers import SIZE, TWO, UNIT, linear_detector, quadrants
from tests.unit.test_evaluation import ITEM, KEY


def nes(protocol: str, **changes) -> Nes:
    """The protocol's NES, with settings of the test's own."""
    return config(protocol, adversary=changes).adversary


def up(_: int) -> torch.Tensor:
    """One draw that raises every pixel."""
    return torch.ones(1, 1, SIZE, SIZE)


def attacked(settings: Nes, image: torch.Tensor, weight: float = -1e-3, noise=up, bias: float = 9.0):
    """An attack on a detector that calls everything fake, less so a brighter image; and what the attack asked for.

    With one draw of ones the estimate has the weight's sign at every pixel.
    """
    detector = linear_detector(torch.full((3, SIZE, SIZE), weight), bias)
    work = attack(image, settings, UNIT, noise, detector.classes)
    requests, answer = [], None
    try:
        while True:
            requests.append(work.send(answer))
            answer = detector.probabilities(requests[-1])
    except StopIteration as stop:
        return stop.value, requests


def test_1_2_total_distortion_and_valid_pixels():
    """Twenty steps of 1/255 exceed delta = 16/255 and the valid range in `paper`; in `corrected` neither.

    std is .5: a step of 1/255 is half of that in pixels in `paper`, and 1/255 of a pixel's range in `corrected`.
    """
    image = torch.zeros(3, SIZE, SIZE)
    image[:, 0] = 1 - 2 * 3.5 / 255  # three and a half steps of a pixel below white
    budget = {"samples": 1, "iterations": 20, "sigma": 0.01}
    outcome, requests = attacked(nes("paper", **budget), image)
    shift = (requests[-1][0] - image) * UNIT.std[0]  # in pixels
    assert (outcome.steps == 20).all() and shift.numpy() == pytest.approx(20 / 255 / 2)
    assert requests[-1].max() > 1  # beyond white

    outcome, requests = attacked(nes("corrected", **budget, noise="shared"), image)
    shift = (requests[-1][0] - image) * UNIT.std[0]
    assert shift[:, 1:].numpy() == pytest.approx(16 / 255) and (outcome.steps[:, 1:] == 16).all()
    assert shift[:, 0].numpy() == pytest.approx(3.5 / 255, abs=1e-7) and (outcome.steps[:, 0] == 4).all()
    assert requests[-1].max() == pytest.approx(1, abs=1e-6)
    assert torch.equal(requests[-1][0], reconstruct(image, outcome.steps, nes("corrected", **budget), UNIT))


def test_1_units_of_sigma_and_alpha():
    """The search noise is sigma in normalised units, or in pixels: twice as much where std is a half."""
    image = torch.zeros(3, SIZE, SIZE)
    for protocol, scale in (("paper", 1.0), ("corrected", 2.0)):
        _, requests = attacked(nes(protocol, samples=1, iterations=1, sigma=0.01), image)
        assert requests[1][0].numpy() == pytest.approx(0.01 * scale)
        assert requests[2][0].numpy() == pytest.approx(scale / 255)


def test_2_delta_is_reached_from_below_too_and_left_at_the_next_step():
    """A step map at a bound turns back at once: it never counts on beyond what it can move."""
    settings = nes("corrected", samples=1, iterations=25, sigma=0.01, noise="shared")

    outcome, _ = attacked(settings, torch.zeros(3, SIZE, SIZE), weight=1e-3)
    assert (outcome.steps == -16).all()
    detector = linear_detector(torch.full((3, SIZE, SIZE), -1e-3), 9.0)
    work, answer, seen = attack(torch.zeros(3, SIZE, SIZE), settings, UNIT, up, TWO), None, []
    for turn in range(2 * 25 + 1):
        request = work.send(answer)
        seen.append(request[0, 0, 0, 0].item() * UNIT.std[0] * 255)
        answer = detector.probabilities(request)
        if turn > 2 * 19:  # from iteration 19 on the way is down
            answer = answer.flip(0) if len(answer) > 1 else answer
    clean = seen[::2]
    assert clean[16:20] == pytest.approx([16, 16, 16, 16]) and clean[20:22] == pytest.approx([15, 14])


def test_3_noise_of_the_channels():
    """Shared: the three channels of every request move alike. Per channel: they don't."""
    for protocol, channels in (("paper", 1), ("corrected", 3)):
        settings = nes(protocol, samples=2, iterations=3)
        generator = torch.Generator().manual_seed(0)
        draws = torch.randn((2, channels, SIZE, SIZE), generator=generator)
        assert settings.channels == channels
        outcome, requests = attacked(settings, torch.zeros(3, SIZE, SIZE), noise=lambda _, draws=draws: draws)
        alike = all(torch.equal(request[:, 0], request[:, 1]) for request in requests)
        assert alike == (channels == 1)
        assert outcome.steps.shape == (channels, SIZE, SIZE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_4_the_stop_test_comes_first(protocol):
    """81 forwards an iteration at n = 40; an image called Real returns at once, with sufficiency 0 and accuracy 0."""
    settings = config(protocol).adversary
    assert (settings.samples, settings.iterations, settings.sigma) == (40, 80, 0.001)
    draws = torch.randn((40, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(1))
    image = torch.zeros(3, SIZE, SIZE)
    outcome, requests = attacked(nes(protocol, samples=40, iterations=2), image, noise=lambda _: draws)
    assert [len(request) for request in requests] == [1, 80, 1, 80, 1] and outcome.queries == 2 * 81 + 1
    outcome, requests = attacked(settings, image, bias=-1.0)
    assert [len(request) for request in requests] == [1] and outcome.success and not outcome.steps.any()
    record = {"segments": quadrants(), "scores": np.zeros(16), "ranking": np.arange(16, dtype=np.int16)}
    (item,) = attack_items([ITEM], {KEY: record}, 1)
    done = item | {"before": outcome.before, "after": outcome.after, "made_for": "X"}
    done |= {"iterations": outcome.iterations, "queries": outcome.queries}
    rows = evaluation_rows("X", [ITEM], {KEY: record | {"called_real": True}}, [done], top=1, classes=TWO)
    row = rows.iloc[0]
    assert row["p_before"] - row["p_after"] == 0 and row["predicted_after"] != ITEM["label"]


def test_objective_is_the_probability_or_its_log_odds():
    """Two draws against each other, on a detector that is steep for one image and flat for the other.

    p = sigmoid(-z). Along u1 the logit moves by +-1 around z = 2, along u2 by -1.5 and +0.5: the probability's central
    difference weighs what happens at p's steep side more, the log-odds' difference is that of the logits, 2 either way.
    """
    for objective, expected in (("probability", None), ("log_odds", 0.0)):
        settings = Nes(samples=2, iterations=1, sigma=1.0, objective=objective)
        draws = torch.zeros(2, 1, SIZE, SIZE)
        draws[:, 0, 0, 0] = torch.tensor([1.0, -1.0])  # so the estimate at this pixel is the difference of the two
        work = attack(torch.zeros(3, SIZE, SIZE), settings, UNIT, lambda _, draws=draws: draws, TWO)
        next(work)

        def answers(logits: list[float]) -> torch.Tensor:
            fake = torch.tensor(logits)
            return torch.stack([torch.sigmoid(-fake), torch.sigmoid(fake)], dim=1)

        work.send(answers([2.0]))
        with pytest.raises(StopIteration) as stop:
            # rows: x + u1, x + u2, x - u1, x - u2
            final = work.send(answers([1.0, 0.5, 3.0, 2.5]))
            assert final.shape == (1, 3, SIZE, SIZE)
            work.send(answers([2.0]))
        step = stop.value.value.steps[0, 0, 0]
        if expected is None:
            assert step == -1  # p rises by .222 along u1 and by .302 along u2, which points the other way
        else:
            assert step == expected
    assert config("paper").adversary.objective == config("paper").evaluation.objective == "probability"
    assert config("corrected").adversary.objective == config("corrected").evaluation.objective == "log_odds"
