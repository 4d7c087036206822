"""A detector whose only evidence is one known region: the explainers that find it, and the oracle, are told from random
rankings, by statistics of people; and what knows nothing isn't."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.answer import comparisons
from advxai.answer.estimates import estimates
from advxai.answer.rows import Row
from advxai.answer.sentences import sentences
from advxai.config.controls import OracleMask, Random
from advxai.metrics.restoration import Restoration
from advxai.metrics.rows import metrics_rows
from advxai.metrics.stage import with_forwards
from advxai.metrics.subjects import Subjects
from advxai.saliency.controls import Sight, ordered
from advxai.saliency.stage import run
from tests.helpers import SIZE, explainer_settings, quadrants, reads_segment

PEOPLE, EACH = 22, 2
REGION = 6
MEASURE = Restoration("restoration", 0.3, 3)
FOUND = {"LIME": {"method": "lime", "samples": 40}, "SHAP": {"method": "shap", "evaluations": 30}}
BLIND = {"RISE": {"method": "rise", "masks": 4}}  # too few masks to find anything


def picture(number: int) -> np.ndarray:
    """Grey noise; the region is bright."""
    image = np.random.default_rng(number).integers(100, 130, (SIZE, SIZE, 3)).astype(np.uint8)
    image[quadrants() == REGION] = 180
    return image


class Genuine:
    """The same picture without the bright region."""

    def image(self, key: str) -> np.ndarray:
        image = picture(int(key.split(".")[0].split("/")[1]))
        image[quadrants() == REGION] = 80
        return image

    def reason(self, key: str) -> str:
        return ""

    def sha256(self, key: str) -> str:
        return key


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    keys = [f"person{number % PEOPLE}/{number}.png" for number in range(PEOPLE * EACH)]
    return [{"key": key, "sha256": "1", "category": "Deepfakes"} for key in keys]


@pytest.fixture(scope="module")
def scores(items: list[dict[str, Any]]) -> Any:
    """Restoration of two explainers that find the region, one that doesn't, random, and the oracle."""
    detector, patch = reads_segment(REGION, gain=8.0), pytest.MonkeyPatch()
    patch.setattr("advxai.saliency.prepare.segment", lambda *_: quadrants())
    mask = (quadrants() == REGION).astype(np.uint8) * 255

    def load(item: dict[str, Any]) -> np.ndarray:
        return picture(int(item["key"].split(".")[0].split("/")[1]))

    explained: dict[str, dict[str, Any]] = {}
    for name, settings in (FOUND | BLIND).items():
        entry = explainer_settings(**settings, baseline="image_mean")
        explained[name] = {one["key"]: one for one in run(items, load, detector, entry, 0, 16)}
    patch.undo()
    for name, control in (("random", Random(method="random")), ("oracle", OracleMask(method="oracle_mask"))):
        explained[name] = {}
        for item in items:
            host = explained["LIME"][item["key"]]
            found = ordered(control, Sight(item["key"], quadrants(), load(item), mask), seed=0)
            order = {"map": found.map, "scores": found.scores, "ranking": found.ranking, "zero": found.zero}
            explained[name][item["key"]] = {**host, **order, **found.more}
    tables = []
    for name, records in explained.items():
        subjects = Subjects(records, lambda key, _: load({"key": key}), lambda _: mask, Genuine(), detector.classes)
        made = {one["key"]: one for one in with_forwards(items, subjects, MEASURE, detector, 16)}
        tables.append(metrics_rows(name, items, [(MEASURE, made)]))
    whole = pd.concat(tables, ignore_index=True)
    return whole.assign(cluster=whole["key"].str.partition("/")[0])


ROWS = [
    Row("LIME", "explainer", "lime", "image_mean", ("random",)),
    Row("SHAP", "explainer", "shap", "image_mean", ("random",)),
    Row("RISE", "explainer", "rise", "image_mean", ("random",)),
    Row("random", "control", "random"),
    Row("oracle", "ceiling", "oracle_mask"),
]
COLUMN = MEASURE.columns[0]


def test_who_finds_the_region_is_above_random_with_intervals_that_don_t_overlap(scores):
    found = estimates(scores, [COLUMN], seed=0).set_index("explainer")
    assert (found["n"] == PEOPLE * EACH).all() and (found["clusters"] == PEOPLE).all()
    for name in ("LIME", "SHAP", "oracle"):
        assert found["low"][name] > found["high"]["random"], name
    # the oracle puts the region back first: nothing can be above it
    assert found["value"].max() == pytest.approx(found["value"]["oracle"])
    assert found["value"]["LIME"] == pytest.approx(found["value"]["oracle"], abs=0.02)


def test_what_knows_nothing_isn_t_told_from_random(scores):
    found = comparisons.tests(scores, [COLUMN], ROWS, [], seed=0)
    lines = found.set_index(["a", "b"])["p"]
    assert lines["LIME", "random"] < 0.001 and lines["SHAP", "random"] < 0.001
    assert lines["RISE", "random"] > 0.05
    assert "oracle" not in set(found["a"]) | set(found["b"])


def test_the_answer_says_so(scores):
    values = estimates(scores, [COLUMN], seed=0)
    compared = comparisons.tests(scores, [COLUMN], ROWS, [], seed=0)
    said = sentences(values, compared, comparisons.best(scores, [COLUMN], ROWS, seed=0), [COLUMN], ROWS)
    text = " ".join(sentence.text for sentence in said)
    assert "LIME and SHAP do better than each control" in text and "RISE" in text
