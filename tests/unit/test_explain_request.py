"""What is to be explained: what an argument means, how its outputs are called, and what is said of a wrong one."""

from pathlib import Path

import pytest
from snakemake.cli import parse_config

from advxai.common.errors import InputError
from advxai.config import load
from advxai.explain.request import Request, asked, configured, names, request, requests, require_rows

KEY = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00005_0.png"
LIME = {"method": "lime", "baseline": "image_mean"}


def config(**keys):
    clip = {"name": "one", "first_id": 0, "source": {"path": "me.mp4"}, "splits": {"test": 2}}
    return load({"run": "test", "corpus": {"kind": "demo", "clips": [clip]}, **keys})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("argument", "kind", "stem"),
    [
        (KEY, "key", "Deepfakes_000_001_00005_0"),
        ("original_sequences/youtube/c23/videos/000.mp4/00005_0.png", "key", "youtube_000_00005_0"),
        ("12", "number", "image_12"),
        ("007", "number", "image_7"),
        ("random", "random", "random"),
    ],
)
def test_an_image_of_the_run(here, argument, kind, stem):
    found = request(argument)
    assert (found.kind, found.stem) == (kind, stem)


def test_a_file_comes_first_whatever_its_name(here):
    stems = {"random": "random", "12": "12", "Ich & du {1}.jpg": "Ich___du__1_", "é.png": "é"}
    hidden = {"...jpg": "_.", ".jpg": "_jpg", "-x.jpg": "-x"}  # `..` is another folder
    for name, stem in (stems | hidden).items():
        Path(name).write_text("x")
        assert (request(name).kind, request(name).stem) == ("file", stem)


def test_long_names_are_shortened_to_names_that_differ(here):
    names = [f"{'中' * 80}{end}.png" for end in "ab"]
    stems = [Request(name, "file").stem for name in names]
    assert len(set(stems)) == 2 and all(len(stem.encode()) <= 200 and stem.startswith("中" * 60) for stem in stems)
    assert stems == [Request(f"elsewhere/{name}", "file").stem for name in names]
    assert Request(f"{'a' * 200}.png", "file").stem == "a" * 200


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("no.jpg", "no.jpg: there is no such file; give a picture or a video, or an image of the run"),
        ("manipulated_sequences/00005_0.png", "there is no such file"),
        ("-3", "there is no such file"),
        ("a" * 300, "there is no such file"),
        ("a\0b", "there is no such file"),
        ("folder", "folder is a folder: give a picture or a video"),
        ("empty.jpg", r"empty.jpg is empty \(0 bytes\)"),
    ],
)
def test_what_is_said_of_a_wrong_argument(here, argument, said):
    Path("folder").mkdir()
    Path("empty.jpg").touch()
    with pytest.raises(InputError, match=said):
        request(argument)


def test_two_files_of_one_name_would_be_written_over_each_other(here):
    Path("a").mkdir()
    for name in ("a/me.jpg", "me.mp4"):
        Path(name).write_text("x")
    with pytest.raises(InputError, match=r"a/me.jpg and me.mp4 would both be written as me"):
        requests(["a/me.jpg", "random", "me.mp4"])
    assert [one.argument for one in requests(["me.mp4", "random", "me.mp4"])] == ["me.mp4", "random"]


def test_the_configuration_s_image(here):
    assert config(image=12).image == "12"  # as YAML reads it
    assert configured(config(image=12)).kind == "number"
    with pytest.raises(InputError, match=r"config: image: what is to be explained\? .* image=me.jpg"):
        configured(config())
    with pytest.raises(InputError, match="config: image: me.jpg: there is no such file"):
        configured(config(image="me.jpg"))
    with pytest.raises(InputError, match=r"a \{b\}.jpg has braces in its name"):
        configured(config(image="a {b}.jpg"))
    with pytest.raises(InputError, match="image = True"):
        config(image=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("12:30.mp4", ""),
        ("on", ""),
        ("null.jpg", ""),
        ("-x.jpg", ""),
        ("1e3", r"image = 1000.0: snakemake doesn't read this as a name: give a file of such a name as ./NAME"),
        ("inf", "image = inf: snakemake doesn't"),
        ("True", "image = True: snakemake doesn't"),
        ("a: b.jpg", "image: snakemake doesn't read this as a name: .*, if `: ` is in it, use `python -m advxai"),
        ("me #2.jpg", "me: there is no such file; .*`python -m advxai explain` takes names that Snakemake cuts short"),
    ],
)
def test_names_that_snakemake_takes_for_something_else(here, name, said):
    Path(name).write_text("x")
    read = parse_config([f"image={name}"])["image"]
    if said:
        with pytest.raises(InputError, match=f"^config: .*{said}"):
            configured(config(image=read))
    else:
        assert configured(config(image=read)) == Request(name, "file")
    if ": " not in name and "#" not in name:
        assert configured(config(image=parse_config([f"image=./{name}"])["image"])).stem == Request(name, "file").stem


def test_when_the_rule_is_needed():
    assert asked(config(image="me.jpg"), ["snakemake", "all"])
    assert asked(config(), ["snakemake", "--cores", "2", "explain"])
    assert not asked(config(), ["snakemake", "--cores", "2"])


def test_explainers_by_name_in_the_order_of_the_configuration():
    rows = {"A": LIME, "B": LIME, "C": LIME}
    given = config(explainers=rows, explain={"explainers": ["C", "A"]})
    assert names(config(explainers=rows), None) == ["A", "B", "C"]
    assert names(given, None) == ["A", "C"] and names(given, ["B", "A"]) == ["A", "B"]
    with pytest.raises(InputError, match="there is no explainer D; the configuration has A, B, C"):
        names(given, ["A", "D"])
    for name, method in (("GradCAM", "gradcam"), ("Grad-CAM", "gradcam"), ("integrated_gradients",) * 2):
        said = (
            f"no explainer {name}: {method} is a method, which a row of `explainers:` must name, as in "
            f".*method: {method}"
            ".* or take --config config/demo_whitebox.yaml, which has one, .*; the configuration has A, B, C"
        )
        with pytest.raises(InputError, match=said):
            names(given, [name])
    with pytest.raises(InputError, match="put one there and give its row's name"):  # no file has it
        names(given, ["HiResCAM"])
    said = "explain.explainers: `explainers` has no row D: those that can explain here are A, B, C"
    with pytest.raises(InputError, match=said):
        config(explainers=rows, explain={"explainers": ["D"]})


CLIPS = {"explainers": {}, "video": {"explainers": {"SHAP3D": {"method": "shap3d", "baseline": "zeros"}}}}


def test_without_rows_a_clip_of_a_video_alone_is_explained():
    settings = config(**CLIPS)
    assert names(settings, None) == []
    require_rows(settings, Request("me.mp4", "file"), "video", settings.explains_clips)


@pytest.mark.parametrize(
    ("argument", "kind", "said"),
    [
        ("me.jpg", "picture", "nothing explains an image by itself: add rows to it, or give a video, of which"),
        ("random", "", "nothing explains an image by itself: add rows to it, or give a video, of which"),
        ("me.mp4", "video", "nothing explains a frame by itself: add rows to it, or have a clip of it explained"),
    ],
)
def test_without_rows_what_is_no_clip_is_refused(argument, kind, said):
    settings = config(**CLIPS, explain={"video": False})
    with pytest.raises(InputError, match=rf"^{argument}: `explainers` is {{}} in the configuration, so that {said}"):
        require_rows(settings, Request(argument, "file"), kind, settings.explains_clips)


def test_rows_of_clips_and_rows_that_need_counterparts_are_told_apart():
    with pytest.raises(InputError, match=r"SHAP3D is a row of `video\.explainers`"):
        names(config(**CLIPS), ["SHAP3D"])
    with pytest.raises(InputError, match="there is no explainer mine; the configuration has none"):
        names(config(**CLIPS), ["mine"])
    filled = config(explainers={"LIME_orig": {**LIME, "baseline": "counterpart"}})
    assert names(filled, None) == []
    with pytest.raises(InputError, match="each row of `explainers` fills in with the counterpart"):
        require_rows(filled, Request("me.jpg", "file"), "picture", False)
