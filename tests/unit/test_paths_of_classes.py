"""What a configuration says of its detector's classes, as paths and training have it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from advxai.beforehand import check, when_trained
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.config import load
from advxai.run.paths import Paths
from advxai.run.weights import KEY
from tests.unit.paths_data import CLIPS, folders, moved, paths
from tests.unit.test_detector_meso import made, written

BINARY = {"classes": ["Real", "Fake"], "output": "sigmoid"}


def ffpp(tmp_path: Path, categories: list[str], **detector) -> Paths:
    corpus = {"kind": "ffpp", "root": "ff", "splits": str(tmp_path), "categories": categories}
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.json").write_text("[]")
    return Paths(load({"run": "a", "corpus": corpus, "detector": detector}), planning=True)


def test_what_is_learnt(tmp_path):
    """All that the detector has a class for, or what is chosen of it."""
    every = ["Deepfakes", "FaceShifter", "FaceSwap"]
    assert ffpp(tmp_path, every).learnt == ["Deepfakes", "FaceSwap"]
    assert ffpp(tmp_path, every, **BINARY).learnt == every
    assert ffpp(tmp_path, every, **BINARY, training={"categories": ["FaceShifter"]}).learnt == ["FaceShifter"]
    six = ffpp(tmp_path, every, classes=[*FIVE.names, "FaceShifter"])
    assert six.learnt == every and six.classes.of("FaceShifter") == 5


def test_what_is_learnt_is_in_the_digest(tmp_path):
    every = ["Deepfakes", "FaceShifter", "FaceSwap"]
    some = [
        ffpp(tmp_path, every, **BINARY, training={"categories": one}) for one in (every[:1], every[:2], every, None)
    ]
    assert len({folders(one)["detector"] for one in some}) == 3  # all, and none chosen, are the same
    assert "categories" not in some[0].detector_params["training"]
    # of five classes FaceShifter is none, so nothing of the detector depends on it
    assert moved(ffpp(tmp_path, every), ffpp(tmp_path, ["Deepfakes", "FaceSwap"])) == set()


def test_a_class_that_nothing_is_learnt_of_is_said_before_a_job_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = paths(corpus={"kind": "demo", "clips": CLIPS, "categories": ["Deepfakes", "FaceSwap"]})
    said = (
        "config: detector.classes: a detector is to be trained, and there is nothing to learn NeuralTextures, "
        "Face2Face from, since the manipulations to learn from are Deepfakes, FaceSwap: set detector.classes to [Real, "
        "Deepfakes, FaceSwap], or add NeuralTextures, Face2Face to corpus.categories, or detector.checkpoint to "
        "weights that are trained"
    )
    for ask in (own.to_start_from, lambda: check(own)):
        with pytest.raises(InputError, match=re.escape(said)):
            ask()
    # whoever wants the faces alone needs no detector, but is told; a job's own process is not
    assert when_trained(["snakemake", "faces"], job=False) == "later"
    assert check(own, "later") == [f"before a detector can be trained: {said.removeprefix('config: ')}."]
    assert check(own, when_trained(["snakemake", "faces_shard:"], job=True)) == []
    assert when_trained(["snakemake", "-n", "--cores", "2"], job=False) == "now"
    remedied = paths(corpus=own.config.corpus.model_dump(), detector={"classes": ["Real", "Deepfakes", "FaceSwap"]})
    assert check(remedied) == []
    assert (
        paths(corpus={"kind": "demo", "clips": CLIPS, "categories": ["Deepfakes"]}, detector=BINARY).to_start_from()
        == []
    )


def test_a_manipulation_that_has_no_class_can_t_be_chosen(tmp_path):
    said = "detector.training.categories: the detector's classes are Real, NeuralTextures, .*: none is of FaceShifter"
    with pytest.raises(InputError, match=said):
        _ = ffpp(tmp_path, ["FaceShifter"], training={"categories": ["FaceShifter"]}).learnt
    with pytest.raises(InputError, match="detector.training.categories: FaceSwap is none of corpus.categories"):
        ffpp(tmp_path, ["Deepfakes"], training={"categories": ["FaceSwap"]})
    assert ffpp(tmp_path, ["FaceShifter"], checkpoint="x", training={"categories": ["FaceShifter"]}).learnt == []


def test_faceshifter_is_explained_or_only_classified():
    corpus = {"kind": "ffpp", "categories": ["FaceShifter"], "also": ["FaceShifter"], "root": "a", "splits": "b"}
    with pytest.raises(InputError, match="FaceShifter is one of `categories` already"):
        load({"run": "a", "corpus": corpus})


def weights(path: Path, said: dict) -> str:
    save_file({"a": np.zeros(1, np.float32)}, path, metadata={KEY: json.dumps(said)})
    return str(path)


def test_a_checkpoint_of_ours_says_its_classes(tmp_path):
    classes = Classes.named(["Fake", "Pristine"], real="Pristine", output="sigmoid", threshold=0.55)
    file = weights(tmp_path / "a.safetensors", classes.said)
    own = paths(detector={"checkpoint": file})
    assert own.classes == classes and own.adversary_params["threshold"] == 0.55
    assert own.detector_params["classes"] == ["Fake", "Pristine"]
    assert "threshold" not in own.predictions_params
    assert paths(detector={"checkpoint": file, "threshold": 0.7}).classes.threshold == 0.7
    plain = paths(detector={"checkpoint": weights(tmp_path / "b.safetensors", FIVE.said)})
    assert plain.classes == FIVE and "classes" not in plain.detector_params


def test_the_store_s_file_has_no_threshold_of_the_configuration(tmp_path):
    """It would be other bytes under one digest: the threshold is in the digests of what depends on it."""
    file = weights(tmp_path / "a.safetensors", Classes.named(["Real", "Fake"]).said)
    assert paths(detector={"checkpoint": file, "threshold": 0.7}).written_classes.threshold is None
    said = weights(tmp_path / "b.safetensors", Classes.named(["Real", "Fake"], threshold=0.4).said)
    assert paths(detector={"checkpoint": said, "threshold": 0.7}).written_classes.threshold == 0.4
    assert paths(detector=BINARY | {"threshold": 0.7}).written_classes.threshold is None


def test_what_is_learnt_from_a_database_is_in_the_digest(tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text("relative_path bin_label mc_label split\n")

    def of(*categories: str, **detector) -> Paths:
        frames = {"manifest": str(listed), "lmdb": str(tmp_path / "absent.lmdb")}
        corpus = {"kind": "ffpp", "categories": list(categories)}
        return Paths(load({"run": "a", "corpus": corpus, "frames": frames, "detector": detector}), planning=True)

    four = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
    some = [of(*four[:1], **BINARY), of(*four[:2], **BINARY), of(*four, **BINARY), of(*four, "FaceShifter", **BINARY)]
    assert len({one.detector.path for one in some}) == 4
    assert of(*four).detector.path == of(*four, "FaceShifter").detector.path  # five classes: FaceShifter isn't learnt


def test_published_weights_that_are_read_the_other_way_round_are_noted(tmp_path):
    file = written(tmp_path / "m.h5", made("meso4"))
    clips = {"kind": "demo", "clips": CLIPS}
    assert check(paths(corpus=clips, detector={"model": "meso4", "checkpoint": str(file)})) == []
    (note,) = check(paths(corpus=clips, detector={"model": "meso4", "checkpoint": str(file), "positive": "Fake"}))
    assert note.startswith(
        "detector.positive is Fake, but what the published weights of meso4 give is the probability of"
    )
    for model in ("resnet18", "deepfakebench_meso4"):  # a network of ours, but no file of Keras is of it
        with pytest.raises(
            InputError, match=f"m.h5 is a file of Keras, which is read for meso4 and mesoinception4, not for {model}"
        ):
            check(paths(corpus=clips, detector={"model": model, "checkpoint": str(file)}))
    with pytest.raises(InputError, match="no.h5 is no file there: correct the path .MesoNet's authors"):
        check(paths(corpus=clips, detector={"model": "meso4", "checkpoint": "no.h5"}))
    with pytest.raises(InputError, match="no.pth is no file there: correct the path .its authors link theirs"):
        check(paths(corpus=clips, detector={"model": "icpr_st_b4", "checkpoint": "no.pth"}))


def test_the_note_under_tables_has_the_threshold():
    assert (
        "at 224 px, called fake at p(fake) \u2265 0.55. Segment" in paths(detector={"threshold": 0.55}).outputs.note()
    )
    assert "at 224 px. Segment" in paths().outputs.note()


def test_published_numbers_stand_beside_those_of_a_detector_with_the_paper_s_classes(tmp_path):
    every = ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"]
    assert ffpp(tmp_path, every).beside_published
    assert ffpp(tmp_path, every, classes=[*FIVE.names[::-1]]).beside_published
    assert not ffpp(tmp_path, every, **BINARY).beside_published
    assert not paths().beside_published


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        ({"classes": ["Real"]}, "detector.classes"),
        ({"threshold": 1.0}, "detector.threshold = 1.0"),
        ({"threshold": 0}, "detector.threshold = 0"),
        ({"output": "softplus"}, "detector.output = 'softplus'"),
    ],
)
def test_wrong_settings_are_named(detector, said):
    with pytest.raises(InputError, match=re.escape(said)):
        paths(detector=detector)
