"""`snakemake explain` on a finished run: a picture of one's own, an image of the run, and what stops it."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from advxai.media.video import read_at
from advxai.run.store import read_some
from tests.workflow.conftest import copy_of, snakemake, store


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """A copy of the finished run, with a frame of its clip as me.jpg."""
    folder = copy_of(finished, tmp_path_factory.mktemp("explain"))
    (clip,) = store(folder, "media/*/*-jwpIntro.mp4")
    ((_, frame),) = read_at(clip, [10])
    cv2.imwrite(str(folder / "me.jpg"), frame[..., ::-1])
    return folder


def explain(folder, *arguments, **options):
    return snakemake(folder, "explain", "--cores", 1, "--configfile", folder / "tiny.yaml", *arguments, **options)


def test_a_photo_and_then_other_explainers(folder):
    done = explain(folder, "--config", "image=me.jpg", "explain={explainers: [LIME, RISE]}")
    out = folder / "results/tiny/explain/me"
    said = json.loads((out / "me.json").read_text())
    assert sorted([*said["files"], ".me.files.json"]) == sorted(path.name for path in out.iterdir())
    assert {"me_faces.png", "me_1.png", "me_1.pdf", "me.npz"} < set(said["files"])
    (face,) = said["faces"]
    (image,) = face["images"]
    left, top, right, bottom = image["crop"]
    assert right - left == bottom - top > 200 and left < 250 < right  # the clip's one face
    assert image["detection"]["score"] > 0.9 and list(image["explainers"]) == ["LIME", "RISE"]
    assert sum(image["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert "me.jpg, face 1: called " in done.stdout and "results/tiny/explain/me/me_1.png" in done.stdout
    assert (
        "Nothing to be done" in explain(folder, "--config", "image=me.jpg", "explain={explainers: [LIME, RISE]}").stdout
    )
    other = explain(folder, "--config", "image=me.jpg", "explain={explainers: [LIME]}", "-n").stdout
    assert "Params have changed" in other and "detector_train" not in other


def test_another_picture_of_the_name_is_refused_before_snakemake_deletes_the_json(folder):
    out = folder / "results/tiny/explain/me"
    (folder / "other").mkdir()
    (folder / "other/me.png").write_bytes(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    other = explain(folder, "--config", "image=other/me.png", check=False)
    assert other.returncode != 0 and "me.json is there and is of another picture or video, me.jpg" in other.stdout
    assert (out / "me.json").exists()


def test_an_image_of_the_run_has_the_numbers_of_the_run(folder):
    notes = folder / "results/tiny/explain/image_0/notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    explain(folder, "--config", "image=0", "explain={explainers: [LIME_adv]}")
    assert notes.read_text() == "mine"
    key = pd.read_parquet(folder / "results/tiny/frames/evaluation.parquet")["key"].iloc[0]
    said = json.loads((folder / "results/tiny/explain/image_0/image_0.json").read_text())
    assert said["input"]["key"] == key
    arrays = np.load(folder / "results/tiny/explain/image_0/image_0.npz")
    (record,) = [record for file in store(folder, "saliency/LIME_adv-*/tiny/*.h5") for record in read_some(file, [key])]
    assert arrays["1/LIME_adv/map"].tobytes() == record["map"].tobytes()


def test_what_can_be_known_before_stops_the_run_at_once(folder):
    for arguments, said in (
        ([], "config: image: what is to be explained? For example: snakemake --cores 2 explain --config image=me.jpg"),
        (["--config", "image=you.jpg"], "config: image: you.jpg: there is no such file; give a picture or a video"),
    ):
        done = explain(folder, *arguments, check=False)
        assert done.returncode != 0 and said in done.stdout and "Building DAG" not in done.stdout


def test_the_run_itself_doesn_t_mind(folder):
    done = snakemake(folder, "--cores", 1, "-n", "--configfile", folder / "tiny.yaml", "--config", "image=me.jpg")
    assert "Nothing to be done" in done.stdout
