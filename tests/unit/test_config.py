"""The configuration: defaults of the paper, one-line errors, generated documents."""

import re
from pathlib import Path
from typing import get_args, get_origin

import pytest
import yaml
from pydantic import ValidationError

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.base import Model
from advxai.config.document import reference, schema
from advxai.config.kernels import Kernels
from advxai.config.science import Detector

ROOT = Path(__file__).parents[2]
PACKAGED = {"package": "p", "version": "1", "file": "a.mp4", "sha256": "0" * 64}
CLIP = {"name": "one", "first_id": 0, "source": {"path": "me.mp4"}, "splits": {"train": 2, "test": 2}}


def minimal(**keys):
    return {"run": "test", "corpus": {"kind": "demo", "clips": [CLIP]}, **keys}


def test_the_defaults_are_the_paper_s_settings():
    config = load(minimal())
    assert config.detector.model == "tf_efficientnetv2_b0"
    assert config.detector.input_size == 224
    nes = config.adversary
    assert (nes.alpha, nes.delta, nes.sigma, nes.samples, nes.iterations) == (1 / 255, 16 / 255, 0.001, 40, 80)
    assert (config.evaluation.samples, config.evaluation.iterations, config.evaluation.top) == (40, 50, 3)
    rows = config.explainers
    assert list(rows) == ["LIME", "LIME_adv", "SHAP", "SHAP_adv", "SOBOL", "SOBOL_adv", "RISE", "RISE_adv"]
    assert (rows["LIME"].samples, rows["SHAP"].evaluations, rows["RISE"].masks) == (2000, 2000, 4000)
    assert rows["SOBOL"].design * (rows["SOBOL"].grid ** 2 + 2) == 2112
    assert rows["LIME"].baseline.kind == "image_mean" and rows["LIME"].segmentation.image == "unit"
    assert (rows["SHAP"].baseline.size, rows["SOBOL"].baseline.size) == (128, 10)
    assert rows["RISE"].baseline.kind == "zeros" and rows["RISE"].segmentation.image == "normalised"
    assert all(rows[name].baseline.kind == "adversarial" for name in rows if name.endswith("_adv"))
    assert config.frames.per_video == 10 and config.faces.scale == 1.3 and config.faces.score == 0.95


def test_the_demo_is_valid():
    assert load(yaml.safe_load((ROOT / "config.yaml").read_text())).run == "demo"


def test_ffpp_s_file_holds_the_paper_s_settings_and_eleven_rows():
    """Each of the paper's rows is as the defaults have it; three more are other readings of LIME and SOBOL. Beside them
    stand two controls and a ceiling, one for each of the three segmentations."""
    given = yaml.safe_load((ROOT / "config/ffpp.yaml").read_text())
    config, paper = load(given), load(minimal())
    assert (config.adversary, config.evaluation) == (paper.adversary, paper.evaluation)
    assert {name: config.explainers[name] for name in paper.explainers} == paper.explainers
    further = {name: row for name, row in config.of_kind("explainer").items() if name not in paper.explainers}
    assert {name: row.published for name, row in further.items()} == {
        "LIME_segment_mean": "LIME",
        "LIME_released": "LIME",
        "SOBOL_released": "SOBOL",
    }
    assert further["LIME_segment_mean"].baseline.kind == "segment_mean"
    released = further["LIME_released"]
    assert (released.baseline.kind, released.segmentation.algorithm) == ("adversarial", "quickshift")
    assert further["SOBOL_released"].baseline.kind == "zeros"
    assert (config.faces.stride, config.faces.several, config.frames.per_video) == (23, "skip_video", 10)
    assert (config.detector.model, config.detector.input_size) == ("tf_efficientnetv2_b0", 224)
    segmentations = ("unit", "quickshift_unit", "normalised")
    for kind, methods in (("control", ("random", "centre")), ("ceiling", ("oracle_mask",))):
        assert set(config.of_kind(kind)) == {f"{method}_{one}" for method in methods for one in segmentations}


def row(**entry):
    return minimal(explainers={"Row": {"method": "lime", "baseline": "zeros", **entry}})


def test_null_of_the_command_line_is_none_where_none_may_be():
    detector = {"checkpoint": "null", "mean": "null", "training": {"initial_weights": "null", "patience": "null"}}
    config = load(minimal(detector=detector, scratch="null"))
    assert config.detector.checkpoint is config.detector.mean is config.scratch is None
    assert config.detector.training.initial_weights is config.detector.training.patience is None
    with pytest.raises(InputError, match="detector.input_size = 'null'"):
        load(minimal(detector={"input_size": "null"}))
    assert load(minimal(run="null")).run == "null"


def test_passes_take_the_place_of_per_video_s_default():
    frames = load(minimal()).frames
    assert (frames.per_video, frames.passes, frames.most) == (10, None, 10)
    for given in ({"passes": 3}, {"passes": "3"}, {"passes": 3, "per_video": None}, {"passes": 3, "per_video": "null"}):
        frames = load(minimal(frames=given)).frames
        assert (frames.per_video, frames.passes, frames.most) == (None, 3, 3)
    for given in ({"per_video": 4, "passes": None}, {"per_video": 4, "passes": "null"}):
        assert load(minimal(frames=given)).frames.most == 4
    for given in ({}, {"passes": 3}):  # what is said in full is the same again
        config = load(minimal(frames=given))
        assert load(config.model_dump()) == config
    corrected = load(minimal(protocol="corrected", frames={"passes": 2})).frames
    assert (corrected.most, corrected.explain) == (2, "called_fake")


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (
            {"per_video": 10, "passes": 3},
            "frames: `per_video` and `passes` exclude each other: take one of them out, or set it to null",
        ),
        ({"per_video": None}, "frames: `per_video` and `passes` can't both be null: set one of them"),
        ({"passes": 0}, "frames.passes = 0: input should be greater than or equal to 1"),
    ],
)
def test_frames_are_sampled_by_one_rule(frames, sentence):
    with pytest.raises(InputError) as error:
        load(minimal(frames=frames))
    assert str(error.value) == f"config: {sentence}"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (minimal(sead=3), ["sead", "no such key", "config/reference.yaml"]),
        (minimal(adversary={"sigmaa": 1}), ["adversary.sigmaa", "no such key"]),
        (row(samples=-5), ["explainers.Row.samples", "-5", "greater than or equal to 2"]),
        (row(method="limee"), ["explainers.Row.method", "limee", "lime, shap, sobol, rise", "module:Class"]),
        (row(method="no_such_module:Thing"), ["no_such_module", "PYTHONPATH"]),
        (row(baseline="gray"), ["explainers.Row.baseline.kind", "gray", "segment_mean", "adversarial"]),
        (row(grid=3), ["explainers.Row.grid", "no such key"]),
        (
            minimal(explainers={"accuracy": {"method": "lime", "baseline": "zeros"}}),
            ["accuracy", "taken by a table or figure"],
        ),
        (minimal(explainers={"NES": {"method": "lime", "baseline": "zeros"}}), ["NES", "taken by a table or figure"]),
        (minimal(explainers={"a b": {"method": "lime", "baseline": "zeros"}}), ["a b", "letters"]),
        (minimal(explainers={"S": {"method": "sobol", "baseline": "zeros", "design": 12}}), ["design", "power of two"]),
        (minimal(adversary={"alpha": "one"}), ["adversary.alpha", "one", "1/255"]),
        (minimal(detector={"training": {"keep": "last", "patience": 2}}), ["detector.training", "patience: null"]),
        (minimal(detector={"device": "tpu"}), ["detector.device", "tpu", "'cpu' or 'cuda'"]),
        ({"run": "x"}, ["corpus", "required"]),
        ({"run": "x", "corpus": {"kind": "ffpp", "root": "a"}}, ["corpus.splits", "required"]),
        ({"run": "x", "corpus": {"kind": "ffpp"}, "frames": {"lmdb": "a"}}, ["frames", "lmdb", "manifest"]),
        (
            minimal(frames={"lmdb": "a", "manifest": "b"}),
            ["frames.lmdb", "`corpus: {kind: ffpp}`", "the demo's clips say nothing of its images"],
        ),
        (minimal(protocol="fixed"), ["protocol", "fixed", "'paper' or 'corrected'"]),
        (row(published="GRAD"), ["explainers.Row.published", "GRAD", "LIME_adv"]),
        (minimal(run="a/b"), ["run", "a/b"]),
        ({"run": "x", "corpus": {"kind": "demo", "clips": [CLIP, CLIP]}}, ["one", "given twice"]),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP, CLIP | {"name": "two", "first_id": 3}]}},
            ["two and one", "003", "first_id"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP | {"splits": {"train": 3}}]}},
            ["corpus.clips.0.splits.train", "3", "multiple of 2"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP | {"source": {"package": "p"}}]}},
            ["corpus.clips.0.source", "`path`"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP, CLIP | {"name": "two", "first_id": 30}]}},
            ["corpus.clips", "two and one", "same file", "one split would be in another"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP | {"source": PACKAGED | {"file": "../a.mp4"}}]}},
            ["corpus.clips.0.source", "'../a.mp4'", "inside an archive"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP | {"source": PACKAGED | {"file": "/a.mp4"}}]}},
            ["corpus.clips.0.source", "'/a.mp4'", "inside an archive"],
        ),
        (
            {"run": "x", "corpus": {"kind": "demo", "clips": [CLIP | {"source": PACKAGED | {"package": "a/b"}}]}},
            ["corpus.clips.0.source", "without /"],
        ),
    ],
)
def test_errors_name_key_value_and_what_is_allowed(mapping, words):
    with pytest.raises(InputError) as error:
        load(mapping)
    message = str(error.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ({"images_at_once": True}, "images_at_once"),
        ({"seed": False}, "seed"),
        ({"plan": {"rate": True}}, "plan.rate"),
        ({"evaluation": {"alpha": True}}, "evaluation.alpha"),
        ({"detector": {"training": {"epochs": True}}}, "detector.training.epochs"),
        ({"detector": {"mean": [0.5, True, 0.5]}}, "detector.mean.1"),
        ({"explainers": {"LIME": {"method": "lime", "baseline": "zeros", "samples": True}}}, "explainers.LIME.samples"),
        ({"video": {"explainers": {"A": {"method": "lime3d", "samples": True}}}}, "video.explainers.A.samples"),
    ],
)
def test_true_and_false_are_no_numbers(mapping, place):
    said = rf"config: {re.escape(place)} = (True|False): input should be a number, not true or false$"
    with pytest.raises(InputError, match=said):
        load(minimal(**mapping))


def test_whole_numbers_may_be_written_as_before_and_switches_as_numbers():
    config = load(minimal(images_at_once=3.0, seed="7", evaluation={"project": 1}, detector={"threads": 2}))
    assert (config.images_at_once, config.seed, config.evaluation.project) == (3, 7, True)
    own = {"method": "tests.custom:GradientTimesInput", "baseline": "zeros", "params": {"a": True}}
    assert load(minimal(explainers={"Own": own})).explainers["Own"].params == {"a": True}


def test_no_path_of_lengths_is_the_current_folder():
    with pytest.raises(InputError, match=r"config: plan.like = '': string should have at least 1 character"):
        load(minimal(plan={"like": ""}))


def test_fractions_are_numbers():
    assert load(minimal(adversary={"alpha": "2/255"})).adversary.alpha == 2 / 255


def test_numbers_as_text_are_numbers():
    """YAML 1.1 takes 1e-3 for text."""
    given = minimal(adversary={"alpha": "1e-3", "delta": "16 / 255", "sigma": "2.5"})
    assert yaml.safe_load("1e-3") == "1e-3"
    nes = load(given).adversary
    assert (nes.alpha, nes.delta, nes.sigma) == (1e-3, 16 / 255, 2.5)


def models(kind=Model):
    yield kind
    for child in kind.__subclasses__():
        yield from models(child)


def kinds(annotation) -> set:
    """Every type within an annotation, such as float in `tuple[Number, Number, Number] | None`."""
    parts = get_args(annotation)
    return {annotation}.union(*map(kinds, parts)) if parts else {annotation}


NUMERIC = [
    (kind, name, field.annotation)
    for kind in dict.fromkeys(models())
    if kind.__module__.startswith("advxai.")
    for name, field in kind.model_fields.items()
    if kinds(field.annotation) & {int, float}
]
NO_NUMBERS = [
    float("inf"),
    float("-inf"),
    float("nan"),
    "inf",
    "nan",
    "1e400",
    "1e999999999",
    "1/0",
    10**400,
    -(10**400),
]


def test_the_numeric_fields_are_found():
    names = {f"{kind.__name__}.{name}" for kind, name, _ in NUMERIC}
    assert {
        "Nes.sigma",
        "Detector.mean",
        "Plan.rate",
        "Faces.score",
        "Rise.p1",
        "Config.seed",
        "Clip.first_id",
    } <= names
    assert len(names) > 60


@pytest.mark.parametrize(
    ("kind", "name", "annotation"), NUMERIC, ids=[f"{kind.__name__}.{name}" for kind, name, _ in NUMERIC]
)
def test_every_numeric_key_refuses_what_is_no_finite_number(kind, name, annotation):
    """The errors of the other, missing keys are not looked at."""
    several = tuple in map(get_origin, [annotation, *get_args(annotation)])
    for value in NO_NUMBERS:
        with pytest.raises(ValidationError) as caught:
            kind.model_validate({name: [1.0, value, 1.0] if several else value})
        assert [error["loc"][:1] for error in caught.value.errors() if error["type"] != "missing"] == [(name,)], value


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"adversary": {"sigma": float("inf")}}, "adversary.sigma = inf: input should be a finite number"),
        (
            {"adversary": {"sigma": "1e400"}},
            "adversary.sigma = '1e400': is neither a finite number nor a fraction such as 1/255",
        ),
        (
            {"plan": {"rate": "1/" + "9" * 5000}},
            f"plan.rate = '1/{'9' * 197}...: is neither a finite number nor a fraction such as 1/255",
        ),
        (
            {"evaluation": {"alpha": 10**5000}},
            "evaluation.alpha = 0x31e20801036510f3c5...: input should be a valid number",
        ),
        ({"evaluation": {"samples": 2**63}}, f"evaluation.samples = {2**63}: input should be less than 2^63"),
        (
            {"detector": {"std": [1, "nan", 1]}},
            "detector.std.1 = 'nan': is neither a finite number nor a fraction such as 1/255",
        ),
        ({"faces": {"score": float("nan")}}, "faces.score = nan: input should be a finite number"),
        (
            {"explainers": {"Row": {"method": "lime", "baseline": {"kind": "noise", "std": float("nan")}}}},
            "explainers.Row.baseline.std = nan: input should be a finite number",
        ),
    ],
)
def test_what_is_no_finite_number_is_one_line(mapping, sentence):
    with pytest.raises(InputError) as error:
        load(minimal(**mapping))
    assert str(error.value) == f"config: {sentence}"


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"x": float("inf")}, "x = inf"),
        ({"x": [1, {"y": float("nan")}]}, "x.1.y = nan"),
        ({"a": {"b": [0, 1.5, float("-inf")]}}, "a.b.2 = -inf"),
    ],
)
def test_params_of_an_explainer_of_the_user_s_own_are_finite(params, place):
    with pytest.raises(InputError) as error:
        load(row(method="tests.custom:Occlusion", params=params))
    assert str(error.value) == f"config: explainers.Row.params.{place}: input should be a finite number"
    fine = {"x": [1, {"y": 1e300}], "text": "1e400", "many": 10**400, "no": None}
    assert load(row(method="tests.custom:Occlusion", params=fine)).explainers["Row"].params == fine


@pytest.mark.parametrize(("name", "made"), [("schema.json", schema), ("reference.yaml", reference)])
def test_documents_are_as_generated(name, made):
    assert (ROOT / "config" / name).read_text() == made(), "run `make docs`"


def test_the_reference_s_defaults_are_valid():
    keys = yaml.safe_load(reference())
    keys["run"], keys["corpus"] = "test", minimal()["corpus"]
    assert load(keys) == load(minimal())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"precision": "tf32"}, "precision tf32 is of NVIDIA's GPUs; set precision: float32, or device: cuda"),
        ({"cudnn_benchmark": True}, "cudnn_benchmark is for a GPU; take it out, or set device: cuda"),
        (
            {"layout": "contiguous", "backend": "openvino"},
            "layout is for the backends torch and inductor (openvino has its own); take it out",
        ),
        (
            {"device": "cuda", "backend": "openvino"},
            "backend openvino computes on a CPU; set backend: torch, or device: cpu",
        ),
    ],
)
def test_kernels_that_a_device_or_backend_has_not_are_refused(given, said):
    with pytest.raises(ValidationError, match=re.escape(said)):
        Detector(**given)


def test_another_device_has_no_kernels_of_the_gpu_s():
    gpu = Detector(device="cuda", precision="tf32", cudnn_benchmark=True, layout="contiguous", backend="inductor")
    assert gpu.kernels == Kernels("tf32", "contiguous", True)
    assert gpu.on("cuda") == gpu
    assert gpu.on("cpu") == Detector(layout="contiguous", backend="inductor")
    assert Detector(backend="onnxruntime").on("cuda") == Detector(device="cuda")


@pytest.mark.parametrize(("given", "device", "held"), [(None, "cpu", 8), (None, "cuda", 64), (3, "cuda", 3)])
def test_a_gpu_has_more_images_in_work_unless_it_is_said_how_many(given, device, held):
    mapping = {"run": "a", "corpus": {"kind": "ffpp", "root": ".", "splits": "."}, "detector": {"device": device}}
    assert load(mapping | {"images_at_once": given}).at_once == held
