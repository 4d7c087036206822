"""What a change reruns: exactly what depends on it, and nothing at all on the way back."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from advxai.run.store import read_attributes
from tests.workflow.conftest import ROOT, copy_of, snakemake, store

ROWS = ("LIME", "LIME_adv", "SHAP", "SOBOL", "RISE", "OwnGradient")
GROUPS = ("LIME", "SHAP", "SOBOL", "RISE", "OwnGradient")  # LIME_adv stands in LIME's figure
# What holds all rows: the run's own tables, figures and lists.
PROVENANCE = {("report_provenance", ""), ("report_page", "")}
FIGURES = ("accuracy", "explanations", "fillings_figure", "cost", "scorecard", "agreement")
WHOLE = {(f"report_{name}", "") for name in FIGURES}
COMMON = {(rule, "") for rule in ("tables_combined", "tables_left_out", "answer_tests", "report_fillings")}
COMMON |= WHOLE | PROVENANCE
# NES, and the figure of it.
ADVERSARY = {("adversary_shard", ""), ("report_nes", "")}


def planned(output: str) -> set[tuple[str, str]]:
    """(rule, row or figure) of every job of a dry run, without the targets that only collect."""
    jobs = set()
    for block in output.split("\n[")[1:]:
        rule = re.search(r"^(?:local)?rule (\w+):", block, re.MULTILINE)
        if rule and rule[1] not in ("all", "tables"):
            wildcards = re.search(r"^ +wildcards: .*?(?:explainer|figure)=(\w+)", block, re.MULTILINE)
            jobs.add((rule[1], wildcards[1] if wildcards else ""))
    return jobs


def explained(*rows: str, figures: tuple[str, ...] | None = None) -> set[tuple[str, str]]:
    """Maps of these rows are made, and all that is made of them."""
    return {("saliency_shard", row) for row in rows} | evaluated(*rows, figures=figures)


def evaluated(*rows: str, figures: tuple[str, ...] | None = None) -> set[tuple[str, str]]:
    """Rows are attacked, and all that is made of that; in the figures of these rows, unless others are named."""
    drawn = [row.removesuffix("_adv") for row in rows] if figures is None else figures
    found = {(rule, row) for rule in ("evaluation_shard", "tables_explainer") for row in rows}
    return found | {("report_figure", figure) for figure in drawn} | COMMON


TESTED = {("report_detector", ""), ("report_roc", "")}
EVERYTHING = explained(*ROWS) | TESTED | {("detector_metrics", "")} | ADVERSARY
# Every figure shows the adversarial copies.
COPIES = explained("LIME_adv", figures=GROUPS) | ADVERSARY
OTHERS = explained(*ROWS, figures=GROUPS) | ADVERSARY
FEWER = OTHERS | {("detector_called_fake", "")}
SAMPLED = {("frames_images", ""), ("frames_counterparts", "")}
# LIME and LIME_adv no longer differ in the baseline alone, so each has a figure.
APART = ("LIME", "LIME_adv")

MATRIX = {
    "LIME samples": ({"explainers": {"LIME": {"samples": 41}}}, explained("LIME", figures=APART)),
    "LIME_adv samples": ({"explainers": {"LIME_adv": {"samples": 41}}}, explained("LIME_adv", figures=APART)),
    "SHAP evaluations": ({"explainers": {"SHAP": {"evaluations": 21}}}, explained("SHAP")),
    "SOBOL grid": ({"explainers": {"SOBOL": {"grid": 3}}}, explained("SOBOL")),
    "RISE masks": ({"explainers": {"RISE": {"masks": 21}}}, explained("RISE")),
    "NES iterations of the adversary": ({"adversary": {"iterations": 4}}, COPIES),
    "sigma of the adversary": ({"adversary": {"sigma": 0.002}}, COPIES),
    "NES iterations of the evaluation": ({"evaluation": {"iterations": 3}}, evaluated(*ROWS)),
    "sigma of the evaluation": ({"evaluation": {"sigma": 0.002}}, evaluated(*ROWS)),
    "population": ({"evaluation": {"population": "all"}}, evaluated(*ROWS)),
    "LIME's second softmax": (
        {"explainers": {"LIME": {"softmax_again": False}}},
        explained("LIME", figures=APART),
    ),
    # The lists of images are others, so every shard is gone through; what is in the store is looked up.
    "images called fake": ({"frames": {"explain": "called_fake"}}, FEWER),
    # and neither the database nor the detector's metrics are made anew
    "another pass": ({"frames": {"passes": 2}}, OTHERS | SAMPLED),
    "protocol": ({"protocol": "corrected"}, FEWER),
    # what is called real is another question, of the same detector
    "threshold of the detector": ({"detector": {"threshold": 0.6}}, EVERYTHING),
    # which draws the frames of the passes, too
    "seed": ({"seed": 1}, EVERYTHING | {("detector_train", "")} | SAMPLED),
    "detector checkpoint": ({"detector": {"checkpoint": "other.safetensors"}}, EVERYTHING | {("detector_import", "")}),
    "explainer added": (
        {"explainers": {"New": {"method": "rise", "baseline": "blur", "masks": 8}}},
        explained("New"),
    ),
    "explainer removed": ({"explainers": {"OwnGradient": None}}, COMMON),
    "report setting": (
        {"report": {"dpi": 100}},
        {("report_figure", name) for name in GROUPS}
        | {("report_nes", ""), *TESTED, *WHOLE, *PROVENANCE},
    ),
    "number of cores": ({}, set()),
    "images at once, threads": ({"images_at_once": 5, "threads": {"faces": 2}}, PROVENANCE),
}  # fmt: skip


def merged(config: dict, changes: dict) -> dict:
    """A nested change; None takes a key out."""
    result = dict(config)
    for name, value in changes.items():
        if value is None:
            del result[name]
        elif isinstance(value, dict):
            result[name] = merged(result.get(name, {}), value)
        else:
            result[name] = value
    return result


def changed(folder: Path, changes: dict) -> Path:
    """The folder's configuration with some values changed, as a further file."""
    config = merged(yaml.safe_load((folder / "tiny.yaml").read_text()), changes)
    if config["detector"].get("checkpoint"):
        (trained,) = store(folder, "detector/*/detector.safetensors")
        config["detector"]["checkpoint"] = str(trained)
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.mark.parametrize(("changes", "expected"), MATRIX.values(), ids=MATRIX)
def test_exactly_what_depends_on_a_change_reruns(finished, changes, expected):
    done = snakemake(finished, "-n", "--cores", 1, "--configfile", changed(finished, changes))
    assert planned(done.stdout) == expected


def test_the_detector_s_target_notices_another_detector(finished):
    """Its metrics lie at the run's own path: it takes what is made at the detector's, too."""
    changes = {"detector": {"input_size": 40, "classes": ["Real", "Fake"], "output": "sigmoid"}}
    done = snakemake(finished, "-n", "detector", "--cores", 1, "--configfile", changed(finished, changes))
    assert {("detector_train", ""), ("detector_metrics", "")} <= planned(done.stdout)


def forwards(folder: Path) -> dict[str, int]:
    """Every shard of the store, and the images that its job has put through the detector."""
    shards = [path for path in store(folder, "*/*/*/*.h5") if path.parent.name == "tiny"]
    return {f"{path}@{path.stat().st_mtime_ns}": int(read_attributes(path)["images"]) for path in shards}


@pytest.fixture(scope="module")
def there_and_back(finished, tmp_path_factory):
    """Three values changed one after the other, each run for real up to the tables, each time back again: a copy of the
    finished run. (The report's jobs have forwards of their own, of one image, for the figure `fillings`.)"""
    folder = copy_of(finished, tmp_path_factory.mktemp("rerun"))
    steps = {}
    for name in ("RISE masks", "SOBOL grid", "explainer removed"):
        before = forwards(folder)
        there = snakemake(folder, "tables", "--cores", 2, "--configfile", changed(folder, MATRIX[name][0]))
        between = forwards(folder)
        back = snakemake(folder, "tables", "--cores", 2, "--configfile", folder / "tiny.yaml")
        steps[name] = (before, there.stdout, between, back.stdout, forwards(folder))
    return folder, steps


@pytest.mark.parametrize("name", ["RISE masks", "SOBOL grid", "explainer removed"])
def test_going_back_makes_no_forward(there_and_back, name):
    _, steps = there_and_back
    before, there, between, back, after = steps[name]
    assert planned(there) == {job for job in MATRIX[name][1] if not job[0].startswith("report_")}
    # The way there: new shards with forwards of their own (none where a row only goes), the old ones untouched.
    assert before.items() <= between.items()
    spent = sum(between.values()) - sum(before.values())
    assert spent > 0 if name != "explainer removed" else spent == 0
    # The way back: stable paths alone are written, and no forward was made, for no shard has changed.
    assert after == between
    combined = {"tables_explainer", "tables_combined", "tables_left_out", "answer_tests"}
    assert {rule for rule, _ in planned(back)} <= combined
    assert ("tables_combined", "") in planned(back)


def test_the_tables_are_the_first_ones_again(there_and_back, finished):
    folder, _ = there_and_back
    for path in sorted((finished / "results/tiny/tables").glob("*.csv")):
        assert (folder / "results/tiny/tables" / path.name).read_text() == path.read_text(), path.name


def test_a_comment_a_touch_and_another_environment_rerun_no_shard(finished, tmp_path):
    """The code is copied, comments and environments are changed; then shards and lists are touched."""
    folder = copy_of(finished, tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(ROOT / "Snakefile", code)
    for name in ("advxai", "rules", "scripts", "envs", "profiles"):
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*code.glob("scripts/*.py"), *code.glob("advxai/**/*.py"), *code.glob("envs/*.yaml")):
        path.write_text(path.read_text() + "\n# a comment\n")
    profile = ["--profile", code / "profiles/default"]
    arguments = ["-n", "--cores", 1, "--snakefile", code / "Snakefile", *profile, "--configfile", folder / "tiny.yaml"]
    assert planned(snakemake(folder, *arguments).stdout) == set()
    for path in (*store(folder, "detector/*/*"), *(folder / "results/tiny").rglob("frames/*")):
        if path.is_file():
            path.touch()
    heavy = {"faces_shard", "detector_train", "adversary_shard", "saliency_shard", "evaluation_shard", "corpus_clip"}
    assert not heavy & {rule for rule, _ in planned(snakemake(folder, *arguments).stdout)}


def test_a_shard_that_is_rerun_all_the_same_only_looks_up(finished, tmp_path):
    folder = copy_of(finished, tmp_path)
    before = {path: path.read_bytes() for path in store(folder, "saliency/LIME-*/tiny/*.h5")}
    target = [path.relative_to(folder) for path in before]
    snakemake(folder, "--cores", 2, "--configfile", folder / "tiny.yaml", "--forcerun", "saliency_shard", "--", *target)
    for path in before:
        said = read_attributes(path)
        assert (said["computed"], said["images"]) == (0, 0) and said["found"] == said["records"]
