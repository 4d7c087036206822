"""`make gpu` and `make gpu-pack`: what of them computes nothing."""

import argparse
import json
import math
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import read
from advxai.config.kernels import Kernels
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.throughput import Rate
from advxai.detector.trials import Found as Measured
from advxai.plan.lengths import DECIDING
from advxai.plan.lengths import read as read_lengths
from advxai.run.digests.stages import attack_params
from benchmarks.cuda import Pair, compare_probabilities, correlation, faults, shaken
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import kernels as gpu_kernels
from benchmarks.gpu import run as running
from benchmarks.gpu.budget import TIME, Budget, grouped
from benchmarks.gpu.document import document
from benchmarks.gpu.kernels import at, combinations, fastest
from benchmarks.gpu.kernels import kernels as measure_kernels
from benchmarks.gpu.pack import BROUGHT, CONTENT, ROOT, WEIGHTS, evenly, opened, put_to_use
from benchmarks.gpu.packing import LENGTHS, copy_run, foreign, locked
from benchmarks.gpu.parts import SIZES, fitting, forwards
from benchmarks.gpu.summary import summary
from benchmarks.speed.projection import project
from benchmarks.speed.report import FFPP, report, slug
from benchmarks.speed.work import STAGES, Spec


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds
        return seconds


# budget


def test_work_is_begun_as_long_as_it_is_thought_to_fit():
    clock, said = Clock(), []
    budget = Budget(60, clock=clock, say=said.append)
    budget.part("rates", until=0.5)
    assert budget.take("first", lambda: clock.work(20)) == 20
    assert budget.take("second", lambda: clock.work(20), guess=15) is None
    assert budget.take("third", lambda: clock.work(5), guess=9) == 5
    assert budget.done == [("rates: first", 20), ("rates: third", 5)]
    assert budget.left_out == [("rates", "second", TIME, 15)]
    assert said[-1] == "  25 s  rates: third, 5.0 s"


def test_a_part_gets_what_the_one_before_it_did_not_need_and_none_of_the_next_ones():
    clock = Clock()
    budget = Budget(100, started=90.0, clock=clock)  # ten seconds went into starting
    budget.part("a", until=0.4)
    assert (budget.spent, budget.left) == (10, 30)
    budget.take("long", lambda: clock.work(45))
    assert budget.take("more", lambda: 1) is None
    assert budget.left_out == [("a", "more", TIME, 45)]
    budget.part("b", until=0.9)
    assert budget.left == 35


def test_a_piece_of_unknown_length_is_thought_to_take_what_those_before_it_took_on_average():
    clock = Clock()
    budget = Budget(100, clock=clock)
    budget.part("a", until=0.5)
    assert budget.take("first", lambda: clock.work(30)) == 30
    assert budget.take("second", lambda: clock.work(1)) is None  # 20 s are left
    assert budget.take("known", lambda: clock.work(4), guess=4) == 4
    assert budget.take("third", lambda: clock.work(1)) is None  # 16 s are left, (30 + 4) / 2 = 17 wanted
    budget.part("b", until=0.6)
    assert budget.take("of another part", lambda: clock.work(1)) == 1


def test_what_was_left_out_is_told_by_part_and_reason():
    left = [("maps", f"row {n}", TIME, 3.0 * n) for n in range(5)] + [("maps", "CAM", "captum isn't there", 0.0)]
    assert grouped([*left, ("raw", "net", TIME, 0.0)]) == [
        "maps: 5 for want of time (up to 12 s each): row 0; row 1; row 2; 2 more",
        "maps: 1 captum isn't there: CAM",
        "raw: 1 for want of time: net",
    ]


# pack


def test_without_a_pack_one_sentence_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "opened", lambda: opened(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gpu"])
    assert command.main() == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "make demo" in said and "make gpu-pack" in said


def packed(folder, **changes):
    content = {"commit": "abc", "crops": [{"key": "a.png", "sha256": "", "file": "crops/00.png"}]} | changes
    (folder / "crops").mkdir()
    for name in ("crops/00.png", WEIGHTS):
        (folder / name).write_bytes(b"")
    (folder / CONTENT).write_text(json.dumps(content))


def test_a_pack_lists_its_crops(tmp_path):
    packed(tmp_path)
    pack = opened(tmp_path)
    assert (pack.commit, [crop["key"] for crop in pack.crops], pack.weights.name) == ("abc", ["a.png"], WEIGHTS)
    assert pack.lengths is None  # a pack of before there were any


def test_a_pack_brings_lengths_of_attacks(tmp_path):
    packed(tmp_path, lengths={"measured": "x"})
    assert opened(tmp_path).lengths == {"measured": "x"}


def test_the_lengths_that_a_pack_brings_are_of_the_paper_s_settings():
    assert 0 < read_lengths(LENGTHS).expected(load(read(FFPP))).share < 1


def test_a_pack_that_lacks_something_is_named(tmp_path):
    packed(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(InputError, match=f"{WEIGHTS} is missing from the pack; delete"):
        opened(tmp_path)
    (tmp_path / CONTENT).write_text("{")
    with pytest.raises(InputError, match=f"{CONTENT}: can't be read"):
        opened(tmp_path)


def test_the_packs_packages_go_first_for_their_python_alone(tmp_path, monkeypatch):
    packed(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    pack = opened(tmp_path)
    put_to_use(pack, version=(3, 11))
    assert str(tmp_path / "packages") not in sys.path
    put_to_use(pack, version=(3, 12))
    assert sys.path[0] == str(tmp_path / "packages")


def test_what_is_missing_here_is_named(tmp_path, monkeypatch):
    packed(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "lmdb" else object())
    wanted = (
        r"is Python 3\.11 and lacks lmdb; .* for Python 3\.12 alone: set PYTHON=\.\.\. to a 3\.12 that has torch, .*saf"
    )
    with pytest.raises(InputError, match=wanted):
        put_to_use(opened(tmp_path), version=(3, 11))
    with pytest.raises(InputError, match=r"packages lacks lmdb: delete .* and run `make demo`"):
        put_to_use(opened(tmp_path), version=(3, 12))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "timm" else object())
    with pytest.raises(InputError, match=r"lacks timm, which aren't in the pack: .* a Python 3\.12 that has them"):
        put_to_use(opened(tmp_path), version=(3, 12))


def test_locked_entries_come_with_all_their_hashes():
    lock = "a==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\nlmdb==3.0 \\\n    --hash=sha256:2\nz==2\n"
    assert locked(lock, ["lmdb", "a"]) == (
        "a==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\nlmdb==3.0 \\\n    --hash=sha256:2\n"
    )
    for name in ("z", "absent"):  # no hash, not there
        with pytest.raises(InputError, match=f"pins no {name}"):
            locked(lock, [name])


def test_the_lock_pins_all_that_the_pack_brings():
    entries = locked((ROOT / "requirements.txt").read_text(), BROUGHT)
    assert sorted(line.partition("==")[0] for line in entries.splitlines() if "==" in line) == sorted(BROUGHT)


def test_compiled_modules_are_known_by_their_tags():
    right = ["x.cpython-312-x86_64-linux-gnu.so", "y.abi3.so", "z.py"]
    wrong = ["x.cpython-311-x86_64-linux-gnu.so", "x.cpython-312-aarch64-linux-gnu.so", "plain.so"]
    assert foreign(right + wrong) == wrong


def test_items_are_taken_evenly():
    assert evenly(range(10), 4) == [0, 2, 5, 7]
    assert evenly([1, 2], 24) == [1, 2]


def test_a_run_that_is_not_there_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"run config.yaml first, in this folder \(`make demo`\)"):
        copy_run(load(read(ROOT / "config.yaml")), "config.yaml", tmp_path / "pack")


# agreement


def test_what_differs_by_more_than_rounding_is_said():
    fine = {"images": 4, "difference": 1e-5, "same_top_3": 4, "apart": 0.0, "alone": True}
    good = {"probabilities": {"difference": 1e-7}, "explainers": {"LIME": fine}, "nes": {"least": 0.999}}
    assert faults(good) == faults({}) == []
    bad = {"images": 4, "difference": 2e-5, "same_top_3": 3, "apart": 1e-3, "alone": False}
    said = faults({"probabilities": {"difference": 1e-3}, "explainers": {"RISE": bad}, "nes": {"least": 0.998}})
    assert len(said) == 5
    assert said[2] == "RISE: 1 of 4 pictures have other top-3 segments, whose scores are up to 1.0e-03 apart"
    assert faults({"nes": {"least": float("nan")}})  # no comparison holds for it


def test_a_map_may_differ_by_what_rounding_explains_and_by_no_more():
    one = {"images": 4, "allowed": 3e-4, "difference": 2e-4, "same_top_3": 3, "apart": 2.5e-4, "alone": True}
    assert faults({"explainers": {"SOBOL_adv": one}}) == []
    for change, said in (
        ({"difference": 4e-4}, "SOBOL_adv: a map's value differs by 4.0e-04, more than 3.0e-04"),
        ({"apart": 4e-4}, "SOBOL_adv: 1 of 4 pictures have other top-3 segments, whose scores are up to 4.0e-04 apart"),
        ({"difference": float("nan")}, "SOBOL_adv: a map's value differs by nan, more than 3.0e-04"),
    ):
        assert faults({"explainers": {"SOBOL_adv": one | change}}) == [said]


class Sure:
    """Answers (1/4, 3/4) to everything."""

    device = torch.device("cpu")

    def forward(self, batch, rows):
        return torch.tensor([[0.25, 0.75]]).repeat(rows, 1)


def test_answers_are_shaken_in_their_logarithms_alike_in_every_run_and_each_by_itself():
    asked = [shaken(Sure(), 1e-3).forward(None, 2000) for _ in range(2)]
    assert torch.equal(*asked)
    assert asked[0].sum(dim=1).numpy() == pytest.approx(1)
    odds = (asked[0][:, 1] / asked[0][:, 0]).log() - math.log(3)
    assert odds.std() == pytest.approx(math.sqrt(2) * 1e-3, rel=0.1)  # two of 1e-3 each, independent
    assert abs(odds.mean()) < 2e-4
    twice = shaken(Sure(), 1e-3)
    assert not torch.equal(twice.forward(None, 5), twice.forward(None, 5))
    assert shaken(Sure(), 0.0).forward(None, 1).numpy() == pytest.approx(np.array([[0.25, 0.75]]))


class Unsure(nn.Module):
    """Logits 0 and 40 * mean - 10 + off: sure of white, 1, and unsure of white faded to a quarter."""

    def __init__(self, off):
        super().__init__()
        self.off = off

    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([0 * mean, 40 * mean - 10 + self.off], dim=1)


def test_probabilities_are_compared_where_the_detector_is_unsure_too():
    process = Preprocessing(4, (0.5,) * 3, (0.5,) * 3)
    cpu, other = (Detector(Unsure(off), process, classes=("Real", "Fake"), forward_batch=4) for off in (0.0, 0.1))
    pair = Pair([{"key": "a"}], lambda item: np.full((4, 4, 3), 255, np.uint8), cpu, other)
    compared = compare_probabilities(pair)
    assert compared["difference"] == pytest.approx(1 / (1 + math.exp(-0.1)) - 0.5, abs=1e-6)
    assert compared["spread"] == 0  # of the picture as it is
    # ln p(Real) differs by 0.1 of the first three, ln p(Fake) by nothing; of the last, at 0, by half of it in each
    assert compared["rounding"] == pytest.approx(math.sqrt((3 * 0.01 + 2 * 0.0025) / 8), rel=0.02)


def test_white_boxes_are_compared_by_correlation_and_may_swap_what_is_tied():
    fine = {
        "images": 4, "difference": 0.02, "alike": 0.9995, "same_top_3": 3, "apart": 0.01, "highest": 2.0, "alone": True
    }  # fmt: skip
    assert faults({"explainers": {"GradCAM": fine}}) == []
    for change, said in (
        ({"alike": 0.99}, "GradCAM: a picture's two maps are correlated by 0.9900, less than 0.999"),
        ({"apart": 0.02}, "GradCAM: 1 of 4 pictures have other top-3 segments, whose scores are up to 2.0e-02 apart"),
        ({"alone": False}, "GradCAM: a picture's map depends on which others are explained with it"),
    ):
        assert faults({"explainers": {"GradCAM": fine | change}}) == [said]
    one = np.arange(6.0).reshape(2, 3)
    assert correlation(one, 3 * one + 1) == pytest.approx(1) and correlation(one, -one) == pytest.approx(-1)
    assert correlation(one * 0, one * 0) == 1


# projection


def test_hours_are_images_times_forwards_over_the_rate():
    config = load(read(FFPP))
    rows = {
        row.name: row for row in project(config, dict.fromkeys(STAGES, 1000.0) | {"evaluation": 500.0}, images=3600)
    }
    # 23 iterations of 81, and one; 3600 s are an hour
    assert (rows["adversary"].forwards, rows["adversary"].hours) == (1864, pytest.approx(1.864))
    assert rows["LIME_adv"].hours == rows["SHAP"].hours == pytest.approx(2.001)
    assert (rows["SOBOL"].forwards, rows["RISE"].forwards) == (32 * 66 + 1, 4001)
    # eleven rows, top 1 to 3, 50 iterations of 81 and one each
    assert (rows["evaluation"].forwards, rows["evaluation"].hours) == (11 * 3 * 4051, pytest.approx(267.366))
    assert len(rows) == 13


def test_hours_as_attacks_come():
    """Copies of 10 iterations, attacks of 50, 40 and 30, of which a fifth is another row's."""
    config = load(read(FFPP))
    copies, segments = (
        {name: attack_params(settings)[name] for name in (*DECIDING, "iterations")}
        for settings in (config.adversary, config.evaluation)
    )
    attacks = [{"settings": segments, "ended": {str(mean): 1}, "cut_off": 0} for mean in (50, 40, 30)]
    lengths = {"measured": "x", "wanted": 10, "made": 8, "attacks": attacks}
    lengths["adversary"] = {"settings": copies, "ended": {"10": 1}, "cut_off": 0}
    found = project(config, dict.fromkeys(STAGES, 1000.0), images=3600, lengths=lengths)
    rows = {row.name: row for row in found}
    assert rows["adversary"].forwards == 811 and rows["LIME"].forwards == 2001
    assert rows["evaluation"].hours == pytest.approx(11 * 0.8 * (120 * 81 + 3) / 1000)
    assert rows["evaluation"].forwards == round(11 * 0.8 * 9723)
    without = project(config, dict.fromkeys(STAGES, 1000.0), lengths=lengths | {"adversary": None})
    assert without[0].forwards == 1864


def test_a_benchmark_that_is_stored_says_the_same_hours_as_ever():
    stored = json.loads((ROOT / "benchmarks/results/nvidia-h100-paper.json").read_text())
    assert "images would take one such process 51 hours" in report(stored)


def test_forwards_of_a_measurement():
    spec = Spec("stage", "tf_efficientnetv2_b0", 224, "cpu", 1, "adversary")
    assert forwards(spec, small=False) == 5 * 81 + 1
    assert forwards(spec, small=True) == 82
    assert forwards(Spec("stage", "tf_efficientnetv2_b0", 224, "cpu", 1, "RISE"), small=False) == 4001


# document


def test_a_devices_name_becomes_a_files():
    assert slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"
    assert slug("Intel(R) Xeon(R) CPU @ 2.20GHz") == "intel-r-xeon-r-cpu-2-20ghz"


def found(device="NVIDIA H100 80GB HBM3"):
    explainer = {
        "images": 24, "difference": 2e-6, "allowed": 1e-5, "largest": 1.0, "same_top_3": 24, "apart": 0.0, "alone": True
    }  # fmt: skip
    stage = {"seconds": 2.0, "forwards": 1.5, "images": 10000, "computed": 10240, "count": 24}
    pace = dict.fromkeys(STAGES, 5000.0)
    return {
        "command": "--device cuda",
        "device": device,
        "on": "cuda",
        "cpu": "a CPU",
        "threads": 1,
        "date": "2026-11-26",
        "commit": "abc",
        "versions": {"torch": "2.11.0"},
        "minutes": 6.0,
        "spent": 300.0,
        "model": "net",
        "sizes": {"images": 24, "attacks": 64, "held": None, "small": False},
        "failed": {},
        "left_out": [["rates", "RISE, batch 1024", TIME, 12.0]],
        "agreement": {
            "trained": {
                "images": 23,
                "called_real": 1,
                "probabilities": {"difference": 1e-7, "spread": 0.3},
                "nes": {"least": 0.9995, "mean": 0.9999},
                "explainers": {"LIME": explainer},
                "faults": [],
            }
        },
        "raw": {"net": [asdict(Rate("torch", 512, 8000.0, 0, True))]},
        "kernels": [
            asdict(Rate("inductor", 512, 11200.0, 1e-7, True, "float32", "contiguous", True)),
            asdict(Rate("inductor", 1024, 11300.0, 1e-7, True, "float32", "contiguous", True)),
            asdict(Rate("torch", 512, 16000.0, 1e-4, False, "tf32", "channels_last")),
        ],
        "fastest": {
            "backend": "inductor",
            "kernels": {"layout": "contiguous", "cudnn_benchmark": True},
            "rate": 11300.0,
        },
        "stages": {"512": dict.fromkeys(STAGES, stage), "64": {}},
        "projection": {"512": [vars(row) for row in project(load(read(FFPP)), pace)]},
        "expected": {
            "512": [vars(row) for row in project(load(read(FFPP)), pace, lengths=read_lengths(LENGTHS).content)]
        },
        "profile": {
            "batch": 512,
            "images": 64,
            "iterations": 2,
            "seconds": 1.0,
            "profiled": 1.25,
            "kind": "kernels",
            "total": 1.0,
            "rows": [{"name": "conv<a|b>" + "x" * 100, "calls": 7, "seconds": 0.25}],
        },
    }


def test_the_text_has_every_part_with_its_numbers():
    lines = document(found()).splitlines()
    assert "- Left out of rates: 1 for want of time (up to 12 s each): RISE, batch 1024." in lines
    assert "| LIME | 2.0e-06 | 1.0e-05 | 1 | 24 of 24 | yes |" in lines
    assert "- Agrees as far as it was compared: maps of 1 of 17 rows." in lines
    assert "| net | 8,000 |" in lines
    assert "| inductor, contiguous, cudnn_benchmark, float32 | 512 | 11,200 |" in lines
    assert "| torch, channels_last, float32 | 512 | 8,000 |" in lines
    assert "| torch, channels_last, tf32 | 512 | 16,000 * |" in lines
    # 10,000 in 2 s of 11,300 raw, 10,240 computed, beside the earlier trial's
    assert "| LIME | 5,000 (2.26); 1.024 | 7,165 at 512 |" in lines
    assert "| evaluation | 5,000 (2.26); 1.024 | - |" in lines
    (kernel,) = [line for line in lines if line.startswith("| `conv<a/b>")]
    assert kernel.endswith("...` | 7 | 250.0 | 25.0% |")
    hours = 5070 * (1864 + 4 * 2001 + 2 * 2001 + 3 * 2113 + 2 * 4001 + 133683) / 5000 / 3600
    assert f"| hours, segment attacks at their most | {hours:,.1f} |" in lines
    expected = sum(row["hours"] for row in found()["expected"]["512"])
    assert f"| hours, attacks as they come | {expected:,.1f} |" in lines and expected < hours


def test_the_first_trials_figures_are_an_h100s_alone():
    text = document(found("NVIDIA A100"))
    assert "earlier trial" in document(found()) and "earlier trial" not in text and "To be reached" not in text
    assert document(found()).count("To be reached") == 2
    assert "goal" not in text and document(found()).count("goal") == 2


def summed(**changes):
    return list(summary(found() | changes))


def test_the_summary_says_what_was_compared_and_how_fast_it_was():
    said = summed()
    assert said[2] == (
        "- **Agreement with the CPU**: agrees in all that was compared: maps of 1 of 36 rows, NES's first step with 1 "
        "of 2 detectors, probabilities of 1 of 4."
    )
    assert said[3] == (
        "- **Raw forwards**, net in float32: 11,300 images/s at batch 1024 by inductor, contiguous, cudnn_benchmark, "
        "float32, the fastest of 2 combinations; goal 11,000."
    )
    assert said[4] == (
        "- **NES**: 5,000 images/s at batch 512, by inductor, contiguous, cudnn_benchmark, float32; goal 10,000."
    )
    hours = 5070 * (1864 + 4 * 2001 + 2 * 2001 + 3 * 2113 + 2 * 4001 + 133683) / 5000 / 3600
    assert said[5].endswith(f"with attacks as they come, {hours:,.1f} with segment attacks at their most.")


def test_the_summary_of_little_says_so():
    said = summed(agreement={}, raw={}, kernels=[], stages={}, projection={}, expected={}, left_out=[])
    assert [line.partition("**: ")[2] or line.partition("float32: ")[2] for line in said[2:6]] == [
        "nothing was compared.",
        "not measured.",
        "not measured.",
        "not known, for not all stages were measured with one batch.",
    ]
    assert said[6] == "- Nothing was left out."
    assert "by torch, channels_last, float32, the only combination measured" in summed(kernels=[])[3]
    agreement = {"trained": found()["agreement"]["trained"] | {"faults": ["LIME: far off"]}}
    assert "DIFFERS in 1 (trained detector: LIME: far off); compared were" in summed(agreement=agreement)[2]


def test_one_combination_is_not_called_the_fastest():
    default = {"backend": "torch", "kernels": {}, "rate": 8000.0}
    alone = document(found() | {"raw": {}, "fastest": default, "kernels": found()["raw"]["net"]})
    assert "run with the only one measured in float32: torch, channels_last, float32." in alone
    assert "run with the fastest in float32: inductor" in document(found())


def test_parts_that_are_not_there_yet_are_left_out_of_the_text():
    later = ("raw", "kernels", "fastest", "stages", "projection", "expected", "profile")
    early = {name: value for name, value in found().items() if name not in later}
    text = document(early | {"failed": {"rates": "RuntimeError: no"}})
    assert "- **Failed**: rates: RuntimeError: no" in text and "## Raw" not in text


# the command


def test_a_part_that_fails_loses_no_other(monkeypatch, tmp_path, capsys):
    def agreement(found, save, *rest):
        found["agreement"] = {"random": {"images": 1, "called_real": 0, "explainers": {}, "faults": ["LIME: far off"]}}

    def fails(*rest):
        raise RuntimeError("out of luck\nmore")

    monkeypatch.setattr(running, "agreement", agreement)
    monkeypatch.setattr(running, "raw", fails)
    for part in ("kernels", "stages", "precision"):
        monkeypatch.setattr(running, part, lambda *rest: None)
    monkeypatch.setattr(running, "nes_profile", lambda found, save, *rest: found.update(profile=profile))
    monkeypatch.setattr(running, "processor", lambda: "A CPU (R)")
    packed(tmp_path)
    profile = found()["profile"]
    options = argparse.Namespace(device="cpu", minutes=1.0, threads=1, out=str(tmp_path / "out"))
    assert running.run(options, opened(tmp_path), started=0.0) == 1
    left = json.loads((tmp_path / "out/a-cpu-r.json").read_text())
    assert left["failed"] == {"raw": "RuntimeError: out of luck"}
    assert left["profile"] == profile and left["sizes"]["images"] == SIZES["cpu"].images
    text = (tmp_path / "out/a-cpu-r.md").read_text()
    assert "- Differs: LIME: far off." in text and "## NES by kernel" in text
    assert "Differs from the CPU: random detector: LIME: far off" in capsys.readouterr().err


# kernels


def test_combinations_are_tried_in_the_order_of_what_is_expected_of_them_and_only_where_they_can_be():
    gpu = [(one.backend, one.kernels, one.batches) for one in combinations("cuda", 512)]
    assert len(gpu) == len(set(gpu)) == 16
    assert [one[0] for one in gpu] == ["torch"] * 8 + ["inductor"] * 8
    assert gpu[0] == ("torch", Kernels(), (512,)) and gpu[2] == ("torch", Kernels("tf32"), (512,))
    assert gpu[8] == ("inductor", Kernels("float32", "contiguous", True), (512,))
    cpu = combinations("cpu", 16)
    assert {(one.backend, one.kernels) for one in cpu} == {
        (backend, Kernels(layout=layout))
        for backend in ("torch", "inductor")
        for layout in ("contiguous", "channels_last")
    }


def test_the_fastest_in_float32_of_which_no_row_depends_on_others_is_taken():
    rates = [
        Rate("torch", 512, 16000.0, 0, True, "tf32"),
        Rate("inductor", 512, 12000.0, 0, False, layout="contiguous"),
        Rate("torch", 512, 11000.0, 0, True, layout="contiguous", cudnn_benchmark=True),
    ]
    measured = {
        "kernels": [asdict(one) for one in rates],
        "raw": {"net": [asdict(Rate("torch", 1024, 9000.0, 0, True))]},
    }
    best = {"backend": "torch", "kernels": {"layout": "contiguous", "cudnn_benchmark": True}, "rate": 11000.0}
    assert fastest(measured, "net") == best
    assert fastest(measured | {"kernels": []}, "net") == {"backend": "torch", "kernels": {}, "rate": 9000.0}
    assert fastest({}, "net") == {"backend": "torch", "kernels": {}, "rate": None}
    spec = at(Spec("stage", "net", 224, "cuda", 1), {"fastest": best})
    assert (spec.backend, Kernels(**spec.kernels)) == ("torch", Kernels("float32", "contiguous", True))
    assert at(spec, {}) is spec


def test_what_is_refused_or_does_not_fit_is_left_out_with_its_sentence(monkeypatch):
    answers = {
        "inductor": Measured([], ["detector.backend: inductor can't take this model (no); set it to torch"]),
        "torch": Measured([Rate("torch", 16, 100.0, 0, True)], []),
    }
    monkeypatch.setattr(gpu_kernels, "installed", lambda device: ["torch", "inductor"])
    monkeypatch.setattr(gpu_kernels, "elsewhere", lambda settings, trials, seconds: answers[trials[0].backend])
    measured, budget, saved = {}, Budget(1000), []
    spec = Spec("raw", "tf_efficientnet_lite0", 112, "cpu", 1)
    measure_kernels(measured, lambda: saved.append(len(measured["kernels"])), budget, spec, (16, 8), 0.1, (0.5, 1.0))
    assert [one["rate"] for one in measured["kernels"]] == [100.0] * 3  # two layouts, and the best with the other batch
    assert measured["fastest"]["backend"] == "torch" and saved[-1] == 3
    assert len(budget.left_out) == 2
    assert budget.left_out[0] == (
        "compiled",
        "inductor, contiguous, float32, batch 16",
        "detector.backend: inductor can't take this model (no); set it to torch",
        0.0,
    )
    monkeypatch.setattr(gpu_kernels, "installed", lambda device: ["torch"])
    budget = Budget(1000)
    measure_kernels(measured, lambda: None, budget, spec, (16,), 0.1, (0.5, 1.0))
    assert budget.left_out[0][1:3] == (
        "inductor, contiguous, float32, batch 16",
        "what compiles for this device isn't here",
    )


def test_what_raw_forwards_have_measured_is_not_measured_again(monkeypatch):
    tried = []

    def elsewhere(settings, trials, seconds):
        tried.append(trials[0])
        return Measured([Rate(trials[0].backend, trials[0].batches[0], 50.0, 0, True, layout="contiguous")], [])

    monkeypatch.setattr(gpu_kernels, "installed", lambda device: ["torch"])
    monkeypatch.setattr(gpu_kernels, "elsewhere", elsewhere)
    default = [asdict(Rate("torch", batch, 100.0, 0, True)) for batch in (16, 8)]
    measured = {"raw": {"tf_efficientnet_lite0": default}}
    spec = Spec("raw", "tf_efficientnet_lite0", 112, "cpu", 1)
    measure_kernels(measured, lambda: None, Budget(1000), spec, (16, 8), 0.1, (0.5, 1.0))
    assert [(one.kernels.layout, one.batches) for one in tried] == [("contiguous", (16,))]
    assert measured["fastest"] == {"backend": "torch", "kernels": {}, "rate": 100.0}


def test_what_compiles_is_left_out_where_it_is_not_thought_to_fit_its_share(monkeypatch):
    monkeypatch.setattr(gpu_kernels, "installed", lambda device: ["torch", "inductor"])
    monkeypatch.setattr(gpu_kernels, "elsewhere", lambda *rest: Measured([Rate("torch", 16, 100.0, 0, True)], []))
    budget, measured = Budget(300, clock=Clock()), {}
    spec = Spec("raw", "tf_efficientnet_lite0", 112, "cpu", 1)
    measure_kernels(measured, lambda: None, budget, spec, (16,), 0.1, (0.4, 0.5))  # 150 s, of which it wants 160
    assert len(measured["kernels"]) == 2
    assert [one[::3] for one in budget.left_out] == [("compiled", 160.0)] * 2


# sizes


def test_few_minutes_take_fewer_faces_and_fakes_on_a_gpu():
    sizes = SIZES["cuda"]
    assert [(one.faces, one.compared) for one in map(sizes.within, (1, 4, 9, 20))] == [
        (4, 8), (6, 24), (14, 48), (24, 48)
    ]  # fmt: skip
    assert SIZES["cpu"].within(1) == SIZES["cpu"]


def test_as_many_images_are_explained_as_the_stages_have_time_for():
    spec = Spec("stage", "net", 224, "cuda", 1, forward_batch=512)
    model = "tf_efficientnetv2_b0"
    spec = replace(spec, model=model)
    rated = {"raw": {model: [{"forward_batch": 512, "rate": 1000.0}]}}
    # 1.5 * (2 * 64 attacks of 406, one of them of segments; 32 * (2001 + 2 * 2001 + 2113 + 4001)) / 1000 s
    counted = {stage: forwards(replace(spec, stage=stage), small=False) for stage in STAGES}
    maps = counted["LIME"] + 2 * counted["SHAP"] + counted["SOBOL"] + counted["RISE"]
    attacks = 64 * (counted["adversary"] + counted["evaluation"])
    whole, half = (1.5 * (attacks + images * maps) / 1000 for images in (32, 16))
    sizes = SIZES["cuda"]
    images = [fitting(rated, spec, sizes, left).images for left in (whole + 0.1, whole - 0.1, half - 0.1, 1)]
    assert images == [32, 16, 8, 8]
    assert fitting({}, spec, sizes, 1) == sizes
