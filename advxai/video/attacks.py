"""Segment attacks over time: NES restricted to the top-k segments of a clip, in the frames that they span.

As of images (`advxai.evaluation.attacks`) an attack doesn't depend on who asks: the same clip and the same pixels get
the same noise, each frame its own, and so the same answer.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import torch

from advxai.adversary.nes import Attack
from advxai.common.ahead import ahead
from advxai.common.limit import within
from advxai.common.types import Item
from advxai.config.science import Nes
from advxai.detector.engine import Work
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.evaluation.attacks import record_of
from advxai.video.adversary import attack_clip, clips_at_once, noises_of
from advxai.video.clip import Load, normalised, placed, score_of


def run(
    attacks: Iterable[Item], load: Load, detector: Detector, settings: Nes, score: str, seed: int, at_once: int
) -> Iterator[dict[str, Any]]:
    """Attack segments of clips.

    Args:
        attacks: from `advxai.video.rows.attack_items`.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: the detector to deceive.
        settings: NES settings of the evaluation.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.
        seed: the run's; noise is seeded by (seed, "evaluation", frame's key, iteration), other than the adversary's.
        at_once: attacks in work together, at most.

    Yields:
        Records: key, sha256, mask, iterations, queries (frames), before, after (the clip's probabilities), success.
    """
    attacks = list(attacks)
    clip = score_of(score)
    frames = max((len(item["frames"]) for item in attacks), default=1)
    together = within(at_once, clips_at_once(settings, frames, detector))

    with closing(ahead(lambda item: normalised(item, load, detector), attacks)) as prepared:

        def works() -> Iterator[tuple[tuple[str, str, str], Work[Attack]]]:
            for item, shown in prepared:
                noises = noises_of(item, settings, detector, seed, "evaluation")
                pixels = torch.from_numpy(item["pixels"])
                work = attack_clip(
                    placed(shown, detector), settings, detector.preprocessing, noises, detector.classes, clip, pixels
                )
                yield (item["key"], item["sha256"], item["mask"]), work

        for (key, sha256, mask), outcome, _ in drive(works(), detector, together, "attacks on clips"):
            yield record_of(key, sha256, mask, outcome)
