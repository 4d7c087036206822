"""A clip of a video of one's own, explained as one: its files, its numbers, and what explains no clip by itself."""

import shutil
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.explain import command
from advxai.explain.clip import rows_of
from advxai.explain.earlier import Earlier
from advxai.media.video import read_frames, write_video
from tests.unit.corpus_faces import synthetic_frame
from tests.unit.explain_run.asking import changed, explained, read

VIDEO = {
    "frames": 4,
    "top": 2,
    "segments": {"frames": 2},
    "explainers": {
        "SHAP3D": {"method": "shap3d", "samples": 8, "baseline": {"kind": "zeros"}},
        "RISE": {"over": "frames", "method": "rise", "masks": 4, "baseline": {"kind": "zeros"}},
        "Mixed": {"method": "shap3d", "samples": 8, "baseline": {"kind": "counterpart"}},
        "random": {"method": "random"},
    },
    "films": {"side": 64},
}
FILES = {"me_clip.html", "me_clip/sheet.png", "me_clip/clip.mp4", "me_clip/SHAP3D.mp4", "me_clip/RISE.mp4"}


@pytest.fixture
def video(faces, monkeypatch, tmp_path):
    """A video whose frames have one face."""
    del faces[1]
    find = SimpleNamespace(settings={}, detect_batch=lambda frames: [faces for _ in frames])
    monkeypatch.setattr(command, "RetinaFace", lambda *_, **settings: find)
    write_video(tmp_path / "me.mp4", [synthetic_frame(index) for index in range(6)], Fraction(5))
    return str(tmp_path / "me.mp4")


def test_a_clip_is_explained_as_one(finished, video, tmp_path):
    paths, out = changed(finished, video=VIDEO), tmp_path / "out"
    outcome = explained(paths, [video], out, names=["LIME"], frames=1, video=True)
    assert {name for name in outcome.files if "_clip" in name} == FILES
    assert all((out / name).is_file() for name in outcome.files)
    (said,) = [note for note in outcome.notes if "Mixed" in note]
    assert said == "me.mp4: video.explainers.Mixed explains no clip by itself: it fills in with the original's frames."
    assert len(list(read_frames(out / "me_clip/SHAP3D.mp4"))) == 4
    content = read(out, "me")
    clip, arrays = content["clip"], np.load(out / "me.npz")
    assert clip["key"] == "me.mp4/clip_00001_0"  # the four in the middle of six
    assert [frame["number"] for frame in clip["frames"]] == [1, 2, 3, 4]
    assert clip["p_fake"] == pytest.approx(np.mean([frame["p"] for frame in clip["frames"]]), abs=2e-6)
    assert set(clip["explainers"]) == {"SHAP3D", "RISE"}
    values, segments = arrays["clip/SHAP3D/map"], arrays["clip/SHAP3D/segments"]
    assert values.shape == segments.shape == (4, 48, 48)
    assert not set(np.unique(segments[:2])) & set(np.unique(segments[2:]))  # slices of two frames
    top = clip["explainers"]["SHAP3D"]["top"]
    for one in top:
        assert values[segments == one["label"]].mean() == pytest.approx(one["score"], abs=1e-5)
    assert content["settings"]["video"]["explainers"]["SHAP3D"]["samples"] == 8
    page = (out / "me_clip.html").read_text(encoding="utf-8")
    assert 'src="me_clip/SHAP3D.mp4"' in page and "<code>me_clip</code> beside this page" in page

    # again without the films: these go, being an earlier explanation's
    anew = explained(paths, [video], out, names=["LIME"], frames=1)
    assert not FILES & set(anew.files) and not (out / "me_clip").exists() and not (out / "me_clip.html").exists()
    assert "clip" not in read(out, "me") and "video" not in read(out, "me")["settings"]


def test_without_rows_the_clip_alone_is_explained_and_the_rest_refused(finished, video, tmp_path):
    one = VIDEO | {"explainers": {"SHAP3D": VIDEO["explainers"]["SHAP3D"]}}
    paths, out = changed(finished, explainers={}, video=one), tmp_path / "out"
    outcome = explained(paths, [video], out, names=[], video=True)
    assert set(outcome.files) == FILES - {"me_clip/RISE.mp4"} | {"me.npz", "me.json"}
    content = read(out, "me")
    assert content["faces"] == [] and set(content["clip"]["explainers"]) == {"SHAP3D"}
    (line,) = outcome.lines
    assert line.startswith("me.mp4, the clip of frames 1 to 4: called ") and line.endswith(": me_clip.html")
    with pytest.raises(
        InputError, match=r"me\.mp4: `explainers` is {} in the configuration, so that nothing explains a fr"
    ):
        explained(paths, [video], out, names=[])


def test_films_replace_nothing_that_isn_t_of_an_earlier_explanation(finished, video, tmp_path):
    out = tmp_path / "out"
    (out / "me_clip").mkdir(parents=True)
    shutil.copy(video, out / "me_clip/SHAP3D.mp4")
    with pytest.raises(InputError, match=r"SHAP3D\.mp4 is there and isn't of an earlier explanation"):
        explained(changed(finished, video=VIDEO), [video], out, names=["LIME"], frames=1, video=True)


def test_what_a_clip_s_files_may_be_called(tmp_path):
    earlier = Earlier(tmp_path, "me")
    assert all(map(earlier.could_own, FILES))
    assert not any(map(earlier.could_own, ["me_clip/x.png", "me_clip/../a.mp4", "me_clip.mp4", "you_clip.html"]))


def test_a_whole_picture_has_no_clip_and_that_is_said(finished, video, tmp_path):
    paths = changed(finished, video=VIDEO)
    outcome = explained(paths, [video], tmp_path / "out", names=["LIME"], frames=1, video=True, whole=True)
    assert not FILES & set(outcome.files)
    assert any(note.startswith("me.mp4: no film: whole pictures are taken as faces") for note in outcome.notes)


def test_rows_that_ask_for_layers_are_left_out_for_a_detector_without_a_module(finished):
    rows = {"CAM": {"over": "frames", "method": "gradcam"}, "SHAP3D": VIDEO["explainers"]["SHAP3D"]}
    config = changed(finished, video={"explainers": rows}).config
    assert rows_of(config) == (["CAM", "SHAP3D"], [])
    left, (why,) = rows_of(config, "onnx")
    assert left == ["SHAP3D"] and why.startswith("video.explainers.CAM explains no clip by itself: it asks")


def test_clips_are_explained_where_the_configuration_has_them_or_says_so(finished):
    assert not finished.config.explains_clips
    assert changed(finished, video=VIDEO).config.explains_clips
    assert not changed(finished, video=VIDEO, explain={"video": False}).config.explains_clips
    assert changed(finished, explain={"video": True}).config.explains_clips
