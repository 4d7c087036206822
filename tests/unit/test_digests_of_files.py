"""Digests of what the user brings along: lists of videos and images, a detector, code."""

import importlib.metadata
from hashlib import sha256
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.config import load
from advxai.run.paths import Paths
from tests.unit.paths_data import DETECTOR, ENGINES, folders, moved, of, paths


def test_a_detector_trained_on_ffpp_is_known_by_what_it_learns_from(tmp_path):
    """The files of its train and validation videos, by their bytes; not that of the test videos."""
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.json").write_text("[]")
    corpus = {"kind": "ffpp", "root": str(tmp_path), "splits": str(tmp_path), "categories": ["Deepfakes", "FaceSwap"]}

    def detector(**changes) -> Path:
        return Paths(load({"run": "a", "corpus": corpus | changes})).detector.path

    first = detector()
    assert detector(categories=["FaceSwap", "Deepfakes"]) == first
    assert len({first, detector(categories=["Deepfakes"]), detector(compression="c40"), detector(root="/other")}) == 4
    for split, moves in (("test", False), ("train", True), ("val", True)):
        before = detector()
        (tmp_path / f"{split}.json").write_text("[[]]")
        assert (detector() != before) == moves


def test_planning_needs_no_data(tmp_path):
    config = {"kind": "ffpp", "root": str(tmp_path / "no"), "splits": str(tmp_path / "no.csv")}
    absent = load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": "no.ckpt"}})
    with pytest.raises(InputError, match=r"no\.ckpt"):
        Paths(absent).detector  # noqa: B018
    assert Paths(absent, planning=True).detector.params["checkpoint"] == "absent"
    there = tmp_path / "there.ckpt"
    there.write_bytes(b"weights")
    present = load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": str(there)}})
    known = {Paths(present, planning=planning).detector.params["checkpoint"] for planning in (True, False)}
    assert known == {sha256(b"weights").hexdigest()}


@pytest.mark.parametrize("columns", ["", " split"])
def test_a_plan_looks_where_the_run_puts_things(tmp_path, columns):
    """With a list of images of one's own, with a column of splits or without; splits say what is trained on."""
    listed, rest = tmp_path / "list.csv", {"corpus": paths().config.corpus.model_dump()}
    config = load({"run": "a", "frames": {"manifest": str(listed)}} | rest)
    Paths(config, planning=True).detector  # noqa: B018 - a list that isn't there yet is no error
    found = []
    for image in ("a.png 1 3", "b.png 1 3"):
        listed.write_text(f"relative_path bin_label mc_label{columns}\n{image}{columns and ' train'}\n")
        plan, real = folders(Paths(config, planning=True)), folders(Paths(config))
        assert plan == real
        found.append(real["detector"])
    if columns:
        assert found[0] != found[1]


def test_detectors_that_were_trained_before_a_key_came_keep_their_digest():
    assert "keep" not in paths().detector_params["training"]
    assert paths(detector={"training": {"keep": "last"}}).detector_params["training"]["keep"] == "last"


def test_settings_of_an_augmentation_that_is_off_move_nothing():
    off = {"detector": {"training": {"augment": False}}}
    other = {"detector": {"training": {"augment": False, "jpeg": 60, "blur": 0.5}}}
    assert moved(paths(**off), paths(**other)) == set()
    assert moved(paths(), paths(**off)) == DETECTOR


OWN = """
class Own: pass
def net(num_classes): pass
"""


@pytest.fixture
def own_code(tmp_path, monkeypatch) -> Path:
    file = tmp_path / "advxai_own_code.py"
    file.write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return file


def test_changed_code_of_an_explainer_moves_its_maps(own_code):
    rows = {"explainers": {"Own": {"method": "advxai_own_code:Own", "baseline": "zeros"}, "SOBOL": ENGINES["SOBOL"]}}
    before = paths(**rows)
    assert before.saliency("Own").params["module"] == "advxai_own_code"
    assert moved(before, paths(**rows)) == set()
    before.require_same_code()
    own_code.write_text(OWN.replace("pass", "x = 1", 1))
    assert moved(before, paths(**rows)) == of("saliency evaluation", ("Own",))
    with pytest.raises(InputError, match="the code of advxai_own_code was edited while this job was starting: run"):
        before.require_same_code()


def test_changed_code_of_a_detector_moves_all_that_it_answers(own_code):
    own = {"detector": {"model": "advxai_own_code:net"}}
    before = paths(**own)
    assert moved(before, paths(**own)) == set()
    own_code.write_text(OWN + "# changed\n")
    assert moved(before, paths(**own)) == DETECTOR
    own_code.unlink()
    importlib.invalidate_caches()
    with pytest.raises(InputError, match="detector.model: the module 'advxai_own_code' can't be found: put its folder"):
        _ = paths(**own).detector.path


def test_an_installed_explainer_s_code_is_that_of_its_entry_point(own_code, monkeypatch):
    point = importlib.metadata.EntryPoint("own", "advxai_own_code:Own", "advxai.explainers")
    chosen = lambda **wanted: [point] if wanted.get("name", "own") == "own" else []  # noqa: E731
    monkeypatch.setattr("advxai.config.explainers.entry_points", chosen)
    rows = {"explainers": {"Own": {"method": "own", "baseline": "zeros"}}}
    before = paths(**rows)
    assert before.saliency("Own").params["module"] == "advxai_own_code"
    own_code.write_text(OWN + "# changed\n")
    assert moved(before, paths(**rows)) == of("saliency evaluation", ("Own",))


@pytest.mark.parametrize(
    ("header", "detector", "expected"),
    [("", {}, True), (" split", {}, False), ("", {"checkpoint": "own.pth"}, False)],
)
def test_a_list_without_splits_may_not_name_what_is_learnt(tmp_path, header, detector, expected):
    """One with splits is part of the detector's digest; of a checkpoint nobody knows what it was trained on."""
    listed = tmp_path / "list.csv"
    listed.write_text(f"relative_path bin_label mc_label{header}\n")
    own = paths(frames={"manifest": str(listed)}, detector=detector)
    assert own.unlearnt is expected
    if not detector:
        assert (own.detector.path != paths().detector.path) is bool(header)
    assert paths().unlearnt is False
