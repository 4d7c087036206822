"""One-image test cases: replayed, equal or not."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from advxai import cases
from advxai.cases.export import Sources, export
from advxai.cases.replay import compare
from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.evaluation.rows import evaluation_rows
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from tests.unit.cases.small_run import KEY, configuration, replayed, rewrite, run, save


def test_a_replay_of_what_nobody_has_touched_is_equal_bit_for_bit(case, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, lines, said = replayed(capsys, case)
    assert code == 0, said
    assert "50 of 50 items are equal bit for bit" in said
    assert [name for name, line in lines.items() if line != "equal bit for bit"] == []
    assert list(lines)[:3] == ["adversary", "saliency LIME", "saliency LIME_again"]
    assert "warning" not in said


def test_a_copy_that_differs_is_told(case, capsys):
    (record,) = read_shard(case / cases.ADVERSARY)
    steps = record["steps"].copy()
    steps[0, :2, :5] += 2
    rewrite(case / cases.ADVERSARY, steps=steps, iterations=record["iterations"] + 1)
    code, lines, _said = replayed(capsys, case)
    assert code == 1
    assert lines["adversary"].startswith(
        "DIFFERS: steps equal in 2294 of 2304 values, largest difference 2; iterations "
        f"{record['iterations']}, stored {record['iterations'] + 1} (equal: queries, calls, probabilities before"
    )
    # what fills LIME_adv's perturbed regions is the stored copy, so it differs too; nothing else does
    assert {name for name, line in lines.items() if line != "equal bit for bit"} == {"adversary", "saliency LIME_adv"}


def test_a_ranking_that_differs_is_told_and_its_attacks_too(case, capsys):
    path = case / cases.saliency_file("LIME")
    (record,) = read_shard(path)
    ranking = record["ranking"]
    swapped = ranking[[0, 2, 1, *range(3, len(ranking))]]
    rewrite(path, ranking=swapped)
    code, lines, _said = replayed(capsys, case)
    assert code == 1
    now, then = (" ".join(map(str, one[1:4])) for one in (ranking, swapped))
    assert lines["saliency LIME"].startswith(f"DIFFERS: ranking from place 2 on {now}, stored {then} (equal: map,")
    assert lines["attack LIME top-1"] == "equal bit for bit"
    assert lines["attack LIME top-2"] == "DIFFERS: no attack on these pixels is stored"
    assert lines["rows LIME"] == "DIFFERS: can't be made: an attack isn't stored"
    assert lines["saliency LIME_again"] == lines["rows LIME_again"] == "equal bit for bit"


def test_a_row_that_differs_is_told(case, capsys):
    rows = pd.read_csv(case / cases.ROWS, dtype=str, keep_default_na=False)
    rows.loc[0, "p_after"] = "0.5"
    rows.to_csv(case / cases.ROWS, index=False)
    code, lines, _ = replayed(capsys, case)
    assert code == 1
    assert lines["rows LIME"].startswith("DIFFERS: p_after of top-1 0.") and lines["rows LIME"].endswith("stored 0.5")


def test_differences_in_words():
    stored = {"map": np.array([0.0, 1, 2], np.float32), "ranking": np.array([3, 1], np.int16), "seconds": 1.0}
    fresh = {"map": np.array([-0.0, 1, 2.5], np.float32), "ranking": np.array([3], np.int16), "seconds": 2.0}
    outcome = compare("saliency X", stored, fresh)
    assert outcome.differences == [
        "map equal in 1 of 3 values, largest difference 0.5",
        "ranking from place 2 on no more, stored 1",
    ]
    nan = {"map": np.array([np.nan], np.float32)}
    assert str(compare("saliency X", nan, {"map": nan["map"].copy()})) == "equal bit for bit"
    other = compare("saliency X", nan, {"map": np.array([1.0]), "calls": 3})
    assert other.differences == ["map float64 (1,), stored float32 (1,)", "calls isn't stored"]


def test_an_image_with_too_few_segments_has_no_attacks(small, tmp_path, capsys):
    """Every attack is then left out, and the rows say so."""
    paths, sources = small
    rows = {}
    for name, path in sources.saliency.items():
        records = [record | {"ranking": record["ranking"][:1]} for record in read_shard(path)]
        write_shard(tmp_path / f"{name}.h5", records, {})
        items = parquet.read(sources.evaluation).to_dict("records")
        table = evaluation_rows(name, items, {one["key"]: one for one in records}, [], top=2, classes=FIVE)
        table["weights"] = file_sha256(sources.detector)
        rows[name] = tmp_path / f"{name}.parquet"
        parquet.write(table, rows[name])
    write_shard(tmp_path / "none.h5", [], {})
    few = Sources(
        sources.evaluation,
        sources.frames,
        sources.detector,
        sources.adversary,
        {name: tmp_path / f"{name}.h5" for name in rows},
        dict.fromkeys(rows, tmp_path / "none.h5"),
        rows,
        {},
        sources.manifest,
        sources.counterparts,
    )
    export(paths, KEY, few, tmp_path / "case")
    code, lines, _said = replayed(capsys, tmp_path / "case")
    assert code == 1 and "attack" not in "".join(lines)
    assert lines["rows LIME"] == "equal bit for bit"


def test_without_an_adversarial_baseline_there_is_no_copy(small, tmp_path, capsys):
    paths, sources = small
    alone = {"LIME": configuration(tmp_path)["explainers"]["LIME"]}
    lean = Paths(load(configuration(Path(paths.config.results).parent, explainers=alone)))
    files = cases.shard_files(lean, KEY)
    assert files == {
        "adversary": [],
        "saliency": lean.maps_of("LIME"),
        "attacks": lean.attacks_of("LIME"),
        "rows": lean.rows_of("LIME"),
        "metrics": lean.metrics_of("LIME"),
        "prior": [],
    }
    own = {stage: {"LIME": files[stage][0]} for stage in ("saliency", "attacks", "rows", "metrics")}
    export(lean, KEY, dataclasses.replace(sources, adversary=None, **own), tmp_path / "case")
    assert not (tmp_path / "case" / cases.ADVERSARY).exists() and not (tmp_path / "case" / cases.COPY).exists()
    code, lines, _ = replayed(capsys, tmp_path / "case")
    assert code == 0 and next(iter(lines)) == "saliency LIME"


def test_weights_left_out_and_given(small, tmp_path, capsys):
    paths, sources = small
    folder = tmp_path / "case"
    lean = Paths(load(configuration(Path(paths.config.results).parent, cases={"weights": False})))
    export(lean, KEY, sources, folder)
    assert not (folder / cases.WEIGHTS).exists()
    code, _, said = replayed(capsys, folder)
    assert code == 2 and "cases.weights: false" in said and "--detector" in said
    code, _, said = replayed(capsys, folder, "--detector", sources.detector)
    assert code == 0 and "warning" not in said
    other = tmp_path / "other.safetensors"
    save(other, gain=2.0)
    code, lines, said = replayed(capsys, folder, "--detector", other)
    assert code == 1 and f"warning: {other} has the SHA-256" in said
    assert "probabilities before equal in 0 of 5 values" in lines["saliency LIME"]


def test_white_boxes_are_equal_bit_for_bit_though_the_run_explained_two_images_at_once(tmp_path, capsys, monkeypatch):
    white = {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}
    rows = {"White": white, "Real": white | {"target": "real"}, "White_adv": white | {"baseline": "adversarial"}}
    paths, sources = run(tmp_path, explainers=rows | {"random": {"method": "random"}})
    export(paths, KEY, sources, tmp_path / "case")
    (record,) = [one for one in read_shard(sources.saliency["White"]) if one["key"] == KEY]
    assert record["backwards"] == 1 and record["map"].any()
    monkeypatch.chdir(tmp_path)
    code, lines, said = replayed(capsys, tmp_path / "case")
    assert code == 0, said
    assert {"saliency White", "saliency Real", "saliency White_adv", "saliency random"} < set(lines)
    assert set(lines.values()) == {"equal bit for bit"} and "warning" not in said
