"""Journals: what a killed writer has finished is not lost; and what a full disk does."""

import subprocess
import sys

import pytest

from advxai.run.store import (
    Journal,
)
from advxai.run.store.journal import MAGIC, read_journal
from tests.patience import PATIENCE
from tests.unit.store_data import equal, record


@pytest.fixture
def journal(tmp_path):
    """Three records; returns its path and where each frame begins."""
    path = tmp_path / "a.journal"
    written = Journal(path)
    starts = []
    for key in ("1", "2", "3"):
        starts.append(path.stat().st_size if path.exists() else 0)
        written.add(record(key))
    return path, starts


def keys(path) -> list[str]:
    return [one["key"] for one in read_journal(path)]


def test_a_journal_gives_back_whole_records(journal):
    path, _ = journal
    assert all(equal(one, record(str(number))) for number, one in enumerate(read_journal(path), 1))
    assert list(next(read_journal(path))) == list(record("1"))  # the fields in their order


def test_what_a_killed_writer_left_half_written_is_not_given_back(journal):
    path, starts = journal
    data = path.read_bytes()
    for size in (len(data) - 1, starts[2] + 1, starts[2] + len(MAGIC) + 3, starts[2]):
        path.write_bytes(data[:size])
        assert keys(path) == ["1", "2"]
    path.write_bytes(b"")
    assert keys(path) == []


@pytest.mark.parametrize("place", [0, len(MAGIC), len(MAGIC) + 7, len(MAGIC) + 8, len(MAGIC) + 60])
def test_a_changed_byte_costs_its_record_alone(journal, place):
    """In the mark, the length (much longer, a little longer), the checksum, the content."""
    path, starts = journal
    data = bytearray(path.read_bytes())
    data[starts[1] + place] ^= 0x55
    path.write_bytes(data)
    assert keys(path) == ["1", "3"]


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from advxai.run.store import Journal, write_shard
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
noise = np.random.default_rng(0)
records = [{"key": str(n), "sha256": "h", "map": noise.random((40, 40), np.float32)} for n in range(20)]
folder = Path(sys.argv[1])
journal = Journal(folder / "a.journal")
write = {
    "shard": lambda: write_shard(folder / "a.h5", records, {}),
    "journal": lambda: [journal.add(record) for record in records],
}
try:
    write[sys.argv[2]]()
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("what", ["shard", "journal"])
def test_a_full_disk_is_an_error_and_leaves_nothing_half_published(tmp_path, what):
    """A process that may not write files of more than 20 kB; h5py on its own ends in a crash there."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path, what],
        capture_output=True,
        text=True,
        check=True,
        timeout=120 * PATIENCE,
    )
    assert done.stdout == "File too large\n" and done.stderr == ""
    if what == "shard":
        assert list(tmp_path.iterdir()) == []
    else:
        assert keys(tmp_path / "a.journal") == ["0", "1", "2"]  # 6 kB each
