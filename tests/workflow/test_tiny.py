"""Runs of the whole workflow: what comes out, what reruns, what bad input says."""

import json
import re
import shutil
from pathlib import Path

import lmdb
import numpy as np
import pandas as pd
import pytest
import yaml
from onnx import helper

from advxai.common.files import file_sha256
from advxai.config import FIGURES
from advxai.config.rows import BASELINES
from advxai.run.store import read_attributes, read_shard
from advxai.run.weights import read_hash, said
from tests.workflow.conftest import copy_of, snakemake, store, tiny

ROWS = ("LIME", "LIME_adv", "OwnGradient", "RISE", "SHAP", "SOBOL")  # as tiny.yaml lists them
CATEGORIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


def planned(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from the table of a dry run."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


@pytest.fixture(scope="module")
def rows(finished) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path) for path in store(finished, "evaluation/*/tiny/*.parquet"))


def test_each_explainer_has_its_rows(rows):
    """Two test fakes a category (002_003 and 003_002), one frame each: 8 images, 3 ks, 6 explainers."""
    assert len(rows) == 8 * 3 * 6
    assert rows.groupby("explainer")["key"].nunique().to_dict() == dict.fromkeys(ROWS, 8)
    assert rows.groupby("category")["key"].nunique().to_dict() == dict.fromkeys(CATEGORIES, 2)
    assert set(rows["key"].str.extract(r"/(\d{3}_\d{3})\.mp4/")[0]) == {"002_003", "003_002"}


def test_the_tables_are_computed_from_the_rows(finished, rows):
    accuracy = pd.read_csv(finished / "results/tiny/tables/accuracy.csv")
    assert accuracy.iloc[:, 0].tolist() == ["Original", *ROWS]
    sufficiency = pd.read_csv(finished / "results/tiny/tables/sufficiency.csv")
    for name in ROWS:
        for category, short in zip(CATEGORIES, ("DF", "F2F", "FS", "NT"), strict=True):
            mine = rows[(rows["explainer"] == name) & (rows["category"] == category) & rows["included"]]
            for k in (1, 2, 3):
                part = mine[mine["k"] == k]
                right = (part["predicted_after"] == part["label"]).astype(float).mean()
                drop = (part["p_before"] - part["p_after"]).mean()
                for table, value in ((accuracy, right), (sufficiency, drop)):
                    shown = table.set_index(table.columns[0]).loc[name, f"{short} top-{k}"]
                    assert (np.isnan(shown) and len(part) == 0) or shown == pytest.approx(value, abs=1e-12)


def test_every_table_has_its_four_forms(finished):
    folder = finished / "results/tiny/tables"
    for name in ("accuracy", "sufficiency", "cost", "flips", *ROWS):
        for kind in ("parquet", "csv", "md", "tex"):
            assert (folder / f"{name}.{kind}").stat().st_size > 0, f"{name}.{kind}"
    drawn = {path.stem for path in (finished / "results/tiny/figures").glob("*.png")}
    assert drawn == {*ROWS, *FIGURES} - {"LIME_adv"}
    assert {path.stem for path in (finished / "results/tiny/figures").glob("*.pdf")} == drawn


def test_the_fillings_are_of_an_image_of_the_run(finished, rows):
    """The detector says of the image itself what it says of it everywhere; a figure of it is a few forwards more."""
    folder = finished / "results/tiny"
    said = read_attributes(folder / "figures/fillings.h5")
    clean, *fillings = read_shard(folder / "figures/fillings.h5")
    before = rows.loc[rows["key"] == said["key"], "p_before"].dropna().unique()
    assert clean["kind"] == "" and clean["p_part"].max() == pytest.approx(before[0], abs=1e-6)
    assert [one["kind"] for one in fillings] == list(BASELINES) and len(said["labels"]) == 3
    assert json.loads((folder / "detector/speed.json").read_text())["images_per_second"] > 0


def test_the_cost_is_what_was_spent(finished):
    """LIME: 40 images, 3 forwards of 16. The adversary adds its queries: iterations * (2n + 1) + 1."""
    maps = [one for path in store(finished, "saliency/LIME_adv-*/tiny/*.h5") for one in read_shard(path)]
    copies = {one["key"]: one for path in store(finished, "adversary/*/tiny/*.h5") for one in read_shard(path)}
    assert len(maps) == len(copies) == 8
    for one in maps:
        copy = copies[one["key"]]
        assert (one["images"], one["calls"]) == (40, 3)
        assert one["adversary_images"] == copy["queries"] == copy["iterations"] * 5 + 1
        assert np.abs(copy["steps"]).max(initial=0) <= copy["iterations"] <= 3
    cost = pd.read_csv(finished / "results/tiny/tables/cost.csv").set_index("explainer")
    assert cost.filter(like="images").loc["LIME"].iloc[0] == 40


def test_a_white_box_s_ways_back_are_counted(finished):
    """One image forwards and back, in the same batches of 16; of its own column in the costs of all."""
    maps = [one for path in store(finished, "saliency/OwnGradient-*/tiny/*.h5") for one in read_shard(path)]
    assert len(maps) == 8 and all(one["zero"] == 0 and one["map"].any() for one in maps)
    assert all((one["images"], one["calls"], one["backwards"]) == (1, 1, 1) for one in maps)
    tables = finished / "results/tiny/tables"
    cost = pd.read_csv(tables / "cost.csv").set_index("explainer")
    assert cost["own backwards"].to_dict() == dict.fromkeys(ROWS, 0) | {"OwnGradient": 1}
    assert cost["total backwards"].equals(cost["own backwards"])
    assert "| own backwards |" in (tables / "OwnGradient.md").read_text()
    assert "backwards" not in (tables / "LIME.md").read_text()
    said = json.loads((finished / "results/tiny/provenance.json").read_text())["records"]
    assert said["saliency"]["backwards"] == 8 and "backwards" not in said["evaluation"]
    page = (finished / "results/tiny/report.html").read_text()
    assert "Backwards: images back through it, for gradients" in page and '<th scope="col">backwards</th>' in page


def test_a_white_box_of_an_onnx_file_is_refused_before_any_job(finished, tmp_path):
    sides = [helper.make_tensor_value_info(*one) for one in (("x", 1, ["n", 3, 48, 48]), ("y", 1, ["n", 2]))]
    graph = helper.make_graph([helper.make_node("Flatten", ["x"], ["y"])], "g", sides[:1], sides[1:])
    (tmp_path / "a.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    said = {"classes": ["Real", "Fake"], "mean": [0.5] * 3, "std": [0.5] * 3, "backend": "onnxruntime"}
    config = yaml.safe_load((finished / "tiny.yaml").read_text())
    config["detector"] = {"checkpoint": str(tmp_path / "a.onnx"), **said}
    config["explainers"]["Cam"] = {"method": "gradcam"}
    (tmp_path / "onnx.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(finished, "-n", "--configfile", tmp_path / "onnx.yaml", check=False)
    assert done.returncode != 0 and "Job stats" not in done.stdout
    assert "config: an ONNX file has no gradients, which this row asks the detector's module for" in done.stdout
    assert "explainers.Cam (gradcam)" in done.stdout


def test_what_was_left_out_is_listed_with_its_reason(finished):
    """A text file named .mp4 and a clip without a face leave the corpus; the run went on."""
    left_out = pd.read_csv(finished / "results/tiny/tables/left_out.csv")
    text = left_out.to_csv()
    assert "broken.mp4" in text and "no_face.mp4" in text
    assert left_out["reason"].str.len().min() > 5
    summary = (finished / "results/tiny/summary.txt").read_text()
    assert "left out" in summary


def test_the_frames_are_stored_byte_for_byte(finished):
    manifest = pd.read_parquet(finished / "results/tiny/frames/manifest.parquet")
    with lmdb.open(str(finished / "results/tiny/frames/frames.lmdb"), subdir=False, readonly=True, lock=False) as base:
        with base.begin() as transaction:
            for face in manifest.to_dict("records"):
                assert transaction.get(face["key"].encode()) == Path(finished, face["file"]).read_bytes()
    assert set(manifest["category"]) == {"Real", *CATEGORIES}
    authors = (finished / "results/tiny/frames/manifest.csv").read_text().splitlines()
    assert authors[0] == "relative_path bin_label mc_label split"
    assert len(authors) == len(manifest) + 1


def test_a_second_run_has_nothing_to_do(finished):
    done = snakemake(finished, "--cores", 2, "--configfile", finished / "tiny.yaml")
    assert "Nothing to be done" in done.stdout


def test_the_console_is_for_people_and_the_log_has_the_rest(finished, tmp_path):
    """A line a stage; no carriage returns, as it isn't a terminal; none of what Snakemake says of its jobs."""
    folder = copy_of(finished, tmp_path)
    for stage in ("saliency", "evaluation"):
        shutil.rmtree(*store(folder, f"{stage}/SOBOL-*/tiny"))
    (folder / "results/tiny/tables/SOBOL.csv").unlink()
    arguments = ("results/tiny/tables/SOBOL.csv", "--cores", 2, "--configfile", folder / "tiny.yaml")
    said = snakemake(folder, *arguments, chatter=False).stdout
    lines = [re.sub(r", \d+ s(?=;|$)", "", line) for line in said.splitlines()]
    for line in (
        "5 jobs: saliency 2, evaluation 2, tables 1",
        "saliency begins: 2 jobs",
        "saliency SOBOL: 8 images explained, 0 found",
        "evaluation SOBOL: 0 attacks made, 24 found",
        "evaluation done: 0 attacks made, 24 found; left: tables 1",
        "tables done: 1 explainer tabulated",
        "5 of 5 jobs done",
    ):
        assert lines.count(line) == 1, said
    words = ("Select jobs to execute", "reason:", "jobid", "rule saliency_shard", "Job stats", "wildcards", "resources")
    assert not [word for word in words if word in said] and not {"\r", "\x1b"} & set(said)
    (log,) = re.findall(r"^Snakemake's log: (.+)$", said, re.MULTILINE)
    assert all(word in (folder / log).read_text() for word in words)
    (log,) = store(folder, "logs/tiny/saliency_shard/SOBOL-*/0-of-2.log")
    assert re.search(r"wanted, 0 found", log.read_text()) and not (folder / ".snakemake/progress").exists()
    again = snakemake(folder, *arguments, chatter=False).stdout
    assert [line for line in again.splitlines() if "profile" not in line] == [
        "Nothing to be done: all that was asked for is there and up to date."
    ]


def test_one_table_needs_no_other_explainer(tmp_path):
    target = "results/tiny/tables/LIME.csv"
    done = snakemake(tmp_path, "-n", target, "--configfile", tiny(tmp_path), chatter=False)
    assert "reason: Missing output files" in done.stdout  # a dry run is Snakemake's, also for a user
    jobs = planned(done.stdout)
    assert (jobs["saliency_shard"], jobs["evaluation_shard"], jobs["tables_explainer"]) == (2, 2, 1)
    assert "adversary_shard" not in jobs and "LIME_adv" not in done.stdout and "OwnGradient" not in done.stdout
    adversarial = planned(
        snakemake(tmp_path, "-n", target.replace("LIME", "LIME_adv"), "--configfile", tmp_path / "tiny.yaml").stdout
    )
    assert (adversarial["saliency_shard"], adversarial["adversary_shard"]) == (2, 2)
    # nor does a test of the detector alone need any
    alone = planned(snakemake(tmp_path, "-n", "detector", "--configfile", tmp_path / "tiny.yaml").stdout)
    assert [alone[name] for name in ("detector_train", "detector_metrics", "report_detector", "report_roc")] == [1] * 4
    assert not [name for name in alone if name.startswith(("adversary", "saliency", "evaluation", "frames_images"))]


def test_a_configfile_replaces_the_demo(tmp_path):
    """One explainer in the file plans that one alone, and no value of config.yaml."""
    path = tiny(tmp_path, explainers={"Only": {"method": "rise", "baseline": "zeros", "masks": 20}}, run="other")
    done = snakemake(tmp_path, "-n", "saliency", "--configfile", path)
    assert planned(done.stdout)["saliency_shard"] == 2
    assert "explainer=Only" in done.stdout and "LIME" not in done.stdout
    assert "results/demo" not in done.stdout and "wolfgang" not in done.stdout and "lite0" not in done.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"explainers": {"A": {"method": "lime", "baseline": "zeros", "samples": -1}}}, ["explainers.A.samples", "-1"]),
        ({"explainers": {"A": {"method": "gradkam", "baseline": "zeros"}}}, ["explainers.A.method", "gradkam"]),
        ({"colour": "red"}, ["colour: there is no such key"]),
        ({"detector": {"checkpoint": "absent.ckpt"}}, ["absent.ckpt", "correct the path"]),
    ],
)
def test_bad_configuration_stops_before_any_job(tmp_path, change, words):
    done = snakemake(tmp_path, "--cores", 1, "--configfile", tiny(tmp_path, **change), check=False)
    assert done.returncode != 0
    lines = [line for line in done.stdout.splitlines() if words[0] in line]
    assert len(lines) == 1 and all(word in lines[0] for word in words), done.stdout
    assert not (tmp_path / "results").exists()


def test_a_row_that_is_given_twice_stops_before_any_job(tmp_path):
    """Of two entries Snakemake's reading has the last one alone."""
    path = tiny(tmp_path)
    path.write_text(path.read_text().replace("  RISE:\n", "  RISE: {method: lime, baseline: zeros}\n  RISE:\n"))
    done = snakemake(tmp_path, "-n", "--configfile", path, check=False)
    (said,) = re.findall(r"explainers\.RISE is given twice, in lines (\d+) and (\d+)", done.stdout)
    assert done.returncode != 0 and int(said[1]) == int(said[0]) + 1


def test_a_category_without_images_stops_the_run(tmp_path):
    """Every clip is unusable: the message says so and names the reason."""
    path = tiny(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["corpus"]["clips"] = [config["corpus"]["clips"][1] | {"splits": {"train": 2, "test": 2}}]
    path.write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path, "--cores", 2, "frames", "--configfile", path, check=False)
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if line.startswith("Error:") and "broken" in line]


def test_a_training_split_without_a_category_stops_the_run(tmp_path):
    path = tiny(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["corpus"]["clips"] = [config["corpus"]["clips"][0] | {"splits": {"test": 2}}]
    path.write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path, "--cores", 2, "--configfile", path, check=False)
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if "split train" in line]
    assert not (tmp_path / "results").exists()


def imported(finished: Path, tmp_path: Path, run: str, **changes) -> Path:
    """A configuration that takes the finished run's list and database as the authors', its detector as a checkpoint."""
    frames = finished / "results/tiny/frames"
    (trained,) = store(finished, "detector/*/detector.safetensors")
    config = yaml.safe_load((finished / "tiny.yaml").read_text())
    config["corpus"] = {"kind": "ffpp"}
    config["frames"] |= {"manifest": str(frames / "manifest.csv"), "lmdb": str(frames / "frames.lmdb")}
    config["explainers"] = {name: config["explainers"][name] for name in ("LIME", "LIME_adv", "OwnGradient")}
    config["explainers"]["OwnGradient"]["published"] = "RISE"
    config["detector"].pop("training")
    config["detector"]["checkpoint"] = str(trained)
    config |= {"run": run, "results": str(tmp_path / "results"), "shards": 1, "images_at_once": 1}
    path = tmp_path / f"{run}.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path


@pytest.fixture(scope="module")
def database(finished, tmp_path_factory) -> Path:
    """Folder of a run on the authors' kind of files, with one shard instead of two and one image at a time."""
    folder = tmp_path_factory.mktemp("database")
    done = snakemake(folder, "--cores", 2, "tables", "--configfile", imported(finished, folder, "ffpp"))
    assert set(planned(done.stdout)) == {
        "frames_import", "frames_images", "frames_counterparts", "detector_import", "detector_metrics",
        "adversary_shard", "saliency_shard", "evaluation_shard", "answer_tests", "tables_explainer", "tables_combined",
        "tables_published", "tables_left_out", "tables",
    }  # fmt: skip
    return folder


def test_the_authors_files_and_other_shards_give_the_same_tables(finished, database):
    """Every number that isn't a time is the same."""
    for name in ("accuracy", "sufficiency", "flips"):
        ours = pd.read_csv(database / f"results/ffpp/tables/{name}.csv")
        theirs = pd.read_csv(finished / f"results/tiny/tables/{name}.csv")
        theirs = theirs[theirs["explainer"].isin(ours["explainer"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    steps = [
        {
            one["key"]: one["steps"]
            for path in sorted(base.glob("results/store/adversary/*/*/*.h5"))
            for one in read_shard(path)
        }
        for base in (database, finished)
    ]
    assert steps[0].keys() == steps[1].keys()
    assert all(np.array_equal(steps[0][key], steps[1][key]) for key in steps[0])


def test_an_imported_detector_says_which_file_it_is_of(finished, database):
    (trained,), (weights,) = (store(base, "detector/*/detector.safetensors") for base in (finished, database))
    assert said(weights)["checkpoint"] == file_sha256(trained)
    assert read_hash(weights.with_suffix(".sha256")) == file_sha256(weights) != file_sha256(trained)


def test_the_published_tables_stand_beside_ours(database):
    folder = database / "results/ffpp/tables"
    beside = pd.read_parquet(folder / "published_accuracy.parquet")
    ours = pd.read_csv(folder / "accuracy.csv").set_index("explainer")
    row = beside[
        (beside["explainer"] == "OwnGradient") & (beside["category"] == "Deepfakes") & (beside["k"] == 2)
    ].iloc[0]
    assert (row["published"], row["published accuracy"]) == ("RISE", 0.766)  # table 1 of the paper
    assert row["accuracy"] == ours.loc["OwnGradient", "DF top-2"]
    assert row["difference"] == pytest.approx(row["accuracy"] - 0.766)
    assert "doesn't show that a number was or wasn't reproduced" in (folder / "published_accuracy.md").read_text()
    assert (folder / "published_cost.csv").exists() and (folder / "published_sufficiency.tex").exists()


def test_the_report_shows_them_too_and_needs_no_video(database):
    """Of a database nobody knows the videos: figures and gallery do without masks and originals."""
    snakemake(database, "--cores", 2, "report", "--configfile", database / "ffpp.yaml")
    text = (database / "results/ffpp/report.html").read_text()
    for name in ("accuracy", "sufficiency", "cost"):
        assert f'data-name="published_{name}"' in text
    assert '<th scope="row" data-v="RISE, published">RISE, published</th>' in text and ">OwnGradient, ours</th>" in text
    index = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])["index"]
    listed = pd.read_parquet(database / "results/ffpp/frames/evaluation.parquet")
    assert sorted(index["key"]) == sorted(listed["key"]) and {len(one) for one in index["flips"]} == {3}


def test_the_corrected_protocol_gives_all_tables(finished, database):
    """Over the same store: the detector is shared. Only images called fake, each with every explainer; total distortion
    within delta in pixels; a noise value for each channel."""
    path = imported(finished, database, "corrected", protocol="corrected")
    done = snakemake(database, "--cores", 2, "tables", "--configfile", path)
    assert "detector_import" not in planned(done.stdout) and planned(done.stdout)["detector_called_fake"] == 1
    rows = pd.concat(map(pd.read_parquet, store(database, "evaluation/*/corrected/*.parquet")))
    assert rows["included"].all() and not rows["called_real"].any()
    predictions = pd.read_parquet(database / "results/corrected/detector/predictions.parquet").set_index("key")
    sampled = pd.read_parquet(database / "results/corrected/frames/evaluation.parquet")["key"]
    real = {key for key in sampled if predictions.loc[key, "predicted"] == 0}
    assert set(rows["key"]) == set(sampled) - real
    assert (rows.groupby("explainer")["key"].nunique() == len(sampled) - len(real)).all()
    left_out = pd.read_csv(database / "results/corrected/tables/left_out.csv")
    assert set(left_out.loc[left_out["stage"] == "detector", "item"]) == real
    copies = [one for shard in store(database, "adversary/*/corrected/*.h5") for one in read_shard(shard)]
    assert {one["steps"].shape[0] for one in copies} == {3}
    assert any((one["steps"][0] != one["steps"][1]).any() for one in copies)
    note = (database / "results/corrected/tables/accuracy.md").read_text()
    assert "protocol corrected" in note and ("called real" in note or "called fake by the detector" in note)
