"""How wide intervals will be by the number of frames a video, and what one more frame costs."""

import math
import re

import pytest

from advxai.plan.passes import width
from tests.unit.plan_data import demo, ffpp, manifest, text


def lines_of(said: str) -> list[list[str]]:
    """The cells of the widths' lines: label, images, two widths."""
    lines = [line for line in said.splitlines() if re.match(r"\d+ frames? of a video", line)]
    return [[cell.strip() for cell in line.split("  ") if cell] for line in lines]


def flat(said: str) -> str:
    return " ".join(said.split())


def test_a_width_by_hand():
    # 100 independent images, p (1 - p) = .25: 3.92 * .5 / 10
    assert width(0.5, 100, 100, 0.9) == pytest.approx(0.196)
    # p (1 - p) = .09: 3.92 * .3 / 10
    assert width(0.9, 100, 100, 0.5) == pytest.approx(0.1176)
    # four images of each of 25 videos count as 100 / (1 + 3 / 3) = 50
    assert width(0.5, 100, 25, 1 / 3) == pytest.approx(0.196 * math.sqrt(2))
    # images of a video that are all alike: one of each counts
    assert width(0.5, 1000, 100, 1.0) == pytest.approx(0.196)


@pytest.mark.parametrize(("within", "times"), [(0.5, 1.348), (0.9, 1.048)])  # sqrt(10 / 5.5), sqrt(10 / 9.1)
def test_one_pass_of_ffpp_is_little_wider_than_ten(within, times):
    for share in (0.5, 0.9):
        assert width(share, 560, 560, within) / width(share, 5600, 560, within) == pytest.approx(times, abs=5e-4)
    assert math.sqrt(10 / (1 + 9 * within)) == pytest.approx(times, abs=5e-4)


def test_the_plan_shows_one_ten_and_the_run_s_number():
    """3.92 * .5 / sqrt(560) = .0828; with ten of a video * sqrt(.55) or sqrt(.91); p = .9 has .6 of it."""
    ten = ["~5,600", "0.061 to 0.079", "0.037 to 0.047"]
    for passes, label in ((1, "1 frame of a video, this run"), (10, "1 frame of a video")):
        first, last = lines_of(text(ffpp(frames={"passes": passes}), 100.0))
        assert first == [label, "~560", "0.083", "0.050"] and last[1:] == ten
    one, three, last = lines_of(text(ffpp(frames={"passes": 3}), "not measured"))
    assert (one[0], three[0], last[0]) == (
        "1 frame of a video", "3 frames of a video, this run", "10 frames of a video"
    )  # fmt: skip
    # .0828 * sqrt((1 + 2 * .5) / 3) and * sqrt((1 + 2 * .9) / 3)
    assert three[1:] == ["~1,680", "0.068 to 0.080", "0.041 to 0.048"] and last[1:] == ten
    assert lines_of(text(ffpp(), 100.0))[1] == ["10 frames of a video, this run", *ten]
    said = flat(text(ffpp(), 100.0))
    assert "correlates by .5 to .9 between images of a video, and videos are independent" in said
    assert "They are of 70 groups of people, by which the report goes" in said
    assert "One of 4 categories alone has intervals about 2.0 times as wide" in said


def test_videos_with_fewer_frames_give_what_they_have():
    """Five faces a video: ten passes are 2,800 images, 3.92 * .5 * sqrt((1 + 4 * .5) / 2,800) = .0642 to .0795."""
    config = ffpp(frames={"passes": 5}, faces={"frames_per_video": 5})
    said = text(config, 100.0)
    _, five, ten = lines_of(said)
    assert five[1:] == ten[1:] == ["~2,800", "0.064 to 0.079", "0.038 to 0.048"]
    assert "No video has another frame that could be explained." in said


def test_one_more_pass_costs_the_new_images(tmp_path):
    """560 * (1,864 + 20,232 + 97,224 + 8 * 16) forwards: a tenth of what ten frames take."""
    said = flat(text(ffpp(frames={"passes": 2}), 100.0))
    assert "One more frame of each video: ~560 images, ~66.9 M forwards, ~461.0 MB on the disk, ~7.7 d in one" in said
    assert "`frames.passes: 3` computes these alone" in said
    said = flat(text(ffpp(), "not measured"))
    assert "~560 images, ~66.9 M forwards, ~461.0 MB on the disk. A larger `per_video` may take other frames" in said
    # two videos have a third frame; of an explainer from outside nothing is known
    config = demo(tmp_path, frames={"passes": 2})
    manifest(config)
    said = flat(text(config, 100.0))
    # two times 4 * 5 + 1 for the copy, 20 + 1 for LIME, and for two rows two attacks of 2 * 5 + 1 and 16 to measure
    assert "There will be no intervals: 2 videos of 1 group of people, 20 groups are needed." in said
    assert "One more frame of each video: ~2 images, ~236+? forwards, " in said
