"""The published tables: every number against the paper's text, and ours beside them by hand."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from advxai.common.categories import SHORT
from advxai.common.errors import InputError
from advxai.config.rows import PUBLISHED
from advxai.tables import beside, layout, published
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.layout import Table
from advxai.tables.write import latex, markdown, write
from tests.unit.tables_data import AXES, EXPLANATIONS, evaluation_rows

SEEDS = Path(__file__).parents[2] / "../shared/seeds"
ROW = re.compile(r"(Original|LIME|SHAP|SOBOL|RISE)(adv)?((?: \d+\.?\d*)+)")
READINGS = {"LIME": "LIME", "LIME_adv": "LIME"}


def of_the_paper(table: int) -> dict[str, list[float]]:
    """Row -> its numbers, from the paper's text: the lines above the caption of a table."""
    (path,) = SEEDS.glob("001*.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    (end,) = [number for number, line in enumerate(lines) if line.startswith(f"Table {table}:")]
    rows = {}
    for line in reversed(lines[:end]):
        if not line:
            break
        if found := ROW.fullmatch(line.strip()):
            name, modified, numbers = found.groups()
            rows[f"{name}_adv" if modified else name] = [float(number) for number in numbers.split()]
    return rows


def flat(scores: published.Scores) -> list[float]:
    return [number for numbers in scores for number in numbers]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the paper's text isn't here")
def test_every_number_is_the_papers() -> None:
    accuracy = of_the_paper(1)
    assert accuracy.pop("Original") == list(published.ORIGINAL_ACCURACY.values())
    assert accuracy == {row: flat(scores) for row, scores in published.ACCURACY.items()}
    assert of_the_paper(2) == {row: flat(scores) for row, scores in published.SUFFICIENCY.items()}
    costs = {}
    for row, (original, modified, calls, modified_calls) in of_the_paper(3).items():
        costs |= {row: (original, calls), f"{row}_adv": (modified, modified_calls)}
    assert costs == published.COST and len(costs) == 8


def test_some_numbers_by_hand() -> None:
    assert published.ORIGINAL_ACCURACY["NeuralTextures"] == 0.924
    assert published.ACCURACY["LIME"].Deepfakes == (0.735, 0.440, 0.245)
    assert published.ACCURACY["LIME_adv"].NeuralTextures == (0.411, 0.155, 0.056)
    assert published.SUFFICIENCY["RISE_adv"].FaceSwap == (0.043, 0.073, 0.097)
    assert published.SUFFICIENCY["SOBOL"].Face2Face[1] == 0.212
    assert published.COST["SOBOL_adv"] == published.Cost(seconds=16.9, calls=1898)
    # what the notes say of the calls of NES
    more = {row: published.COST[f"{row}_adv"].calls - published.COST[row].calls for row in ("LIME", "SHAP", "RISE")}
    assert more == {"LIME": 1881, "SHAP": 1883, "RISE": 1881}


def test_rows_and_categories_are_those_of_the_project() -> None:
    assert published.ROWS == tuple(published.ACCURACY) == tuple(published.SUFFICIENCY) == PUBLISHED
    assert list(published.CATEGORIES) == list(published.ORIGINAL_ACCURACY) == list(published.LISTED) == list(SHORT)


def accuracy_table(readings: dict[str, str] = READINGS, axes: Axes = AXES) -> Table:
    rows = evaluation_rows()
    ours = layout.accuracy_table(rows, clean_predictions(rows, EXPLANATIONS), axes).tidy
    return beside.published_accuracy_table(ours, axes, readings)


def sufficiency_table(rows: pd.DataFrame, axes: Axes, readings: dict[str, str]) -> Table:
    return beside.published_sufficiency_table(layout.sufficiency_table(rows, axes).tidy, axes, readings)


def cost_table(readings: dict[str, str]) -> Table:
    return beside.published_cost_table(layout.cost_table(EXPLANATIONS, AXES).tidy, AXES, readings)


def test_every_published_row_with_its_readings_below() -> None:
    table = accuracy_table()
    assert table.wide["explainer"].tolist() == [
        *("Original, published", "Original, ours", "Original, difference"),
        *("LIME, published", "LIME, ours", "LIME, difference", "LIME_adv, ours", "LIME_adv, difference"),
        *(f"{row}, published" for row in published.ROWS[1:]),  # what nothing reads stands alone
    ]
    assert list(table.wide) == [
        *("explainer", "n", "DF n", "F2F n", "FS n", "NT n"),
        *(f"{category} top-{k}" for category in ("DF", "F2F", "FS", "NT") for k in (1, 2, 3)),
    ]
    assert list(table.rules)[:2] == [2, 7] and len(table.rules) == 8


def test_accuracy_differences() -> None:
    wide = accuracy_table().wide.set_index("explainer")
    assert wide.loc["LIME, published", ["DF top-1", "FS top-3", "NT top-2"]].tolist() == [0.735, 0.559, 0.340]
    assert wide.loc["LIME, ours", ["DF top-1", "DF top-2", "F2F top-2"]].tolist() == [1, 0, 1]
    # 1 - .735, 0 - .44, 1 - .633
    difference = wide.loc["LIME, difference", ["DF top-1", "DF top-2", "F2F top-2"]].tolist()
    assert difference == pytest.approx([0.265, -0.440, 0.367])
    # the second reading of the same published row: 0 - .735, 0 - .633
    assert wide.loc["LIME_adv, difference", ["DF top-1", "F2F top-2"]].tolist() == pytest.approx([-0.735, -0.633])
    # one image of two right; the same for every k
    original = wide.loc["Original, difference", ["DF top-1", "DF top-2", "DF top-3"]].tolist()
    assert original == pytest.approx([0.5 - 0.978] * 3)
    assert wide.loc["LIME, ours", ["n", "DF n", "F2F n", "FS n", "NT n"]].tolist() == [4, 2, 1, 0, 1]
    assert wide.loc["Original, ours", ["n", "FS n"]].tolist() == [5, 0]
    assert wide.loc[["LIME, published", "LIME, difference"], ["n", "DF n"]].isna().all(axis=None)


def test_what_we_lack_is_empty() -> None:
    wide = accuracy_table().wide.set_index("explainer")
    for line in ("LIME, ours", "LIME, difference"):
        assert wide.loc[line, ["FS top-1", "FS top-2", "DF top-3"]].isna().all()  # no such image; top is 2
        assert wide.loc[line, ["DF top-2", "NT top-2"]].notna().all()
    rows = evaluation_rows()
    rows = rows[rows["category"] == "Deepfakes"]
    axes = Axes(AXES.explainers, ["Deepfakes"], 2)
    one = sufficiency_table(rows, axes, READINGS).wide.set_index("explainer")
    assert one.loc["LIME, ours", ["n", "DF n", "F2F n", "NT n"]].tolist() == [2, 2, 0, 0]
    assert one.loc["LIME, published", "F2F top-1"] == 0.121 and math.isnan(one.loc["LIME, ours", "F2F top-1"])


def test_what_the_paper_lacks_is_left_out() -> None:
    rows = evaluation_rows()
    rows.loc[rows["key"] == "n1", "category"] = "FaceShifter"
    more = [rows, *(rows[rows["k"] == 2].assign(k=k) for k in (3, 4))]
    axes = Axes(AXES.explainers, [*AXES.categories, "FaceShifter"], 4)
    table = sufficiency_table(pd.concat(more), axes, {"LIME": "LIME"})
    assert table.tidy["k"].unique().tolist() == [1, 2, 3]
    assert table.tidy["category"].unique().tolist() == list(SHORT)
    wide = table.wide.set_index("explainer")
    assert wide.loc["LIME, ours", ["n", "DF n", "F2F n", "FS n", "NT n"]].tolist() == [3, 2, 1, 0, 0]
    assert wide.loc["LIME, difference", "DF top-3"] == pytest.approx(0.6 - 0.539)


def test_an_image_without_its_second_k_is_seen_in_n() -> None:
    rows = evaluation_rows()
    rows = rows[~((rows["key"] == "d1") & (rows["k"] == 2) & (rows["explainer"] == "LIME"))]
    wide = sufficiency_table(rows, AXES, READINGS).wide.set_index("explainer")
    assert wide.loc["LIME, ours", ["n", "DF n", "NT n"]].tolist() == ["4/3", "2/1", 1]


def test_sufficiency_tidy() -> None:
    tidy = sufficiency_table(evaluation_rows(), AXES, READINGS).tidy
    columns = ["published", "explainer", "category", "k", "n", "published sufficiency", "sufficiency", "difference"]
    assert list(tidy) == columns and len(tidy) == 9 * 12  # LIME twice, the seven others once
    first = tidy.iloc[0]
    assert first[columns[:6]].tolist() == ["LIME", "LIME", "Deepfakes", 1, 2, 0.195]
    assert first[columns[6:]].tolist() == pytest.approx([0.25, 0.055])
    assert tidy.iloc[12]["explainer"] == "LIME_adv" and tidy.iloc[12]["difference"] == pytest.approx(0.475 - 0.195)
    unread = tidy[tidy["published"] == "RISE"]
    assert unread["explainer"].isna().all() and unread["n"].eq(0).all() and unread["difference"].isna().all()
    assert unread["published sufficiency"].tolist() == flat(published.SUFFICIENCY["RISE"])


def test_a_run_without_readings() -> None:
    rows = evaluation_rows()
    wide = sufficiency_table(rows, AXES, {}).wide
    assert wide["explainer"].tolist() == [f"{row}, published" for row in published.ROWS]
    cost = cost_table({}).wide
    assert (
        cost["own seconds"].isna().all() and cost["published calls"].sum() == 200 + 2081 + 45 + 1928 + 17 + 1898 + 1945
    )


def test_a_row_that_the_paper_lacks_is_refused() -> None:
    with pytest.raises(InputError, match=r"explainers.LIME.published = 'Lime': the paper's rows are LIME, LIME_adv, "):
        accuracy_table({"LIME": "Lime"})


def test_cost_beside() -> None:
    readings = {"LIME_adv": "LIME_adv", "LIME": "LIME", "SHAP": "LIME"}
    table = cost_table(readings)
    assert not any("difference" in column for column in table.wide)
    text = markdown(table)
    assert (
        "| published row | explainer | published seconds | published calls | n | own seconds | own images | own calls "
        "| total seconds | total images | total calls |\n"
    ) in text
    assert "| LIME | LIME | 4.4 | 200 | 5 | 6.000 | 100.0 | 10.0 | 6.000 | 100.0 | 10.0 |\n" in text
    assert "| LIME | SHAP | 4.4 | 200 | 0 |  |  |  |  |  |  |\n" in text  # a reading without any image yet
    assert "| LIME_adv | LIME_adv | 20.8 | 2081 | 5 | 6.000 | 100.0 | 10.0 | 6.800 | 197.4 | 11.4 |\n" in text
    assert "| SHAP |  | 2.6 | 45 | 0 |  |  |  |  |  |  |\n" in text
    assert r" &  & \multicolumn{2}{c}{published} &  & \multicolumn{3}{c}{own} & " in latex(table)


def test_accuracy_in_markdown_and_latex() -> None:
    table = accuracy_table()
    text = markdown(table, "Run ffpp.")
    assert (
        "| Original, ours | 5 (2, 2, 0, 1) | 0.500 | 0.500 | 0.500 | 1.000 | 1.000 | 1.000 |  |  |  | 0.000 |" in text
    )
    assert "| LIME, published |  | 0.735 | 0.440 | 0.245 | 0.803 | 0.633 |" in text
    assert "| LIME, difference |  | 0.265 | -0.440 |  | 0.197 | 0.367 |  |  |  |  | -0.579 | -0.340 |  |\n" in text
    assert "**" not in text and text.endswith("\n\nRun ffpp.\n")
    lines = latex(table, "Run ffpp.").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(r"\begin"))
    assert begin == 2 + len(table.notes) and all(line.startswith("% ") for line in lines[:begin])
    original = next(number for number, line in enumerate(lines) if line.startswith("Original, difference"))
    assert lines[original].startswith(
        r"Original, difference &  & \multicolumn{3}{c}{-0.478} & \multicolumn{3}{c}{0.023}"
    )
    assert lines[original + 1] == r"\midrule" and lines[original + 2].startswith("LIME, published &  & 0.735 & ")
    assert lines.count(r"\midrule") == 1 + 8  # under the heading and between the nine published rows


def test_notes_under_the_tables(tmp_path: Path) -> None:
    rows = evaluation_rows()
    scores = sufficiency_table(rows, AXES, READINGS)
    assert scores.notes == accuracy_table().notes
    write(scores, tmp_path / "published_sufficiency", "Run ffpp.")
    write(cost_table(READINGS), tmp_path / "published_cost", "Run ffpp.")
    readings = ("LIME_segment_mean", "LIME_released", "SOBOL_released", "10x10 box", "quickshift against SLIC")
    said = {
        "published_sufficiency": (
            "doesn't show that a number was or wasn't reproduced",
            "states 1,270 for each category",
            "gives 1,280 (DF), 1,260 (F2F), 1,270 (FS), 1,260 (NT).",
            "rows of RISE and RISE_adv are called SOBOL and SOBOL_adv",
            "can't be told",
            *readings,
        ),
        "published_cost": ("RTX 4090", "200 of 10 images", "1,881 more than the original, SHAP 1,883", *readings),
    }
    for name, sentences in said.items():
        for kind in ("md", "tex"):
            text = (tmp_path / f"{name}.{kind}").read_text(encoding="utf-8")
            assert [sentence for sentence in sentences if sentence not in text] == []
            assert "Tsigos, Apostolidis, Mezaris, WACVW 2025, arXiv 2502.03957, table " in text
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "published_sufficiency.parquet"), scores.tidy)
    lines = (tmp_path / "published_sufficiency.csv").read_text().splitlines()
    assert lines[1].startswith('"LIME, published",,,,,,0.195,0.408,0.539,0.121,')
    assert lines[2].startswith('"LIME, ours",4,2,1,0,1,')


def test_backwards_of_other_rows_of_the_run_aren_t_beside_the_published_ones() -> None:
    def beside_of(explainer: str) -> list[str]:
        back = EXPLANATIONS.assign(backwards=(EXPLANATIONS["explainer"] == explainer) * 50)
        ours = layout.cost_table(back, AXES).tidy
        return list(beside.published_cost_table(ours, AXES, {"LIME": "LIME"}).wide)

    assert "own backwards" in beside_of("LIME") and beside_of("LIME_adv") == list(cost_table({}).wide)
