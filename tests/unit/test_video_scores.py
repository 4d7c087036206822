"""What clips' scores say: answers of frames, of clips, and segments within slices."""

from pathlib import Path

import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.config.video import ClipSegments
from advxai.run.store import write_shard
from advxai.video import scores
from advxai.video.hosts import host_of, hosts_of
from tests.clips import clip, frames_of, load
from tests.golden.pictures import detector as toy
from tests.helpers import SIZE


@pytest.mark.parametrize(("frames", "slice_", "parts"), [(16, 4, 4), (10, 4, 3), (3, 4, 1), (4, 1, 4)])
def test_each_segment_lies_within_one_slice(frames, slice_, parts):
    """Slices follow each other, each with labels of its own; the last one may be short."""
    volume = frames_of(clip(1, frames), toy()).permute(0, 2, 3, 1).numpy()
    made = scores.segments_of(volume, ClipSegments(frames=slice_, number=9))
    assert made.dtype == np.int16 and made.shape == (frames, SIZE, SIZE)
    next_label = 0
    for start in range(0, frames, slice_):
        labels = np.unique(made[start : start + slice_])
        assert labels[0] == next_label and (np.diff(labels) == 1).all() and len(labels) > 1
        next_label = labels[-1] + 1
    assert len(range(0, frames, slice_)) == parts


def test_float64_makes_the_same_segments():
    volume = frames_of(clip(1, 4), toy()).permute(0, 2, 3, 1).double().numpy()
    settings = ClipSegments(number=9)
    np.testing.assert_array_equal(
        scores.segments_of(volume, settings), scores.segments_of(volume.astype(np.float32), settings)
    )


def test_a_clip_s_answer_is_the_mean_of_its_frames(tmp_path: Path):
    items, detector = [clip(number) for number in (1, 2, 3)], toy(0.1)
    records = {record["key"]: record for record in scores.run(items, load, detector, ClipSegments(), "mean")}
    for item in items:
        record = records[item["key"]]
        answers = detector.probabilities(frames_of(item, detector)).numpy()
        np.testing.assert_array_equal(record["frames_before"], answers)
        np.testing.assert_allclose(record["before"], answers.astype(float).mean(axis=0), atol=1e-7)
        assert record["called_real"] == (record["before"][0] > record["before"][1])
        assert (record["images"], record["calls"]) == (6, 1) and record["before"].dtype == np.float32
    (alone,) = scores.run(items[1:2], load, toy(0.1), ClipSegments(), "mean")
    for name in ("before", "frames_before", "segments"):
        np.testing.assert_array_equal(alone[name], records[items[1]["key"]][name])
    write_shard(tmp_path / "0-of-1.h5", list(records.values()), {})
    found = hosts_of(tmp_path / "0-of-1.h5")
    np.testing.assert_array_equal(host_of(found, items[2])["segments"], records[items[2]["key"]]["segments"])
    with pytest.raises(InputError, match="the scores of clips lack .*000_004.mp4"):
        host_of(found, clip(4))
