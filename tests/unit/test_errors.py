"""Whatever a library raises for a file becomes one line that names it; what isn't the file's fault goes through."""

import errno
import json
import logging
import pickle

import pytest

from advxai.common.errors import InputError, reading, reason


@pytest.mark.parametrize(
    "error, said",
    [
        (ValueError("first line\nsecond\x00 line."), "first line second line"),
        (RuntimeError("it failed. See the manual."), "it failed"),
        (KeyError("records"), "KeyError 'records'"),
        (RecursionError("maximum recursion depth exceeded"), "maximum recursion depth exceeded"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (AssertionError(), "AssertionError"),
        (type("Foreign", (Exception,), {})(), "Foreign"),
        (ValueError("\udc80 x" * 300), ("  x" * 300).replace("  ", " ").strip()[:200] + " ..."),
    ],
)
def test_any_error_of_a_library_is_one_line(error, said, caplog):
    caplog.set_level(logging.CRITICAL)  # pytest-xdist can't send a lone surrogate from one process to another
    with pytest.raises(InputError) as caught, reading("a/file", "get it anew", "a table"):
        raise error
    assert str(caught.value) == f"a/file can't be read as a table ({said}): get it anew"
    assert caught.value.__cause__ is error


def test_without_a_kind_the_line_says_only_that_it_cannot_be_read():
    with pytest.raises(InputError, match=r"^a/file can't be read \(odd\): mend it$"), reading("a/file", "mend it"):
        raise ValueError("odd")


@pytest.mark.parametrize(
    "error",
    [
        InputError("said already"),
        MemoryError(),
        KeyboardInterrupt(),
        SystemExit(3),
        NameError("name 'x' is not defined"),
        ModuleNotFoundError("no module named x"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
    ],
)
def test_what_is_not_the_files_fault_goes_through(error):
    with pytest.raises(type(error)) as caught, reading("a/file", "get it anew"):
        raise error
    assert caught.value is error


def test_the_traceback_is_in_the_jobs_log_and_not_on_its_stderr(tmp_path, monkeypatch, capsys):
    from advxai.run import console, jobs

    monkeypatch.setattr(jobs, "watch_owner", lambda: None)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        with pytest.raises(SystemExit), jobs.job([str(tmp_path / "job.log")]), reading("a/file", "mend it"):
            json.loads("[" * 100_000)
    finally:
        root.handlers[:], root.level = before
    shown, logged = capsys.readouterr().err, (tmp_path / "job.log").read_text()
    line = "Error: a/file can't be read (maximum recursion depth exceeded"
    assert line in shown and "Traceback" not in shown
    assert line in logged and "| Traceback" in logged and "| RecursionError" in logged
    # the console shows a failed job's last lines
    said = console._tail(tmp_path / "job.log")
    assert len(said) == 1 and said[0].startswith(line)


def test_words_are_kept_as_a_user_can_read_them():
    assert reason(ValueError("ä is 'é'")) == "ä is 'é'"
    assert reason(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) == "No such file or directory"


def test_signs_of_a_name_do_not_act_on_the_terminal():
    assert str(InputError("a\x1b[2J\udc80\u2028b.png\r can't be read")) == r"a\x1b[2J\udc80\u2028b.png\r can't be read"
    assert str(InputError("\u00e4\u202f\U0001f600:\n  - b")) == "\u00e4\u202f\U0001f600:\n  - b"
    assert pickle.loads(pickle.dumps(InputError("a\tb"))).args == (r"a\tb",)
