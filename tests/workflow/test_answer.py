"""Controls, a ceiling, every measure, and the answer: on a finished run, of which they take maps and attacks over."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from advxai.run.store import read_attributes, read_shard
from tests.workflow.conftest import copy_of, snakemake, store
from tests.workflow.test_tiny import planned

ROWS = ("LIME", "LIME_adv", "random", "oracle_mask")
CATEGORIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


@pytest.fixture(scope="module")
def answered(finished, tmp_path_factory) -> Path:
    """A run of two explainers, a control, a ceiling and all measures, beside the finished one."""
    folder = copy_of(finished, tmp_path_factory.mktemp("answered"))
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["explainers"] = {name: config["explainers"][name] for name in ("LIME", "LIME_adv")}
    config["explainers"] |= {name: {"method": name} for name in ("random", "oracle_mask")}
    del config["metrics"]  # all of them
    config["run"] = "answered"
    (folder / "answered.yaml").write_text(yaml.safe_dump(config))
    snakemake(folder, "--cores", 2, "--configfile", folder / "answered.yaml")
    return folder


def rows_of(folder: Path, stage: str) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path) for path in store(folder, f"{stage}/*/answered/*.parquet"))


def test_explainers_compute_nothing_anew(answered):
    for name in ("LIME", "LIME_adv"):
        for path in store(answered, f"saliency/{name}-*/answered/*.h5"):
            said = read_attributes(path)
            assert said["computed"] == 0 and said["images"] == 0
    controls = [read_attributes(path) for path in store(answered, "saliency/random-*/answered/*.h5")]
    assert sum(said["computed"] for said in controls) == 8 and all(said["images"] == 0 for said in controls)


def test_controls_have_the_segments_of_their_explainers(answered):
    def maps(name: str) -> dict[str, dict]:
        paths = store(answered, f"saliency/{name}-*/answered/*.h5")
        return {record["key"]: record for path in paths for record in read_shard(path)}

    lime, random, oracle = maps("LIME"), maps("random"), maps("oracle_mask")
    assert len(random) == 8
    for key, host in lime.items():
        for record in (random[key], oracle[key]):
            np.testing.assert_array_equal(record["segments"], host["segments"])
            np.testing.assert_array_equal(record["before"], host["before"])
            assert sorted(record["ranking"]) == list(range(len(host["scores"]))) or record["missing"]
        assert random[key]["draws"].shape == (5, len(host["scores"]))


def test_counterparts_are_aligned_with_their_fakes(answered):
    table = pd.read_parquet(answered / "results/answered/frames/counterparts.parquet")
    assert len(table) == 8 and (table["reason"] == "").all()
    assert (table["outside"] < 0.01).all() and (table["alignment"] < 0.3).all() and (table["region"] == "mask").all()


def test_every_image_has_every_column_or_a_reason(answered):
    rows = rows_of(answered, "metrics")
    assert set(rows["explainer"]) == set(ROWS) and rows["key"].nunique() == 8
    assert (rows["value"].isna() == (rows["reason"] != "")).all()
    assert rows.groupby(["explainer", "key"])["column"].nunique().nunique() == 1
    # what is called real isn't restored, and nothing else stands in for it
    called = rows_of(answered, "evaluation").drop_duplicates("key").set_index("key")["called_real"]
    restored = rows[rows["column"] == "restoration"].set_index("key")
    said = restored["reason"] == "the detector calls the image real"
    assert (said == called.reindex(said.index)).all()
    # the oracle's map is the mask: by the pixel's rank it is perfect
    oracle = rows[(rows["explainer"] == "oracle_mask") & (rows["column"] == "auc_mask")]["value"]
    assert np.allclose(oracle, 0.5)
    assert rows[rows["explainer"] == "random"].query("column == 'auc_mask'")["value"].abs().mean() < 0.2


def test_the_tables_are_computed_from_the_rows(answered):
    rows = rows_of(answered, "metrics")
    tables = answered / "results/answered/tables"
    table = pd.read_csv(tables / "localisation.csv").set_index("explainer")
    for name in ROWS:
        for category, short in zip(CATEGORIES, ("DF", "F2F", "FS", "NT"), strict=True):
            own = rows[(rows["explainer"] == name) & (rows["category"] == category) & (rows["column"] == "rank_mask")]
            shown = table.loc[f"{name}, {short}"].filter(like="relevance rank, true mask").iloc[0]
            assert shown == pytest.approx(own["value"].mean(), abs=1e-12)
    metrics = pd.read_csv(tables / "metrics.csv").set_index("explainer")
    gini = rows[rows["column"] == "gini"].groupby("explainer")["value"].mean()
    assert metrics["Gini index"].to_dict() == pytest.approx(gini.to_dict(), nan_ok=True)
    assert "*controls*" in (tables / "accuracy.md").read_text() and "*ceilings*" in (tables / "cost.md").read_text()
    assert not any("oracle" in line and "**" in line for line in (tables / "accuracy.md").read_text().splitlines())


def test_one_person_says_nothing_in_general(answered):
    folder = answered / "results/answered"
    first, *_ = json.loads((folder / "answer.json").read_text())
    assert first["text"].startswith("Nothing can be said")
    assert (folder / "summary.txt").read_text().startswith(first["text"])
    page = (folder / "report.html").read_text()
    assert page.index("Nothing can be said") < page.index("What was run</h2>")
    tests = pd.read_parquet(folder / "tables/tests.parquet")
    assert tests["p"].isna().all() and (tests["clusters"] <= 1).all()
    assert not {"oracle_mask"} & {*tests["a"], *tests["b"]}
    for name in ("scorecard", "agreement"):
        assert (folder / f"figures/{name}.png").stat().st_size > 1000


def test_provenance_knows_the_stages(answered):
    said = json.loads((answered / "results/answered/provenance.json").read_text())
    assert said["mixed"] == [] and said["records"]["controls"]["records"] == 16
    assert said["records"]["metrics localisation"]["records"] == 8 * 4
    assert said["records"]["metrics localisation"]["images"] == 0


def test_a_measure_s_setting_reruns_that_measure_alone(answered, tmp_path):
    config = yaml.safe_load((answered / "answered.yaml").read_text())
    kinds = ("restoration", "localisation", "complexity")
    config["metrics"] = {name: {"measure": name} for name in kinds} | {
        "localisation": {"measure": "localisation", "top": 2}
    }
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(config))
    jobs = planned(snakemake(answered, "-n", "--configfile", tmp_path / "other.yaml").stdout)
    assert jobs["metrics_shard"] == 8
    assert not {"saliency_shard", "saliency_control", "evaluation_shard", "adversary_shard"} & set(jobs)
