"""White boxes that a detector can't have are refused before any job starts."""

import pytest

from advxai.beforehand import check, own
from advxai.beforehand.layers import layers_of
from advxai.beforehand.own import require_usable, trial
from advxai.common.errors import InputError
from tests.unit.paths_data import paths
from tests.unit.test_dialects_onnx import GIVEN, Net, exported

CAM = {"method": "gradcam"}
OWN = {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}
LIME = {"method": "lime", "baseline": "zeros"}
TINY = {"model": "tests.custom:tiny_detector", "mean": [0.5] * 3, "std": [0.5] * 3, "input_size": 48}


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    """Keys of a detector that is an ONNX file."""
    path = exported(Net(), tmp_path_factory.mktemp("onnx") / "a.onnx")
    return {"checkpoint": str(path), "backend": "onnxruntime", **GIVEN}


def test_of_an_onnx_file_gradients_are_refused_and_the_rows_named(onnx):
    paths_of = {"detector": onnx, "faces": {"model": {"path": onnx["checkpoint"]}}}
    rows = {"LIME": LIME, "Cam": CAM, "IG": {"method": "integrated_gradients", "baseline": "zeros"}}
    with pytest.raises(InputError) as refused:
        check(paths(explainers=rows, **paths_of), "now")
    assert str(refused.value) == (
        "config: an ONNX file has no gradients, which these rows ask the detector's module for: take them out, or give "
        "the detector's weights in a form that torch reads: explainers.Cam (gradcam), explainers.IG "
        "(integrated_gradients)"
    )
    with pytest.raises(
        InputError, match=r"which this row asks the .*: take it out, or give .*: explainers.Cam \(gradcam\)$"
    ):
        check(paths(explainers={"Cam": CAM}, **paths_of), "later")
    assert check(paths(explainers={"LIME": LIME}, **paths_of), "now")


def test_a_white_box_of_the_user_s_own_is_refused_where_it_is_tried(onnx, tmp_path, monkeypatch):
    """Whether a class is one is known only when it is imported; tried anew when the detector is another one."""
    with_onnx, without = paths(explainers={"Own": OWN}, detector=onnx), paths(explainers={"Own": OWN}, detector=TINY)
    assert trial(with_onnx.config, 2, ["explainers.Own"])["wrong"] == [
        "an ONNX file has no gradients, which this row asks the detector's module for: take it out, or give the "
        "detector's weights in a form that torch reads: explainers.Own (tests.custom:GradientTimesInput)"
    ]
    assert trial(without.config, 5, ["explainers.Own"]) == {"wrong": [], "untried": []}
    occlusion = paths(explainers={"Own": OWN | {"method": "tests.custom:Occlusion"}}, detector=onnx)
    assert trial(occlusion.config, 2, ["explainers.Own"]) == {"wrong": [], "untried": []}
    calls = []
    monkeypatch.setattr(own, "_tried", lambda _, __, keys: calls.append(keys) or {"wrong": [], "untried": []})
    for one in (without, with_onnx, without, with_onnx):
        require_usable(one, tmp_path)
    assert calls == [["explainers.Own", "detector.model"], ["explainers.Own"]]


@pytest.mark.parametrize(
    ("model", "layers", "said"),
    [
        (TINY, "0", ""),
        (TINY, ["0", "2"], ""),
        (
            TINY,
            ["0", "conv1"],
            "explainers.Cam.layers: the detector has no layer 'conv1'; `python -m advxai layers` lists those that can "
            "be named",
        ),
        (
            TINY,
            "3",
            "explainers.Cam.layers: 3 gives 128 for an image, which is no map; name another layer, `python -m advxai "
            "layers` lists those that can be named",
        ),
        (
            {"model": "meso4", "input_size": 256},
            "block5",
            "explainers.Cam.layers: the detector has no layer 'block5' (did you mean block4 or block3 or block2?); "
            "`python -m advxai layers` lists those that can be named",
        ),
    ],
)
def test_a_layer_that_the_detector_lacks_is_refused(model, layers, said):
    config = paths(explainers={"Cam": CAM | {"layers": layers}}, detector=model).config
    assert trial(config, 5, ["layers"]) == {"wrong": [said] if said else [], "untried": []}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"method": "relevancy"},
            "the detector shows no attention between tokens, as efficientnet_vit, timm's ViTs, a hub's ViT ",
        ),
        (
            {"method": "attention"},
            "the detector shows no attention that is a map, as efficientnet_ltpa, efficientnet_a",
        ),
    ],
)
def test_attention_that_the_detector_lacks_is_refused_before_any_job(row, said):
    config = paths(explainers={"A": row}, detector=TINY).config
    (found,) = trial(config, 5, ["layers"])["wrong"]
    assert found.startswith(f"explainers.A: {said}")


def test_attention_that_is_there_is_found_before_any_job():
    small = {"backbone": "mobilenetv3_small_050"}
    own = {"model": "efficientnet_ltpa", "input_size": 64, "network": small}
    rows = {"A": {"method": "attention", "level": 3}}
    assert trial(paths(explainers=rows, detector=own).config, 1, ["layers"]) == {"wrong": [], "untried": []}
    places = own | {"model": "efficientnet_vit", "network": small | {"tokens": "places", "depth": 1}}
    rows = {"R": {"method": "relevancy", "map": "released"}}
    (found,) = trial(paths(explainers=rows, detector=places).config, 1, ["layers"])["wrong"]
    assert found.startswith("explainers.R: map: released lays tokens that are channels out as a square, and this")


def test_layers_are_looked_for_once_for_each_network(onnx, tmp_path, monkeypatch):
    """Only those that are named; an ONNX file has none, which is refused as such."""
    calls = []
    monkeypatch.setattr(own, "_tried", lambda _, __, keys: calls.append(keys) or {"wrong": [], "untried": []})
    meso = {"model": "meso4", "input_size": 256}
    for layers in ("last", "all", "block1", "block1", ["block1", "block2.conv"]):
        require_usable(paths(explainers={"Cam": CAM | {"layers": layers}}, detector=meso), tmp_path)
    assert calls == [["layers"], ["layers"]]
    require_usable(paths(explainers={"Renamed": CAM | {"layers": "block1"}, "LIME": LIME}, detector=meso), tmp_path)
    assert calls[2:] == [["layers"]]  # the row's name is in the message
    assert layers_of(paths(explainers={"Cam": CAM | {"layers": "block1"}}, detector=onnx).config) == {}
