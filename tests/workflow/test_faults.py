"""Faults of the machine: damaged files, a full disk, too little memory, two runs at once, Ctrl-C."""

import json
import os
import re
import signal
from pathlib import Path

import lmdb
import numpy as np
import yaml
from pyarrow.parquet import read_metadata

from advxai.run.store import read_attributes, read_shard
from tests.patience import PATIENCE
from tests.workflow.conftest import copy_of, snakemake, store
from tests.workflow.kills import Run, gone, journalled
from tests.workflow.test_kill import TABLE, assert_same, without


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def errors(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("Error:")]


def test_a_damaged_shard_is_refused_by_its_readers_and_made_anew(finished, tmp_path):
    """The file is named with the remedy; after that, its records that lie nowhere else are computed again."""
    folder = copy_of(finished, tmp_path)
    config = ["--configfile", folder / "tiny.yaml"]
    victim = store(folder, "saliency/LIME-*/tiny/0-of-2.h5")[0]
    whole = read_shard(victim)
    flip(victim, victim.stat().st_size // 2)
    done = snakemake(folder, TABLE, "--cores", 1, *config, check=False, chatter=False)
    assert done.returncode != 0
    said = errors(done.stdout)
    # the console says whose it is, the message once a try, and where it is to be read
    assert len(said) == done.stdout.count("evaluation LIME failed") == 3
    assert re.search(r"^log: results/store/logs/tiny/evaluation_shard/LIME-\w+/0-of-2\.log$", done.stdout, re.MULTILINE)
    assert "give the same command again" in done.stdout and "CalledProcessError" not in done.stdout
    assert said and all(str(victim.relative_to(folder)) in line and "delete it and run again" in line for line in said)
    victim.unlink()
    snakemake(folder, victim.relative_to(folder), "--cores", 1, *config)
    assert read_attributes(victim)["computed"] == len(whole)
    assert_same(folder, finished, "saliency/LIME-*/tiny/*.h5")


def test_damaged_rows_are_refused(finished, tmp_path):
    folder = copy_of(finished, tmp_path)
    victim = store(folder, "evaluation/LIME-*/tiny/0-of-2.parquet")[0]
    keys = read_metadata(victim).row_group(0).column(1)  # of values: a flip in a page's header may change nothing
    flip(victim, (keys.dictionary_page_offset or keys.data_page_offset) + keys.total_compressed_size - 1)
    done = snakemake(folder, TABLE, "--cores", 1, "--configfile", folder / "tiny.yaml", check=False)
    assert done.returncode != 0 and all(victim.name in line for line in errors(done.stdout)) and errors(done.stdout)


def test_unreadable_pages_of_the_database_are_named(finished, tmp_path):
    """An image's bytes, LMDB's own pages, the end of the file: never another image, never a wrong number."""
    folder = without(finished, tmp_path, "adversary/*/tiny")
    base = folder / "results/tiny/frames/frames.lmdb"
    whole, when = base.read_bytes(), base.stat()
    victim = json.loads((folder / "results/tiny/frames/shards/0-of-2.json").read_text())[0]
    target = store(finished, "adversary/*/tiny/0-of-2.h5")[0].relative_to(finished)
    with lmdb.open(str(base), subdir=False, readonly=True, lock=False) as environment:
        with environment.begin() as transaction:
            image = transaction.get(victim["key"].encode())
    config = ["--configfile", folder / "tiny.yaml"]

    def damaged(data: bytes) -> str:
        base.write_bytes(data)
        os.utime(base, ns=(when.st_atime_ns, when.st_mtime_ns))
        done = snakemake(folder, target, "--cores", 1, *config, check=False)
        assert done.returncode != 0
        return done.stdout

    place = whole.index(image) + len(image) // 2
    said = errors(damaged(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]))
    assert any(victim["key"] in line and "delete the database and run again" in line for line in said)
    said = errors(damaged(whole[: len(whole) // 2]))
    assert said and all("frames.lmdb" in line and "delete the database and run again" in line for line in said)
    base.unlink()
    snakemake(folder, "adversary", "--cores", 2, *config)
    assert base.read_bytes() == whole
    assert_same(folder, finished, "adversary/*/tiny/*.h5")


LIMIT = """
import resource, sys
if any(argument.endswith(".saliency_shard.py") for argument in sys.orig_argv):
    resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, resource.RLIM_INFINITY))
"""


def test_a_full_disk_stops_with_one_sentence_and_loses_nothing(finished, tmp_path):
    """A job's files may not grow beyond 12 kB, as if the disk was full then: the journal fits one record and no second.
    Python reads `sitecustomize` at every start. (tests/unit/test_store_journal.py has the same of a shard.)"""
    folder = without(finished, tmp_path, "saliency/LIME-*/tiny", "evaluation/LIME-*/tiny")
    (tmp_path / "sitecustomize.py").write_text(LIMIT.format(12_000))
    run = Run(folder, TABLE, "--cores", 1, SLOW_FORWARD="0", PYTHONPATH=str(tmp_path))
    assert run.process.wait(200 * PATIENCE) != 0
    output = run.output.read_text()
    said = errors(output)
    assert said and all("no room to write" in line and "finished images are kept" in line for line in said), output
    assert "Traceback" not in output
    kept = journalled(folder, "saliency")
    assert kept >= 1 and not store(folder, "saliency/LIME-*/tiny/0-of-2.h5")
    assert not [path for path in store(folder, "saliency/**/*") if path.name.startswith(".")], "half a file was left"
    snakemake(folder, TABLE, "--cores", 2, "--configfile", folder / "tiny.yaml")
    found = sum(int(read_attributes(path)["found"]) for path in store(folder, "saliency/LIME-*/tiny/*.h5"))
    assert found == kept
    assert_same(folder, finished, "saliency/LIME-*/tiny/*.h5")


def test_a_job_killed_for_memory_holds_half_as_many_images_next_time(finished, tmp_path):
    """The forward batch stays, so the numbers do."""
    folder = without(finished, tmp_path, "adversary/*/tiny")
    config = yaml.safe_load((folder / "tiny.yaml").read_text()) | {"images_at_once": 8}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    run = Run(folder, "adversary", "--cores", 1)
    seen = []
    for _ in range(2):
        run.until(lambda: [one for one in run.workers("adversary_shard") if one.pid not in seen])
        (worker,) = [one for one in run.workers("adversary_shard") if one.pid not in seen]
        seen.append(worker.pid)
        worker.send_signal(signal.SIGKILL)  # as the kernel does when memory runs out
    assert run.process.wait(120 * PATIENCE) == 0
    assert re.findall(r"images_at_once=(\d+)", run.output.read_text())[:3] == ["8", "4", "2"]
    assert re.findall(r"halvings=(\d+)", run.output.read_text())[:3] == ["0", "1", "2"]
    assert_same(folder, finished, "adversary/*/tiny/*.h5")


def test_two_runs_in_one_directory(finished, tmp_path):
    """Snakemake's lock refuses the second one; the first isn't disturbed."""
    folder = without(finished, tmp_path, "adversary/*/tiny")
    run = Run(folder, "adversary", "--cores", 1)
    run.until(lambda: journalled(folder, "adversary"))
    second = snakemake(folder, "--cores", 1, "--configfile", folder / "tiny.yaml", check=False)
    assert second.returncode != 0 and "lock" in second.stdout
    assert run.process.poll() is None and run.workers("adversary_shard")
    run.kill()


def test_two_machines_share_the_results(finished, tmp_path):
    """Two runs of other names, each in a directory (and with a lock) of its own, over one store, at the same time."""
    folder = without(finished, tmp_path, "adversary/*/tiny", "saliency/LIME_adv*/tiny", "evaluation/LIME_adv*/tiny")
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["explainers"] = {"LIME_adv": config["explainers"]["LIME_adv"]}
    runs = []
    for name in ("one", "two"):
        place = tmp_path / name
        place.mkdir()
        config |= {"run": name, "results": str(folder / "results")}
        config["corpus"]["clips"] = config["corpus"]["clips"][:1]
        (place / "tiny.yaml").write_text(yaml.safe_dump(config))
        runs.append(Run(place, "tables", "--cores", 1, SLOW_FORWARD="0"))
    for run in runs:
        assert run.process.wait(400 * PATIENCE) == 0, run.output.read_text()[-3000:]
    for name in ("one", "two"):
        ours, theirs = maps(folder, "LIME_adv", name), maps(finished, "LIME_adv", "tiny")
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
        for table in ("accuracy", "sufficiency", "flips"):
            ours, first = (folder / f"results/{run}/tables/{table}.csv" for run in (name, "one"))
            assert ours.read_bytes() == first.read_bytes()


def maps(folder: Path, row: str, run: str) -> dict[str, np.ndarray]:
    shards = store(folder, f"saliency/{row}-*/{run}/*.h5")
    return {record["key"]: record["map"] for path in shards for record in read_shard(path, ["key", "map"])}


def test_ctrl_c_publishes_nothing_half_and_says_how_to_go_on(finished, tmp_path):
    folder = without(finished, tmp_path, "adversary/*/tiny")
    run = Run(folder, "adversary", "--cores", 2)
    run.until(lambda: journalled(folder, "adversary") >= 2)
    workers = run.workers("adversary_shard")
    os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does: to Snakemake and its jobs
    assert run.process.wait(60 * PATIENCE) != 0 and gone(workers)
    output = run.output.read_text()
    assert "give the same command again" in output
    assert not store(folder, "adversary/*/tiny/*") and not store(folder, "**/.*")
    kept = journalled(folder, "adversary")
    snakemake(folder, "adversary", "--cores", 2, "--configfile", folder / "tiny.yaml")
    assert sum(int(read_attributes(path)["found"]) for path in store(folder, "adversary/*/tiny/*.h5")) == kept >= 2
    assert_same(folder, finished, "adversary/*/tiny/*.h5")
