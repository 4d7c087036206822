"""Rows that nobody may ask for, and answers whose values on the CPU are other memory, as a GPU's are."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from advxai.adversary import nes
from advxai.adversary.nes import attack, gaussian_noise
from advxai.common.errors import InputError
from advxai.config.science import Nes
from advxai.detector import engine, flight
from advxai.detector.engine import Foreseen, run, values
from advxai.detector.transfer import Arriving
from advxai.video import clip
from advxai.video.clip import over_frames, score_of, volume
from tests.helpers import SIZE, TWO, UNIT, Clock, drive_one, linear_detector, reads_segment


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand((count, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Copied(Arriving):
    """Values on the CPU that are other memory than the answers, as a GPU's are."""

    def wait(self):
        return self._host.clone()


@pytest.fixture
def copied(monkeypatch):
    monkeypatch.setattr(flight, "Arriving", Copied)


def lacks_memory():
    raise MemoryError("of this machine")


def wrong():
    return images(4, 1).double()


def work(make, asks: bool):
    """One row, with four foreseen behind it, which it asks for or doesn't; returns the first answer."""
    following = Foreseen(4, make)
    first = yield following.after(images(1))
    if asks:
        yield following.images
    return first


@pytest.mark.parametrize("forward_batch", [1, 16])
@pytest.mark.parametrize(
    ("make", "match"),
    [(lacks_memory, "no memory for one image"), (wrong, r"its request for the image a\.png is float64")],
)
def test_what_is_foreseen_and_cannot_be_made_ends_no_work_unless_it_asks(make, match, forward_batch):
    """Whether there is room for it in a forward or not."""
    detector = linear_detector(reads_segment(3).module.weight, forward_batch=forward_batch)
    ((_, first, cost),) = run([("a.png", work(make, False))], detector, 1)
    assert torch.equal(first, detector.probabilities(images(1)))
    assert (cost.images, cost.calls) == (1, 1)
    with pytest.raises(InputError, match=match):
        list(run([("a.png", work(make, True))], detector, 1))


def test_a_forward_of_what_cannot_be_made_alone_isnt_begun():
    """Of 16 rows 16 are foreseen: beside the request in flight a second forward would have these alone."""
    detector, made = reads_segment(3), []

    def make():
        made.append(detector.calls)
        raise ValueError

    def asks():
        yield Foreseen(16, make).after(images(16))

    list(run([("a", asks())], detector, 1, in_flight=2))
    assert made == [1] and detector.calls == 1


def test_a_request_that_was_made_ahead_may_be_followed_by_others_and_keeps_nothing_of_them(monkeypatch):
    detector, rows = reads_segment(3), []
    inner = detector.forward

    def forward(batch, *counts):
        rows.append(counts)
        return inner(batch, *counts)

    monkeypatch.setattr(detector, "forward", forward)

    def chain():
        second = Foreseen(2, lambda: images(2, 1))
        third = Foreseen(3, lambda: images(3, 2))
        first = yield second.after(images(1))
        then = yield third.after(second.images)
        last = yield third.images
        assert not second.images.__dict__ and not third.images.__dict__
        return torch.cat([first, then, last])

    ((_, found, cost),) = run([("a", chain())], detector, 1)
    wanted = torch.cat([images(1), images(2, 1), images(3, 2)])
    assert rows == [(1, 2), (3,)] and torch.equal(found, reads_segment(3).probabilities(wanted))
    assert (cost.images, detector.images) == (6, 6)


def test_a_work_that_has_ended_pays_for_no_forward(monkeypatch):
    """a's first forward, of 8 s, has its row and 15 foreseen; the second, with 16 more, is in flight when a ends, and
    its time is nobody's. b begins then: the third is its own."""
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    detector = reads_segment(3)
    inner = detector.forward

    def forward(*given):
        clock.go_on(8.0)
        return inner(*given)

    monkeypatch.setattr(detector, "forward", forward)

    def b():
        yield images(16, 2)

    source = iter([("a", work_of(31)), ("b", b())])
    found = {}
    for name, seconds, cost in run(source, detector, 1, in_flight=2):
        found[name] = (seconds, cost, cost.seconds)
    assert {name: (cost.seconds, then) for name, (_, cost, then) in found.items()} == {"a": (8.0, 8.0), "b": (8.0, 8.0)}
    assert detector.calls == 3 and detector.images == 17


def work_of(rows: int):
    yield Foreseen(rows, lambda: images(rows, 1)).after(images(1))


def test_inference_mode_over_a_request_changes_nothing(copied):
    """A work that holds it gives it to the engine, and to its neighbour, which goes on after it."""
    detector = reads_segment(5)

    def asks(held: bool, requests: int):
        found = []
        with torch.inference_mode() if held else nullcontext():
            for seed in range(requests):
                answer = yield images(20, seed)
                found.append(values(answer).clone())
        answer.mul_(0)
        return torch.cat(found), values(answer)

    ended = []
    for length, (found, written), _ in run([(3, asks(False, 3)), (2, asks(True, 2))], detector, 2, in_flight=2):
        wanted = torch.cat([detector.probabilities(images(20, seed)) for seed in range(length)])
        assert torch.equal(found, wanted) and not written.any() and not written.is_inference()
        ended.append(length)
    assert ended == [2, 3] and not torch.is_inference_mode_enabled()


def test_steps_on_their_way_are_those_of_the_answer_that_has_ended_the_attack(monkeypatch):
    """What leaves a GPU is of the moment at which it left, and anything until it is waited for."""
    settings = Nes(samples=9, iterations=12, alpha=1 / 255)
    image = torch.full((3, SIZE, SIZE), 0.008)

    def made():
        noise = gaussian_noise(settings.samples, (SIZE, SIZE), torch.device("cpu"), 0, "a")
        return drive_one(attack(image, settings, UNIT, noise, TWO), reads_segment(5))[0]

    class Late(Arriving):
        def __init__(self, steps):
            self._host, self._then = torch.full_like(steps, 99), steps.clone()

        def wait(self):
            return self._then

    wanted = made()
    monkeypatch.setattr(nes, "leaving", Late)
    found = made()
    np.testing.assert_array_equal(found.steps, wanted.steps)
    assert found.success and found.iterations == wanted.iterations and 0 < abs(found.steps).max() < 13


@pytest.mark.parametrize("held", [False, True])
def test_a_clip_s_answer_is_known_on_the_cpu(copied, monkeypatch, held):
    """Made of its frames' known answers: nothing is fetched, which would wait for the device; but under inference mode,
    where a tensor doesn't say whether it was written into."""
    detector, frames = reads_segment(5), images(8).view(2, 4, 3, SIZE, SIZE)
    wanted = detector.probabilities(images(8)).view(2, 4, 2).double().mean(dim=1).float()
    fetched = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: fetched.append(self) or self)
    monkeypatch.setattr(clip, "moved", lambda known, device: known.clone())

    def asks():
        with torch.inference_mode() if held else nullcontext():
            answer = yield volume(frames)
            return answer, values(answer)

    (answer, known), _ = drive_one(over_frames(asks(), score_of("mean")), detector)
    assert torch.equal(known, wanted) and torch.equal(answer, wanted) and bool(fetched) == held
