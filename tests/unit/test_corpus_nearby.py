"""FF++ one folder too high or too low, and split files of Windows."""

import json
import re

import pytest

from advxai.common.errors import InputError
from advxai.corpus import nearby as module
from advxai.corpus.ffpp import missing, read_splits
from advxai.corpus.nearby import nearby
from tests.unit.test_corpus_ffpp import PAIRS, metadata, put, root

__all__ = ["root"]  # the fixture
WANTED = {"Real": ["train"], "Deepfakes": ["train", "test"]}


def lacks(given, splits, wanted=None):
    return missing(given, "c23", ["Deepfakes", "FaceSwap"], [], splits, wanted)


def test_a_root_that_is_too_high_or_too_low_is_told_where_the_folders_are(root, tmp_path):
    splits = tmp_path / "splits"
    said = "holds neither original_sequences nor manipulated_sequences: these are in"
    for given in (
        tmp_path,
        root / "original_sequences",
        root / "manipulated_sequences/Deepfakes/c23/videos",
        root / "typo",
    ):
        assert lacks(given, splits) == [f"corpus.root: {given} {said} {root}: set corpus.root to it"]
    deeper = tmp_path / "down/below"
    deeper.mkdir(parents=True)
    inner = root.rename(deeper / "ff")
    assert lacks(tmp_path / "down", splits) == [
        f"corpus.root: {tmp_path / 'down'} {said} {inner}: set corpus.root to it"
    ]
    root = inner.rename(root)
    (tmp_path / "other/original_sequences").mkdir(parents=True)
    assert lacks(tmp_path, splits) == [
        f"corpus.root: {tmp_path} {said} {root} and {tmp_path / 'other'}: set corpus.root to one of them"
    ]
    (tmp_path / "elsewhere").mkdir()
    assert [lack.partition(":")[0] for lack in lacks(tmp_path / "elsewhere/deep/er", splits)] == ["corpus.root"]


def test_a_folder_of_splits_that_is_too_high_or_too_low_is_told_where_the_files_are(root, tmp_path):
    splits = tmp_path / "splits"
    for given in (tmp_path, splits / "train.json"):
        assert lacks(root, given) == [
            f"corpus.splits: {given} doesn't hold train.json, val.json, test.json: the split files are in {splits}: "
            "set corpus.splits to it"
        ]


def test_looking_around_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(9):
        (tmp_path / f"{number}").mkdir()
    asked = []
    assert nearby(tmp_path, lambda folder: bool(asked.append(folder))) == []
    below = [folder for folder in asked if tmp_path in folder.parents]
    assert len(below) == 3 and len(asked) - len(below) <= 4


@pytest.mark.parametrize("form", ["splits", "metadata"])
def test_splits_that_windows_has_saved_are_read(root, tmp_path, form):
    splits = metadata(tmp_path) if form == "metadata" else tmp_path / "splits"
    expected = read_splits(splits)
    files = [splits] if form == "metadata" else sorted(splits.glob("*.json"))
    for file in files:
        file.write_bytes(file.read_text().replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8-sig"))
    assert read_splits(splits) == expected
    files[0].write_bytes(files[0].read_text(encoding="utf-8-sig").encode("utf-16"))
    with pytest.raises(InputError, match=re.escape(f"{files[0]} is text in UTF-16: save it as UTF-8")):
        read_splits(splits)
    assert lacks(root, splits) == [f"corpus.splits: {files[0]} is text in UTF-16: save it as UTF-8"]


def test_a_split_without_a_video_of_what_it_must_have_is_said(root, tmp_path):
    splits = tmp_path / "splits"
    assert lacks(root, splits, WANTED) == []
    test = [f"{a}_{b}" for pair in PAIRS["test"] for a, b in (pair, pair[::-1])]
    folder = root / "manipulated_sequences/Deepfakes/c23/videos"
    for name in test:
        (folder / f"{name}.mp4").unlink()
    (lack,) = lacks(root, splits, WANTED)
    assert lack.startswith(
        f"corpus.root: {folder} holds none of the {len(test)} Deepfakes videos that {splits} has in the split test: "
    )
    (splits / "train.json").write_text(json.dumps([]))
    found = lacks(root, splits, WANTED)
    assert [one.partition(":")[0] for one in found] == ["corpus.splits", "corpus.splits", "corpus.root"]
    assert f"{splits} names no Real video in the split train" in found[0]


def test_a_category_that_a_detector_learns_is_not_only_taken_out_of_the_categories(root, tmp_path):
    put(root, "manipulated_sequences/Face2Face/c40/videos/071_054.mp4")
    (trained,) = missing(root, "c23", ["Face2Face"], [], tmp_path / "splits", learns=True)
    assert trained.endswith("or take Face2Face out of corpus.categories and, if it is a class, out of detector.classes")
    (imported,) = missing(root, "c23", ["Face2Face"], [], tmp_path / "splits")
    assert imported.endswith("or take Face2Face out of corpus.categories")
