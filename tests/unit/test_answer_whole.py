"""From a run's rows to scores, and to the whole answer of small made-up runs."""

from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.answer.rows import Row
from advxai.answer.rows import rows_of as compared_rows
from advxai.answer.scores import SCORES, attack_scores, clusters_of, scores
from advxai.answer.sentences import read, write
from advxai.answer.whole import Answer, answer, nothing
from advxai.answer.words import Sentence
from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.run.paths import Paths
from advxai.tables.read import MEASURED, metrics
from tests.unit.paths_data import paths
from tests.unit.plan_data import ffpp
from tests.unit.tables_data import evaluation_rows

LIME = {"method": "lime", "baseline": "image_mean"}
ROWS = {
    "LIME": LIME,
    "LIME_adv": LIME | {"baseline": "adversarial"},
    "random": {"method": "random"},
    "oracle": {"method": "oracle_mask"},
}


# -- scores -----------------------------------------------------------------------------------------------------------
def test_what_the_attacks_say_by_hand() -> None:
    """LIME's part: f2 is left out of it; n1 is called Real already, so that it can't be flipped."""
    rows = evaluation_rows()
    found = attack_scores(rows, FIVE)
    assert list(found) == ["explainer", "key", "category", "column", "value"]
    lime = found[found["explainer"] == "LIME"].pivot(index="key", columns="column", values="value")
    assert lime.index.tolist() == ["d1", "d2", "f1", "n1"]
    # d1 is a Deepfakes image, called Deepfakes and Real; d2 is called Deepfakes after the first attack alone
    assert lime["accuracy_1"].tolist() == [1, 1, 1, 0] and lime["accuracy_2"].tolist() == [0, 0, 1, 0]
    assert lime["sufficiency_1"].tolist() == pytest.approx([0.2, 0.3, 0.05, 0])
    assert lime["sufficiency_2"].tolist() == pytest.approx([0.8, 0.4, 0.15, 0])
    assert lime["flip_1"].tolist()[:3] == [0, 0, 0] and lime["flip_2"].tolist()[:3] == [1, 1, 0]
    assert lime[["flip_1", "flip_2"]].loc["n1"].isna().all()
    assert found["value"].dtype == np.float64 and found["value"].notna().all()
    assert len(found) == 2 * (2 * 4 + 3) + 2 * (2 * 5 + 4)
    assert attack_scores(rows[:0], FIVE).empty


def test_scores_have_the_cluster_of_their_video_and_keep_what_is_missing() -> None:
    attacks = pd.DataFrame(
        [("LIME", "a.mp4/1.png", "Deepfakes", "flip_1", 1.0), ("LIME", "b.mp4/2.png", "Deepfakes", "flip_1", 0.0)],
        columns=["explainer", "key", "category", "column", "value"],
    )
    measured = pd.DataFrame([("LIME", "a.mp4/1.png", "Deepfakes", "gini", nan, "why")], columns=list(MEASURED))
    found = scores(attacks, measured.astype(MEASURED), {"a.mp4": "one", "b.mp4": "other"})
    assert list(found) == list(SCORES) and found["cluster"].tolist() == ["one", "other", "one"]
    assert found["value"].tolist()[:2] == [1, 0] and np.isnan(found["value"][2])
    alone = scores(attacks, metrics([]), {"a.mp4": "one", "b.mp4": "other"})  # nothing is measured
    assert alone["column"].tolist() == ["flip_1", "flip_1"]


# -- clusters ---------------------------------------------------------------------------------------------------------
def fake(name: str, category: str = "Deepfakes") -> str:
    return f"manipulated_sequences/{category}/c23/videos/{name}.mp4"


def test_in_the_demo_a_cluster_is_a_clip() -> None:
    """Of the clip one are the videos 000 to 003, of the clip two 004 and 005; each shows one person."""
    config = paths().config
    videos = [fake("000_001"), fake("003_002", "FaceSwap"), fake("004_005"), fake("005_004"), fake("004_005")]
    found, unit = clusters_of(config, videos)
    assert unit == "people" and set(found.values()) == {"one", "two"}
    assert [found[video] for video in videos] == ["one", "one", "two", "two", "two"]
    assert clusters_of(config, []) == ({}, "people")


@pytest.mark.parametrize(
    ("names", "clusters", "unit"),
    [
        (["000_003", "003_000", "012_026", "026_012"], ["000", "000", "012", "012"], "pairs of people"),
        (["000_003", "003_005", "012_026"], ["000", "000", "012"], "groups of people"),  # by way of 003
        (["000_003"], ["000"], "pairs of people"),
    ],
)
def test_in_ffpp_a_cluster_is_who_was_swapped_with_whom(names, clusters, unit) -> None:
    videos = [fake(name) for name in names]
    expected = {video: f"youtube {one}" for video, one in zip(videos, clusters, strict=True)}
    assert clusters_of(ffpp(), videos) == (expected, unit)


def test_the_pairs_of_one_category_may_be_linked_by_another() -> None:
    videos = [fake("000_003"), fake("003_000", "FaceSwap"), fake("005_003", "FaceSwap")]
    found, unit = clusters_of(ffpp(), videos)
    assert set(found.values()) == {"youtube 000"} and unit == "groups of people"


def test_actors_are_other_people_and_hardly_more_than_one_cluster() -> None:
    videos = [
        fake("01_02__walking__ABC", "DeepFakeDetection"),
        fake("02_06__talking__DEF", "DeepFakeDetection"),
        fake("01_02"),
    ]
    found, unit = clusters_of(ffpp(), videos)
    assert [found[video] for video in videos] == ["actors 01", "actors 01", "youtube 01"] and unit == "groups of people"


def test_videos_whose_names_say_nothing_of_people_are_their_own() -> None:
    videos = [fake("me_and_you"), fake("000_003"), fake("003_000")]
    found, unit = clusters_of(ffpp(), videos)
    assert [found[video] for video in videos] == [videos[0], "youtube 000", "youtube 000"] and unit == "videos"


# -- all of it --------------------------------------------------------------------------------------------------------
def attacked(name: str, key: str, after: float, category: str = "Deepfakes") -> list[dict[str, object]]:
    """Evaluation rows of an image called by its class, by .9, which the attack on any number of segments takes to
    `after`; below a half it is called Real."""
    label = FIVE.label(category)
    row = {
        "explainer": name, "key": key, "sha256": "h", "category": category, "label": label, "included": True,
        "reason": "", "called_real": False, "predicted_before": label, "predicted_after": label if after >= 0.5 else 0,
        "p_before": 0.9, "p_after": after, "flipped": after < 0.5, "iterations": 5, "queries": 406, "reused": False,
    }  # fmt: skip
    return [row | {"k": k} for k in (1, 2, 3)]


def rows_of(values: dict[str, dict[str, float]]) -> pd.DataFrame:
    lines = [
        row for name, images in values.items() for key, after in images.items() for row in attacked(name, key, after)
    ]
    kinds = dict.fromkeys(("predicted_before", "predicted_after", "iterations", "queries"), "Int64")
    return pd.DataFrame(lines).astype(kinds | dict.fromkeys(("flipped", "reused"), "boolean"))


def measured_of(column: str, values: dict[str, dict[str, float | str]]) -> pd.DataFrame:
    lines = [
        (name, key, "Deepfakes", column, nan if isinstance(one, str) else one, one if isinstance(one, str) else "")
        for name, images in values.items()
        for key, one in images.items()
    ]
    return pd.DataFrame(lines, columns=list(MEASURED)).astype(MEASURED)


@pytest.fixture(scope="module")
def few() -> tuple[Paths, Answer]:
    """A demo of one person: two images, of which the second has no counterpart."""
    a, b = (f"{fake(name)}/00000_0.png" for name in ("004_005", "005_004"))
    why = "no counterpart: 005.mp4 isn't there"
    falls = {"LIME": 0.25, "LIME_adv": 0.5, "random": 0.125, "oracle": 0.75}
    restored = measured_of("restoration", {name: {a: fall, b: why} for name, fall in falls.items()})
    located = measured_of("auc_mask", {"LIME": {a: 0.25, b: 0.375}, "oracle": {a: 0.5, b: 0.5}})
    after = {"LIME": {a: 0.8, b: 0.4}, "LIME_adv": {a: 0.3, b: 0.2}, "random": {a: 0.9, b: 0.9}}
    of = paths(explainers=ROWS)
    return of, answer(of, rows_of(after), pd.concat([restored, located], ignore_index=True))


def test_values_of_a_small_run_by_hand(few) -> None:
    _, found = few
    values = found.estimates.set_index(["explainer", "column", "category"])
    for place, value, n in [
        (("LIME_adv", "restoration", "all"), 0.5, 1),
        (("LIME", "auc_mask", "Deepfakes"), 0.3125, 2),
        (("LIME", "accuracy_3", "all"), 0.5, 2),
        (("LIME", "sufficiency_3", "all"), 0.3, 2),
        (("LIME_adv", "sufficiency_3", "all"), 0.65, 2),
        (("random", "flip_2", "all"), 0, 2),
    ]:
        assert values.loc[place, "value"] == pytest.approx(value) and values.loc[place, ["n", "clusters"]].tolist() == [
            n,
            1,
        ]
    assert found.estimates[["low", "high"]].isna().all().all()


def test_the_tables_of_a_small_run(few) -> None:
    _, found = few
    assert list(found.tables) == ["scorecard", "tests"]
    card, tests = found.tables["scorecard"], found.tables["tests"]
    assert card.wide["explainer"].tolist() == ["LIME", "LIME_adv", "random", "oracle"]
    assert card.rules == {1: "controls", 2: "ceilings"} and card.marked == frozenset()
    assert card.flagged == {(3, "pixel AUC, true mask, DF \N{UPWARDS ARROW}")}  # made from the mask
    lines = tests.tidy.set_index(["a", "b", "column"])
    assert lines.loc[("LIME_adv", "LIME", "restoration"), "family"] == "confirmatory"
    assert lines.loc[("LIME_adv", "LIME", "restoration"), "difference"] == 0.25
    assert lines.loc[("LIME", "random", "sufficiency_3"), "difference"] == pytest.approx(0.3)
    assert not (tests.tidy["b"] == "oracle").any() and tests.tidy["p"].isna().all()


def test_the_sentences_of_a_small_run(few) -> None:
    of, found = few
    texts = [one.text for one in found.sentences]
    assert 3 <= len(texts) <= 6
    assert texts[0] == (
        "Nothing can be said about explainers in general from 1 image of 1 person: intervals and tests need at least "
        "20 people."
    )
    assert "LIME_adv came out above LIME by 0.25" in texts[2]
    assert texts[3] == (
        "Here, by restoration (30%), LIME and LIME_adv came out at least 0.12 above the control random, which never "
        "saw the detector."
    )
    # each leads to a table or figure of the run
    there = {f"tables/{path.stem}" for path in of.outputs.tables} | {
        f"figures/{path.stem}" for path in of.outputs.figures
    }
    assert {one.link for one in found.sentences} <= there


def test_the_answer_is_the_same_whatever_the_order_of_rows(few) -> None:
    of, _ = few
    a, b = (f"{fake(name)}/00000_0.png" for name in ("004_005", "005_004"))
    rows = rows_of({"LIME": {a: 0.8, b: 0.4}, "LIME_adv": {a: 0.3, b: 0.2}})
    first, other = (answer(of, one, metrics([])) for one in (rows, rows[::-1].reset_index(drop=True)))
    assert first.sentences == other.sentences
    by = ["explainer", "column", "category"]
    pd.testing.assert_frame_equal(
        *(one.estimates.sort_values(by, ignore_index=True) for one in (first, other)), check_exact=True
    )


def test_a_run_with_people_enough_says_what_was_planted() -> None:
    """24 pairs of FF++: LIME_adv restores more of each; oracle is compared with nobody."""
    keys = [f"{fake(f'{n:03d}_{n + 100:03d}')}/00000_0.png" for n in range(24)]
    noise = np.random.default_rng(0).normal(0, 0.02, (4, 24))
    means = {"LIME": 0.2, "LIME_adv": 0.4, "random": 0.05, "oracle": 0.9}
    values = {name: dict(zip(keys, mean + noise[row], strict=True)) for row, (name, mean) in enumerate(means.items())}
    config = ffpp(explainers=ROWS, metrics={"restoration": {"measure": "restoration"}})
    after = {name: dict.fromkeys(keys, 0.9) for name in means}
    found = answer(Paths(config, planning=True), rows_of(after), measured_of("restoration", values))
    text = found.sentences[0].text
    assert text.startswith("By restoration (30%), LIME_adv is better than LIME (") and "24 pairs of people" in text
    assert found.sentences[0].link == "tables/tests"
    restored = found.estimates[found.estimates["column"] == "restoration"]
    assert (restored["low"] < restored["value"]).all() and restored["clusters"].eq(24).all()
    planned = found.tables["tests"].tidy.iloc[0]
    assert (planned["a"], planned["b"]) == ("LIME_adv", "LIME") and planned["p_holm"] < 0.001
    card = found.tables["scorecard"]
    column = "restoration, 30% \N{UPWARDS ARROW}"
    assert [card.wide["explainer"][line] for line, of in card.marked if of == column] == ["LIME_adv"]


def test_nothing_at_all_is_one_sentence(few) -> None:
    of, _ = few
    found = answer(of, rows_of({"LIME": {"v.mp4/a.png": 0.5}})[:0], metrics([]))
    said = "Nothing can be said: no image was explained, since none was sampled."
    assert [one.text for one in found.sentences] == [said]
    assert found.tables["tests"].caption == "Paired comparisons: there is none to make."
    assert found.estimates.empty and found.tables["tests"].wide.empty and found.tables["scorecard"].wide.empty


# -- its file ---------------------------------------------------------------------------------------------------------
def test_sentences_come_back(tmp_path: Path) -> None:
    said = [Sentence("LIME: \N{MINUS SIGN}0.1.", "tables/tests"), Sentence("B.", "figures/agreement")]
    write(said, tmp_path / "answer.json")
    assert read(tmp_path / "answer.json") == said
    write([], tmp_path / "answer.json")
    assert read(tmp_path / "answer.json") == []


@pytest.mark.parametrize(
    "content",
    [b"", b"[{", b"\xff[]", b"null", b"3", b"[3]", b'["text"]', b'{"text": "a", "link": "b"}', b'[{"text": "a"}]',
     b'[{"text": "a", "link": "b", "more": 1}]'],
)  # fmt: skip
def test_a_damaged_answer_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"answer\.json can't be read.*delete it and run again"):
        read(path)


def test_an_answer_that_isn_t_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"answer\.json can't be read.*No such file"):
        read(tmp_path / "answer.json")


def test_why_nothing_is_known(few) -> None:
    of, _ = few
    images = {f"{fake('004_005')}/0000{frame}_0.png": 0.5 for frame in (0, 1)}
    rows = rows_of(dict.fromkeys(("LIME", "LIME_adv"), images))
    calling = of.config.model_copy(update={"frames": of.config.frames.model_copy(update={"explain": "called_fake"})})
    found = answer(Paths(calling), rows[:0], metrics([]))
    assert [one.text for one in found.sentences] == [
        "Nothing can be said: no image was explained, since of the sampled test fakes the detector calls none fake."
    ]
    kinds = {"included": False, "reason": "only 0 segments with a positive score, 3 are needed"}
    left = rows.assign(**kinds)
    found = answer(of, left, metrics([]))
    assert [one.text for one in found.sentences] == [
        "Nothing can be said: all 2 explained images are left out by all explainers, most often for this: only 0 "
        "segments with a positive score, 3 are needed."
    ]
    assert nothing(rows, "all") == "no explainer has a value of any measure"
    real = [Row("A", "explainer", target="real"), Row("random", "control")]
    assert nothing(rows, "all", real) == (
        "every explainer of this run explains the real class, which no measure asks for"
    )


def test_rows_know_which_class_they_explain() -> None:
    rows = {"A": LIME, "B": LIME | {"target": "real"}, "random": {"method": "random"}}
    found = {row.name: (row.target, row.compared) for row in compared_rows(paths(explainers=rows).config)}
    assert found == {"A": ("predicted", True), "B": ("real", False), "random": ("predicted", False)}
    note = paths(explainers=rows).outputs.note()
    assert note.endswith(" Of the real class, ranked with no other row: B.")
    assert "Of the real" not in paths(explainers={"A": LIME}).outputs.note()
