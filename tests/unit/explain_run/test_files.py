"""What is explained, and the files that an explanation writes."""

from fractions import Fraction

import numpy as np
import pytest

from advxai.common.errors import InputError
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
    with pytest.raises(InputError, match=r"manifest.parquet isn't there, .* run `snakemake frames` first"):
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
