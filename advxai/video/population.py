"""Which clips the numbers of tables are of, and which clips show the same people."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from advxai.answer.scores import SCORES, clusters_of
from advxai.common.categories import LABELS, genuine, manipulated
from advxai.common.rows import rows as lines_of
from advxai.common.rows import videos_of
from advxai.config import Config
from advxai.video.read import Found

CALLED_FAKE, ALL_FAKE = "called fake", "all fake"
TREES = ("manipulated_sequences/", "original_sequences/")  # of FF++'s layout; another video is the user's own


@dataclass(frozen=True)
class Population:
    """The clips of a run, by what they are and what they are called.

    Attributes:
        fakes: keys of fake clips.
        called_fake: of these, those that the detector calls fake.
        reals: keys of genuine clips.
        reals_called_real: of these, those that it calls real.
        unknown: keys of clips of which nobody has said what they are.
    """

    fakes: list[str]
    called_fake: list[str]
    reals: list[str]
    reals_called_real: list[str]
    unknown: list[str]

    @classmethod
    def of(cls, found: Found) -> "Population":
        clips = lines_of(found.clips)
        fakes = [clip for clip in clips if manipulated(clip["category"])]
        reals = [clip for clip in clips if genuine(clip["category"])]
        unknown = [clip for clip in clips if clip["category"] not in LABELS]
        return cls(
            [clip["key"] for clip in fakes],
            [clip["key"] for clip in fakes if not clip["called_real"]],
            [clip["key"] for clip in reals],
            [clip["key"] for clip in reals if clip["called_real"]],
            [clip["key"] for clip in unknown],
        )

    @property
    def named(self) -> dict[str, list[str]]:
        """The two that are averaged over."""
        return {CALLED_FAKE: self.called_fake, ALL_FAKE: self.fakes}

    @property
    def all_called_fake(self) -> bool:
        """Both populations are the same clips, of which there are some."""
        return bool(self.fakes) and self.fakes == self.called_fake

    @property
    def said(self) -> str:
        """A sentence on all of them."""
        parts = [
            _counted(len(self.fakes), "fake", len(self.called_fake)),
            _counted(len(self.reals), "real", len(self.reals_called_real)),
            f"{clips_in_words(len(self.unknown))} of unknown truth, in no table" if self.unknown else "",
        ]
        return f"{'; '.join(part for part in parts if part) or 'No clips'}."


def clips_in_words(number: int, what: str = "") -> str:
    """1 real clip, 2 real clips."""
    return f"{number} {what}{' ' if what else ''}clip{'' if number == 1 else 's'}"


def _counted(number: int, what: str, called: int) -> str:
    """8 fake clips, 7 of them called fake; "" of none."""
    if not number:
        return ""
    if number == 1:
        return f"1 {what} clip, {'' if called else 'not '}called {what}"
    return f"{clips_in_words(number, what)}, {'all' if called == number else called or 'none'} of them called {what}"


def clusters(config: Config, videos: Iterable[str]) -> dict[str, str]:
    """Video -> its cluster (`advxai.answer.scores.clusters_of`); a file of the user's own is one by itself."""
    named = set(videos)
    known = {video for video in named if video.startswith(TREES)}
    return {video: video for video in named - known} | clusters_of(config, known)[0]


def scores(found: Found, config: Config, keys: Iterable[str]) -> pd.DataFrame:
    """The measures of these clips as scores (`advxai.answer.scores.SCORES`), with the clusters of all clips."""
    own = found.measured[found.measured["key"].isin(list(keys))]
    cluster_of = clusters(config, found.clips["video"])
    return own.assign(cluster=videos_of(own["key"]).map(cluster_of))[list(SCORES)].astype(SCORES)
