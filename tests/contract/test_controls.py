"""What every control and ceiling keeps, whatever its method."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advxai.config.controls import CEILINGS, CONTROLS
from advxai.saliency.beside import run
from advxai.saliency.controls import Ordered, Sight, ordered
from advxai.saliency.prior import FACE, SIDE, ellipses
from tests.golden.pictures import picture
from tests.helpers import SIZE, explainer_settings, quadrants

ROOT = Path(__file__).parents[2]
METHODS = (*CONTROLS, *CEILINGS)
KEYS = [f"videos/000_001.mp4/{number}" for number in range(4)]


def sight(number: int) -> Sight:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[4 : 10 + number, 9:21] = 255
    landmarks = (FACE + number) * SIZE / SIDE
    return Sight(KEYS[number], quadrants(), picture(number), mask, picture(number + 50), "", landmarks, ellipses())


def made(method: str, number: int = 1, **changes: object) -> Ordered:
    return ordered(explainer_settings(method=method), replace(sight(number), **changes), seed=3)


def records(method: str, numbers: list[int]) -> dict[str, dict]:
    """Key -> record, by the stage."""
    items = [{"key": KEYS[number], "sha256": f"hash of {number}"} for number in numbers]
    host = {"segments": quadrants(), "target": 1, "called_real": False, "before": np.array([0.2, 0.8], np.float32)}
    hosts = {(item["key"], item["sha256"]): host for item in items}
    see = lambda item, segments: replace(sight(KEYS.index(item["key"])), segments=segments)  # noqa: E731
    found = run(items, hosts, explainer_settings(method=method), 3, see)
    return {record["key"]: record for record in found}


@pytest.mark.parametrize("method", METHODS)
def test_every_segment_is_ranked_once_by_finite_scores(method):
    found = made(method)
    assert sorted(found.ranking) == list(range(16)) and found.missing == ""
    assert found.map.shape == (SIZE, SIZE) and found.scores.shape == (16,)
    assert found.map.dtype == found.scores.dtype == np.float32 and found.ranking.dtype == np.int16
    assert np.isfinite(found.map).all() and np.isfinite(found.scores).all()
    falling = found.scores[found.ranking]
    assert (falling[:-1] >= falling[1:]).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_the_same_again_and_nobody_s_input_is_changed(method):
    given = sight(1)
    before = [array.copy() for array in (given.image, given.mask, given.counterpart, given.segments)]
    first, again = (ordered(explainer_settings(method=method), given, seed=3) for _ in range(2))
    assert (first.ranking == again.ranking).all() and (first.map == again.map).all()
    now = (given.image, given.mask, given.counterpart, given.segments)
    assert all((one == other).all() for one, other in zip(before, now, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_an_image_s_record_depends_on_no_other_image(method):
    together, turned, alone = records(method, [0, 1, 2, 3]), records(method, [3, 1]), records(method, [1])
    for other in (turned, alone):
        for field, value in other[KEYS[1]].items():
            if field != "seconds":
                assert np.array_equal(value, together[KEYS[1]][field], equal_nan=field == "zero"), field


@pytest.mark.parametrize("method", METHODS)
def test_a_record_has_the_fields_of_the_stage_and_no_forward(method):
    record = records(method, [1])[KEYS[1]]
    assert {"key", "sha256", "map", "segments", "scores", "ranking", "zero", "missing", "before"} <= set(record)
    assert (record["target"], record["called_real"]) == (1, False)
    spent = ("images", "calls", "adversary_images", "adversary_calls", "adversary_seconds")
    assert [record[name] for name in spent] == [0] * 5 and record["seconds"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_one_segment_is_an_order_too(method):
    found = made(method, segments=np.zeros((SIZE, SIZE), np.int16))
    assert found.ranking.tolist() == [0] and np.isfinite(found.scores).all()


@pytest.mark.parametrize("method", ["edges", "oracle_difference", "centre"])
def test_a_picture_of_one_colour_has_the_order_of_the_labels(method):
    grey = np.full((SIZE, SIZE, 3), 90, np.uint8)
    found = made(method, image=grey, counterpart=grey)
    expected = [5, 6, 9, 10] if method == "centre" else [0, 1, 2, 3]
    assert sorted(found.ranking[:4].tolist()) == expected


def test_no_torch_is_imported():
    """Of whole jobs: tests/unit/test_environments.py."""
    code = (
        "import sys, advxai.saliency.controls, advxai.saliency.beside, advxai.saliency.prior; "
        "sys.exit('torch' in sys.modules or 'skimage' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
