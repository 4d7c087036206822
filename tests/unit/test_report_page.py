"""The report's data and files; what a browser makes of them is in test_report_browser.py."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from advxai.common.classes import FIVE
from advxai.config import load
from advxai.detector.metrics import evaluate, predictions
from advxai.report.captions import together
from advxai.report.page import sections
from advxai.report.page.figures import describe, names
from advxai.report.page.gallery import LEFT_OUT, entry, in_step, path
from advxai.report.page.tables import per_class, shown
from advxai.report.page.write import script_json
from advxai.tables.all import combined, published
from tests.unit.page_data import CATEGORIES, KNOWN, METHODS, SEGMENTS, SIZE, entries, image, key, page, table
from tests.unit.paths_data import paths
from tests.unit.tables_data import AXES, EXPLANATIONS, evaluation_rows

HUGE = 10**9


def test_the_index_has_what_filters_go_by() -> None:
    found = {name: one.index for name, one in zip(KNOWN, entries(), strict=True)}
    assert found["a"] == {
        "key": key("a"),
        "category": 0,
        "label": 3,
        "called": 3,
        "p": 0.9,
        "detected": 1,
        "copied": 1,
        "flips": [0b110, 0],
    }
    assert found["c"]["flips"] == [LEFT_OUT, 0b111] and found["b"]["flips"] == [0, 0b100]
    assert found["d"]["detected"] == 0 and found["b"]["copied"] == 0


def test_details_have_every_number() -> None:
    detail = entries(["a"])[0].detail
    assert detail["before"] == pytest.approx([0.025, 0.025, 0.025, 0.9, 0.025])
    assert detail["adversary"]["linf"] == pytest.approx(3) and detail["adversary"]["queries"] == 42
    lime = detail["explanations"]["LIME"]
    assert [one["label"] for one in lime["top"]] == [1, 3, 0]
    assert lime["scores"] == pytest.approx([0.4, 0.2, 0.1])
    assert lime["outlined"] == [[1, 1], [2, 0], [3, 1], [0, 1]]  # by size of the weight; 0: speaks against
    assert [one["after"] for one in lime["attacks"]] == pytest.approx([0.8, 0.7, 0.6])
    assert [one["called"] for one in lime["attacks"]] == [3, 0, 0]
    assert detail["explanations"]["RISE"]["outlined"] == []
    # both explainers have the same segments, whose outlines are there once
    assert lime["segmentation"] == detail["explanations"]["RISE"]["segmentation"] == 0
    assert set(detail["outlines"][0]) == {"0", "1", "2", "3"}
    left, upper = lime["top"][0]["at"]
    assert left > SIZE / 2 > upper  # segment 1 is the upper right quadrant


def test_an_image_that_left_the_rows_says_why() -> None:
    lime = entries(["c"])[0].detail["explanations"]["LIME"]
    assert lime["attacks"] == [] and lime["left_out"].startswith("only 2 segments")


def test_an_image_without_an_explanation_has_a_grey_tile_no_outlines_and_the_reason() -> None:
    """RISE's is there; LIME's record is as the stage leaves it where the counterpart is missing."""
    one, why = image("a"), "no counterpart: 000.mp4 isn't there"
    zeros = {"map": np.zeros((SIZE, SIZE), np.float32), "scores": np.zeros(4, np.float32), "zero": float("nan")}
    nothing = one.saliency["LIME"] | zeros | {"ranking": np.zeros(0, np.int16), "missing": why}
    lacking = [{"k": k, "included": False, "reason": why} for k in (1, 2, 3)]
    one = replace(one, saliency=one.saliency | {"LIME": nothing}, rows={"LIME": lacking, "RISE": one.rows["RISE"]})
    found = entry(one, METHODS, CATEGORIES, FIVE, top=3, tile=SIZE)
    assert found.index["flips"] == [LEFT_OUT, 0] and found.index["p"] == 0.9
    lime, rise = found.detail["explanations"]["LIME"], found.detail["explanations"]["RISE"]
    assert lime["left_out"] == why and rise["left_out"] == ""
    assert lime["top"] == lime["scores"] == lime["outlined"] == lime["attacks"] == [] and len(rise["attacks"]) == 3
    strip = cv2.imdecode(np.frombuffer(found.strip, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert strip.shape == (SIZE, 5 * SIZE, 3)
    assert strip[8:24, 3 * SIZE + 8 : 4 * SIZE - 8] == pytest.approx(0.93 * 255, abs=2)  # no map, and not the face
    assert script_json(found.detail)  # no number that JSON hasn't


def test_outlines_as_svg_paths() -> None:
    numbers = [float(one) for one in re.findall(r"[\d.]+", path(SEGMENTS == 1))]
    assert sorted(set(numbers[::2])) == [16.2, 31.8] and sorted(set(numbers[1::2])) == [0.2, 15.8]


def test_the_strip_is_original_copy_difference_and_maps() -> None:
    strip = cv2.imdecode(np.frombuffer(entries(["a"])[0].strip, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert strip.shape == (SIZE, 5 * SIZE, 3)
    tiles = [strip[8:24, place * SIZE + 8 : place * SIZE + 24].mean(axis=(0, 1)) for place in range(5)]
    assert tiles[0] == pytest.approx([200, 30, 30], abs=4)
    assert tiles[1] == pytest.approx([203, 33, 33], abs=4)
    assert tiles[2] == pytest.approx([255, 255, 255], abs=4)  # the same difference everywhere fills the range


def test_what_stands_in_a_script_can_not_end_it() -> None:
    assert "</script" not in script_json({"a": "</script><b>"})
    assert json.loads(script_json({"a": "</script>"})) == {"a": "</script>"}


def test_one_file_or_a_folder_beside_it(tmp_path: Path) -> None:
    alone = page(tmp_path / "a", HUGE)
    assert [path.name for path in alone.parent.iterdir()] == ["report.html"]
    paged = page(tmp_path / "b", 0)
    assert sorted(path.name for path in paged.parent.iterdir()) == ["report", "report.html"]
    assert sorted(path.name for path in (paged.parent / "report").iterdir()) == ["images", "page-00000.js"]
    assert len(list((paged.parent / "report/images").iterdir())) == len(KNOWN)
    # made anew as one file, no folder is left
    page(tmp_path / "b", HUGE)
    assert [path.name for path in paged.parent.iterdir()] == ["report.html"]


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    assert page(tmp_path / "a", HUGE).read_bytes() == page(tmp_path / "b", HUGE).read_bytes()


def test_names_are_escaped_and_nothing_is_fetched_from_a_network(tmp_path: Path) -> None:
    text = page(tmp_path, HUGE).read_text()
    assert "Run &lt;test&gt;" in text and "&lt;b&gt;1&lt;/b&gt;" in text
    assert set(re.findall(r"https?://[^\"'\s)]+", text)) == {"http://www.w3.org/2000/svg"}  # the name of a vocabulary


def test_what_maps_are_not_stands_under_the_gallery(tmp_path: Path) -> None:
    text = page(tmp_path, HUGE).read_text()
    (gallery,) = re.findall(r'<section id="gallery".*?</section>', text, re.DOTALL)
    assert (
        "<li>LIME: how a linear fit weighs each segment; not what one segment &lt;alone&gt; would change.</li>"
        in gallery
    )


def test_the_run_s_rows_say_who_asks_for_gradients_and_its_maps_what_they_are() -> None:
    rows = {
        "LIME": {"method": "lime", "baseline": "zeros"}, "LIME_adv": {"method": "lime", "baseline": "adversarial"},
        "G++": {"method": "gradcam++"}, "IG": {"method": "integrated_gradients", "baseline": "zeros", "target": "real"},
        "Own": {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"},
        "random": {"method": "random"}, "oracle_mask": {"method": "oracle_mask"},
    }  # fmt: skip
    config = load({"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}, "explainers": rows})
    found = sections.explainers(config, {"IG", "Own"})
    lines = [line[:4] for line in found.lines]
    assert sections.kinds(found) == (
        "A white box reads the detector's layers and gradients, on torch's module; a black box asks for nothing but "
        "the detector's answers to changed images. Both are measured alike."
    )
    assert {kind for _, method, kind, _ in lines if method in ("random", "oracle_mask")} == {"control", "ceiling"}
    assert [line for line in lines if line[2].endswith("box")] == [
        ["LIME", "lime", "black box", "zeros"], ["LIME_adv", "lime", "black box", "adversarial"],
        ["G++", "gradcam++", "white box", "none"], ["IG", "integrated_gradients", "white box", "zeros"],
        ["Own", "tests.custom:GradientTimesInput", "white box", "zeros"],
    ]  # fmt: skip
    lime, cam, ig, gradients = sections.meant(config, {"IG", "Own"})
    assert lime.startswith("LIME, LIME_adv: how a linear fit") and cam.startswith("G++: ")
    assert ig.startswith("IG (of the real class, whatever the image is called): how each pixel's difference")
    said = {"A": "it is x", "B": "it is x; of the real class, whatever the image is called", "C": "it is y"}
    assert together(said) == ["A, B (of the real class, whatever the image is called): it is x.", "C: it is y."]
    assert gradients.startswith("Maps of gradients are in full colour from the 99th percentile")
    paper = load({"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}})
    assert sections.kinds(sections.explainers(paper, set())) == ""
    assert [line.partition(":")[0] for line in sections.meant(paper, set())] == [
        "LIME, LIME_adv", "SHAP, SHAP_adv", "SOBOL, SOBOL_adv", "RISE, RISE_adv",
    ]  # fmt: skip


def test_rows_of_the_same_segments_say_the_same_of_them() -> None:
    """Whatever their methods' defaults are."""
    normalised = {"segmentation": {"image": "normalised"}}
    rows = {
        "LIME": {"method": "lime", "baseline": "zeros", **normalised}, "G": {"method": "gradcam"},
        "R": {"method": "relevancy", "map": "released"}, "Unit": {"method": "lime", "baseline": "zeros"},
        "random": {"method": "random", **normalised},
    }  # fmt: skip
    config = load({"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}, "explainers": rows})
    said = {line[0]: line[4] for line in sections.explainers(config, set()).lines}
    same = "segmentation image normalised"
    assert said == {"LIME": same, "G": same, "R": f"map released, {same}", "Unit": "", "random": same}


def test_what_a_white_box_is_stands_under_the_rows(tmp_path: Path) -> None:
    text = page(tmp_path, HUGE).read_text()
    (run,) = re.findall(r'<section id="run".*?</section>', text, re.DOTALL)
    assert "<p>A white box reads &lt;gradients&gt;.</p>" in run


def test_the_answer_comes_first_and_each_sentence_leads_to_what_it_is_made_from(tmp_path: Path) -> None:
    text = page(tmp_path, HUGE).read_text()
    first, *_ = re.findall(r"<section id=.*?</section>", text, re.DOTALL)
    assert first.startswith('<section id="answer"')
    assert re.findall(r"<p>(.*?)</p>", first) == [
        'LIME is better than &lt;RISE&gt;. <a href="#table-accuracy">tables/accuracy</a>',
        'Measures agree. <a href="#figure-nes">figures/nes</a>',
    ]
    assert {anchor in text for anchor in ('id="table-accuracy"', 'id="figure-nes"')} == {True}


def test_the_closing_message_is_shown_without_the_answer_which_stands_above_it(tmp_path: Path) -> None:
    (tmp_path / "summary.txt").write_text("A. (tables/tests)\nB. (tables/tests)\n\n24 videos\n  faces 1: 1 x b\n")
    assert sections.summary(tmp_path / "summary.txt", 2) == ["24 videos", "faces 1: 1 x b"]


def test_a_table_s_cells_sort_by_number_and_are_marked() -> None:
    made = shown("accuracy", table())
    lime, rise, sobol = made.lines[1:4]
    assert made.columns == ["explainer", "n (DF, NT)", "DF top-1", "NT top-1"] and made.pinned == 1
    assert [cell.text for cell in lime] == ["LIME", "12 (6, 6)", "0.250", "0.750"]
    assert [cell.value for cell in lime] == ["LIME", 12, 0.25, 0.75]
    assert [cell.mark for cell in lime] == ["", "", "best", ""] and [cell.mark for cell in rise] == [
        "",
        "",
        "second",
        "best",
    ]
    assert sobol[2].value == "" and sobol[3].mark == "second"


def test_lines_of_a_binary_detector_are_of_the_categories_and_of_what_it_is_not_measured_on() -> None:
    """Deepfakes is the name of the only class of fakes, which holds Face2Face too."""
    own = {"n": 3, "accuracy": 0.5, "auroc": 0.75, "f1": None, "average_precision": None}
    share = {"n": 2, "called_fake": 1.0, "auroc": 0.875}
    both = share | {"real": 2, "fake": 2, "accuracy": 0.75, "f1": 0.8, "average_precision": 0.9}
    level = {
        "n": 5,
        "real_vs_fake": {"accuracy": 0.6, "auroc": 0.7},
        "overall": own,
        "per_class": {"Real": own, "Deepfakes": own},
        "per_category": {"Deepfakes": both, "Face2Face": both | {"real": 0}},
    }
    metrics = {"frame": level, "track": level, "video": level, "video_score": "mean", "unseen": {"FaceShifter": share}}
    lines = per_class(metrics, ["Real", "Deepfakes"], ["Deepfakes", "Face2Face"])
    assert [line[1] for line in lines] == [
        *[
            *["fake or real", "Real", "Deepfakes", "Deepfakes: share called fake", "Deepfakes vs real"],
            "Face2Face: share called fake",
        ]
        * 2,
        "FaceShifter, not counted above: share called fake",
    ]
    assert lines[3] == ["frame", "Deepfakes: share called fake", "2", "1.000", "0.875", "", ""]
    assert lines[4] == ["frame", "Deepfakes vs real", "4", "0.750", "0.875", "0.800", "0.900"]


def test_the_detector_s_section_says_what_its_p_fake_is_worth_and_what_is_doubtful() -> None:
    """Twenty real and twenty fake videos of two tracks, of which the real ones get the higher p(fake)."""
    rows, chances = [], []
    for label, name in ((0, "Real"), (4, "FaceSwap")):
        for number in range(40):
            rows.append({"key": f"{name}{number // 2}.mp4/00000_{number % 2}.png", "category": name, "label": label})
            chances.append([0.25 if name == "Real" else 0.75, 0, 0, 0, 0.75 if name == "Real" else 0.25])
    metrics = evaluate(predictions(np.array(chances, np.float32), pd.DataFrame(rows), FIVE), FIVE, score="max_face")
    made = sections.detector(metrics, paths())
    assert made["tested"].columns[:5] == ["by", "real", "fake", "accuracy", "balanced"]
    names = [line[0] for line in made["tested"].lines]
    assert names == ["frame", "track", "video (max_face)"]
    # each says .75 of what isn't so: -ln .25, |0 - .75|, .75 squared
    assert made["tested"].lines[0][1:3] == ["40", "40"]
    assert made["tested"].lines[0][-4:] == ["1.386", "0.750", "0.750", "0.562"]
    assert [name for name, _ in made["files"]] == ["detector/labels.txt", "detector/samples.csv"]
    (doubt,) = made["doubts"]
    assert doubt.startswith("the sign may be wrong: genuine images get the higher p(fake)")
    assert [line[0] for line in made["metrics"].lines][::4] == ["frame", "track", "video"]


def test_a_doubt_stands_in_the_page(tmp_path: Path) -> None:
    text = page(tmp_path, HUGE).read_text()
    assert "<strong>Note:</strong> the sign may be wrong" in text
    said = (
        'page: <a href="detector/labels.txt">detector/labels.txt</a>, what it says of each test video; '
        '<a href="detector/samples.csv">detector/samples.csv</a>, an image.</p>'
    )
    assert said in text


def test_lines_beside_the_published_ones_stay_together() -> None:
    rows = evaluation_rows()
    tables = combined(rows, EXPLANATIONS, AXES)
    beside = published({name: one.tidy for name, one in tables.items()}, AXES, {"LIME": "LIME"})
    made = shown("published_accuracy", beside["accuracy"])
    names = [line[0].text for line in made.lines]
    assert names[names.index("LIME, published") + 1] == "LIME, ours" and not made.sortable
    assert shown("published_cost", beside["cost"]).sortable and shown("accuracy", tables["accuracy"]).sortable


def test_reasons_are_counted() -> None:
    out = pd.DataFrame(
        [
            ("faces", "", "v1", "3 faces in frame 2"),
            ("faces", "", "v2", "2 faces in frame 9"),
            ("evaluation", "LIME", "k", "x"),
        ],
        columns=["stage", "explainer", "item", "reason"],
    )
    found = sections.left_out(out)
    assert found["reasons"].lines == [["faces", "", "N faces in frame N", "2"], ["evaluation", "LIME", "x", "1"]]
    assert found["left_out"].total == 3


def test_shards_that_list_different_images_are_an_error() -> None:
    streams = {"a": iter([{"key": "1"}]), "b": iter([{"key": "2"}])}
    with pytest.raises(ValueError, match="list different images"):
        list(in_step(streams, "0-of-1"))
    with pytest.raises(ValueError, match="shorter"):
        list(in_step({"a": iter([{"key": "1"}]), "b": iter([])}, "0-of-1"))


def test_figures_of_the_run_come_before_those_of_explainers() -> None:
    files = [Path(f"{name}.{kind}") for name in ("LIME", "detector", "accuracy") for kind in ("png", "pdf")]
    assert names(files) == ["accuracy", "detector", "LIME"]
    assert describe("LIME", {"LIME": ["LIME", "LIME_adv"]}, {}, True, False)[0].startswith(
        "LIME and LIME_adv: an image"
    )


def test_a_figure_of_maps_says_what_they_are_and_names_no_copy_where_there_is_none() -> None:
    rows = load(
        {"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}, "explainers": {"G": {"method": "gradcam"}}}
    )
    said, alt = describe("G", {"G": ["G"]}, rows.of_kind("explainer"), False, False)
    assert said.startswith("G: an image of each category, and the maps. G: where the class's evidence lies")
    assert said.endswith("no map of manipulated pixels.") and alt.startswith("Grid of face images and the maps of G")


def test_the_page_says_of_channels_tokens_what_their_map_is() -> None:
    said = {
        "run": "a",
        "corpus": {"kind": "ffpp", "root": "a", "splits": "b"},
        "explainers": {"R": {"method": "relevancy"}},
    }
    for tokens, ours in (("channels", True), ("places", False)):
        config = load({**said, "detector": {"model": "efficientnet_vit", "network": {"tokens": tokens}}})
        (under,) = sections.meant(config, {"R"})
        caption, _ = describe("R", {"R": ["R"]}, config.of_kind("explainer"), False, config.detector.channel_tokens)
        for text in (under, caption):
            assert ("ReLU(content x gradient), which is ours" in text, "each place's token" in text) == (ours, not ours)
