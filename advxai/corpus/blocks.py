"""Time blocks of a clip: each becomes one FF++ video, and no two of them are near-duplicates of each other."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from advxai.common.errors import InputError
from advxai.config.data import SPLITS

REPORT = "clip.json"  # what came of a clip, in its folder


class TooShort(InputError):
    """The clip has fewer frames than its blocks and gaps need."""


@dataclass(frozen=True)
class Block:
    """Frames start <= i < stop of the clip, published as the FF++ video `video_id` (three digits)."""

    video_id: str
    split: str
    start: int
    stop: int

    @property
    def frames(self) -> int:
        return self.stop - self.start


def plan_blocks(
    frames: int,
    fps: Fraction,
    splits: dict[str, int],
    gap_s: float,
    block_s_max: float,
    first_id: int,
    block_s_min: float = 0.5,
    times: Sequence[Fraction] | None = None,
) -> list[Block]:
    """Cut a clip into equal blocks, spread over its whole length, in the order train, val, test.

    Args:
        frames, fps: the clip's length in frames and its frames per second.
        splits: blocks per split; even numbers, because two blocks of one split make a pair (target, source).
        gap_s: least time in seconds between the end of a block and the start of the next.
        block_s_max, block_s_min: longest block in seconds (what is left over widens the gaps), and shortest.
        first_id: number of the first block; the others follow.
        times: when each frame is shown, in seconds, where that isn't every 1 / `fps`: gaps and blocks are then as
            many frames as keep to the seconds asked for wherever in the clip they come to lie.

    Raises:
        InputError: a split's name or number is wrong.
        TooShort: the clip can't hold what is asked.
    """
    for split, count in splits.items():
        if split not in SPLITS or count < 0 or count % 2:
            raise InputError(
                f"splits {split}: {count} is not possible: use train, val or test with an even number of blocks."
            )
    order = [split for split in SPLITS for _ in range(splits.get(split, 0))]
    if not order:
        raise InputError("splits asks for no block: give at least one split two blocks.")
    if not 0 <= first_id <= 1000 - len(order):
        raise InputError(f"video numbers {first_id} to {first_id + len(order) - 1} leave 000 to 999: use fewer blocks.")
    gap, shortest = (_at_least(Fraction(str(seconds)), fps, times) for seconds in (gap_s, block_s_min))
    longest = _at_most(Fraction(str(block_s_max)), fps, times)
    shortest = max(2, min(shortest, longest))
    room = (frames - gap * (len(order) - 1)) // len(order)
    length = min(room, longest)
    if length < shortest:
        need = shortest * len(order) + gap * (len(order) - 1)
        raise TooShort(
            f"too short: {frames} frames ({float(frames / fps):.1f} s), {len(order)} blocks with gaps of {gap_s} s need"
            f" {need} ({float(need / fps):.1f} s); ask for fewer blocks."
        )
    # integer division keeps every gap at its least or above: consecutive starts differ by floor(free / (n - 1)) or more
    free = frames - length
    starts = [free * index // max(len(order) - 1, 1) for index in range(len(order))]
    return [
        Block(f"{first_id + index:03d}", split, start, start + length)
        for index, (split, start) in enumerate(zip(order, starts, strict=True))
    ]


def _at_least(seconds: Fraction, fps: Fraction, times: Sequence[Fraction] | None) -> int:
    """The least number of frames that last so long, at any place of the clip that has room for it."""
    if times is None:
        return math.ceil(seconds * fps)
    needed = [
        bisect_left(times, time + seconds) - index for index, time in enumerate(times) if time + seconds <= times[-1]
    ]
    return max(needed, default=len(times))


def _at_most(seconds: Fraction, fps: Fraction, times: Sequence[Fraction] | None) -> int:
    """The greatest number of frames that last no longer, at any place of the clip."""
    if times is None:
        return int(seconds * fps)
    held = [
        bisect_right(times, time + seconds) - 1 - index
        for index, time in enumerate(times)
        if time + seconds < times[-1]
    ]
    return min(held, default=len(times))


def pairs(blocks: list[Block]) -> list[tuple[Block, Block]]:
    """Consecutive blocks of one split, two by two."""
    grouped = {split: [block for block in blocks if block.split == split] for split in SPLITS}
    return [(group[i], group[i + 1]) for group in grouped.values() for i in range(0, len(group), 2)]
