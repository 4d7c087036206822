"""Other weights in the place of a trained detector, in a store that two runs share: each has its own numbers."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from advxai.common.files import file_sha256
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.run.paths import Paths
from advxai.run.store import read_attributes, read_shard
from advxai.run.weights import read_hash, said
from tests.custom import tiny_detector
from tests.workflow.conftest import copy_of, snakemake, store

ROW = "LIME_adv"  # every stage with records has a part in it
STAGES = {"predictions": "*", "adversary": "*", "saliency": f"{ROW}-*", "attacks": "*"}


def exchange(weights: Path) -> None:
    """Put perturbed weights in a detector's place, with the old file's time."""
    before, meta = weights.stat(), said(weights)
    tensors = load_file(weights)
    generator = torch.Generator().manual_seed(1)
    module = tiny_detector(len(meta["classes"]))
    noisy = {name: one + 0.02 * torch.randn(one.shape, generator=generator) for name, one in tensors.items()}
    module.load_state_dict(noisy)
    process = Preprocessing(meta["input_size"], tuple(meta["mean"]), tuple(meta["std"]))
    checkpoint.save(weights, module, model=meta["model"], preprocessing=process)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))


def shards(folder: Path, run: str, stage: str) -> list[Path]:
    found = store(folder, f"{stage}/{STAGES[stage]}/{run}/*.h5")
    return [path for path in found if stage != "attacks" or path.name.startswith(ROW)]


def records(folder: Path, run: str, stage: str) -> dict[str, dict]:
    return {
        (record["key"], record.get("mask", "")): record
        for path in shards(folder, run, stage)
        for record in read_shard(path)
    }


def reading(output: str) -> set[bool]:
    """Whether the planned jobs that read the detector or records of it have its hash among their inputs."""
    inputs = re.findall(r"^    input: (.*)$", output, re.MULTILINE)
    of_detector = re.compile(r"detector\.safetensors|store/(?:predictions|adversary|saliency|attacks|evaluation)/")
    return {"detector.sha256" in one for one in inputs if of_detector.search(one)}


@pytest.fixture(scope="module")
def shared(finished, tmp_path_factory) -> tuple[Path, str]:
    """The finished run with other weights in its detector's place, and a second run over its store; Snakemake's output
    of the latter."""
    folder = copy_of(finished, tmp_path_factory.mktemp("weights"))
    (weights,) = store(folder, "detector/*/detector.safetensors")
    shutil.copytree(weights.parent, folder / "first")  # with its times
    exchange(weights)
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config |= {"run": "second", "shards": 1, "explainers": {ROW: config["explainers"][ROW]}}
    (folder / "second.yaml").write_text(yaml.safe_dump(config))
    targets = (f"results/second/tables/{ROW}.csv", "results/second/detector/metrics.json")
    return folder, snakemake(folder, *targets, "--cores", 2, "--configfile", folder / "second.yaml").stdout


def test_no_record_of_the_former_weights_is_used_in_any_stage(shared, finished):
    folder, output = shared
    (weights,) = store(folder, "detector/*/detector.safetensors")
    sha256, first = file_sha256(weights), file_sha256(folder / "first/detector.safetensors")
    assert sha256 != first
    (trained,) = store(finished, "detector/*/detector.sha256")
    assert read_hash(trained) == first
    assert read_hash(weights.with_suffix(".sha256")) == sha256
    for stage in STAGES:
        attributes = [read_attributes(path) for path in shards(folder, "second", stage)]
        assert [int(one["found"]) for one in attributes] == [0], stage
        assert int(attributes[0]["computed"]) == int(attributes[0]["records"]) > 0, stage
        assert {record["weights"] for record in records(folder, "second", stage).values()} == {sha256}, stage
    assert "detector_train" not in output


def test_each_run_has_the_numbers_of_its_own_weights(shared, finished):
    """The second run's are other ones, and those of a run that never saw the first weights' records."""
    folder, _ = shared
    for stage, field in (("predictions", "probabilities"), ("adversary", "before"), ("saliency", "map")):
        first, second = (records(folder, run, stage) for run in ("tiny", "second"))
        assert first.keys() == second.keys()
        assert all(not np.array_equal(first[key][field], second[key][field]) for key in first), stage
        untouched = records(finished, "tiny", stage)
        assert all(np.array_equal(first[key][field], untouched[key][field]) for key in first), stage
    rows = pd.read_parquet(store(folder, f"evaluation/{ROW}-*/second/*.parquet")[0])
    attacked = rows[rows["included"]]
    clean = records(folder, "second", "predictions")
    for key, p_before in zip(attacked["key"], attacked["p_before"], strict=True):
        assert p_before == pytest.approx(float(clean[key, ""]["probabilities"].max()), abs=1e-6)


def test_the_first_run_refuses_the_exchange_and_is_as_it_was_when_it_is_undone(shared, finished):
    """Its shards are of the first weights: with the others in place all of it is to be made anew; with its own back
    again nothing is."""
    folder, _ = shared
    arguments = ("-n", "--cores", 2, "--configfile", folder / "tiny.yaml")
    output = snakemake(folder, *arguments).stdout
    assert "Updated input files: " in output
    assert reading(output) == {True}
    (weights,) = store(folder, "detector/*/detector.safetensors")
    weights.parent.rename(folder / "second")
    (folder / "first").rename(weights.parent)  # weights, hash and all, older than anything that either run has made
    assert "Nothing to be done" in snakemake(folder, *arguments).stdout
    again = snakemake(folder, f"results/second/tables/{ROW}.csv", "-n", "--configfile", folder / "second.yaml").stdout
    assert "rule saliency_shard:" in again and "rule evaluation_shard:" in again
    table = f"results/tiny/tables/{ROW}.csv"
    assert (folder / table).read_bytes() == (finished / table).read_bytes()
    said_of = json.loads((folder / "results/tiny/provenance.json").read_text())["detector"]
    assert said_of["sha256"] == file_sha256(weights)


def test_a_path_of_another_digest_is_refused(finished):
    """It would be filled from this configuration; so would a shard of another number of them."""
    arguments = ("-n", "--cores", 1, "--configfile", finished / "tiny.yaml")
    (own,) = store(finished, f"saliency/{ROW}-*")
    target = f"results/store/saliency/{ROW}-000000000000/tiny/0-of-2.h5"
    done = snakemake(finished, target, *arguments, check=False)
    assert done.returncode != 0
    assert f"results/store/saliency/{ROW}-000000000000 isn't of this configuration, whose own is" in done.stdout
    assert own.name in done.stdout


def test_weights_of_this_very_training_are_imported_and_for_another_one_is_trained(finished, tmp_path):
    folder = copy_of(finished, tmp_path)
    (weights,) = store(folder, "detector/*/detector.safetensors")
    meta, tensors = said(weights), load_file(weights)
    module = tiny_detector(len(meta["classes"]))
    module.load_state_dict(tensors)
    process = Preprocessing(meta["input_size"], tuple(meta["mean"]), tuple(meta["std"]))
    digest = weights.parent.name.rpartition("-")[2]
    given = folder / "given.safetensors"
    checkpoint.save(given, module, model=meta["model"], preprocessing=process, training=digest)
    shutil.rmtree(weights.parent)
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["detector"]["trained"] = str(given)
    (folder / "given.yaml").write_text(yaml.safe_dump(config))
    target = Paths(load(config)).weights
    done = snakemake(folder, target, "--cores", 1, "--configfile", folder / "given.yaml").stdout
    assert "rule detector_import:" in done and "rule detector_train:" not in done
    assert said(folder / target)["checkpoint"] == file_sha256(given)
    found = load_file(folder / target)
    assert all(torch.equal(found[name], one) for name, one in tensors.items())
    config["detector"]["training"]["epochs"] += 1
    (folder / "given.yaml").write_text(yaml.safe_dump(config))
    target = Paths(load(config)).weights
    done = snakemake(folder, target, "--cores", 1, "-n", "--configfile", folder / "given.yaml").stdout
    assert "rule detector_train:" in done and "rule detector_import:" not in done
    assert "is of other clips, model, seed or training than the configuration's: a detector is trained" in done
