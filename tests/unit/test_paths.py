"""Where everything lies, and what people read."""

import json

import pytest

from advxai.common.errors import InputError
from advxai.run.digests import digest
from tests.unit.paths_data import CLIPS, paths


def test_explainers_that_differ_in_the_baseline_share_a_figure():
    assert paths().outputs.figure_groups == {
        "LIME": ["LIME", "LIME_adv"],
        "SHAP": ["SHAP", "SHAP_adv"],
        "SOBOL": ["SOBOL", "SOBOL_adv"],
        "RISE": ["RISE", "RISE_adv"],
    }


def test_figures_of_a_run_and_of_its_groups():
    drawn = {path.stem for path in paths().outputs.figures if path.suffix == ".png"}
    of_run = {"scorecard", "agreement", "accuracy", "explanations", "nes", "fillings", "cost", "detector", "roc"}
    assert drawn == {"LIME", "SHAP", "SOBOL", "RISE"} | of_run
    assert {path.stem for path in paths().outputs.figures if path.suffix == ".pdf"} == drawn
    plain = paths(explainers={"RISE": {"method": "rise", "baseline": "zeros"}})
    # no copies, no NES
    assert set(plain.outputs.run_figures) == of_run - {"nes"}


def test_tables_of_a_run():
    """Controls and ceilings have one of their own each; what isn't measured has none."""
    rows = {"RISE": {"method": "rise", "baseline": "zeros"}, "random": {"method": "random"}}
    measured = paths(explainers=rows).outputs
    names = [path.stem for path in measured.tables if path.suffix == ".csv"]
    combined = ["accuracy", "sufficiency", "cost", "flips"]
    assert names == ["RISE", "random", *combined, "metrics", "localisation", "scorecard", "tests"]
    assert {path.suffix for path in measured.tables} == {".parquet", ".csv", ".md", ".tex"}
    bare = paths(explainers=rows, metrics={}).outputs
    assert [path.stem for path in bare.tables if path.suffix == ".csv"] == [
        "RISE", "random", *combined, "scorecard", "tests",
    ]  # fmt: skip
    assert [path.stem for path in bare.figures if path.suffix == ".png"][:3] == ["RISE", "scorecard", "agreement"]


def test_a_note_tells_the_budgets_behind_what_is_shown():
    assert "Segment attacks: NES" in paths().outputs.note() and "Adversarial copies: NES" in paths().outputs.note()
    assert "Segment attacks" not in paths().outputs.note(attacks=False)
    rise = paths().outputs.note("RISE")
    assert "Adversarial copies" not in rise and "RISE: baseline zeros, masks 4000" in rise


def test_params_say_what_a_folder_was_made_from(tmp_path):
    mine = paths(results=str(tmp_path))
    mine.saliency("LIME_adv").describe()
    said = json.loads((mine.saliency("LIME_adv").path / "params.json").read_text())
    assert said["params"]["baseline"] == {"kind": "adversarial"} and said["params"]["samples"] == 2000
    assert said["params"]["adversary"] == mine.adversary.path.name.removeprefix("nes-")
    assert said["made_from"] == [f"detector/{mine.detector.path.name}", f"adversary/{mine.adversary.path.name}"]
    assert "LIME_adv" in said["holds"] and mine.saliency("LIME_adv").path.name == f"LIME_adv-{said['digest']}"


def test_every_folder_is_named_by_the_digest_of_its_params():
    folders = list(paths().folders)
    assert len(list(paths().folders_of_images)) == 2 + 4 + 1 + 8 + 1 + 8 + 3 + 8
    clips = 2 + 1 + 3 + 1 + 3 + 1 + 3  # crops, scores, and of three rows maps, attacks and measures; no copies
    assert len({folder.path for folder in folders}) == len(folders) == 2 + 4 + 1 + 8 + 1 + 8 + 3 + 8 + clips
    assert all(folder.path.name.endswith(f"-{digest(folder.params)}") for folder in folders)


def test_two_files_of_one_name_in_a_package_are_two_files():
    other = CLIPS[1] | {"source": CLIPS[0]["source"] | {"file": "elsewhere/one.mp4", "sha256": "1" * 64}}
    own = paths(corpus={"kind": "demo", "clips": [CLIPS[0], other]})
    first, second = (own.medium(clip.source) for clip in own.config.corpus.clips)
    assert first != second and first.parent == second.parent and {str(first), str(second)} <= set(own.media)
    assert own.packaged(str(second)).sha256 == "1" * 64
    with pytest.raises(InputError, match=r"media/p-1/other\.mp4: no medium of the configuration; it has .*one\.mp4"):
        own.packaged("results/store/media/p-1/other.mp4")


def test_a_folder_of_another_digest_is_refused():
    """It would be filled from this configuration."""
    own = paths()
    for folder, ask in (
        (own.saliency("LIME_adv"), lambda digest: own.copies_for("LIME_adv", digest, "0-of-1")),
        (own.evaluation("LIME"), lambda digest: own.maps_for("LIME", digest, "0-of-1")),
        (own.clip("one"), lambda digest: own.clip_source("one", digest)),
    ):
        ask(folder.digest)
        with pytest.raises(InputError) as error:
            ask("0" * 12)
        assert str(error.value).startswith(
            f"{str(folder.path).removesuffix(folder.digest)}000000000000 isn't of this configuration, whose own is "
            f"{folder.path}: ask for that, or give the configuration that the other is of"
        )
    assert own.copies_for("LIME", own.saliency("LIME").digest, "0-of-1") == []
    assert own.copies_for("LIME_adv", own.saliency("LIME_adv").digest, "0-of-1") == own.copies
