"""Which images the figures show, and what stands under them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from advxai.common.classes import FIVE
from advxai.report.captions import adversary_caption, attack_caption, clean_caption
from advxai.report.pick import pick, picked
from advxai.run.store import write_shard


def rows(*images: tuple[str, str, bool, int | None, int], explainer: str = "LIME") -> pd.DataFrame:
    """Images as (key, category, included, predicted before or None, label)."""
    frame = pd.DataFrame(
        [
            {
                "explainer": explainer,
                "key": key,
                "category": category,
                "k": 1,
                "included": included,
                "called_real": predicted == 0,
                "predicted_before": predicted,
                "label": label,
            }
            for key, category, included, predicted, label in images
        ]
    )
    return frame.astype({"predicted_before": "Int64"})


def test_included_and_called_fake_and_right_come_first() -> None:
    deepfakes = [
        ("left out", "Deepfakes", False, None, 3),
        ("real", "Deepfakes", True, 0, 3),
        ("wrong", "Deepfakes", True, 4, 3),
        ("right", "Deepfakes", True, 3, 3),
        ("right too", "Deepfakes", True, 3, 3),
    ]
    for expected in ("right", "right too", "wrong", "real", "left out"):
        assert pick(rows(*deepfakes), ["Deepfakes"]) == {"Deepfakes": expected}
        deepfakes = [image for image in deepfakes if image[0] != expected]


def test_columns_follow_the_paper_and_an_empty_category_has_none() -> None:
    found = pick(
        rows(("n", "NeuralTextures", True, 1, 1), ("d", "Deepfakes", True, 3, 3)),
        ["NeuralTextures", "FaceSwap", "Deepfakes"],
    )
    assert list(found.items()) == [("Deepfakes", "d"), ("NeuralTextures", "n")]


def test_an_image_that_one_of_two_explainers_leaves_out_comes_later() -> None:
    both = pd.concat(
        [
            rows(("a", "Deepfakes", False, None, 3), ("b", "Deepfakes", True, 3, 3)),
            rows(("a", "Deepfakes", True, 3, 3), ("b", "Deepfakes", True, 3, 3), explainer="LIME_adv"),
        ]
    )
    assert pick(both, ["Deepfakes"]) == {"Deepfakes": "b"}


def test_captions() -> None:
    before, after = np.array([0.02, 0, 0, 0.98, 0], np.float32), np.array([0.61, 0, 0, 0.39, 0], np.float32)
    assert clean_caption(before, FIVE) == "called Deepfakes, p = 0.98"
    record = {"before": before, "after": after, "iterations": 1}
    assert adversary_caption(record, FIVE) == "called Real\nafter 1 iteration\np(Real) 0.02 → 0.61"
    row = {"included": True, "k": 3, "predicted_before": 3, "predicted_after": 0, "p_before": 0.98, "p_after": 0.39}
    assert attack_caption(row, FIVE) == "top-3 attacked: p 0.98 → 0.39\nnow Real"
    assert attack_caption(row | {"predicted_after": 3}, FIVE) == "top-3 attacked: p 0.98 → 0.39\nstill Deepfakes"
    assert attack_caption({"included": False}, FIVE) == "left out of the rows"


def test_only_the_shards_of_the_picked_images_are_read(tmp_path):
    """Of three shards, one holds the image; the others are damaged, and nobody looks."""
    paths = SimpleNamespace(shards=["0-of-3", "1-of-3", "2-of-3"], shard_of_key=lambda key: "1-of-3")
    files = [tmp_path / f"{shard}.h5" for shard in paths.shards]
    records = [{"key": key, "sha256": key, "map": np.full((2, 2), number)} for number, key in enumerate("abc")]
    for file in files:
        file.write_text("damaged")
    write_shard(files[1], records, {})
    found = picked(files, paths, ["c", "a"])
    assert {key: record["map"][0, 0] for key, record in found.items()} == {"a": 0, "c": 2}
    assert picked([], paths, ["a"]) == {}
