"""A list of samples is explained as one: found again, judged, drawn, counted."""

import csv
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from advxai import plan
from advxai.beforehand.samples import require_corpus, require_samples
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.prune.unused import unused
from advxai.report.provenance import provenance
from advxai.run.paths import Paths
from advxai.run.store import clear_journals, read_attributes, read_shard, write_shard
from advxai.samples import gallery
from tests.unit.samples_data import HEADER, configured, explained, face, listed

ROOT = Path(__file__).parents[2]
GREYS = {"Original": (60, 200), "Deepfakes": (200, 60, 131)}  # the last is fake by .5, not by the threshold


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five samples: a real one of each verdict, three fakes."""
    lines = [HEADER]
    for method, greys in GREYS.items():
        for number, grey in enumerate(greys):
            video = f"{number:03d}" if method == "Original" else f"{number:03d}_00{number + 1}"
            place = tmp_path / "crops/test_set" / method / video
            place.mkdir(parents=True)
            (place / "23_0.png").write_bytes(face(grey, number))
            lines.append(f"x/test_set/{method}/{video},{int(method != 'Original')},0.25,0.5,{method}_{video}_23_0.png")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def drawn(paths) -> gallery.Files:
    names = paths.outputs.samples | {"pictures": paths.run / "samples/pictures"}
    files = gallery.Files(**names)
    shards = {row: paths.samples_of(row) for row in paths.config.sampled}
    gallery.write(paths, listed(paths), paths.outputs.samples_frames, shards, files)
    return files


def test_outcomes_by_hand():
    assert [gallery.outcome(fake, called) for fake in (True, False) for called in (True, False)] == [
        "TP", "FN", "FP", "TN",
    ]  # fmt: skip


def test_samples_are_judged_at_the_threshold_and_shown(folder):
    paths = configured(folder)
    assert paths.config.sampled == ["Gradient"]
    listed(paths)
    explained(paths)
    files = drawn(paths)
    with files.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["outcome"], row["called"]) for row in rows] == [
        ("Original", "TN", "real"), ("Original", "FP", "fake"),
        ("Deepfakes", "TP", "fake"), ("Deepfakes", "FN", "real"), ("Deepfakes", "FN", "real"),
    ]  # fmt: skip
    last = cv2.imread(str(folder / "crops/test_set/Deepfakes/002_003/23_0.png"))
    expected = 1 / (1 + np.exp(-4 * (last / 127.5 - 1).mean()))
    assert 0.5 < float(rows[4]["p_fake"]) < 0.55 and float(rows[4]["p_fake"]) == pytest.approx(expected, abs=0.02)
    assert {row["video_prob"] for row in rows} == {"0.25"}
    picture = files.page.parent / rows[2]["overlay_Gradient"]
    assert rows[2]["overlay_Gradient"] == "pictures/Gradient/00002_Deepfakes_000_001_23_0.png"
    image = cv2.imread(str(picture))
    side, gap = 256, 8
    assert image.shape[1] == 2 * side + 3 * gap and image.shape[0] > side
    left = image[-gap - side : -gap, gap : gap + side]
    right = image[-gap - side : -gap, 2 * gap + side : -gap]
    assert abs(float(left.mean()) - 200) < 4  # the face
    assert (left.max(axis=2) - left.min(axis=2)).mean() < (right.max(axis=2) - right.min(axis=2)).mean()  # its map
    title = gallery.title({**rows[2], "fake": True, "p_fake": 0.9, "video_prob": 0.25}, "Gradient")
    assert title == [
        "TP  Deepfakes 000_001, frame 23, face 0", "fake, called fake, p(fake) 0.900, its video 0.250 by the list",
        "Gradient, explained: Fake",
    ]  # fmt: skip
    assert [row["explained_Gradient"] for row in rows] == ["Real", "Fake", "Fake", "Real", "Real"]
    differ = [abs(float(row["p_fake"]) - 0.5) for row in rows]  # the list says .5 of each
    assert [float(row["differs"]) for row in rows] == pytest.approx(differ) and max(differ) > 0.3
    scores = f"differ from ours by up to {max(differ):.2g} (median {sorted(differ)[2]:.2g})"
    said = files.summary.read_text()
    assert said == (
        "5 samples explained by Gradient: 1 TP (fake, called fake), 1 FP (real, called fake), "
        "1 TN (real, called real), "
        f"2 FN (fake, called real); called fake by p(fake) >= 0.55; the list's own scores of these images "
        f"(high_low_prob) {scores}. Gallery: {files.page}\n"
    )
    page = files.page.read_text()
    assert scores in page and "(TN) it shows what speaks for Real." in page and "extreme frames" not in page
    assert page.count("explained: Real</span>") == 3 and page.count("explained: Fake</span>") == 2
    assert page.count("<img ") == 5 and page.count('data-outcome="FN" data-method="Deepfakes"') == 2
    assert all(row["overlay_Gradient"] in page for row in rows) and "http" not in page
    assert "r, protocol paper, seed 0" in page and "Gradient: baseline zeros" in page and "NES" not in page
    assert "<td>0</td><td>1</td><td>1</td><td>0</td>" in page  # of Original: TP, FP, TN, FN


def test_the_gallery_says_of_channels_tokens_what_their_map_is(folder):
    rows = {"R": {"method": "relevancy"}}
    for tokens, ours in (("channels", True), ("places", False)):
        detector = {"model": "efficientnet_vit", "network": {"tokens": tokens}, "checkpoint": None}
        paths = configured(folder, explainers=rows, detector=detector, samples={"list": str(folder / "list.csv")})
        page = gallery._page(paths, pd.DataFrame(columns=["method", "outcome"]), ["R"], {}, "none")
        assert ("which is ours and not the tokens" in page) == ours


def test_what_the_list_says_is_compared_and_each_map_s_class_is_said():
    unknown = pd.DataFrame({"differs": [np.nan, np.nan]})
    assert gallery.beside(unknown) == ""
    some = pd.DataFrame({"differs": [0.3, np.nan, 0.01, 0.02]})
    assert gallery.beside(some) == (
        "the list's own scores of 3 of these images (high_low_prob) differ from ours by up to 0.3 (median 0.02)"
    )
    sample = {"explained_A": "Real", "explained_B": "Real", "explained_C": "no class"}
    assert gallery.explained(sample, ["A", "B"]) == "explained: Real"
    assert gallery.explained(sample, ["A", "C"]) == "explained: Real by A, no class by C"


def test_the_run_s_own_list_says_how_its_images_are_picked(folder):
    paths = configured(folder, samples={"crops": str(folder / "crops")})
    paths.outputs.samples_list.parent.mkdir(parents=True)
    shutil.copy(folder / "list.csv", paths.outputs.samples_list)
    listed(paths)
    explained(paths)
    page = drawn(paths).page.read_text()
    assert "of each test video one, the frame of the highest p(fake) where the video is called fake" in page


def test_an_image_without_a_map_says_why(folder):
    paths = configured(folder)
    listed(paths)
    explained(paths)
    (shard,) = paths.samples_of("Gradient")
    records = read_shard(shard)
    records[0]["missing"] = "there is nothing to segment"
    write_shard(shard, records, {})
    files = drawn(paths)
    first, second = (cv2.imread(str(path)) for path in sorted((files.pictures / "Gradient").iterdir())[:2])
    assert first.shape[0] > second.shape[0]  # by a line, which says it
    assert (first[-200:-20, 280:-20] == 255).all() and not (second[-200:-20, 280:-20] == 255).all()


def test_what_the_run_has_explained_is_found_and_a_killed_job_goes_on(folder, monkeypatch):
    paths = configured(folder)
    listed(paths)
    explained(paths)
    (shard,) = paths.samples_of("Gradient")
    assert read_attributes(shard)["computed"] == 5
    run = shard.with_name("0-of-1.h5")  # as if the run had explained its images
    clear_journals(paths.samples)
    shutil.move(shard, run)
    whole = read_shard(run)
    write_shard(run, whole[:3], {})
    explained(paths)
    assert (read_attributes(shard)["found"], read_attributes(shard)["computed"]) == (3, 2)
    assert [one["map"].tobytes() for one in read_shard(shard)] == [one["map"].tobytes() for one in whole]


def test_prune_keeps_samples_and_provenance_tells_of_them(folder, monkeypatch):
    paths = configured(folder, metrics={})
    listed(paths)
    explained(paths)
    (shard,) = paths.samples_of("Gradient")
    other = shard.parent.parent / "gone/0-of-1.h5"  # of a run that is no more
    other.parent.mkdir()
    shutil.copy(shard, other)
    monkeypatch.setattr("advxai.prune.runs.Run.has", lambda *_: True)
    paths.samples_of("Gradient")[0].with_name("0-of-1.h5").write_bytes(shard.read_bytes())
    journals = shard.parent.parent / "journals"
    journals.mkdir(exist_ok=True)
    for name in ("r-samples-0-of-1-a.journal", "r-0-of-1-a.journal"):
        (journals / name).touch()
    spare = {entry.path for entry in unused([paths])}
    assert other.parent in spare or other in spare
    assert shard not in spare and not {journals, journals / "r-samples-0-of-1-a.journal"} & spare
    assert journals / "r-0-of-1-a.journal" in spare
    monkeypatch.setattr(type(paths), "records", {})
    assert provenance(paths)["records"]["samples"]["records"] == 5
    shard.unlink()
    assert "samples" not in provenance(paths)["records"]


def test_six_hundred_samples_are_one_target(tmp_path):
    names = [
        f"{method}_{video:03d}_{video + 1:03d}_5_0.png" for method in ("Deepfakes", "FaceSwap") for video in range(250)
    ]
    names += [f"Original_{video:03d}_5_0.png" for video in range(100)]
    (tmp_path / "crops").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "crops" / name).write_bytes(face(40 + number % 176, number))
    (tmp_path / "list.csv").write_text("\n".join(names) + "\n")
    paths = configured(tmp_path, shards=2)
    table = listed(paths)
    explained(paths)
    found = [record for shard in paths.samples_of("Gradient") for record in read_shard(shard, ["key", "sha256", "map"])]
    assert len(found) == 600 and {one["key"] for one in found} == set(table["key"])
    assert all(one["map"].shape == (32, 32) for one in found)
    assert file_sha256(tmp_path / "crops" / names[0]) == next(
        one["sha256"] for one in found if one["key"] == table["key"][0]
    )


def test_rows_that_can_t_explain_samples_are_refused_by_name(folder):
    def refusal(**samples) -> str:
        with pytest.raises(InputError) as error:
            configured(folder, samples=samples)
        return str(error.value)

    assert refusal(explainers=["Copied"]) == (
        "config: samples.explainers: Copied can't explain samples: it fills in with the adversarial copy, which only "
        "images to explain have; take it out"
    )
    rows = {"Gradient": configured(folder).config.explainers["Gradient"].model_dump(), "random": {"method": "random"}}
    with pytest.raises(InputError, match="random can't explain samples: it is a control"):
        configured(folder, explainers=rows, samples={"explainers": ["random"]})
    assert refusal(explainers=["LIME"]) == (
        "config: samples.explainers: `explainers` has no row LIME: those that can explain here are Gradient"
    )
    assert refusal(explainers=["Gradients"]) == (
        "config: samples.explainers: `explainers` has no row Gradients; did you mean Gradient? Those that can explain "
        "here are Gradient"
    )
    rows = {"Copied": {"method": "lime", "baseline": "adversarial", "samples": 20}}
    with pytest.raises(InputError, match="no row of `explainers` explains a picture by itself"):
        require_samples(configured(folder, explainers=rows))
    with pytest.raises(InputError, match=r"samples\.list: .*none\.csv is no file there: correct the path"):
        require_samples(configured(folder, samples={"list": str(folder / "none.csv")}))
    own = "results/r/detector/samples.csv"  # of the run, which makes this very file
    misspelt = str(folder / own.replace("samples", "sample"))
    with pytest.raises(InputError, match=r"samples\.list: .*r/detector/sample\.csv is no file there"):
        require_samples(configured(folder, samples={"list": misspelt}))
    with pytest.raises(InputError, match=r"samples\.list: x{5000} is no file there"):
        require_samples(configured(folder, samples={"list": "x" * 5000}))
    for spelling in (own, "results/../results/r/detector/samples.csv"):
        paths = configured(folder, samples={"list": str(folder / spelling)})
        require_samples(paths)
        assert paths.outputs.samples_list == paths.outputs.examples
    with pytest.raises(InputError, match=r"samples\.crops: .*none is no folder"):
        require_samples(configured(folder, samples={"crops": str(folder / "none")}))
    assert require_samples(configured(folder)) == []
    assert load(configured(folder).config.model_dump(mode="json")).samples.asked


def test_missing_images_and_broken_lists_are_found_while_planning(folder):
    source = folder / "list.csv"
    own = {"list": str(source)}
    (folder / "crops/test_set/Deepfakes/001_002/23_0.png").rename(folder / "elsewhere.png")
    with pytest.raises(InputError) as error:
        require_samples(configured(folder))
    assert str(error.value).startswith(
        f"1 of 5 images of {source} is not there, the first is x/test_set/Deepfakes/001_002/23_0.png (line 5); "
        f"looked for in {folder / 'crops'}: set samples.crops"
    )
    paths = configured(folder, samples=own)
    assert require_samples(paths) == []  # of the run's images nothing is known yet
    manifest = paths.run / "frames/manifest.csv"
    manifest.parent.mkdir(parents=True)
    keys = [f"original_sequences/youtube/c23/videos/{video}.mp4/00023_0.png 0 0" for video in ("000", "001")]
    keys += [f"manipulated_sequences/Deepfakes/c23/videos/00{n}_00{n + 1}.mp4/00023.png 1 3" for n in range(3)]
    manifest.write_text("\n".join(["relative_path bin_label mc_label", *keys]) + "\n")
    assert require_samples(paths) == []
    manifest.write_text("\n".join(["relative_path bin_label mc_label", *keys[:-2]]) + "\n")
    (note,) = require_samples(paths)
    assert note.startswith(f"2 of 5 images of {source} are not there, the first is x/test_set/Deepfakes/001_002/23_0")
    assert note.endswith(f"set samples.crops to the folder that holds them. So says {manifest}.")
    source.write_text(source.read_text().replace("Deepfakes/001_002,1", "Deepfakes/001_002,0"))
    with pytest.raises(InputError, match=r"list\.csv, line 5: the label 0 contradicts"):
        require_samples(paths)


def test_the_configuration_in_the_docs_explains_a_list_without_a_corpus(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/samples.md").read_text(), re.DOTALL)
    asked = yaml.safe_load(text)
    assert "corpus" not in asked
    paths = Paths(load(asked), planning=True)
    assert paths.config.without_corpus and paths.config.sampled == ["Relevancy"]
    assert paths.outputs.samples_frames == Path("results/samples/samples/frames.lmdb")
    assert load(asked | {"corpus": {"kind": "ffpp"}}) == paths.asked == load(paths.asked.model_dump(mode="json"))
    counted = plan.population(paths)
    assert (counted.videos, counted.explained, counted.test) == (0, 0, 0) and "corpus.root isn't set" in counted.source
    require_corpus(paths.config, ["--cores", "2", "samples"])
    for arguments, what in (([], "a run"), (["samples", "tables"], "tables"), (["explain"], "a run")):
        with pytest.raises(InputError) as error:
            require_corpus(paths.config, arguments)
        assert str(error.value) == (
            f"config: corpus.root: is not set, so there are no videos for {what}: ask for the target samples alone, "
            "whose images are those of samples.crops, or set corpus.root and corpus.splits"
        )
    with pytest.raises(InputError, match=r"samples\.list: is not set, and without corpus\.root the run makes no list"):
        require_samples(Paths(load(asked | {"samples": {"crops": "examples"}}), planning=True))
    for less in ({"samples": {"list": "a"}}, {"detector": {"model": "xception"}}):
        with pytest.raises(InputError, match="corpus: is required"):
            load(asked | less)
        with pytest.raises(InputError, match=r"corpus\.root: is required"):
            load(asked | less | {"corpus": {"kind": "ffpp"}})
    with pytest.raises(InputError, match=r"corpus\.splits: is required"):
        load(asked | {"corpus": {"kind": "ffpp", "root": "a"}})
    require_corpus(configured_paths(tmp_path).config, ["tables"])


def configured_paths(folder: Path) -> Paths:
    """Of a run that has a corpus: a tree of crops."""
    (folder / "crops").mkdir()
    return configured(folder)


def test_the_plan_counts_samples(folder):
    paths = configured(folder)
    population = plan.population(paths)
    counted = plan.sampled(paths, population)
    assert counted == plan.Sampled(5, f"the list {folder / 'list.csv'}")
    rows = [
        row for row in plan.rows(paths.config, population, plan.look(paths), 10.0, counted) if row.stage == "samples"
    ]
    assert [(row.name, row.items, row.found) for row in rows] == [("Gradient", 5, 0)]
    listed(paths)
    explained(paths)
    counted = plan.sampled(paths, population)
    rows = [
        row for row in plan.rows(paths.config, population, plan.look(paths), 10.0, counted) if row.stage == "samples"
    ]
    assert [(row.name, row.items, row.found, row.missing) for row in rows] == [("Gradient", 5, 5, 0)]
    text = plan.report(
        paths.config, population, plan.look(paths), rows, "no speed", cores=1, free=10**12, samples=counted
    )
    assert "samples 5 to explain by Gradient; by the list" in text
    assert plan.sampled(configured(folder, samples={}), population) is None
    own = plan.sampled(configured(folder, samples={"explainers": ["Gradient"]}), population)
    assert own == plan.Sampled(5, "one of each test video")
