"""Made-up scores, and made-up tests as the five examples of docs/answer.md have them."""

from collections.abc import Mapping, Sequence
from math import nan

import numpy as np
import pandas as pd

from advxai.answer.comparisons import CONFIRMATORY, EXPLORATORY, TESTS
from advxai.answer.estimates import ESTIMATES
from advxai.answer.rows import Row, of_kind
from advxai.metrics.columns import Column
from advxai.statistics import LEAST

RESTORATION = Column(
    "restoration", "restoration, 30%", "higher", low=-1.0, chance=0.0, headline=True, needs=frozenset({"counterpart"})
)
SUFFICIENCY = Column("sufficiency_3", "sufficiency, top-3", "higher", low=-1.0, headline=True)
ACCURACY = Column("accuracy_3", "accuracy, top-3", "lower", "share", headline=True)
MASK = Column(
    "auc_mask", "pixel AUC, true mask", "higher", low=-0.5, high=0.5, chance=0.0, by_category=True, headline=True,
    needs=frozenset({"mask"}),
)  # fmt: skip
GINI = Column("gini", "Gini index", None)
COLUMNS = [RESTORATION, SUFFICIENCY, ACCURACY, MASK, GINI]

OWN = ("random", "centre", "oracle_mask")
ROWS = [
    Row("LIME", "explainer", "lime", "image_mean", OWN),
    Row("LIME_adv", "explainer", "lime", "adversarial", OWN),
    Row("SHAP", "explainer", "shap", "blur", OWN),
    Row("SHAP_adv", "explainer", "shap", "adversarial", OWN),
    Row("random", "control", "random"),
    Row("centre", "control", "centre"),
    Row("oracle_mask", "ceiling", "oracle_mask"),
]
PAIRS = [("LIME_adv", "LIME"), ("SHAP_adv", "SHAP")]
NAMES = [row.name for row in ROWS]


def scores(
    means: Mapping[str, float], column: str = "restoration", people: int = 30, spread: float = 0.1
) -> pd.DataFrame:
    """Two images of each person, who shifts all rows alike; each value has noise of its own."""
    generator = np.random.default_rng(5)
    person = generator.normal(0, spread, people)
    lines = []
    for number in range(2 * people):
        for name, mean in means.items():
            lines.append(
                {
                    "explainer": name,
                    "key": f"image {number:03d}",
                    "category": ("Deepfakes", "NeuralTextures")[number % 2],
                    "cluster": f"person {number // 2:02d}",
                    "column": column,
                    "value": mean + person[number // 2] + generator.normal(0, spread / 2),
                }
            )
    return pd.DataFrame(lines)


def estimate(
    column: str, values: Mapping[str, float], n: int = 140, people: int = 70, category: str = "all"
) -> pd.DataFrame:
    """Estimates of a column, with intervals of 0.04 to either side where there are enough people."""
    half = 0.04 if people >= LEAST else nan
    lines = [
        (name, column, category, n, people, value, value - half, value + half, "made up")
        for name, value in values.items()
    ]
    return pd.DataFrame(lines, columns=list(ESTIMATES)).astype(ESTIMATES)


def line(
    column: str,
    a: str,
    b: str,
    difference: float,
    p: float = nan,
    *,
    category: str = "all",
    n: int = 140,
    people: int = 70,
    more: tuple[float, float] = (0, 0),
) -> dict[str, object]:
    """One test, with an interval of 0.04 to either side; planned on restoration, where `p` is Holm's."""
    half = 0.04 if people >= LEAST else nan
    planned = column == "restoration" and b not in of_kind(ROWS, "control")
    return {
        "family": CONFIRMATORY if planned else EXPLORATORY,
        "column": column,
        "category": category,
        "a": a,
        "b": b,
        "n": n,
        "clusters": people,
        "difference": difference,
        "low": difference - half,
        "high": difference + half,
        "p": p,
        "p_holm": p if planned else nan,
        "more_low": more[0],
        "more_high": more[1],
        "circular": False,
    }


def table(lines: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=list(TESTS)).astype(TESTS)
