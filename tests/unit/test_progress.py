"""What a job tells the console, and what it shows where there is none."""

import io
import json
import logging
import shutil
from pathlib import Path

import pytest

from advxai.run import bar, progress
from advxai.run.bar import Bar
from advxai.run.jobs import job

LOG = "logs/a.log"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A workflow's directory of its own, and this process as its owner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.NAME, "here:1")
    monkeypatch.setattr(progress, "_file", None)
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before
    progress._told.clear()


def test_what_is_told_is_read_as_long_as_there_is_a_console():
    progress.offer()
    progress.begin(LOG)
    progress.tell(n=1, total=4)
    progress.tell(n=2, found=1)
    assert progress.read(LOG) == {"n": 2, "total": 4, "found": 1}
    assert progress.read("another.log") == {}
    progress.withdraw()
    progress.tell(n=3)  # the workflow has gone: no error
    assert progress.read(LOG) == {} and not progress.FOLDER.exists()


@pytest.mark.parametrize("log", [None, LOG])
def test_a_job_without_a_log_or_console_isn_t_listened_to(log):
    if log is None:
        progress.offer()
    progress.begin(log)
    assert not progress.listened()
    progress.tell(n=1)
    assert not progress.place(LOG).exists()


def test_what_a_killed_run_left_behind_is_no_console(monkeypatch):
    progress.offer()
    monkeypatch.setenv(progress.NAME, "here:2")
    assert not progress.offered()
    progress.offer()
    assert progress.offered()


def test_the_console_is_told_and_nothing_is_drawn(monkeypatch, capsys):
    monkeypatch.setattr(bar, "CONSOLE", 0.0)
    progress.offer()
    progress.begin(LOG)
    seen = []
    for number in Bar(range(3), desc="LIME", unit="image", mininterval=0, miniters=1):
        seen.append((number, progress.read(LOG)["n"]))
    assert seen[0] == (0, 0)
    told = progress.read(LOG)
    assert (told["n"], told["total"], told["unit"], told["left"]) == (3, 3, "image", 0)
    assert capsys.readouterr().err == ""


def test_a_file_has_the_last_line_of_a_bar(capsys):
    for _ in Bar(range(3), desc="LIME", unit="image"):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("LIME: 100%|") and "3/3" in line


def test_a_file_has_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(bar, "FILE", 0.0)
    with Bar(total=2, desc="LIME") as one:
        one.update()
        one.refresh()
    said = capsys.readouterr().err
    assert "LIME:  50%|" in said and "\r" not in said


def test_a_bar_that_is_switched_off_says_nothing(capsys):
    for _ in Bar(range(3), disable=True):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_has_tqdm_s_own_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    for _ in Bar(range(3), desc="LIME"):
        pass
    assert terminal.getvalue().startswith("\rLIME:   0%|") and "3/3" in terminal.getvalue()


def messages(log: list[str]) -> None:
    with job(log):
        logging.info("a table")
        logging.info("LIME: 3 wanted, 1 found, 2 computed", extra={"told": True})
        raise MemoryError("too little")


ALL = ["a table", "LIME: 3 wanted, 1 found, 2 computed", "Error: too little"]


def test_the_log_file_has_all_and_the_screen_what_the_console_hasn_t(capsys):
    progress.offer()
    with pytest.raises(SystemExit, match="1"):
        messages([LOG])
    assert open(LOG).read().splitlines() == ALL
    assert capsys.readouterr().err.splitlines() == ["a table"]


def test_the_last_words_of_a_job_whose_console_is_gone_are_on_the_screen(capsys):
    progress.offer()
    progress.begin(LOG)
    logging.basicConfig(handlers=[progress.spoken()], force=True)
    logging.error("The workflow is gone", extra={"alone": True})
    assert capsys.readouterr().err.splitlines()[-1].endswith("The workflow is gone")


def test_a_file_in_the_folder_s_place_goes_and_a_folder_that_can_t_be_made_is_no_error(caplog, tmp_path):
    progress.FOLDER.parent.mkdir()
    progress.FOLDER.write_text("x")
    assert not progress.offered()
    progress.offer()
    assert progress.offered()
    shutil.rmtree(".snakemake")
    Path(".snakemake").write_text("x")
    progress.offer()
    assert not progress.offered() and "the console doesn't know how far jobs are" in caplog.text


def test_without_a_console_the_screen_has_all(capsys):
    with pytest.raises(SystemExit, match="1"):
        messages([LOG])
    assert open(LOG).read().splitlines() == capsys.readouterr().err.splitlines() == ALL


def test_at_a_terminal_a_message_clears_the_console_s_line(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    progress.offer()
    with pytest.raises(SystemExit, match="1"):
        messages([LOG])
    assert terminal.getvalue() == "\r\x1b[Ka table\n"
    assert open(LOG).read().splitlines() == ALL


def test_ctrl_c_ends_a_job_without_a_traceback(capsys):
    with pytest.raises(SystemExit, match="130"), job([LOG]):
        raise KeyboardInterrupt
    assert open(LOG).read() == capsys.readouterr().err == "stopped; what it has finished is kept\n"


def test_the_file_is_whole_whenever_it_is_read():
    progress.offer()
    progress.begin(LOG)
    for number in range(20):
        progress.tell(n=number)
        assert json.loads(progress.place(LOG).read_text()) == {"n": number}
    assert sorted(path.name for path in progress.FOLDER.iterdir()) == sorted([progress.OWNER, progress.place(LOG).name])
