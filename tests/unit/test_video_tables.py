"""Tables and closing lines of clips, by hand: five clips of four frames, two explainers, a control and a ceiling."""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.metrics.base import Measured
from advxai.metrics.stage import record_of
from advxai.run.store import write_shard
from advxai.tables.layout import Table
from advxai.tables.write import latex, markdown, write
from advxai.video.attacked import attacks_table, costs_of
from advxai.video.measures import ClipMeasures
from advxai.video.population import Population, clusters
from advxai.video.read import Found
from advxai.video.rows import attack_items, attack_rows, metrics_rows
from advxai.video.tables import summary, tables
from tests.unit.paths_data import paths
from tests.unit.video_data import item, record

ROWS = {
    "SHAP3D": {"method": "shap3d", "baseline": "blur"},
    "Filled": {"method": "lime3d", "baseline": "counterpart"},
    "random": {"method": "random"},
    "oracle_mask": {"method": "oracle_mask"},
}
CONFIG = paths(video={"frames": 4, "top": 2, "area": 0.25, "explainers": ROWS}).config
CLASSES = Classes(("Real", "Fake"))
SPLIT = {  # name -> category, called real
    "a": ("Deepfakes", False),
    "b": ("FaceSwap", False),
    "c": ("Face2Face", True),
    "r": ("Real", True),
    "f": ("Real", False),
}
NUMBER = {"a": "004_005", "b": "005_004", "c": "004_005", "r": "004", "f": "005"}
LOST = "no true mask"
VALUES = {
    "intensity": 0.5,
    "tau": 0.25,
    "tau_missing": 1.0,
    "rho_missing": 0.0,
    "mu_missing": 0.0,
    "detection": 0.125,
    "restoration_flip_1": 1.0,
}
FALLS = {"SHAP3D": 0.5, "Filled": 0.75, "random": 0.25, "oracle_mask": 0.625}


def key_of(name: str) -> str:
    category = SPLIT[name][0]
    tree = "original_sequences/youtube" if category == "Real" else f"manipulated_sequences/{category}"
    return f"{tree}/c23/videos/{NUMBER[name]}.mp4/clip_00000_0"


ITEMS = {name: item(key_of(name), SPLIT[name][0]) for name in SPLIT}


def explanation(row: str, name: str) -> dict[str, Any]:
    called_real = SPLIT[name][1]
    before = np.array([0.75, 0.25] if called_real else [0.25, 0.75], np.float32)
    spent = {"images": 40, "calls": 5, "seconds": 2.0, "backwards": 0, "adversary_images": 0, "adversary_calls": 0}
    own = {"key": ITEMS[name]["key"], "sha256": "c", **record(5, 21), "called_real": called_real, "before": before}
    if row == "oracle_mask" and name == "b":
        own |= {"missing": LOST, "ranking": np.zeros(0, np.int16)}
    return own | spent | {"adversary_seconds": 0.0}


def measures_of(row: str, name: str) -> dict[str, Any]:
    """What VALUES say, else .125; of a clip called real without a restoration; b falls by half as much."""
    measure = ClipMeasures(CONFIG.video)
    one = explanation(row, name)
    if one["missing"]:
        return record_of(one["key"], "c", measure, Measured(reasons={"": LOST}), 0, 0.0)
    every = dict.fromkeys((column.name for column in measure.columns), 0.125)
    values = every | VALUES | {"restoration": FALLS[row] * (0.5 if name == "b" else 1)}
    values |= {"restoration_flip_1": 0.0 if name == "b" else VALUES["restoration_flip_1"]}
    if one["called_real"]:
        values = {column: value for column, value in values.items() if not column.startswith("restoration")}
    return record_of(one["key"], "c", measure, Measured(values, {"": "the detector calls the clip real"}), 36, 1.0)


def attack_of(row: str, mask: str, name: str) -> dict[str, Any]:
    """a is turned by the first segment's attack already, nothing else."""
    one = explanation(row, name)
    after = np.array([0.5, 0.25 + 0.25], np.float32) if name == "a" else one["before"]
    return {"key": one["key"], "mask": mask, "iterations": 1, "queries": 40, "before": one["before"], "after": after,
            "made_for": row}  # fmt: skip


def found(names: str = "abcrf") -> Found:
    items = [ITEMS[name] for name in names]
    clips = pd.DataFrame(
        [{**one, "frames": 4, "called_real": SPLIT[n][1]} for n, one in zip(names, items, strict=True)]
    )
    clips["before"] = [explanation("SHAP3D", name)["before"] for name in names]
    spent, attacks, measured = [], [], []
    for row in ROWS:
        saliency = {key_of(name): explanation(row, name) for name in names}
        spent += [{"explainer": row, **one} for one in saliency.values()]
        of = {key_of(name): name for name in names}
        made = [attack_of(row, one["mask"], of[one["key"]]) for one in attack_items(items, saliency, 2)]
        attacks.append(attack_rows(row, items, saliency, made, top=2, classes=CLASSES))
        measured.append(metrics_rows(row, items, [measures_of(row, name) for name in names], CONFIG.video))
    return Found(clips, pd.DataFrame(spent), pd.concat(attacks), pd.concat(measured, ignore_index=True))


@cache
def made(names: str = "abcrf", beside: bool = False) -> dict[str, Table]:
    whole = found(names)
    own = tables(whole, CONFIG, CLASSES, beside=beside)
    return {**own, "video_attacks": attacks_table(whole, CONFIG, CLASSES)}


def lines(table: Table) -> dict[str, list[str]]:
    """The row's name, or <name>/<population> -> all cells of its line, of the Markdown table."""
    text = [line[2:-2].split(" | ") for line in markdown(table).splitlines() if line.startswith("| ")]
    populations = ("called fake", "all fake", "DFDC")
    return {"/".join(cells[: 2 if cells[1] in populations else 1]): cells for cells in text}


def test_populations():
    of = Population.of(found())
    assert of.named == {"called fake": [key_of("a"), key_of("b")], "all fake": [key_of("a"), key_of("b"), key_of("c")]}
    assert of.said == "3 fake clips, 2 of them called fake; 2 real clips, 1 of them called real."
    assert Population.of(found("ar")).said == "1 fake clip, called fake; 1 real clip, called real."
    assert Population.of(found("cf")).said == "1 fake clip, not called fake; 1 real clip, not called real."
    assert Population.of(found("ab")).said == "2 fake clips, all of them called fake."


def test_the_table_of_maps_over_time_has_both_populations():
    shown = lines(made()["video"])
    assert shown["SHAP3D/called fake"][2:6] == ["2", "0.500", "0.1250", "0.250"]
    assert shown["SHAP3D/all fake"][2:6] == ["3", "0.500", "0.1250", "0.250"]
    assert shown["SHAP3D/called fake"][-3:] == ["2", "0", "0"] and shown["SHAP3D/all fake"][-3:-2] == ["3"]  # pairs
    assert shown["oracle_mask/called fake"][2] == "1" and shown["oracle_mask/all fake"][2] == "2"
    assert shown["oracle_mask/called fake"][11] == "0.125\N{DAGGER}" and shown["SHAP3D/called fake"][11] == "0.125"
    text = markdown(made()["video"])
    assert "*over all fake clips*" in text and "*controls*" in text and "*ceilings*" in text
    assert f"(oracle_mask): 1 clip, {LOST}." in text and "published" not in text


def test_where_all_fakes_are_called_fake_their_lines_stand_once():
    table = made("abr")["video"]
    assert set(table.wide["clips"]) == {"called fake"} and set(table.tidy["clips"]) == {"called fake", "all fake"}
    assert "All fake clips are called fake: the lines are of both." in table.notes
    assert set(made("r")["video"].wide["clips"]) == {"called fake", "all fake"}  # none at all is no such case


def test_too_few_people_have_values_and_no_interval():
    tidy = made()["video"].tidy
    assert tidy["low"].isna().all() and set(tidy["clips"]) == {"called fake", "all fake"}
    one = tidy[(tidy["explainer"] == "SHAP3D") & (tidy["column"] == "tau") & (tidy["clips"] == "all fake")].iloc[0]
    assert (one["n"], one["clusters"], one["value"]) == (3, 1, 0.25) and "20 are needed" in one["method"]


def test_published_rows_stand_beside_ours():
    table = made(beside=True)["video"]
    shown = lines(table)["GradCAM, published/DFDC"]
    assert shown[2:8] == ["58", "0.069", "0.0135", "0.876", "0.749", "0.867"] and shown[8] == ""
    assert "not comparable in data" in markdown(table) and "*published, on DFDC*" in markdown(table)
    own = table.tidy[table.tidy["clips"] == "published"].set_index(["explainer", "column"])["value"]
    assert own["SHAP", "tau"] == 0.4496 and own["Bonettini", "mu"] == 0.5286 and len(own) == 20


def test_restoration_counts_flips_and_flags_what_is_made_from_the_counterpart():
    table = made()["video_restoration"]
    shown = lines(table)
    assert shown["SHAP3D"][1:4] == ["2", "0.375", "1/2"] and shown["random"][2] == "0.188"
    assert shown["Filled"][2] == "0.562\N{DAGGER}" and shown["Filled"][3] == "1/2\N{DAGGER}"
    assert shown["oracle_mask"][1:4] == ["1", "0.625", "1/1"]
    assert "1 clip, the detector calls the clip real." in markdown(table)


def test_attacks_of_fake_clips():
    table = made()["video_attacks"]
    shown = lines(table)
    # of a and b, for c is called real from the start; a is turned, and falls from .75 to .5. All five are explained.
    assert shown["Original"][1:4] == ["2", "1.000", "1.000"] and shown["Original"][8:] == [""] * 4
    assert shown["SHAP3D"][1:] == ["2", "0.500", "0.500", "0.125", "0.125", "1/2", "1/2", "5", "2.000", "40.0", "5.0"]
    assert shown["oracle_mask"][1] == "1" and shown["oracle_mask"][6:9] == ["1/1", "1/1", "4"]
    assert f"Not attacked, oracle_mask: 1 clip, {LOST}." in markdown(table)
    tidy = table.tidy
    assert set(tidy["measure"]) == {"accuracy", "sufficiency", "flips"} and "Deepfakes" in set(tidy["category"])


@pytest.mark.parametrize("names", ["a", "c", "r", "cr", "b"])
def test_every_row_has_its_lines_whatever_is_there(names: str, tmp_path: Path):
    for name, table in made(names, beside=True).items():
        assert set(ROWS) <= set(table.wide["explainer"])
        write(table, tmp_path / name, "note")
        assert latex(table).count("\\begin{tabular}") == 1
        assert parquet.read(tmp_path / f"{name}.parquet").columns.tolist() == list(table.tidy)


def test_the_closing_lines():
    left = [
        pd.DataFrame({"stage": ["clips"], "item": ["v.mp4"], "reason": ["only 3 frames have a face"]}),
        pd.DataFrame({"stage": ["counterparts"] * 2, "item": ["x", "y"], "reason": ["it isn't there"] * 2}),
    ]
    assert summary(found(), CONFIG, left).splitlines() == [
        "5 clips of 4 frames explained by 2 explainers, beside 2 controls and ceilings",
        "3 fake clips, 2 of them called fake; 2 real clips, 1 of them called real.",
        "restoration up to 25% of the clip, best first: SHAP3D 0.38 (n 2)",
        "SHAP3D came out above the control random 0.19 (n 2)",
        "of 1 independent group of videos, 20 are needed: no interval, and no row is shown to differ",
        f"not explained by oracle_mask: 1 x {LOST}",
        "left out: 1",
        "  clips: 1 x only 3 frames have a face",
        "frames without a counterpart, whose clips aren't restored: 2",
        "  2 x it isn't there",
    ]
    assert "no clip that is called fake could be restored" in summary(found("cr"), CONFIG, [])
    assert "left out: 0" in summary(found("cr"), CONFIG, [])


def test_a_control_that_restores_more_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(FALLS, "random", 0.9)
    assert "SHAP3D did not come out above the control random 0.68 (n 2)" in summary(found(), CONFIG, [])


def test_each_control_is_said_to_beat_those_that_it_beats():
    rows = ROWS | {"LIME3D": {"method": "lime3d", "baseline": "blur"}, "centre": {"method": "centre"}}
    config = paths(video={"frames": 4, "top": 2, "area": 0.25, "explainers": rows}).config
    one = found("ab")
    # beside SHAP3D's .5 and .25 and random's .25 and .125: LIME3D lacks a, so that its mean .2 is below random's .1875
    # by nothing, and above it on b alone; centre is as good as SHAP3D
    of = {"LIME3D": (math.nan, 0.2), "centre": (0.5, 0.25)}
    like = one.measured[(one.measured["explainer"] == "SHAP3D") & (one.measured["column"] == "restoration")]
    more = [like.assign(explainer=name, value=values) for name, values in of.items()]
    whole = replace(one, measured=pd.concat([one.measured, *more], ignore_index=True))
    said = summary(whole, config, []).splitlines()
    assert said[2] == "restoration up to 25% of the clip, best first: SHAP3D 0.38 (n 2), LIME3D 0.20 (n 1)"
    assert said[3] == "SHAP3D and LIME3D came out above the control random 0.19 (n 2)"
    assert said[4] == "no explainer came out above the control centre 0.38 (n 2)"
    lower = replace(whole, measured=whole.measured.assign(value=whole.measured["value"].replace(0.2, 0.0625)))
    assert "\nLIME3D did not come out above the control random 0.19 (n 2); SHAP3D did\n" in summary(lower, config, [])


def test_an_explanation_that_is_missing_costs_nothing_and_does_not_count():
    costs = costs_of(
        pd.DataFrame(
            {
                "explainer": ["A", "A", "A", "B"],
                "missing": ["", "", "no counterpart: it isn't there", "no true mask"],
                "seconds": [2.0, 4.0, 0.0, 0.0],
                "images": [40, 20, 0, 0],
                "calls": [5, 3, 0, 0],
                "backwards": 0,
                "adversary_seconds": [1.0, 3.0, 0.0, 0.0],
                "adversary_images": [10, 0, 0, 0],
                "adversary_calls": [1, 0, 0, 0],
            }
        )
    )
    assert costs.loc["A"].to_dict() == {
        "clips explained": 2, "own seconds": 3.0, "own images": 30.0, "own calls": 4.0,
        "total seconds": 5.0, "total images": 35.0, "total calls": 4.5,
    }  # fmt: skip
    assert "B" not in costs.index


def test_what_is_counted_has_a_sum_and_no_interval():
    """Forty videos of somebody's own, each a cluster: means have intervals."""
    one = found("a")
    names = [f"mine/{number}.mp4/clip_00000_0" for number in range(40)]
    clips = pd.concat([one.clips.assign(key=name, video=name.rpartition("/")[0]) for name in names])
    measured = pd.concat([one.measured.assign(key=name) for name in names])
    table = tables(replace(one, clips=clips, measured=measured), CONFIG, CLASSES, beside=False)["video"]
    own = table.tidy.query("explainer == 'SHAP3D' and clips == 'all fake'").set_index("column")
    assert (own.loc["tau_missing", "value"], own.loc["tau_missing", "n"]) == (40, 40)
    assert own.loc[["tau_missing", "rho_missing"], ["low", "high"]].isna().all(axis=None)
    assert own.loc["tau_missing", "method"] == "none: counted over all clips"
    assert own.loc["tau", ["value", "low", "high"]].tolist() == [0.25] * 3  # all alike


def test_a_real_clip_has_no_original_and_no_attack():
    one, lacks = found("ar"), "no counterpart: it is no explained fake of this run"
    # a and r of each row: Filled's a lacks it too, whose reason stays
    spent = one.spent.assign(missing=["", lacks, lacks, lacks, "", "", "", "no true mask"])
    said = summary(replace(one, spent=spent), CONFIG, []).splitlines()
    assert "not explained by SHAP3D: 1 x a real clip has no original behind it" in said
    assert f"not explained by Filled: 1 x {lacks}" in said
    assert "not explained by oracle_mask: 1 x a real clip has no manipulated region" in said
    left = one.attacks[one.attacks["key"] == key_of("r")]
    assert set(left["reason"]) == {"the clip is real"} and not left["included"].any()
    assert not any("Not attacked" in note for note in made("ar")["video_attacks"].notes)


def test_attacks_can_be_left_out():
    asked = paths(video={"frames": 4, "attacks": False, "explainers": ROWS})
    names = {path.stem for path in asked.video_tables}
    assert names == {"video", "video_restoration"} and "video_attacks" not in asked.video_records
    assert not {"video_attacks", "video_evaluation"} & {folder.path.parent.name for folder in asked.folders}
    assert "Segment attacks" not in asked.outputs.video_note
    assert "no segments were attacked (video.attacks: false)" in summary(found(), asked.config, [])


def test_a_video_of_the_user_s_own_is_a_cluster_by_itself():
    own = clusters(CONFIG, ["mine/clip.mp4", "manipulated_sequences/Deepfakes/c23/videos/004_005.mp4"])
    assert own == {"mine/clip.mp4": "mine/clip.mp4", "manipulated_sequences/Deepfakes/c23/videos/004_005.mp4": "two"}


def test_a_clip_of_an_unknown_category_is_in_no_table():
    one = found("ab")
    strange = replace(one, clips=one.clips.assign(category=["", "FaceSwap"]))
    assert Population.of(strange).fakes == [key_of("b")]
    assert Population.of(strange).said == "1 fake clip, called fake; 1 clip of unknown truth, in no table."
    assert attacks_table(strange, CONFIG, CLASSES).wide["n"][1] == 1


def test_reading_a_run(tmp_path: Path):
    whole, names = found("abr"), "abr"
    listed = [{**ITEMS[name], "frames": 4} for name in names]
    parquet.write(pd.DataFrame(listed), tmp_path / "clips.parquet")
    fields = ("key", "sha256", "called_real", "before")
    scores = [{field: explanation("SHAP3D", name)[field] for field in fields} for name in names]
    write_shard(tmp_path / "s.h5", scores, {})
    saliency, rows, measured = [], [], []
    for row in ROWS:
        made = [explanation(row, name) | {"ranking": np.arange(2, dtype=np.int16)} for name in names]
        if row == "random":  # which spends nothing, and needn't say so
            made = [{field: value for field, value in one.items() if "adversary" not in field} for one in made]
        for files, suffix in ((saliency, "h5"), (rows, "attacks"), (measured, "measured")):
            files.append(tmp_path / f"{row}.{suffix}")
        write_shard(saliency[-1], made, {"explainer": row})
        parquet.write(whole.attacks[whole.attacks["explainer"] == row], rows[-1])
        parquet.write(whole.measured[whole.measured["explainer"] == row], measured[-1])
    stages = (tmp_path / "clips.parquet", [tmp_path / "s.h5"], saliency)
    read = Found.read(*stages, evaluation=rows, metrics=measured)
    assert "map" not in read.spent and read.spent["explainer"].nunique() == 4
    without = Found.read(*stages, metrics=measured)  # no attack is asked for
    own, other = (tables(one, CONFIG, CLASSES, beside=True) for one in (whole, without))
    assert all(markdown(own[name]) == markdown(other[name]) for name in own)
    assert len({markdown(attacks_table(one, CONFIG, CLASSES)) for one in (whole, read)}) == 1
    write_shard(tmp_path / "s.h5", scores[:2], {})
    with pytest.raises(InputError, match=f"the clip {key_of('r')}, which no shard"):
        Found.read(*stages)


def test_rows_of_the_real_class_are_compared_with_none():
    rows = {**ROWS, "Against": {"method": "lime3d", "baseline": "blur", "target": "real"}}
    config = paths(video={"frames": 4, "top": 2, "area": 0.25, "explainers": rows}).config
    text = markdown(tables(found(), config, CLASSES, beside=False)["video_restoration"])
    assert "Against explains the real class (target: real)" in text and "| Against | 0 |  |" in text
