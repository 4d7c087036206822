"""NES on clips: frames climb by themselves, and stop together."""

from pathlib import Path

import numpy as np
import pytest
import torch

from advxai.adversary import adversarial_images
from advxai.adversary.nes import attack, gaussian_noise, reconstruct
from advxai.common.errors import InputError
from advxai.config.science import Nes
from advxai.run.store import write_shard
from advxai.video.adversary import attack_clip, frames_at_once, noises_of, run
from advxai.video.clip import ROWS, score_of
from tests.clips import clip, frames_of, load
from tests.golden.pictures import detector as toy
from tests.helpers import SIZE, TWO, UNIT, asked, drive_one, linear_detector, quadrants, reads_segment

MEAN = score_of("mean")
COARSE = Nes(samples=6, iterations=4, alpha=0.05, sigma=0.05)
CPU = torch.device("cpu")


def attacked(frames: torch.Tensor, detector, settings: Nes, mask=None, score=MEAN):
    noises = [
        gaussian_noise(settings.samples, (SIZE, SIZE), CPU, 0, "test", place, channels=settings.channels)
        for place in range(len(frames))
    ]
    return attack_clip(frames, settings, UNIT, noises, detector.classes, score, mask)


@pytest.mark.parametrize(
    "more", [{}, {"project": True, "noise": "per_channel", "units": "pixel"}, {"objective": "log_odds"}]
)
@pytest.mark.parametrize("masked", [False, True])
def test_a_clip_of_one_frame_is_attacked_as_an_image(more, masked):
    settings, detector = Nes(samples=6, iterations=9, alpha=0.02, sigma=0.05, **more), toy(0.05)
    image = frames_of(clip(1), detector)[0]
    mask = torch.from_numpy(quadrants() % 2 == 1) if masked else None
    noise = gaussian_noise(6, (SIZE, SIZE), CPU, 0, "test", 0, channels=settings.channels)
    one, cost = drive_one(attack(image, settings, UNIT, noise, TWO, mask), detector)
    of_clip = attacked(image[None], detector, settings, None if mask is None else mask[None])
    other, other_cost = drive_one(of_clip, detector)
    np.testing.assert_array_equal(one.steps, other.steps[0])
    assert one.steps.dtype == other.steps.dtype and one.steps.any()
    assert (one.iterations, one.queries, one.success) == (other.iterations, other.queries, other.success)
    for name in ("before", "after", "trace"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (cost.images, cost.calls) == (other_cost.images, other_cost.calls)


def test_frames_move_as_images_do_until_the_clip_is_called_real():
    """The first frame alone is called real at once, the second never: together they go on, each on its own way."""
    frames = torch.stack([torch.full((3, SIZE, SIZE), value) for value in (-0.05, 0.15)])
    detector, settings = reads_segment(5), Nes(samples=16, iterations=40, alpha=0.01)
    found, cost = drive_one(attacked(frames, detector, settings), detector)
    assert found.success and 0 < found.iterations < 40
    assert found.steps.shape == (2, 1, SIZE, SIZE)
    assert found.queries == cost.images == 2 + found.iterations * 2 * 33
    copy = reconstruct(frames, found.steps, settings, UNIT)
    answers = detector.probabilities(copy)
    np.testing.assert_array_equal(answers.double().mean(dim=0).float(), found.after)
    assert found.after[0] > 0.5 > found.trace[-2] and found.trace[0] == found.before[0] < 0.5
    assert len(found.trace) == found.iterations + 1 and found.trace[-1] == found.after[0]
    # a frame's steps are those that it would have made alone, had it never been called real
    for place, frame in enumerate(frames):
        noise = gaussian_noise(16, (SIZE, SIZE), CPU, 0, "test", place)
        alone = attack(frame, settings.model_copy(update={"iterations": found.iterations}), UNIT, noise, Never())
        np.testing.assert_array_equal(drive_one(alone, detector)[0].steps, found.steps[place])


class Never:
    """Classes by which nothing is called real."""

    real = 0

    def called_real(self, _: torch.Tensor) -> bool:
        return False


def test_by_the_mean_of_logits_a_clip_is_called_by_these():
    answers = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    assert MEAN(answers).tolist() == pytest.approx([0.55, 0.45])
    odds = (0.9 * 0.2 / (0.1 * 0.8)) ** 0.5  # the geometric mean
    assert score_of("mean_logit")(answers).tolist() == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])
    assert score_of("mean")(answers.expand(3, 2, 2)).shape == (3, 2)


def test_frames_outside_the_mask_are_asked_once_and_never_change():
    detector, item = toy(2.0), clip(1, 5)
    frames = frames_of(item, detector)
    mask = torch.zeros((5, SIZE, SIZE), dtype=torch.bool)
    mask[1], mask[4] = torch.from_numpy(quadrants() == 3), torch.from_numpy(quadrants() == 9)
    found, cost = drive_one(attacked(frames, detector, COARSE, mask), detector)
    assert found.iterations == 4 and not found.success
    assert found.queries == cost.images == 5 + 4 * 2 * (1 + 12)
    moved = found.steps[:, 0] != 0
    np.testing.assert_array_equal(moved & ~mask.numpy(), False)
    assert moved[1].any() and moved[4].any()
    after = detector.probabilities(reconstruct(frames, found.steps, COARSE, UNIT)).double().mean(dim=0).float()
    np.testing.assert_array_equal(after, found.after)
    none, cost = drive_one(attacked(frames, detector, COARSE, torch.zeros_like(mask)), detector)
    assert (none.iterations, none.queries, cost.images) == (0, 5, 5) and not none.steps.any()


def test_a_frame_outside_the_mask_moves_no_other():
    """Frames are attacked as if those were not there, but for when it stops."""
    detector, frames = toy(2.0), frames_of(clip(1, 4), toy())
    mask = torch.ones((4, SIZE, SIZE), dtype=torch.bool)
    mask[1:] = False
    found, _ = drive_one(attacked(frames, detector, COARSE, mask), detector)
    alone, _ = drive_one(attacked(frames[:1], detector, COARSE), detector)
    np.testing.assert_array_equal(found.steps[0], alone.steps[0])


@pytest.mark.parametrize(("samples", "frames", "together"), [(16, 16, 2), (50, 16, 1), (1, 16, 16), (4, 3, 3)])
def test_requests_are_bounded(samples, frames, together):
    settings = Nes(samples=samples, iterations=1)
    assert frames_at_once(settings, frames) == together
    never = lambda rows: torch.tensor([[0.1, 0.9]]).expand(len(rows), 2)  # noqa: E731
    _, requests = asked(
        attacked(torch.zeros(frames, 3, SIZE, SIZE), linear_detector(torch.zeros(3, 1, 1)), settings), never
    )
    assert sum(map(len, requests)) == frames * (2 * samples + 2)
    assert max(map(len, requests)) == max(frames, together * 2 * samples)
    assert max(map(len, requests)) <= max(frames, ROWS, 2 * samples)


def test_records_don_t_depend_on_neighbours_and_copies_are_read_back(tmp_path: Path):
    items, settings = [clip(number) for number in (1, 2, 3)], COARSE
    own = lambda some, at_once: {r["key"]: r for r in run(some, load, toy(0.1), settings, "mean", 3, at_once)}  # noqa: E731
    together, alone = own(items, 4), own(items[::-1][:2], 1)
    for key, record in alone.items():
        for name in ("steps", "before", "after", "trace", "iterations", "queries", "calls", "success"):
            np.testing.assert_array_equal(record[name], together[key][name])
    write_shard(tmp_path / "0-of-1.h5", list(together.values()), {})
    detector = toy(0.1)
    read = adversarial_images(tmp_path / "0-of-1.h5", detector, settings)
    for item in items:
        copy, record = read(item, frames_of(item, detector))
        after = detector.probabilities(copy).double().mean(dim=0).float()
        np.testing.assert_array_equal(after, together[item["key"]]["after"])
        assert record["queries"] == together[item["key"]]["queries"]
    with pytest.raises(InputError, match="has no adversarial copy of .*000_004.mp4/clip_00000_0"):
        read(clip(4), frames_of(clip(4), detector))


def test_noise_is_that_of_the_frame_s_key():
    item, detector = clip(1), toy()
    first, second = noises_of(item, COARSE, detector, 7, "adversary")[:2]
    key = item["frames"][1]["key"]
    own = gaussian_noise(6, (SIZE, SIZE), CPU, 7, "adversary", key)
    assert torch.equal(second(3), own(3)) and not torch.equal(first(3), own(3))
