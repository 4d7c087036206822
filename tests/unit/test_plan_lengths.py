"""What a plan expects of attacks by another run's (`plan.like`)."""

import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from advxai import plan
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.config import file, load
from advxai.plan.found import Held
from advxai.plan.lengths import DECIDING, Attacks, Lengths, expected, forwards, measured, read
from advxai.run.digests.stages import attack_params
from advxai.run.paths import Paths
from advxai.run.store import write_shard
from benchmarks.lengths import ROOT, configuration
from tests.unit.plan_data import NOTHING, demo, ffpp, manifest, rows_of, text

COPIES, SEGMENTS = (
    {name: attack_params(settings)[name] for name in (*DECIDING, "iterations")}
    for settings in (ffpp().adversary, ffpp().evaluation)
)


def lengths(**changes) -> Lengths:
    """At the paper's settings: copies of 10 iterations on average, attacks of 30, 20 and 22; three of four are made."""
    endings = ({10: 2}, 2), ({0: 1, 10: 1, 20: 1}, 1), ({0: 1, 10: 2, 40: 1}, 1)
    attacks = [Attacks(SEGMENTS, ended, cut_off) for ended, cut_off in endings]
    return replace(Lengths("the run other", Attacks(COPIES, {0: 1, 20: 1}, 0), attacks, 8, 6), **changes)


def written(folder, found: Lengths) -> str:
    path = folder / "lengths.json"
    path.write_text(json.dumps(found.content))
    return str(path)


def test_attacks_that_were_cut_off_are_cut_off_at_any_other_number_too():
    one = Attacks(SEGMENTS, {0: 2, 4: 1, 30: 1}, 2)  # of 50 allowed
    assert one.mean(50) == (4 + 30 + 50 + 50) / 6
    assert one.mean(20) == (4 + 20 + 20 + 20) / 6
    assert one.mean(80) == (4 + 30 + 80 + 80) / 6  # the most that it can be
    assert one.mean(50, fakes_alone=True) == (4 + 30 + 50 + 50) / 4
    assert Attacks(SEGMENTS, {0: 3}, 0).mean(50) == 0
    assert Attacks(SEGMENTS, {0: 3}, 0).mean(50, fakes_alone=True) == 50  # nothing was measured: all that is allowed
    assert one.unfinished == 2 / 6


def test_forwards_of_a_mean_length():
    settings = ffpp().evaluation
    assert forwards(settings, 50) == settings.forwards() == 4051
    assert forwards(settings, 2.5) == 2.5 * 81 + 1
    assert forwards(settings, 60) == 4051


def test_a_file_of_lengths_is_read_as_it_was_written(tmp_path):
    found = lengths()
    assert read(tmp_path.joinpath(written(tmp_path, found))) == found


def test_a_plan_expects_what_another_run_s_attacks_took(tmp_path):
    config = ffpp(plan={"like": written(tmp_path, lengths())})
    there = expected(config)
    assert (there.adversary, there.attacks, there.share, there.capped) == (10.0, (30.0, 20.0, 22.0), 0.75, 0.0)
    found, n = rows_of(config, store=replace(NOTHING, elsewhere=there)), 5600
    assert found["adversary"].forwards == n * (10 * 81 + 1)
    # 30, 20 and (0 + 10 + 10 + 40 + 50) / 5 iterations, of which another row makes a quarter
    assert found["evaluation RISE"].forwards == round(n * 0.75 * (72 * 81 + 3))
    assert (found["adversary"].most, found["evaluation RISE"].most) == (n * 6481, n * 3 * 4051)
    assert found["saliency LIME"].forwards == n * 2001
    # what the store itself has goes first; how much rows share it doesn't say
    own = replace(
        NOTHING,
        elsewhere=there,
        adversary=Held(forwards=100.0),
        evaluation=dict.fromkeys(config.explainers, Held(forwards=200.0)),
    )
    found = rows_of(config, store=own)
    assert found["adversary"].forwards == n * 100
    assert found["evaluation RISE"].forwards == n * 0.75 * 3 * 200


def test_of_images_called_fake_alone_those_called_real_are_not_expected(tmp_path):
    there = expected(ffpp(plan={"like": written(tmp_path, lengths())}, frames={"explain": "called_fake"}))
    assert (there.adversary, there.attacks) == (20.0, (30.0, 80 / 3, 27.5))


def test_more_segments_take_as_long_as_the_most_that_were_measured(tmp_path):
    there = expected(ffpp(plan={"like": written(tmp_path, lengths())}, evaluation={"top": 4, "iterations": 20}))
    assert there.attacks == (15.0, 12.5, 12.0, 12.0) and there.capped == 0.0


def test_attacks_cut_off_sooner_than_here_count_at_most_and_that_is_said(tmp_path):
    config = ffpp(plan={"like": written(tmp_path, lengths())}, evaluation={"iterations": 100})
    there = expected(config)
    assert there.attacks == (55.0, 32.5, (10 + 10 + 40 + 100) / 5)
    assert there.capped == pytest.approx((0.5 + 0.25 + 0.2) / 3)


def test_a_run_with_other_settings_of_nes_says_nothing(tmp_path):
    path = written(tmp_path, lengths())
    said = r"the run other was attacked with evaluation.alpha 0.00392, not 0.0157, evaluation.samples 40, not 4: such"
    with pytest.raises(InputError, match=said):
        expected(ffpp(plan={"like": path}, evaluation={"alpha": "4/255", "samples": 4}))
    with pytest.raises(InputError, match=r"adversary.samples 40, not 8: such lengths say nothing of this run's; name"):
        expected(ffpp(plan={"like": path}, adversary={"samples": 8}))
    # of copies that nobody asks for
    rows = {"LIME": {"method": "lime", "baseline": "zeros"}}
    assert expected(ffpp(plan={"like": path}, adversary={"samples": 8}, explainers=rows)).adversary is None
    # a delta that bounds nothing
    assert expected(ffpp(plan={"like": path}, evaluation={"delta": "20/255"})).attacks[0] == 30.0
    assert expected(ffpp()) is None


def test_without_copies_their_length_is_the_paper_s(tmp_path):
    config = ffpp(plan={"like": written(tmp_path, lengths(adversary=None))})
    store = replace(NOTHING, elsewhere=expected(config))
    assert rows_of(config, store=store)["adversary"].forwards == 5600 * 1864


@pytest.mark.parametrize(
    "content", ["{", "{}", "[]", '{"measured": "x", "adversary": null, "attacks": [], "wanted": 0, "made": 0}']
)
def test_a_file_that_holds_no_lengths_is_named(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(
        InputError, match=r"x.json can't be read as lengths of attacks .*: name a finished run's folder"
    ):
        expected(ffpp(plan={"like": f"{tmp_path}/x.json"}))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("made",), 9, "made 9 of 8 that were wanted"),
        (("made",), 0, "made: Input should be greater than or equal to 1"),
        (("made",), float("nan"), "made: Input should be a valid integer"),
        (("wanted",), -1, "wanted: Input should be greater than or equal to 1"),
        (("wanted",), True, "wanted: Input should be a number, not true or false"),
        (("measured",), None, "measured: Input should be a valid string"),
        (("more",), 1, "more: Extra inputs are not permitted"),
        (("attacks",), "abc", "attacks: Input should be a valid list"),
        (("adversary",), {}, "adversary.settings: Field required"),
        (("adversary", "ended"), {}, "adversary: no attacks"),
        (("attacks", 0, "cut_off"), None, "attacks.0.cut_off: Input should be a valid integer"),
        (("attacks", 1, "cut_off"), "45", "attacks.1.cut_off: Input should be a valid integer"),
        (("attacks", 2, "cut_off"), -999, "attacks.2.cut_off: Input should be greater than or equal to 0"),
        (("attacks", 0, "ended"), {"-5": 3}, "attacks.0.ended: -5 is no number of iterations"),
        (("attacks", 0, "ended"), {"05": 3}, "attacks.0.ended: 05 is no number of iterations"),
        (("attacks", 0, "ended"), {"5": -1}, "attacks.0.ended.5: Input should be greater than or equal to 0"),
        (("attacks", 0, "ended"), {"51": 1}, "attacks.0: ended after 51 iterations, of which settings allow 50"),
        (("attacks", 0, "settings", "iterations"), None, "attacks.0.settings.iterations: Input should be a valid"),
        (("attacks", 0, "settings", "iterations"), "50", "attacks.0.settings.iterations: Input should be a valid"),
        (("attacks", 0, "settings"), {"alpha": 0.1}, "attacks.0.settings: delta is missing"),
    ],
)
def test_what_cannot_be_lengths_is_refused_in_one_sentence_that_says_where(tmp_path, place, value, said):
    content = json.loads(json.dumps(lengths().content))
    part = content
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        expected(ffpp(plan={"like": str(path)}))
    assert str(caught.value).startswith(f"{path} can't be read as lengths of attacks ({said}")
    assert str(caught.value).endswith("or leave plan.like out") and "\n" not in str(caught.value)


def test_settings_of_all_attacks_are_compared(tmp_path):
    first, second, third = lengths().attacks
    other = replace(second, settings=second.settings | {"sigma": 0.5})
    path = written(tmp_path, lengths(attacks=[first, other, third]))
    with pytest.raises(InputError, match=r"evaluation.sigma 0.5, not 0.001: such"):
        expected(ffpp(plan={"like": path}))


def test_a_refusal_names_the_file_that_is_given_out_where_that_one_fits(tmp_path):
    first, second, third = lengths().attacks
    other = replace(second, settings=second.settings | {"sigma": 0.5})
    path = written(tmp_path, lengths(attacks=[first, other, third]))
    given = "name a run with the same settings, as the file config/demo-lengths.json has them, or leave plan.like out"
    with pytest.raises(InputError, match=rf"sigma 0.5, not 0.001: .*; {given}$"):
        expected(ffpp(plan={"like": path}))
    with pytest.raises(InputError, match="; name a run with the same settings, or leave plan.like out$"):
        expected(ffpp(plan={"like": path}, evaluation={"samples": 7}))
    with pytest.raises(
        InputError, match="^plan.like: the demo at .* evaluation.samples 40, not 7: .* same settings, or leave"
    ):
        expected(ffpp(plan={"like": "config/demo-lengths.json"}, evaluation={"samples": 7}))


def test_to_look_at_lengths_takes_no_torch():
    code = "import sys, advxai.plan.lengths; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_where_lengths_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = ROOT / "config/demo-lengths.json"
    assert expected(ffpp(plan={"like": "config/demo-lengths.json"})) == read(there).expected(ffpp())
    (tmp_path / "a b").mkdir()
    written(tmp_path / "a b", lengths())
    assert expected(ffpp(plan={"like": "a b/lengths.json"})).measured == "the run other"
    run = finished(demo(tmp_path)).run
    with pytest.raises(InputError, match=r"plan.like: .*/r/provenance.json is a file of a run's folder: name the f"):
        expected(ffpp(plan={"like": str(run / "provenance.json")}))
    for name in ("x" * 5000, "a\0b", "~/nowhere"):
        with pytest.raises(InputError, match="can't be read as lengths of attacks"):
            expected(ffpp(plan={"like": name}))


def finished(config) -> Paths:
    """A run of two images: both with a copy, one called real, and two rows of attacks on the top 1 and 2."""
    paths = Paths(config, planning=True)
    folders = [paths.adversary, paths.attacks, *map(paths.evaluation, config.explainers)]
    said = {
        "run": config.run,
        "config": config.model_dump(mode="json"),
        "detector": {"sha256": "w"},
        "folders": [{"folder": str(one.path.relative_to(paths.store)), "params": one.params} for one in folders],
    }
    paths.run.mkdir(parents=True, exist_ok=True)
    (paths.run / "provenance.json").write_text(json.dumps(said))
    copies = [("a", 3, True, "w"), ("b", 4, False, "w"), ("c", 1, True, "other")]
    names = ("key", "iterations", "success", "weights")
    write_shard(
        paths.adversary.path / config.run / "0-of-1.h5",
        [dict(zip(names, copy, strict=True), sha256="s") for copy in copies],
        {},
    )
    # iterations, whether it flipped, whether another row has made it
    attacks = {
        "LIME": {("a", 1): (2, False, False), ("a", 2): (1, True, False), ("b", 1): (2, True, False)},
        "Own": {("a", 1): (2, False, True), ("a", 2): (2, False, False)},
    }
    for name, of_row in attacks.items():
        rows = [
            {"explainer": name, "key": key, "sha256": "s", "k": k, "included": True, "called_real": False}
            | {"iterations": n, "flipped": flipped, "reused": reused, "weights": "w"}
            for (key, k), (n, flipped, reused) in of_row.items()
        ]
        real = rows[0] | {"key": "r", "called_real": True, "iterations": 0, "flipped": False, "reused": name == "Own"}
        left_out = rows[0] | {"key": "z", "included": False, "iterations": None, "flipped": None, "reused": None}
        frame = pd.DataFrame([*rows, real, left_out, rows[0] | {"weights": "other"}])
        frame = frame.astype({"iterations": "Int64", "flipped": "boolean", "reused": "boolean"})
        for shard in ("0-of-1", "0-of-2"):  # left behind by another number of shards
            parquet.write(frame, paths.evaluation(name).path / config.run / f"{shard}.parquet")
    return paths


def test_a_finished_run_s_lengths_are_those_of_its_records(tmp_path):
    config = demo(tmp_path)
    paths = finished(config)
    found = measured(paths.run)
    assert found.measured == "the run r (tf_efficientnetv2_b0 at 224 px, 3 images, 2 rows)"
    assert (found.adversary.ended, found.adversary.cut_off) == ({3: 1}, 1)
    first, second = found.attacks
    assert (first.ended, first.cut_off) == ({0: 2, 2: 1}, 2)
    assert (second.ended, second.cut_off) == ({1: 1}, 1)
    assert (found.wanted, found.made) == (7, 5)
    assert first.settings["iterations"] == 2 and found.adversary.settings["iterations"] == 4
    there = expected(demo(tmp_path, run="next", plan={"like": str(paths.run)}))
    assert (there.adversary, there.attacks, there.share) == (3.5, (6 / 5, 1.5), 5 / 7)
    assert expected(demo(tmp_path, run="next", plan={"like": "r"})) == there  # by its name


def test_the_store_s_look_has_them(tmp_path):
    config = demo(tmp_path)
    manifest(config)
    like = written(tmp_path, measured(finished(config).run))
    other = demo(tmp_path, run="next", results=f"{tmp_path}/others", plan={"like": like})
    store = plan.look(Paths(other, planning=True))
    assert store.elsewhere.share == 5 / 7 and plan.look(Paths(config, planning=True)).elsewhere is None


def test_a_run_that_is_not_there_or_has_no_attacks_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"nowhere can't be read as lengths of attacks \(No such file.*results/<run>"):
        expected(ffpp(plan={"like": f"{tmp_path}/nowhere"}))
    with pytest.raises(InputError, match=r"provenance.json can't be read \(No such file.*name a finished run's folder"):
        expected(ffpp(plan={"like": str(tmp_path)}))
    config = demo(tmp_path)
    paths = finished(config)
    for name in config.explainers:
        for path in (paths.evaluation(name).path / "r").glob("*"):
            path.unlink()
    with pytest.raises(InputError, match=r"plan.like: .*/store has no segment attacks of the run r: name a finished"):
        measured(paths.run)


def test_the_lengths_that_are_given_out_are_of_the_demo_explained_and_attacked_as_ffpp_is():
    settings = load(yaml.safe_load(configuration()))
    paper = load(file.read(ROOT / "config/ffpp.yaml"))
    assert settings.explainers == paper.of_kind("explainer") and len(settings.explainers) == 11
    assert (settings.adversary, settings.evaluation) == (paper.adversary, paper.evaluation)
    assert settings.detector == load(file.read(ROOT / "config.yaml")).detector and not settings.metrics
    there = read(ROOT / "config/demo-lengths.json").expected(paper)
    assert len(there.attacks) == 3 and 0 < there.adversary < 80 and 0 < there.share < 1


def test_the_text_says_on_what_it_rests(tmp_path):
    def said(found: Lengths, **changes) -> str:
        config = ffpp(plan={"like": written(tmp_path, found)}, **changes)
        return " ".join(text(config, 100.0, store=replace(NOTHING, elsewhere=expected(config))).split())

    flat = said(lengths())
    assert "adversary: expected are 10.0 NES iterations an image, as in the run other." in flat
    assert "evaluation: expected are 30.0, 20.0, 22.0 iterations of an attack on the top 1, 2, ... segments" in flat
    assert "Of the segment attacks 75% are expected to be made, as there: rows that rank" in flat
    assert "cut off sooner" not in flat and "neither is counted" not in flat and "paper's table 3" not in flat
    assert "32% of these were cut off sooner there, and count at most" in said(
        lengths(), evaluation={"iterations": 100}
    )
    assert "23 NES iterations an image; the paper's table 3" in said(lengths(adversary=None))
    assert "`plan.like` names a run whose attacks say more" in " ".join(text(ffpp(), 100.0).split())
