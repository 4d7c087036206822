"""Digests: what a changed setting moves, and what it doesn't."""

import importlib.metadata
import json
from hashlib import sha256
from pathlib import Path

import pytest

from advxai.beforehand import check
from advxai.common.errors import InputError
from advxai.config import load, protocol
from advxai.run.digests import VERSIONS, digest
from advxai.run.paths import Paths

DIGEST = "0" * 64


def clip(name: str, first_id: int, **splits) -> dict:
    source = {"package": "p", "version": "1", "file": f"{name}.mp4", "sha256": DIGEST}
    return {"name": name, "first_id": first_id, "source": source, "splits": splits}


def paths(**changes) -> Paths:
    clips = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]
    return Paths(load({"run": "a", "corpus": {"kind": "demo", "clips": clips}} | changes))


def folders(of: Paths) -> dict[str, Path]:
    """Of every stage and of every explainer's row."""
    stages = ("faces", "detector", "predictions", "adversary", "attacks")
    found = {name: getattr(of, name).path for name in stages}
    for stage in ("saliency", "evaluation"):
        found |= {f"{stage} {name}": getattr(of, stage)(name).path for name in of.config.explainers}
    return found


def moved(before: Paths, after: Paths) -> set[str]:
    """Stages, and rows of explainers, whose folder is another one."""
    one, other = folders(before), folders(after)
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


ROWS = tuple(paths().config.explainers)
ADVERSARIAL = tuple(name for name in ROWS if name.endswith("_adv"))


def of(stages: str, names: tuple[str, ...] = ROWS) -> set[str]:
    return {f"{stage} {name}" for stage in stages.split() for name in names}


def entry(name: str, **changes) -> dict:
    rows = {row: settings.model_dump() for row, settings in paths().config.explainers.items()}
    return {"explainers": rows | {name: rows[name] | changes}}


CLIPS = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]


DETECTOR = {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")


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
        (
            {"detector": {"training": {"epochs": 3}}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"detector": {"backend": "openvino"}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        (
            {"detector": {"device": "cuda"}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
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
        # What can't act moves nothing: a delta of steps that are smaller, without `project`.
        ({"adversary": {"delta": "8/255"}}, set()),
        ({"evaluation": {"delta": 1}}, set()),
        ({"adversary": {"delta": 0.001}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL)),
        ({"detector": {"training": {"augment": True, "jpeg": 60}}}, DETECTOR),
        ({"detector": {"training": {"keep": "last"}}}, DETECTOR),
        ({"detector": {"training": {"keep": "best"}}}, set()),
        ({"detector": {"training": {"patience": 18}}}, DETECTOR),
        ({"detector": {"training": {"patience": 19}}}, set()),  # of 20 epochs
    ],
)
def test_a_change_moves_what_depends_on_it(changes, expected):
    assert moved(paths(), paths(**changes)) == expected


LEARNT = {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")


RAISED = {
    "clip": LEARNT,
    "faces": {"faces"} | LEARNT,
    "detector": LEARNT,
    "predictions": {"predictions"},
    "adversary": {"adversary"} | of("saliency evaluation", ADVERSARIAL),
    "saliency": of("saliency evaluation"),
    "attacks": {"attacks"} | of("evaluation"),
    "evaluation": of("evaluation"),
}


@pytest.mark.parametrize("stage", VERSIONS)
def test_a_raised_version_moves_its_stage_and_what_reads_it(monkeypatch, stage):
    before, clip_before = folders(paths()), paths().clip("one").path
    monkeypatch.setitem(VERSIONS, stage, VERSIONS[stage] + 1)
    after = folders(paths())
    assert {name for name in before if before[name] != after[name]} == RAISED[stage]
    assert (paths().clip("one").path != clip_before) == (stage == "clip")


def test_the_seed_moves_what_draws_from_it_with_an_imported_detector_too(tmp_path):
    (tmp_path / "weights").write_bytes(b"")
    seeds = [paths(seed=seed, detector={"checkpoint": str(tmp_path / "weights")}) for seed in (0, 1)]
    found = moved(*seeds)
    assert {"adversary", "attacks"} | of(
        "saliency", tuple(name for name in ROWS if name[:4] in ("LIME", "RISE"))
    ) <= found
    assert not found & {"faces", "detector", "predictions"}


def test_a_digest_does_not_depend_on_the_order_of_the_parameters():
    """Nor on anything else but their values: it is the same for ever, or a store would be lost."""
    one, other = {"a": 1, "b": {"c": None, "d": [0.5, "x"]}}, {"b": {"d": [0.5, "x"], "c": None}, "a": 1}
    assert digest(one) == digest(other) == "971b4c2a3fc2" != digest(one | {"a": 2})


def test_a_setting_of_another_baseline_moves_nothing():
    changed = entry("RISE", baseline={"kind": "zeros", "size": 64, "std": 0.5})
    assert moved(paths(), paths(**changed)) == set()


def test_a_number_of_segments_that_the_algorithm_doesn_t_take_moves_nothing():
    for algorithm, expected in (("quickshift", set()), ("slic", of("saliency evaluation", ("LIME",)))):
        one, other = (
            paths(**entry("LIME", segmentation={"algorithm": algorithm, "n_segments": number})) for number in (50, 60)
        )
        assert moved(one, other) == expected


@pytest.mark.parametrize("medium", ["face_mesh", "model"])
def test_another_model_of_faces_is_another_corpus(medium):
    """Both models that clips are made with, by the bytes of their files."""
    other = {"package": "p", "version": "1", "file": "f", "sha256": "1" * 64}
    corpus = {"kind": "demo", "clips": CLIPS}
    changed = paths(corpus=corpus | {"face_mesh": other}) if medium == "face_mesh" else paths(faces={"model": other})
    assert changed.clip("one").path != paths().clip("one").path and LEARNT <= moved(paths(), changed)


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
        check(absent)
    message = str(error.value)
    lines = message.splitlines()
    assert lines[0] == "config: this is missing:" and all(line.startswith("  - ") for line in lines[1:])
    keys = [line.removeprefix("  - ").partition(": ")[0] for line in lines[1:]]
    assert keys == ["corpus.splits"] * 3 + ["corpus.compression"] + ["corpus.categories"] * 4 + ["detector.checkpoint"]
    assert "test.json" in message and "no.ckpt" in message and "set it to null" in lines[-1]
    assert message.count("ondyari/FaceForensics") >= 8  # where to get it


def test_a_detector_trained_on_ffpp_is_known_by_what_it_learns_from(tmp_path):
    """The files of its train and validation videos, by their bytes; not that of the test videos."""
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.json").write_text("[]")
    corpus = {"kind": "ffpp", "root": str(tmp_path), "splits": str(tmp_path), "categories": ["Deepfakes", "FaceSwap"]}

    def detector(**changes) -> Path:
        return Paths(load({"run": "a", "corpus": corpus | changes})).detector.path

    first = detector()
    assert detector(categories=["FaceSwap", "Deepfakes"]) == first
    assert len({first, detector(categories=["Deepfakes"]), detector(compression="c40"), detector(root="/other")}) == 4
    for split, moves in (("test", False), ("train", True), ("val", True)):
        before = detector()
        (tmp_path / f"{split}.json").write_text("[[]]")
        assert (detector() != before) == moves


def test_planning_needs_no_data(tmp_path):
    config = {"kind": "ffpp", "root": str(tmp_path / "no"), "splits": str(tmp_path / "no.csv")}
    absent = load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": "no.ckpt"}})
    with pytest.raises(InputError, match=r"no\.ckpt"):
        Paths(absent).detector  # noqa: B018
    assert Paths(absent, planning=True).detector.params["checkpoint"] == "absent"
    there = tmp_path / "there.ckpt"
    there.write_bytes(b"weights")
    present = load({"run": "ffpp", "corpus": config, "detector": {"checkpoint": str(there)}})
    known = {Paths(present, planning=planning).detector.params["checkpoint"] for planning in (True, False)}
    assert known == {sha256(b"weights").hexdigest()}


@pytest.mark.parametrize("columns", ["", " split"])
def test_a_plan_looks_where_the_run_puts_things(tmp_path, columns):
    """With a list of images of one's own, with a column of splits or without; splits say what is trained on."""
    listed, rest = tmp_path / "list.csv", {"corpus": paths().config.corpus.model_dump()}
    config = load({"run": "a", "frames": {"manifest": str(listed)}} | rest)
    Paths(config, planning=True).detector  # noqa: B018 - a list that isn't there yet is no error
    found = []
    for image in ("a.png 1 3", "b.png 1 3"):
        listed.write_text(f"relative_path bin_label mc_label{columns}\n{image}{columns and ' train'}\n")
        plan, real = folders(Paths(config, planning=True)), folders(Paths(config))
        assert plan == real
        found.append(real["detector"])
    if columns:
        assert found[0] != found[1]


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


def test_a_delta_counts_where_the_total_is_projected():
    """`project` keeps the sum of the steps within it, however small they are."""
    before = {"adversary": {"project": True}}
    after = {"adversary": {"project": True, "delta": "8/255"}}
    assert "adversary" in moved(paths(**before), paths(**after))


def test_detectors_that_were_trained_before_a_key_came_keep_their_digest():
    assert "keep" not in paths().detector_params["training"]
    assert paths(detector={"training": {"keep": "last"}}).detector_params["training"]["keep"] == "last"


def test_settings_of_an_augmentation_that_is_off_move_nothing():
    off = {"detector": {"training": {"augment": False}}}
    other = {"detector": {"training": {"augment": False, "jpeg": 60, "blur": 0.5}}}
    assert moved(paths(**off), paths(**other)) == set()
    assert moved(paths(), paths(**off)) == DETECTOR


ENGINES = {
    "Plain": {"method": "shap", "baseline": "blur"},
    "Library": {"method": "shap", "baseline": "blur", "engine": "library"},
    "Noisy": {"method": "sobol", "baseline": "noise"},
    "SOBOL": {"method": "sobol", "baseline": "zeros"},
    "SOBOL_adv": {"method": "sobol", "baseline": "adversarial"},
    "RISE": {"method": "rise", "baseline": "zeros"},
    "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
}


def test_a_seed_moves_only_what_draws(tmp_path):
    """With an imported detector, whose weights no seed has made."""
    (tmp_path / "own.pth").write_bytes(b"weights")
    own = {"detector": {"checkpoint": str(tmp_path / "own.pth")}, "explainers": ENGINES}
    drawing = ("Library", "Noisy", "SOBOL_adv", "RISE", "Own")
    expected = {"adversary", "attacks"} | of("saliency", drawing) | of("evaluation", tuple(ENGINES))
    assert moved(paths(**own), paths(**own, seed=1)) == expected


def test_a_clip_s_name_seeds_its_manipulations_so_the_detector_depends_on_it():
    renamed = {"corpus": {"kind": "demo", "clips": [CLIPS[0] | {"name": "other"}, CLIPS[1]]}}
    assert moved(paths(), paths(**renamed)) == DETECTOR


OWN = """
class Own: pass
def net(num_classes): pass
"""


@pytest.fixture
def own_code(tmp_path, monkeypatch) -> Path:
    file = tmp_path / "advxai_own_code.py"
    file.write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return file


def test_changed_code_of_an_explainer_moves_its_maps(own_code):
    rows = {"explainers": {"Own": {"method": "advxai_own_code:Own", "baseline": "zeros"}, "SOBOL": ENGINES["SOBOL"]}}
    before = paths(**rows)
    assert before.saliency("Own").params["module"] == "advxai_own_code"
    assert moved(before, paths(**rows)) == set()
    before.require_same_code()
    own_code.write_text(OWN.replace("pass", "x = 1", 1))
    assert moved(before, paths(**rows)) == of("saliency evaluation", ("Own",))
    with pytest.raises(InputError, match="the code of advxai_own_code was edited while this job was starting: run"):
        before.require_same_code()


def test_changed_code_of_a_detector_moves_all_that_it_answers(own_code):
    own = {"detector": {"model": "advxai_own_code:net"}}
    before = paths(**own)
    assert moved(before, paths(**own)) == set()
    own_code.write_text(OWN + "# changed\n")
    assert moved(before, paths(**own)) == DETECTOR
    own_code.unlink()
    importlib.invalidate_caches()
    with pytest.raises(InputError, match="detector.model: the module 'advxai_own_code' can't be found: put its folder"):
        _ = paths(**own).detector.path


def test_an_installed_explainer_s_code_is_that_of_its_entry_point(own_code, monkeypatch):
    point = importlib.metadata.EntryPoint("own", "advxai_own_code:Own", "advxai.explainers")
    chosen = lambda **wanted: [point] if wanted.get("name", "own") == "own" else []  # noqa: E731
    monkeypatch.setattr("advxai.config.explainers.entry_points", chosen)
    rows = {"explainers": {"Own": {"method": "own", "baseline": "zeros"}}}
    before = paths(**rows)
    assert before.saliency("Own").params["module"] == "advxai_own_code"
    own_code.write_text(OWN + "# changed\n")
    assert moved(before, paths(**rows)) == of("saliency evaluation", ("Own",))


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


@pytest.mark.parametrize(
    ("header", "detector", "expected"),
    [("", {}, True), (" split", {}, False), ("", {"checkpoint": "own.pth"}, False)],
)
def test_a_list_without_splits_may_not_name_what_is_learnt(tmp_path, header, detector, expected):
    """One with splits is part of the detector's digest; of a checkpoint nobody knows what it was trained on."""
    listed = tmp_path / "list.csv"
    listed.write_text(f"relative_path bin_label mc_label{header}\n")
    own = paths(frames={"manifest": str(listed)}, detector=detector)
    assert own.unlearnt is expected
    if not detector:
        assert (own.detector.path != paths().detector.path) is bool(header)
    assert paths().unlearnt is False
