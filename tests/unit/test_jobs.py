"""A job's inputs are of the run's detector, when it begins and when it ends."""

import ast
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.detector import forwards as forwards_of
from advxai.run.jobs import job
from advxai.run.store import require_weights, write_shard
from advxai.run.weights import write_hash

OURS, OTHERS = "a" * 64, "b" * 64
SCRIPTS = sorted((Path(__file__).parents[2] / "scripts").glob("*.py"))


class Inputs(list):
    """As Snakemake's: a list of paths, some with names."""

    def __init__(self, paths: list[str], **names: str) -> None:
        super().__init__([*paths, *names.values()])
        self.names = names
        self.__dict__ |= names

    def keys(self):
        return self.names.keys()


@pytest.fixture
def weights(tmp_path) -> Path:
    write_hash(tmp_path / "detector.safetensors", OURS)
    return tmp_path / "detector.sha256"


@pytest.fixture(autouse=True)
def _loggers():
    """`job` sets up logging for its process."""
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before


def shard(folder: Path, stage: str, *marks: str | None) -> str:
    path = folder / f"store/{stage}/x-0123456789ab/run/0-of-1.h5"
    records = [
        {"key": str(n), "map": np.zeros(2)} | ({} if mark is None else {"weights": mark})
        for n, mark in enumerate(marks)
    ]
    write_shard(path, records, {})
    return str(path)


def rows(folder: Path, *marks: str) -> str:
    path = folder / "store/evaluation/x-0123456789ab/run/0-of-1.parquet"
    path.parent.mkdir(parents=True)
    parquet.write(pd.DataFrame({"key": list(map(str, range(len(marks)))), "weights": list(marks)}), path)
    return str(path)


def test_shards_of_the_run_s_detector_pass(tmp_path, weights):
    maps = [shard(tmp_path, "saliency", OURS, OURS), shard(tmp_path, "adversary"), rows(tmp_path, OURS)]
    done = []
    with job([], Inputs(maps, weights=str(weights))):
        done.append(1)
    with job([], Inputs(maps)):  # a job that takes no hash
        done.append(2)
    with job([]):
        done.append(3)
    assert done == [1, 2, 3]


@pytest.mark.parametrize(
    ("stage", "marks", "said"),
    [
        ("saliency", (OURS, OTHERS), "weights bbbbbbbbbbbb"),
        ("adversary", (OTHERS, OTHERS), "weights bbbbbbbbbbbb"),
        ("attacks", (None, None), "no weights named"),
        ("predictions", (OTHERS,), "weights bbbbbbbbbbbb"),
    ],
)
def test_a_shard_of_another_detector_is_refused_by_name(tmp_path, weights, caplog, stage, marks, said):
    wrong, right = shard(tmp_path / "one", stage, *marks), shard(tmp_path / "two", stage, OURS)
    with pytest.raises(SystemExit), job([str(tmp_path / "log")], Inputs([right, wrong], weights=str(weights))):
        pytest.fail("it went on")
    text = (tmp_path / "log").read_text()
    assert "records of another detector than the run's, whose weights are aaaaaaaaaaaa" in text
    assert f"{wrong}: {said}" in text and right not in text


def test_rows_of_another_detector_are_refused(tmp_path, weights):
    wrong = rows(tmp_path, OURS, OTHERS)
    with pytest.raises(SystemExit), job([str(tmp_path / "log")], Inputs([wrong], weights=str(weights))):
        pytest.fail("it went on")
    assert f"{wrong}: weights bbbbbbbbbbbb" in (tmp_path / "log").read_text()


def test_files_that_are_no_shards_are_not_looked_into(tmp_path, weights):
    other = tmp_path / "evaluation/run/tables/accuracy.parquet"  # `results: evaluation`
    other.parent.mkdir(parents=True)
    other.write_text("no table")
    with job([], Inputs([str(other), str(tmp_path / "absent.h5")], weights=str(weights))):
        pass


def test_a_detector_that_is_exchanged_meanwhile_ends_the_job(tmp_path, weights):
    with pytest.raises(SystemExit), job([str(tmp_path / "log")], Inputs([], weights=str(weights))):
        write_hash(tmp_path / "detector.safetensors", OTHERS)
    assert "the detector was exchanged while this job was at work; run again" in (tmp_path / "log").read_text()


def test_all_wrong_shards_are_named_at_once(tmp_path):
    paths = [Path(shard(tmp_path / name, "saliency", OTHERS)) for name in ("one", "two")]
    with pytest.raises(InputError) as error:
        require_weights(paths, OURS)
    assert all(str(path) in str(error.value) for path in paths)


def test_code_that_was_edited_before_its_import_gives_no_record(weights, monkeypatch):
    """The digest was taken when the job began; what is imported seconds later may be other code."""
    monkeypatch.setattr(forwards_of, "open_detector", lambda *_: SimpleNamespace(spent={"images": 3, "calls": 1}))
    monkeypatch.setattr(forwards_of, "image_loader", lambda _: None)
    monkeypatch.setattr(forwards_of, "made_with", lambda _, packages: "; ".join(["a machine", *packages]))
    inputs = SimpleNamespace(detector="d", frames="f", weights=str(weights))

    def forwards(same_code):
        paths = SimpleNamespace(config=None, require_same_code=same_code)
        return forwards_of.Forwards(
            paths, inputs, lambda items, *_: iter([{"key": item} for item in items]), ("captum",), made_for="Own"
        )

    def edited():
        raise InputError("the code of own was edited")

    with pytest.raises(InputError, match="the code of own was edited"):
        next(forwards(edited)(["one", "two"]))
    same = forwards(lambda: None)
    made = {"made_for": "Own", "made_with": "a machine; captum"}
    assert list(same(["one", "two"])) == [{"key": "one"} | made, {"key": "two"} | made]
    assert (same.weights, same.spent) == (OURS, {"images": 3, "calls": 1})


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_hands_its_inputs_to_the_job(script):
    """Otherwise nothing would look whose shards it reads."""
    calls = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "job"
    ]
    assert calls == ["job(snakemake.log, snakemake.input)"]
