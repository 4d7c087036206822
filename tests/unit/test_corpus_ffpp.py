"""FF++ as it is downloaded: both sources of the splits, both places of the originals, and what is missing."""

import csv
import json
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.corpus.ffpp import SPLITLESS, missing, read_splits
from advxai.corpus.tree import scan

SHARED = Path(__file__).parents[3] / "shared" / "data"
PAIRS = {"train": [["071", "054"]], "val": [["087", "081"]], "test": [["953", "974"], ["012", "026"]]}
DFD = ("02_01__walking__ABC", "01_02__exit_phone_room__YVGY8LOK")


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def both(split: str) -> list[str]:
    return [f"{x}_{y}" for a, b in PAIRS[split] for x, y in ((a, b), (b, a))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Names as the real ones, empty files; c23, and c40 of Deepfakes alone."""
    root = tmp_path / "ff"
    for split, pairs in PAIRS.items():
        put(root, *(f"original_sequences/youtube/c23/videos/{part}.mp4" for pair in pairs for part in pair))
        for category in ("Deepfakes", "FaceSwap", "FaceShifter"):
            put(root, *(f"manipulated_sequences/{category}/c23/videos/{name}.mp4" for name in both(split)))
        put(root, *(f"manipulated_sequences/Deepfakes/masks/videos/{name}.mp4" for name in both(split)))
    put(root, *(f"manipulated_sequences/DeepFakeDetection/c23/videos/{name}.mp4" for name in DFD))
    put(root, f"manipulated_sequences/DeepFakeDetection/masks/videos/{DFD[0]}.mp4")
    put(root, "original_sequences/actors/c23/videos/01__exit_phone_room.mp4")
    put(
        root, "original_sequences/actors/c23/videos/notes.txt", "manipulated_sequences/Deepfakes/c40/videos/071_054.mp4"
    )
    (tmp_path / "splits").mkdir()
    for split, pairs in PAIRS.items():
        (tmp_path / "splits" / f"{split}.json").write_text(json.dumps(pairs))
    return root


def metadata(folder: Path) -> Path:
    """The same splits in the form of the authors' metadata."""
    header = "c0_path,split,label,original,manipulation,height,width,frame_rate,nb_frames,c23_path,c40_path".split(",")
    rows = []
    for split, pairs in PAIRS.items():
        for name in both(split):
            for category in ("Deepfakes", "FaceSwap", "FaceShifter"):
                path = f"manipulated_sequences/{category}/c0/videos/{name}.mp4"
                rows.append([path, split, "FAKE", f"{name[:3]}.mp4", category, 480, 640, 15, 238, "", ""])
        for name in (part for pair in pairs for part in pair):
            rows.append([f"original_sequences/c0/videos/{name}.mp4", split, "REAL", "", "", 480, 640, 15, 238, "", ""])
    path = folder / "dataset_info.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_both_sources_name_the_same_videos(root, tmp_path):
    from_json, from_csv = read_splits(tmp_path / "splits"), read_splits(metadata(tmp_path))
    for category in ("Real", "Deepfakes", "FaceSwap", "FaceShifter"):
        assert from_json[category] == from_csv[category]
    assert from_json["Real"]["test"] == ["953", "974", "012", "026"]
    assert from_json["FaceShifter"]["train"] == ["071_054", "054_071"]
    categories, also = ["Deepfakes", "FaceSwap"], ["FaceShifter"]
    one, _ = scan(root, "c23", categories, tmp_path / "splits", also)
    other, _ = scan(root, "c23", categories, tmp_path / "dataset_info.csv", also)
    assert len(one) == 8 + 3 * 8 and one.equals(other)


@pytest.mark.skipif(not SHARED.exists(), reason="the authors' metadata are not beside the checkout")
def test_the_authors_metadata_name_the_official_splits():
    official, authors = read_splits(SHARED / "splits"), read_splits(SHARED / "dataset_info.csv")
    assert official.keys() == authors.keys() and len(official) == 6
    for category, by_split in official.items():
        assert [len(names) for names in by_split.values()] == [720, 140, 140]
        for split, names in by_split.items():
            assert sorted(names) == sorted(authors[category][split])


def test_further_videos(root, tmp_path):
    videos, left_out = scan(root, "c23", ["Deepfakes"], tmp_path / "splits", ["FaceShifter", *SPLITLESS])
    assert left_out.empty
    groups = dict(list(videos.groupby("category")))
    assert {name: len(rows) for name, rows in groups.items()} == {
        "Real": 8, "Deepfakes": 8, "FaceShifter": 8, "DeepFakeDetection": 2, "actors": 1,
    }  # fmt: skip
    assert {name: set(rows["label"]) for name, rows in groups.items()} == {
        "Real": {0}, "Deepfakes": {3}, "FaceShifter": {-1}, "DeepFakeDetection": {-1}, "actors": {0},
    }  # fmt: skip
    assert groups["FaceShifter"]["split"].tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 4
    assert set(groups["FaceShifter"]["mask"]) == set(groups["actors"]["mask"]) == {""}
    detection = groups["DeepFakeDetection"]
    folder = "manipulated_sequences/DeepFakeDetection"
    assert detection["video"].tolist() == [f"{folder}/c23/videos/{name}.mp4" for name in sorted(DFD)]
    assert detection["mask"].tolist() == ["", str(root / folder / f"masks/videos/{DFD[0]}.mp4")]
    assert set(detection["split"]) == {"test"}
    actor = groups["actors"].iloc[0]
    assert (actor["video"], actor["split"]) == ("original_sequences/actors/c23/videos/01__exit_phone_room.mp4", "test")


def test_other_compressions(root, tmp_path):
    (root / "original_sequences/youtube/c23").rename(root / "original_sequences/c40")
    put(root, "original_sequences/youtube/c40/videos/readme.mp4")  # an empty shell of the other place doesn't win
    videos, left_out = scan(root, "c40", ["Deepfakes"], tmp_path / "splits")
    assert videos["video"].tolist()[0] == "original_sequences/c40/videos/071.mp4"
    assert videos["video"].tolist()[-1] == "manipulated_sequences/Deepfakes/c40/videos/071_054.mp4"
    assert left_out["reason"].tolist() == ["listed in train.json, not on disk"] + [
        f"listed in {split}.json, not on disk" for split in ("val", "val", "test", "test", "test", "test")
    ]
    _, left_out = scan(root, "c40", ["Deepfakes"], metadata(tmp_path))
    assert left_out["reason"].iloc[0] == "listed in dataset_info.csv as train, not on disk"


def test_nothing_is_missing(root, tmp_path):
    everything = ["FaceShifter", "DeepFakeDetection", "actors"]
    for splits in (tmp_path / "splits", metadata(tmp_path)):
        assert missing(root, "c23", ["Deepfakes", "FaceSwap"], everything, splits) == []


def test_what_is_missing_is_said_with_its_remedy(root, tmp_path):
    splits = tmp_path / "splits"
    there = "(c23 is there: set corpus.compression to it)"
    assert missing(root, "raw", ["Deepfakes", "Face2Face"], ["actors", "FaceShifter"], splits) == [
        f"corpus.compression: no Real video is in {root}/original_sequences/youtube/raw/videos or "
        f"{root}/original_sequences/raw/videos {there}: download original_sequences/youtube/raw with the script "
        "of the GitHub repository ondyari/FaceForensics",
        f"corpus.categories: no Deepfakes video is in {root}/manipulated_sequences/Deepfakes/raw/videos (c23 and c40 "
        "are there: set corpus.compression to one of them): download manipulated_sequences/Deepfakes/raw with the "
        "script of the GitHub repository ondyari/FaceForensics or take Deepfakes out of corpus.categories",
        f"corpus.categories: no Face2Face video is in {root}/manipulated_sequences/Face2Face/raw/videos: download "
        "manipulated_sequences/Face2Face/raw with the script of the GitHub repository ondyari/FaceForensics or take "
        "Face2Face out of corpus.categories",
        f"corpus.also: no actors video is in {root}/original_sequences/actors/raw/videos {there}: download "
        "original_sequences/actors/raw with the script of the GitHub repository ondyari/FaceForensics or take actors "
        "out of corpus.also",
        f"corpus.also: no FaceShifter video is in {root}/manipulated_sequences/FaceShifter/raw/videos {there}: "
        "download manipulated_sequences/FaceShifter/raw with the script of the GitHub repository ondyari/FaceForensics "
        "or take FaceShifter out of corpus.also",
    ]


def test_a_folder_with_other_videos_is_missing_too(root, tmp_path):
    put(root, "manipulated_sequences/NeuralTextures/c23/videos/000_003.mp4")
    (lack,) = missing(root, "c23", ["NeuralTextures", "Deepfakes"], [], tmp_path / "splits")
    assert lack.startswith(
        f"corpus.categories: {root}/manipulated_sequences/NeuralTextures/c23/videos holds none of the 8 NeuralTextures "
        f"videos that {tmp_path}/splits names: download "
    )
    with pytest.raises(InputError) as error:
        scan(root, "c23", ["NeuralTextures"], tmp_path / "splits")
    assert str(error.value) == f"{lack}."


def test_without_root_or_splits(root, tmp_path):
    (tmp_path / "splits/val.json").unlink()
    lacks = missing(tmp_path / "none", "c23", ["Deepfakes"], [], tmp_path / "splits")
    assert [lack.split(" ")[:2] for lack in lacks] == [
        ["corpus.root:", str(tmp_path / "none")],
        ["corpus.splits:", str(tmp_path / "splits/val.json")],
    ]
    assert "on request" in lacks[0] and "dataset/splits of the GitHub repository ondyari/FaceForensics" in lacks[1]
    # which videos are wanted isn't known: only a folder without any is named
    lacks = missing(root, "c23", ["Deepfakes", "Face2Face"], [], tmp_path / "info.csv")
    assert [lack.partition(":")[0] for lack in lacks] == ["corpus.splits", "corpus.categories"]
    assert "info.csv is not there" in lacks[0] and "no Face2Face video" in lacks[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c0_path,label,manipulation\n", r"info\.csv has no column split: give the authors' dataset_info\.csv"),
        ("c0_path,split,label,manipulation\na/000_003.mp4,tset,FAKE,Deepfakes\n", "line 2 has label FAKE, split tset"),
        ("c0_path,split,label,manipulation\na/000.mp4,test,fake,\n", "line 2 has label fake"),
        ("c0_path,split,label,manipulation\na/0.mp4,test,REAL,\na/0.mp4,val,REAL,\n", "names Real video 0 in val and"),
    ],
)
def test_wrong_metadata(tmp_path, text, message):
    path = tmp_path / "info.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_splits(path)
    (lack, *_) = missing(tmp_path, "c23", [], [], path)
    assert lack.startswith("corpus.splits: ") and str(path) in lack and not lack.endswith(".")


def test_a_video_in_two_splits(root, tmp_path):
    (tmp_path / "splits/val.json").write_text('[["071", "099"]]')
    with pytest.raises(InputError, match="names Real video 071 in train and in val: leave it in one split"):
        scan(root, "c23", ["Deepfakes"], tmp_path / "splits")
    with pytest.raises(InputError, match=r"corpus\.also: Deepfakes is unknown: use some of FaceShifter"):
        scan(root, "c23", ["Deepfakes"], tmp_path / "splits", ["Deepfakes"])
