"""Files and folders that appear whole: of whatever length their names are, and whoever may read them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from advxai.common.files import LONGEST, fitting, hidden_beside, publish, published_folder, scratch_prefix

LONG = ["a" * 251 + ".png", "é" * 125 + ".npz", "中" * 84 + ".h5", "." + "x" * 254, "x." + "y" * 253]


def test_a_name_that_fits_stays_and_a_longer_one_keeps_its_beginning():
    assert fitting("me", 20) == "me" and fitting("a" * 20, 20) == "a" * 20
    one, other = fitting("a" * 30 + "1", 20), fitting("a" * 30 + "2", 20)
    assert one.startswith("a" * 11 + "-") and len(one) == 20 and one != other and one == fitting("a" * 30 + "1", 20)
    assert len(os.fsencode(fitting("中" * 30, 20))) <= 20 and fitting("中" * 30, 20).startswith("中中中-")
    assert fitting("\udcff" * 30, 20) != fitting("\udcfe" * 30, 20)  # bytes that are no UTF-8


@pytest.mark.parametrize("name", LONG, ids=["ASCII", "two bytes", "three bytes", "dot", "suffix"])
def test_a_name_as_long_as_any_can_be_written(tmp_path, name):
    assert len(os.fsencode(name)) >= LONGEST - 1
    publish(tmp_path / name, lambda file: file.write_text("me"))
    assert (tmp_path / name).read_text() == "me" and len(list(tmp_path.iterdir())) == 1
    with published_folder(tmp_path / "folders" / name) as scratch:
        (scratch / "one").touch()
    with published_folder(tmp_path / "folders" / name) as scratch:  # in place of the first
        (scratch / "two").touch()
    assert [path.name for path in (tmp_path / "folders").glob("**/*")] == [name, "two"]


def test_a_writer_that_goes_by_the_suffix_finds_it():
    assert hidden_beside(Path("folder/me.png")).parent == Path("folder")
    assert hidden_beside(Path("me.png")).suffix == ".png" and hidden_beside(Path("me.png")).name.startswith(".me.")
    assert len(os.fsencode(scratch_prefix("中" * 84))) <= LONGEST - 12  # tempfile's letters, and a suffix


WRITE = """
import os, sys
os.umask(int(sys.argv[1], 8))
from fractions import Fraction
from pathlib import Path
import numpy as np
from advxai.common.files import publish, published_folder
from advxai.media.video import write_video

def close(path):  # as some writers do
    path.touch(mode=0o600)

publish(Path("file"), close)
with published_folder(Path("folder")) as folder:
    (folder / "inside").touch()
write_video(Path("clip.mp4"), [np.zeros((16, 16, 3), np.uint8)], Fraction(25))
"""


@pytest.mark.parametrize("umask", ["077", "022", "002"])
def test_who_may_read_is_the_umask_s_to_say(tmp_path, umask):
    """Faces aren't for everybody who has an account on the machine."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", WRITE, umask], cwd=tmp_path, env=environment, check=True)
    allowed = ~int(umask, 8)
    for name, most in (("file", 0o666), ("folder", 0o777), ("folder/inside", 0o666), ("clip.mp4", 0o666)):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == most & allowed, name


def test_a_folder_keeps_the_group_that_its_parent_gives(tmp_path):
    tmp_path.chmod(0o2755)
    with published_folder(tmp_path / "folder") as scratch:
        inherited = scratch.stat().st_mode & stat.S_ISGID
    assert (tmp_path / "folder").stat().st_mode & stat.S_ISGID == inherited


def test_what_killed_jobs_left_beside_a_folder_goes_where_nobody_else_writes_it(tmp_path):
    left, other = tmp_path / f"{scratch_prefix('films')}abcdefgh", tmp_path / f"{scratch_prefix('films2')}abcdefgh"
    for folder in (left, other, tmp_path / "films"):
        folder.mkdir()
        (folder / "file").write_text("former")
    with published_folder(tmp_path / "films") as scratch:
        assert left.exists()  # it may be another writer's
        (scratch / "file").write_text("second")
    with pytest.raises(RuntimeError), published_folder(tmp_path / "films", alone=True) as scratch:
        assert not left.exists() and other.exists()
        assert (tmp_path / "films/file").read_text() == "second"  # seen until the block ends, and after a failure
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "films"]
    assert (tmp_path / "films/file").read_text() == "second"
