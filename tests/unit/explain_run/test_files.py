"""What is explained, and the files that an explanation writes."""

import errno
import os
import re
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.explain import command, outputs
from advxai.media.video import write_video
from tests.unit.cases.small_run import KEY, VIDEO
from tests.unit.corpus_faces import synthetic_frame
from tests.unit.explain_run.asking import changed, explained, read


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            f"{VIDEO}/00006_0.png",
            r"00006_0.png is no face image of the run; .*manifest.parquet lists them; did you mean",
        ),
        ("2", r"2: .*evaluation.parquet lists 2 images; give a number from 0 to 1"),
    ],
)
def test_an_image_that_the_run_doesn_t_have(finished, tmp_path, argument, said):
    with pytest.raises(InputError, match=said):
        explained(finished, [argument], tmp_path)


def test_an_absent_list_is_named(finished, tmp_path):
    elsewhere = changed(finished, run="other")
    with pytest.raises(InputError, match=r"manifest.parquet isn't there, .* run `snakemake --cores 2 frames` .* first"):
        explained(elsewhere, [KEY], tmp_path)


def test_files_of_others_stay_and_those_of_an_earlier_explanation_go(finished, faces, photo, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "me_2.png").write_text("not ours")
    with pytest.raises(InputError, match=r"me_2.png is there and isn't of an earlier explanation: .*--out"):
        explained(finished, [str(photo)], out, names=["LIME"])
    assert [path.name for path in out.iterdir()] == ["me_2.png"]
    (out / "me_2.png").rename(out / "me_20.png")
    explained(finished, [str(photo)], out, names=["LIME"])
    assert (out / "me_2.png").exists()
    del faces[1]
    explained(finished, [str(photo)], out, names=["LIME"])
    left = {path.name for path in out.iterdir()}
    assert "me_1.png" in left and "me_20.png" in left and "me_2.png" not in left
    (out / "me.json").write_text("{}")
    with pytest.raises(InputError, match="me.json is there and isn't an explanation"):
        explained(finished, [str(photo)], out, names=["LIME"])
    (out / "me.json").unlink()  # as Snakemake does, whose output it is, before each job
    explained(finished, [str(photo)], out, names=["LIME"])
    assert (out / "me.json").exists()
    (out / "me.json").unlink()
    (out / "me_1.pdf").write_text("not ours any more")
    with pytest.raises(InputError, match=r"me_1.pdf is there and isn't of an earlier explanation"):
        explained(finished, [str(photo)], out, names=["LIME"])


def test_a_name_as_long_as_any_and_full_of_signs(finished, photo, tmp_path, monkeypatch):
    """matplotlib takes `$ $` for a formula, and every output's name is longer than the picture's."""
    monkeypatch.chdir(tmp_path)
    long = ["$" + "中" * 83 + "$.png", "$5 and $6.png", "\\frac [1, 2].png", "...png"]
    for name in long:
        shutil.copy(photo, tmp_path / name)
    outcome = explained(finished, [f"./{name}" for name in long], tmp_path / "out", names=["LIME"], whole=True)
    stems = [Path(name).stem for name in outcome.files if name.endswith(".json")]
    assert len(set(stems)) == len(long) and stems[0].startswith("_中中") and len(os.fsencode(stems[0])) <= 200
    assert all((tmp_path / "out" / name).is_file() for name in outcome.files)
    assert "$5 and $6.png, face 1: called " in outcome.lines[1]
    assert read(tmp_path / "out", stems[2])["input"]["argument"] == f"./{long[2]}"


def test_a_folder_that_can_t_be_written_is_known_before_any_work(finished, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "read", lambda *_: pytest.fail("something was read"))
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "made").mkdir()
    for out, said in (
        (tmp_path / "file", "it isn't a folder"),
        (tmp_path / "file" / "inside", "it isn't a folder"),
        (Path("/proc/none/out"), "No such file or directory"),
        (tmp_path / ("a" * 256), "File name too long"),
    ):
        with pytest.raises(InputError, match=rf"{re.escape(str(out))}: nothing can be written there .{said}.*--out"):
            explained(finished, [str(photo)], out, names=["LIME"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "made", "me.png"]


def test_a_full_disk_is_said_and_what_was_there_stays(finished, photo, tmp_path, monkeypatch):
    out = tmp_path / "out"
    explained(finished, [str(photo)], out, names=["LIME"], whole=True)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(outputs, "publish", full)
    with pytest.raises(InputError, match=rf"{out}: nothing can be written there \(No space left on device\)"):
        explained(finished, [str(photo)], out, names=["LIME", "LIME_adv"], whole=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_another_picture_of_the_same_name_is_known_before_any_work(finished, photo, tmp_path, monkeypatch):
    out = tmp_path / "out"
    explained(finished, [str(photo)], out, names=["LIME"], whole=True)
    (tmp_path / "other").mkdir()
    same, other = tmp_path / "other/me.jpg", tmp_path / "other/me.png"
    shutil.copy(photo, same)
    explained(finished, [str(same)], out, names=["LIME"], whole=True)  # the same picture elsewhere
    cv2.imwrite(str(other), np.zeros((90, 90, 3), np.uint8))
    before = (out / "me.json").read_bytes()
    monkeypatch.setattr(command, "read", lambda *_: pytest.fail("something was read"))
    said = rf"me.json is there and is of another picture or video, {same}: .*--out"
    with pytest.raises(InputError, match=said):
        explained(finished, [str(other)], out, names=["LIME"], whole=True)
    assert (out / "me.json").read_bytes() == before
    (out / "me.json").unlink()  # the hidden file knows too
    with pytest.raises(InputError, match=said):
        explained(finished, [str(other)], out, names=["LIME"], whole=True)


def test_a_clip_has_a_sheet_a_face_and_a_figure_a_frame(finished, faces, tmp_path):
    write_video(tmp_path / "clip.mp4", [synthetic_frame(index) for index in range(4)], Fraction(5))
    del faces[1]
    outcome = explained(finished, [str(tmp_path / "clip.mp4")], tmp_path / "out", names=["LIME", "LIME_adv"])
    said = read(tmp_path / "out", "clip")
    assert {"clip_faces.png", "clip_1.png", "clip_1/frame_00001.png", "clip_1/frame_00003.pdf"} < set(outcome.files)
    assert all((tmp_path / "out" / name).is_file() for name in outcome.files)
    assert [path.name for path in outcome.places] == [
        "clip_faces.png", "clip_faces.pdf", "clip_1.png", "clip_1.pdf", "clip_1", "clip.npz", "clip.json",
    ]  # fmt: skip
    assert said["input"]["frames"] == [
        {"frame": 1, "seconds": 0.2, "faces": [1]},
        {"frame": 3, "seconds": 0.6, "faces": [1]},
    ]
    (only,) = said["faces"]
    assert only["frames_without"] == [] and [one["frame"] for one in only["images"]] == [1, 3]
    whole = explained(finished, [str(tmp_path / "clip.mp4")], tmp_path / "whole", names=["LIME"], whole=True)
    assert "clip_faces.png" not in whole.files and "clip_1/frame_00003.png" in whole.files
    assert read(tmp_path / "whole", "clip")["input"]["frames"] == said["input"]["frames"]
    arrays = np.load(tmp_path / "out" / "clip.npz")
    assert {"1/frame_00001/crop", "1/frame_00003/LIME_adv/map"} < set(arrays)
