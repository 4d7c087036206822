"""What a detector's file says holds where the configuration says nothing, and nowhere else."""

import json
import struct
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.config.science import Resize
from advxai.dialects.reading import Reading
from advxai.run import weights
from tests.unit.paths_data import moved, paths

FOREIGN = Reading(
    dialect="a form",
    detector={
        "model": "legacy_xception",
        "input_size": 256,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "colour": "bgr",
        "resize": {"library": "opencv"},
        "classes": ["Real", "Fake"],
        "threshold": 0.55,
    },
    faces={"align": 256, "scale": 1.5},
)


@pytest.fixture
def foreign(tmp_path, monkeypatch) -> str:
    file = tmp_path / "foreign.pth"
    file.write_bytes(b"anything")
    monkeypatch.setattr(weights, "reading_of", lambda path, dialect=None: FOREIGN if Path(path) == file else None)
    return str(file)


def ours(file: Path, **said: object) -> str:
    """The header of a safetensors file of ours."""
    header = json.dumps({"__metadata__": {"advxai": json.dumps(said)}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header)
    return str(file)


def test_a_foreign_file_decides_what_the_configuration_leaves_open(foreign):
    found = paths(detector={"checkpoint": foreign})
    detector, faces = found.config.detector, found.config.faces
    assert (detector.model, detector.input_size, detector.colour) == ("legacy_xception", 256, "bgr")
    assert (detector.mean, detector.std) == ((0.5,) * 3, (0.25,) * 3)
    assert detector.resize == Resize(library="opencv", interpolation="bicubic", fit="stretch")
    assert (faces.align, faces.scale, faces.square) == (256, 1.5, True)
    assert found.classes.names == ("Real", "Fake")
    assert found.classes.threshold == 0.55
    assert found.written_classes.threshold == 0.55
    assert found.detector.path.name.startswith("legacy_xception-")


def test_each_part_can_be_set_otherwise(foreign):
    changes = {"input_size": 128, "std": (1, 1, 1), "colour": "rgb", "classes": ["Fake", "Real"]}
    found = paths(detector={"checkpoint": foreign, **changes}, faces={"scale": 1.2})
    detector = found.config.detector
    assert (detector.model, detector.input_size, detector.colour) == ("legacy_xception", 128, "rgb")
    assert (detector.mean, detector.std) == ((0.5,) * 3, (1.0,) * 3)
    assert found.classes.names == ("Fake", "Real")
    assert (found.config.faces.scale, found.config.faces.align) == (1.2, 256)


def test_null_leaves_it_to_the_file(foreign):
    given = {"mean": None, "std": "null", "resize": None}
    assert paths(detector={"checkpoint": foreign, **given}).config.detector.std == (0.25,) * 3


def test_a_rule_for_faces_moves_the_crops(foreign):
    plain = paths(detector={"checkpoint": None})
    assert "faces" in moved(plain, paths(detector={"checkpoint": foreign}))
    assert "faces" not in moved(plain, paths(detector={"checkpoint": foreign}, faces={"align": None, "scale": 1.3}))


def test_defaults_that_are_given_move_nothing(tmp_path):
    file = str(tmp_path / "x.pth")
    Path(file).write_bytes(b"anything")
    plain = paths(detector={"checkpoint": file, "classes": ["Real", "Fake"]})
    changes = {"colour": "rgb", "resize": {"fit": "stretch"}, "video_score": "mean_logit"}
    same = paths(
        detector={"checkpoint": file, "classes": ["Real", "Fake"], **changes},
        faces={"margins": None, "square": True, "edges": "shift", "align": None, "tracks": None},
    )
    assert moved(plain, same) == set()
    other = paths(detector={"checkpoint": file, "classes": ["Real", "Fake"], "colour": "bgr"})
    assert {"detector", "predictions", "attacks"} <= moved(plain, other)
    assert "faces" not in moved(plain, other)


def test_a_file_of_ours_says_its_model_and_its_faces(tmp_path):
    file = ours(
        tmp_path / "d.safetensors", model="resnet18", input_size=96, faces={"edges": "clip"}, classes=["Real", "x"]
    )
    found = paths(detector={"checkpoint": file}).config
    assert (found.detector.model, found.detector.input_size, found.faces.edges) == ("resnet18", 96, "clip")
    assert found.detector.mean is None  # joins where the file is read, as before there were dialects


def test_code_is_never_a_file_s_to_name(tmp_path):
    file = ours(tmp_path / "d.safetensors", model="os:getcwd", classes=["Real", "x"])
    assert paths(detector={"checkpoint": file}).config.detector.model == "tf_efficientnetv2_b0"


@pytest.mark.parametrize(
    "said", [{"input_size": 7}, {"colour": "green"}, {"faces": {"scale": 0.1}}, {"faces": 3}, {"faces": {"nothing": 1}}]
)
def test_what_can_t_be_is_the_file_s_fault(tmp_path, said):
    file = ours(tmp_path / "d.safetensors", classes=["Real", "x"], **said)
    with pytest.raises(InputError, match=r"d\.safetensors: its metadata say .* which can't be"):
        paths(detector={"checkpoint": file})
