"""Intervals of shares, by hand and beside scipy's."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from advxai.report.interval import shares
from advxai.statistics import wilson

NORMAL = 1.959963984540054  # quantile for 95 %


def images(*videos: tuple[int, int], group: str = "g") -> pd.DataFrame:
    """Videos as (right, images)."""
    rows = [
        (group, f"v{number}", frame < right) for number, (right, count) in enumerate(videos) for frame in range(count)
    ]
    return pd.DataFrame(rows, columns=["group", "video", "right"])


def only(*videos: tuple[int, int]) -> pd.Series:
    (row,) = shares(images(*videos), ["group"]).itertuples(index=False)
    return row


def test_with_one_image_a_video_they_are_independent():
    row = only(*[(1, 1)] * 7, *[(0, 1)] * 3)
    expected = binomtest(7, 10).proportion_ci(method="wilson")
    assert (row.n, row.videos, row.value) == (10, 10, 0.7) and row.effective == pytest.approx(10)
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_design_effect_by_hand():
    """Of 2 images each 2, 2, 0 and 1 are right: share 5/8; 0.75, 0.75, -1.25 and -0.25 more than expected, together
    2.75 squared; 8 * 5/8 * 3/8 = 1.875; deff = 2.75 / 1.875."""
    row = only((2, 2), (2, 2), (0, 2), (1, 2))
    assert row.value == 0.625 and row.effective == pytest.approx(8 * 1.875 / 2.75)
    low, high = wilson(np.array([0.625]), np.array([8 * 1.875 / 2.75]), NORMAL)
    assert (row.low, row.high) == pytest.approx((low.item(), high.item()))


def test_images_of_a_video_that_are_all_alike_count_as_one():
    row = only((4, 4), (4, 4), (0, 4))
    assert row.n == 12 and row.effective == pytest.approx(3)
    expected = binomtest(2, 3).proportion_ci(method="wilson")
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_images_that_differ_more_within_videos_count_no_more_than_they_are():
    assert only((1, 2), (1, 2)).effective == 4


@pytest.mark.parametrize("videos", [[(0, 5), (0, 5)], [(5, 5), (3, 3)], [(2, 6)]])
def test_where_no_design_effect_can_be_had_a_video_counts_once(videos):
    row = only(*videos)
    assert row.effective == len(videos)
    right, n = sum(one for one, _ in videos), sum(count for _, count in videos)
    expected = wilson(np.array([right / n]), np.array([len(videos)]), NORMAL)
    assert (row.low, row.high) == pytest.approx(tuple(end.item() for end in expected))


def test_groups_are_apart_and_ordered_as_they_come():
    both = pd.concat([images((1, 1), (0, 1), group="z"), images((3, 3), (0, 1), group="a")])
    found = shares(both, ["group"]).set_index("group")
    assert found["value"].to_dict() == {"z": 0.5, "a": 0.75} and found["videos"].tolist() == [2, 2]
    # 3 - 2.25 = 0.75 and 0 - 0.75: squares 1.125; 4 * 3/4 * 1/4 = 0.75; deff 1.5
    assert found.loc["a", "effective"] == pytest.approx(4 / 1.5) and found.loc["z", "effective"] == pytest.approx(2)
