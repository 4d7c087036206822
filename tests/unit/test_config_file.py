"""Configuration files as editors save them, and keys that are given twice."""

import json
import re
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.common.text import read_text
from advxai.config import load
from advxai.config.file import read, require_once

ROOT = Path(__file__).parents[2]
TWICE = """\
run: demo
explainers:
  LIME: {method: lime, baseline: zeros}
  # the same name again
  LIME: {method: lime, baseline: blur}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWICE, "explainers.LIME is given twice, in lines 3 and 5, of which only the second would count"),
        ("run: a\nseed: 1\n'run': b\n", "run is given twice, in lines 1 and 3"),
        (
            "corpus: {clips: [{a: 1}, {b: 1, c: {d: 2,\n d: 3}}]}\n",
            "corpus.clips.1.c.d is given twice, in lines 1 and",
        ),
        ('{\n\t"run": "a",\n\t"run": "b"\n}', "run is given twice, in lines 2 and 3"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_both_lines(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    for ask in (require_once, read):
        with pytest.raises(InputError, match=f"^{re.escape(f'{path}: {said}')}"):
            ask(path)


def test_what_is_merged_or_named_again_elsewhere_is_not_twice(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &own {x: 1, y: 2}\nb: {<<: *own, x: 3}\nc: *own\nd: *own\n1: a\n'1': b\n")
    require_once(path)
    assert read(path)["b"] == {"x": 3, "y": 2}
    for name in ("config.yaml", *(f"config/{path.name}" for path in ROOT.glob("config/*.yaml"))):
        require_once(ROOT / name)


def test_white_boxes_are_tried_on_the_demo_itself():
    """Nothing but rows and name may differ, or clips, faces, detector and copies wouldn't be shared."""
    demo, white = (load(read(ROOT / name)).model_dump() for name in ("config.yaml", "config/demo_whitebox.yaml"))
    assert white["run"] == "demo_whitebox"
    assert {key for key in white if white[key] != demo[key]} == {"run", "explainers"}
    rows = white["explainers"]
    assert {name: row["method"] for name, row in rows.items()} == {
        "GradCAM": "gradcam", "GradCAM++": "gradcam++", "IntegratedGradients_adv": "integrated_gradients",
        "KernelSHAP_adv": "kernel_shap", "Occlusion": "occlusion",
        "random": "random", "centre": "centre", "oracle_mask": "oracle_mask",
    }  # fmt: skip
    assert all(rows[name] == demo["explainers"][name] for name in ("random", "centre", "oracle_mask"))


def test_the_hybrid_is_tried_on_the_demo_s_faces():
    """Clips, faces and frames are shared; the detector, and so copies, maps and attacks, are its own."""
    demo, hybrid = (load(read(ROOT / name)).model_dump() for name in ("config.yaml", "config/demo_hybrid.yaml"))
    assert hybrid["run"] == "demo_hybrid"
    assert {key for key in hybrid if hybrid[key] != demo[key]} == {"run", "detector", "explainers"}
    assert {name: row["method"] for name, row in hybrid["explainers"].items()} == {
        "Relevancy": "relevancy", "GradCAM": "gradcam", "LIME_adv": "lime",
        "random": "random", "centre": "centre", "oracle_mask": "oracle_mask",
    }  # fmt: skip
    same = ("LIME_adv", "random", "centre", "oracle_mask")
    assert all(hybrid["explainers"][name] == demo["explainers"][name] for name in same)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, encoding):
    path = tmp_path / "mine.yaml"
    path.write_bytes("run: é\r\n".encode(encoding))
    assert read_text(path) == "run: é\r\n" and read(path) == {"run": "é"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("run: é".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        ("run: é".encode("utf-32"), "is text in UTF-32: save it as UTF-8"),
        ("run: a".encode("utf-16-le"), "is no text in UTF-8 (zero bytes, as UTF-16 and packed files have)"),
        ("seed: 1\nrun: é".encode("cp1252"), "is no text in UTF-8 (byte 0xe9, line 2): save it as UTF-8"),
    ],
)
def test_another_encoding_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    for ask in (require_once, read, read_text):
        with pytest.raises(InputError, match=re.escape(f"{path} {said}")):
            ask(path)


def test_json_may_be_indented_by_tabs(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"run": "a", "corpus": {"kind": "demo"}}, indent="\t"))
    assert read(path) == {"run": "a", "corpus": {"kind": "demo"}}


def test_several_merges_of_one_mapping_all_count(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n")
    require_once(file)
    assert read(file)["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("text", ['{"a":' * 5000, "a: " + "[" * 3000])
def test_what_is_nested_too_deeply_is_one_sentence(tmp_path, text):
    (tmp_path / "deep.yaml").write_text(text)
    for call in (read, require_once):
        with pytest.raises(InputError, match="deep.yaml: can't be read as YAML"):
            call(tmp_path / "deep.yaml")
