"""From measures to the tables that people read: rows, columns and captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import pandas as pd

from advxai.common.rows import columns
from advxai.tables.compute import (
    ALL,
    BACKWARDS,
    ORIGINAL,
    Axes,
    accuracy,
    cost,
    costs_of,
    flips,
    mean_costs,
    short,
    sufficiency,
)

CIRCULAR = "\N{DAGGER} The row is made from what the column asks for: its value says nothing of the others."
BACK = " Backwards: images back through it, for gradients, besides."
# Under the figure of cost too.
ELSEWHERE = "The seconds are of the jobs that made maps and copies, perhaps on another machine or beside other jobs."


@dataclass(frozen=True)
class Table:
    """A table in its two forms.

    Attributes:
        caption: what it shows and how to read it.
        tidy: at full precision, one row a number where the table has categories (-> Parquet).
        wide: as laid out (-> CSV, Markdown, LaTeX). The first column names the row; `n` and `<category> n` count
            images; the others are values.
        best: which end of each column of values is best; None: what `marked` says.
        counts: value column -> the column that it is a count out of; shown as 3/4.
        intervals: value column -> the columns of its interval's ends, shown as 0.12 [0.08, 0.16].
        decimals: of columns that aren't shown with three.
        marked: (line, column) of the cells in bold, where `best` doesn't say it.
        flagged: (line, column) of the cells that a dagger stands behind.
        rules: lines of the wide table, counted from 0, under which a rule is drawn -> what the lines below it are,
            "" where nobody needs to be told.
        notes: what has to be known to read it; one paragraph each, under the table.
        unranked: names of the lines that aren't ranked by `best`.
    """

    caption: str
    tidy: pd.DataFrame
    wide: pd.DataFrame
    best: Literal["lowest", "highest"] | None = None
    counts: dict[str, str] = field(default_factory=dict)
    intervals: dict[str, tuple[str, str]] = field(default_factory=dict)
    decimals: dict[str, int] = field(default_factory=dict)
    marked: frozenset[tuple[int, str]] = frozenset()
    flagged: frozenset[tuple[int, str]] = frozenset()
    rules: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unranked: frozenset[str] = frozenset()


def between(kinds: Sequence[str]) -> dict[int, str]:
    """Rules between lines of different kinds: `rules` of a table.

    Args:
        kinds: of each line: explainer, control, ceiling, or anything else; only the first lines of controls and of
            ceilings get a heading.
    """
    named = {"control": "controls", "ceiling": "ceilings"}
    pairs = enumerate(pairwise(kinds))
    return {line: named.get(below, "") for line, (above, below) in pairs if above != below}


def image_count(numbers: pd.Series) -> int | str:
    """A number of images that holds for every k; as 4/4/3 when it doesn't."""
    return int(numbers.iloc[0]) if numbers.nunique() == 1 else "/".join(map(str, numbers))


def _wide(tidy: pd.DataFrame, value: str, axes: Axes, totals: dict[str, str]) -> pd.DataFrame:
    """One row an explainer: its image counts, then `<category> top-<k>`.

    Args:
        tidy: rows of (explainer, category, k).
        value: the column to lay out.
        axes: the table's rows and columns.
        totals: name -> tidy column of the counts that are given over all categories.
    """
    lines = []
    for explainer, rows in tidy.groupby("explainer", sort=False):
        # dict() would take a GroupBy, which has `keys`, for a mapping
        of = {category: part for category, part in rows.groupby("category")}  # noqa: C416
        line: dict[str, object] = {"explainer": explainer}
        line |= {name: image_count(of[ALL][column]) for name, column in totals.items()}
        line |= {f"{short(category)} n": image_count(of[category]["n"]) for category in axes.ordered}
        for category in axes.columns:
            values = of[category].set_index("k")[value]
            for k in range(1, axes.top + 1):
                # The clean images' accuracy (k = 0) is what every k is compared with.
                line[f"{short(category)} top-{k}"] = values[0] if explainer == ORIGINAL else values[k]
        lines.append(line)
    return pd.DataFrame(lines)


def _classless(axes: Axes) -> tuple[str, ...]:
    """A note, where the detector has no class for some of the categories."""
    without = [short(name) for name in axes.ordered if axes.classes.of(name) is None]
    if not without:
        return ()
    return (
        f"The detector has no class for {', '.join(without)}: of these, accuracy is the share that is called fake, by "
        "whichever class.",
    )


def _kinds(axes: Axes, *names: str) -> dict[int, str]:
    """Rules between explainers, controls and ceilings, of lines with these names."""
    return between([axes.kind(name) for name in names])


def accuracy_table(rows: pd.DataFrame, clean: pd.DataFrame, axes: Axes) -> Table:
    """Table 1 of the paper. Arguments: see `compute.accuracy`."""
    tidy = accuracy(rows, axes, clean)
    return Table(
        "Accuracy of the detector after attacks on the top-k segments; lower is better. Original: on the clean images.",
        tidy.rename(columns={"value": "accuracy"}),
        _wide(tidy, "value", axes, {"n": "n"}),
        best="lowest",
        unranked=axes.real,
        rules=_kinds(axes, ORIGINAL, *axes.explainers),
        notes=_classless(axes),
    )


def sufficiency_table(rows: pd.DataFrame, axes: Axes) -> Table:
    """Table 2 of the paper. Arguments: see `compute.sufficiency`."""
    tidy = sufficiency(rows, axes)
    return Table(
        "Sufficiency: mean fall of the predicted class's probability after attacks on the top-k segments; higher is "
        "better.",
        tidy.rename(columns={"value": "sufficiency"}),
        _wide(tidy, "value", axes, {"n": "n"}),
        best="highest",
        unranked=axes.real,
        rules=_kinds(axes, *axes.explainers),
    )


def decimals_of(costs: pd.DataFrame) -> dict[str, int]:
    """One decimal of counts; `costs`: with columns of `costs_of`, among others."""
    names = [name for name in columns(costs) if name.startswith(("own ", "total "))]
    return {name: 1 for name in names if not name.endswith("seconds")}


def _seconds(costs: pd.DataFrame) -> tuple[str, ...]:
    """The note on a table's seconds, where rows of two kinds may be compared by them: forwards of the backend, and
    gradients of the module."""
    return (ELSEWHERE,) if f"own {BACKWARDS}" in costs else ()


def cost_table(explanations: pd.DataFrame, axes: Axes) -> Table:
    """Table 3 of the paper. Arguments: see `compute.cost`."""
    costs = cost(explanations, axes)
    return Table(
        "Mean cost of explaining one image: seconds, images through the detector, calls of it. Own: the explainer's; "
        f"total: with the adversarial copy.{BACK if f'own {BACKWARDS}' in costs else ''}",
        costs,
        costs,
        decimals=decimals_of(costs),
        rules=_kinds(axes, *axes.explainers),
        notes=_seconds(costs),
    )


def flips_table(rows: pd.DataFrame, axes: Axes) -> Table:
    """Flips behind the tables, as counts. Arguments: see `compute.flips`."""
    tidy = flips(rows, axes)
    names = {category: "n" if category == ALL else f"{short(category)} n" for category in axes.columns}
    return Table(
        "Images called real after attacks on the top-k segments, of the n that were called fake before (images: those "
        "attacked).",
        tidy,
        _wide(tidy, "flipped", axes, {"images": "images", "n": "n"}),
        counts={f"{short(category)} top-{k}": n for category, n in names.items() for k in range(1, axes.top + 1)},
        rules=_kinds(axes, *axes.explainers),
    )


def explainer_table(rows: pd.DataFrame, explanations: pd.DataFrame, axes: Axes) -> Table:
    """Everything about one explainer: a row a category, and `all`.

    Args:
        rows: evaluation rows of this explainer.
        explanations: of `advxai.tables.read.explanations`, of this explainer.
        axes: its only explainer is this one.

    Returns:
        Columns category, explained (images), left out, called real (clean images; they stay in the numbers), n
        (explained less left out), accuracy original (of these n) and top-k, sufficiency top-k, called fake and flips
        top-k (of those called fake), own and total seconds, images, calls (of all explained), and backwards, where
        there are any.
    """
    (explainer,) = axes.explainers
    used = rows[rows["included"] & (rows["k"] == 1)].rename(columns={"predicted_before": "predicted"})
    images = rows[rows["k"] == 1]
    by_k = {
        "accuracy": accuracy(rows, axes, used).set_index(["explainer", "category", "k"])["value"],
        "sufficiency": sufficiency(rows, axes).set_index(["explainer", "category", "k"])["value"],
    }
    flipped = flips(rows, axes).set_index(["category", "k"])
    explained = explanations.merge(images[["key", "category"]], on="key", validate="one_to_one")
    explained = pd.concat([explained, explained.assign(category=ALL)], ignore_index=True)
    costs = mean_costs(explained, "category").reindex(axes.columns)
    lines = []
    for category in axes.columns:
        own = images if category == ALL else images[images["category"] == category]
        included = own[own["included"]]
        ks = range(1, axes.top + 1)
        line: dict[str, object] = {
            "category": short(category),
            "explained": len(own),
            "left out": len(own) - len(included),
            "called real": int(included["called_real"].sum()),
            "n": len(included),
            "accuracy original": by_k["accuracy"][ORIGINAL, category, 0],
        }
        for measure, values in by_k.items():
            line |= {f"{measure} top-{k}": values[explainer, category, k] for k in ks}
        line["called fake"] = int(flipped["n"][category, 1])
        line |= {f"flips top-{k}": int(flipped["flipped"][category, k]) for k in ks}
        lines.append(line | costs.loc[category, costs_of(explained)].to_dict())
    wide = pd.DataFrame(lines)
    return Table(
        f"{explainer}: accuracy (lower is better), sufficiency (higher is better) and flips after attacks on the top-k "
        "segments, and mean cost an image (own, and total with the adversarial copy).",
        wide,
        wide,
        counts={f"flips top-{k}": "called fake" for k in range(1, axes.top + 1)},
        decimals=decimals_of(wide),
        notes=(*_classless(axes), *_seconds(wide)),
    )
