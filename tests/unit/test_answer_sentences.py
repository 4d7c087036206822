"""The answer's sentences: the five examples of docs/answer.md text for text, and what must never be said."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advxai.answer.sentences import sentences, text, write
from advxai.answer.words import Sentence, interval, listed, more, number, probability, some, spread
from tests.unit.answer_cases import CASES, clear_winner, contradiction, tie, too_few
from tests.unit.answer_data import ROWS, estimate, line, table

PAGE = Path(__file__).parents[2] / "docs/answer.md"


def told(name: str) -> list[str]:
    """The lines of an example on the page."""
    section = PAGE.read_text().partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    return [" ".join(part.split()) for part in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("name", list(CASES))
def test_the_examples_are_what_the_page_says(name: str) -> None:
    assert text(sentences(**CASES[name]())) == told(name)


def test_the_page_has_these_examples() -> None:
    assert re.findall(r"^### (.*)$", PAGE.read_text(), re.MULTILINE) == list(CASES)


@pytest.mark.parametrize("name", list(CASES))
def test_three_to_six_sentences_and_nothing_exploratory_without_the_word(name: str) -> None:
    found = sentences(**CASES[name]())
    assert 3 <= len(found) <= 6
    assert {one.link for one in found} <= {"tables/tests", "tables/scorecard", "figures/agreement"}
    planned = ("By restoration (30%), ", "Putting the original's pixels", "To show a difference")
    seen = ("Nothing can be said", "Seen on these images, untested", "Here, ", "First among the explainers by other")
    for one in found:
        assert "xploratory" in one.text or one.text.startswith((*planned, *seen)) or "came out " in one.text
    if name == "Too few people":
        assert not any(re.search(r"p [=<]|\[|better|worse|best", one.text) for one in found)


def test_circular_rows_are_in_no_sentence() -> None:
    """An explainer that fills in with the original would be the best by restoration."""
    case = clear_winner()
    rows = [*ROWS, replace(ROWS[0], name="LIME_true", baseline="counterpart")]
    extra = line("restoration", "LIME_true", "random", 0.5, 0.0002) | {"circular": True}
    case |= {
        "estimates": pd.concat([case["estimates"], estimate("restoration", {"LIME_true": 0.9})], ignore_index=True),
        "tests": pd.concat([case["tests"], table([extra])], ignore_index=True),
        "rows": rows,
    }
    assert text(sentences(**case)) == told("A clear winner")


def without(case: dict[str, Any], column: str) -> dict[str, Any]:
    """The same without a column."""
    kept = {name: case[name][case[name]["column"] != column] for name in ("estimates", "tests")}
    return case | kept | {"best": {place: names for place, names in case["best"].items() if place[0] != column}}


def test_without_originals_other_measures_are_told_as_exploratory() -> None:
    found = [one.text for one in sentences(**without(contradiction(), "restoration"))]
    assert found == [
        "The planned comparisons can't be made: restoration (30%) has a value on no image.",
        "Exploratory, by sufficiency (top-3): every explainer does better than each control of the same segments (a "
        "control never sees the detector).",
        "Exploratory: LIME is the best of 4 explainers by sufficiency (top-3): 0.35 [0.31, 0.39]; the 3 others are "
        "behind.",
        "No other measure could be tested that might contradict this.",
    ]


def test_restoration_of_too_few_people_beside_another_measure_of_enough() -> None:
    case = contradiction()
    few = {"n": 12, "clusters": 6, "low": float("nan"), "high": float("nan")}
    for name, gone in (("estimates", {}), ("tests", {"p": float("nan"), "p_holm": float("nan")})):
        case[name] = case[name].copy()
        rows = case[name]["column"] == "restoration"
        for column, value in (few | gone).items():
            case[name].loc[rows, column] = value
    del case["best"]["restoration", "all"]
    first, second, *_ = sentences(**case)
    assert (
        first.text
        == "The planned comparisons can't be made: restoration (30%) is known of 6 people only, and a test needs 20."
    )
    assert second.text.startswith("Exploratory, by sufficiency (top-3): ")


def test_no_pairs_no_controls() -> None:
    case = clear_winner()
    case["tests"] = case["tests"][:0]
    case["rows"] = [row for row in case["rows"] if row.kind == "explainer"]
    case["estimates"] = case["estimates"][case["estimates"]["explainer"].isin([row.name for row in case["rows"]])]
    assert [one.text for one in sentences(**case)] == [
        "No comparison was planned: no explainer of this run has a twin with the adversarial filling.",
        "This run has no control, so whether an explainer does better than one that never saw the detector can't be "
        "said.",
        "Exploratory: LIME_adv is the best of 4 explainers by restoration (30%): 0.42 [0.38, 0.46]; the 3 others are "
        "behind.",
        "No other measure could be tested that might contradict this.",
    ]


def test_one_explainer_of_few_people() -> None:
    estimates = estimate("restoration", {"LIME": 0.3}, 1, 1)
    empty = table([])
    found = sentences(estimates, empty, {}, clear_winner()["columns"], ROWS[:1])
    assert [one.text for one in found] == [
        "Nothing can be said about explainers in general from 1 image of 1 person: intervals and tests need at least "
        "20 people.",
        "Seen on these images, untested, by restoration (30%): putting the original's pixels back by LIME's ranking "
        "lowered the probability of the detector's verdict most, by 0.30 on average over the area put back.",
        "Nothing was compared with a control, which never sees the detector: this run has none with values.",
    ]
    assert [one.text for one in sentences(estimates[:0], empty, {}, [], ROWS)] == [
        "Nothing can be said: no explainer has a value of any measure."
    ]


def against_controls(differences: dict[str, tuple[float, float]], column: str = "restoration") -> list[dict[str, Any]]:
    """Tests of few people against random and centre."""
    return [
        line(column, name, control, difference, n=21, people=3)
        for name, of in differences.items()
        for control, difference in zip(("random", "centre"), of, strict=True)
    ]


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        (
            {"LIME": (0.4, 0.048), "LIME_adv": (0.4, 0.061), "SHAP": (0.35, 0.006), "SHAP_adv": (0.2, -0.088)},
            "Here, by restoration (30%), LIME and LIME_adv came out at least 0.04 above every control of the same "
            "segments (random, centre), which never saw the detector; SHAP barely (by less than 0.01); SHAP_adv did "
            "not.",
        ),
        (
            {"LIME": (0.4, 0.004), "LIME_adv": (0.4, 0.005), "SHAP": (0.3, 0.0)},
            "Here, by restoration (30%), LIME and LIME_adv came out barely (by less than 0.01) above every control of "
            "the same segments (random, centre), which never saw the detector; SHAP did not.",
        ),
        (
            {"LIME": (-0.1, 0.2), "SHAP": (0.3, -0.1)},
            "Here, by restoration (30%), no explainer came out above every control of the same segments (random, "
            "centre), which never saw the detector.",
        ),
    ],
)
def test_who_is_barely_above_the_controls_is_told_from_who_is_far(differences, said: str) -> None:
    case = too_few() | {"tests": table(against_controls(differences))}
    assert [one.text for one in sentences(**case)][2] == said


def test_who_is_first_by_another_measure_isn_t_said_to_be_without_a_control_that_is_no_worse() -> None:
    """Of a measure whose lower values are better too; a control that is level is named as such."""
    case = too_few()
    accuracy = against_controls({"SHAP_adv": (-0.5, 0.05), "LIME_adv": (-0.4, 0.06)}, "accuracy_3")
    sufficiency = against_controls({"SHAP_adv": (0.3, 0.0), "LIME_adv": (0.3, 0.0)}, "sufficiency_3")
    case["tests"] = pd.concat([case["tests"], table([*accuracy, *sufficiency])], ignore_index=True)
    assert sentences(**case)[-1].text == (
        "First among the explainers by other measures, here: LIME_adv and SHAP_adv by sufficiency (top-3); SHAP_adv by "
        "accuracy (top-3); LIME_adv by pixel AUC (true mask, DF); but the control centre came out ahead of the first "
        "by accuracy (top-3) and pixel AUC (true mask, DF), and the control centre came out level with the first by "
        "sufficiency (top-3): there the first hasn't shown that it knows the detector."
    )


def test_the_best_by_another_measure_may_do_worse_than_a_control() -> None:
    case = contradiction()
    lost = (case["tests"]["column"] == "sufficiency_3") & (case["tests"]["a"] == "LIME")
    lost &= case["tests"]["b"] == "centre"
    assert lost.sum() == 1
    case["tests"].loc[lost, ["difference", "low", "high"]] = -0.2, -0.24, -0.16
    assert sentences(**case)[4].text.endswith(
        "by sufficiency (top-3) the best is LIME, though it does worse than the control centre (by 0.20 [0.16, 0.24], "
        "p < 0.001)."
    )


def test_videos_are_counted_where_people_are_not_known() -> None:
    first = sentences(**too_few(), unit="videos")[0].text
    assert first.endswith("from 22 images of 3 videos: intervals and tests need at least 20 videos.")


def test_where_restoration_shows_nothing_another_measure_may() -> None:
    case = tie()
    other = (case["tests"]["column"] == "sufficiency_3") & (case["tests"]["a"] == "LIME_adv")
    case["tests"].loc[other, "p"] = 0.02
    assert sentences(**case)[4].text == (
        "Exploratory: other measures show what restoration (30%) doesn't: by sufficiency (top-3) LIME is better than "
        "LIME_adv (by 0.01 [−0.03, 0.05], p = 0.020)."
    )


def test_many_losses_are_counted() -> None:
    case = clear_winner()
    losses = [line("restoration", name, "centre", -0.1, 0.001) for name in ("LIME", "LIME_adv", "SHAP", "SHAP_adv")]
    case["tests"] = table([line("restoration", "LIME_adv", "LIME", 0.12, 0.0004), *losses])
    (controls,) = (one.text for one in sentences(**case) if "control" in one.text)
    assert controls.startswith(
        "Exploratory, by restoration (30%): no explainer is shown to do better than each control of the same segments "
        "(a control never sees the detector); even LIME_adv does worse than the control centre (by 0.10 [0.06, 0.14], "
        "p = 0.001); "
    )
    assert controls.endswith("; and 1 more in the table of tests.")


def test_files(tmp_path: Path) -> None:
    found = [Sentence("LIME: −0.1.", "tables/tests")]
    write(found, tmp_path / "answer.json")
    assert json.loads((tmp_path / "answer.json").read_text()) == [{"text": "LIME: −0.1.", "link": "tables/tests"}]
    assert text(found) == ["LIME: −0.1. (tables/tests)"]


def test_words() -> None:
    nan, inf = float("nan"), float("inf")
    assert [number(value) for value in (-0.001, 0.125, -0.25, 1)] == ["0.00", "0.12", "−0.25", "1.00"]
    assert interval(0.1, nan, nan) == "0.10" and interval(0.1, -0.1, 0.3) == "0.10 [−0.10, 0.30]"
    assert [probability(p) for p in (0.0009, 0.012, 0.1)] == ["p < 0.001", "p = 0.012", "p = 0.10"]
    assert [listed("ab"[:n]) for n in (1, 2)] == ["a", "a and b"] and listed("abc", "or") == "a, b or c"
    assert [some(1, "people"), some(1, "videos"), some(1200, "images")] == ["1 person", "1 video", "1,200 images"]
    assert spread([3, 3], "people") == "3 people" and spread([5, 3], "images") == "3 to 5 images"
    ranges = [(17, nan), (0, 0), (0, 30), (40, 300), (40, 40), (40, inf), (inf, inf)]
    assert [more(*one) for one in ranges] == [
        *["at least 17", "", "up to 30", "40 to 300", "40", "at least 40", "no number"]
    ]


def unmade(case: dict[str, Any], a: str, n: int, people: int) -> dict[str, Any]:
    """The same with one planned comparison of so few."""
    tests = case["tests"].copy()
    lines = (tests["family"] == "confirmatory") & (tests["a"] == a)
    assert lines.sum() == 1
    tests.loc[lines, ["p", "p_holm", "low", "high"]] = float("nan")
    tests.loc[lines, ["n", "clusters"]] = n, people
    return case | {"tests": tests}


def test_a_planned_comparison_that_can_t_be_made_is_told() -> None:
    first = text(sentences(**unmade(clear_winner(), "SHAP_adv", 12, 6)))[0]
    assert first == (
        "By restoration (30%), LIME_adv is better than LIME; SHAP_adv and SHAP can't be compared, for fewer than 20 "
        "people have values of both (a planned comparison; 140 images of 70 people). (tables/tests)"
    )
    pairs = [one for one in text(sentences(**unmade(too_few(), "SHAP_adv", 0, 0))) if "LIME_adv came out" in one]
    assert pairs == [
        "Here, by restoration (30%), LIME_adv came out above LIME by 0.16; SHAP_adv and SHAP can't be compared: no "
        "image has values of both. (tables/tests)"
    ]


def test_planned_comparisons_of_which_none_can_be_made_are_told_beside_what_was_seen() -> None:
    """Such as where the detector calls every image real, and nothing can be restored."""
    case = unmade(unmade(too_few(), "SHAP_adv", 0, 0), "LIME_adv", 0, 0)
    case["estimates"] = case["estimates"][case["estimates"]["column"] != "restoration"]
    found = text(sentences(**case))
    assert found[1].startswith("Seen on these images, untested, by ") and "restoration" not in found[1]
    assert found[2] == (
        "The planned comparisons by restoration (30%) can't be made: no image has values of both. (tables/tests)"
    )
