from fractions import Fraction
from itertools import pairwise

import pytest

from advxai.common.errors import InputError
from advxai.corpus.blocks import TooShort, pairs, plan_blocks


def test_blocks_by_hand() -> None:
    # 100 frames at 10 a second, 4 blocks, gaps of 1 s: (100 - 3 * 10) // 4 = 17 frames a block, starts 83 * i // 3
    blocks = plan_blocks(100, Fraction(10), {"train": 2, "test": 2}, 1.0, 60.0, 7)
    assert [(b.video_id, b.split, b.start, b.stop) for b in blocks] == [
        ("007", "train", 0, 17),
        ("008", "train", 27, 44),
        ("009", "test", 55, 72),
        ("010", "test", 83, 100),
    ]
    assert [(a.video_id, b.video_id) for a, b in pairs(blocks)] == [("007", "008"), ("009", "010")]


def test_longest_block_widens_the_gaps() -> None:
    blocks = plan_blocks(472, Fraction(24000, 1001), {"test": 2, "train": 2, "val": 2}, 1.0, 1.5, 0)
    assert [b.split for b in blocks] == ["train", "train", "val", "val", "test", "test"]
    assert {b.frames for b in blocks} == {35}  # 1.5 s * 23.976 a second = 35.96
    assert blocks[0].start == 0 and blocks[-1].stop == 472
    assert all(after.start - before.stop >= 24 for before, after in pairwise(blocks))


def test_too_short() -> None:
    # 2 blocks of 0.5 s (15 frames) and a gap of 30 need 60 frames
    assert len(plan_blocks(60, Fraction(30), {"test": 2}, 1.0, 2.0, 0)) == 2
    with pytest.raises(TooShort, match="59 frames .* need 60"):
        plan_blocks(59, Fraction(30), {"test": 2}, 1.0, 2.0, 0)


@pytest.mark.parametrize(
    "splits, first", [({"test": 3}, 0), ({"exam": 2}, 0), ({}, 0), ({"test": -2}, 0), ({"test": 2}, 999)]
)
def test_impossible_splits(splits: dict[str, int], first: int) -> None:
    with pytest.raises(InputError) as caught:
        plan_blocks(1000, Fraction(25), splits, 1.0, 2.0, first)
    assert not isinstance(caught.value, TooShort)


def test_a_longest_block_at_the_least_length_is_not_too_short():
    """0.5 s at 29.97 fps is 14.985 frames: 14 fit into the longest block, 15 would be the shortest's rounding."""
    blocks = plan_blocks(173, Fraction(2997, 100), {"train": 2, "test": 2}, 1.0, 0.5, 0)
    assert [block.stop - block.start for block in blocks] == [14] * 4


def test_gaps_of_a_variable_rate_are_seconds_and_not_frames() -> None:
    """40 frames at 10 a second, then 60 at 50: at the mean rate, 20 frames would be .4 s at the end."""
    times = [Fraction(i, 10) for i in range(40)] + [4 + Fraction(i, 50) for i in range(60)]
    blocks = plan_blocks(100, 99 / times[-1], {"train": 2}, 1.0, 0.5, 0, 0.1, times)
    assert [(block.start, block.stop) for block in blocks] == [(0, 5), (95, 100)]  # .5 s where frames are slowest
    with pytest.raises(TooShort):  # 50 frames are a second where they are fastest
        plan_blocks(100, 99 / times[-1], {"train": 4}, 1.0, 0.5, 0, 0.1, times)
    three = plan_blocks(100, 99 / times[-1], {"train": 4}, 0.4, 0.5, 0, 0.1, times)
    assert all(times[after.start] - times[before.stop] >= Fraction(2, 5) for before, after in pairwise(three))


def test_a_constant_rate_said_by_times_gives_the_same_blocks() -> None:
    times = [Fraction(index, 25) for index in range(500)]
    settings = (500, Fraction(25), {"train": 2, "test": 2}, 1.0, 2.0, 0, 0.5)
    assert plan_blocks(*settings, times) == plan_blocks(*settings)
