"""Which images of the manifest are used, and which shard a video belongs to."""

from collections import Counter
from collections.abc import Callable
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.categories import REAL
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.common.positions import equidistant
from advxai.common.randomness import seed_of
from advxai.config.training import Training

CIRCLE = 63  # a place in a video is a whole number below two to this power, as `seed_of` gives one


def sample_positions(listed: int, count: int) -> list[int]:
    """Positions 0 <= i < listed that the authors' rule takes of a video with `listed` frames; at most `count`, rising.

    With step = max(round(listed / count), 1): the first `count` of 0, step, 2 step, ...; when these are fewer although
    the video lists `count` or more, the neighbours i + 1 of the first ones fill up. `round` rounds halves to even.
    """
    step = max(round(listed / count), 1)
    taken = list(range(0, listed, step))[:count]
    if len(taken) < count <= listed:
        taken += [position + 1 for position in taken[: count - len(taken)]]
    return sorted(taken)


def sample_video(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The rows of one video (in the order of its frames) that `sample_positions` takes."""
    return rows.iloc[sample_positions(len(rows), count)]


def sample_evaluation(manifest: pd.DataFrame, count: int) -> pd.DataFrame:
    """The test fakes to explain and attack: `count` frames a video, in the manifest's order; the index starts anew.

    Of a video with several tracks they are so many frames of each track.

    Args:
        manifest: with video, category, split and, if there are any, track; the frames of a video in their order.
        count: frames a video, 10 in the paper.
    """
    return _sampled(manifest, lambda _, __, listed: sample_positions(listed, count))


def pass_positions(listed: int, passes: int, start: int) -> list[int]:
    """Positions 0 <= i < listed of a video's frames in the order in which the passes take them; at most `passes`.

    The video is a circle, and the passes stand at `start` + 0, 1/2, 1/4, 3/4, 1/8, 5/8, ... of it (van der Corput);
    each takes the frame that it falls into, and one that falls into a taken frame is left out. So the first 2, 4, 8,
    ... are in as many equal parts of the video, later ones halve what is between them, and with a random start each
    frame is as likely as any other to be the first.

    Args:
        listed: frames that the video has.
        passes: how many are wanted.
        start: the first place, 0 <= start < 2 ** CIRCLE.
    """
    taken: dict[int, None] = {}
    step = 0
    while len(taken) < min(listed, passes):
        reversed_bits = int(f"{step:0{CIRCLE}b}"[::-1], 2)
        place = (start + reversed_bits) % 2**CIRCLE
        taken[place * listed >> CIRCLE] = None
        step += 1
    return list(taken)


def sample_passes(manifest: pd.DataFrame, passes: int, seed: int) -> pd.DataFrame:
    """The test fakes to explain: one frame of each video, then a second, up to `passes`; as `sample_evaluation` orders
    them.

    Which frames these are hangs on the seed, the video's name and the number of its frames. So the images of a number
    of passes are among those of any larger one, and no other video has a say. Of a video with several tracks each is
    taken for itself, and those after the first one are seeded by their number too.

    Args:
        manifest: as of `sample_evaluation`.
        passes: frames of a video; one that has fewer gives all.
        seed: the run's.
    """

    def positions(video: str, track: int, listed: int) -> list[int]:
        return pass_positions(listed, passes, seed_of(seed, "passes", video, *([track] if track else [])))

    return _sampled(manifest, positions)


def candidates(manifest: pd.DataFrame) -> pd.DataFrame:
    """What the images to explain are taken from, the test fakes; the index starts anew."""
    return manifest[(manifest["split"] == "test") & (manifest["category"] != REAL)].reset_index(drop=True)


def sequences(rows: pd.DataFrame) -> dict[tuple[str, int], NDArray[np.int64]]:
    """The frames in which one face is followed: (video, track) -> positions of its rows, in the order of the rows.

    Args:
        rows: columns video and, where there are several faces of a video, track.
    """
    track = rows["track"] if "track" in rows else pd.Series(0, index=rows.index)
    groups = rows[["video"]].assign(track=track).groupby(["video", "track"], sort=False).indices
    of = cast("dict[tuple[str, int], NDArray[np.int64]]", groups)
    return {(str(video), int(number)): group for (video, number), group in of.items()}


def _sampled(manifest: pd.DataFrame, positions_of: Callable[[str, int, int], list[int]]) -> pd.DataFrame:
    """Args: positions_of: from a video's name, a track and its number of frames to the positions of those to take."""
    fakes = candidates(manifest)
    groups = sequences(fakes).items()
    positions = [group[positions_of(video, track, len(group))] for (video, track), group in groups]
    return fakes.iloc[np.sort(np.concatenate(positions))].reset_index(drop=True) if positions else fakes


def for_training(
    manifest: pd.DataFrame, split: str, training: Training, seed: int, classes: Classes = FIVE
) -> pd.DataFrame:
    """Images of one split to learn from or to validate on, as `detector.training` says; none if the split has none.

    Args:
        manifest: as of `sample_evaluation`, of the categories that are learnt.
        split: "train" or "val".
        training: balance, frames a video and tracks.
        seed, classes: as of `balanced`.
    """
    rows = manifest[manifest["split"] == split].reset_index(drop=True)
    if rows.empty:
        return rows
    if training.tracks == "first":
        rows = first_tracks(rows)
    fake, real = training.frames_of(split)
    return (
        balanced(rows, split, fake, seed, classes) if training.balance == "frames" else each_its_own(rows, fake, real)
    )


def first_tracks(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each video the images of its first face alone; the index starts anew.

    Args:
        rows: columns video and, where there are several faces of a video, track.
    """
    if "track" not in rows:
        return rows
    first = rows.groupby("video")["track"].transform("min")
    return rows[rows["track"] == first].reset_index(drop=True)


def each_its_own(rows: pd.DataFrame, fake: int, real: int) -> pd.DataFrame:
    """Equidistant frames of every video, classes as frequent as they come out; in the order of the rows.

    Of a video with several tracks each track counts as a video.

    Args:
        rows: of one split, as of `sample_evaluation`; the index counts from 0.
        fake, real: most frames of a fake video, of an original one.
    """
    is_real = (rows["category"] == REAL).to_numpy()
    taken = [
        frames[equidistant(len(frames), min(len(frames), real if is_real[frames[0]] else fake))]
        for frames in sequences(rows).values()
    ]
    return rows.iloc[np.sort(np.concatenate(taken))].reset_index(drop=True)


def balanced(manifest: pd.DataFrame, split: str, per_video: int, seed: int, classes: Classes = FIVE) -> pd.DataFrame:
    """Images of one split for training or validation: equidistant frames of every video, classes equally frequent.

    Of a video with several tracks each track counts as a video.

    Every manipulation gives what it can with up to `per_video` frames a video. The largest class of fakes sets the
    number of images of the real one: the largest manipulation, or all of them together where the detector has one class
    for them. Real videos, of which FF++ has as many as one manipulation makes but a user's corpus may have fewer or
    more, give what that number takes. Where they have to give some videos one frame more than others, the seed decides
    which.

    Args:
        manifest: as of `sample_evaluation`.
        split: "train", "val" or "test".
        per_video: most frames of a fake video.
        seed: of the choice of videos.
        classes: the detector's; every category has one.

    Raises:
        InputError: the split has no image.
    """
    rows = manifest[manifest["split"] == split].reset_index(drop=True)
    if rows.empty:
        raise InputError(f"split {split} has no face image: add videos to it.")
    videos_of = {
        str(category): list(sequences(group).items()) for category, group in rows.groupby("category", sort=True)
    }
    own = {category: rows.index[rows["category"] == category].to_numpy() for category in videos_of}
    totals: Counter[int] = Counter()
    for category, videos in videos_of.items():
        if category != REAL:
            totals[classes.label(category)] += sum(min(per_video, len(frames)) for _, frames in videos)
    generator = np.random.default_rng(seed)
    positions = []
    for category, videos in videos_of.items():
        available = np.array([len(frames) for _, frames in videos])
        most = available if category == REAL and totals else np.minimum(available, per_video)
        wanted = max(totals.values(), default=int(most.sum()))
        shares = share_out(wanted, most, generator)
        for (_, frames), number in zip(videos, shares, strict=True):
            positions.append(own[category][frames[equidistant(len(frames), int(number))]])
    return rows.iloc[np.sort(np.concatenate(positions))].reset_index(drop=True)


def share_out(total: int, most: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Numbers <= most, as even as can be, with the sum min(total, sum of most); the generator breaks ties."""
    shares = np.zeros(len(most), dtype=np.int64)
    left = min(total, int(most.sum()))
    while left:
        open_ = np.flatnonzero(shares < most)
        if left < len(open_):
            shares[generator.choice(open_, left, replace=False)] += 1
            break
        step = min(left // len(open_), int((most - shares)[open_].min()))
        shares[open_] += step
        left -= step * len(open_)
    return shares
