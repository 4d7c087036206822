"""Adversarial copies of clips: NES on each frame, until the clip as one is called real.

A clip's answer rises with each frame's p(Real), so each frame climbs by the gradient of its own, estimated from its own
neighbours alone; what the frames share is the test whether to go on. Of one frame and the score `mean` the attack is
that of an image.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import torch
from torch import Tensor

from advxai.adversary.nes import Attack, Climber, Noise, gaussian_noise
from advxai.adversary.stage import record_of
from advxai.common.ahead import ahead
from advxai.common.classes import Classes
from advxai.common.limit import within
from advxai.common.types import Item, Record
from advxai.config.science import Nes
from advxai.detector.engine import Foreseen, Work, enough, leaving, moved, room, values
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector, Preprocessing
from advxai.video.clip import ROWS, Load, Score, normalised, placed, score_of

Adversarial = Callable[[Item, Tensor], tuple[Tensor, Record]]


def frames_at_once(settings: Nes, frames: int) -> int:
    """Frames whose neighbours are asked for together: as many as have `ROWS`, at least one."""
    return min(frames, max(1, ROWS // (2 * settings.samples)))


def clips_at_once(settings: Nes, frames: int, detector: Detector) -> int:
    """Attacks in work at once that fill every forward; they ask for frames and for neighbours in turn."""
    return 2 + enough(2 * settings.samples * frames_at_once(settings, frames), detector)


def noises_of(item: Item, settings: Nes, detector: Detector, seed: int, stage: str) -> list[Noise]:
    """The draws of each of a clip's frames, seeded by (seed, stage, frame's key, iteration), as of images."""
    size = (detector.preprocessing.input_size,) * 2
    return [
        gaussian_noise(settings.samples, size, detector.device, seed, stage, frame["key"], channels=settings.channels)
        for frame in item["frames"]
    ]


def attack_clip(
    frames: Tensor,
    settings: Nes,
    preprocessing: Preprocessing,
    noises: Sequence[Noise],
    classes: Classes,
    score: Score,
    mask: Tensor | None = None,
) -> Generator[Tensor, Tensor, Attack]:
    """Work (see `advxai.detector.engine`) that attacks a clip until it is called real.

    Each iteration asks for the present frames (the stop test, by the clip's answer), then for each frame's 2n
    antithetic neighbours, some frames at a time, and moves each frame as `advxai.adversary.nes.attack` moves an image.
    Frames without a pixel in the mask are asked once and never change.

    Args:
        frames: (T, 3, h, w) normalised float32.
        settings: alpha, delta, sigma, samples, iterations and the protocol's switches.
        preprocessing: the detector's.
        noises: T, each iteration -> (n, 1 or 3, h, w) draws.
        classes: the detector's, which say when a clip is called real.
        score: makes a clip's answer of its frames'.
        mask: (T, h, w) bool on the CPU; only these pixels are perturbed. None: all.

    Returns:
        The attack; steps (T, 1 or 3, h, w), trace, before and after of the clip's answer.
    """
    limit, real, count = settings.iterations, classes.real, settings.samples
    masks = [None] * len(frames) if mask is None else list(moved(mask, frames.device))
    climbers = [
        Climber(frame, settings, preprocessing, noise, own)
        for frame, noise, own in zip(frames, noises, masks, strict=True)
    ]
    moving = [place for place in range(len(frames)) if mask is None or bool(mask[place].any())]
    together = frames_at_once(settings, len(frames))
    parts = [moving[start : start + together] for start in range(0, len(moving), together)]
    memory = room(frames[0], 2 * count * max(map(len, parts), default=0))
    current = frames.clone()

    def around(part: Sequence[int], iteration: int) -> Tensor:
        rows = memory[: 2 * count * len(part)]
        for place, block in zip(part, torch.split(rows, 2 * count), strict=True):
            climbers[place].around(current[place], iteration, block)
        return rows

    index = torch.tensor(moving)
    there = moved(index, frames.device)
    asked, queries, trace = current, len(frames), []
    answers: Tensor | None = None
    before: Tensor | None = None
    for iteration in range(limit + 1):
        steps = [leaving(climber.steps) for climber in climbers]
        goes_on = iteration < limit and bool(moving)
        following = [Foreseen(2 * count * len(part), partial(around, part, iteration)) for part in parts]
        found = values((yield following[0].after(asked) if goes_on else asked))
        answers = found.clone() if answers is None else answers.index_copy(0, index, found)
        answer = score(answers)
        before = answer if before is None else before
        trace.append(answer[real].clone())
        success = bool(classes.called_real(answer))
        if success or not goes_on:
            break
        for part, rows in zip(parts, following, strict=True):
            scores = torch.split((yield rows.images)[:, real], 2 * count)
            for place, own in zip(part, scores, strict=True):
                climbers[place].move(own)
        for place in moving:
            current[place] = climbers[place].present()
        asked = current if len(moving) == len(frames) else current.index_select(0, there)
        queries += len(moving) * (2 * count + 1)
    assert before is not None  # one answer at least
    return Attack(
        steps=torch.stack([one.wait() for one in steps]).numpy(),
        iterations=iteration,
        queries=queries,
        before=before.numpy(),
        after=answer.numpy(),
        success=success,
        trace=torch.stack(trace).numpy(),
    )


def run(
    items: Iterable[Item], load: Load, detector: Detector, settings: Nes, score: str, seed: int, at_once: int
) -> Iterator[dict[str, Any]]:
    """Attack every clip.

    Args:
        items: clips with `key`, `sha256` and `frames`, all of as many.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: the detector to deceive.
        settings: NES settings.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.
        seed: the run's seed; the noise is seeded by (seed, "adversary", frame's key, iteration).
        at_once: clips in work together, at most.

    Yields:
        Records: key, sha256, steps (T, 1 or 3, h, w), iterations, queries, calls, seconds, before, after (the clip's
        probabilities), success, trace (the clip's p(Real) before each update and after the last).
    """
    items = list(items)
    clip = score_of(score)

    with closing(ahead(lambda item: normalised(item, load, detector), items)) as prepared:

        def works() -> Iterator[tuple[tuple[str, str], Work[Attack]]]:
            for item, frames in prepared:
                noises = noises_of(item, settings, detector, seed, "adversary")
                work = attack_clip(
                    placed(frames, detector), settings, detector.preprocessing, noises, detector.classes, clip
                )
                yield (item["key"], item["sha256"]), work

        frames = max((len(item["frames"]) for item in items), default=1)
        together = within(at_once, clips_at_once(settings, frames, detector))
        for (key, sha256), outcome, cost in drive(works(), detector, together, "adversary of clips"):
            yield record_of(key, sha256, outcome, cost)
