"""Controls and ceilings among `explainers:`: a row for each segmentation, names, order, errors."""

import re

import pytest

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.controls import CEILINGS, CONTROLS
from advxai.config.rows import Baseline
from tests.unit.test_config import minimal

LIME = {"method": "lime", "baseline": "zeros"}  # segments of the [0, 1] image
RISE = {"method": "rise", "baseline": "zeros"}  # of the normalised one
SHIFT = {"algorithm": "quickshift", "image": "unit"}
RANDOM = {"method": "random"}


def rows(**entries):
    return load(minimal(explainers=entries))


def expanded(**entries) -> dict:
    """The rows of the entry `random` beside some explainers: name -> (algorithm, number, image)."""
    config = rows(**entries, random=RANDOM)
    found = {name: entry.segmentation for name, entry in config.of_kind("control").items()}
    return {name: (one.algorithm, one.n_segments, one.image) for name, one in found.items()}


def test_one_segmentation_gives_one_row_of_the_entry_s_name():
    assert expanded(LIME=LIME) == {"random": ("slic", 50, "unit")}
    hundred = {"algorithm": "slic", "n_segments": 100, "image": "normalised"}
    assert expanded(RISE=RISE | {"segmentation": hundred}) == {"random": ("slic", 100, "normalised")}


def test_names_hold_only_what_differs():
    both = {"random_unit": ("slic", 50, "unit"), "random_normalised": ("slic", 50, "normalised")}
    assert expanded(LIME=LIME, RISE=RISE) == both
    shifted = {"random_quickshift_unit": ("quickshift", 50, "unit")}
    assert expanded(LIME=LIME, RISE=RISE, Shift=LIME | {"segmentation": SHIFT}) == both | shifted
    assert list(expanded(LIME=LIME, Shift=LIME | {"segmentation": SHIFT})) == ["random_slic50", "random_quickshift"]
    coarse = RISE | {"segmentation": {"n_segments": 20}}
    assert list(expanded(Coarse=coarse, RISE=RISE)) == ["random_slic20", "random_slic50"]
    assert list(expanded(LIME=LIME, Coarse=coarse)) == ["random_unit", "random_slic20_normalised"]


def test_a_number_that_quickshift_isn_t_asked_for_makes_no_other_segmentation():
    shifts = {f"Shift{n}": LIME | {"segmentation": SHIFT | {"n_segments": n}} for n in (20, 30)}
    assert list(expanded(**shifts)) == ["random"]


def test_explainers_come_first_then_controls_then_ceilings():
    config = rows(best={"method": "oracle_mask"}, A=LIME, random=RANDOM, B=LIME, c={"method": "centre"})
    assert list(config.explainers) == ["A", "B", "random", "c", "best"]
    assert [entry.kind for entry in config.explainers.values()] == [
        "explainer",
        "explainer",
        "control",
        "control",
        "ceiling",
    ]
    assert [list(config.of_kind(kind)) for kind in ("explainer", "control", "ceiling")] == [
        ["A", "B"],
        ["random", "c"],
        ["best"],
    ]


def test_rows_of_the_same_segments():
    config = rows(RISE=RISE, LIME=LIME, LIME2=LIME, random=RANDOM, best={"method": "oracle_mask"})
    assert config.own("LIME2") == ["random_unit", "best_unit"]
    assert config.own("RISE") == ["random_normalised", "best_normalised"]
    assert (config.host("random_unit"), config.host("best_normalised"), config.host("LIME2")) == (
        "LIME",
        "RISE",
        "LIME",
    )


def test_an_expanded_configuration_loads_to_itself():
    """Such as a test case's."""
    config = rows(LIME=LIME, RISE=RISE, random=RANDOM | {"draws": 3}, best={"method": "oracle_difference"})
    again = load(config.model_dump(mode="json"))
    assert again == config and list(again.explainers) == list(config.explainers)
    assert again.explainers["random_unit"].draws == 3


def test_one_segmentation_that_is_asked_for_is_one_row_under_its_own_name():
    config = rows(LIME=LIME, RISE=RISE, random=RANDOM | {"segmentation": {"image": "normalised"}})
    assert list(config.of_kind("control")) == ["random"] and config.host("random") == "RISE"


def test_in_the_corrected_protocol_too():
    config = load(minimal(protocol="corrected", explainers={"LIME": LIME, "RISE": RISE, "random": RANDOM}))
    assert list(config.explainers) == ["LIME", "RISE", "random"]  # all segment the [0, 1] image
    assert config.explainers["random"].segmentation.image == "unit"


def test_keys_of_methods_and_their_defaults():
    config = rows(A=LIME, random=RANDOM, centre={"method": "centre"}, largest={"method": "largest"})
    assert config.explainers["random"].draws == 5 and config.explainers["centre"].width == 0.25
    assert {entry.forwards for entry in config.of_kind("control").values()} == {0}
    needs = {"face_prior": {"prior"}, "oracle_mask": {"mask", "counterpart"}, "oracle_difference": {"counterpart"}}
    every = rows(A=LIME, **{method: {"method": method} for method in (*CONTROLS, *CEILINGS)})
    assert {name: entry.needs for name, entry in every.explainers.items() if entry.needs} == needs


def test_the_counterpart_is_a_baseline():
    config = rows(A=LIME | {"baseline": "counterpart"}, B=LIME)
    assert config.explainers["A"].baseline == Baseline(kind="counterpart")
    assert config.explainers["A"].needs == {"counterpart"} and not config.explainers["B"].needs
    assert config.alone == ["B"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            {"random": RANDOM, "best": {"method": "oracle_mask"}},
            ["explainers: random, best", "stand beside explainers"],
        ),
        (
            {"A": LIME, "random": RANDOM | {"segmentation": SHIFT}},
            [
                "random.segmentation",
                "no explainer uses quickshift of the unit image",
                "they use slic50 of the unit image",
            ],
        ),
        (
            {"A": LIME, "B": RISE, "random": RANDOM, "random_unit": LIME},
            ["random is expanded to a row random_unit, and there is another of this name; rename one"],
        ),
        (
            {"A": LIME, "B": RISE, "random": RANDOM, "random_unit": RANDOM | {"segmentation": {}}},
            ["random is expanded to a row random_unit"],
        ),
        ({"A": LIME, "random": RANDOM | {"baseline": "zeros"}}, ["explainers.random.baseline", "no such key"]),
        ({"A": LIME, "random": RANDOM | {"width": 1}}, ["explainers.random.width", "no such key"]),
        ({"A": LIME, "random": RANDOM | {"draws": 0}}, ["explainers.random.draws", "greater than or equal to 1"]),
        ({"A": LIME, "c": {"method": "centre", "width": 0}}, ["explainers.c.width", "greater than 0"]),
        ({"A": LIME, "all": RANDOM}, ["'all'", "taken by a table or figure"]),
        (
            {"A": {"method": "randon", "baseline": "zeros"}},
            [
                "randon",
                "of the controls random, centre, edges, face_prior, largest",
                "ceilings oracle_mask, oracle_diff",
            ],
        ),
    ],
)
def test_errors_are_one_clear_line(entries, words):
    with pytest.raises(InputError) as error:
        rows(**entries)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("random", "random can't explain a picture by itself: it is a control"),
        ("B", "B can't explain a picture by itself: it fills in with the counterpart"),
        ("C", "`explainers` has no row C: those that can explain here are A"),
    ],
)
def test_single_pictures_are_explained_by_explainers_alone(name, why):
    entries = {"A": LIME, "B": LIME | {"baseline": "counterpart"}, "random": RANDOM}
    with pytest.raises(InputError) as error:
        load(minimal(explainers=entries, explain={"explainers": [name]}))
    assert str(error.value).startswith(f"config: explain.explainers: {why}")


def test_the_host_is_of_the_predicted_class_where_there_is_one():
    real = RISE | {"target": "real"}
    assert rows(A=real, B=RISE, C=RISE, random=RANDOM).host("random") == "B"
    assert rows(A=real, B=RISE | {"target": "fake"}, random=RANDOM).host("random") == "A"
    assert rows(A=RISE, B=real).of_the_real_class == ["B"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            RISE | {"target": "fake", "published": "RISE"},
            "explainers.A: published: the paper explains the predicted class, so a row of `target: fake` is no "
            "reading of RISE: take one of the two keys out",
        ),
        (
            RISE | {"target": "real", "baseline": "adversarial"},
            "explainers.A: baseline: the adversarial copy is called real already, so nothing of the image speaks for "
            "the real class beside it: give a row of `target: real` another baseline",
        ),
    ],
)
def test_targets_that_make_no_sense_are_refused(entry, said):
    with pytest.raises(InputError, match=re.escape(said)):
        rows(A=entry)
    fine = {name: value for name, value in entry.items() if name != "target"}
    assert rows(A=fine).explainers["A"].target == "predicted"
