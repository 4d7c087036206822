"""The real DAG on a small tree of crops that others cut out: they become the run's, a list of them is explained."""

import csv

import pandas as pd
import yaml

from tests.unit.samples_data import HEADER, configured, face
from tests.workflow.conftest import snakemake

GREYS = {"Original/000": 60, "Original/001": 200, "Deepfakes/000_001": 200, "Deepfakes/001_000": 60}


def test_a_tree_of_crops_and_a_list_of_its_images(tmp_path):
    lines = [HEADER]
    for seed, (place, grey) in enumerate(GREYS.items()):
        folder = tmp_path / "crops/test_set" / place
        folder.mkdir(parents=True)
        (folder / "23_0.png").write_bytes(face(grey, seed))
        (folder / "46_1.png").write_bytes(face(grey, seed + 10))
        label = int(place.startswith("Deepfakes"))
        lines.append(f"x/test_set/{place},{label},0.5,0.5,{place.replace('/', '_')}_46_1.png")
    (folder / "69_0.png").write_bytes(face(60)[:-50])  # broken
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    paths = configured(tmp_path, samples={"list": "list.csv"}, metrics={})
    settings = paths.asked.model_dump(mode="json", exclude_defaults=True)
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump(settings))
    done = snakemake(tmp_path, "--cores", 2, "samples", "--configfile", file, chatter=False)
    assert "samples Gradient: 4 samples explained, 0 found" in done.stdout
    assert "4 samples explained by Gradient: 1 TP (fake, called fake), 1 FP (real, called fake), 1 TN" in done.stdout
    run = tmp_path / "results/r"
    with (run / "samples/samples.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["outcome"] for row in rows] == ["TN", "FP", "TP", "FN"]
    assert all((run / "samples" / row["overlay_Gradient"]).is_file() for row in rows)
    assert rows[3]["key"] == "manipulated_sequences/Deepfakes/c23/videos/001_000.mp4/00046_1.png"
    assert len(pd.read_parquet(run / "frames/manifest.parquet")) == 8
    (out,) = pd.read_parquet(run / "frames/left_out.parquet").to_dict("records")
    assert out["item"].endswith("001_000.mp4/00069_0.png") and "is not a readable image" in out["reason"]
    assert not (run / "tables").exists() and not (run / "corpus").exists()


def test_without_a_corpus_samples_is_the_one_target(tmp_path):
    """Planning alone: what would run, and what is refused before any job."""
    folder = tmp_path / "crops"
    folder.mkdir()
    (folder / "Original_000_23_0.png").write_bytes(face(60))
    (tmp_path / "list.csv").write_text("Original_000_23_0.png\n")
    own = configured(tmp_path, metrics={}).asked.model_dump(mode="json", exclude_defaults=True)
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in own.items() if key not in ("corpus", "frames")}))
    done = snakemake(tmp_path, "-n", "samples", "--configfile", file, chatter=False)
    assert "samples_gallery" in done.stdout and "corpus_videos" not in done.stdout
    refused = snakemake(tmp_path, "-n", "tables", "--configfile", file, chatter=False, check=False)
    assert refused.returncode and "corpus.root: is not set, so there are no videos for tables" in refused.stdout


def test_an_image_that_is_exchanged_in_the_folder_is_seen(tmp_path):
    """By its size and time; without one nothing is made anew."""
    for place in ("Original/000", "Deepfakes/000_001"):
        folder = tmp_path / "crops/test_set" / place
        folder.mkdir(parents=True)
        (folder / "23_0.png").write_bytes(face(60))
    (tmp_path / "list.csv").write_text("Deepfakes/000_001/23_0.png\n")
    paths = configured(tmp_path, metrics={})
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump(paths.asked.model_dump(mode="json", exclude_defaults=True)))
    asked = (paths.outputs.samples_frames, "--configfile", file)
    snakemake(tmp_path, "--cores", 1, *asked)
    assert "Nothing to be done" in snakemake(tmp_path, "-n", *asked).stdout
    (folder / "23_0.png").write_bytes(face(200, 7))
    planned = snakemake(tmp_path, "-n", *asked).stdout
    assert "rule samples_list:" in planned and "Params have changed since last execution" in planned
