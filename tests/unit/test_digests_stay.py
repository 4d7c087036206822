"""The demo's and FF++'s digests are those of before classes were data: what is in a user's store is found again."""

import json
from pathlib import Path

from advxai.config import load
from advxai.config.file import read
from advxai.run.paths import Paths

ROOT = Path(__file__).parents[2]
BEFORE = json.loads(Path(__file__).with_name("digests.json").read_text())  # of 2026-11-26, commit dcbe3e0
PAIRS = {"train": [["071", "054"]], "val": [["720", "672"]], "test": [["953", "974"]]}


def folders(mapping: dict, **detector: object) -> list[str]:
    mapping = mapping | {"detector": mapping["detector"] | detector}
    paths = Paths(load(mapping), planning=True)
    return [folder.path.relative_to(paths.store).as_posix() for folder in paths.folders]


def test_the_demo_s(monkeypatch):
    monkeypatch.chdir(ROOT)
    demo = read(ROOT / "config.yaml")
    assert folders(demo) == BEFORE["demo"]
    assert folders(demo, trained=None) == BEFORE["demo trained here"]


def test_ffpp_s(tmp_path, monkeypatch):
    """With split files of one pair each, and a checkpoint that isn't there yet."""
    monkeypatch.chdir(tmp_path)
    Path("splits").mkdir()
    for split, pairs in PAIRS.items():
        Path("splits", f"{split}.json").write_text(json.dumps(pairs))
    ffpp = read(ROOT / "config/ffpp.yaml")
    ffpp["corpus"]["splits"] = "splits"
    assert folders(ffpp) == BEFORE["ffpp"]
    assert folders(ffpp, checkpoint=None) == BEFORE["ffpp trained"]
    assert folders(ffpp | {"protocol": "corrected"}) == BEFORE["ffpp corrected"]
