"""What a list of images lacks for a run is said before any job starts."""

import pytest

from advxai.beforehand import check
from advxai.beforehand.lists import learnt_of, untested
from advxai.common.errors import InputError
from advxai.config import load
from advxai.frames.manifest import read_csv
from advxai.run.paths import Paths
from tests.unit.paths_data import CLIPS, clip, paths
from tests.unit.test_corpus_ffpp import PAIRS, root

__all__ = ["root"]  # the fixture

TEST = ["manipulated_sequences/Deepfakes/c23/videos/002_003.mp4/00023.png 1 3"]
TRAIN = ["original_sequences/youtube/c23/videos/000.mp4/00000.png 0 0 train"]
HEADER = "relative_path bin_label mc_label"


def listed(folder, lines, header=HEADER, encoding="utf-8"):
    path = folder / "list.csv"
    path.write_bytes("\n".join([header, *lines, ""]).encode(encoding))
    return path


def test_a_list_without_an_image_of_a_category_is_named(tmp_path):
    path = listed(tmp_path, TEST)
    assert untested(path, ["Deepfakes"], True) == []
    said = f"frames.manifest: {path} names no test image of FaceSwap: give a list that does, or take FaceSwap out of "
    assert untested(path, ["Deepfakes", "FaceSwap"], False) == [f"{said}corpus.categories"]
    (learnt,) = untested(path, ["FaceSwap"], True)
    assert learnt == f"{said}corpus.categories (and, if it is a class, out of detector.classes)"


def test_a_list_that_names_training_images_names_one_of_each_class(tmp_path):
    path = listed(tmp_path, [f"{TEST[0]} test", *TRAIN], f"{HEADER} split")
    assert learnt_of(path, ["Real"]) == (True, [])
    named, (lack,) = learnt_of(path, ["Real", "Deepfakes"])
    assert named and lack.startswith(f"frames.manifest: {path} names no image of Deepfakes in the split train, from")
    path = listed(tmp_path, [f"{TEST[0]} test", f"{TEST[0].replace('002_003', '008_009')} val"], f"{HEADER} split")
    named, lacks = learnt_of(path, ["Real"])  # the corpus has them
    assert not named and len(lacks) == 1


def test_what_a_detector_has_nothing_to_learn_from_is_said_of_the_list_and_of_a_database(tmp_path):
    """Of a database there are no images besides the list's."""
    path = listed(tmp_path, [f"{TEST[0]} test", f"{TEST[0].replace('002_003', '008_009')} val"], f"{HEADER} split")
    corpus, binary = {"kind": "demo", "clips": CLIPS, "categories": ["Deepfakes"]}, {"classes": ["Real", "Fake"]}
    frames = {"manifest": str(path)}
    assert check(paths(corpus=corpus, frames=frames, detector=binary)) == []
    database = frames | {"lmdb": str(listed(tmp_path, [], "stands for a database").rename(tmp_path / "db"))}
    listed(tmp_path, [f"{TEST[0]} test", f"{TEST[0].replace('002_003', '008_009')} val"], f"{HEADER} split")
    own = {"corpus": {"kind": "ffpp", "categories": ["Deepfakes"]}, "frames": database, "detector": binary}
    with pytest.raises(
        InputError, match=r"names no image of Real in the split train(.|\n)*names no image of Deepfakes"
    ):
        check(paths(**own))
    listed(tmp_path, [f"{TEST[0]} test", *TRAIN], f"{HEADER} split")
    with pytest.raises(InputError, match="names no image of Deepfakes in the split train"):
        check(paths(corpus=corpus, frames=frames, detector=binary))


def test_planning_says_it_and_reads_what_windows_has_saved(tmp_path):
    corpus = {"kind": "demo", "clips": CLIPS, "categories": ["Deepfakes"]}
    path = listed(tmp_path, TEST, encoding="utf-8-sig")
    assert list(read_csv(path)["video"]) == ["manipulated_sequences/Deepfakes/c23/videos/002_003.mp4"]
    frames = {"manifest": str(path)}
    binary = {"classes": ["Real", "Fake"]}
    assert check(paths(corpus=corpus, frames=frames, detector=binary)) == []
    both = corpus | {"categories": ["Deepfakes", "FaceSwap"]}
    with pytest.raises(InputError, match=r"list\.csv names no test image of FaceSwap: give a list"):
        check(paths(corpus=both, frames=frames, detector=binary))
    listed(tmp_path, TEST, encoding="utf-16")
    with pytest.raises(InputError, match=r"list\.csv is text in UTF-16: save it as UTF-8"):
        check(paths(corpus=corpus, frames=frames, detector=binary))


def test_clips_without_a_test_block_have_nothing_to_explain(tmp_path):
    corpus = {"kind": "demo", "clips": [clip("one", 0, train=2, val=2)]}
    with pytest.raises(
        InputError, match=r"corpus\.clips: none has a block in the split test, whose fakes are explained"
    ):
        check(paths(corpus=corpus))


def test_beside_a_list_of_test_images_the_detector_learns_from_the_corpus(root, tmp_path):
    path = listed(tmp_path, [TEST[0].replace("002_003", "953_974")])
    corpus = {"kind": "ffpp", "root": str(root), "splits": str(tmp_path / "splits"), "categories": ["Deepfakes"]}
    config = {
        "run": "a",
        "corpus": corpus,
        "frames": {"manifest": str(path)},
        "detector": {"classes": ["Real", "Fake"]},
    }
    assert check(Paths(load(config))) == []
    for a, b in PAIRS["train"]:
        for name in (f"{a}_{b}", f"{b}_{a}"):
            (root / f"manipulated_sequences/Deepfakes/c23/videos/{name}.mp4").unlink()
    with pytest.raises(InputError, match="videos holds none of the 2 Deepfakes videos that .* has in the split train"):
        check(Paths(load(config)))
    assert check(Paths(load(config)), "later") == []  # faces can be cut out without
