"""Measures of the tables on eight images' worth of rows, worked out by hand."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.tables import compute
from advxai.tables.layout import accuracy_table
from tests.unit.paths_data import paths
from tests.unit.tables_data import AXES, BESIDE, EXPLANATIONS, evaluation_rows


def values(table: pd.DataFrame, explainer: str, column: str = "value") -> dict[str, list[float]]:
    """category -> values by rising k."""
    part = table[table["explainer"] == explainer]
    return {category: rows[column].tolist() for category, rows in part.groupby("category")}


def test_columns_follow_the_paper() -> None:
    assert AXES.ordered == ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"]
    assert compute.short("Face2Face") == "F2F" and compute.short("FaceShifter") == "FSh" and compute.short("X") == "X"


def test_accuracy_of_a_category_without_a_class_is_the_share_called_fake_and_the_table_says_so() -> None:
    """Only Deepfakes has a class: the others' fakes are right with any fake class."""
    classes = Classes.named(["Real", "x", "y", "Deepfakes", "z"])
    axes = replace(AXES, classes=classes)
    rows = evaluation_rows()
    rows["label"] = rows["category"].map(classes.label)
    clean = compute.clean_predictions(rows, EXPLANATIONS)
    original = values(compute.accuracy(rows, axes, clean), "Original")
    # d1 right, d2 called another fake; f1 and f2 called fake; n1 called Real
    assert original["Deepfakes"] == [0.5] and original["Face2Face"] == [1.0] and original["NeuralTextures"] == [0.0]
    (note,) = accuracy_table(rows, clean, axes).notes
    assert note.startswith("The detector has no class for F2F, FS, NT: of these, accuracy is the share that is called")
    assert accuracy_table(evaluation_rows(), clean, AXES).notes == ()


def test_what_a_row_is() -> None:
    """Rows that aren't said to be something else are explainers, as all were before there were others."""
    assert [BESIDE.kind(name) for name in ("LIME", "random", "oracle", "Original")] == [
        "explainer", "control", "ceiling", "",
    ]  # fmt: skip
    assert [AXES.kind(name) for name in AXES.explainers] == ["explainer"] * 3
    entries = {"LIME": {"method": "lime", "baseline": "zeros"}, "best": {"method": "oracle_mask"}}
    rows = entries | {"RISE": {"method": "rise", "baseline": "zeros"}, "random": {"method": "random"}}
    of = compute.Axes.of(paths(explainers=rows))
    beside = ["random_unit", "random_normalised", "best_unit", "best_normalised"]
    assert of.explainers == ["LIME", "RISE", *beside]
    assert [of.kind(name) for name in beside] == ["control"] * 2 + ["ceiling"] * 2
    alone = compute.Axes.of(paths(explainers=rows), ["best_unit"])
    assert alone.explainers == ["best_unit"] and alone.kind("best_unit") == "ceiling"


def test_accuracy() -> None:
    rows = evaluation_rows()
    clean = compute.clean_predictions(rows, EXPLANATIONS)
    table = compute.accuracy(rows, AXES, clean)

    # d1 right, d2 called another fake, f1 and f2 right, n1 called Real
    original = values(table, "Original")
    assert original["Deepfakes"] == [0.5] and original["Face2Face"] == [1.0] and original["NeuralTextures"] == [0.0]
    assert original["all"] == [pytest.approx(3 / 5)]
    assert table["k"][table["explainer"] == "Original"].unique().tolist() == [0]

    lime = values(table, "LIME")
    assert lime["Deepfakes"] == [1.0, 0.0]  # the attack on d2's top-1 moved it to its true class
    assert lime["Face2Face"] == [1.0, 1.0]
    assert lime["NeuralTextures"] == [0.0, 0.0]  # called Real: wrong, and no attack
    assert lime["all"] == [0.75, 0.25]
    assert values(table, "LIME", "n") == {
        "Deepfakes": [2, 2],
        "Face2Face": [1, 1],  # f2 left LIME's rows
        "FaceSwap": [0, 0],
        "NeuralTextures": [1, 1],
        "all": [4, 4],
    }
    assert all(math.isnan(value) for value in lime["FaceSwap"])

    adversarial = values(table, "LIME_adv")
    assert adversarial["Deepfakes"] == [0.0, 0.0]
    assert adversarial["Face2Face"] == [1.0, 0.0]  # called NeuralTextures instead of Face2Face: wrong too
    assert adversarial["all"] == [pytest.approx(2 / 5), 0.0]
    assert table["explainer"].unique().tolist() == ["Original", "LIME", "LIME_adv", "SHAP"]
    assert values(table, "SHAP", "n")["all"] == [0, 0]  # configured, but without any row


def test_sufficiency() -> None:
    table = compute.sufficiency(evaluation_rows(), AXES)
    lime, adversarial = values(table, "LIME"), values(table, "LIME_adv")
    assert lime["Deepfakes"] == pytest.approx([0.25, 0.6])  # (.2 + .3) / 2, (.8 + .4) / 2
    assert lime["Face2Face"] == pytest.approx([0.05, 0.15])
    assert lime["NeuralTextures"] == [0.0, 0.0]
    assert lime["all"] == pytest.approx([0.55 / 4, 1.35 / 4])
    assert adversarial["Deepfakes"] == pytest.approx([0.475, 0.6])
    assert adversarial["all"] == pytest.approx([(0.85 + 0.1 + 0 + 0.1 + 0) / 5, (0.8 + 0.4 + 0.5 + 0.4 + 0) / 5])


def test_flips_count_only_images_called_fake() -> None:
    table = compute.flips(evaluation_rows(), AXES)
    lime = table[table["explainer"] == "LIME"].set_index(["category", "k"])
    assert lime.loc["Deepfakes"][["images", "n", "flipped"]].to_numpy().tolist() == [[2, 2, 0], [2, 2, 2]]
    assert lime.loc[("NeuralTextures", 1), ["images", "n", "flipped"]].tolist() == [1, 0, 0]
    assert math.isnan(lime.loc[("NeuralTextures", 1), "share"])
    assert lime.loc[("all", 2), ["images", "n", "flipped"]].tolist() == [4, 3, 2]
    assert lime.loc[("all", 2), "share"] == pytest.approx(2 / 3)


def test_cost() -> None:
    table = compute.cost(EXPLANATIONS, AXES).set_index("explainer")
    assert table["n"].tolist() == [5, 5, 0]
    assert table.loc["LIME", "own seconds"] == 6 and table.loc["LIME", "total seconds"] == 6
    assert table.loc["LIME_adv", ["own seconds", "own images", "own calls"]].tolist() == [6, 100, 10]
    # adversary: seconds 1, 1, 1, 1, 0; images 81, 162, 81, 162, 1; calls 1, 2, 1, 2, 1
    assert table.loc["LIME_adv", ["total seconds", "total images", "total calls"]].tolist() == pytest.approx(
        [6.8, 197.4, 11.4]
    )
    assert table.loc["SHAP", ["own seconds", "total images"]].isna().all()


def test_order_of_rows_changes_no_bit() -> None:
    rows = evaluation_rows()
    rows["p_after"] = rows["p_after"] / 3  # sums that do depend on their order
    for measure in (compute.accuracy, compute.sufficiency, compute.flips):
        pd.testing.assert_frame_equal(
            measure(rows, AXES), measure(rows.sample(frac=1, random_state=1), AXES), check_exact=True
        )


def test_images_counted_twice_are_refused() -> None:
    rows = evaluation_rows()
    with pytest.raises(InputError, match="d1.*two evaluation shards"):
        compute.accuracy(pd.concat([rows, rows.iloc[:1]]), AXES)
    with pytest.raises(InputError, match="d1.*two saliency shards"):
        compute.cost(pd.concat([EXPLANATIONS, EXPLANATIONS.iloc[:1]]), AXES)


def test_a_category_that_no_column_shows_is_refused() -> None:
    rows = evaluation_rows()
    rows.loc[rows["key"] == "d1", "category"] = "FaceShifter"
    with pytest.raises(InputError, match="d1 has the category FaceShifter.*corpus.categories"):
        compute.sufficiency(rows, AXES)


def test_backwards_are_a_column_where_some_row_has_any() -> None:
    """Own and total are the same: NES takes no gradient."""
    none = compute.cost(EXPLANATIONS.assign(backwards=0), AXES)
    pd.testing.assert_frame_equal(none, compute.cost(EXPLANATIONS, AXES))
    back = EXPLANATIONS.assign(backwards=[50, 50, 50, 50, 0, 0, 0, 0, 0, 0])
    table = compute.cost(back, AXES)
    spent = ["seconds", "images", "calls", "backwards"]
    assert list(table) == ["explainer", "n", *(f"own {name}" for name in spent), *(f"total {name}" for name in spent)]
    assert table["own backwards"].fillna(-1).tolist() == table["total backwards"].fillna(-1).tolist() == [40, 0, -1]
