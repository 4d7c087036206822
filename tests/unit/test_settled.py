"""A run's folder whose Snakemake record is gone: settled if it was made with the present settings alone."""

import json
import os
import shutil
import struct
from pathlib import Path

import pytest

from advxai.beforehand import check
from advxai.common.errors import InputError
from advxai.config import load
from advxai.run.paths import Paths
from advxai.run.settled import call_up, remember, require_known, settings_of


def paths(folder: Path, **changes) -> Paths:
    source = {"package": "p", "version": "1", "file": "one.mp4", "sha256": "0" * 64}
    clip = {"name": "one", "first_id": 0, "source": source, "splits": {"train": 2, "test": 2}}
    config = {"run": "a", "results": str(folder / "results"), "corpus": {"kind": "demo", "clips": [clip]}}
    return Paths(load(config | changes))


@pytest.fixture
def snakemake(tmp_path) -> Path:
    """Snakemake's folder, as after a run."""
    (tmp_path / ".snakemake/metadata").mkdir(parents=True)
    return tmp_path / ".snakemake"


def test_changed_settings_are_snakemake_s_own_business_while_it_has_its_record(tmp_path, snakemake):
    for changes in ({}, {"frames": {"per_video": 3}}, {}):
        require_known(paths(tmp_path, **changes), snakemake)
        remember(paths(tmp_path, **changes), snakemake)
    assert len(json.loads((tmp_path / "results/a/settings.json").read_text())["settings"]) == 2


@pytest.mark.parametrize("loss", ["deleted", "of another folder"])
def test_without_the_record_the_same_settings_go_on_and_others_are_refused(tmp_path, snakemake, loss):
    own, other = paths(tmp_path), paths(tmp_path, frames={"per_video": 3})
    remember(own, snakemake)
    shutil.rmtree(snakemake)
    if loss == "of another folder":
        elsewhere = tmp_path / "elsewhere"
        remember(paths(elsewhere), snakemake)
        (snakemake / "metadata").mkdir()
    require_known(own, snakemake)
    with pytest.raises(InputError) as error:
        require_known(other, snakemake)
    assert str(error.value) == (
        f"{own.run} may be of other settings than these, and Snakemake's record of what each file was made from "
        f"(.snakemake) isn't here: bring it along, or delete {own.run}, which is made anew from the store"
    )
    shutil.rmtree(own.run)  # the remedy
    require_known(other, snakemake)
    remember(other, snakemake)
    require_known(other, snakemake)


def test_a_folder_of_several_settings_is_of_none_without_the_record(tmp_path, snakemake):
    """Going back leaves new files in place that are younger than the old ones."""
    own = paths(tmp_path)
    for one in (own, paths(tmp_path, frames={"per_video": 3}), own):
        remember(one, snakemake)
    require_known(own, snakemake)
    shutil.rmtree(snakemake)
    with pytest.raises(InputError, match="may be of other settings"):
        require_known(own, snakemake)


def test_a_folder_of_before_goes_on_with_the_record_alone(tmp_path, snakemake):
    own = paths(tmp_path)
    require_known(own, snakemake)
    (own.run / "frames").mkdir(parents=True)
    require_known(own, snakemake)
    shutil.rmtree(snakemake)
    with pytest.raises(InputError, match="may be of other settings"):
        require_known(own, snakemake)


def test_what_changes_no_readable_file_is_no_other_setting(tmp_path):
    own = settings_of(paths(tmp_path))
    same = {
        "images_at_once": 3,
        "threads": {"faces": 2},
        "scratch": "/tmp",
        "image": "me.jpg",
        "prune": {"delete": True},
    }
    assert settings_of(paths(tmp_path / "moved", **same)) == own
    others = ({"seed": 1}, {"shards": 2}, {"report": {"dpi": 99}}, {"evaluation": {"top": 2}})
    assert len({own, *(settings_of(paths(tmp_path, **change)) for change in others)}) == 5


def test_a_damaged_note_is_named(tmp_path, snakemake):
    own = paths(tmp_path)
    remember(own, snakemake)
    (own.run / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json can't be read .*delete its folder"):
        require_known(own, snakemake)


def test_a_detector_that_was_put_back_with_its_old_times_is_looked_at_again(tmp_path, snakemake):
    """Snakemake compares the checksum of an input only if it is younger than what was made of it."""
    own = paths(tmp_path)
    own.weights.parent.mkdir(parents=True)

    def put(content: bytes) -> None:
        own.weights.write_bytes(struct.pack("<Q", 2) + b"{}" + content)
        check(own)
        os.utime(own.weights_hash, (1000, 1000))

    def called_up() -> bool:
        call_up(own, snakemake)
        return own.weights_hash.stat().st_mtime > 1000

    call_up(own, snakemake)  # there is no detector yet
    remember(own, snakemake)
    put(b"one")
    assert called_up()  # nobody knows what the run was made with
    put(b"one")
    remember(own, snakemake)
    assert not called_up()
    put(b"two")
    assert called_up()
    put(b"two")
    assert called_up()  # as long as no run has begun with it
    remember(own, snakemake)
    put(b"one")
    assert called_up()


def test_an_edited_list_of_clips_is_another_setting(tmp_path):
    mine = tmp_path / "clips.csv"
    own = paths(tmp_path, video={"list": str(mine)})
    mine.write_text("video\na.mp4\n")
    first = settings_of(own)
    assert first == settings_of(paths(tmp_path, video={"list": str(mine)}))
    mine.write_text("video\nb.mp4\n")
    assert settings_of(paths(tmp_path, video={"list": str(mine)})) != first
    assert len({settings_of(paths(tmp_path, video=one)) for one in ({}, {"frames": 8}, {"films": {"most": 1}})}) == 3
