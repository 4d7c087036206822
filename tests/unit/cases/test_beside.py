"""One-image test cases of what stands beside explainers, and of an image without mask and counterpart."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai import cases
from advxai.cases.export import export
from advxai.cases.replay import read
from advxai.media.cut import encode_png
from advxai.run.store import read_shard
from tests.unit.cases.small_run import KEY, VIDEO, replayed, rewrite

OTHER = f"{VIDEO}/00000_0.png"
NONE = "no counterpart: 000.mp4 isn't there"
EQUAL = "equal bit for bit"


def different(lines: dict[str, str]) -> set[str]:
    return {name for name, line in lines.items() if line != EQUAL}


def test_controls_and_ceilings_are_replayed_bit_for_bit(case, capsys):
    code, lines, said = replayed(capsys, case)
    assert code == 0, said
    rows = ("random", "oracle_mask", "LIME_true")
    assert {lines[f"saliency {name}"] for name in rows} == {EQUAL}
    assert {lines[f"metrics {name} {kind}"] for name in rows for kind in ("restoration", "localisation")} == {EQUAL}
    assert {cases.MASK, cases.COUNTERPART} <= set(read(case).content.files)
    (host,), (control,) = (read_shard(case / cases.saliency_file(name)) for name in ("LIME", "random"))
    assert (host["segments"] == control["segments"]).all() and host["before"].tobytes() == control["before"].tobytes()
    assert control["draws"].shape == (3, len(host["scores"])) and "given" not in control
    assert control["made_with"] != host["made_with"]  # without the detector


def test_an_order_that_differs_is_told_and_what_is_made_of_it_too(case, capsys):
    """The second draw is of the measures, the first one of the attacks as well."""
    path = case / cases.saliency_file("random")
    (record,) = read_shard(path)
    draws = record["draws"].copy()
    draws[1] = draws[1][::-1]
    rewrite(path, draws=draws)
    code, lines, _ = replayed(capsys, case)
    same = int((draws == record["draws"]).sum())
    said = f"DIFFERS: draws equal in {same} of {draws.size} values, largest"
    assert code == 1 and lines["saliency random"].startswith(said)
    # made of the stored order, what is measured isn't what is stored; its counterpart is called fake, so not restored
    assert different(lines) == {"saliency random", "metrics random localisation", "metrics random complexity"}


def test_a_ceiling_s_scores_and_an_explainer_s_segments_that_differ_are_told(case, capsys):
    """A control or ceiling is made of the stored segments of its host: with other ones it is another one."""
    path = case / cases.saliency_file("oracle_mask")
    (record,) = read_shard(path)
    scores = record["scores"].copy()
    scores[3] += 0.25
    rewrite(path, scores=scores)
    code, lines, _ = replayed(capsys, case)
    assert code == 1 and lines["saliency oracle_mask"].startswith(
        f"DIFFERS: scores equal in {len(scores) - 1} of {len(scores)} values, largest difference 0.25 (equal: "
    )
    rewrite(path, scores=record["scores"])
    host = case / cases.saliency_file("LIME")
    (stored,) = read_shard(host)
    rewrite(host, before=stored["before"][::-1].copy())
    code, lines, _ = replayed(capsys, case)
    assert code == 1
    for name in ("saliency LIME", "saliency oracle_mask", "saliency random"):
        assert lines[name].startswith("DIFFERS: probabilities before equal in "), name
    assert lines["saliency LIME_again"] == EQUAL


def test_another_mask_or_counterpart_in_the_folder_is_told(case, capsys):
    mask = read(case).mask
    (case / cases.MASK).write_bytes(encode_png(np.roll(mask, 17, axis=0)))
    code, lines, _ = replayed(capsys, case)
    assert code == 1 and lines["saliency oracle_mask"].startswith("DIFFERS: map ")
    assert "metrics LIME localisation" in different(lines)
    assert lines["saliency LIME_true"] == lines["saliency random"] == EQUAL
    (case / cases.MASK).write_bytes(encode_png(mask))
    (case / cases.COUNTERPART).write_bytes((case / cases.IMAGE).read_bytes())
    code, lines, _ = replayed(capsys, case)
    assert code == 1 and {"saliency LIME_true", "metrics LIME localisation"} <= different(lines)
    assert lines["saliency random"] == lines["saliency LIME"] == EQUAL


@pytest.fixture(scope="module")
def bare(small, tmp_path_factory):
    """The case of the image that has neither a mask nor a counterpart."""
    paths, sources = small
    folder = tmp_path_factory.mktemp("bare") / "case"
    export(paths, OTHER, sources, folder)
    return folder


def test_an_image_without_mask_and_counterpart_has_a_case_that_says_so(bare):
    content = json.loads((bare / cases.CASE).read_text())
    assert content["no_counterpart"] == NONE.removeprefix("no counterpart: ")
    assert not {cases.MASK, cases.COUNTERPART} & set(content["files"])
    said = {
        name: read_shard(bare / cases.saliency_file(name))[0]["missing"] for name in content["config"]["explainers"]
    }
    assert {name: why for name, why in said.items() if why} == {"LIME_true": NONE, "oracle_mask": "no true mask"}
    rows = pd.read_csv(bare / cases.ROWS, keep_default_na=False)
    lacking = rows[rows["included"].astype(str) != "True"]
    assert dict(zip(lacking["explainer"], lacking["reason"], strict=True)) == {
        "LIME_true": NONE, "oracle_mask": "no true mask",
    }  # fmt: skip
    measured = pd.read_csv(bare / cases.METRICS, keep_default_na=False)
    true = measured[measured["explainer"] == "LIME_true"]
    assert set(true["reason"]) == {NONE} and set(true["value"].astype(str)) == {""}
    restored = measured[(measured["explainer"] == "random") & measured["column"].str.startswith("restoration")]
    assert set(restored["reason"]) == {NONE.removeprefix("no counterpart: ")}


def test_what_is_missing_is_replayed_bit_for_bit_too(bare, capsys):
    code, lines, said = replayed(capsys, bare)
    assert code == 0, said
    assert lines["saliency LIME_true"] == lines["saliency oracle_mask"] == lines["rows oracle_mask"] == EQUAL
    assert {name for name in lines if name.startswith("attack oracle_mask") or "LIME_true top" in name} == set()
    assert lines["attack random top-2"] == EQUAL and KEY not in said


def test_a_reason_that_differs_is_told(bare, tmp_path, capsys):
    folder = Path(shutil.copytree(bare, tmp_path / "case"))
    rewrite(folder / cases.saliency_file("LIME_true"), missing="no counterpart: it isn't aligned")
    code, lines, _ = replayed(capsys, folder)
    assert code == 1 and lines["saliency LIME_true"].startswith(
        f"DIFFERS: missing {NONE}, stored no counterpart: it isn't aligned (equal: map, segments, scores, ranking"
    )
