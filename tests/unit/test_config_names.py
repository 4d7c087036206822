"""Names of the user's own, which become names of files and folders, and lists of names."""

import re
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.config import NOT_RUNS, load
from advxai.config.base import one_of

ROOT = Path(__file__).parents[2]
ZEROS = {"method": "lime", "baseline": "zeros"}
CLIP = {"name": "one", "first_id": 0, "source": {"path": "me.mp4"}, "splits": {"train": 2, "test": 2}}
OTHER = CLIP | {"first_id": 10, "source": {"path": "you.mp4"}}


def minimal(**keys):
    return {"run": "test", "corpus": {"kind": "demo", "clips": [CLIP]}, **keys}


def corpus(**keys):
    return {"corpus": {"kind": "demo", "clips": [CLIP]} | keys}


ASCII = "may hold the letters A to Z, digits and _ only, a letter first"
ROW = "may hold the letters A to Z, digits, _ and + only, a letter first"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"explainers": {"Größe": ZEROS}}, f"explainers: the row name 'Größe' {ROW}"),
        ({"explainers": {"LIME²": ZEROS}}, f"explainers: the row name 'LIME²' {ROW}"),
        ({"explainers": {"": ZEROS}}, f"explainers: the row name '' {ROW}"),
        ({"explainers": {"a/b": ZEROS}}, f"explainers: the row name 'a/b' {ROW}"),
        ({"explainers": {"+": ZEROS}}, f"explainers: the row name '+' {ROW}"),
        ({"run": "demo++"}, f"run = 'demo++': {ASCII}"),
        ({"explainers": {"L" * 101: ZEROS}}, f"explainers: the row name '{'L' * 101}' may have 100 characters at most"),
        (
            {"explainers": {"Lime": ZEROS, "other": ZEROS, "LIME": ZEROS}},
            "explainers: the row names Lime and LIME differ in case alone, as files may not; rename one",
        ),
        (
            {"explainers": {"a": ZEROS, "Random": {"method": "random"}, "random": {"method": "random"}}},
            "explainers: the row names Random and random differ in case alone",
        ),
        ({"metrics": {"größe": {"measure": "complexity"}}}, "metrics: the name 'größe' may hold small letters, digits"),
        (
            {"metrics": {"a" * 101: {"measure": "complexity"}}},
            f"metrics: the name '{'a' * 101}' may hold small letters",
        ),
        ({"run": "Größe"}, f"run = 'Größe': {ASCII}"),
        ({"run": ".."}, f"run = '..': {ASCII}"),
        ({"run": "a/b"}, f"run = 'a/b': {ASCII}"),
        ({"run": "store"}, "run = 'store': is the name of a folder that lies where the runs' own do; choose another"),
        ({"run": "Store"}, "run = 'Store': is the name of a folder"),
        ({"run": "logs"}, "run = 'logs': is the name of a folder"),
        (corpus(clips=[CLIP, OTHER | {"name": "One"}]), "corpus.clips: the name one differs from One in case alone"),
        (corpus(clips=[CLIP | {"name": "é"}]), f"corpus.clips.0.name = 'é': {ASCII}"),
        (
            corpus(categories=["Deepfakes", "FaceSwap", "Deepfakes"]),
            "corpus.categories: names Deepfakes twice",
        ),
        ({"detector": {"classes": ["Real", "Fake", "Fake"]}}, "detector.classes: names Fake twice; take one out"),
        (
            {"detector": {"training": {"categories": ["FaceSwap", "FaceSwap"]}}},
            "detector.training.categories: names FaceSwap twice; take one out",
        ),
        ({"explain": {"explainers": ["LIME", "LIME"]}}, "explain.explainers: names LIME twice; take one out"),
        ({"prune": {"configurations": ["a.yaml", "a.yaml"]}}, "prune.configurations: names a.yaml twice; take one out"),
    ],
)
def test_a_name_that_can_t_be_used_is_one_sentence(keys, said):
    with pytest.raises(InputError, match=f"^{re.escape(f'config: {said}')}") as error:
        load(minimal(**keys))
    assert "\n" not in str(error.value)


def test_a_row_may_be_named_as_its_method_is():
    rows = {"GradCAM": {"method": "gradcam"}, "GradCAM++": {"method": "gradcam++"}}
    config = load(minimal(explainers=rows))
    assert list(config.explainers) == ["GradCAM", "GradCAM++"]
    pattern = re.compile(one_of(config.explainers))
    assert pattern.fullmatch("GradCAM++") and pattern.fullmatch("GradCAM")
    assert not pattern.fullmatch("GradCAMM")  # which GradCAM+ would be, were it taken for a repetition
    assert not re.compile(one_of([])).fullmatch("")


def test_no_rule_takes_a_name_for_a_regular_expression():
    for path in (ROOT / "Snakefile", *ROOT.glob("rules/*.smk")):
        assert not re.search(r"""(["'])\|\1\.join""", path.read_text()), path


def test_further_videos_are_named_once():
    corpus = {"kind": "ffpp", "root": "a", "splits": "b", "also": ["actors", "actors"]}
    with pytest.raises(InputError, match=r"^config: corpus\.also: names actors twice; take one out$"):
        load({"run": "a", "corpus": corpus})


def test_no_run_may_be_named_as_a_folder_of_the_store_s_logs():
    """Of the rules whose logs aren't a run's."""
    text = "".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    folders = set(re.findall(r'P\.logs\s*/\s*f?"(\w+)/?[{"]', text))
    assert {"corpus_videos", "detector_train", "corpus_media"} <= folders <= NOT_RUNS


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"method": "grad_cam"},
            "config: explainers.A.method = 'grad_cam': is no method; did you mean gradcam? It is not",
        ),
        ({"method": "Grad-CAM++", "layers": "all"}, "= 'Grad-CAM++': is no method; did you mean gradcam++? It is not"),
        ({"method": "integrated_gradient"}, "is no method; did you mean integrated_gradients? It is not one of"),
        ({"method": "Centre"}, "is no method; did you mean centre? It is not one of"),
        ({"method": "nothing"}, "config: explainers.A.method = 'nothing': is not one of lime"),
        (
            {"method": "gradcam", "baseline": "zeros"},
            "config: explainers.A.baseline: class activation maps have no baseline, for nothing is filled in: take the",
        ),
        ({"method": "relevance"}, "is no method; did you mean relevancy? It is not one of"),
        (
            {"method": "attention", "baseline": "zeros"},
            "config: explainers.A.baseline: attention has no baseline, for nothing is filled in: take the key out",
        ),
        (
            {"method": "attention", "target": "fake"},
            "config: explainers.A.target = 'fake': attention is the same whatever class is explained: take the key out",
        ),
    ],
)
def test_a_method_s_name_that_is_nearly_one(entry, said):
    """And nothing of its keys, which a class from outside would have."""
    with pytest.raises(InputError) as caught:
        load({"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}, "explainers": {"A": entry}})
    assert said in str(caught.value) and ";" not in str(caught.value).replace("method; did", "")
