"""The demo's and FF++'s digests are the recorded ones: what is in a user's store is found again.

`digests.json` has them twice: `before` are those of before classes were data, `now` are all of the present ones. To
record the latter anew, on purpose: `python -m tests.unit.test_digests_stay`.
"""

import json
import os
import tempfile
from pathlib import Path

import pytest

from advxai.config import load
from advxai.config.file import read
from advxai.run.paths import Paths

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("digests.json")
RECORDED = json.loads(FILE.read_text())
BEFORE = RECORDED["before"]  # of 2026-11-26, commit dcbe3e0
NOW = RECORDED["now"]
PAIRS = {"train": [["071", "054"]], "val": [["720", "672"]], "test": [["953", "974"]]}


def folders(mapping: dict, **detector: object) -> list[str]:
    mapping = mapping | {"detector": mapping["detector"] | detector}
    paths = Paths(load(mapping), planning=True)
    return [folder.path.relative_to(paths.store).as_posix() for folder in paths.folders]


def demo() -> dict:
    return read(ROOT / "config.yaml")


def of_demo(mapping: dict) -> dict[str, list[str]]:
    return {"demo": folders(mapping), "demo trained here": folders(mapping, trained=None)}


def of_ffpp() -> dict[str, list[str]]:
    """With split files of one pair each in the present folder, and a checkpoint that isn't there yet."""
    Path("splits").mkdir()
    for split, pairs in PAIRS.items():
        Path("splits", f"{split}.json").write_text(json.dumps(pairs))
    ffpp = read(ROOT / "config/ffpp.yaml")
    ffpp["corpus"]["splits"] = "splits"
    return {
        "ffpp": folders(ffpp),
        "ffpp trained": folders(ffpp, checkpoint=None),
        "ffpp corrected": folders(ffpp | {"protocol": "corrected"}),
    }


def test_the_demo_s(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert of_demo(demo()) == {name: NOW[name] for name in ("demo", "demo trained here")}


def test_ffpp_s_and_none_of_the_former_ones_is_lost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, found in of_ffpp().items():
        assert found == NOW[name]
        assert set(BEFORE[name]) <= set(found)


@pytest.mark.parametrize("name", ["demo", "demo trained here"])
def test_of_the_demo_only_lime_has_moved_and_by_its_segmentation_alone(monkeypatch, name):
    """Its segments are those of the normalised image since there are controls, so that all rows have one set of these.
    As the two rows were configured before, their folders are found too."""
    monkeypatch.chdir(ROOT)
    moved = {folder.split("-")[0] for folder in set(BEFORE[name]) - set(NOW[name])}
    assert moved == {f"{stage}/{row}" for stage in ("saliency", "evaluation") for row in ("LIME", "LIME_adv")}
    former = demo()
    for row in ("LIME", "LIME_adv"):
        assert former["explainers"][row].pop("segmentation") == {"image": "normalised"}
    assert set(BEFORE[name]) <= set(of_demo(former)[name])


if __name__ == "__main__":
    os.chdir(ROOT)
    found = of_demo(demo())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found |= of_ffpp()
        os.chdir(ROOT)
    FILE.write_text(json.dumps({"before": BEFORE, "now": found}, indent=1) + "\n")
