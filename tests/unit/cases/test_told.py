"""One-image test cases: what is said of a spoilt one, and of one from elsewhere."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from advxai import cases
from advxai.__main__ import main
from advxai.common.files import file_sha256
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.run.store import read_shard, write_shard
from tests.unit.cases.small_run import HALF, VIDEO, edit, net, replayed, rewrite, save


@pytest.mark.parametrize(
    "name",
    [
        cases.CASE,
        cases.IMAGE,
        cases.WEIGHTS,
        cases.ADVERSARY,
        cases.ATTACKS,
        cases.saliency_file("Occlusion"),
        cases.ROWS,
    ],
)
def test_a_damaged_or_missing_file_is_named(case, capsys, name):
    path = case / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if name != cases.ROWS else b"\xff" + data)
    code, _, said = replayed(capsys, case)
    assert code == 2 and said.startswith("Error: ") and str(path) in said and said.count("\n") == 1
    path.unlink()
    code, _, said = replayed(capsys, case)
    assert code == 2 and str(path) in said


def test_a_pipe_in_a_case_is_never_read(case, capsys):
    (case / cases.IMAGE).unlink()
    os.mkfifo(case / cases.IMAGE)
    code, _, said = replayed(capsys, case)
    assert code == 2 and f"{cases.IMAGE} isn't a file: " in said


def test_another_format_and_another_image_s_record_are_told(case, capsys):
    edit(case, format=99)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "has format 99, this version of advxai replays 1" in said
    edit(case, format=cases.FORMAT, key=f"{VIDEO}/00000_0.png")
    code, _, said = replayed(capsys, case)
    assert code == 2 and "attacks.h5 holds another image's record" in said


def restamp(case: Path, weights: str) -> None:
    """Let a case's records say that they are of these weights."""
    for path in (case / "records").rglob("*.h5"):
        write_shard(path, [record | {"weights": weights} for record in read_shard(path)], {})


def test_a_configuration_of_another_machine(case, capsys, monkeypatch):
    """Its paths needn't be there; what it imports and its device must be."""
    config = json.loads((case / cases.CASE).read_text())["config"]
    detector = config["detector"] | {"checkpoint": "/elsewhere/own.safetensors"}
    edit(case, config=config | {"results": "/elsewhere/results", "detector": detector})
    assert replayed(capsys, case)[0] == 0

    explainers = config["explainers"] | {"Occlusion": {"method": "not_here:Own", "baseline": "zeros"}}
    edit(case, config=config | {"explainers": explainers})
    code, _, said = replayed(capsys, case)
    assert code == 2 and str(case / cases.CASE) in said
    assert "explainers.Occlusion.method" in said and "'not_here' can't be found: put its folder on PYTHONPATH" in said

    checkpoint.save(case / cases.WEIGHTS, net(5), model="not_here:net", preprocessing=Preprocessing(48, HALF, HALF))
    content = json.loads((case / cases.CASE).read_text())
    weights = content["detector"] | {"sha256": file_sha256(case / cases.WEIGHTS)}
    edit(case, config=config | {"detector": detector | {"model": "not_here:net"}}, detector=weights)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "attacks.h5 is of another detector's weights than case.json says" in said
    restamp(case, weights["sha256"])
    code, _, said = replayed(capsys, case)
    assert code == 2 and "would run code that you haven't named: not_here:net (detector.model); look at" in said
    code, _, said = replayed(capsys, case, "--trust", "not_here:net")
    assert code == 2 and "not_here:net: can't be imported" in said

    save(case / cases.WEIGHTS)
    edit(case, config=config | {"detector": detector | {"device": "cuda"}}, detector=content["detector"])
    restamp(case, content["detector"]["sha256"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "give --device cpu" in said
    code, _, said = replayed(capsys, case, "--device", "cpu")
    assert code == 0 and "warning: replayed on cpu, made on cuda: bits may differ" in said


def test_other_versions_and_machines_are_told(case, capsys):
    content = json.loads((case / cases.CASE).read_text())
    stages = content["stages"]
    place = next(name for name in stages if name.startswith("saliency/Occlusion"))
    stages[place]["params"]["version"] = 0
    edit(case, stages=stages, versions=content["versions"] | {"numpy": "1.0"})
    rewrite(case / cases.ADVERSARY, made_with="an abacus")
    code, _, said = replayed(capsys, case)
    assert code == 0
    assert "warning: records were made with an abacus; here: " in said
    assert f"warning: numpy {np.__version__} here, 1.0 where the case was exported" in said
    assert f"warning: {place} was made by version 0 of its stage's algorithm, here is " in said


def test_help_says_how(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--help"])
    assert ended.value.code == 0
    assert "python -m advxai replay results/demo/cases/" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
