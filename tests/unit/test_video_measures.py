"""Measures of clips: detection over time, restoration in the segments' frames, and what is missing."""

import math
from typing import Any

import numpy as np
import pytest

from advxai.metrics.base import Subject
from advxai.metrics.localisation import EMPTY, FULL, NOTHING
from advxai.metrics.subjects import NO_MASK
from advxai.video.measured import run
from advxai.video.measures import CONSTANT, STILL, ClipMeasures
from advxai.video.restored import LACKS
from advxai.video.rows import metrics_rows
from tests.helpers import reads_segment
from tests.unit.video_data import BRIGHT, KEY, SEGMENTS, SETTINGS, D, Genuine, P, item, masked, record, subjects

COLUMNS = ClipMeasures(SETTINGS).columns
RESTORED = [column.name for column in COLUMNS if column.name.startswith("restoration")]


def measured(one: dict[str, Any], mask: Any = lambda _: None, genuine: Genuine | None = None, **more: Any) -> Any:
    """Values and reasons of a clip of bright frames, by a detector that looks at square 5 of each frame."""
    detector, found = reads_segment(5), subjects({KEY: one}, mask, genuine)
    settings = more.get("settings", SETTINGS)
    (made,) = run(
        found.items([item()]), lambda _: BRIGHT, detector, found, settings, more.get("score", "mean"), at_once=2
    )
    rows = metrics_rows("SHAP3D", [item()], [made], settings).set_index("column")
    return made, rows["value"].to_dict(), rows["reason"].to_dict()


def test_restoring_a_segment_changes_its_own_frames_alone():
    made, values, reasons = measured(record(5, 21))
    # square 5 in two of four frames: half of the fall; then the other two
    assert values["restoration_fall_1"] == pytest.approx(D / 2, abs=1e-5)
    assert values["restoration_fall_2"] == pytest.approx(D, abs=1e-5)
    assert [values[f"restoration_flip_{k}"] for k in (1, 2)] == [1, 1]
    assert [values[f"restoration_area_{k}"] for k in (1, 2)] == [1 / 32, 2 / 32]
    # from 0 to 1/32 it falls by D/2, to 2/32 by D/2 more, and stays there until .25
    assert values["restoration"] == pytest.approx(D * (0.25 - 1 / 32) / 0.25, abs=1e-5)
    assert made["images"] == (1 + 8) * 4  # the whole counterpart, then eight steps to the area, of four frames
    assert made["areas"].tolist() == pytest.approx([k / 32 for k in range(9)]) and made["p"][0] == pytest.approx(P)
    assert not any(reasons[name] for name in RESTORED)


def test_the_clip_s_answer_is_that_of_its_score():
    """Of the mean logit: 6 (191/127.5 - 1) and 6 (50/127.5 - 1) in two frames each."""
    _, values, _ = measured(record(5, 21), score="mean_logit")
    half = 6 * ((191 + 50) / 2 / 127.5 - 1)
    assert values["restoration_fall_1"] == pytest.approx(P - 1 / (1 + math.exp(-half)), abs=1e-5)


def test_a_segment_that_the_detector_doesn_t_look_at():
    _, values, _ = measured(record(0, 16))
    assert values["restoration_fall_2"] == pytest.approx(0, abs=1e-5) and values["restoration_flip_2"] == 0


def test_draws_are_averaged():
    draws = np.stack([record(5, 21)["ranking"], record(0, 16)["ranking"]])
    made, values, _ = measured(record(5, 21, draws=draws), masked(5, 21))
    assert values["restoration_fall_2"] == pytest.approx(D / 2, abs=1e-5) and values["restoration_flip_2"] == 0.5
    assert made["images"] == (1 + 16) * 4
    # AUC of the masked 2 of 32: first and second of all; of the other draw behind six others, and twenty
    assert values["detection"] == pytest.approx((0.5 + (24 / 30 + 10 / 30) / 2 - 0.5) / 2)


@pytest.mark.parametrize(
    ("one", "genuine", "reason", "images"),
    [
        (record(5, called_real=True), Genuine(), "the detector calls the clip real", 0),
        (record(5), Genuine({f"{KEY}#00002": "001.mp4 isn't there"}), f"{LACKS}001.mp4 isn't there", 0),
        (record(5), Genuine(picture=BRIGHT), "its counterpart isn't called real", 36),
    ],
)
def test_what_can_t_be_restored(one: Any, genuine: Genuine, reason: str, images: int):
    made, values, reasons = measured(one, masked(5), genuine)
    assert all(math.isnan(values[name]) and reasons[name] == reason for name in RESTORED)
    assert made["images"] == images and len(made["areas"]) == 0
    # the map is measured all the same: 5 is first of its four frames' 64 segments
    assert values["detection"] == 0.5 and reasons["detection"] == ""


def test_a_clip_without_an_explanation_has_its_reason_everywhere():
    made, values, reasons = measured(record(missing="no true mask"))
    assert all(map(math.isnan, values.values())) and set(reasons.values()) == {"no true mask"} and made["images"] == 0


def test_detection_counts_in_space_and_time():
    _, values, reasons = measured(record(5), masked(5))
    assert values["detection"] == 0.5 and values["mass_mask"] == pytest.approx(1 / 16.5)
    # mass: scores 1, 31/32 ... 1/32 of equal areas
    _, late, _ = measured(record(5), masked(21))  # the right place at the wrong time: behind 22 of 31
    assert late["detection"] == pytest.approx(10 / 31 - 0.5)
    assert reasons["tau"] == reasons["detection"] == ""


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (lambda _: None, NO_MASK),
        (lambda key: None if key.endswith("3") else masked(5)(key), NO_MASK),
        (masked(), EMPTY),
        (masked(*range(32)), FULL),
    ],
)
def test_no_mask_of_use_no_detection(mask: Any, reason: str):
    _, values, reasons = measured(record(5), mask)
    assert math.isnan(values["detection"]) and reasons["detection"] == reason
    assert (reasons["mass_mask"] == reason) == (reason != FULL)
    assert reason != FULL or values["mass_mask"] == pytest.approx(1)


def flat(value: float) -> dict[str, Any]:
    return record(5, map=np.full(SEGMENTS.shape, value, np.float32), zero=0.0, called_real=True)


@pytest.mark.parametrize(
    ("one", "missing", "intensity"),
    [
        (flat(0.0), dict.fromkeys(("tau", "rho", "mu", "smoothness", "sparsity", "locality", "mass_mask"), NOTHING), 0),
        (
            flat(-1.0),
            dict.fromkeys(("tau", "rho", "mu", "smoothness", "sparsity", "locality", "mass_mask"), NOTHING),
            0,
        ),
        (flat(2.0), {"tau": CONSTANT, "rho": CONSTANT}, 1),
        (
            flat(0.0) | {"map": (SEGMENTS == 5) * np.array([1, 0, 1, 0], np.float32)[:, None, None]},
            {"tau": STILL},
            1 / 64,
        ),
    ],
)
def test_maps_that_don_t_vary(one: Any, missing: dict[str, str], intensity: float):
    _, values, reasons = measured(one, masked(5))
    restored = dict.fromkeys(RESTORED, "the detector calls the clip real")
    assert {name: why for name, why in reasons.items() if why} == missing | restored
    assert values["intensity"] == intensity and values["tau_missing"] == 3


def test_every_value_is_in_its_column_s_range():
    for one, mask in ((record(5, 21), masked(5)), (record(31), masked(21)), (flat(2.0), masked(5))):
        _, values, _ = measured(one, mask)
        assert list(values) == [column.name for column in COLUMNS]
        for column in COLUMNS:
            assert math.isnan(values[column.name]) or column.low <= values[column.name] <= column.high


def test_given_names_explanation_masks_and_counterparts():
    names = {
        found.items([item()])[0]["given"]
        for found in (
            subjects({KEY: record(5)}),
            subjects({KEY: record(6)}),
            subjects({KEY: record(5)}, masked(5)),
            subjects({KEY: record(5)}, lambda key: masked(5)(key) if key.endswith("1") else None),
            subjects({KEY: record(5)}, genuine=Genuine({f"{KEY}#00003": "lost"})),
        )
    }
    assert len(names) == 5
    assert subjects({KEY: record(5)}).items([item()])[0]["frames"] == item()["frames"]


def test_neighbours_and_their_number_change_no_bit():
    other = KEY.replace("000_001", "002_003")
    both = subjects({KEY: record(5, 21), other: record(0)}, masked(5))
    items, detector = both.items([item(other), item()]), reads_segment(5)
    together = {one["key"]: one for one in run(items, lambda _: BRIGHT, detector, both, SETTINGS, "mean", at_once=9)}
    alone, _, _ = measured(record(5, 21), masked(5))
    assert (together[KEY]["values"] == alone["values"]).all() and (together[KEY]["p"] == alone["p"]).all()


def test_a_subject_s_mask_is_a_volume():
    subject = subjects({KEY: record(5)}, masked(5)).subject(item())
    assert isinstance(subject, Subject) and subject.mask.region is not None
    assert (subject.mask.region == (SEGMENTS == 5)).all()
