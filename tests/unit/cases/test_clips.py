"""Test cases of clips: exported, replayed, spoilt."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai import cases
from advxai.beforehand.targets import asks_for_clips, require_rows
from advxai.cases.bundle import opened
from advxai.cases.clip_export import export
from advxai.cases.trust import code_of
from advxai.common.errors import InputError
from advxai.config import load
from advxai.evaluation.masks import mask_id
from advxai.media.cut import decode_png
from advxai.run.paths import Paths
from advxai.run.store import read_shard
from tests.unit.cases.small_clips import KEY, MODEL, VIDEO_SETTINGS, run, settings
from tests.unit.cases.small_run import VIDEO, configuration, edit, replayed, rewrite

EQUAL = "equal bit for bit"
ROWS = list(VIDEO_SETTINGS["explainers"])
OTHER = f"{VIDEO}/clip_00000_0"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return run(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def exported(small) -> Path:
    paths, sources = small
    export(paths, KEY, sources, paths.run / "cases" / KEY)
    return paths.run / "cases" / KEY


@pytest.fixture
def case(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "case"))


def different(lines: dict[str, str]) -> set[str]:
    return {name for name, line in lines.items() if line != EQUAL}


def test_a_clip_made_beside_another_is_replayed_bit_for_bit(small, exported, capsys, monkeypatch, tmp_path):
    paths, _ = small
    content, config = opened(exported)
    assert config == paths.config and (content.format, content.key, content.video) == (2, KEY, VIDEO)
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert files == set(content.files)
    for name in (cases.PICTURES, cases.MASKS, cases.COUNTERPARTS):
        assert {f"{name}/{place:03d}.png" for place in range(4)} <= files
    assert [frame.key for frame in content.frames] == [f"{KEY}#{number:05d}" for number in (4, 5, 6, 7)]
    stages = {name.partition("/")[0] for name in content.stages}
    assert {"clips", "video_scores", "video_measures"} <= stages and "saliency" not in stages
    assert list(pd.read_csv(exported / cases.FRAMES)["frame"]) == [4, 5, 6, 7]
    assert decode_png((exported / cases.SHEET).read_bytes(), "", "").shape == (40 + 7 * 116, 120 + 4 * 116, 3)
    copy, host = read_shard(exported / cases.ADVERSARY), read_shard(exported / cases.SCORES)
    assert copy[0]["steps"].shape[0] == 4 and len(copy) == len(host) == 1

    monkeypatch.chdir(tmp_path)
    code, lines, said = replayed(capsys, exported, "--trust", MODEL)
    assert code == 0, said
    assert list(lines)[:3] == ["scores", "adversary", "saliency LIME3D"] and "warning" not in said
    kinds = ("saliency {}", "attack {} top-1", "rows {}", "measures {}", "metrics {}")
    assert set(lines) == {"scores", "adversary", *(kind.format(row) for kind in kinds for row in ROWS)}
    assert set(lines.values()) == {EQUAL}
    (record,) = read_shard(exported / cases.measures_file("LIME3D"))
    assert len(record["p"]) > 1 and np.isfinite(record["values"]).sum() > 10  # restored, and more


def test_a_changed_record_is_found_and_so_is_what_is_made_of_it(case, capsys):
    (record,) = read_shard(case / cases.ADVERSARY)
    steps = record["steps"].copy()
    steps[2, 0, :2, :5] += 2  # ten pixels of the third frame
    rewrite(case / cases.ADVERSARY, steps=steps)
    path = case / cases.measures_file("random")
    (measures,) = read_shard(path)
    values = measures["values"].copy()
    values[0] += 0.25
    rewrite(path, values=values)
    code, lines, _ = replayed(capsys, case, "--trust", MODEL)
    assert code == 1
    assert lines["adversary"].startswith(
        f"DIFFERS: steps equal in {steps.size - 10} of {steps.size} values, largest difference 2 (equal: "
    )
    assert "largest difference 0.25" in lines["measures random"]
    # of the stored copy, and of the stored numbers
    assert different(lines) == {"adversary", "saliency SHAP3D_adv", "measures random", "metrics random"}


def test_a_ranking_that_differs_has_no_attack_stored(case, capsys):
    path = case / cases.saliency_file("LIME3D")
    (record,) = read_shard(path)
    known = {one["mask"] for one in read_shard(case / cases.ATTACKS)}
    rest = [label for label in record["ranking"] if mask_id(record["segments"] == label) not in known]
    ranking = np.array([rest[0], *(label for label in record["ranking"] if label != rest[0])], np.int16)
    rewrite(path, ranking=ranking)
    code, lines, _ = replayed(capsys, case, "--trust", MODEL)
    assert code == 1 and lines["saliency LIME3D"].startswith("DIFFERS: ranking from place 1 on")
    assert lines["attack LIME3D top-1"] == "DIFFERS: no attack on these pixels is stored"
    assert lines["rows LIME3D"] == "DIFFERS: can't be made: an attack isn't stored"
    # what is measured goes by the ranking, but the table is of the stored numbers
    assert different(lines) == {f"{one} LIME3D" for one in ("saliency", "rows", "measures")} | {"attack LIME3D top-1"}


def test_a_clip_without_masks_and_counterparts(small, tmp_path, capsys):
    paths, sources = small
    export(paths, OTHER, sources, tmp_path / "case")
    assert not list((tmp_path / "case" / cases.MASKS).iterdir())
    code, lines, said = replayed(capsys, tmp_path / "case", "--trust", MODEL)
    assert code == 0 and different(lines) == set(), said
    (record,) = read_shard(tmp_path / "case" / cases.saliency_file("RISE3D_true"))
    assert record["missing"] == "no counterpart: 000.mp4 isn't there"


@pytest.mark.parametrize(
    "name", [cases.frame_file(cases.PICTURES, 1), cases.frame_file(cases.MASKS, 3), cases.SCORES, cases.METRICS]
)
def test_a_damaged_or_missing_file_is_named(case, capsys, name):
    path = case / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if name != cases.METRICS else b"\xff" + data)
    code, _, said = replayed(capsys, case, "--trust", MODEL)
    assert code == 2 and said.startswith("Error: ") and str(path) in said and said.count("\n") == 1
    path.unlink()
    code, _, said = replayed(capsys, case, "--trust", MODEL)
    assert code == 2 and str(path) in said


def test_what_is_no_clip_of_the_run_and_other_records_are_told(small, case, tmp_path, capsys):
    paths, sources = small
    with pytest.raises(InputError) as error:
        export(paths, f"{VIDEO}/clip_00005_0", sources, tmp_path / "none")
    said = str(error.value)
    assert said.startswith(f"{VIDEO}/clip_00005_0 isn't among the clips that the run small explains")
    assert str(sources.clips) in said and said.endswith("_0?") and not (tmp_path / "none").exists()
    edit(case, key=OTHER)
    code, _, said = replayed(capsys, case, "--trust", MODEL)
    assert code == 2 and "scores.h5 holds another clip's record" in said
    edit(case, key=KEY, frames=[])
    code, _, said = replayed(capsys, case, "--trust", MODEL)
    assert code == 2 and "case.json names no frame" in said


def test_code_of_rows_of_clips_must_be_named_too(small):
    paths, _ = small
    assert code_of(paths.config) == {
        "detector.model": MODEL,
        "video.explainers.Gradient.method": "tests.custom:GradientTimesInput",
    }


def test_a_case_of_a_clip_is_a_target_where_no_image_is_explained(tmp_path):
    config = load(settings(tmp_path))
    target = f"results/small/cases/{KEY}"
    require_rows(config, [target])
    assert asks_for_clips(load(configuration(tmp_path)), [target])
    with pytest.raises(InputError, match="no image is explained"):
        require_rows(config, [f"results/small/cases/{VIDEO}/00004_0.png"])


def test_a_clip_whose_segments_are_not_attacked(small, capsys, tmp_path):
    own, sources = small
    changed = own.config.model_dump(mode="json")
    paths = Paths(load(changed | {"video": changed["video"] | {"attacks": False}}))
    files = cases.clip_files(paths, KEY)
    assert files["attacks"] == files["rows"] == [] and len(files["metrics"]) == len(ROWS)
    export(paths, KEY, replace(sources, attacks={}, rows={}), tmp_path / "case")
    assert not {"records/attacks.h5", "rows.csv"} & set(opened(tmp_path / "case")[0].files)
    code, lines, said = replayed(capsys, tmp_path / "case", "--trust", MODEL)
    assert code == 0 and set(lines.values()) == {EQUAL}, said
    assert not any(name.startswith(("attack", "rows")) for name in lines)
