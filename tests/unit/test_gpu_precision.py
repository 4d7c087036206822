"""`benchmarks.gpu.precision`: lower precisions against float32, by hand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from advxai.config import load
from advxai.config.file import read
from advxai.detector.model import Detector, Preprocessing
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.compared import (
    BF16,
    FLOAT32,
    SCALES,
    SEED,
    TF32,
    Measuring,
    Variant,
    Work,
    compare_copies,
    compare_flips,
    compare_rankings,
    compare_signs,
    config,
    segments_of,
    spearman,
    variants,
)
from benchmarks.gpu.pack import ROOT
from benchmarks.gpu.precision_text import section, text
from benchmarks.lowered import Own, Rounded, half, tf32

SIZE, HALF = 8, (0.5, 0.5, 0.5)


def test_tf32_keeps_ten_bits_and_rounds_ties_to_even():
    step = 2.0**-10
    given = torch.tensor([1.0, 1 + step, 1 + step / 2, 1 + 3 * step / 2, 1 + 0.51 * step, -(1 + 0.75 * step), 3e-3])
    wanted = torch.tensor([1.0, 1 + step, 1.0, 1 + 2 * step, 1 + step, -(1 + step), 0.0])
    wanted[-1] = round(3e-3 * 2**19) / 2**19  # 2^-9 <= 0.003 < 2^-8: steps of 2^-19
    before = given.clone()
    assert torch.equal(tf32(given), wanted)
    assert torch.equal(given, before)


def test_half_is_float16():
    assert half(torch.tensor([1 + 2.0**-12, 1e-9])).tolist() == [1.0, 0.0]


class Product(nn.Module):
    """A convolution by `weight` of pixels, then a linear layer by 1 + 2^-12."""

    def __init__(self, weight):
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 1, 1, bias=False), nn.Linear(1, 2, bias=False)
        self.convolution.weight.data[:] = torch.tensor([weight, 0, 0]).view(1, 3, 1, 1)
        self.head.weight.data[:] = 1 + 2.0**-12

    def forward(self, x):
        return self.head(self.convolution(x).mean(dim=(2, 3)))


def test_only_what_the_named_layers_multiply_is_rounded():
    fine = 1 + 2.0**-12  # TF32: 1
    images = torch.full((1, 3, 2, 2), fine)
    module = Product(fine)
    assert Rounded(module, tf32, layers=(nn.Conv2d,))(images)[0].tolist() == [fine] * 2
    assert Rounded(module, tf32)(images)[0].tolist() == [1.0] * 2
    assert Own(module, torch.float32, torch.contiguous_format)(images)[0, 0].item() == pytest.approx(fine**3, abs=1e-7)
    assert module.convolution.weight[0, 0, 0, 0] == fine  # a copy is rounded


def ranked(scores, ranking=None, **more):
    scores = np.array(scores, np.float32)
    order = np.argsort(-scores) if ranking is None else np.array(ranking)
    return {"scores": scores, "ranking": order, "missing": "", "target": 1} | more


def test_rankings_by_hand():
    ours = {"a": ranked([4, 3, 2, 1]), "b": ranked([4, 3, 2, 1]), "c": ranked([4, 3, 2, 1]), "d": ranked([1, 2, 3, 4])}
    theirs = {
        "a": ranked([3, 4, 2, 1], target=2),  # the first two change places: 1 - 6 * 2 / 60
        "b": ranked([4, 3, 1, 2]),  # the third is another
        "c": ranked([1, 2, 3, 4], missing="no face"),
        "d": ranked([1, 2, 3, 4]),
    }
    assert compare_rankings(ours, theirs) == {
        "images": 3,
        "top_1": 2,
        "top_3": 2,
        "kept": pytest.approx(8 / 3),
        "mean": pytest.approx((0.8 + 0.8 + 1) / 3),
        "least": pytest.approx(0.8),
        "targets": 1,
    }


def test_spearman_of_ties_and_of_constants():
    assert spearman(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 1
    assert spearman(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == 0
    # ranks 1.5, 1.5, 3 and 1, 2, 3: covariance 1.5 of variances 1.5 and 2
    assert spearman(np.array([0.0, 0.0, 5.0]), np.array([1.0, 2.0, 9.0])) == pytest.approx(1.5 / np.sqrt(3))


def test_signs_are_of_images_that_take_a_step_in_both():
    def step(moves, iterations=1):
        return {"steps": np.array(moves, np.int8), "iterations": iterations}

    ours = {"a": step([1, -1, 1, 1]), "b": step([1, 1, 1, 1]), "c": step([0, 0, 0, 0], 0)}
    theirs = {"a": step([1, -1, 1, -1]), "b": step([1, 1, 1, 1]), "c": step([1, 1, 1, 1])}
    assert compare_signs(ours, theirs) == {"images": 2, "least": 0.75, "median": 0.875}


class Bright(nn.Module):
    """Real, the first class, where the mean of a picture's pixels is above 0."""

    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([1000 * mean, 0 * mean], dim=1)


def judge():
    return Detector(Bright(), Preprocessing(SIZE, HALF, HALF), classes=("Real", "Fake"), forward_batch=2)


def grey(item):
    return np.full((SIZE, SIZE, 3), 120, np.uint8)  # a little below 0


def test_a_copy_that_float32_does_not_call_real_is_none():
    work = Work(config("quarter", "tf_efficientnet_lite0", 112), [{"key": key} for key in "abc"], grey, 1)

    def record(step, success, iterations):
        steps = np.full((1, SIZE, SIZE), step, np.int8)
        return {"steps": steps, "success": success, "iterations": iterations}

    theirs = {"a": record(40, True, 40), "b": record(2, True, 2), "c": record(0, False, 80)}
    ours = {"a": record(40, True, 40), "b": record(40, False, 80), "c": record(0, False, 80)}
    assert compare_copies(work, judge(), ours, theirs) == {
        "images": 3,
        "called_real": 2,
        "by_float32": 1,  # 2 steps of 1/255 leave it below 0 (120/255 is -0.059)
        "iterations": pytest.approx(122 / 3),
        "alike": 2,
        "as_long": 2,
    }


def test_segments_that_explainers_share_are_attacked_once():
    segments = np.repeat(np.arange(4), 4).reshape(4, 4)
    work = Work(config("quarter", "tf_efficientnet_lite0", 112), [{"key": "a", "sha256": ""}], grey, 1)
    maps = {
        name: {"a": {"segments": segments} | ranked([0] * 4, order)}
        for name, order in (("X", [0, 1, 2, 3]), ("Y", [0, 2, 1, 3]), ("Z", [3]))
    }
    attacks, by = segments_of(work, maps)  # Z ranks too few for a top 3
    assert [sorted(np.unique(segments[one["pixels"]]).tolist()) for one in attacks] == [[0], [0, 1], [0, 1, 2], [0, 2]]
    assert {k: len(masks) for k, masks in by.items()} == {1: 1, 2: 2, 3: 1}
    ours = dict.fromkeys([(one["key"], one["mask"]) for one in attacks], False)
    theirs = ours | {("a", attacks[1]["mask"]): True}
    assert compare_flips(by, ours, theirs)["2"] == {"attacks": 2, "flips": 1, "alike": 1}
    assert compare_flips(by, ours, theirs)["1"] == {"attacks": 1, "flips": 0, "alike": 1}


def test_tf32_is_emulated_on_a_cpu_alone():
    def like(precision):
        raise AssertionError("a CPU has no TF32")

    base = Detector(Product(1.5), Preprocessing(SIZE, HALF, HALF), classes=("Real", "Fake"), forward_batch=2)
    found = variants(base, like)
    assert list(found) == [FLOAT32, TF32, BF16, SEED]
    assert isinstance(found[TF32].detector.backend, Rounded) and found[BF16].detector.backend.dtype == torch.bfloat16
    assert found[FLOAT32].detector is found[SEED].detector is base
    assert [one.seed for one in found.values()] == [0, 0, 0, 1]


def test_scales_are_a_quarter_of_the_paper_s_and_the_demo_s():
    quarter, demo = config("quarter", "tf_efficientnet_lite0", 112), config("demo", "tf_efficientnet_lite0", 112)
    paper, own = load(read(ROOT / "config/ffpp.yaml")), load(read(ROOT / "config.yaml"))
    assert list(quarter.explainers)[:2] == ["LIME", "LIME_adv"] and set(SCALES) == {"quarter", "demo"}
    for name, key in (("LIME", "samples"), ("SHAP", "evaluations"), ("SOBOL", "design"), ("RISE", "masks")):
        assert 4 * getattr(quarter.explainers[name], key) == getattr(paper.explainers[name], key)
        assert getattr(demo.explainers[name], key) == getattr(own.explainers[name], key)
    assert quarter.adversary == paper.adversary and demo.adversary == own.adversary
    assert quarter.evaluation == demo.evaluation == own.evaluation


class Told:
    """Work whose outcomes are given."""

    def __init__(self, settings):
        self.settings, self.items, self.asked = settings, [], []

    def first_steps(self, variant):
        return {"a": {"steps": np.array([1, 1 - 2 * variant.seed]), "iterations": 1}}

    def copies(self, variant):
        return {"a": {"success": False, "iterations": 3, "seed": variant.seed}}

    def maps(self, row, variant, copies):
        self.asked.append((row, variant.seed, copies["a"]["seed"]))
        return {"a": ranked([3, 2, 1, 0])}

    def flips(self, variant, attacks):
        return {}


def test_maps_fill_with_float32s_copies_and_then_with_their_own():
    work, found = Told(config("demo", "tf_efficientnet_lite0", 112)), {}
    base = judge()
    measuring = Measuring(
        work, {FLOAT32: Variant(base), SEED: Variant(base, seed=1)}, Budget(100), found, lambda: json.dumps(found)
    )
    measuring.run()
    # row by row; with another seed SOBOL and SHAP change by their copies alone
    assert work.asked == [
        ("LIME", 0, 0), ("LIME", 1, 0), ("LIME_adv", 0, 0), ("LIME_adv", 1, 0), ("LIME_adv", 1, 1),
        ("SHAP", 0, 0), ("SHAP_adv", 0, 0), ("SHAP_adv", 1, 1), ("SOBOL", 0, 0), ("SOBOL_adv", 0, 0),
        ("SOBOL_adv", 1, 1), ("RISE", 0, 0), ("RISE", 1, 0), ("RISE_adv", 0, 0), ("RISE_adv", 1, 0), ("RISE_adv", 1, 1),
    ]  # fmt: skip
    assert found["variants"][SEED]["signs"] == {"images": 1, "least": 0.5, "median": 0.5}
    assert list(found["variants"][SEED]["maps"]) == [
        "LIME", "LIME_adv", "LIME_adv, own copies", "SHAP_adv, own copies", "SOBOL_adv, own copies", "RISE",
        "RISE_adv", "RISE_adv, own copies",
    ]  # fmt: skip
    assert found["variants"][SEED]["maps"]["LIME"]["top_3"] == 1


def test_what_float32_left_out_is_compared_with_nothing():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    clock, found = Clock(), {}
    budget = Budget(10, clock=clock)
    work, base = Told(config("demo", "tf_efficientnet_lite0", 112)), judge()
    clock.now = 11.0
    Measuring(work, {FLOAT32: Variant(base), TF32: Variant(base)}, budget, found, lambda: None).run()
    assert work.asked == [] and found["variants"] == {FLOAT32: {"maps": {}}, TF32: {"maps": {}}}
    assert ("", "tf32, first step", "float32's was left out", 0.0) in budget.left_out


def measured():
    signs = {"images": 2, "median": 0.9698, "least": 0.9034}
    attacks = {"images": 48, "called_real": 34, "by_float32": 33, "iterations": 10.77, "alike": 45, "as_long": 33}
    row = {"images": 48, "top_1": 46, "top_3": 44, "kept": 2.9, "mean": 0.99912, "least": 0.996, "targets": 1}
    one = {"signs": signs, "attacks": attacks, "maps": {"SOBOL": row}}
    flips = {str(k): {"attacks": 100 * k, "flips": 10 * k, "alike": 99 * k} for k in (1, 2, 3)}
    return {
        "scale": "demo",
        "adversary": config("demo", "tf_efficientnet_lite0", 112).adversary.model_dump(),
        "evaluation": config("demo", "tf_efficientnet_lite0", 112).evaluation.model_dump(),
        "model": "net",
        "size": 112,
        "images": ["a"] * 48,
        "called_real": 5,
        "forward_batch": 16,
        "emulated": True,
        "variants": {"float32": {"maps": {}}, "tf32": one | {"flips": flips}},
    }


def test_the_text_has_the_numbers_and_says_what_was_emulated():
    lines = list(section(measured()))
    assert "| tf32 (emulated) | 96.98% (90.34%) | 34 of 48 | 33 | 10.77 | 45 | 33 |" in lines
    assert "| SOBOL | 44 (46) of 48; 0.9991, 0.996 |" in lines
    assert "| tf32 (emulated) | 10 of 100; 99 | 20 of 200; 198 | 30 of 300; 297 |" in lines
    assert "Explanations of another class than float32's: tf32 (emulated) 1." in lines
    assert "| tf32 | 96.98% (90.34%) | 34 of 48 | 33 | 10.77 | 45 | 33 |" in section(measured() | {"emulated": False})


def test_the_stored_result_says_what_its_text_says():
    stored = json.loads((ROOT / "benchmarks/results/precision-maps.json").read_text())
    assert len(stored["precision"]["images"]) == 48
    assert text(stored) == (ROOT / "benchmarks/results/precision-maps.md").read_text()


def test_what_was_not_compared_has_no_row_and_no_table():
    little = measured()
    tf32 = little["variants"]["tf32"]
    variants = {
        "float32": {"maps": tf32["maps"], "signs": tf32["signs"], "flips": tf32["flips"]},
        "tf32": {"maps": {}, "signs": tf32["signs"]},
        "bfloat16": {"maps": {}},
    }
    said = "\n".join(section(little | {"variants": variants}))
    assert said.count("\n| ") == 4 and "| bfloat16" not in said  # head, rule and two rows of one table
    assert "Rankings" not in said and "Explanations" not in said and "Attacks on the top-k" not in said
