"""Scores of clips: segments in space and time, a clip's answer by either rule, and the stage itself."""

import numpy as np

from advxai.config.video import ClipSegments
from advxai.video.clip import normalised
from advxai.video.scores import run, segments_of
from tests.clips import clip, load
from tests.golden.compare import Near, Values
from tests.golden.pictures import detector


def values() -> Values:
    frames = normalised(clip(3, 10), load, detector()).permute(0, 2, 3, 1).numpy()
    labels = segments_of(frames, ClipSegments(frames=4, number=9))
    return {
        "segments": {
            "type": str(labels.dtype),
            "number": int(labels.max()) + 1,
            "labels": labels[[0, 3, 4, 9, 9], [3, 28, 16, 4, 28], [3, 28, 16, 28, 4]],
            "sizes": Near(np.bincount(labels.ravel()), absolute=6),  # a pixel may fall to a neighbour on another CPU
        },
        "stage": {
            score: [
                {
                    **{name: record[name] for name in ("key", "sha256", "called_real", "images", "calls")},
                    "before": Near(record["before"], absolute=1e-5),
                    "frames_before": Near(record["frames_before"], absolute=1e-5),
                }
                for record in run([clip(1), clip(2)], load, detector(0.1), ClipSegments(), score)
            ]
            for score in ("mean", "mean_logit")
        },
    }
