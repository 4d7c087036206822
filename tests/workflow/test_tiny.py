"""Runs of the whole workflow: what comes out, what reruns, what bad input says."""

import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import lmdb
import numpy as np
import pandas as pd
import pytest
import yaml

from advxai.store import read_shard
from tests.workflow.conftest import ROOT, snakemake, tiny

CATEGORIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


def planned(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from the table of a dry run."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


def store(folder: Path, pattern: str) -> list[Path]:
    return sorted((folder / "results" / "store").glob(pattern))


@pytest.fixture(scope="module")
def rows(finished) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path) for path in store(finished, "evaluation/*/tiny/*.parquet"))


def test_each_explainer_has_its_rows(rows):
    """Two test fakes a category (002_003 and 003_002), one frame each: 8 images, 3 ks, 3 explainers."""
    assert len(rows) == 8 * 3 * 3
    assert rows.groupby("explainer")["key"].nunique().to_dict() == {"LIME": 8, "LIME_adv": 8, "Occlusion": 8}
    assert rows.groupby("category")["key"].nunique().to_dict() == dict.fromkeys(CATEGORIES, 2)
    assert set(rows["key"].str.extract(r"/(\d{3}_\d{3})\.mp4/")[0]) == {"002_003", "003_002"}


def test_the_tables_are_computed_from_the_rows(finished, rows):
    accuracy = pd.read_csv(finished / "results/tiny/tables/accuracy.csv")
    assert accuracy.iloc[:, 0].tolist() == ["Original", "LIME", "LIME_adv", "Occlusion"]
    sufficiency = pd.read_csv(finished / "results/tiny/tables/sufficiency.csv")
    for name in ("LIME", "LIME_adv", "Occlusion"):
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
    for name in ("accuracy", "sufficiency", "cost", "flips", "LIME", "LIME_adv", "Occlusion"):
        for kind in ("parquet", "csv", "md", "tex"):
            assert (folder / f"{name}.{kind}").stat().st_size > 0, f"{name}.{kind}"
    assert {path.stem for path in (finished / "results/tiny/figures").glob("*.png")} == {"LIME", "Occlusion"}


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


def test_one_table_needs_no_other_explainer(tmp_path):
    target = tmp_path / "results/tiny/tables/LIME.csv"
    done = snakemake(tmp_path, "-n", target, "--configfile", tiny(tmp_path))
    jobs = planned(done.stdout)
    assert (jobs["saliency_shard"], jobs["evaluation_shard"], jobs["tables_explainer"]) == (2, 2, 1)
    assert "adversary_shard" not in jobs and "LIME_adv" not in done.stdout and "Occlusion" not in done.stdout
    adversarial = planned(
        snakemake(
            tmp_path, "-n", str(target).replace("LIME", "LIME_adv"), "--configfile", tmp_path / "tiny.yaml"
        ).stdout
    )
    assert (adversarial["saliency_shard"], adversarial["adversary_shard"]) == (2, 2)


def test_a_configfile_replaces_the_demo(tmp_path):
    """One explainer in the file plans that one alone, and no value of config.yaml."""
    path = tiny(tmp_path, explainers={"Only": {"method": "rise", "baseline": "zeros", "masks": 20}}, run="other")
    done = snakemake(tmp_path, "-n", "saliency", "--configfile", path)
    assert planned(done.stdout)["saliency_shard"] == 2
    assert "explainer=Only" in done.stdout and "LIME" not in done.stdout
    assert "results/demo" not in done.stdout and "wolfgang" not in done.stdout and "lite0" not in done.stdout


def test_a_changed_parameter_reruns_its_explainer_alone(finished):
    """And going back finds the old files."""
    config = yaml.safe_load((finished / "tiny.yaml").read_text())
    config["explainers"]["LIME"]["samples"] = 41
    changed = finished / "changed.yaml"
    changed.write_text(yaml.safe_dump(config))
    done = snakemake(finished, "-n", "evaluation", "--configfile", changed)
    assert planned(done.stdout) == {"saliency_shard": 2, "evaluation_shard": 2, "evaluation": 1}
    assert "explainer=LIME_adv" not in done.stdout and "explainer=Occlusion" not in done.stdout
    back = snakemake(finished, "-n", "evaluation", "--configfile", finished / "tiny.yaml")
    assert not {"saliency_shard", "evaluation_shard"} & set(planned(back.stdout))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"explainers": {"A": {"method": "lime", "baseline": "zeros", "samples": -1}}}, ["explainers.A.samples", "-1"]),
        ({"explainers": {"A": {"method": "gradcam", "baseline": "zeros"}}}, ["explainers.A.method", "gradcam"]),
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


def copy_of(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run in another folder."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    folder = tmp_path / "copy"
    text = (folder / "tiny.yaml").read_text().replace(str(finished), str(folder))
    (folder / "tiny.yaml").write_text(text)
    return folder


def test_a_corrupt_png_is_named_and_nothing_finished_is_lost(finished, tmp_path):
    folder = copy_of(finished, tmp_path)
    images = [
        one["key"]
        for path in sorted((folder / "results/tiny/frames/shards").glob("*.json"))
        for one in yaml.safe_load(path.read_text())
    ]
    victim = images[-1]
    with lmdb.open(str(folder / "results/tiny/frames/frames.lmdb"), subdir=False, map_size=2**28) as base:
        with base.begin(write=True) as transaction:
            transaction.put(victim.encode(), b"\x89PNG broken")
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["adversary"]["iterations"] = 4
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    before = set(store(folder, "**/*.h5"))
    done = snakemake(
        folder, "--cores", 2, "--keep-going", "adversary", "--configfile", folder / "tiny.yaml", check=False
    )
    assert done.returncode != 0
    named = [line for line in done.stdout.splitlines() if line.startswith("Error:") and victim in line]
    assert named and "Traceback" not in done.stdout
    assert before <= set(store(folder, "**/*.h5"))


def test_a_category_without_images_stops_the_run(tmp_path):
    """Every clip is unusable: the message says so and names the reason."""
    path = tiny(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["corpus"]["clips"] = config["corpus"]["clips"][1:2]
    path.write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path, "--cores", 2, "frames", "--configfile", path, check=False)
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if line.startswith("Error:") and "broken" in line]


def test_a_training_split_without_a_category_stops_the_run(tmp_path):
    path = tiny(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["corpus"]["clips"] = [config["corpus"]["clips"][0] | {"splits": {"test": 2}}]
    path.write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path, "--cores", 2, "frames", "--configfile", path, check=False)
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if line.startswith("Error:") and "split train" in line]


def test_ctrl_c_and_the_same_command_go_on(finished, tmp_path):
    """Interrupted among the attacks, the run ends with the very tables of the uninterrupted one."""
    folder = copy_of(finished, tmp_path)
    for path in [
        *store(folder, "evaluation/*/tiny"),
        *store(folder, "attacks/*/tiny"),
        *store(folder, "saliency/*/tiny"),
    ]:
        shutil.rmtree(path)
    shutil.rmtree(folder / "results/tiny/tables")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", "2", "--configfile", folder / "tiny.yaml"]
    # A shell that starts the suite in the background has SIGINT ignored, and children inherit that.
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(list(map(str, command)), cwd=ROOT, start_new_session=True, preexec_fn=heed) as process:
        deadline = time.monotonic() + 120
        while not store(folder, "saliency/*/tiny/*.h5") and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) != 0
    kept = {path: path.stat().st_mtime_ns for path in store(folder, "saliency/*/tiny/*.h5")}
    assert kept
    snakemake(folder, "--cores", 2, "--configfile", folder / "tiny.yaml")
    for path, when in kept.items():
        # A job that was stopped between publishing and its end is repeated by Snakemake; it computes nothing anew.
        log = folder / "results/store/logs/tiny/saliency_shard" / path.parts[-3] / f"{path.stem}.log"
        assert path.stat().st_mtime_ns == when or " 0 computed" in log.read_text()
    for name in ("accuracy", "sufficiency", "flips"):
        same = [(base / f"results/tiny/tables/{name}.csv").read_bytes() for base in (folder, finished)]
        assert same[0] == same[1], name


def test_ffpp_s_layout_a_checkpoint_and_other_shards_give_the_same_tables(finished, tmp_path):
    """The demo's tree read as a downloaded FF++, its detector as a checkpoint; one shard instead of two, one image at a
    time instead of eight: every number that isn't a time is the same."""
    root = finished / "results/tiny/corpus/ffpp"
    (trained,) = store(finished, "detector/*/detector.safetensors")
    config = yaml.safe_load((finished / "tiny.yaml").read_text())
    config["corpus"] = {"kind": "ffpp", "root": str(root), "splits": str(root / "splits")}
    config["detector"].pop("training")
    config["detector"]["checkpoint"] = str(trained)
    config |= {"run": "ffpp", "results": str(tmp_path / "results"), "shards": 1, "images_at_once": 1}
    path = tmp_path / "ffpp.yaml"
    path.write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path, "--cores", 2, "tables", "--configfile", path)
    assert "detector_import" in planned(done.stdout) and "detector_train" not in planned(done.stdout)
    for name in ("accuracy", "sufficiency", "flips"):
        ours = pd.read_csv(tmp_path / f"results/ffpp/tables/{name}.csv")
        pd.testing.assert_frame_equal(ours, pd.read_csv(finished / f"results/tiny/tables/{name}.csv"), check_exact=True)
    steps = [
        {
            one["key"]: one["steps"]
            for path in sorted(base.glob("results/store/adversary/*/*/*.h5"))
            for one in read_shard(path)
        }
        for base in (tmp_path, finished)
    ]
    assert steps[0].keys() == steps[1].keys()
    assert all(np.array_equal(steps[0][key], steps[1][key]) for key in steps[0])
