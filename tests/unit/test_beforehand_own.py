"""Measures, explainers and detectors of the user's own are tried before any job starts."""

import json
import re
import sys
from dataclasses import replace

import pytest

from advxai.beforehand import own
from advxai.beforehand.own import TRIED, require_usable, trial
from advxai.common.errors import InputError
from advxai.metrics import Column
from tests.unit.paths_data import paths

ALL = ("explainers.A", "metrics", "detector.model")
FINE = {"method": "tests.custom:Occlusion", "baseline": "zeros"}
MODULE = """
from advxai.metrics import Column, Measure

class Mine(Measure):
    def __init__(self, name, kind="share", low=0.0, high=1.0, column=None):
        self.name, self.columns = name, [Column(column or f"{name}_a", "a", "higher", kind, low, high)]
    def measure(self, subject):
        yield from ()
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_measures.py").write_text(MODULE)
    (tmp_path / "own_lacking.py").write_text("import no_such_package_of_anybody\n")
    (tmp_path / "own_broken.py").write_text("def f(:\n")
    for name in ("own_measures", "own_lacking", "own_broken"):  # of another test's folder
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    return tmp_path


def measure(**params):
    return {"mine": {"measure": "own_measures:Mine", "params": params}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"explainers": {"A": FINE | {"params": {"bach": 2}}}},
            "explainer tests.custom:Occlusion: .*'bach'; correct its",
        ),
        ({"explainers": {"A": FINE | {"method": "tests.custom:Oclusion"}}}, "tests.custom:Oclusion: can't be imported"),
        ({"explainers": {"A": FINE | {"method": "own_broken:f"}}}, r"own_broken:f: can't be imported \(SyntaxError"),
        (
            {"metrics": measure(hight=2)},
            "measure own_measures:Mine: .*'hight'; its class takes `name` and the `params`",
        ),
        (
            {"metrics": measure(kind="ratio")},
            "column mine_a: kind is 'ratio'; it may be 'mean' or 'share'; correct the",
        ),
        ({"metrics": measure(high=2.0)}, r"column mine_a: a share's range is 0 to 1, not 0.0 to 2.0"),
        ({"metrics": measure(kind="mean", low=3.0)}, r"column mine_a: low is 3.0, which isn't below high, 1.0"),
        (
            {"metrics": measure(column="accuracy_1")},
            r"metrics.mine: its column accuracy_1 is one of the segment attacks",
        ),
        ({"metrics": measure(column="gini") | {"gini": {"measure": "complexity"}}}, ""),
        ({"detector": {"model": "tests.custom:tiny"}}, "detector tests.custom:tiny: can't be imported"),
    ],
)
def test_what_is_wrong_is_found_without_a_job(mine, changes, said):
    found = trial(paths(**changes).config, 5, ALL)
    assert found["untried"] == []
    if said:
        (wrong,) = found["wrong"]
        assert re.search(said, wrong) and "\n" not in wrong
    else:
        assert found["wrong"] == []


def test_what_can_be_used_is_and_a_package_of_another_machine_is_told(mine):
    config = paths(explainers={"A": FINE}, metrics=measure(), detector={"model": "tests.custom:tiny_detector"}).config
    assert trial(config, 5, ALL) == {"wrong": [], "untried": []}
    lacking = paths(explainers={"A": FINE | {"method": "own_lacking:X"}}).config
    assert trial(lacking, 5, ALL) == {
        "wrong": [],
        "untried": [
            "explainers.A can't be tried here, without the package no_such_package_of_anybody: its first job will tell"
        ],
    }


def test_they_are_tried_in_another_process_and_once(mine, tmp_path, monkeypatch):
    fine, wrong = paths(metrics=measure(), explainers={"A": FINE}), paths(metrics=measure(hight=2))
    with pytest.raises(InputError, match=r"^config: measure own_measures:Mine: .*'hight'"):
        require_usable(wrong, tmp_path)
    assert not (tmp_path / TRIED).exists()
    calls = []
    monkeypatch.setattr(own, "_tried", lambda _, __, keys: calls.append(keys) or {"wrong": [], "untried": []})
    assert require_usable(fine, tmp_path) == require_usable(fine, tmp_path) == []
    assert calls == [["explainers.A", "metrics"]]
    (tmp_path / "own_measures.py").write_text(MODULE + "# edited\n")
    require_usable(paths(metrics=measure(), explainers={"A": FINE}), tmp_path)
    require_usable(paths(metrics=measure(), explainers={"Renamed": FINE}), tmp_path)
    require_usable(paths(metrics=measure(), explainers={"A": FINE | {"params": {"batch": 2}}}), tmp_path)
    assert calls[1:] == [["metrics"], ["explainers.A"]] and len(json.loads((tmp_path / TRIED).read_text())) == 4


def test_a_module_that_ends_its_process_is_named(mine, tmp_path):
    (mine / "own_exits.py").write_text(
        "import os, sys\nprint('no licence', file=sys.stderr, flush=True)\nos._exit(3)\n"
    )
    with pytest.raises(
        InputError, match=r"own_exits: a process that imports these ended with exit code 3 \(no licence"
    ):
        require_usable(paths(metrics={"mine": {"measure": "own_exits:X"}}), tmp_path)


def test_a_class_that_is_never_done_is_named(mine, tmp_path, monkeypatch):
    slow = MODULE.replace("        self.name", "        import time; time.sleep(99)\n        self.name")
    (mine / "own_measures.py").write_text(slow)
    monkeypatch.setattr(own, "LONGEST", 3.0)
    with pytest.raises(InputError, match="config: own_measures: to import and build .* takes more than 3 s"):
        require_usable(paths(metrics=measure()), tmp_path)


TRAINED = {"training": {"trained_blocks": 3}}


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        (
            {"model": "efficient_vit", "input_size": 48, "network": {"backbone": "vit_tiny_patch16_224", "depth": 1}},
            "detector.network.backbone: vit_tiny_patch16_224 can't take images of 48 px",
        ),
        ({"model": "efficient_vit", "network": {"backbone": "nope"}}, "timm has no model 'nope'"),
        ({"model": "meso4"} | TRAINED, "detector.training.trained_blocks: meso4 has no blocks to freeze"),
        ({"model": "mobilenetv3_small_050", "training": {"trained_blocks": 99}}, "has 12 blocks, fewer than 99"),
        ({"model": "mobilenetv3_small_050"} | TRAINED, ""),
    ],
)
def test_a_network_that_can_t_be_built_or_frozen_so_is_told_without_a_job(detector, said):
    config = paths(detector=detector).config
    found = trial(config, 5, own._digests(config, 5))
    assert found["untried"] == [] and len(found["wrong"]) == bool(said)
    if said:
        assert said in found["wrong"][0] and "\n" not in found["wrong"][0]


def test_a_network_is_built_where_something_is_to_be_said_of_it():
    def tried(**detector) -> str | None:
        return own._digests(paths(detector=detector).config, 5).get("network")

    assert tried() is None
    built = tried(model="efficient_vit")
    assert built and tried(model="efficient_vit", network={"depth": 1}) != built
    assert tried(**TRAINED) and tried(**TRAINED) != tried(training={"trained_blocks": 4})


def test_measures_of_ours_need_no_other_process(tmp_path, monkeypatch):
    monkeypatch.setattr(own, "_tried", lambda *_: pytest.fail("nothing here is of the user's own"))
    assert require_usable(paths(), tmp_path) == []
    clash = {"flip": {"measure": "restoration"}, "flip_fall": {"measure": "complexity"}}
    assert require_usable(paths(metrics=clash), tmp_path) == []


def test_a_column_says_what_can_be():
    fine = Column("a", "a", "higher", chance=0.5)
    for change, said in (
        ({"better": "highest"}, "better is 'highest'; it may be 'higher', 'lower' or None"),
        ({"chance": 2.0}, "chance is 2.0, which isn't from 0.0 to 1.0"),
        ({"low": 1.0}, "low is 1.0, which isn't below high, 1.0"),
    ):
        with pytest.raises(ValueError, match=f"^the column a: {re.escape(said)}$"):
            replace(fine, **change)
