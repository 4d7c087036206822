"""Node-local scratch."""

import pytest

from advxai.common.errors import InputError
from advxai.run.scratch import nearby, scratch_folder


def test_the_setting_is_read_on_the_job_s_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("NODE_TMP", str(tmp_path))
    assert scratch_folder("$NODE_TMP") == tmp_path
    assert scratch_folder(str(tmp_path)) == tmp_path
    assert scratch_folder(None) is None


@pytest.mark.parametrize(("setting", "words"), [("$NOT_SET_HERE", "isn't set on"), ("/no/such/folder", "is no folder")])
def test_a_scratch_that_is_not_there_is_said(setting, words):
    with pytest.raises(InputError, match=words) as said:
        scratch_folder(setting)
    assert setting in str(said.value)


def test_a_copy_for_the_time_of_the_block(tmp_path):
    original, scratch = tmp_path / "a.mp4", tmp_path / "scratch"
    original.write_bytes(b"frames")
    scratch.mkdir()
    with nearby(original, scratch) as copy:
        assert copy != original and copy.name == "a.mp4" and copy.is_relative_to(scratch)
        assert copy.read_bytes() == b"frames"
    assert not list(scratch.iterdir()) and original.exists()
    with nearby(original, None) as same:
        assert same == original


def test_messages_name_the_file_and_not_its_copy(tmp_path):
    original = tmp_path / "a.mp4"
    original.touch()
    with pytest.raises(InputError) as said, nearby(original, tmp_path) as copy:
        raise InputError(f"{copy} is truncated")
    assert str(said.value) == f"{original} is truncated"
    with pytest.raises(InputError, match="gone.mp4 can't be read"), nearby(tmp_path / "gone.mp4", tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
