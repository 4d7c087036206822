"""The tables of the measures besides the segment attacks: means and counts by hand, reasons, rules."""

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path

import pandas as pd
import pytest

from advxai.metrics.base import Measure, Measured, Measuring, Subject
from advxai.metrics.columns import Column
from advxai.metrics.registry import measured_columns
from advxai.tables.compute import Axes
from advxai.tables.layout import Table
from advxai.tables.measured import localisation_table, means, measured_tables, metrics_table, reasons
from advxai.tables.read import MEASURED, metrics
from advxai.tables.write import latex, markdown, marks, write
from tests.unit.paths_data import paths

FALL = Column("restoration", "restoration, 30%", "higher", low=-1.0, headline=True)
DEPTH = Column("depth", "depth of the tree", None)  # of a measure from outside
WRONG = Column("wrong", "wrong ones", "lower", "share")
AUC = Column("auc_mask", "pixel AUC, true mask", "higher", low=-0.5, high=0.5, by_category=True)
COLUMNS = [FALL, AUC, DEPTH, WRONG]
KINDS = {"random": "control", "oracle": "ceiling"}
AXES = Axes(["LIME", "SHAP", "random", "oracle"], ["NeuralTextures", "Deepfakes"], top=3, kinds=KINDS)
CATEGORIES = {"d1": "Deepfakes", "d2": "Deepfakes", "n1": "NeuralTextures"}
REAL, WHY = "the detector calls the image real", "no counterpart: 001.mp4 isn't there"
# explainer -> column -> value of d1, d2, n1, or why there is none
VALUES: Mapping[str, Mapping[str, Sequence[float | str]]] = {
    "LIME": {"restoration": [0.5, 0.25, REAL], "auc_mask": [0.25, 0.5, -0.125], "depth": [3, 4, 8], "wrong": [1, 0, 1]},
    "SHAP": {"restoration": [WHY, WHY, REAL], "auc_mask": [WHY, WHY, 0.25], "depth": [2, WHY, 2], "wrong": [0, 0, 0]},
    "random": {"restoration": [0.9, 0.8, REAL], "auc_mask": [0, 0, 0]},
}


def measured(values: Mapping[str, Mapping[str, Sequence[float | str]]] = VALUES) -> pd.DataFrame:
    lines = [
        (name, key, category, column, nan if isinstance(one, str) else one, one if isinstance(one, str) else "")
        for name, columns in values.items()
        for column, found in columns.items()
        for (key, category), one in zip(CATEGORIES.items(), found, strict=True)
    ]
    return pd.DataFrame(lines, columns=list(MEASURED)).astype(MEASURED)


def lines(table: Table) -> list[str]:
    return markdown(table).splitlines()[2:]


def test_means_are_over_the_images_with_a_value() -> None:
    found = means(measured(), COLUMNS, ["explainer"]).set_index(["explainer", "column"])
    assert found.loc[("LIME", "restoration"), ["n", "missing", "value"]].tolist() == [2, 1, 0.375]
    assert found.loc[("SHAP", "restoration"), ["n", "missing"]].tolist() == [0, 3]
    assert pd.isna(found.loc[("SHAP", "restoration"), "value"])
    assert found.loc[("LIME", "depth"), "value"] == 5 and found.loc[("LIME", "wrong"), "value"] == pytest.approx(2 / 3)
    split = means(measured(), [AUC], ["explainer", "category"]).set_index(["explainer", "category"])
    assert split.loc[("LIME", "Deepfakes"), ["n", "missing", "value"]].tolist() == [2, 0, 0.375]
    assert split.loc[("SHAP", "Deepfakes"), ["n", "missing"]].tolist() == [0, 2]
    assert list(split) == ["column", "n", "missing", "value"]


def test_the_order_of_rows_changes_no_bit() -> None:
    frame = measured().assign(value=lambda rows: rows["value"] / 3)
    names = ["explainer", "column"]
    first, other = (means(one, COLUMNS, ["explainer"]).sort_values(names) for one in (frame, frame[::-1]))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), other.reset_index(drop=True), check_exact=True)


def test_a_line_an_explainer() -> None:
    """Counts differ where a column is missing for some images; a row without any keeps its line."""
    made = metrics_table(measured(), COLUMNS, AXES)
    assert lines(made) == [
        "| explainer | n | restoration, 30% \u2191 | depth of the tree | wrong ones \u2193 |",
        "|:---|---:|---:|---:|---:|",
        "| LIME | 2 to 3 | 0.375 | 5.000 | 0.667 |",
        "| SHAP | 0 to 3 |  | 2.000 | 0.000 |",
        "| *controls* |  |  |  |  |",
        "| random | 2 | 0.850 |  |  |",
        "| *ceilings* |  |  |  |  |",
        "| oracle | 0 |  |  |  |",
        "",
        f"No value of restoration, depth of the tree (SHAP): 1 to 2 images, {WHY}.",
        "",
        f"No value of restoration (LIME, SHAP, random): 1 image, {REAL}.",
    ]
    assert marks(made) == {}  # nothing is said of what is best: that is the scorecard's
    assert made.tidy["column"].unique().tolist() == ["restoration", "depth", "wrong"]


def test_a_line_an_explainer_and_category() -> None:
    """In the paper's order; nothing is averaged over categories."""
    made = localisation_table(measured(), COLUMNS, AXES)
    assert lines(made) == [
        "| explainer | n | pixel AUC, true mask \u2191 |",
        "|:---|---:|---:|",
        "| LIME, DF | 2 | 0.375 |",
        "| LIME, NT | 1 | -0.125 |",
        "| SHAP, DF | 0 |  |",
        "| SHAP, NT | 1 | 0.250 |",
        "| *controls* |  |  |",
        "| random, DF | 2 | 0.000 |",
        "| random, NT | 1 | 0.000 |",
        "| *ceilings* |  |  |",
        "| oracle, DF | 0 |  |",
        "| oracle, NT | 0 |  |",
        "",
        f"No value of pixel AUC (SHAP): 2 images, {WHY}.",
    ]
    assert r"\textit{controls}" in latex(made) and r"$\uparrow$" in latex(made)


def test_reasons_that_all_share_name_nobody() -> None:
    rows = {name: {"restoration": [0.5, REAL, REAL]} for name in ("A", "B", "C", "D")}
    assert reasons(measured(rows), COLUMNS) == (f"No value of restoration: 2 images, {REAL}.",)
    few = {name: {"restoration": [0.5, REAL, REAL]} for name in ("A", "B", "C")}
    assert reasons(measured(few), COLUMNS) == (f"No value of restoration (A, B, C): 2 images, {REAL}.",)
    assert reasons(measured(few), [DEPTH]) == () == reasons(measured({}), COLUMNS)


def test_nothing_measured_is_a_table_of_empty_lines(tmp_path: Path) -> None:
    """Such as a run in which no image is called fake: its shards have no rows."""
    made = measured_tables(metrics([]), COLUMNS, AXES)
    assert lines(made["metrics"])[2:4] == ["| LIME | 0 |  |  |  |", "| SHAP | 0 |  |  |  |"]
    assert lines(made["localisation"])[2] == "| LIME, DF | 0 |  |"
    for name, table in made.items():
        assert table.notes == () and table.tidy.empty
        write(table, tmp_path / name)
        again = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert list(again) == list(measured_tables(measured(), COLUMNS, AXES)[name].tidy)


class Depth(Measure):
    """One column, of no direction."""

    def __init__(self, name: str) -> None:
        self.name, self.columns = name, [DEPTH]

    def measure(self, subject: Subject) -> Measuring:
        yield from ()
        return Measured()


def test_a_run_s_own_columns() -> None:
    """One of a measure from outside is among them; without localisation its table has no columns."""
    own = {"measure": f"{__name__}:Depth", "forwards": False}
    config = paths(metrics={"complexity": {"measure": "complexity"}, "mine": own}).config
    columns = measured_columns(config)
    assert [column.name for column in columns] == ["gini", "entropy", "depth"]
    rows = {"LIME": {"gini": [0.5, 0.7, 0.9], "depth": [2, 4, 6]}}
    made = measured_tables(measured(rows), columns, Axes(["LIME"], AXES.categories, 3))
    assert lines(made["metrics"])[0] == "| explainer | n | Gini index | entropy | depth of the tree |"
    assert lines(made["metrics"])[2] == "| LIME | 3 | 0.700 |  | 4.000 |"
    assert lines(made["localisation"])[:3] == ["| explainer | n |", "|:---|---:|", "| LIME, DF | 0 |"]
    assert r"\begin{tabular}{lr}" in latex(made["localisation"])
