"""Digests: what a changed setting moves, and what it doesn't."""

import json
from pathlib import Path

import pytest

from advxai.config import load, protocol
from advxai.digests import digest
from advxai.errors import InputError
from advxai.paths import Paths

DIGEST = "0" * 64


def clip(name: str, first_id: int, **splits) -> dict:
    source = {"package": "p", "version": "1", "file": f"{name}.mp4", "sha256": DIGEST}
    return {"name": name, "first_id": first_id, "source": source, "splits": splits}


def paths(**changes) -> Paths:
    clips = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]
    return Paths(load({"run": "a", "corpus": {"kind": "demo", "clips": clips}} | changes))


def moved(before: Paths, after: Paths) -> set[str]:
    """Stages, and rows of explainers, whose folder is another one."""
    stages = ("faces", "detector", "predictions", "adversary", "attacks")
    found = {name for name in stages if getattr(before, name).path != getattr(after, name).path}
    for stage in ("saliency", "evaluation"):
        rows = [n for n in before.config.explainers if n in after.config.explainers]
        found |= {f"{stage} {n}" for n in rows if getattr(before, stage)(n).path != getattr(after, stage)(n).path}
    return found


ROWS = tuple(paths().config.explainers)
ADVERSARIAL = tuple(name for name in ROWS if name.endswith("_adv"))


def of(stages: str, names: tuple[str, ...] = ROWS) -> set[str]:
    return {f"{stage} {name}" for stage in stages.split() for name in names}


def entry(name: str, **changes) -> dict:
    rows = {row: settings.model_dump() for row, settings in paths().config.explainers.items()}
    return {"explainers": rows | {name: rows[name] | changes}}


CLIPS = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"run": "b", "shards": 7, "images_at_once": 3, "threads": {"faces": 4}}, set()),
        ({"frames": {"per_video": 3}, "results": "results"}, set()),
        (entry("LIME", samples=100), of("saliency evaluation", ("LIME",))),
        (entry("SOBOL_adv", grid=4), of("saliency evaluation", ("SOBOL_adv",))),
        ({"adversary": {"iterations": 5}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL)),
        ({"evaluation": {"iterations": 5}}, {"attacks"} | of("evaluation")),
        ({"evaluation": {"top": 2}}, of("evaluation")),
        ({"report": {"dpi": 300}, "cases": {"weights": False}, "prune": {"delete": True}}, set()),
        ({"detector": {"forward_batch": 32}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        ({"detector": {"threads": 2}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        (
            {"detector": {"input_size": 128}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        (
            {"corpus": {"kind": "demo", "clips": [*CLIPS, clip("three", 8, test=2)]}},
            set(),  # a further test clip retrains nothing and moves nothing
        ),
        (
            {"corpus": {"kind": "demo", "clips": [*CLIPS, clip("three", 8, train=2)]}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"seed": 1}, {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")),
        ({"faces": {"masks": False, "batch": 3}}, set()),
        (
            {"faces": {"frames_per_video": 5}},
            {"faces", "detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        # Each fix of `protocol: corrected` alone, then all.
        ({"frames": {"explain": "called_fake"}}, set()),
        ({"evaluation": {"population": "all"}}, of("evaluation")),
        *(
            ({"adversary": {switch: value}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL))
            for switch, value in protocol.NES.items()
        ),
        *(({"evaluation": {switch: value}}, {"attacks"} | of("evaluation")) for switch, value in protocol.NES.items()),
        (entry("LIME", softmax_again=False), of("saliency evaluation", ("LIME",))),
        (entry("SHAP", segmentation={"image": "unit"}), of("saliency evaluation", ("SHAP",))),
        (entry("RISE", draw="uniform"), of("saliency evaluation", ("RISE",))),
        (entry("RISE_adv", divide_by="coverage"), of("saliency evaluation", ("RISE_adv",))),
        ({"protocol": "corrected"}, {"adversary", "attacks"} | of("saliency evaluation")),
        (entry("LIME", published=None), set()),
    ],
)
def test_a_change_moves_what_depends_on_it(changes, expected):
    assert moved(paths(), paths(**changes)) == expected


def test_a_setting_of_another_baseline_moves_nothing():
    changed = entry("RISE", baseline={"kind": "zeros", "size": 64, "std": 0.5})
    assert moved(paths(), paths(**changed)) == set()


def test_explainers_that_differ_in_the_baseline_share_a_figure():
    assert paths().figure_groups == {
        "LIME": ["LIME", "LIME_adv"],
        "SHAP": ["SHAP", "SHAP_adv"],
        "SOBOL": ["SOBOL", "SOBOL_adv"],
        "RISE": ["RISE", "RISE_adv"],
    }


def test_figures_of_a_run_and_of_its_groups():
    drawn = {path.stem for path in paths().figures if path.suffix == ".png"}
    assert drawn == {"LIME", "SHAP", "SOBOL", "RISE", "accuracy", "explanations", "nes", "fillings", "cost", "detector"}
    assert {path.stem for path in paths().figures if path.suffix == ".pdf"} == drawn
    plain = paths(explainers={"RISE": {"method": "rise", "baseline": "zeros"}})
    assert plain.run_figures == ["accuracy", "explanations", "fillings", "cost", "detector"]  # no copies, no NES


def test_a_note_tells_the_budgets_behind_what_is_shown():
    assert "Segment attacks: NES" in paths().note() and "Adversarial copies: NES" in paths().note()
    assert "Segment attacks" not in paths().note(attacks=False)
    rise = paths().note("RISE")
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
    assert len({folder.path for folder in folders}) == len(folders) == 2 + 3 + 1 + 8 + 1 + 8
    assert all(folder.path.name.endswith(f"-{digest(folder.params)}") for folder in folders)


def test_the_corpus_has_a_seed_of_its_own():
    """Another seed of the run explains the same images; another one of the corpus makes others."""
    again = paths(seed=1)
    assert again.clip("one").path == paths().clip("one").path
    other = paths(corpus={"kind": "demo", "clips": CLIPS, "seed": 1})
    assert other.clip("one").path != paths().clip("one").path and other.faces.path == paths().faces.path


def test_what_ffpp_lacks_is_said_in_one_message(tmp_path):
    config = {"kind": "ffpp", "root": str(tmp_path), "splits": str(tmp_path / "splits")}
    (tmp_path / "manipulated_sequences/Deepfakes/c23/videos").mkdir(parents=True)
    (tmp_path / "ff.ckpt").write_bytes(b"")
    absent = Paths(load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": str(tmp_path / "no.ckpt")}}))
    with pytest.raises(InputError) as error:
        absent.check()
    message = str(error.value)
    lines = message.splitlines()
    assert lines[0] == "config: this is missing:" and all(line.startswith("  - ") for line in lines[1:])
    keys = [line.removeprefix("  - ").partition(": ")[0] for line in lines[1:]]
    assert keys == ["corpus.splits"] * 3 + ["corpus.compression"] + ["corpus.categories"] * 4 + ["detector.checkpoint"]
    assert "test.json" in message and "no.ckpt" in message and "set it to null" in lines[-1]
    assert message.count("ondyari/FaceForensics") >= 8  # where to get it


def test_planning_needs_no_data(tmp_path):
    config = {"kind": "ffpp", "root": str(tmp_path / "no"), "splits": str(tmp_path / "no.csv")}
    absent = load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": "no.ckpt"}})
    with pytest.raises(InputError, match=r"no\.ckpt"):
        Paths(absent).detector  # noqa: B018
    assert Paths(absent, planning=True).detector.params["checkpoint"] == "absent"


def test_a_clip_of_one_s_own_is_known_by_its_bytes(tmp_path):
    mine = tmp_path / "me.mp4"
    clips = [{"name": "me", "first_id": 0, "source": {"path": str(mine)}, "splits": {"test": 2}}]

    def folder() -> Path:
        return paths(corpus={"kind": "demo", "clips": clips}).clip("me").path

    with pytest.raises(InputError, match=r"me\.mp4"):
        folder()
    mine.write_bytes(b"one")
    first = folder()
    mine.write_bytes(b"two")
    assert folder() != first
