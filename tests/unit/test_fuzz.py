"""A moment of `make fuzz` with a fixed seed, and that it sees what it is there to see."""

import os
import signal
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from advxai.common.errors import InputError
from tests.fuzz import pool
from tests.fuzz.__main__ import table
from tests.fuzz.damage import damaged
from tests.fuzz.kinds import Kind, kinds
from tests.fuzz.trial import Finding, Trials, judged

SEED = 1
INPUTS = {"configurations": 1, "lists": 2, "manifests": 2, "keras": 3, "pickles": 6, "safetensors": 6}
SLOW = {"cases", "videos"}  # to be made


@pytest.mark.parametrize("name", sorted(set(kinds()) - SLOW))
def test_damaged_files_are_read_or_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trials = Trials(kinds()[name], name, SEED, tmp_path)
    trials.whole()
    counts = Counter(outcome for number in range(INPUTS.get(name, 12)) for outcome in trials.run(number))
    assert set(counts) <= {"read", "refused"} and counts.total() >= INPUTS.get(name, 12)


def refuse(path):
    raise InputError(f"{path} is damaged: get it anew")


def crash(path):
    raise ZeroDivisionError("odd")


def unnamed(path):
    raise InputError("it is damaged")


def lines(path):
    raise InputError(f"{path} is damaged:\nget it anew")


@pytest.mark.parametrize(
    "reader, said",
    [
        (crash, "ZeroDivisionError instead of a message"),
        (unnamed, "doesn't name the file: it is damaged"),
        (lines, "isn't one line"),
    ],
)
def test_what_counts_as_a_finding(tmp_path, reader, said):
    assert judged(lambda path: None, tmp_path / "odd.bin") and not judged(refuse, tmp_path / "odd.bin")
    with pytest.raises(Finding, match=said):
        judged(reader, tmp_path / "odd.bin")


def test_an_input_is_known_by_its_number(tmp_path):
    kind = Kind(lambda name: [refuse], lambda folder: (folder / "a.bin").write_bytes(bytes(range(256)) * 8))
    seen = []
    for folder in ("one", "two"):
        trials = Trials(kind, "numbers", SEED, tmp_path / folder)
        for number in range(20):
            assert list(trials.run(number)) == ["refused"]
            seen.append((tmp_path / folder / "input/a.bin").read_bytes())
    assert seen[:20] == seen[20:] and len(set(seen)) == 20
    with pytest.raises(Finding, match=r"a\.bin is valid and isn't read"):
        trials.whole()


def test_damage_of_every_kind_of_file_is_drawn():
    changed = [damaged(bytes(1000), Random(number)) for number in range(300)]
    lengths = [len(data) for data in changed]
    assert min(lengths) < 1000 < max(lengths) and len(set(changed)) > 200
    assert damaged(b"", Random(1)) == b""


def dying(name, seed, numbers, until, least, folder, told):
    """In a worker's place: of the inputs 1 and 3 the process dies or hangs, 4 is a finding, 6 ends it."""
    (folder / "input").mkdir(exist_ok=True)
    for number in numbers:
        (folder / "input" / "a.bin").write_text(str(number))
        told.send(("begin", number))
        if number == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == 3:
            time.sleep(60)
        finding = "odd" if number == 4 else ""
        told.send(("done", Counter(finding=1) if finding else Counter(read=1), finding))
        if finding:
            assert told.recv() == "kept"
        if number == 6:
            return


def test_a_crash_and_a_hang_are_findings_and_the_rest_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "HANG", 1.5)
    monkeypatch.setattr(pool, "STUCK", 1)
    said: list[str] = []
    tried = pool.Pool(7, tmp_path / "scratch", tmp_path / "kept", said.append, dying).run(["form"], 30)
    assert tried["form"].counts == Counter(read=4, finding=3)
    for number, words in ((1, "ended by SIGSEGV"), (3, "no answer within 1.5 s"), (4, "odd")):
        kept = tmp_path / "kept" / f"form-7-{number}"
        assert (kept / "input" / "a.bin").read_text() == str(number)
        text = (kept / "said.txt").read_text()
        assert words in text and f"make fuzz FUZZ='--only form --seed 7 --input {number}'" in text
    assert len(said) == 3 and sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "form-7-1", "form-7-3", "form-7-4"
    ]  # fmt: skip
    lines = table(tried).splitlines()
    assert lines[0].split() == ["form", "inputs", "read", "refused", "findings", "inputs/s"]
    assert lines[1].split()[:5] == ["form", "7", "4", "0", "3"]


def test_only_the_input_that_is_asked_for(tmp_path):
    tried = pool.Pool(7, tmp_path, Path(tmp_path, "kept"), print, dying).run(["form"], 30, range(5, 6))
    assert tried["form"].counts == Counter(read=1)
