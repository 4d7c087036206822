"""What a user does with a finished run: provenance, a test case of one image, clearing up."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from advxai.common.classes import FIVE
from advxai.common.files import file_sha256
from advxai.run.store import read_shard
from tests.patience import PATIENCE
from tests.workflow.conftest import ROOT, copy_of, snakemake, store


def test_provenance_says_what_the_run_was_made_from_and_with(finished):
    said = json.loads((finished / "results/tiny/provenance.json").read_text())
    assert said["config"]["adversary"]["iterations"] == 3
    assert said["seeds"] == {"run": 0, "corpus": 0}
    folders = {entry["folder"]: entry for entry in said["folders"]}
    assert all((finished / "results/store" / name / "params.json").exists() for name in folders)
    (lime,) = [entry for name, entry in folders.items() if name.startswith("saliency/LIME-")]
    assert lime["params"]["samples"] == 40 and lime["made_from"][0].startswith("detector/")
    assert {"torch", "snakemake", "numpy", "timm"} <= set(said["packages"])
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert said["code"]["commit"] == (commit.stdout.strip() or None)
    made = said["records"]
    assert (made["adversary"]["records"], made["saliency"]["records"]) == (8, 48)
    assert made["adversary"]["computed"] == 8 and made["saliency"]["images"] >= 40 * 8 * 2
    assert sum(made["evaluation"]["made_with"].values()) == made["evaluation"]["records"]
    assert all("torch" in label for label in made["evaluation"]["made_with"])
    assert said["times"]["saliency_shard"]["jobs"] == 12 and said["times"]["detector_train"]["jobs"] == 1
    assert said["times"]["adversary_shard"]["seconds"] > 0
    (weights,) = store(finished, "detector/*/detector.safetensors")
    assert said["mixed"] == [] and said["detector"]["sha256"] == file_sha256(weights)
    assert said["detector"]["classes"] == list(FIVE.names) and said["detector"]["threshold"] is None


@pytest.fixture(scope="module")
def case(finished, tmp_path_factory):
    """A copy of the finished run, an image's key, and its exported test case."""
    folder = copy_of(finished, tmp_path_factory.mktemp("case"))
    key = pd.read_parquet(folder / "results/tiny/frames/evaluation.parquet")["key"].iloc[0]
    done = snakemake(folder, f"results/tiny/cases/{key}", "--cores", 1, "--configfile", folder / "tiny.yaml")
    assert "saliency_shard" not in done.stdout
    return folder, key, folder / "results/tiny/cases" / key


def replay(bundle, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "advxai", "replay", bundle, *arguments]
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=120 * PATIENCE, check=False
    )


def test_an_exported_case_replays_bit_for_bit(case):
    folder, key, bundle = case
    done = replay(bundle, "--config", folder / "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    # the copy; maps, three attacks and rows of each of six explainers
    assert "31 of 31 items are equal bit for bit" in done.stdout and "DIFFERS" not in done.stdout
    config = json.loads((bundle / "case.json").read_text())["config"]
    assert config["seed"] == 0 and json.loads((bundle / "case.json").read_text())["key"] == key


def test_a_case_of_an_unknown_image_is_refused(case):
    folder, key, _ = case
    wrong = re.sub(r"\d+_0\.png$", "99999_0.png", key)
    target = f"results/tiny/cases/{wrong}"
    done = snakemake(folder, target, "--cores", 1, "--configfile", folder / "tiny.yaml", check=False)
    said = [line for line in done.stdout.splitlines() if line.startswith("Error:")]
    assert done.returncode != 0 and any(wrong in line and "evaluation.parquet" in line for line in said)


def test_prune_lists_and_deletes_what_no_configuration_refers_to(finished, tmp_path):
    folder = copy_of(finished, tmp_path)
    own = folder / "tiny.yaml"
    config = yaml.safe_load(own.read_text())
    del config["explainers"]["RISE"]
    config["explainers"]["SOBOL"]["grid"] = 3
    without = folder / "without.yaml"
    without.write_text(yaml.safe_dump(config))

    def prune(path, *flags):
        done = snakemake(folder, "prune", "--cores", 1, "--configfile", path, *flags)
        return set(re.findall(r"results/\S+", done.stdout.partition("refers to:")[2].partition("To delete")[0]))

    assert prune(own) == set()
    gone = {path.parent for pattern in ("saliency/%s-*/tiny", "evaluation/%s-*/tiny") for row in ("RISE", "SOBOL")
            for path in store(folder, pattern % row)}  # fmt: skip
    listed = prune(without)
    assert {str(path.relative_to(folder)) for path in gone} <= listed and all(path.exists() for path in gone)
    assert {name for name in listed if "/store/" in name} == {str(path.relative_to(folder)) for path in gone}
    kept = {path: path.read_bytes() for path in store(folder, "saliency/LIME*/tiny/*.h5")}
    both = ["--config", f"prune={{configurations: [{own}], delete: true}}"]
    assert prune(without, *both) == set() and all(path.exists() for path in gone)
    snakemake(folder, "prune", "--cores", 1, "--configfile", without, "--config", "prune={delete: true}")
    assert not any(path.exists() for path in gone)
    assert all(path.read_bytes() == content and read_shard(path) for path, content in kept.items())
    assert not (folder / "results/tiny/tables/RISE.csv").exists()
    assert prune(without) == set()
