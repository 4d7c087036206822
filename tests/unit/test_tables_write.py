"""The written tables, text for text."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from advxai.common.files import publish
from advxai.tables import layout
from advxai.tables.all import combined
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.layout import Table, between
from advxai.tables.write import latex, markdown, marks, write
from tests.unit.tables_data import AXES, BESIDE, EXPLANATIONS, beside, evaluation_rows

ONE = Axes(["LIME"], AXES.categories, 2)


def accuracy_table() -> Table:
    rows = evaluation_rows()
    return layout.accuracy_table(rows, clean_predictions(rows, EXPLANATIONS), AXES)


def small(values: list[float], best: str = "lowest", names: list[str] | None = None) -> Table:
    wide = pd.DataFrame({"explainer": names or [f"E{n}" for n in range(len(values))], "n": 4, "all top-1": values})
    return Table("Caption.", wide, wide, best=best)


def test_accuracy_in_markdown() -> None:
    assert markdown(accuracy_table(), "NES: 5 iterations.") == (
        "Accuracy of the detector after attacks on the top-k segments; lower is better. Original: on the clean images."
        "\n\n"
        "| explainer | n (DF, F2F, FS, NT) | DF top-1 | DF top-2 | F2F top-1 | F2F top-2 | FS top-1 | FS top-2 "
        "| NT top-1 | NT top-2 | all top-1 | all top-2 |\n"
        "|:---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        "| Original | 5 (2, 2, 0, 1) | 0.500 | 0.500 | 1.000 | 1.000 |  |  | 0.000 | 0.000 | 0.600 | 0.600 |\n"
        "| — | — | — | — | — | — | — | — | — | — | — | — |\n"
        "| LIME | 4 (2, 1, 0, 1) | <u>1.000</u> | **0.000** | **1.000** | <u>1.000</u> |  |  | **0.000** | **0.000** "
        "| <u>0.750</u> | <u>0.250</u> |\n"
        "| LIME_adv | 5 (2, 2, 0, 1) | **0.000** | **0.000** | **1.000** | **0.000** |  |  | **0.000** | **0.000** "
        "| **0.400** | **0.000** |\n"
        "| SHAP | 0 (0, 0, 0, 0) |  |  |  |  |  |  |  |  |  |  |\n"
        "\nBest in bold, second best underlined, at the precision shown.\n"
        "\nNES: 5 iterations.\n"
    )


def test_sufficiency_in_latex() -> None:
    lines = latex(layout.sufficiency_table(evaluation_rows(), AXES), "50 %\nof it").splitlines()
    assert lines[1] == "% 50 % of it"  # a comment stays one line
    assert lines[2] == r"\begin{tabular}{lrrrrrrrrrrr}"
    assert lines[3] == r"\toprule"
    assert lines[4].startswith(r" &  & \multicolumn{2}{c}{DF} & \multicolumn{2}{c}{F2F} & ")
    assert lines[5].startswith(r"\cmidrule(lr){3-4} \cmidrule(lr){5-6} ")
    assert lines[6] == (
        r"explainer & n (DF, F2F, FS, NT) & top-1 & top-2 & top-1 & top-2 & top-1 & top-2 & top-1 & top-2 & top-1 "
        r"& top-2 \\"
    )
    assert lines[7] == r"\midrule"
    # 0.0500..04 and 0.0499..99 are shown alike, so both are best
    assert lines[8] == (
        r"LIME & 4 (2, 1, 0, 1) & \underline{0.250} & \textbf{0.600} & \textbf{0.050} & \underline{0.150} &  &  "
        r"& \textbf{0.000} & \textbf{0.000} & \underline{0.138} & \underline{0.338} \\"
    )
    assert lines[9].startswith(r"LIME\_adv & 5 (2, 2, 0, 1) & \textbf{0.475} & \textbf{0.600} & \textbf{0.050} & ")
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]


def test_original_spans_its_category_in_latex() -> None:
    text = latex(accuracy_table())
    assert (
        "Original & 5 (2, 2, 0, 1) & "
        r"\multicolumn{2}{c}{0.500} & \multicolumn{2}{c}{1.000} & \multicolumn{2}{c}{} & \multicolumn{2}{c}{0.000} & "
        r"\multicolumn{2}{c}{0.600} \\"
        "\n\\midrule\n"
    ) in text


def test_marks_ties_and_directions() -> None:
    # 1 and 2 tie for the best, 3 and 4 for the second best
    assert marks(small([0.9, 0.2, 0.2, 0.3, 0.3])) == {
        (1, "all top-1"): 1,
        (2, "all top-1"): 1,
        (3, "all top-1"): 2,
        (4, "all top-1"): 2,
    }
    assert marks(small([0.9, 0.2, 0.3], best="highest")) == {(0, "all top-1"): 1, (2, "all top-1"): 2}
    # -0.25 is lower than 0.1; an empty cell takes no part
    assert marks(small([-0.25, 0.1, float("nan")])) == {(0, "all top-1"): 1, (1, "all top-1"): 2}
    # equal at three decimals
    assert marks(small([0.12341, 0.12339])) == {(0, "all top-1"): 1, (1, "all top-1"): 1}


def test_original_is_not_ranked() -> None:
    assert marks(small([0.0, 0.5, 0.7], names=["Original", "A", "B"])) == {(1, "all top-1"): 1, (2, "all top-1"): 2}


def test_controls_and_ceilings_stand_below_rules_with_their_names_and_are_not_ranked() -> None:
    wide = pd.DataFrame(
        {"explainer": ["Original", "A", "B", "random", "oracle"], "all top-1": [0.9, 0.5, 0.4, 0.1, 0.0]}
    )
    rules = between(["", "explainer", "explainer", "control", "ceiling"])
    assert rules == {0: "", 2: "controls", 3: "ceilings"}
    table = Table("", wide, wide, best="lowest", rules=rules)
    assert marks(table) == {(1, "all top-1"): 2, (2, "all top-1"): 1}
    assert markdown(table).splitlines()[4:12] == [
        "| Original | 0.900 |",
        "| — | — |",
        "| A | <u>0.500</u> |",
        "| B | **0.400** |",
        "| *controls* |  |",
        "| random | 0.100 |",
        "| *ceilings* |  |",
        "| oracle | 0.000 |",
    ]
    assert latex(table).splitlines()[4:-2] == [
        r"Original & 0.900 \\",
        r"\midrule",
        r"A & \underline{0.500} \\",
        r"B & \textbf{0.400} \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{controls}} \\",
        r"random & 0.100 \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{ceilings}} \\",
        r"oracle & 0.000 \\",
    ]


def test_every_combined_table_has_rules_between_kinds_and_ranks_explainers_alone() -> None:
    """random and oracle have the better numbers; LIME is the best explainer, with no second."""
    made = combined(beside(evaluation_rows()), beside(EXPLANATIONS), BESIDE)
    assert {name: table.rules for name, table in made.items()} == {
        "accuracy": {0: "", 1: "controls", 2: "ceilings"},
        **{name: {0: "controls", 1: "ceilings"} for name in ("sufficiency", "cost", "flips")},
    }
    for name, line in (("accuracy", 1), ("sufficiency", 0)):
        wide = made[name].wide
        columns = [column for column in wide if " top-" in column and not column.startswith("FS")]
        assert marks(made[name]) == {(line, column): 1 for column in columns}
        assert wide["explainer"][line] == "LIME" and wide["all top-1"][line + 1] != wide["all top-1"][line]
    assert marks(made["cost"]) == marks(made["flips"]) == {}
    lines = markdown(made["flips"]).splitlines()
    assert lines[5].startswith("| *controls* |") and lines[6].startswith("| random | 5 | 4 (2, 2, 0, 0) | 1/2 |")
    assert lines[7].startswith("| *ceilings* |") and lines[8].startswith("| oracle | 5 | 4 (2, 2, 0, 0) | 1/2 |")


def test_without_controls_and_ceilings_the_tables_are_as_before() -> None:
    made = combined(evaluation_rows(), EXPLANATIONS, AXES)
    assert {name: table.rules for name, table in made.items()} == {
        "accuracy": {0: ""}, "sufficiency": {}, "cost": {}, "flips": {},
    }  # fmt: skip
    only = between(["explainer", "ceiling"])
    assert only == {0: "ceilings"} and between(["control"]) == between([]) == {}


def test_an_interval_stands_behind_its_value_and_a_dagger_behind_both() -> None:
    nan = float("nan")
    wide = pd.DataFrame(
        {
            "explainer": ["A_adv − A", "B"],
            "fall ↑": [0.5, 0.25],
            "low": [0.4, nan],
            "high": [0.6, nan],
            "p": ["< 0.1", ""],
        }
    )
    cell = (0, "fall ↑")
    table = Table(
        "", wide, wide, intervals={"fall ↑": ("low", "high")}, decimals={"fall ↑": 2}, marked=frozenset([cell]),
        flagged=frozenset([cell]),
    )  # fmt: skip
    assert markdown(table).splitlines()[2:] == [
        "| explainer | fall ↑ | p |",
        "|:---|---:|---:|",
        "| A_adv − A | **0.50 [0.40, 0.60]†** | < 0.1 |",
        "| B | 0.25 |  |",
    ]
    assert latex(table).splitlines()[2:6] == [
        r"explainer & fall $\uparrow$ & p \\",
        r"\midrule",
        r"A\_adv $-$ A & \textbf{0.50 [0.40, 0.60]$^\dagger$} & $<$ 0.1 \\",
        r"B & 0.25 &  \\",
    ]


def test_no_minus_zero() -> None:
    assert "| 0.000 |" in markdown(Table("", pd.DataFrame(), small([-0.0001]).wide))


def test_flips_are_counts_out_of_those_called_fake() -> None:
    table = layout.flips_table(evaluation_rows(), AXES)
    assert "| LIME | 4 | 3 (2, 1, 0, 0) | 0/2 | 2/2 | 0/1 | 0/1 |  |  |  |  | 0/3 | 2/3 |" in markdown(table)
    assert "| LIME_adv | 5 | 4 (2, 2, 0, 0) | 1/2 | 2/2 | 0/2 | 1/2 |  |  |  |  | 1/4 | 3/4 |" in markdown(table)
    assert table.wide["all top-2"].tolist() == [2, 3, 0]


def test_cost_in_markdown() -> None:
    text = markdown(layout.cost_table(EXPLANATIONS, AXES))
    assert "| n | own seconds | own images | own calls | total seconds | total images | total calls |\n" in text
    assert "| LIME_adv | 5 | 6.000 | 100.0 | 10.0 | 6.800 | 197.4 | 11.4 |" in text
    assert "| SHAP | 0 |  |  |  |  |  |  |" in text and "Best" not in text


def test_one_explainer() -> None:
    rows = evaluation_rows()
    own = EXPLANATIONS[EXPLANATIONS["explainer"] == "LIME"]
    table = layout.explainer_table(rows[rows["explainer"] == "LIME"], own, ONE)
    assert table.wide["category"].tolist() == ["DF", "F2F", "FS", "NT", "all"]
    text = markdown(table)
    # f2 is left out of F2F's numbers, not of its cost: (6 + 8) / 2
    assert (
        "| F2F | 2 | 1 | 0 | 1 | 1.000 | 1.000 | 1.000 | 0.050 | 0.150 | 1 | 0/1 | 0/1 "
        "| 7.000 | 100.0 | 10.0 | 7.000 | 100.0 | 10.0 |"
    ) in text
    assert "| FS | 0 | 0 | 0 | 0 |  |  |  |  |  | 0 |  |  |  |  |  |  |  |  |" in text
    assert "| NT | 1 | 0 | 1 | 1 | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 | 0 |  |  | 10.000 |" in text
    assert "| all | 5 | 1 | 1 | 4 | 0.500 | 0.750 | 0.250 | 0.138 | 0.338 | 3 | 0/3 | 2/3 | 6.000 |" in text


def test_an_image_without_its_second_k_is_seen_in_n() -> None:
    rows = evaluation_rows()
    rows = rows[~((rows["key"] == "d1") & (rows["k"] == 2) & (rows["explainer"] == "LIME"))]
    wide = layout.sufficiency_table(rows, AXES).wide.set_index("explainer")
    assert wide.loc["LIME", "DF n"] == "2/1" and wide.loc["LIME", "n"] == "4/3"
    assert wide.loc["LIME", "DF top-2"] == pytest.approx(0.4)  # d2 alone
    assert wide.loc["LIME_adv", "DF n"] == 2


def test_files(tmp_path: Path) -> None:
    table = accuracy_table()
    write(table, tmp_path / "tables" / "accuracy", "note")
    folder = tmp_path / "tables"
    kinds = ("csv", "md", "parquet", "tex")
    assert sorted(path.name for path in folder.iterdir()) == [f"accuracy.{kind}" for kind in kinds]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "accuracy.parquet"), table.tidy)
    assert list(table.tidy) == ["explainer", "category", "k", "n", "accuracy"]
    lines = (folder / "accuracy.csv").read_text().splitlines()
    assert lines[0].startswith("explainer,n,DF n,F2F n,FS n,NT n,DF top-1,DF top-2,F2F top-1,")
    assert lines[2] == "LIME,4,2,1,0,1,1.0,0.0,1.0,1.0,,,0.0,0.0,0.75,0.25"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write(accuracy_table(), tmp_path / "tables" / "accuracy", "note")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_every_table_can_be_written(tmp_path: Path) -> None:
    rows = evaluation_rows()
    own = EXPLANATIONS[EXPLANATIONS["explainer"] == "LIME"]
    tables = {
        "sufficiency": layout.sufficiency_table(rows, AXES),
        "cost": layout.cost_table(EXPLANATIONS, AXES),
        "flips": layout.flips_table(rows, AXES),
        "LIME": layout.explainer_table(rows[rows["explainer"] == "LIME"], own, ONE),
    }
    for name, table in tables.items():
        write(table, tmp_path / name)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), table.tidy)
    assert len(list(tmp_path.iterdir())) == 16


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_titles_may_have_signs_that_mean_something_in_markdown_and_latex() -> None:
    wide = pd.DataFrame({"explainer": ["A"], "n": ["1"], "|d| {x}^2 > 0 $": [0.5]})
    table = Table("Caption.", wide, wide)
    assert markdown(table).splitlines()[2:] == [
        r"| explainer | n | \|d\| {x}^2 > 0 $ |",
        "|:---|---:|---:|",
        "| A | 1 | 0.500 |",
    ]
    assert r"explainer & n & $|$d$|$ \{x\}\textasciicircum{}2 $>$ 0 \$ \\" in latex(table)


def test_a_dagger_stands_behind_a_value_alone() -> None:
    wide = pd.DataFrame({"explainer": ["A", "B"], "value": [0.5, float("nan")]})
    table = Table("Caption.", wide, wide, flagged=frozenset({(0, "value"), (1, "value")}))
    assert markdown(table).splitlines()[-2:] == ["| A | 0.500† |", "| B |  |"]


def test_backwards_in_markdown_where_some_row_has_any() -> None:
    back = EXPLANATIONS.assign(backwards=(EXPLANATIONS["explainer"] == "LIME") * 50)
    text = markdown(layout.cost_table(back, AXES))
    assert "with the adversarial copy. Backwards: images back through it, for gradients, besides.\n" in text
    assert (
        "| own calls | own backwards | total seconds |" in text and "| LIME | 5 | 6.000 | 100.0 | 10.0 | 50.0 |" in text
    )
    mine = layout.explainer_table(
        evaluation_rows()[lambda rows: rows["explainer"] == "LIME"], back[back["explainer"] == "LIME"], ONE
    )
    assert mine.wide["own backwards"].dropna().unique().tolist() == [50] and mine.decimals["total backwards"] == 1
    none = markdown(layout.cost_table(EXPLANATIONS.assign(backwards=0), AXES))
    assert none == markdown(layout.cost_table(EXPLANATIONS, AXES))
    said = "The seconds are of the jobs that made maps and copies, perhaps on another machine or beside other jobs."
    assert said in text and said in markdown(mine) and said not in none


def test_a_row_of_the_real_class_is_neither_best_nor_second() -> None:
    table = small([0.1, 0.2, 0.3])
    assert marks(table) == {(0, "all top-1"): 1, (1, "all top-1"): 2}
    assert marks(replace(table, unranked=frozenset(["E0"]))) == {(1, "all top-1"): 1, (2, "all top-1"): 2}
    rows, axes = evaluation_rows(), replace(AXES, real=frozenset(["LIME_adv"]))
    for made in (
        layout.accuracy_table(rows, clean_predictions(rows, EXPLANATIONS), axes),
        layout.sufficiency_table(rows, axes),
    ):
        place = made.wide["explainer"].tolist().index("LIME_adv")
        assert {line for line, _ in marks(made)} == {place - 1}  # LIME alone
