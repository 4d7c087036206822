"""The genuine frame behind a fake, and how well it fits."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.frames.counterparts import (
    COLUMNS,
    SUFFIX,
    Counterparts,
    alignment,
    derived_mask,
    difference,
    original_of,
    region_of,
)
from advxai.frames.cutting import collect, write
from advxai.frames.database import FrameStore
from advxai.media.cut import Placement, decode_png, encode_png
from advxai.media.video import read_at, read_frames, write_video

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/012_026.mp4"
ORIGINAL = "original_sequences/youtube/c23/videos/012.mp4"
BOX = {"x1": 8, "y1": 4, "x2": 56, "y2": 52}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """FF++'s root with one original: five frames 64 x 64 of noise."""
    folder = tmp_path_factory.mktemp("ffpp")
    frames = np.random.default_rng(0).integers(40, 200, (5, 64, 64, 3)).astype(np.uint8)
    (folder / ORIGINAL).parent.mkdir(parents=True)
    write_video(folder / ORIGINAL, frames, Fraction(10), crf=0)
    return folder


def genuine(root: Path, number: int) -> np.ndarray:
    return next(image for index, image in read_frames(root / ORIGINAL) if index == number)[4:52, 8:56]


@pytest.fixture
def made(root, tmp_path):
    """Rows of the manifest; a fake is the original's frame with its middle, 16 x 16 pixels, made brighter by 50."""

    def row(frame: int, picture: np.ndarray | None = None, **changes: Any) -> dict[str, Any]:
        if picture is None:
            picture = genuine(root, frame).copy()
            picture[16:32, 16:32] = picture[16:32, 16:32].astype(int) + 50
        mask = np.zeros((48, 48), np.uint8)
        mask[16:32, 16:32] = 255
        for name, image in (("fake", picture), ("mask", mask)):
            (tmp_path / f"{name}{frame}.png").write_bytes(encode_png(image))
        files = {
            "file": str(tmp_path / f"fake{frame}.png"),
            "mask_file": str(tmp_path / f"mask{frame}.png"),
            "mask": "",
        }
        return {"key": f"{VIDEO}/{frame:05d}_0.png", "video": VIDEO, "frame": frame, **BOX, **files} | changes

    return row


def collected(rows: list[dict[str, Any]], root: Path | None, tmp_path: Path, aligned: float = 0.5) -> pd.DataFrame:
    return collect(pd.DataFrame(rows), root, tmp_path / "store", aligned, None)


def test_names_of_originals():
    youtube = ["original_sequences/youtube/c23/videos/012.mp4", "original_sequences/c23/videos/012.mp4"]
    assert original_of(VIDEO) == youtube
    assert original_of(ORIGINAL) == []
    assert original_of("manipulated_sequences/DeepFakeDetection/c23/videos/01_02__talking__AB.mp4") == []
    assert original_of("elsewhere/012_026.mp4") == []


def test_the_counterpart_is_the_same_frame_by_the_same_box(made, root, tmp_path):
    rows = [made(3), made(1)]
    table = collected(rows, root, tmp_path)
    assert list(table.columns) == list(COLUMNS) and table["key"].tolist() == [row["key"] for row in rows]
    assert table["reason"].tolist() == ["", ""] and table["region"].tolist() == ["mask", "mask"]
    paths = SimpleNamespace(**{name: str(tmp_path / name) for name in ("table", "lmdb", "left_out")})
    write(table, paths, None)
    counterparts = Counterparts(Path(paths.table), Path(paths.lmdb))
    for row in rows:
        np.testing.assert_array_equal(counterparts.image(row["key"]), genuine(root, row["frame"]))
        assert counterparts.reason(row["key"]) == "" and len(counterparts.sha256(row["key"])) == 64
        assert row["key"] + SUFFIX in FrameStore(Path(paths.lmdb))
    assert len(parquet.read(paths.left_out)) == 0
    assert counterparts.image("another") is None and counterparts.sha256("another") == ""
    assert counterparts.reason("another") == "it is no explained fake of this run"


def test_two_faces_of_a_frame_have_a_counterpart_each(made, root, tmp_path):
    other = {"x1": 0, "y1": 0, "x2": 48, "y2": 48}
    second = made(1, key=f"{VIDEO}/00001_1.png", **other)
    table = collected([made(1), second], root, tmp_path)
    cuts = [decode_png(Path(file).read_bytes(), "", "") for file in table["file"]]
    np.testing.assert_array_equal(cuts[0], genuine(root, 1))
    assert cuts[1].shape == (48, 48, 3) and (cuts[1] != cuts[0]).any()


def test_the_counterpart_of_a_turned_crop_is_turned_alike(made, root, tmp_path):
    whole = dict(read_frames(root / ORIGINAL))
    turned = Placement((8, 4, 56, 52), matrix=((0.9, 0.2, -6.0), (-0.2, 0.9, 4.0)), side=48)
    padded = Placement((8, 4, 56, 52), reaching=(8, 4, 56, 57))
    places = {3: turned, 1: padded, 2: Placement((8, 4, 56, 52))}
    rows = [made(index, place.cut(whole[index]), placement=place.text) for index, place in places.items()]
    table = collected(rows, root, tmp_path)
    for file, (index, place) in zip(table["file"], places.items(), strict=True):
        np.testing.assert_array_equal(decode_png(Path(file).read_bytes(), file, ""), place.cut(whole[index]))
    names = [Path(file).stem.split("_") for file in table["file"]]
    assert [len(name) for name in names] == [6, 6, 5]  # of one box; what else places a crop is in its name


def test_how_well_it_fits(made, root, tmp_path):
    (row,) = collected([made(2)], root, tmp_path).to_dict("records")
    # 50 of 255 inside, less what the blur carries out; outside nothing else
    assert 0.15 < row["inside"] < 50 / 255 and 0 < row["outside"] < 0.02
    assert row["alignment"] == pytest.approx(row["outside"] / row["inside"])


def test_another_picture_is_not_aligned(made, root, tmp_path):
    (row,) = collected([made(2, picture=genuine(root, 4))], root, tmp_path).to_dict("records")
    assert row["alignment"] > 0.9 and row["reason"].startswith("it isn't aligned (difference outside over inside ")
    assert row["reason"].endswith("at most 0.5)")
    (loose,) = collected([made(2, picture=genuine(root, 4))], root, tmp_path, aligned=10).to_dict("records")
    assert loose["reason"] == ""


def test_the_same_picture_is_no_fake(made, root, tmp_path):
    (row,) = collected([made(2, picture=genuine(root, 2))], root, tmp_path).to_dict("records")
    assert row["reason"] == "the original's frame is the same picture" and np.isnan(row["alignment"])


def test_what_is_not_there_is_said_and_costs_nothing_else(made, root, tmp_path):
    rows = [
        made(0),
        made(1, x1=-1, y1=-1, x2=-1, y2=-1),
        made(4) | {"frame": 7},
        made(2, x2=70, y2=66),
        made(3, video="manipulated_sequences/Deepfakes/c23/videos/099_026.mp4"),
        made(4, video="elsewhere/012_026.mp4"),
    ]
    rows = [row | {"key": str(number)} for number, row in enumerate(rows)]
    table = collected(rows, root, tmp_path)
    reasons = table["reason"].tolist()
    assert reasons[0] == "" and "doesn't say where in the video" in reasons[1]
    assert reasons[2].endswith("012.mp4 has no frame 7") and "doesn't lie in an image of 64 x 64" in reasons[3]
    assert reasons[4] == "original_sequences/youtube/c23/videos/099.mp4 isn't there"
    assert reasons[5] == "the name of its video doesn't say which original it was made from"
    assert np.isnan(table["alignment"][1:]).all() and (table["sha256"][1:] == "").all()
    paths = SimpleNamespace(**{name: str(tmp_path / name) for name in ("table", "lmdb", "left_out")})
    write(table, paths, None)
    listed = parquet.read(paths.left_out)
    assert listed["item"].tolist() == ["1", "2", "3", "4", "5"] and (listed["stage"] == "counterparts").all()
    assert listed["reason"].str.startswith("no counterpart: ").all()


def test_a_damaged_original_costs_its_images_counterparts_alone(made, tmp_path):
    (tmp_path / ORIGINAL).parent.mkdir(parents=True)
    (tmp_path / ORIGINAL).write_text("no video")
    assert "can't be read as a video" in collected([made_up(tmp_path)], tmp_path, tmp_path)["reason"][0]
    assert "doesn't say where" in collected([made_up(tmp_path)], None, tmp_path)["reason"][0]


def made_up(tmp_path: Path) -> dict[str, Any]:
    return {"key": "a", "video": VIDEO, "frame": 0, **BOX, "file": "", "mask_file": "", "mask": ""}


def test_crops_that_are_there_are_not_cut_again(made, root, tmp_path, monkeypatch):
    first = collected([made(1), made(3)], root, tmp_path)
    asked = []

    def counted(path: Path, wanted: Any) -> Any:
        asked.append(sorted(wanted))
        return read_at(path, wanted)

    monkeypatch.setattr("advxai.frames.cutting.read_at", counted)
    again = collected([made(1), made(2), made(3)], root, tmp_path)
    assert asked == [[2]]
    pd.testing.assert_frame_equal(again.iloc[[0, 2]].reset_index(drop=True), first)


def test_no_image_gives_an_empty_table_and_database(tmp_path):
    images = pd.DataFrame({"key": pd.Series([], dtype="str")})
    table = collect(images, None, tmp_path, 0.5, None)
    paths = SimpleNamespace(**{name: str(tmp_path / name) for name in ("table", "lmdb", "left_out")})
    write(table, paths, None)
    assert Counterparts(Path(paths.table), Path(paths.lmdb)).image("a") is None


def test_without_a_mask_of_use_the_region_is_the_face_s_box():
    full, none = np.full((26, 26), 255, np.uint8), np.zeros((26, 26), np.uint8)
    for mask in (None, full, none, np.full((13, 13), 255, np.uint8)):
        name, region = region_of(mask, (26, 26))
        assert name == "box" and region.sum() == 20 * 20 and region[3, 3] and not region[2, 3]
    half = full.copy()
    half[:13] = 0
    assert region_of(half, (26, 26))[0] == "mask"


def test_difference_and_the_derived_mask_by_hand():
    fake, genuine_ = np.full((40, 40, 3), 100, np.uint8), np.full((40, 40, 3), 100, np.uint8)
    fake[10:30, 10:30, 0] = 160
    gap = difference(fake, genuine_)
    assert gap[20, 20] == pytest.approx(60 / 255 / 3) and gap[5, 5] == 0
    mask = np.zeros((40, 40), np.uint8)
    mask[4:36, 4:36] = 255  # larger than what was changed, as NeuralTextures' is
    derived = derived_mask(fake, genuine_, mask)
    assert derived[10:30, 10:30].all() and not derived[:4].any() and 400 <= derived.sum() <= 28 * 28
    same = alignment(fake, fake, mask)
    assert np.isnan(same["alignment"]) and same["inside"] == 0 and not derived_mask(fake, fake, mask).any()
