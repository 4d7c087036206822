"""What is listed is deleted, and nothing else: no link is followed."""

import shutil
from pathlib import Path

from advxai.common.sizes import human
from advxai.config import load
from advxai.prune.delete import delete
from advxai.prune.entries import Entry, total
from advxai.prune.unused import unused
from advxai.run.paths import Paths
from tests.unit.prune.finished import HEX, files, listed, mapping, only_of, run, touch


def test_delete_deletes_exactly_the_list_and_a_second_prune_lists_nothing(both, tmp_path):
    a, _b = both
    before = files(tmp_path)
    entries = unused([a])
    assert files(tmp_path) == before
    gone = {entry.path.relative_to(tmp_path).as_posix() for entry in entries}
    assert delete(entries, tmp_path / "results") == entries
    after = files(tmp_path)
    assert after == {
        path: content for path, content in before.items() if not any(f"{path}/".startswith(f"{one}/") for one in gone)
    }
    assert unused([a]) == [] and not list(tmp_path.rglob(".*"))
    assert {path for path in after if path.startswith("results/b/")} == {
        path for path in before if path.startswith("results/b/")
    }


def test_links_aren_t_followed(both, tmp_path):
    a, b = both
    outside = touch(tmp_path / "elsewhere/precious.h5").parent
    stage = a.store / "of_old"
    stage.symlink_to(outside)
    touch(outside / f"x-{HEX}/file")
    (b.saliency("LIME").path / "b/link").symlink_to(outside)
    (a.store / "saliency" / f"x-{HEX}").symlink_to(outside)
    (a.saliency("LIME").path / "kept").symlink_to(outside)
    (b.predicted.parent / "link.h5").symlink_to(outside / "precious.h5")
    predicted = {path.relative_to(b.store).as_posix() for path in (b.predicted, b.predicted.parent)}
    assert listed(a) ^ only_of(b, a) == predicted
    kept = files(outside)
    delete(unused([a]), tmp_path / "results")
    assert files(outside) == kept and not b.saliency("LIME").path.exists()
    entries = [
        Entry(path, "", 1, 1) for path in (stage / f"x-{HEX}", outside, stage, a.store.parent, a.store / "../..")
    ]
    assert delete(entries, tmp_path / "results") == []
    assert files(outside) == kept and a.face_model.exists()


def test_a_results_folder_that_is_a_link_itself(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    a = Paths(load(mapping(tmp_path / "results", "a")))
    run(a)
    gone = touch(a.store / f"saliency/x-{HEX}/file").parent
    entries = unused([a])
    assert [entry.path for entry in entries] == [gone]
    assert delete(entries, Path(a.config.results)) == entries and not gone.exists()


def test_a_store_behind_a_link_is_left_alone(both, tmp_path):
    a, _b = both
    a.store.rename(tmp_path / "disk")
    a.store.symlink_to(tmp_path / "disk")
    assert unused([a]) == []


def test_a_folder_disappears_at_once_and_a_failure_stops_nothing(a, tmp_path, monkeypatch):
    run(a)
    folders = [touch(a.store / f"saliency/{name}-{HEX}/file").parent for name in "xyz"]
    entries = unused([a])
    original = shutil.rmtree

    def rmtree(path: Path) -> None:
        assert path.name.startswith(".") and path.parent == folders[0].parent
        assert not path.with_name(path.name.split(".")[1]).exists()
        if path.name.startswith(".y"):
            raise PermissionError(13, "Permission denied")
        original(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    gone = delete(entries, tmp_path / "results")
    assert [entry.path for entry in gone] == [folders[0], folders[2]]
    assert not any(folder.exists() for folder in folders)


def test_what_has_vanished_is_gone(a, tmp_path):
    run(a)
    gone = touch(a.store / f"saliency/x-{HEX}/file").parent
    entries = unused([a])
    delete(entries, tmp_path / "results")
    assert not gone.exists() and delete(entries, tmp_path / "results") == entries


def test_sizes_are_for_people():
    assert [human(size) for size in (0, 999, 1000, 1_240_000_000, 999_960, 5e12)] == [
        "0 bytes", "999 bytes", "1.0 kB", "1.2 GB", "1.0 MB", "5.0 TB",
    ]  # fmt: skip
    assert total([Entry(Path(), "", 1, 1)]) == "1 thing, 1 byte"
    assert total([Entry(Path(), "", 600_000_000, 1)] * 2) == "2 things, 1.2 GB"
