"""From made-up scores to estimates, tests, the best group, the scorecard and the agreement of measures."""

from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest

from advxai.answer import comparisons, tested
from advxai.answer.agreement import agreement
from advxai.answer.estimates import estimates
from advxai.answer.rows import Row, circular, pairs
from advxai.answer.scorecard import scorecard
from advxai.answer.sentences import sentences
from advxai.common.errors import InputError
from advxai.common.rows import rows as lines_of
from advxai.tables.write import as_text, latex, markdown, write
from tests.unit.answer_data import (
    ACCURACY,
    COLUMNS,
    GINI,
    MASK,
    NAMES,
    PAIRS,
    RESTORATION,
    ROWS,
    SUFFICIENCY,
    estimate,
    line,
    scores,
    table,
)

# LIME_adv is best, SHAP doesn't beat centre, and nothing is between the two SHAPs
MEANS = {
    "LIME": 0.3, "LIME_adv": 0.45, "SHAP": 0.2, "SHAP_adv": 0.2, "random": 0.05, "centre": 0.2, "oracle_mask": 0.6
}  # fmt: skip


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    masks = {name: 0.1 if name == "LIME" else 0.0 for name in NAMES}
    return pd.concat([scores(MEANS), scores(masks, "auc_mask", people=20)], ignore_index=True)


@pytest.fixture(scope="module")
def compared(planted: pd.DataFrame) -> pd.DataFrame:
    return comparisons.tests(planted, COLUMNS, ROWS, PAIRS, seed=0)


def test_what_is_circular() -> None:
    mask, difference = ROWS[-1], Row("d", "ceiling", "oracle_difference")
    original = Row("LIME_true", "explainer", "lime", "counterpart")
    other = replace(MASK, name="auc_difference", needs=frozenset({"counterpart", "difference"}))
    found = {
        row.name: [circular(row, column) for column in (RESTORATION, MASK, other, SUFFICIENCY)]
        for row in (ROWS[0], mask, difference, original)
    }
    assert found == {
        "LIME": [False] * 4,
        "oracle_mask": [False, True, False, False],
        "d": [True, False, True, False],
        "LIME_true": [True, False, True, False],
    }


def test_pairs_are_of_one_group_with_and_without_the_adversarial_filling() -> None:
    rows = [*ROWS, Row("LIME_true", "explainer", "lime", "counterpart"), Row("RISE", "explainer", "rise", "zeros")]
    groups = [["LIME_true", "LIME", "LIME_adv"], ["SHAP_adv", "SHAP"], ["RISE"]]
    assert pairs(groups, rows) == PAIRS
    assert pairs([["LIME_adv", "LIME_true"]], rows) == []


def test_estimates_by_hand() -> None:
    """Three images of two people; the mean of the mask is of each category by itself."""
    frame = pd.DataFrame(
        [
            ("A", "x1", "Deepfakes", "x", "restoration", 0.5),
            ("A", "x2", "FaceSwap", "x", "restoration", 0.1),
            ("A", "y1", "Deepfakes", "y", "restoration", nan),
            ("B", "x1", "Deepfakes", "x", "restoration", 0.2),
            ("A", "x1", "Deepfakes", "x", "auc_mask", 0.25),
            ("A", "x2", "FaceSwap", "x", "auc_mask", -0.25),
            ("A", "x1", "Deepfakes", "x", "accuracy_3", 1.0),
            ("A", "x2", "FaceSwap", "x", "accuracy_3", 0.0),
        ],
        columns=["explainer", "key", "category", "cluster", "column", "value"],
    )
    found = estimates(frame, COLUMNS, 0)
    assert found.drop(columns=["low", "high", "method"]).fillna(-9).values.tolist() == [
        ["A", "restoration", "all", 2, 1, pytest.approx(0.3)],
        ["B", "restoration", "all", 1, 1, 0.2],
        ["A", "accuracy_3", "all", 2, 1, 0.5],
        ["B", "accuracy_3", "all", 0, 0, -9],
        ["A", "auc_mask", "Deepfakes", 1, 1, 0.25],
        ["B", "auc_mask", "Deepfakes", 0, 0, -9],
        ["A", "auc_mask", "FaceSwap", 1, 1, -0.25],
        ["B", "auc_mask", "FaceSwap", 0, 0, -9],
    ]
    assert found["low"].isna().all() and found["method"][0] == "none: 1 cluster, 20 are needed"
    with pytest.raises(InputError, match="x1 has two values of restoration"):
        estimates(pd.concat([frame, frame[:1]]), COLUMNS, 0)


def test_neither_the_order_of_images_nor_other_rows_change_a_number(planted: pd.DataFrame) -> None:
    part = planted[planted["column"] == "restoration"]
    found = estimates(part, COLUMNS, 3)
    shuffled = estimates(part.sample(frac=1, random_state=1), COLUMNS, 3)
    alone = estimates(part[part["explainer"] == "SHAP"], COLUMNS, 3)
    by_name = found.set_index("explainer").sort_index()
    pd.testing.assert_frame_equal(by_name, shuffled.set_index("explainer").sort_index())
    pd.testing.assert_frame_equal(by_name.loc[["SHAP"]], alone.set_index("explainer"))
    assert found["low"].lt(found["value"]).all() and found["clusters"].eq(30).all()
    other = comparisons.tests(part.sample(frac=1, random_state=1), COLUMNS, ROWS, PAIRS[:1], 3)
    first = comparisons.tests(part, COLUMNS, ROWS, PAIRS[:1], 3)
    pd.testing.assert_frame_equal(first, other)


def test_what_is_tested_and_in_which_family(compared: pd.DataFrame) -> None:
    lines = compared[["family", "column", "category", "a", "b"]].values.tolist()
    categories = ("Deepfakes", "NeuralTextures")
    assert lines[:2] == [["confirmatory", "restoration", "all", *pair] for pair in PAIRS]
    assert lines[2:6] == [["exploratory", "auc_mask", category, *pair] for category in categories for pair in PAIRS]
    explainers = [row.name for row in ROWS if row.kind == "explainer"]
    controls = [[name, control] for name in explainers for control in ("random", "centre")]
    assert lines[6:14] == [["exploratory", "restoration", "all", *pair] for pair in controls]
    assert lines[14:] == [["exploratory", "auc_mask", category, *pair] for category in categories for pair in controls]
    assert not compared["b"].eq("oracle_mask").any() and not compared["circular"].any()


def test_what_was_planted_is_found(planted: pd.DataFrame, compared: pd.DataFrame) -> None:
    lime, shap = lines_of(compared[:2])
    assert (lime["n"], lime["clusters"]) == (60, 30)
    assert lime["difference"] == pytest.approx(0.15, abs=0.02) and lime["low"] < lime["difference"] < lime["high"]
    # Holm by hand: the smaller p twice, the larger once
    assert lime["p"] < 0.001 and lime["p_holm"] == 2 * lime["p"] and shap["p_holm"] == shap["p"] > 0.05
    assert (lime["more_low"], lime["more_high"]) == (0, 0) and 0 <= shap["more_low"] < shap["more_high"] <= inf
    assert compared["p_holm"][2:].isna().all()
    shown = {(one["a"], one["b"]): comparisons.shown(one, RESTORATION) for one in lines_of(compared[6:14])}
    assert shown["SHAP", "random"] == shown["LIME", "centre"] == 1 and shown["SHAP", "centre"] == 0
    best = comparisons.best(planted, COLUMNS, ROWS, 0)
    assert best["restoration", "all"] == {"LIME_adv"} and best["auc_mask", "Deepfakes"] == {"LIME"}
    found = [one.text for one in sentences(estimates(planted, COLUMNS, 0), compared, best, COLUMNS, ROWS)]
    assert found[0] == (
        "By restoration (30%), LIME_adv is better than LIME; no difference is shown between SHAP_adv and SHAP (2 "
        "planned comparisons, adjusted for their number; 60 images of 30 people)."
    )
    assert "LIME and LIME_adv do better than each control" in found[2]
    assert "LIME_adv is the best of 4 explainers by restoration (30%)" in found[3]
    assert "by pixel AUC (true mask, DF) LIME is better than LIME_adv (by 0.07 [" in found[4]
    assert "by pixel AUC (true mask, DF) the best is LIME; and 1 more in the table of tests." in found[4]
    assert found[5].startswith("To show a difference as large as seen between SHAP_adv and SHAP would take ")


def test_an_image_that_one_row_lacks_drops_out_of_its_pairs_alone() -> None:
    part = scores({name: MEANS[name] for name in ("LIME", "LIME_adv", "SHAP")}, people=25)
    gone = part["key"].isin(["image 000", "image 001", "image 002"])
    part.loc[gone & (part["explainer"] == "LIME"), "value"] = nan
    found = comparisons.tests(part, COLUMNS, ROWS, [*PAIRS[:1], ("LIME_adv", "SHAP")], 0)[:2]
    assert found[["n", "clusters"]].values.tolist() == [[47, 24], [50, 25]]
    wide = part[~gone].pivot(index="key", columns="explainer", values="value")
    assert found["difference"][0] == pytest.approx((wide["LIME_adv"] - wide["LIME"]).mean())


def test_below_20_people_there_is_no_test() -> None:
    part = scores(MEANS, people=3)
    found = comparisons.tests(part, COLUMNS, ROWS, PAIRS, 0)
    assert found[["low", "high", "p", "p_holm", "more_high"]].isna().all().all()
    assert found["more_low"].eq(17).all() and found["n"].eq(6).all() and found["difference"].notna().all()
    assert comparisons.best(part, COLUMNS, ROWS, 0) == {}
    first = sentences(estimates(part, COLUMNS, 0), found, {}, COLUMNS, ROWS)[0]
    assert first.text.startswith("Nothing can be said about explainers in general from 6 images of 3 people")


def test_a_lower_value_can_be_the_better_one() -> None:
    one = line("accuracy_3", "LIME_adv", "LIME", -0.2, 0.01)
    assert comparisons.shown(one, ACCURACY) == 1 and comparisons.shown(one, SUFFICIENCY) == -1
    assert comparisons.shown(one | {"p": 0.06}, ACCURACY) == 0 == comparisons.shown(one | {"p": nan}, ACCURACY)
    # a confirmatory test goes by Holm's p
    assert comparisons.shown(one | {"family": "confirmatory", "p_holm": 0.06}, ACCURACY) == 0


def test_circular_rows_are_not_among_the_best_and_their_tests_are_marked() -> None:
    names = {"LIME": 0.3, "LIME_adv": 0.4, "LIME_true": 0.9, "random": 0.1}
    rows = [*ROWS, Row("LIME_true", "explainer", "lime", "counterpart", ("random",))]
    part = scores(names, people=20)
    assert comparisons.best(part, COLUMNS, rows, 0) == {("restoration", "all"): {"LIME_adv"}}
    found = comparisons.tests(part, COLUMNS, rows, [], 0)
    assert found[found["circular"]][["a", "b"]].values.tolist() == [["LIME_true", "random"]]


def test_nothing_at_all() -> None:
    empty = scores(MEANS, people=3)[:0]
    assert estimates(empty, COLUMNS, 0).empty and comparisons.tests(empty, COLUMNS, ROWS, PAIRS, 0).empty
    assert comparisons.best(empty, COLUMNS, ROWS, 0) == {}
    assert agreement(estimates(empty, COLUMNS, 0), COLUMNS, ROWS).empty
    assert scorecard(estimates(empty, COLUMNS, 0), COLUMNS, ROWS, {}).wide.empty


SHOWN = pd.concat(
    [
        estimate("restoration", {"LIME": 0.3, "LIME_adv": 0.42, "random": 0.06, "oracle_mask": 0.47}),
        estimate("accuracy_3", {"LIME": 0.25, "LIME_adv": 0.125, "random": 0.5}, 96, 48),
        estimate("auc_mask", {"LIME": 0.1, "LIME_adv": -0.25, "oracle_mask": 0.5}, 35, 35, "Deepfakes"),
        estimate("gini", {"LIME": 0.5}),
    ]
)


def test_the_scorecard_in_markdown_and_latex() -> None:
    best = {("restoration", "all"): frozenset(["LIME_adv"]), ("accuracy_3", "all"): frozenset(["LIME", "LIME_adv"])}
    made = scorecard(SHOWN, COLUMNS, ROWS, best)
    assert markdown(made).splitlines()[2:] == [
        "| explainer | restoration, 30% ↑ | accuracy, top-3 ↓ | pixel AUC, true mask, DF ↑ |",
        "|:---|---:|---:|---:|",
        "| LIME | 0.300 [0.260, 0.340] | **0.250 [0.210, 0.290]** | 0.100 [0.060, 0.140] |",
        "| LIME_adv | **0.420 [0.380, 0.460]** | **0.125 [0.085, 0.165]** | -0.250 [-0.290, -0.210] |",
        "| *controls* |  |  |  |",
        "| random | 0.060 [0.020, 0.100] | 0.500 [0.460, 0.540] |  |",
        "| *ceilings* |  |  |  |",
        "| oracle_mask | 0.470 [0.430, 0.510] |  | 0.500 [0.460, 0.540]† |",
        "",
        "Bold: the best explainer of a column and those that can't be told from it (max-T over people at .05, "
        "exploratory).",
        "",
        "† The row is made from what the column asks for: its value says nothing of the others.",
        "",
        "140 images of 70 people: restoration, 30% ↑; 96 images of 48 people: accuracy, top-3 ↓; 35 images of 35 "
        "people: pixel AUC, true mask, DF ↑.",
    ]
    heading = (
        r"explainer & restoration, 30\% $\uparrow$ & accuracy, top-3 $\downarrow$ & pixel AUC, true mask, DF $\uparrow$"
    )
    assert heading in latex(made)
    assert made.wide["restoration, 30% ↑ low"].tolist() == pytest.approx([0.26, 0.38, 0.02, 0.43])
    assert made.tidy[made.tidy["circular"]]["explainer"].tolist() == ["oracle_mask"]


def test_the_scorecard_of_few_people_marks_nothing() -> None:
    made = scorecard(estimate("restoration", {"LIME": 0.3, "random": 0.1}, 22, 3), COLUMNS, ROWS, {}, "videos")
    assert as_text(made).values.tolist() == [["LIME", "0.300"], ["random", "0.100"]]
    assert made.caption.endswith("Arrows: which values are better.")  # there are no brackets
    many = scorecard(estimate("restoration", {"LIME": 0.3}), COLUMNS, ROWS, {}, "videos")
    assert many.caption.endswith("which values are better. Brackets: 95 % intervals over videos.")
    assert made.notes == (
        "Of fewer than 20 videos there is no interval, and nothing is marked as best.",
        "Every column is of 22 images of 3 videos.",
    )


def test_the_table_of_tests_shows_the_control_that_is_beaten_least(tmp_path) -> None:
    made = tested.tests_table(
        table(
            [
                line("restoration", "LIME_adv", "LIME", 0.12, 0.0004),
                line("accuracy_3", "LIME_adv", "LIME", 0.05, 0.2, more=(40, inf)),
                line("restoration", "LIME", "random", 0.2, 0.0002),
                line("restoration", "LIME", "centre", 0.1, 0.03),
                line("accuracy_3", "LIME", "random", -0.2, 0.0002),
                line("accuracy_3", "LIME", "centre", 0.1, 0.03),
            ]
        ),
        COLUMNS,
        ROWS,
    )
    assert markdown(made).splitlines()[2:11] == [
        "| comparison | measure | difference | p | p (Holm) | better | n | people | more people |",
        "|:---|---:|---:|---:|---:|---:|---:|---:|---:|",
        "| LIME_adv − LIME | restoration, 30% ↑ | 0.120 [0.080, 0.160] | 0.0004 | 0.0004 | LIME_adv | 140 | 70 |  |",
        "| *exploratory: the same pairs by other measures* |  |  |  |  |  |  |  |  |",
        "| LIME_adv − LIME | accuracy, top-3 ↓ | 0.050 [0.010, 0.090] | 0.2000 |  |  | 140 | 70 | at least 40 |",
        "| *exploratory: each explainer against the control of its segmentation that it beats least* |  |  |  |  |  |  "
        "|  |  |",
        "| LIME − centre | restoration, 30% ↑ | 0.100 [0.060, 0.140] | 0.0300 |  | LIME | 140 | 70 |  |",
        "| LIME − centre | accuracy, top-3 ↓ | 0.100 [0.060, 0.140] | 0.0300 |  | centre | 140 | 70 |  |",
        "",
    ]
    assert len(made.tidy) == 6
    write(made, tmp_path / "tests")
    assert r"LIME\_adv $-$ LIME & restoration, 30\% $\uparrow$ & " in (tmp_path / "tests.tex").read_text()


def test_of_controls_that_are_beaten_alike_the_nearest_is_shown() -> None:
    lines = [line("restoration", "LIME", "random", 0.2, 0.0002), line("restoration", "LIME", "centre", 0.1, 0.0002)]
    unsure = line("restoration", "LIME", "edges", -0.01, 0.9)
    assert tested.weakest(lines, RESTORATION)["b"] == "centre" and tested.weakest(lines, ACCURACY)["b"] == "random"
    assert tested.weakest([*lines, unsure], RESTORATION)["b"] == "edges"
    seen = [one | {"p": nan} for one in lines]
    assert tested.weakest(seen, RESTORATION)["b"] == "centre"
    assert tested.weakest([*seen, line("restoration", "LIME", "edges", nan, n=0)], RESTORATION)["b"] == "edges"


def test_the_table_of_tests_of_few_people() -> None:
    made = tested.tests_table(
        table([line("restoration", "LIME_adv", "LIME", 0.12, n=22, people=3, more=(17, nan))]), COLUMNS, ROWS
    )
    assert as_text(made).values.tolist() == [["LIME_adv − LIME", "restoration, 30% ↑", "0.120", "22", "3"]]
    assert made.rules == {} and "Below 20 people there is neither an interval nor a test" in made.notes[-1]


def test_agreement_by_hand() -> None:
    """Restoration and accuracy order four explainers alike but for one pair of six: tau = (5 - 1) / 6."""
    frame = pd.concat(
        [
            estimate("restoration", {"LIME": 0.1, "LIME_adv": 0.2, "SHAP": 0.3, "SHAP_adv": 0.4, "random": 0.9}),
            estimate("accuracy_3", {"LIME": 0.9, "LIME_adv": 0.8, "SHAP": 0.1, "SHAP_adv": 0.2, "random": 0.0}),
            estimate("sufficiency_3", {"LIME": 0.5, "LIME_adv": 0.5, "SHAP": 0.5, "SHAP_adv": 0.5}),
            estimate("auc_mask", {"LIME": 0.3}, category="Deepfakes"),
            estimate("gini", {"LIME": 0.3, "SHAP": 0.2}),
        ]
    )
    found = agreement(frame, [*COLUMNS, GINI], ROWS)
    names = ["restoration, 30%", "accuracy, top-3", "sufficiency, top-3", "pixel AUC, true mask, DF"]
    assert list(found.index) == list(found.columns) == names
    assert found.loc["restoration, 30%", "accuracy, top-3"] == pytest.approx(4 / 6)
    assert found.loc["restoration, 30%", "restoration, 30%"] == 1 and np.array_equal(found, found.T, equal_nan=True)
    assert found["sufficiency, top-3"].isna().all() and isnan(
        found.loc["pixel AUC, true mask, DF", "pixel AUC, true mask, DF"]
    )


def test_the_caption_says_planned_only_where_something_was(compared: pd.DataFrame) -> None:
    def caption(tests: pd.DataFrame) -> str:
        return tested.tests_table(tests, COLUMNS, ROWS).caption

    assert "First the planned (confirmatory) ones" in caption(compared)
    assert caption(compared[compared["family"] != comparisons.CONFIRMATORY]) == (
        "Paired comparisons on the images that both rows have. None of them was planned: all are exploratory, not "
        "adjusted."
    )
    assert caption(compared[:0]) == "Paired comparisons: there is none to make."


def test_a_row_of_the_real_class_is_compared_with_none_and_is_never_the_best(planted: pd.DataFrame) -> None:
    """LIME_adv has the best numbers; of the real class, it is shown and nothing more."""
    rows = [replace(row, target="real") if row.name == "LIME_adv" else row for row in ROWS]
    groups = [["LIME", "LIME_adv"], ["SHAP", "SHAP_adv"]]
    assert pairs(groups, rows) == PAIRS[1:]
    assert pairs(groups, [replace(row, target="fake") for row in ROWS]) == PAIRS
    tested_rows = comparisons.tests(planted, COLUMNS, rows, PAIRS[1:], seed=0)
    assert not {"LIME_adv"} & {*tested_rows["a"], *tested_rows["b"]}
    best = comparisons.best(planted, COLUMNS, rows, seed=0)
    assert "LIME_adv" in comparisons.best(planted, COLUMNS, ROWS, seed=0)["restoration", "all"]
    assert best["restoration", "all"] == {"LIME"}
    values = estimates(planted, COLUMNS, 0)
    card = scorecard(values, COLUMNS, rows, best)
    said = (
        "LIME_adv explains the real class (target: real), which no measure here asks for: it is compared with no other "
        "row."
    )
    assert said in card.notes and "LIME_adv" in card.wide["explainer"].tolist()
    assert not card.tidy.loc[card.tidy["explainer"] == "LIME_adv", "best"].any()
    assert said in tested.tests_table(tested_rows, COLUMNS, rows).notes
    found = sentences(values, tested_rows, best, COLUMNS, rows)
    assert found[-1].text == said and not any("LIME_adv" in one.text for one in found[:-1])
    two = [replace(row, target="real") if row.name in ("LIME", "LIME_adv") else row for row in ROWS]
    assert "LIME and LIME_adv explain the real class" in sentences(values, tested_rows, {}, COLUMNS, two)[-1].text
    orders = agreement(values, COLUMNS, rows)
    assert orders.loc["restoration, 30%", "pixel AUC, true mask, DF"] == pytest.approx(
        agreement(values[values["explainer"] != "LIME_adv"], COLUMNS, ROWS).loc[
            "restoration, 30%", "pixel AUC, true mask, DF"
        ]
    )
