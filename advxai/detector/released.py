"""A test's answers by video in the form of the hybrid's released tests: labels.txt and samples.csv.

These are in the GitHub repository noame12/Explainable_Attention_Based_Deepfake_Detector. Two things are otherwise than
in its code. There a video's image is looked for among those of its last track alone, and the file that is named may be
another track's; here it is of all tracks. And there it is the one of the highest p(fake) if any track's mean is above
.55; here if the video itself is called fake.
"""

import csv
import io
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.categories import REAL
from advxai.common.classes import Classes
from advxai.common.files import publish_text
from advxai.common.rows import NUMBERED, rows, videos_of
from advxai.config.science import VideoScore
from advxai.detector.videos import by_track, by_video, counted

HEADER = ("video_name", "label", "video_prob", "high_low_prob", "example_file_name")
ORIGINAL = "Original"  # the folder of the originals there
SPLIT = "test_set"


def video_name(video: str, category: str) -> str:
    """`test_set/<method>/<video>`, as a folder of crops has it there.

    Args:
        video: key of the video, such as manipulated_sequences/Deepfakes/c23/videos/002_003.mp4.
        category: of its images.
    """
    method = ORIGINAL if category == REAL else category
    return f"{SPLIT}/{method}/{video.rpartition('/')[2].removesuffix('.mp4')}"


def file_name(key: str) -> str:
    """`<frame>_<face>.png` of an image's key, the frame's number without leading zeros."""
    found = NUMBERED.fullmatch(key)
    return key.rpartition("/")[2] if found is None else f"{int(found['frame'])}_{int(found['track'] or 0)}.png"


def answers(
    images: pd.DataFrame, classes: Classes, apart: Collection[str] = (), score: VideoScore = "mean"
) -> pd.DataFrame:
    """What the detector says of each test video, and the image that stands for it.

    Args:
        images: see `advxai.detector.metrics.predictions`, and for what counts of them `evaluate`.
        classes: the detector's.
        apart: categories that don't count.
        score: the rule of a video's probabilities, see `by_video`.

    Returns:
        A row a video, in the order of their first images: video (key), category, label (1.0: fake, 0.0), tracks
        (float32, p(fake) of track 0, 1 ...), video_prob (float32, p(fake)), key and high_low_prob (float32, p(fake)) of
        the image with the highest p(fake), if the video is called fake, else the lowest; of equal ones the first.
    """
    known = images[counted(images, apart)].reset_index(drop=True)
    videos, parts = by_video(known, classes, score), by_track(known, classes, score)
    parts = parts.assign(video=videos_of(parts["key"]), track=parts["key"].map(lambda key: int(key.rpartition("/")[2])))
    parts = parts.assign(p_fake=_p_fake(parts, classes)).sort_values("track", kind="stable")
    tracks = {str(video): group["p_fake"].to_list() for video, group in parts.groupby("video", sort=False)}
    p_image, places = _p_fake(known, classes), known.groupby(videos_of(known["key"]), sort=False).indices
    fake = (videos["predicted"] != classes.real).to_numpy()
    found = []
    for video, high in zip(videos["key"], fake, strict=True):
        own = p_image[places[video]]
        found.append(int(places[video][int(own.argmax() if high else own.argmin())]))
    return pd.DataFrame(
        {
            "video": videos["key"],
            "category": videos["category"],
            "label": (videos["label"] != classes.real).astype("float64"),
            "tracks": [np.array(tracks[video], np.float32) for video in videos["key"]],
            "video_prob": _p_fake(videos, classes).astype(np.float32),
            "key": known["key"].iloc[found].to_numpy(),
            "high_low_prob": p_image[found].astype(np.float32),
        }
    )


def _p_fake(table: pd.DataFrame, classes: Classes) -> NDArray[np.floating]:
    found: NDArray[np.floating] = classes.p_fake(table[[f"p_{name}" for name in classes.names]].to_numpy())
    return found


def _text(p_fake: float) -> str:
    """The shortest number that is read as this float32."""
    return str(np.float32(p_fake))


def labels(found: pd.DataFrame) -> str:
    """The text of labels.txt, a line a video: its name, p(fake) of each of its tracks, an arrow, p(fake) of the video
    and its true label; `found`: of `answers`. Numbers are float32's, so that they are read back as they were."""
    lines = []
    for one in rows(found):
        name, tracks = video_name(one["video"], one["category"]), " ".join(map(_text, one["tracks"]))
        lines.append(f"{name} {tracks} --> {_text(one['video_prob'])}(CORRECT: {one['label']:.1f})\n")
    return "".join(lines)


def samples(found: pd.DataFrame) -> str:
    """The text of samples.csv, an image a video; `found`: of `answers`."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADER)
    for one in rows(found):
        name, image = video_name(one["video"], one["category"]), file_name(one["key"])
        numbers = [_text(one[column]) for column in ("video_prob", "high_low_prob")]
        table.writerow([name, f"{one['label']:.1f}", *numbers, image])
    return text.getvalue()


def write(found: pd.DataFrame, path_labels: Path, path_samples: Path) -> None:
    """Publish both files; `found`: of `answers`."""
    publish_text(path_labels, labels(found))
    publish_text(path_samples, samples(found))
