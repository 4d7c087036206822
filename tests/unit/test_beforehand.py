"""What is looked at before any job starts: the detector's hash is its own, and the detector the configured one."""

import hashlib
import os
import struct
from pathlib import Path

import pytest
from torch import nn

from advxai.beforehand import check
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config import load, science
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.run.digests import digest
from advxai.run.paths import Paths
from advxai.run.store import write_shard
from advxai.run.weights import read_hash


def paths(folder: Path, **detector) -> Paths:
    source = {"package": "p", "version": "1", "file": "one.mp4", "sha256": "0" * 64}
    clip = {"name": "one", "first_id": 0, "source": source, "splits": {"train": 2, "test": 2}}
    config = {"run": "a", "results": str(folder / "results"), "corpus": {"kind": "demo", "clips": [clip]}}
    return Paths(load(config | {"detector": {"model": "resnet18"} | detector}))


def place(own: Paths, content: bytes = b"weights") -> str:
    """A file that says nothing of itself, as the run's detector."""
    content = struct.pack("<Q", 2) + b"{}" + content
    own.detector.path.mkdir(parents=True, exist_ok=True)
    own.weights.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_relative_trained_weights_are_looked_for_here_and_then_beside_the_snakefile(tmp_path, monkeypatch):
    """What the configuration says stays as it is: settings of a run don't depend on where the code lies."""
    project, here = tmp_path / "project", tmp_path / "here"
    for folder in (project, here):
        folder.mkdir()
    monkeypatch.setattr(science, "PROJECT", project)
    monkeypatch.chdir(here)
    settings = paths(tmp_path, trained="x.ckpt").config.detector
    assert settings.trained_file == settings.trained == "x.ckpt"
    (project / "x.ckpt").touch()
    assert settings.trained_file == str(project / "x.ckpt") and settings.trained == "x.ckpt"
    (here / "x.ckpt").touch()
    assert settings.trained_file == "x.ckpt"


def test_weights_of_this_very_training_are_taken_and_others_aren_t(tmp_path):
    """Another seed, model, training or clip: a detector is trained, and planning says so."""
    file = tmp_path / "made.safetensors"
    checkpoint.save(
        file,
        nn.Linear(2, 2),
        model="resnet18",
        preprocessing=Preprocessing(32, (0.5,) * 3, (0.5,) * 3),
        training=digest(paths(tmp_path).detector_params),
    )
    own = paths(tmp_path, trained=str(file))
    assert own.ready_made == own.source == file and check(own) == []
    for other in ({"model": "resnet34"}, {"training": {"epochs": 3}}, {"input_size": 64}):
        changed = paths(tmp_path, trained=str(file), **other)
        assert changed.ready_made is changed.source is None
        (note,) = check(changed)
        assert "is of other clips, model, seed or training" in note and "a detector is trained" in note
    as_checkpoint = paths(tmp_path, trained=str(file), checkpoint=str(file))
    assert as_checkpoint.ready_made is None and as_checkpoint.source == file and check(as_checkpoint) == []
    assert paths(tmp_path).ready_made is paths(tmp_path).source is None
    assert own.detector.path != paths(tmp_path).detector.path  # a training here has its own place
    assert own.detector_params == paths(tmp_path).detector_params | {"trained": file_sha256(file)}
    with pytest.raises(InputError, match="detector.trained: gone is no file there"):
        check(paths(tmp_path, trained="gone"))


def test_of_initial_weights_that_are_not_there_it_is_said_what_they_are(tmp_path):
    with pytest.raises(InputError) as error:
        check(paths(tmp_path, training={"initial_weights": {"path": "b0.pth"}}))
    assert str(error.value).splitlines()[1:] == [
        "  - detector.training.initial_weights: b0.pth is not there: correct the path (ImageNet's weights of the "
        "network or its backbone: docs/training.md#initial-weights says which files), or set it to null to "
        "train from scratch"
    ]


@pytest.mark.parametrize("name", ["gone.ckpt", "a" * 300, "."])
def test_a_checkpoint_that_is_no_file_is_named_with_its_key(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"detector.checkpoint"):
        check(paths(tmp_path, checkpoint=name))


def test_without_a_detector_there_is_nothing_to_seal(tmp_path):
    own = paths(tmp_path)
    assert check(own) == [] and not own.weights_hash.exists() and own.present_weights is None


def test_the_hash_is_mended_when_other_weights_lie_there(tmp_path):
    own = paths(tmp_path)
    first = place(own)
    assert check(own) == [] and read_hash(own.weights_hash) == first == own.present_weights
    second = place(own, b"others!")
    (note,) = check(own)
    assert note == (
        f"{own.weights} has other weights ({second[:12]}) than before ({first[:12]}): what the former ones made "
        "is made anew by these, and stays in the store."
    )
    assert check(own) == [] and read_hash(own.weights_hash) == second != first
    own.weights_hash.write_text("")
    assert check(own) == [] and read_hash(own.weights_hash) == second


def test_a_closing_message_of_before_an_exchange_is_none(tmp_path):
    """After a run of one table the others, and the message, are still the former detector's."""
    own = paths(tmp_path)
    place(own)
    check(own)
    assert not own.outputs.summed_up
    own.run.mkdir(parents=True)
    (own.run / "summary.txt").write_text("all is well")
    assert own.outputs.summed_up
    os.utime(own.weights_hash, ns=(0, (own.run / "summary.txt").stat().st_mtime_ns + 1_000_000))
    assert not own.outputs.summed_up


def test_a_store_of_before_is_told_once(tmp_path):
    """A trained detector with records that don't say which weights made them."""
    own = paths(tmp_path)
    place(own)
    write_shard(own.predicted, [{"key": "k", "sha256": "s"}], {})
    (note,) = check(own)
    assert note == (
        f"{own.detector.path} was made before records named the weights that made them: what the store holds of it "
        "can't be shown to be this detector's and is computed anew."
    )
    assert check(own) == []


def test_an_imported_detector_s_records_of_before_are_its_own(tmp_path):
    """The checkpoint's hash is in the digest that they lie under, if the stored file is of that checkpoint."""
    file = tmp_path / "own.pth"
    file.write_bytes(b"checkpoint")
    own = paths(tmp_path, checkpoint=str(file))
    place(own)
    write_shard(own.predicted, [{"key": "k", "sha256": "s"}], {})
    assert own.later("predictions", "f") == {} and not own.shown
    (note,) = check(own)
    assert note == (
        f"{own.weights} was imported before such files said of which checkpoint they are: what the store holds of it "
        "is computed anew; to have it used, delete that file and run again, which imports it in seconds."
    )
    process = Preprocessing(48, (0.5,) * 3, (0.5,) * 3)
    own.weights.unlink()
    own.weights_hash.unlink()
    checkpoint.save(own.weights, nn.Linear(2, 2), model="resnet18", preprocessing=process, checkpoint=file_sha256(file))
    assert check(own) == [] and own.shown
    assert own.later("predictions", "f") == {"weights": "f"}
    assert set(own.later("adversary", "f")) == {"weights", "trace"}
    assert paths(tmp_path).later("predictions", "f") == {}
    assert set(paths(tmp_path).later("saliency", "f")) == {"missing", "zero", "backwards"}


def test_a_detector_of_another_checkpoint_is_refused(tmp_path):
    file = tmp_path / "own.pth"
    file.write_bytes(b"checkpoint")
    own = paths(tmp_path, checkpoint=str(file))
    process = Preprocessing(48, (0.5,) * 3, (0.5,) * 3)
    save = {"model": "resnet18", "preprocessing": process}
    checkpoint.save(own.weights, nn.Linear(2, 2), **save, checkpoint=file_sha256(file))
    assert check(own) == []
    checkpoint.save(own.weights, nn.Linear(2, 2), **save, checkpoint="0" * 64)
    with pytest.raises(InputError, match=r"was imported from another checkpoint \(SHA-256 0000.*delete it and run"):
        check(own)


def test_what_ffpp_lacks_is_said_in_one_message(tmp_path):
    config = {"kind": "ffpp", "root": str(tmp_path), "splits": str(tmp_path / "splits")}
    (tmp_path / "manipulated_sequences/Deepfakes/c23/videos").mkdir(parents=True)
    (tmp_path / "ff.ckpt").write_bytes(b"")
    absent = Paths(load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": str(tmp_path / "no.ckpt")}}))
    with pytest.raises(InputError) as error:
        check(absent)
    message = str(error.value)
    lines = message.splitlines()
    assert lines[0] == "config: this is missing:" and all(line.startswith("  - ") for line in lines[1:])
    keys = [line.removeprefix("  - ").partition(": ")[0] for line in lines[1:]]
    assert keys == ["corpus.splits"] * 3 + ["corpus.compression"] + ["corpus.categories"] * 4 + ["detector.checkpoint"]
    assert "test.json" in message and "no.ckpt" in message and "set it to null" in lines[-1]
    assert message.count("ondyari/FaceForensics") >= 8  # where to get it
