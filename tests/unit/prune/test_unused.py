"""Exactly what no configuration refers to is listed, and nothing that one may still need."""

import os
from pathlib import Path

import pytest

from advxai.config import load
from advxai.prune.unused import unused
from advxai.run.paths import Paths
from tests.unit.prune.finished import (
    HEX,
    OLD,
    REAL_VIDEO,
    crops_of,
    files,
    listed,
    mapping,
    only_of,
    run,
    touch,
    video_path,
)


def test_what_two_configurations_refer_to_stays(both):
    assert unused(both) == []


def test_without_a_configuration_its_own_files_are_listed(both):
    a, b = both
    assert listed(a) == only_of(b, a)
    assert listed(b) == only_of(a, b)
    entries = unused([a])
    assert [entry.bytes for entry in entries] == sorted((entry.bytes for entry in entries), reverse=True)
    saliency = next(entry for entry in entries if entry.path == b.saliency("LIME").path)
    held = files(saliency.path)
    assert (saliency.files, saliency.bytes) == (len(held), sum(map(len, held.values()))) and saliency.files == 2


def test_single_files_without_a_digest(a):
    run(a)
    stored = [
        touch(a.store / "faces/retinaface-0123456789ab.onnx"),
        touch(a.store / "media/one-1/other.mp4"),
        touch(a.store / "media/one-2/one.mp4"),
        touch(a.store / "of_old/x-0123456789ab/file"),
    ]
    for unknown in ("faces/mine.onnx", "media/notes.txt", "media/one-1/mine/a.txt", "saliency/mine/a.h5", "notes.txt"):
        touch(a.store / unknown)
    expected = {stored[0], stored[1], stored[2].parent, stored[3].parent}
    assert {entry.path for entry in unused([a])} == expected


@pytest.mark.parametrize("missing", ["crops", "left_out", "videos", "clip"])
def test_crops_stay_while_it_isn_t_known_what_a_run_needs(both, missing):
    a, b = both
    path = {
        "crops": b.crops[0],
        "left_out": b.crops[0].with_suffix(".left_out.parquet"),
        "videos": b.run / "corpus/videos.parquet",
        "clip": b.clips[1].path / "clip.json",
    }[missing]
    crops = crops_of(a, "Deepfakes/000_001")
    touch(crops / "faces.json")
    other = touch(a.faces.path / "other/0-of-1.parquet").parent
    videos = crops.parent  # of the others there some are needed
    assert {entry.path for entry in unused([a, b])} == {crops, other} and videos.is_dir()
    path.unlink()
    assert unused([a, b]) == []


def test_crops_of_the_same_video_with_other_bytes(a):
    run(a)
    former = a.faces.path / f"{video_path('Deepfakes/004_005')}-{HEX}"
    touch(former / "faces.json")
    touch(a.faces.path / f"{video_path('FaceSwap/004_005')}-{HEX}" / "faces.json")  # which one it is isn't known
    assert {entry.path for entry in unused([a])} == {former}


def test_leftovers_of_killed_jobs(a):
    run(a)
    saliency = a.saliency("LIME").path
    old = [
        touch(saliency / "a/.0-of-2.00.h5", at=OLD),
        touch(a.store / "media/one-1/.fetch-x/wheel/file", at=OLD).parents[1],
        touch(a.faces.path / f".{Path(REAL_VIDEO).name}-{HEX}-x/00000_0.png", at=OLD).parent,
    ]
    for folder in (old[1] / "wheel", old[1], old[2]):
        os.utime(folder, (OLD, OLD))
    touch(saliency / "a/.1-of-2.00.h5")  # some job is at it
    folder = touch(a.detector.path / ".x/a", at=OLD).parent
    touch(folder / "b")
    os.utime(folder, (OLD, OLD))
    (a.store / ".link").symlink_to(folder)
    os.utime(a.store / ".link", (OLD, OLD), follow_symlinks=False)
    touch(a.logs / ".hidden", at=OLD)
    touch(a.run / "tables/.LIME.00.csv", at=OLD)
    assert {entry.path for entry in unused([a])} == set(old)
    a.maps_of("LIME")[0].unlink()
    assert {entry.path for entry in unused([a])} == set(old)


def test_a_folder_that_a_job_is_writing_to_stays(a):
    run(a)
    other = touch(a.saliency("LIME").path / "other/0-of-1.h5")
    writing = touch(other.parent / ".0-of-1.00.h5")
    assert {entry.path for entry in unused([a])} == {other}
    os.utime(writing, (OLD, OLD))
    assert {entry.path for entry in unused([a])} == {other.parent}


def test_tables_and_figures_of_rows_that_are_gone(both):
    a, b = both
    names = ("tables/SHAP.csv", "tables/SHAP.tex", "figures/SHAP.png", "detector/published.md")
    gone = [touch(a.run / name) for name in names]
    for other in ("tables/notes.txt", "tables/mine/SHAP.csv", "figures/SHAP.svg", "SHAP.csv", "detector/metrics.csv"):
        touch(a.run / other)
    touch(b.run / "tables/SHAP.csv")
    touch(a.run.parent / "old/tables/SHAP.csv")
    assert {entry.path for entry in unused([a])} - {b.store / path for path in only_of(b, a)} == set(gone)
    assert len(unused([a, b])) == 5
    asking = mapping(a.run.parent, "a", detector={"testing": {"published": "pino"}})
    assert gone[-1] not in {entry.path for entry in unused([Paths(load(asking))])}
