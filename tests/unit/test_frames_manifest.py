"""The manifest's checks and the authors' list."""

import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.common.rows import frames_of, track_of
from advxai.frames.manifest import build, category_of, read_csv, write_csv

FAKE = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
REAL = "original_sequences/youtube/c23/videos/000.mp4"


def face(video, frame, category, label, split="test"):
    return {
        "key": f"{video}/{frame:05d}_0.png", "video": video, "category": category, "label": label, "split": split,
        "frame": frame,
    }  # fmt: skip


def tables():
    real = pd.DataFrame([face(REAL, 0, "Real", 0)])
    fake = pd.DataFrame([face(FAKE, 23, "Deepfakes", 3), face(FAKE, 0, "Deepfakes", 3)])
    return real, fake, real.iloc[:0]


def test_build_sorts_by_key_whatever_the_shards():
    real, fake, empty = tables()
    manifest = build([real, fake, empty], {"test": ["Real", "Deepfakes"]})
    assert manifest["key"].tolist() == [f"{FAKE}/00000_0.png", f"{FAKE}/00023_0.png", f"{REAL}/00000_0.png"]
    assert build([empty, fake.iloc[:1], real, fake.iloc[1:]], {}).equals(manifest)


def test_build_names_an_empty_category(tmp_path):
    real, fake, _ = tables()
    with pytest.raises(InputError, match="category FaceSwap has no face image in split test"):
        build([real, fake], {"test": ["Deepfakes", "FaceSwap"]})
    with pytest.raises(InputError, match="category Deepfakes has no face image in split train"):
        build([real, fake], {"train": ["Deepfakes"]})
    with pytest.raises(InputError, match="no video gave a face image"):
        build([real.iloc[:0]], {})
    rows = [{"stage": "faces", "item": f"{n}.mp4", "reason": "it has no frame."} for n in range(3)]
    parquet.write(pd.DataFrame(rows), tmp_path / "0.left_out.parquet")
    said = "the first of 3 reasons in .*0.left_out.parquet: 0.mp4: it has no frame."
    with pytest.raises(InputError, match=said):
        build([real.iloc[:0]], {}, [tmp_path / "0.left_out.parquet"])


def test_build_refuses_double_keys_and_wrong_labels():
    real, fake, _ = tables()
    with pytest.raises(InputError, match=f"{REAL}/00000_0.png comes twice"):
        build([real, fake, real], {})
    with pytest.raises(InputError, match="category Deepfakes has label 4"):
        build([real, fake.assign(label=4)], {})
    with pytest.raises(InputError, match="category Other has label 3"):
        build([real, fake.assign(category="Other")], {})


def test_the_authors_list_byte_by_byte(tmp_path):
    real, fake, _ = tables()
    manifest = build([real, fake], {})
    write_csv(manifest, tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_bytes().decode() == (
        "relative_path bin_label mc_label\n"
        f"{FAKE}/00000_0.png 1 3\n{FAKE}/00023_0.png 1 3\n{REAL}/00000_0.png 0 0\n"
    )  # fmt: skip
    write_csv(manifest, tmp_path / "list.csv", split=True)
    lines = (tmp_path / "list.csv").read_text().splitlines()
    assert lines[0] == "relative_path bin_label mc_label split" and lines[3] == f"{REAL}/00000_0.png 0 0 test"
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


def test_the_list_comes_back(tmp_path):
    real, fake, _ = tables()
    manifest = build([real, fake.assign(split="train")], {})
    write_csv(manifest, tmp_path / "list.csv", split=True)
    back = read_csv(tmp_path / "list.csv")
    assert back.equals(manifest[list(back.columns)])
    write_csv(manifest, tmp_path / "list.csv")
    assert set(read_csv(tmp_path / "list.csv", split="val")["split"]) == {"val"}


def test_both_names_of_a_crop_are_read(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        f"relative_path bin_label mc_label\n{FAKE}/00046.png 1 3\n{FAKE}/00069_0.png 1 3\n"
        f"original_sequences/c23/videos/001.mp4/00023.png 0 0\n{FAKE}/00069_12.png 1 3\n"
    )
    rows = read_csv(path)
    assert rows["frame"].tolist() == [46, 69, 23, 69] and rows["track"].tolist() == [0, 0, 0, 12]
    assert rows["track"].tolist() == [track_of(key) for key in rows["key"]] and str(rows["track"].dtype) == "int64"
    assert rows["video"].tolist() == [FAKE, FAKE, "original_sequences/c23/videos/001.mp4", FAKE]
    assert rows["category"].tolist() == ["Deepfakes", "Deepfakes", "Real", "Deepfakes"]


def test_faces_cut_out_before_there_were_tracks_are_of_the_first():
    rows = pd.DataFrame({"key": ["v/00000_0.png"], "video": "v", "category": "Real", "label": 0, "split": "test"})
    joined = build([rows.assign(key="v/00001_1.png", track=1), rows], {})
    assert joined["track"].tolist() == [0, 1] and str(joined["track"].dtype) == "int64"


@pytest.mark.parametrize(
    ("key", "track", "frame"),
    [
        ("a/b.mp4/00023_2.png", 2, "a/b.mp4/00023"),
        ("a/b.mp4/00023.png", 0, "a/b.mp4/00023"),
        ("a/000_003.mp4", 0, "a/000_003.mp4"),  # a video's name is no image's
        ("a/b/0007_01.png", 1, "a/b/0007"),
        ("v/01_004.png", 0, "v/01_004.png"),  # more digits than a track has: names of the user's own
        ("elsewhere", 0, "elsewhere"),
    ],
)
def test_the_track_and_the_frame_that_a_key_names(key, track, frame):
    assert track_of(key) == track and frames_of(pd.Series([key])).tolist() == [frame]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path label\na 1\n", "list.csv begins with path label"),
        (f"relative_path bin_label mc_label\n{FAKE}/00000.png 1 4\n", "line 2: .* 1 4 is not an FF"),
        (f"relative_path bin_label mc_label\n{FAKE}/00000.png 0 3\n", "line 2: .* 0 3 is not an FF"),
        (f"relative_path bin_label mc_label\n{FAKE}/0.png 1 3\n{FAKE}/x.png 1 3\n", "line 3: "),
        ("relative_path bin_label mc_label\nmanipulated_sequences/New/a.mp4/0.png 1 3\n", "line 2: "),
        (f"relative_path bin_label mc_label\n{FAKE}/00000.png 1\n", "line 2 has too few values"),
        (f"relative_path bin_label mc_label\n{FAKE}/0.png 1 3\n{FAKE}/0.png 1 3\n", "line 3: .* comes twice"),
        (f"relative_path bin_label mc_label split\n{FAKE}/0.png 1 3 tset\n", "line 2: .* has an unknown split"),
        ("", "begins with : it must be relative_path bin_label"),
        (f"relative_path,bin_label,mc_label\n{FAKE}/0.png,1,3\n", "it has commas between its columns, which must be"),
        (f"relative_path\tbin_label\tmc_label\n{FAKE}/0.png\t1\t3\n", "it has tabs between its columns"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path / "list.csv")


def test_category_of():
    assert category_of(FAKE) == "Deepfakes"
    assert category_of(REAL) == category_of("original_sequences/c23/videos/000.mp4") == "Real"
    assert category_of("elsewhere/Deepfakes/x.mp4") == ""
