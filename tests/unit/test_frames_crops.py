"""Face images that another tool cut out, `<split>_set/<method>/<video>/<frame>_<face>.png`, are read as they are."""

import os
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from advxai import plan
from advxai.beforehand import check
from advxai.common import parquet
from advxai.common.croptree import listing_sha256
from advxai.common.errors import InputError
from advxai.config import load
from advxai.faces.extract import FACES
from advxai.frames import database, manifest, stage
from advxai.frames.crops import from_tree, listing
from advxai.frames.cutting import collect
from advxai.frames.listed import as_listed
from advxai.run.paths import Paths
from tests.unit.croptree_data import png, tree

WANTED = ("Real", "Deepfakes")
BINARY = {"classes": ["Real", "Fake"]}


def configured(root, **changes):
    settings = {
        "run": "r",
        "results": str(root.parent / "results"),
        "corpus": {"kind": "ffpp", "categories": ["Deepfakes"]},
        "frames": {"crops": str(root)},
        "detector": BINARY,
    }
    return load(settings | changes)


def refusal(root, **changes) -> str:
    with pytest.raises(InputError) as error:
        check(Paths(configured(root, **changes)))
    return str(error.value)


def test_the_manifest_of_a_tree(tmp_path):
    root = tree(tmp_path / "crops", ("training_set", "val_set", "test_set"), ("0_0.png", "351_0.png", "351_1.png"))
    table, out = from_tree(root, "c23", WANTED)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == FACES
    assert len(out) == 0 and len(table) == 3 * 4 * 3
    assert table["key"].is_monotonic_increasing
    row = table.set_index("key").loc["manipulated_sequences/Deepfakes/c23/videos/020_021.mp4/00351_1.png"]
    assert (row["video"], row["category"], row["label"], row["split"], row["frame"], row["track"]) == (
        "manipulated_sequences/Deepfakes/c23/videos/020_021.mp4", "Deepfakes", 3, "test", 351, 1,
    )  # fmt: skip
    file = root / "test_set/Deepfakes/020_021/351_1.png"
    assert row["file"] == str(file) and row["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert (row["mask"], row["x1"]) == ("", -1) and np.isnan(row["score"])
    real = table[table["video"] == "original_sequences/youtube/c23/videos/010.mp4"]
    assert set(real["split"]) == {"val"} and set(real["category"]) == {"Real"} and len(real) == 3
    # what the stages after it make of it: the database, the authors' list, no counterpart
    database.build(table, tmp_path / "frames.lmdb")
    with database.FrameStore(tmp_path / "frames.lmdb") as store:
        assert store.bytes(row.name) == file.read_bytes() and store.image(row.name).shape == (20, 16, 3)
    output = SimpleNamespace(manifest=tmp_path / "m.parquet", csv=tmp_path / "m.csv", left_out=tmp_path / "l.parquet")
    stage.write(table, out, output)
    assert manifest.read_csv(tmp_path / "m.csv")["split"].tolist() == table["split"].tolist()
    assert parquet.read(tmp_path / "m.parquet").equals(table)
    found = collect(table[table["label"] == 3].head(2), None, tmp_path / "cut", 0.5, None)
    assert ["tree doesn't say where in the video" in reason for reason in found["reason"]] == [True, True]


def test_what_can_t_be_used_is_listed_with_its_reason(tmp_path):
    root = tree(tmp_path / "crops", ("test_set",))
    folder = root / "test_set/Deepfakes/000_001"
    (folder / "23_0.png").write_bytes(png(99)[:-60])
    (folder / "46_0.png").write_bytes(b"")
    (folder / "mask_46.png").write_bytes(png(98))
    (folder / ".DS_Store").write_bytes(b"x")
    (root / "test_set/Deepfakes/002_003").mkdir()
    (root / "test_set/Deepfake").mkdir()
    table, out = from_tree(root, "c23", WANTED)
    assert len(table) == 4
    assert set(out["stage"]) == {"frames"}
    reasons = dict(zip(out["item"], out["reason"], strict=True))
    key = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/000{}_0.png"
    assert reasons.pop(key.format(23)).startswith(f"{folder / '23_0.png'} is not a readable image (")
    assert reasons.pop(key.format(46)) == f"{folder / '46_0.png'} is not a readable image (0 bytes): cut it out anew"
    assert reasons == {
        str(folder / "mask_46.png"): "mask_46.png isn't named <frame>_<face>.png, the face a number below 100: rename "
        "it, or move it away",
        str(root / "test_set/Deepfakes/002_003"): "a video's folder without a file",
        str(root / "test_set/Deepfake"): "no method's folder: the methods are Original, Deepfakes, Face2Face, "
        "FaceShifter, FaceSwap, NeuralTextures",
    }


def test_links_that_lead_nowhere_and_strange_names_are_listed_with_their_reason(tmp_path):
    root = tree(tmp_path / "crops", ("test_set", "training_set"))
    method = root / "test_set/Deepfakes"
    (root / "training_set/Deepfakes/010_011/00_1.png").symlink_to("away.png")  # its video's first
    (method / "loop").symlink_to("loop")
    (method / "7_0.png").write_bytes(png(1))
    (root / "test_set/8_0.png").write_bytes(png(1))
    (method / "000_001/9_0.png").mkdir()
    (method / "000_001/.thumbnails").mkdir()
    Path(os.fsdecode(bytes(method) + b"/002_\xff")).mkdir()
    (method / "001_000" / os.fsdecode(b"\xff.png")).write_bytes(png(1))
    (method / "002_003").mkdir()
    (method / "002_003/000_001").mkdir()
    (method / "002_003/000_001/0_0.png").write_bytes(png(1))
    assert Paths(configured(root)).detector.path.name and Paths(configured(root)).all_crops
    assert check(Paths(configured(root))) == []
    table, out = from_tree(root, "c23", WANTED)
    parquet.write(out, tmp_path / "out.parquet")
    assert len(table) == 8
    reasons = {item.removeprefix(f"{root}/"): why for item, why in zip(out["item"], out["reason"], strict=True)}
    away = root / "training_set/Deepfakes/010_011/00_1.png"
    assert reasons == {
        "manipulated_sequences/Deepfakes/c23/videos/010_011.mp4/00000_1.png": f"{away} can't be read (No such file or "
        "directory)",
        "test_set/8_0.png": "in no method's folder, and in no video's",
        "test_set/Deepfakes/7_0.png": "in no video's folder, so its video isn't known: put it into its video's",
        "test_set/Deepfakes/loop": "a link that leads nowhere (Too many levels of symbolic links)",
        "test_set/Deepfakes/000_001/9_0.png": "a folder in a video's, in which no image is looked for",
        "test_set/Deepfakes/002_\\xff": "a video's folder whose name isn't UTF-8: rename it",
        "test_set/Deepfakes/001_000/\\xff.png": "\\xff.png isn't named <frame>_<face>.png, the face a number below "
        "100: rename it, or move it away",
        "test_set/Deepfakes/002_003": f"the images lie a level too deep, such as in {method}/002_003/000_001: move "
        f"what is in {method}/002_003 into {method}",
    }


def test_a_tree_with_a_level_too_many_is_told_so(tmp_path):
    root = tree(tmp_path / "crops")
    for split, video in (("test_set", "010_011"), ("training_set", "000_001")):
        folder = root / split / "Deepfakes"
        (folder / "c23").mkdir()
        for one in list(folder.iterdir()):
            if one.name != "c23":
                one.rename(folder / "c23" / one.name)
        said = refusal(root)
        assert f"such as in {folder}/c23/{video}: move what is in {folder}/c23 into {folder}" in said
        assert "the same video" not in said and said.count("a level too deep") == 1
        if split == "test_set":
            (folder / "000_011").mkdir()
            (folder / "000_011/0_0.png").write_bytes(png(1))  # of another video, so that the training's is told
    _, out = listing(root, "c23", WANTED)
    assert sum("a level too deep" in why for why in out["reason"]) == 2
    (root / "test_set/Deepfakes/000_011/0_0.png").unlink()
    assert plan.population(Paths(configured(root), planning=True)).test == 2  # the originals


def test_videos_without_an_image_are_no_videos(tmp_path):
    root = tree(tmp_path / "crops")
    for split, remedy in (
        ("test_set", "take it out of corpus.categories"),
        ("training_set", "set detector.checkpoint"),
    ):
        folder = root / split / "Deepfakes"
        kept = {file: file.read_bytes() for file in folder.rglob("*.png")}
        for file in kept:
            file.rename(file.with_name("other.png"))
        form = "<frame>_<face>.png, the face a number below 100"
        said = f"frames.crops: {folder} holds no image named {form}, in a video's folder: add some, or {remedy}"
        assert said in refusal(root)
        for file in kept:
            file.with_name("other.png").rename(file)
    assert check(Paths(configured(root))) == []


def test_a_video_in_two_splits_and_a_frame_that_is_there_twice_are_refused(tmp_path):
    root = tree(tmp_path / "crops")
    (root / "training_set/Original/010").mkdir()
    with pytest.raises(InputError, match=r"test_set/Original/010 and .*training_set/Original/010 are the same video"):
        listing(root, "c23", WANTED)
    (root / "training_set/Original/010").rmdir()
    (root / "test_set/Original/010/00_0.png").write_bytes(png(1))
    with pytest.raises(InputError, match=r"00_0\.png and .*0_0\.png are the same frame and face"):
        listing(root, "c23", WANTED)
    (root / "train_set").mkdir()
    assert "has both training_set and train_set, which are one split: join them" in refusal(root)


def test_a_list_takes_its_images_of_a_tree(tmp_path):
    root = tree(tmp_path / "crops", names=("0_0.png", "23_0.png"))
    source = tmp_path / "list.csv"
    name = "manipulated_sequences/Deepfakes/c23/videos/{}.mp4/00023.png 1 3\n"
    source.write_text("relative_path bin_label mc_label\n" + name.format("010_011") + name.format("011_012"))
    config = configured(root, frames={"crops": str(root), "manifest": str(source)})
    chosen, out = as_listed(from_tree(root, "c23", WANTED)[0], source, config, unlearnt=True)
    assert chosen.loc[chosen["split"] == "test", "key"].tolist() == [
        name.format("010_011").replace(".png", "_0.png")[:-5]
    ]
    assert set(chosen["split"]) == {"train", "test"} and len(out) == 1
    source.write_text("relative_path bin_label mc_label\n" + name.format("000_001"))
    with pytest.raises(InputError, match="000_001.mp4 is in the split train, from which the detector learns"):
        as_listed(from_tree(root, "c23", WANTED)[0], source, config, unlearnt=True)


def test_what_a_tree_lacks_is_said_before_any_job(tmp_path):
    root = tree(tmp_path / "data" / "crops")
    assert check(Paths(configured(root))) == []
    assert f"these are in {root}: set frames.crops to it" in refusal(tmp_path / "data")
    assert f"these are in {root}: set frames.crops to it" in refusal(root / "test_set" / "Original")
    assert f"these are in {root}: set frames.crops to it" in refusal(root / "test_set")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path}/empty holds none of the folders training_set, train_set" in refusal(tmp_path / "empty")
    assert f"{tmp_path}/none/deep/er is no folder: set it to the folder" in refusal(tmp_path / "none/deep/er")
    (root / "test_set").rename(root / "tests")
    assert f"{root} has no folder test_set, whose fakes are explained: add it" in refusal(root)
    (root / "tests").rename(root / "test_set")
    (root / "test_set/Deepfakes").rename(root / "test_set/DeepFakes")
    assert (
        f"{root}/test_set/Deepfakes holds no video (there is DeepFakes, which is no method's name): add some, or take "
        "it out of corpus.categories"
    ) in refusal(root)
    (root / "test_set/DeepFakes").rename(root / "test_set/Deepfakes")
    (root / "test_set/boxes").mkdir()
    (note,) = check(Paths(configured(root)))
    assert note.startswith(f"frames.crops: {root}/test_set/boxes: no method's folder, so its images aren't used")
    (root / "training_set").rename(root / "train")
    assert f"{root} has no folder training_set, from which the detector is to learn" in refusal(root)
    weights = tmp_path / "weights.pth"
    weights.touch()
    imported = check(Paths(configured(root, detector=BINARY | {"checkpoint": str(weights)})))
    assert [said for said in imported if "crops" in said] == [note]


def test_a_tree_of_methods_without_a_split_is_told_what_it_lacks(tmp_path):
    root = tree(tmp_path / "crops", ("test_set",)) / "test_set"
    root.rename(tmp_path / "alone")
    assert "holds the methods' own folders and none of the folders" in refusal(tmp_path / "alone")


def test_tree_and_other_origins_exclude_each_other(tmp_path):
    with pytest.raises(InputError, match="`lmdb` and `crops` exclude each other"):
        configured(tmp_path, frames={"crops": "a", "lmdb": "b", "manifest": "c"})
    clip = {"name": "a", "first_id": 0, "source": {"path": "x"}, "splits": {"test": 2}}
    with pytest.raises(InputError, match="frames.crops: a tree of crops of your own goes with `corpus: {kind: ffpp}`"):
        configured(tmp_path, corpus={"kind": "demo", "clips": [clip]})


def test_the_detector_belongs_to_what_the_tree_lists_to_learn_from(tmp_path):
    root = tree(tmp_path / "crops", ("training_set", "validation_set", "test_set"))

    def digest() -> str:
        return Paths(configured(root)).detector.path.name

    before, all_before = digest(), Paths(configured(root)).all_crops
    (root / "test_set/Original/020/23_0.png").write_bytes(png(1))
    (root / "training_set/FaceSwap/000_001/23_0.png").write_bytes(png(1))  # isn't learnt from
    assert digest() == before and Paths(configured(root)).all_crops != all_before
    file = root / "training_set/Deepfakes/000_001/0_0.png"
    kept = file.read_bytes()
    for number, other in enumerate((png(5, (40, 40)), b"")):  # another crop of the same face, and none
        file.write_bytes(other)
        assert digest() != before, number
    file.write_bytes(kept)
    assert digest() == before
    second = file.with_name("23_0.png")  # every file counts, not a video's first alone
    second.write_bytes(png(6))
    whole = digest()
    second.write_bytes(png(6, (40, 40)))
    assert digest() not in (before, whole)
    second.unlink()
    # other bytes of the same length are seen by their time, which is in no digest: a copied tree has others
    all_before = Paths(configured(root)).all_crops
    os.utime(file, ns=(1, 1))
    assert digest() == before and Paths(configured(root)).all_crops != all_before
    (root / "validation_set/Original/010/23_0.png").write_bytes(png(1))
    assert digest() != before
    assert listing_sha256(root, ("test", "train"), WANTED) == listing_sha256(root, ("train", "test"), WANTED[::-1])
    assert Paths(configured(tmp_path / "none"), planning=True).detector_params["corpus"]["listing"] == "absent"


def test_the_plan_counts_the_files_of_a_tree(tmp_path):
    names = [f"{number}_0.png" for number in range(12)]
    root = tree(tmp_path / "crops", names=names)
    found = plan.population(Paths(configured(root), planning=True))
    assert (found.stored, found.test, found.explained, found.test_videos) == (2 * 4 * 12, 4 * 12, 2 * 10, 2)
    assert (found.videos, found.crops, found.exact) == (0, 0, True)
    assert found.train == 2 * 12 + 2 * 12  # all frames of the two fakes, and as many of the originals
    assert found.source == f"the names of the files in {root}"
    rows = plan.rows(configured(root), found, plan.Store())
    assert [(row.stage, row.items) for row in rows][:2] == [("frames", 96), ("training", found.train + found.val)]


def test_an_image_that_changed_since_it_was_listed_says_what_to_run(tmp_path):
    root = tree(tmp_path / "crops", ("test_set",))
    table, _ = from_tree(root, "c23", WANTED)
    (root / "test_set/Original/000/0_0.png").write_bytes(png(77))
    with pytest.raises(InputError, match="has changed since it was made: run again with `--forcerun frames_crops`"):
        database.build(table, tmp_path / "frames.lmdb", remedy=database.LISTED_ANEW)
