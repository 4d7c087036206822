"""Lists of samples, literally as their makers write them."""

import math

import pandas as pd
import pytest

from advxai.common.errors import InputError
from advxai.samples import images
from advxai.samples.lists import Sample, place_of, read
from tests.unit.samples_data import HEADER, face

SET = "../deep_fakes_explain/dataset/validation_set"


def listed(folder, text, encoding="utf-8"):
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refused(folder, text) -> str:
    with pytest.raises(InputError) as error:
        read(listed(folder, text))
    assert str(error.value).startswith(str(folder / "list.csv"))
    return str(error.value)


def test_a_list_of_videos_as_the_test_of_a_detector_leaves_it(tmp_path):
    """Labels as 1 and 1.0; the image with its frame and face alone or with method and video before them; a further
    column, with or without a name."""
    lines = [
        f"{SET}/Face2Face/048_029,1.0,0.909907,0.6639859,383_0.png",
        f"{SET}/Original/054,0,0.007896773,0.000347124,Original_054_296_0.png",
        f"{SET}/Deepfakes/083_213,1,,,Deepfakes_083_213_152_2.png",
        "test_set/FaceSwap/012_026.mp4,1,0.9998897,0.9999156,FaceSwap_012_026_202_0.png",
    ]
    expected = [
        Sample(
            2, f"{SET}/Face2Face/048_029/383_0.png", True, "Face2Face", "048_029", 383, 0, "validation_set", 0.909907,
            0.6639859,
        ),
        Sample(
            3, f"{SET}/Original/054/296_0.png", False, "Real", "054", 296, 0, "validation_set", 0.007896773, 0.000347124
        ),
    ]  # fmt: skip
    found = read(listed(tmp_path, "\n".join([HEADER, *lines]) + "\n"))
    assert found[:2] == expected
    third = found[2]
    assert (third.category, third.video, third.frame, third.face) == ("Deepfakes", "083_213", 152, 2)
    assert math.isnan(third.video_prob) and math.isnan(third.high_low_prob)
    assert (found[3].video, found[3].within, found[3].frame) == ("012_026", "test_set", 202)
    short = [f"{HEADER},example_file_name_short", f"{lines[1]},296_0.png"]
    assert read(listed(tmp_path, "\r\n".join(short), "utf-8-sig"))[0].path == expected[1].path
    unnamed = [HEADER, f"{lines[1]},296_0.png"]
    assert read(listed(tmp_path, "\n".join(unnamed)))[0].video_prob == 0.007896773


def test_a_path_or_key_a_line_and_the_authors_form(tmp_path):
    key = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00023_1.png"
    text = f"{key}\ntest_set/Original/003/0_0.png\n\nFaceSwap_000_001_46_0.png 1\nmy own.png\t0\nother.jpg,1.0\n"
    found = read(listed(tmp_path, text))
    assert [(one.line, one.fake, one.category, one.video, one.frame, one.face) for one in found] == [
        (1, True, "Deepfakes", "000_001", 23, 1),
        (2, False, "Real", "003", 0, 0),
        (4, True, "FaceSwap", "000_001", 46, 0),
        (5, False, "", "", -1, -1),
        (6, True, "", "", -1, -1),
    ]
    assert [one.path for one in found[3:]] == ["my own.png", "other.jpg"]
    authors = f"relative_path bin_label mc_label\n{key} 1 3\noriginal_sequences/c23/videos/000.mp4/00000.png 0 0\n"
    found = read(listed(tmp_path, authors))
    assert [(one.fake, one.category, one.video, one.frame) for one in found] == [
        (True, "Deepfakes", "000_001", 23), (False, "Real", "000", 0),
    ]  # fmt: skip
    others = authors.replace(" 1 3\n", " 1.0 3.0\n\n").replace(
        "original_sequences/c23", "original_sequences/youtube/c23"
    )
    assert [(one.line, one.video) for one in read(listed(tmp_path, others))] == [(2, "000_001"), (4, "000")]
    assert f"line 2: {key} 1 4 is not an FF++ crop with its labels: mc_label is 0 Real, 1" in refused(
        tmp_path, authors.replace(" 1 3", " 1 4")
    )
    assert "line 2: the label 0 contradicts" in refused(tmp_path, authors.replace(" 1 3", " 0 3"))
    assert "line 2 has 2 values: it needs relative_path bin_label" in refused(tmp_path, authors.replace(" 1 3", " 1"))
    assert "line 3: a.png 1 3 is not an FF++ crop" in refused(tmp_path, f"{authors.splitlines()[0]}\n\na.png 1 3\n")
    assert place_of("a/b.png") is None and place_of("") is None
    assert place_of(key.replace("00023", "9" * 5000)) is None


def test_what_is_wrong_with_a_list_is_said_with_its_line(tmp_path):
    row = f"{SET}/Original/054,0,0.1,0.1,296_0.png"
    head = HEADER + "\n"
    assert "lists no image" in refused(tmp_path, "\n")
    assert "lists no image" in refused(tmp_path, head)
    assert "has no column label" in refused(tmp_path, "video_name,video_prob\n")
    assert ", line 2 has 2 values: it needs 5, one a column." in refused(tmp_path, f"{head}a,b\n")
    said = refused(tmp_path, head + row.replace("Original", "Originals"))
    assert ", line 2: ../deep_fakes_explain/dataset/validation_set/Originals/054 doesn't end in a method and a" in said
    assert "296.png isn't named <frame>_<face>.png" in refused(tmp_path, head + row.replace("296_0", "296"))
    assert "line 2: the label 1 contradicts" in refused(tmp_path, head + row.replace(",0,", ",1,"))
    assert "line 2: the label 0.5 must be 0 for real or 1" in refused(tmp_path, head + row.replace(",0,", ",0.5,"))
    assert "line 2: video_prob 7 must be a number from 0 to 1" in refused(tmp_path, head + row.replace("0.1,0", "7,0"))
    assert "line 2: the label x must be 0 for real or 1" in refused(tmp_path, head + row.replace(",0,", ",x,"))
    twice = f"{head}{row}\n{row.replace('296', 'Original_054_296')}\n"
    assert "line 3: ../deep_fakes_explain/dataset/validation_set/Original/054/296_0.png is in line 2 too" in refused(
        tmp_path, twice
    )
    assert "line 1: x.png doesn't say whether it is real or fake: write 0 (real) or 1" in refused(tmp_path, "x.png\n")
    with pytest.raises(InputError, match=r"none\.csv can't be read as a list of samples.*correct samples\.list"):
        read(tmp_path / "none.csv")


def test_tables_as_other_programs_write_them(tmp_path):
    """Line ends of old Macs, the index column of pandas, other separators, capitals, another order, decimal commas."""
    rows = [[f"{SET}/Face2Face/048_029", "1.0", "0.909907", "0.5", "383_0.png"]]
    rows.append([f"{SET}/Original/054", "0", "", "0.25", "Original_054_296_0.png"])
    names = HEADER.split(",")

    def text(header=names, cells=rows, sign=",", end="\n"):
        return end.join(map(sign.join, [header, *cells])) + end

    expected = read(listed(tmp_path, text()))
    assert [(one.line, one.frame, one.high_low_prob) for one in expected] == [(2, 383, 0.5), (3, 296, 0.25)]
    decimal = [[cell if cell.endswith(".png") else cell.replace("0.", "0,") for cell in row] for row in rows]
    decimal = [[row[0].replace("0,", "0."), *row[1:]] for row in decimal]
    for form in (
        text(end="\r"), text(end="\r\n"), text(sign=";"), text(sign="\t"), text(cells=decimal, sign=";"),
        text([name.upper() for name in names]), text([f" {name.title()} " for name in names]),
        text(["", *names], [[str(number), *row] for number, row in enumerate(rows)]),
        text(["Unnamed: 0", *names], [[str(number), *row] for number, row in enumerate(rows)], sign="\t"),
        text(names[::-1], [row[::-1] for row in rows]), text([f'"{name}"' for name in names]),
    ):  # fmt: skip
        found = read(listed(tmp_path, form))
        assert repr(found) == repr(expected), form  # NaN is none other's equal
    assert "has 2 columns label: its header must have" in refused(tmp_path, text([*names, "Label"]))
    assert "has no column video_name" in refused(tmp_path, text(names[1:]))
    for header in ("image,label", "Label;file", "image\tlabel"):
        said = refused(tmp_path, f"{header}\nx.png,1\n")
        assert "has the header" in said and "a list of images, each with its label behind it, has none" in said
    key = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00023_1.png"
    for sign in (",", "\t", ";"):
        said = refused(
            tmp_path, sign.join(["relative_path", "bin_label", "mc_label"]) + f"\n{sign.join([key, '1', '3'])}\n"
        )
        assert "it must be relative_path bin_label mc_label [split]; it has " in said
    assert "it must be relative_path bin_label" in refused(tmp_path, f"Relative_Path bin_label mc_label\n{key} 1 3\n")
    assert "old Mac" in refused(tmp_path, f"relative_path bin_label mc_label\r{key} 1 3\r")


def test_paths_in_quotes_and_labels_that_are_none(tmp_path):
    text = '"grey.png",1\r"a, ""b"".png" 0\rlabel.png 1\r"c.png";"0.0"\r"d.png\t1\rmy "e".png 1\rmy label 1\r'
    found = read(listed(tmp_path, text))
    assert [(one.line, one.path, one.fake) for one in found] == [
        (1, "grey.png", True), (2, 'a, "b".png', False), (3, "label.png", True), (4, "c.png", False),
        (5, '"d.png', True), (6, 'my "e".png', True), (7, "my label", True),
    ]  # fmt: skip
    for label in ("2", "0.5", "-1", "10"):
        assert f"line 2: the label {label} must be 0 for real or 1 for fake" in refused(
            tmp_path, f"a.png 1\nb.png {label}\n"
        )
    assert "doesn't say whether it is real or fake" in refused(tmp_path, "a" * 200_000)


def test_images_are_found_in_a_tree_or_side_by_side(tmp_path):
    """In the set that the list names, in another one, padded, side by side, under the path itself."""
    crops = tmp_path / "crops"
    names = [
        "val_set/Original/054/296_0.png", "Deepfakes_000_001_7_1.png", "test_set/FaceSwap/000_001/00046_0.png", "o.png",
    ]  # fmt: skip
    for seed, name in enumerate(names):
        (crops / name).parent.mkdir(parents=True, exist_ok=True)
        (crops / name).write_bytes(face(128, seed))
    lines = f"{SET}/Original/054/296_0.png\nDeepfakes/000_001/7_1.png\ntest_set/FaceSwap/000_001/46_0.png\no.png 1\n"
    source = listed(tmp_path, lines)
    table = images.in_folder(read(source), crops, "c23", source)
    assert table["file"].tolist() == [str(crops / name) for name in names]
    assert table["key"].tolist() == [
        "original_sequences/youtube/c23/videos/054.mp4/00296_0.png",
        "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00007_1.png",
        "manipulated_sequences/FaceSwap/c23/videos/000_001.mp4/00046_0.png",
        "o.png",
    ]
    assert table["method"].tolist() == ["Original", "Deepfakes", "FaceSwap", ""]
    assert table["fake"].tolist() == [False, True, True, True]


def test_missing_and_broken_images_are_an_error_that_names_the_first(tmp_path):
    crops = tmp_path / "crops"
    (crops / "Original/054").mkdir(parents=True)
    (crops / "Original/054/1_0.png").write_bytes(face(128)[:-40])
    source = listed(tmp_path, "Original/054/1_0.png\nOriginal/054/2_0.png\nOriginal/054/3_0.png\n")
    with pytest.raises(InputError) as error:
        images.in_folder(read(source), crops, "c23", source)
    assert str(error.value).startswith(
        f"2 of 3 images of {source} are not there, the first is Original/054/2_0.png (line 2); looked for in {crops}: "
        "set samples.crops to"
    )
    source = listed(tmp_path, "Original/054/1_0.png\n")
    with pytest.raises(InputError, match=r"1_0\.png is not a readable image .*: cut it out anew, or take it out of"):
        images.in_folder(read(source), crops, "c23", source)


def test_the_run_s_own_images(tmp_path):
    video = "original_sequences/youtube/c23/videos/054.mp4"
    row = {"key": f"{video}/00296_0.png", "sha256": "s"}
    source = listed(tmp_path, f"{HEADER}\ntest_set/Original/054,0,0.1,0.1,296_0.png\n")
    table = images.in_run(read(source), pd.DataFrame([row]), source)
    assert table.loc[0, ["key", "sha256", "file"]].tolist() == [row["key"], "s", ""]
    source = listed(tmp_path, f"{HEADER}\ntest_set/Original/054,0,0.1,0.1,297_0.png\n")
    with pytest.raises(InputError, match=r"1 of 1 images of .* is not there, the first is .*297_0\.png \(line 2\)"):
        images.in_run(read(source), pd.DataFrame([row]), source)
