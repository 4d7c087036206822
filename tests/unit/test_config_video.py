"""What is said of a wrong key under `video`: its place, what is wrong and what to do."""

import re

import pytest

from advxai.common.errors import InputError
from advxai.config import Config, load

CLIP = {"method": "shap3d", "baseline": "zeros"}
FRAMES = {"over": "frames", "method": "lime", "baseline": "zeros"}


def loaded(**video: object) -> Config:
    base = {"run": "r", "corpus": {"kind": "ffpp", "root": "/a", "splits": "/b"}, "detector": {"checkpoint": "/c"}}
    return load(base | {"video": video})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"method": "face_prior"},
            "A: method: clips have no face_prior; their controls are random, centre, edges, largest",
        ),
        (FRAMES | {"method": "lime3d"}, "A: over: lime3d explains a clip as one: take the key out"),
        (FRAMES | {"method": "centre"}, "A: over: centre is a control, of a clip as one: take the key out"),
        ({"over": "frames", "method": "oracle_mask"}, "A: over: oracle_mask is a ceiling, of a clip as one: take"),
        (FRAMES | {"over": "clip"}, "A: over: is 'clip'; an explainer of images goes over `frames`"),
        (
            {"method": "lime", "baseline": "zeros"},
            "A: over: is missing: lime explains images, and clips frame by frame: add `over: frames`",
        ),
        ({"method": "tests.custom:Occlusion", "baseline": "zeros"}, "A: over: is missing: tests.custom:Occlusion"),
        (
            {"method": "shap4d"},
            "A: method: 'shap4d' is no method of clips; did you mean shap3d? There are shap3d, lime3d",
        ),
        (
            {"method": "xyz"},
            "A: method: 'xyz' is no method of clips. There are shap3d, lime3d, rise3d; with `over: fra",
        ),
        ({"method": 3}, "A: method: 3 is no method of clips. There are shap3d"),
        ({}, "A: method: is required: one of shap3d, lime3d, rise3d; with `over: frames` lime, shap"),
        ({"over": "frames"}, "A: method: is required: one of shap3d"),
        (3, "A = 3: is no mapping: write `{method: shap3d, baseline: zeros}`, say"),
        ({"method": "shap3d"}, "A.baseline: is required; see config/reference.yaml"),
        (FRAMES | {"sampels": 3}, "A.sampels: there is no such key; see config/reference.yaml for every key"),
        (
            FRAMES | {"method": "gradcam"},
            "A.baseline: class activation maps have no baseline, for nothing is filled in: take the key out",
        ),
    ],
)
def test_a_wrong_row_is_told_in_one_sentence(entry, said):
    with pytest.raises(InputError, match=re.escape(f"config: video.explainers.{said}")) as error:
        loaded(explainers={"A": entry})
    assert "; video." not in str(error.value)  # nothing that follows from it is demanded besides


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({}, ": has no row: name one, such as `SHAP3D: {method: shap3d, baseline: zeros}`, or take the key out"),
        ({"Random": {"method": "random"}}, ": has controls and ceilings alone (Random), which stand beside explainers"),
        ({"a b": CLIP}, ": the row name 'a b' may hold the letters A to Z"),
        ({"Sheet": CLIP}, ": the row name 'Sheet' is taken"),
        (
            {"A": {"method": "edges", "segmentation": {"algorithm": "slic"}}, "B": CLIP},
            ": the row A has a segmentation",
        ),
    ],
)
def test_wrong_rows_are_told_by_their_names_as_they_are_written(rows, said):
    with pytest.raises(InputError, match=re.escape(f"config: video.explainers{said}")):
        loaded(explainers=rows)


def test_numbers_are_read_as_elsewhere():
    """`--config` gives them as text."""
    video = loaded(frames="8", step="2", fakes="3").video
    assert (video.frames, video.step, video.fakes) == (8, 2, 3) and loaded(step="spread").video.step == "spread"
    for wrong in ("0", "spreads", "2.5", True, 10_001):
        with pytest.raises(InputError, match=r"video\.step = .*: must be a whole number from 1 to 10000, or spread"):
            loaded(step=wrong)


def test_what_is_written_out_is_read_again():
    config = loaded(explainers={"A": FRAMES, "B": CLIP, "C": {"method": "centre"}})
    assert load(config.model_dump(mode="json")).video == config.video
