import json
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.corpus.tree import left_out, merge, scan

CATEGORIES = ["NeuralTextures", "Deepfakes"]


def clip_folder(root: Path, name: str, split: str, a: str, b: str, masks: bool = True) -> Path:
    """What make_clip leaves for one pair, with empty files in the place of videos."""
    files = [f"original_sequences/youtube/c23/videos/{video}.mp4" for video in (a, b)]
    for category in CATEGORIES:
        for pair in (f"{a}_{b}", f"{b}_{a}"):
            files.append(f"manipulated_sequences/{category}/c23/videos/{pair}.mp4")
            if masks:
                files.append(f"manipulated_sequences/{category}/masks/videos/{pair}.mp4")
    for file in files:
        (root / name / file).parent.mkdir(parents=True, exist_ok=True)
        (root / name / file).write_text(name)
    report = {"name": name, "pairs": {split: [[a, b]]}, "videos": files, "left_out": []}
    (root / name / "clip.json").write_text(json.dumps(report))
    return root / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    clips = [
        clip_folder(tmp_path, "one", "train", "000", "001"),
        clip_folder(tmp_path, "two", "test", "002", "003", masks=False),
    ]
    (tmp_path / "three").mkdir()
    row = {"stage": "corpus", "item": "three.mp4", "reason": "no face"}
    (tmp_path / "three" / "clip.json").write_text(
        json.dumps({"name": "three", "pairs": {}, "videos": [], "left_out": [row]})
    )
    merge([*clips, tmp_path / "three"], tmp_path / "ff")
    assert left_out([*clips, tmp_path / "three"]).to_dict("records") == [row]
    return tmp_path / "ff"


def test_merge(root: Path) -> None:
    assert json.loads((root / "splits" / "train.json").read_text()) == [["000", "001"]]
    assert json.loads((root / "splits" / "val.json").read_text()) == []
    assert json.loads((root / "splits" / "test.json").read_text()) == [["002", "003"]]
    assert (root / "manipulated_sequences/Deepfakes/c23/videos/003_002.mp4").read_text() == "two"
    assert len(list(root.rglob("*.mp4"))) == 2 * (2 + 2 * 2) + 4  # both clips' videos, the first one's masks


def test_merge_refuses(tmp_path: Path, root: Path) -> None:
    again = clip_folder(tmp_path, "four", "test", "000", "001")
    with pytest.raises(InputError, match="twice"):
        merge([tmp_path / "one", again], tmp_path / "other")
    with pytest.raises(InputError, match=r"no clip gave a video \(no face\)"):
        merge([tmp_path / "three"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_scan(root: Path) -> None:
    videos, missing = scan(root, "c23", CATEGORIES, root / "splits")
    assert missing.empty and list(missing.columns) == ["stage", "item", "reason"]
    assert videos["category"].tolist() == ["Real"] * 4 + ["NeuralTextures"] * 4 + ["Deepfakes"] * 4
    assert videos["label"].tolist() == [0] * 4 + [1] * 4 + [3] * 4
    assert videos["split"].tolist() == ["train", "train", "test", "test"] * 3
    fake = videos.iloc[8]
    assert fake["video"] == "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4"
    assert fake["path"] == str(root / fake["video"])
    assert fake["mask"] == str(root / "manipulated_sequences/Deepfakes/masks/videos/000_001.mp4")
    assert videos.iloc[10]["mask"] == "" and videos.iloc[0]["mask"] == ""


def test_scan_takes_the_metadatas_place_of_originals(root: Path) -> None:
    (root / "original_sequences/youtube/c23").rename(root / "original_sequences/c23")
    videos, _ = scan(root, "c23", CATEGORIES, root / "splits")
    assert videos.iloc[0]["video"] == "original_sequences/c23/videos/000.mp4"


def test_scan_lists_what_is_missing(root: Path) -> None:
    gone = "manipulated_sequences/Deepfakes/c23/videos/002_003.mp4"
    (root / gone).unlink()
    videos, missing = scan(root, "c23", CATEGORIES, root / "splits")
    assert len(videos) == 11
    assert missing.to_dict("records") == [
        {"stage": "corpus", "item": gone, "reason": "listed in test.json, not on disk"}
    ]


def test_scan_refuses(root: Path) -> None:
    with pytest.raises(InputError, match="no FaceSwap video is in .*manipulated_sequences/FaceSwap/c23/videos"):
        scan(root, "c23", ["FaceSwap"], root / "splits")
    with pytest.raises(InputError, match="no Real video is in .*c23 is there"):
        scan(root, "c40", [], root / "splits")
    with pytest.raises(InputError, match="categories: Swap is unknown"):
        scan(root, "c23", ["Swap"], root / "splits")
    (root / "splits" / "val.json").write_text('[["000"]]')
    with pytest.raises(InputError, match="val.json is no list of pairs"):
        scan(root, "c23", CATEGORIES, root / "splits")
    (root / "splits" / "val.json").unlink()
    with pytest.raises(InputError, match="val.json can't be read"):
        scan(root, "c23", CATEGORIES, root / "splits")
