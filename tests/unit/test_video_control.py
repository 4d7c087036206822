"""Controls and ceilings of clips, by hand on two frames of four by four pixels, and their stage."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.randomness import seed_of
from advxai.config.controls import CEILINGS
from advxai.config.video import CLIP_CONTROLS
from advxai.frames import database
from advxai.frames.counterparts import SUFFIX, Counterparts
from advxai.frames.database import FrameStore
from advxai.media.cut import encode_png
from advxai.saliency.controls import EMPTY_MASK, NO_MASK, Sight
from advxai.saliency.controls import ordered as of_image
from advxai.saliency.given import named
from advxai.video.control import Sources, ordered, run
from advxai.video.given import counterparts_id, masks_id
from tests.clips import clip, entry, load
from tests.golden.pictures import picture
from tests.helpers import SIZE, TWO, quadrants

SIDE = 4
HALVES = np.zeros((2, SIDE, SIDE), np.int16)  # left and right, labels 0 and 1 in the first frame, 2 and 3 in the second
HALVES[:, :, 2:] = 1
HALVES[1] += 2
GREY = np.full((SIDE, SIDE, 3), 100, np.uint8)


def sights(segments=HALVES, **fields) -> list[Sight]:
    """Of the two frames; a field's two values."""
    pairs = [{name: values[place] for name, values in fields.items()} for place in range(2)]
    return [Sight("a", labels, **{"image": GREY, **pair}) for labels, pair in zip(segments, pairs, strict=True)]


def made(method: str, segments=HALVES, seen=None, **fields):
    return ordered(entry(method=method), "the clip", segments, seen or sights(segments, **fields), seed=3)


def test_a_mask_is_a_share_in_each_frame_s_segments():
    """The right half of the second frame is manipulated, and a quarter of the left one of the first."""
    masks = np.zeros((2, SIDE, SIDE), np.uint8)
    masks[1, :, 2:] = 255
    masks[0, :2, :1] = 255
    found = made("oracle_mask", mask=masks)
    assert found.scores.tolist() == [0.25, 0, 0, 1] and found.ranking.tolist() == [3, 0, 1, 2]
    np.testing.assert_array_equal(found.map, masks > 0)
    others = [GREY, GREY.copy()]
    others[1][:, :2] += 51  # what differs more comes first among equals
    assert made("oracle_mask", mask=masks, counterpart=others).ranking.tolist() == [3, 0, 2, 1]
    assert made("oracle_mask", mask=masks, counterpart=[None, others[1]]).ranking.tolist() == [3, 0, 1, 2]


def test_no_mask_and_an_empty_one():
    empty, some = np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 255, np.uint8)
    for masks, why in (([None, some], NO_MASK), ([empty, empty], EMPTY_MASK)):
        found = made("oracle_mask", mask=masks)
        assert found.missing == why and not found.ranking.size and not found.map.any() and found.scores.shape == (4,)
    assert made("oracle_mask", mask=[empty, some]).missing == ""


def test_a_difference_to_the_counterpart():
    others = [GREY, GREY.copy()]
    others[1][:, 2:] += 51
    found = made("oracle_difference", counterpart=others)
    assert found.scores.tolist() == pytest.approx([0, 0, 0, 0.2]) and found.ranking.tolist() == [3, 0, 1, 2]
    lacking = made("oracle_difference", counterpart=[GREY, None], no_counterpart=["", "000.mp4 is too short"])
    assert lacking.missing == "no counterpart: 000.mp4 is too short"


def test_the_centre_is_the_same_in_all_frames():
    segments = np.stack([np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE))]).astype(np.int16)
    segments[:, 1:3, 1:3] += 2
    found = made("centre", segments)
    image = of_image(entry(method="centre"), Sight("a", np.zeros((SIDE, SIDE), np.int16), GREY), 0)
    np.testing.assert_array_equal(found.map, [image.map, image.map])
    assert found.scores[0] == found.scores[1] < found.scores[2] == found.scores[3]
    assert found.ranking.tolist() == [2, 3, 0, 1]


def test_the_largest_is_so_over_all_frames():
    """Label 0 has 16 + 4 of 32 voxels."""
    segments = np.zeros((2, SIDE, SIDE), np.int16)
    segments[1, 1:] = 1
    found = made("largest", segments)
    assert found.scores.tolist() == [20 / 32, 12 / 32] and found.ranking.tolist() == [0, 1]
    np.testing.assert_array_equal(found.map, found.scores[segments])


def test_black_bars_are_no_part_of_the_largest():
    """A crop half as high as wide lies in the middle rows: of the others nothing counts."""
    segments = np.zeros((2, SIDE, SIDE), np.int16)
    segments[:, 1:3, :1] = 1
    segments[1, 1:3] = 2
    flat = [Sight("a", labels, np.zeros((2, 4, 3), np.uint8), fit="letterbox") for labels in segments]
    found = made("largest", segments, flat)
    assert found.scores.tolist() == [6 / 16, 2 / 16, 8 / 16]


def test_edges_are_each_frame_s():
    pictures = [picture(1), np.full((SIZE, SIZE, 3), 90, np.uint8)]
    segments = np.stack([quadrants(), quadrants() + 16]).astype(np.int16)
    seen = [Sight("a", labels, image) for labels, image in zip(segments, pictures, strict=True)]
    found = made("edges", segments, seen)
    image = of_image(entry(method="edges"), Sight("a", quadrants(), pictures[0]), 0)
    np.testing.assert_array_equal(found.map[0], image.map)
    np.testing.assert_array_equal(found.scores[:16], image.scores)
    assert not found.map[1].any() and found.ranking[:16].tolist() == image.ranking.tolist()


def test_a_random_order_is_drawn_by_the_clip_s_key():
    found, settings = made("random"), entry(method="random")
    generator = np.random.default_rng(seed_of(3, "saliency", "random", "the clip"))
    assert found.ranking.tolist() == generator.permutation(4).tolist() == found.more["draws"][0].tolist()
    assert found.more["draws"].shape == (settings.draws, 4)
    assert sorted(found.scores.tolist()) == [0.25, 0.5, 0.75, 1]


@pytest.fixture
def stored(tmp_path: Path) -> SimpleNamespace:
    """Two clips of three frames; all frames have masks; those of the first clip alone have counterparts."""

    def put(name: str, image: np.ndarray) -> dict[str, str]:
        data = encode_png(image)
        (tmp_path / name).write_bytes(data)
        return {"file": str(tmp_path / name), "sha256": hashlib.sha256(data).hexdigest()}

    items, rows, others, table = [clip(1, 3), clip(2, 3)], [], [], []
    for number, item in enumerate(items):
        for place, frame in enumerate(item["frames"]):
            name = f"{number}-{place}"
            mask = cv2.circle(np.zeros((SIZE, SIZE), np.uint8), (12 + place, 18), 7, 255, -1)
            mask_file = put(f"mask-{name}.png", mask)["file"]
            rows.append({"key": frame["key"], **put(f"{name}.png", load(frame)), "mask": "", "mask_file": mask_file})
            frame["sha256"] = rows[-1]["sha256"]
            genuine = put(f"genuine-{name}.png", picture(50 + place))
            if number == 0:
                others.append({"key": frame["key"] + SUFFIX, **genuine})
            reason = "" if number == 0 else "000.mp4 isn't there"
            table.append({"key": frame["key"], "sha256": genuine["sha256"] if number == 0 else "", "reason": reason})
    database.build(pd.DataFrame(rows), tmp_path / "frames.lmdb")
    database.build(pd.DataFrame(others), tmp_path / "counterparts.lmdb")
    parquet.write(pd.DataFrame(table), tmp_path / "counterparts.parquet")
    segments = np.stack([quadrants(), quadrants(), quadrants() + 16]).astype(np.int16)
    host = {"segments": segments, "called_real": False, "before": np.array([0.2, 0.8], np.float32)}
    host["frames_before"] = np.tile(host["before"], (3, 1))
    return SimpleNamespace(
        items=items,
        hosts={(item["key"], item["sha256"]): host for item in items},
        sources=Sources(
            FrameStore(tmp_path / "frames.lmdb"),
            pd.DataFrame(rows).set_index("key", drop=False),
            Counterparts(tmp_path / "counterparts.parquet", tmp_path / "counterparts.lmdb"),
        ),
    )


@pytest.mark.parametrize("method", (*CLIP_CONTROLS, *CEILINGS))
def test_the_stage_orders_every_clip(stored, method):
    settings = entry(method=method)
    records = list(run(stored.items, stored.hosts, settings, 3, stored.sources, TWO))
    (alone,) = run(stored.items[1:], stored.hosts, settings, 3, stored.sources, TWO)
    for record, item in zip(records, stored.items, strict=True):
        assert (record["key"], record["target"], record["called_real"]) == (item["key"], 1, False)
        assert record["images"] == record["calls"] == record["backwards"] == record["adversary_images"] == 0
        assert record["map"].shape == record["segments"].shape == (3, SIZE, SIZE) and record["map"].dtype == np.float32
        if not record["missing"]:
            assert sorted(record["ranking"]) == list(range(32)) and record["ranking"].dtype == np.int16
    assert records[0]["missing"] == ""
    assert bool(records[1]["missing"]) == (method == "oracle_difference")
    for name in ("map", "ranking", "scores"):
        np.testing.assert_array_equal(alone[name], records[1][name])


def test_a_record_belongs_to_its_frames_masks_and_counterparts(stored):
    sources, items = stored.sources, stored.items
    keys = [[frame["key"] for frame in item["frames"]] for item in items]
    given = [item["given"] for item in sources.with_given(items)]
    masks = [masks_id(map(sources._mask, some)) for some in keys]
    others = [counterparts_id(sources.counterparts, some) for some in keys]
    assert given == [named(*pair) for pair in zip(masks, others, strict=True)] and given[0] != given[1]
    assert masks[0] == masks[1] and others[0] != others[1]  # the same circles
    assert counterparts_id(sources.counterparts, keys[0][::-1]) != others[0]  # each frame's own
    assert Sources(sources.frames).with_given(items) == items
