"""The stage metrics: what its records belong to, its rows, measures from outside, its configuration and digests."""

import math
from typing import Any

import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.config.metrics import Complexity as ComplexitySettings
from advxai.config.metrics import CustomMeasure
from advxai.config.metrics import Localisation as LocalisationSettings
from advxai.config.metrics import Restoration as RestorationSettings
from advxai.metrics import Column, Measure, Measured, Subject, all_columns, build, measures
from advxai.metrics.base import explanation_id
from advxai.metrics.complexity import Complexity
from advxai.metrics.localisation import Localisation
from advxai.metrics.restoration import Restoration
from advxai.metrics.rows import ROWS, metrics_rows
from advxai.metrics.stage import with_forwards, without_forwards
from advxai.run.digests import VERSIONS
from tests.helpers import SIZE, UNIT, quadrants, reads_segment
from tests.unit.paths_data import paths
from tests.unit.test_metrics import BRIGHT, ORDER, Genuine, record, region, subjects

HERE = "tests.unit.test_metrics_stage"


def test_items_are_known_by_all_that_a_measure_looks_at():
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[0, 0] = 255
    images = [{"key": "a", "sha256": "1"}]
    restoration, localisation = Restoration("restoration", 0.3, 3), Localisation("localisation", 3)

    def given(measure: Measure, one: dict = record(), mask: Any = mask, genuine: Any = None) -> str:  # noqa: B008
        (item,) = subjects({"a": one}, mask, genuine).items(images, measure)
        return item["given"]

    complexity, light = Complexity("complexity"), Genuine(BRIGHT)
    for measure in (restoration, localisation, complexity):
        assert given(measure) == given(measure)
        assert given(measure) != given(measure, record([0, *ORDER[:1], *ORDER[2:]]))
    assert given(restoration) != given(restoration, genuine=light) and given(restoration) == given(
        restoration, mask=None
    )
    assert given(localisation) != given(localisation, genuine=light) != given(localisation, mask=None)
    assert given(complexity) == given(complexity, genuine=light, mask=None)


def test_an_explanation_is_known_by_all_that_a_measure_may_look_at():
    """Such as the zero of its map, which records of earlier code lack: what is measured of those isn't later ones'."""
    same = explanation_id(record(draws=np.array([ORDER], np.int16)))
    assert same == explanation_id(record(draws=np.array([ORDER], np.int16), seconds=3.0, made_with="an abacus"))
    changes: list[dict[str, Any]] = [
        {"zero": 0.0}, {"missing": "x"}, {"called_real": True}, {"before": np.array([0.5, 0.5], np.float32)},
        {"draws": np.array([ORDER[::-1]], np.int16)}, {"draws": np.array([ORDER, ORDER], np.int16)},
        {"segments": quadrants().T}, {"map": np.zeros((SIZE, SIZE), np.float32)},
    ]  # fmt: skip
    names = {explanation_id(record(**{"draws": np.array([ORDER], np.int16), **change})) for change in changes}
    assert len(names) == len(changes) and same not in names


@pytest.mark.parametrize("name", ["restoration", "localisation", "complexity"])
def test_what_has_no_explanation_is_missing_in_every_column_with_the_explanation_s_reason(name):
    """Whatever else there is to be said of the image: its mask, its counterpart, what it is called."""
    why = "no counterpart: 012.mp4 isn't there"
    nothing = {"map": np.zeros((SIZE, SIZE), np.float32), "scores": np.zeros(16, np.float32)}
    found = subjects(
        {"a": record([], missing=why, **nothing), "b": record()}, (region(5) * 255).astype(np.uint8), Genuine()
    )
    items = [{"key": key, "sha256": "1", "category": "Deepfakes"} for key in "ab"]
    measure = measures(paths().config)[name]
    if name == "restoration":
        made = list(with_forwards(items, found, measure, reads_segment(5), at_once=2))
    else:
        made = list(without_forwards(items, found, measure))
    rows = metrics_rows("LIME", items, [(measure, {one["key"]: one for one in made})])
    missing, there = rows[rows["key"] == "a"], rows[rows["key"] == "b"]
    assert missing["value"].isna().all() and set(missing["reason"]) == {why}
    assert len(missing) == len(there) == len(measure.columns)
    assert why not in set(there["reason"]) and there["value"].notna().any()


def test_numbers_don_t_depend_on_neighbours_or_their_order():
    detector, measure = reads_segment(5), Restoration("restoration", 0.3, 3)
    orders = [np.random.default_rng(seed).permutation(16) for seed in range(5)]
    records = {str(number): record(order) for number, order in enumerate(orders)}
    items = [{"key": key, "sha256": "1"} for key in records]

    def values(chosen: list[dict], at_once: int) -> dict[str, list[float]]:
        found = with_forwards(chosen, subjects(records), measure, detector, at_once)
        return {one["key"]: one["values"].tolist() for one in found}

    together = values(items, 4)
    assert together == values(items[::-1], 1) and together["3"] == values(items[3:4], 2)["3"]


def test_rows_are_tidy():
    items = [{"key": key, "sha256": "1", "category": "Deepfakes"} for key in "ab"]
    records = {"a": record(), "b": record(missing="no face")}
    measure = Complexity("complexity")
    made = {one["key"]: one for one in without_forwards(items, subjects(records), measure)}
    rows = metrics_rows("LIME", items, [(measure, made)])
    assert list(rows.columns) == list(ROWS) and rows["column"].tolist() == ["gini", "entropy"] * 2
    assert rows["value"].notna().tolist() == [True, True, False, False]
    assert rows["reason"].tolist() == ["", "", "no face", "no face"]
    assert metrics_rows("LIME", [], [(measure, {})]).empty


# -- registry and configuration -------------------------------------------------------------------------------------
class Own(Measure):
    """The share of the image that the first segment takes."""

    def __init__(self, name: str, scale: float = 1.0, returns: Any = None, asks: bool = False) -> None:
        self.name, self.scale, self.returns, self.asks = name, scale, returns, asks
        self.columns = [Column(f"{name}_first", "first segment", None)]

    def measure(self, subject: Subject) -> Any:
        if self.asks:
            yield subject.image
        yield from ()
        share = float((subject.segments == subject.rankings[0][0]).mean()) * self.scale
        return self.returns if self.returns is not None else Measured({f"{self.name}_first": share})


class Stranger:
    pass


class NoColumns(Own):
    def __init__(self, name: str) -> None:
        self.name, self.columns = name, []


def own(kind: str = "Own", **settings: Any) -> CustomMeasure:
    return CustomMeasure(measure=f"{HERE}:{kind}", **settings)


def test_a_measure_from_outside():
    measure = build("mine", own(params={"scale": 2.0}, forwards=False))
    (made,) = without_forwards([{"key": "a", "sha256": "1"}], subjects({"a": record()}), measure)
    assert made["values"].tolist() == [2 / 16]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (own("Missing"), "can't be imported"),
        (own("Stranger"), "is no subclass of advxai.metrics.Measure"),
        (own(params={"size": 1}), "unexpected keyword argument 'size'"),
        (own("NoColumns"), "its `columns` must be advxai.metrics.Column, one at least"),
    ],
)
def test_what_is_wrong_with_a_measure_from_outside_is_said(settings, said):
    with pytest.raises(InputError, match=said):
        build("mine", settings)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"asks": True}, "it asks the detector; set its `forwards: true`"),
        ({"returns": 3}, "it returned a int for the image a"),
        ({"returns": Measured({"other": 1.0})}, "it returned other, which is none of its columns"),
        ({"returns": Measured({"mine_first": math.inf})}, "a value of the image a is infinite"),
    ],
)
def test_what_a_measure_returns_is_checked(params, said):
    with pytest.raises(InputError, match=said):
        list(without_forwards([{"key": "a", "sha256": "1"}], subjects({"a": record()}), Own("mine", **params)))


def test_every_column_of_a_run_has_a_name_of_its_own():
    config = paths().config
    found = all_columns(config)
    assert list(found)[:1] == ["restoration"] and {"auc_mask", "gini", "accuracy_3", "flip_1"} <= set(found)
    assert all(one.low < one.high and one.reference for one in found.values())
    two = {"restoration": {"measure": "restoration"}, "half": {"measure": "restoration", "area": 0.5}}
    assert {"half", "half_flip_2", "restoration"} <= set(all_columns(paths(metrics=two).config))
    clash = {"one": {"measure": "localisation"}, "one_auc": {"measure": "restoration"}}
    with pytest.raises(InputError, match=r"metrics.accuracy_1: its column accuracy_1 is one of the segment attacks"):
        measures(paths(metrics={"accuracy_1": {"measure": "restoration"}}).config)
    assert len(measures(paths(metrics=clash).config)) == 2
    assert all_columns(paths(metrics={}).config).keys() == {
        f"{name}_{k}" for name in ("accuracy", "sufficiency", "flip") for k in (1, 2, 3)
    }


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"restoration": {"measure": "restored"}}, "metrics.restoration.*is not one of restoration, localisation"),
        ({"a b": {"measure": "complexity"}}, "the name 'a b' may hold small letters"),
        ({"mine": {"measure": "nowhere:Class"}}, "the module 'nowhere' can't be found"),
        ({"r": {"measure": "restoration", "area": 1.5}}, "metrics.r.*area"),
    ],
)
def test_configurations_that_are_refused(metrics, said):
    with pytest.raises(InputError, match=said):
        paths(metrics=metrics)


def test_digests_of_measures():
    before = paths()
    names = ("restoration", "localisation", "complexity")

    def moved(**changes: Any) -> set[str]:
        after = paths(**changes)
        return {name for name in names if before.measure(name).path != after.measure(name).path}

    assert moved(seed=3) == {"restoration"}  # of another training; nothing else is drawn
    assert moved(detector={"forward_batch": 8}) == {"restoration"}
    wider = {name: {"measure": name} for name in names} | {"localisation": {"measure": "localisation", "top": 2}}
    assert moved(metrics=wider) == {"localisation"}
    # whose explanation it is doesn't matter to a measure's records, but to its rows
    assert before.metrics("LIME").path != before.metrics("SHAP").path
    assert before.measured("complexity", "LIME")[0].parent == before.measured("complexity", "SHAP")[0].parent


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("counterparts", {"counterparts"}),
        ("faces", {"counterparts", "restoration", "metrics LIME", "metrics SHAP_adv"}),
        ("detector", {"restoration", "metrics LIME", "metrics SHAP_adv"}),
        ("adversary", {"metrics SHAP_adv"}),
        ("saliency", {"metrics LIME", "metrics SHAP_adv"}),
        ("attacks", set()),
        ("metrics", {"restoration", "localisation", "complexity", "metrics LIME", "metrics SHAP_adv"}),
    ],
)
def test_a_raised_version_moves_what_is_measured(monkeypatch, stage, expected):
    def folders() -> dict[str, Any]:
        of = paths()
        found = {f"metrics {name}": of.metrics(name).path for name in ("LIME", "SHAP_adv")}
        found |= {name: of.measure(name).path for name in of.config.metrics}
        return found | {"counterparts": of.cut_counterparts.path}

    before = folders()
    monkeypatch.setitem(VERSIONS, stage, VERSIONS[stage] + 1)
    after = folders()
    assert {name for name in before if before[name] != after[name]} == expected


def test_images_that_restoration_takes():
    settings = RestorationSettings(measure="restoration")
    assert settings.images(50) == (16, 51) and settings.images(50, draws=5) == (76, 251)
    assert settings.images(4) == (4, 5)
    assert settings.forwards and not LocalisationSettings(measure="localisation").forwards
    assert not ComplexitySettings(measure="complexity").forwards


def test_preprocessing_is_the_detector_s():
    """191 and 64 of 255 are .498 and -.498 where mean and std are .5."""
    assert UNIT.normalised(BRIGHT).max() == pytest.approx((191 / 255 - 0.5) / 0.5)


def test_two_entries_of_one_measure_have_titles_of_their_own():
    """Tables and figures go by titles."""
    two = {"restoration": {"measure": "restoration"}, "half": {"measure": "restoration", "area": 0.5}}
    both = all_columns(paths(metrics=two).config)
    assert len({one.title for one in both.values()}) == len(both)
    assert both["half_flip_2"].title == "restoration, flips at top-2 (half)"


class Fails(Measure):
    columns = (Column("fails", "fails", "higher", low=0, high=1),)

    def measure(self, subject: Subject):
        yield from ()
        return {}["nothing"]


def test_an_error_of_a_measure_from_outside_is_one_line():
    items, found = [{"key": "a", "sha256": "1", "given": ""}], subjects({"a": record()})
    measure = Fails()
    measure.name = "mine"
    said = r"^metrics.mine: KeyError: 'nothing' \(line \d+ of test_metrics_stage.py\); correct the class$"
    with pytest.raises(InputError, match=said):
        list(without_forwards(items, found, measure))
    with pytest.raises(InputError, match=said):
        list(with_forwards(items, found, measure, reads_segment(5), at_once=2))
