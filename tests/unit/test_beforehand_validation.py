"""A training that waits for validation images is refused before any job, where there will be none."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from advxai.beforehand import check
from advxai.beforehand.validation import unvalidated
from advxai.common.errors import InputError
from advxai.config import load
from advxai.run.paths import Paths
from tests.unit.croptree_data import tree
from tests.unit.paths_data import clip

WAITS = {"patience: 5", "schedule: plateau"}


def said_of(config: dict, training: dict, corpus: dict, frames: dict | None = None) -> str:
    """What planning says of a training; "": nothing."""
    detector = {"classes": ["Real", "Fake"], "training": training}
    settings = {"run": "r", "corpus": corpus, "detector": detector} | config | ({"frames": frames} if frames else {})
    try:
        check(Paths(load(settings)))
    except InputError as error:
        return str(error)
    return ""


def corpora(tmp_path: Path, validated: bool) -> Iterator[tuple[dict, dict | None]]:
    """Corpora with a validation video or without, and what `frames` says of them."""
    clips = [clip("one", 0, train=2, val=2 * validated), clip("two", 4, test=2)]
    yield {"kind": "demo", "clips": clips}, None
    tree_of = tree(tmp_path / "crops", ["training_set", "test_set", *(["val_set"] if validated else [])])
    yield {"kind": "ffpp", "categories": ["Deepfakes"]}, {"crops": str(tree_of)}
    root = tmp_path / "ffpp"
    for split, (a, b) in {"train": ("000", "001"), "test": ("002", "003"), "val": ("004", "005")}.items():
        for folder in ("original_sequences/youtube", "manipulated_sequences/Deepfakes"):
            own = root / folder / "c23/videos"
            own.mkdir(parents=True, exist_ok=True)
            for name in (a, b) if "youtube" in folder else (f"{a}_{b}", f"{b}_{a}"):
                if split != "val" or validated:
                    (own / f"{name}.mp4").touch()
        (root / f"{split}.json").write_text(json.dumps([[a, b]]))
    yield {"kind": "ffpp", "root": str(root), "splits": str(root), "categories": ["Deepfakes"]}, None


@pytest.mark.parametrize("validated", [True, False])
def test_a_training_that_waits_for_validation_images_needs_some(tmp_path, validated):
    for corpus, frames in corpora(tmp_path, validated):
        config = {"results": str(tmp_path / "results")}
        assert said_of(config, {}, corpus, frames) == ""
        said = said_of(config, {"recipe": "pino"}, corpus, frames)
        assert {what for what in WAITS if f"detector.training.{what} (of recipe: pino) waits" in said} == (
            set() if validated else WAITS
        ), said
        assert validated or "waits for a lower validation loss, and no image to learn from is in the split val" in said
        plateau = said_of(config, {"schedule": "plateau"}, corpus, frames)
        assert ("schedule: plateau waits" in plateau, "patience" in plateau) == (not validated, False)


def test_a_list_that_names_splits_says_what_is_validated_on(tmp_path):
    source = tmp_path / "list.csv"
    rows = [
        "original_sequences/youtube/c23/videos/000.mp4/00000.png 0 0",
        "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000.png 1 3",
    ]
    config = {
        "run": "r", "corpus": {"kind": "ffpp", "categories": ["Deepfakes"]},
        "frames": {"manifest": str(source), "lmdb": str(tmp_path / "frames.lmdb")},
        "detector": {"classes": ["Real", "Fake"], "training": {"patience": 5}},
    }  # fmt: skip

    def lacks(*splits: str) -> int:
        lines = [f"{row} {split}" for row in rows for split in splits]
        source.write_text("\n".join(["relative_path bin_label mc_label split", *lines, ""]))
        return len(unvalidated(Paths(load(config), planning=True)))

    assert (lacks("train", "test"), lacks("train", "test", "val")) == (1, 0)
