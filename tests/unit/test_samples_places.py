"""Which file of a folder of crops a line of a list means."""

import errno
import logging
import os
import shutil
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.samples import images
from advxai.samples.lists import read
from advxai.samples.places import Tree, state
from tests.unit.samples_data import HEADER, face


@pytest.fixture
def crops(tmp_path):
    def laid(*names):
        """Each name's image is another one."""
        for seed, name in enumerate(names):
            (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "crops" / name).write_bytes(face(128, seed))
        return tmp_path / "crops"

    return laid


def found(crops, *lines):
    """The files' paths within the folder, and the table."""
    source = crops.parent / "list.csv"
    source.write_text("\n".join(lines) + "\n")
    table = images.in_folder(read(source), crops, "c23", source)
    return [os.path.relpath(file, crops) for file in table["file"]], table


def refused(crops, *lines) -> str:
    with pytest.raises(InputError) as error:
        found(crops, *lines)
    return str(error.value)


def test_the_split_that_a_line_names_counts_and_of_several_images_none_is_guessed(crops, caplog):
    caplog.set_level(logging.WARNING)
    folder = crops("training_set/Deepfakes/000_001/23_0.png", "test_set/Deepfakes/000_001/23_0.png")
    image = "Deepfakes/000_001/23_0.png"
    for split in ("training_set", "test_set"):
        assert found(folder, f"x/{split}/{image}")[0] == [f"{split}/{image}"]
    assert found(folder, f"train_set/{image}")[0] == [f"training_set/{image}"]  # the split's other name
    for line in (image, f"validation_set/{image}", "Deepfakes_000_001_23_0.png"):
        assert refused(folder, line) == (
            f"{folder.parent / 'list.csv'}, line 1: {line} may be {folder}/training_set/{image} or "
            f"{folder}/test_set/{image}, which differ: write the path of one of them in its place."
        )
    assert not caplog.records
    (folder / "training_set" / image).unlink()
    assert found(folder, image)[0] == [f"test_set/{image}"] and not caplog.records
    assert found(folder, f"validation_set/{image}")[0] == [f"test_set/{image}"]
    assert [record.getMessage() for record in caplog.records] == [
        f"1 of 1 images of {folder.parent / 'list.csv'} are of another split than it says, the first is "
        f"validation_set/{image} (line 1): {folder}/test_set/{image}"
    ]
    caplog.clear()
    shutil.copy(folder / "test_set" / image, folder / "Deepfakes_000_001_23_0.png")  # a copy is the same image
    assert len(found(folder, image)[0]) == 1 and not caplog.records


@pytest.mark.parametrize(
    "name",
    [
        "test_set/Deepfakes/000_001.mp4/23_0.png",
        "test_set/Deepfakes/000_001/0023_0.png",
        "test_set/Deepfakes/000_001/0023_00.png",
        "Deepfakes/000_001.mp4/000000023_0.png",
        "Deepfakes_000_001.mp4_23_0.png",
        "Deepfakes_000_001_0023_00.png",
    ],
)
def test_folders_and_numbers_however_they_are_written(crops, name):
    folder = crops(name)
    flat = name.split("/")[-1] if "/" not in name else "Deepfakes_000_001.mp4_23_0.png"
    for line in (name, f"x/test_set/{name}" if "/" not in name else f"x/{name}", "Deepfakes/000_001/23_0.png", flat):
        files, table = found(folder, line)
        assert files == [name]
        assert table["key"].tolist() == ["manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00023_0.png"]
    row = f"y/validation_set/Deepfakes/000_001,1,,,{flat}"
    assert found(folder, HEADER, row)[0] == [name]


def test_the_list_s_own_names_come_first(crops):
    names = [f"test_set/Deepfakes/{video}/{file}_0.png" for video in ("0_1", "0_1.mp4") for file in ("23", "0023")]
    names += ["Original_7_5_0.png", "Original_7.mp4_5_0.png"]
    folder = crops(*names)
    for name in names:
        assert found(folder, f"x/{name}")[0] == [name]
    assert found(folder, HEADER, "x/test_set/Deepfakes/0_1.mp4,1,,,0023_0.png")[0] == [names[3]]
    assert "may be" in refused(folder, "Deepfakes/0_1/00023_0.png")


def test_paths_that_no_file_system_takes_are_not_there(crops):
    folder = crops("grey.png")
    long = "x" * 5000
    for path in (f"{long}.png", f"Deepfakes/{long}/23_0.png", f"Deepfakes_{long}_23_0.png", "grey.png/x.png"):
        said = refused(folder, "grey.png 1", f"{path} 1")
        assert said.startswith(
            f"1 of 2 images of {folder.parent / 'list.csv'} is not there, the first is {path} (line 2); looked for in"
        )


def test_a_folder_that_can_t_be_read_is_said(crops, monkeypatch):
    folder = crops("test_set/Deepfakes/000_001/23_0.png")

    def closed(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", closed)
    assert "can't be read (Permission denied): allow it" in refused(folder, "Deepfakes/000_001/23_0.png")


def test_one_image_under_two_names_is_refused_with_both_lines(crops):
    folder = crops("grey.png", "test_set/Original/003/0_0.png", "a/grey.png")
    (folder / "link.png").symlink_to("grey.png")
    source = folder.parent / "list.csv"
    for other in ("./grey.png", f"{folder}/grey.png", "link.png", "a/../grey.png"):
        assert refused(folder, "a/grey.png 1", "grey.png 1", f"{other} 1") == (
            f"{source}, line 3: {other} is the image of line 2, grey.png: list every image once."
        )
    assert "line 2: test_set/Original/003/./0_0.png is in line 1" in refused(
        folder, "Original/003/0_0.png", "test_set/Original/003/./0_0.png"
    )


def test_keys_stay_when_the_folder_moves_and_tell_images_apart(crops):
    folder = crops("grey.png", "a/grey.png", "x/deep.png")
    outside = [folder.parent / "own/grey.png", folder.parent / "other/grey.png"]
    for seed, path in enumerate(outside):
        path.parent.mkdir()
        path.write_bytes(face(90, seed))
    lines = ["./grey.png 1", f"{folder}/a/grey.png 1", "x/../x/deep.png 0", "../own/grey.png 0", f"{outside[1]} 1"]
    _, before = found(folder, *lines)
    keys = before["key"].tolist()
    assert keys[:3] == ["grey.png", "a/grey.png", "x/deep.png"] and len(set(keys)) == 5
    assert keys[3:] == [f"{digest}/grey.png" for digest in before["sha256"][3:]]
    moved = folder.parent / "elsewhere/crops"
    shutil.copytree(folder, moved)
    shutil.copytree(outside[0].parent, moved.parent / "own")
    _, after = found(moved, lines[0], f"{moved}/a/grey.png 1", *lines[2:])
    assert after["key"].tolist() == keys
    shutil.copy(outside[0], outside[1])  # the same picture under the same name, where no place tells them apart
    assert "line 5: " in (said := refused(folder, *lines)) and " is the image of line 4, ../own/grey.png" in said
    deep = "/".join(["d" * 100] * 6)
    folder = crops(f"{deep}/o.png")
    _, table = found(folder, f"{deep}/o.png 1")
    assert table["key"].tolist() == [f"{table['sha256'][0]}/o.png"]


def test_the_state_of_a_list_s_images_tells_that_one_was_exchanged(crops):
    folder = crops("a.png", "b.png", "c.png")
    source = folder.parent / "list.csv"
    source.write_text("a.png 1\nb.png 0\n")

    def both():
        return [state(folder, source, own) for own in (False, True)]

    before = both()
    assert all(len(one) == 64 for one in before) and both() == before
    (folder / "c.png").write_bytes(b"longer")  # not of the list
    assert [old == new for old, new in zip(before, both(), strict=True)] == [True, False]
    before = both()
    status = (folder / "b.png").stat()
    os.utime(folder / "b.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1000))  # exchanged, of the same size
    assert [old == new for old, new in zip(before, both(), strict=True)] == [False, False]
    before = both()
    shutil.copytree(folder, folder.parent / "moved")
    assert state(folder.parent / "moved", source, False) == before[0]
    (folder / "b.png").unlink()
    assert state(folder, source, False) == "" and len(state(folder, source, True)) == 64
    assert state(folder, folder / "none.csv", False) == ""


def test_a_folder_is_read_once_for_many_lines(crops, monkeypatch):
    names = [f"test_set/Deepfakes/{video:03d}_000/{frame}_0.png" for video in range(3) for frame in range(5)]
    folder = crops(*names)
    source = folder.parent / "list.csv"
    source.write_text("\n".join(f"x/{name}" for name in names) + "\n")
    listed = []
    kept = Path.iterdir
    monkeypatch.setattr("pathlib.Path.iterdir", lambda path: listed.append(path) or kept(path))
    tree = Tree(folder)
    assert all(tree.find(one, source) is not None for one in read(source))
    method = folder / "test_set/Deepfakes"
    assert listed == [method, *(method / f"{video:03d}_000" for video in range(3))]
