"""How sure a share can become: the expected width of its interval by the frames of a video, and what one more costs."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace

from advxai.config import Config
from advxai.plan.count import SHARDED, Row, rows
from advxai.plan.found import Store
from advxai.plan.population import Population
from advxai.plan.table import WIDTH, number, totals
from advxai.statistics import LEAST

SHARES = (0.5, 0.9)
CORRELATION = (0.5, 0.9)  # within a video, of whether an image counts: the least and the greatest to expect
Z = 1.96  # of 95 %
MADE = (*SHARDED, "metrics")  # of each image that is explained
BESIDE = (1, 10)  # frames of a video, beside the run's own; ten is the paper's number


def width(share: float, images: float, videos: float, correlation: float) -> float:
    """The expected width of a share's 95 % interval.

    Args:
        share: the true one.
        images: in all.
        videos: that they come from, each giving as many; independent of each other.
        correlation: of two images of a video.
    """
    design = 1 + (images / videos - 1) * correlation
    return 2 * Z * math.sqrt(share * (1 - share) * design / images)


def expected(config: Config, population: Population, store: Store, rate: float | None) -> list[str]:
    """Lines of the plan: widths for one frame of each video, for ten and for the run's number; and one more's cost.

    Args:
        config: the run's.
        population: its images.
        store: what is there of it.
        rate: images a second through the detector; None: not measured.
    """
    own = config.frames.most
    videos = population.test_videos
    if not (config.explainers and population.explained and videos):
        return []
    if population.groups < LEAST:
        lines = _wrapped(
            f"There will be no intervals: {videos} videos of {population.groups} "
            f"{'group' if population.groups == 1 else 'groups'} of people, {LEAST} groups are needed."
        )
    else:
        title = "95 % interval of a share p"
        lines = [f"{title:<32}{'images':>12}{'width if p = .5':>25}{'width if p = .9':>25}"]
        for most in sorted({own, *BESIDE}):
            images = population.explained if most == own else _images(population, own, most)
            between = min(videos, images)
            cells = (_range(width(share, images, between, within) for within in CORRELATION) for share in SHARES)
            name = f"{most} {'frame' if most == 1 else 'frames'} of a video{', this run' if most == own else ''}"
            about = "" if population.exact and most == own else "~"
            lines.append(f"{name:<32}{about + number(images):>12}" + "".join(f"{cell:>25}" for cell in cells))
        lines += _wrapped(_assumed(config, population.groups))
    return [*lines, *_wrapped(_one_more(config, population, store, rate)), ""]


def _images(population: Population, own: int, most: int) -> float:
    """Images to explain with at most `most` frames of a video, where `own` of a video give the population's.

    Fewer of these than the videos have (the others are called real, or gave no crop) are as many fewer of those.
    """
    return population.of_frames(most) * population.explained / population.of_frames(own)


def _assumed(config: Config, groups: int) -> str:
    categories = len(config.corpus.categories)
    low, high = (f"{within:.1f}".removeprefix("0") for within in CORRELATION)
    text = (
        f"Expected, if what is counted correlates by {low} to {high} between images of a video, and videos are "
        f"independent. They are of {groups} groups of people, by which the report goes: its intervals are wider if "
        "videos of a group correlate too."
    )
    if categories > 1:
        text += f" One of {categories} categories alone has intervals about {math.sqrt(categories):.1f} times as wide."
    return text


def _one_more(config: Config, population: Population, store: Store, rate: float | None) -> str:
    """What another frame of each video takes, and how to have it without computing anything twice."""
    own = config.frames.most
    further = round(_images(population, own, own + 1) - population.explained)
    if not further:
        return "No video has another frame that could be explained."
    more = replace(population, explained=further, images=frozenset())  # none of them is in the store
    listed: Sequence[Row] = [row for row in rows(config, more, store, rate) if row.stage in MADE]
    forwards, _, disk, seconds, _ = totals(listed, exact=False)
    text = f"One more frame of each video: ~{number(further)} images, {forwards} forwards, {disk} on the disk"
    text += "." if rate is None else f", {seconds} in one process."
    if config.frames.passes is not None:
        return f"{text} `frames.passes: {own + 1}` computes these alone."
    return f"{text} A larger `per_video` may take other frames; `frames.passes` only adds to those it has."


def _range(widths: Iterable[float]) -> str:
    texts = [f"{value:.3f}" for value in widths]
    return texts[0] if texts[0] == texts[-1] else " to ".join(texts)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)
