"""The five examples of docs/answer.md: name -> what `sentences` is given."""

from typing import Any

import pandas as pd

from tests.unit.answer_data import COLUMNS, ROWS, estimate, line, table

CONTROLS = ("random", "centre")
RANDOM, CENTRE = 0.06, 0.20


def against(
    column: str, values: dict[str, float], p: dict[str, tuple[float, float]], **given: Any
) -> list[dict[str, object]]:
    """Tests against both controls; `p`: against random and against centre, below .001 unless given."""
    base = {"random": RANDOM, "centre": CENTRE}
    return [
        line(column, name, control, value - base[control], p.get(name, (0.0002, 0.0002))[place], **given)
        for name, value in values.items()
        for place, control in enumerate(CONTROLS)
    ]


def case(
    values: dict[str, float], tests: list[dict[str, object]], best: dict[Any, Any], *more: pd.DataFrame
) -> dict[str, Any]:
    first = estimate("restoration", values | {"random": RANDOM, "centre": CENTRE, "oracle_mask": 0.47})
    return {
        "estimates": pd.concat([first, *more], ignore_index=True),
        "tests": table(tests),
        "best": {place: frozenset(names) for place, names in best.items()},
        "columns": COLUMNS,
        "rows": ROWS,
    }


def clear_winner() -> dict[str, Any]:
    values = {"LIME": 0.3, "LIME_adv": 0.42, "SHAP": 0.25, "SHAP_adv": 0.27}
    tests = [
        line("restoration", "LIME_adv", "LIME", 0.12, 0.0004),
        line("restoration", "SHAP_adv", "SHAP", 0.02, 0.31, more=(60, 410)),
        line("sufficiency_3", "LIME_adv", "LIME", 0.1, 0.002),
        line("sufficiency_3", "SHAP_adv", "SHAP", 0.03, 0.2, more=(10, 200)),
        *against("restoration", values, {"SHAP": (0.0002, 0.08), "SHAP_adv": (0.0002, 0.06)}),
        *against("sufficiency_3", values, {}),
    ]
    best = {("restoration", "all"): ["LIME_adv"], ("sufficiency_3", "all"): ["LIME_adv", "SHAP_adv"]}
    return case(values, tests, best, estimate("sufficiency_3", values))


def tie() -> dict[str, Any]:
    values = {"LIME": 0.41, "LIME_adv": 0.42, "SHAP": 0.39, "SHAP_adv": 0.39}
    inf = float("inf")
    tests = [
        line("restoration", "LIME_adv", "LIME", 0.01, 0.7, more=(800, inf)),
        line("restoration", "SHAP_adv", "SHAP", 0.0, 1.0, more=(inf, inf)),
        line("sufficiency_3", "LIME_adv", "LIME", -0.01, 0.6),
        line("sufficiency_3", "SHAP_adv", "SHAP", 0.02, 0.4),
        *against("restoration", values, {}),
    ]
    best = {("restoration", "all"): list(values), ("sufficiency_3", "all"): list(values)}
    return case(values, tests, best, estimate("sufficiency_3", values))


def contradiction() -> dict[str, Any]:
    values = {"LIME": 0.3, "LIME_adv": 0.42, "SHAP": 0.25, "SHAP_adv": 0.4}
    other = {"LIME": 0.35, "LIME_adv": 0.26, "SHAP": 0.25, "SHAP_adv": 0.28}
    masks = {"LIME": 0.1, "LIME_adv": -0.05, "SHAP": 0.1, "SHAP_adv": 0.1}
    tests = [
        line("restoration", "LIME_adv", "LIME", 0.12, 0.0004),
        line("restoration", "SHAP_adv", "SHAP", 0.15, 0.0004),
        line("sufficiency_3", "LIME_adv", "LIME", -0.09, 0.003),
        line("sufficiency_3", "SHAP_adv", "SHAP", 0.03, 0.2),
        *against("restoration", values, {}),
        *against("sufficiency_3", other, {}),
        line("auc_mask", "LIME_adv", "centre", -0.15, 0.0002, category="Deepfakes", n=35, people=35),
    ]
    best = {("restoration", "all"): ["LIME_adv", "SHAP_adv"], ("sufficiency_3", "all"): ["LIME"]}
    frames = [estimate("sufficiency_3", other), estimate("auc_mask", masks, 35, 35, "Deepfakes")]
    return case(values, tests, best, *frames)


def loses_to_a_control() -> dict[str, Any]:
    values = {"LIME": 0.05, "LIME_adv": 0.15, "SHAP": 0.3, "SHAP_adv": 0.22}
    lost = {"LIME": (0.03, 0.0002), "LIME_adv": (0.0002, 0.01), "SHAP_adv": (0.0002, 0.4)}
    tests = [
        line("restoration", "LIME_adv", "LIME", 0.1, 0.0004),
        line("restoration", "SHAP_adv", "SHAP", -0.08, 0.0008, n=138),
        line("sufficiency_3", "LIME_adv", "LIME", 0.05, 0.04),
        line("sufficiency_3", "SHAP_adv", "SHAP", -0.02, 0.5),
        *against("restoration", values, lost),
        *against("sufficiency_3", values, {}),
    ]
    best = {("restoration", "all"): ["SHAP"], ("sufficiency_3", "all"): ["SHAP", "SHAP_adv"]}
    return case(values, tests, best, estimate("sufficiency_3", values))


def too_few() -> dict[str, Any]:
    counts: dict[str, Any] = {"n": 22, "people": 3}
    values = {"LIME": 0.37, "LIME_adv": 0.53, "SHAP": 0.11, "SHAP_adv": 0.46}
    controls = {"random": 0.06, "centre": 0.34, "oracle_mask": 0.47}
    tests = [
        line("restoration", "LIME_adv", "LIME", 0.16, more=(17, float("nan")), **counts),
        line("restoration", "SHAP_adv", "SHAP", 0.35, more=(17, float("nan")), **counts),
        *[
            line("restoration", name, control, value - controls[control], **counts)
            for name, value in values.items()
            for control in CONTROLS
        ],
        line("auc_mask", "LIME_adv", "centre", -0.15, category="Deepfakes", n=6, people=3),
    ]
    frames = [
        estimate("restoration", values | controls, **counts),
        estimate("sufficiency_3", {"LIME": 0.4, "LIME_adv": 0.5, "SHAP": 0.2, "SHAP_adv": 0.5}, 24, 3),
        estimate("accuracy_3", {"LIME": 0.46, "LIME_adv": 0.26, "SHAP": 0.63, "SHAP_adv": 0.25}, 24, 3),
        estimate("auc_mask", {"LIME": 0.2, "LIME_adv": 0.25, "SHAP": 0.1, "SHAP_adv": 0.1}, 6, 3, "Deepfakes"),
    ]
    return {
        "estimates": pd.concat(frames, ignore_index=True),
        "tests": table(tests),
        "best": {},
        "columns": COLUMNS,
        "rows": ROWS,
    }


CASES = {
    "A clear winner": clear_winner,
    "A tie": tie,
    "Measures contradict each other": contradiction,
    "It loses to a control": loses_to_a_control,
    "Too few people": too_few,
}
