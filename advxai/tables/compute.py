"""The measures of the paper's tables, as pure functions of tidy rows.

Every image weighs the same. An explainer's numbers are over its included images; those of the row Original are over
all images of the evaluation list. Sums are exact (`math.fsum`), so the order of the rows and of the shards changes no
bit.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from advxai.common.categories import ABBREVIATIONS, SHORT
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.run.paths import Paths

ALL = "all"
ORIGINAL = "Original"
MEASURES = ("seconds", "images", "calls")
BACKWARDS = "backwards"  # images back through the detector: a measure where some row has any


def paper_order(categories: Iterable[str]) -> list[str]:
    """Categories as the paper orders them; names that it doesn't have come last."""
    paper = list(SHORT)
    return sorted(categories, key=lambda name: paper.index(name) if name in SHORT else len(paper))


@dataclass(frozen=True)
class Axes:
    """What a table's rows and columns are.

    Attributes:
        explainers: rows, in the order of the configuration.
        categories: categories of fakes; shown in the paper's order (DF, F2F, FS, NT), then `all`.
        top: largest k.
        classes: the detector's.
        kinds: row -> "control" or "ceiling"; one that isn't named is an explainer.
        made: row -> its method and the kind of its baseline ("" if it has none).
        real: rows of the real class, which no table here ranks among those of the class that an image is called.
    """

    explainers: Sequence[str]
    categories: Sequence[str]
    top: int
    classes: Classes = FIVE
    kinds: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    real: frozenset[str] = frozenset()

    @classmethod
    def of(cls, paths: Paths, explainers: Iterable[str] | None = None) -> "Axes":
        """Those of a run's tables; `explainers`: of these rows alone."""
        config = paths.config
        rows = list(config.explainers if explainers is None else explainers)
        kinds = {name: entry.kind for name, entry in config.explainers.items()}
        made = {name: (entry.method, entry.filling) for name, entry in config.explainers.items()}
        real = frozenset(config.of_the_real_class)
        return cls(rows, list(config.corpus.categories), config.evaluation.top, paths.classes, kinds, made, real)

    def kind(self, row: str) -> str:
        """What a row is: "explainer", "control" or "ceiling"; "" of the row Original."""
        return "" if row == ORIGINAL else self.kinds.get(row, "explainer")

    @property
    def ordered(self) -> list[str]:
        return paper_order(self.categories)

    @property
    def columns(self) -> list[str]:
        return [*self.ordered, ALL]


def short(category: str) -> str:
    """Abbreviation of a category: Deepfakes -> DF."""
    return ABBREVIATIONS.get(category, category)


def check(rows: pd.DataFrame, axes: Axes) -> None:
    """Refuse rows that would be counted twice or in no column.

    Raises:
        InputError: an (explainer, key, k) comes twice, or a category isn't one of the table's.
    """
    twice = rows[rows.duplicated(["explainer", "key", "k"])]
    if len(twice):
        raise InputError(f"{twice.iloc[0]['key']} is in two evaluation shards of one run: delete them and run again")
    strange = rows[~rows["category"].isin(list(axes.categories))]
    if len(strange):
        first = strange.iloc[0]
        raise InputError(f"{first['key']} has the category {first['category']}: add it to corpus.categories")


def clean_predictions(rows: pd.DataFrame, explanations: pd.DataFrame) -> pd.DataFrame:
    """What the detector says of each clean image, whether or not an explainer's rows include it.

    Args:
        rows: evaluation rows (they know category and label).
        explanations: of `advxai.tables.read.explanations` (they know the predicted class of every image).

    Returns:
        One row an image: key, category, label, predicted.
    """
    images = rows.drop_duplicates("key")[["key", "category", "label"]]
    predicted = explanations.drop_duplicates("key")[["key", "predicted"]]
    return images.merge(predicted, on="key", validate="one_to_one")


def _mean(values: pd.Series) -> float:
    return math.fsum(values) / len(values)


def _with_all(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.assign(category=ALL)], ignore_index=True)


def _grid(statistics: pd.DataFrame, explainers: Sequence[str], axes: Axes, ks: Sequence[int]) -> pd.DataFrame:
    """One row for each explainer, category and k, in the table's order; n = 0 where there is no image."""
    names = ["explainer", "category", "k"]
    grid = pd.MultiIndex.from_product([list(explainers), axes.columns, list(ks)], names=names)
    full = statistics.reindex(grid).reset_index()
    return full.assign(n=full["n"].fillna(0).astype("int64"))


def _means(frame: pd.DataFrame, explainers: Sequence[str], axes: Axes, ks: Sequence[int]) -> pd.DataFrame:
    groups = _with_all(frame).groupby(["explainer", "category", "k"])
    return _grid(groups.agg(n=("value", "size"), value=("value", _mean)), explainers, axes, ks)


def _included(rows: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    check(rows, axes)
    return rows[rows["included"]]


def accuracy(rows: pd.DataFrame, axes: Axes, clean: pd.DataFrame | None = None) -> pd.DataFrame:
    """Share of images whose class after the attack is the true one (paper, section 4.2 and table 1); of a category that
    the detector has no class for: that are called fake.

    Args:
        rows: evaluation rows of any number of explainers.
        axes: the table's rows and columns.
        clean: of `clean_predictions`; gives the row Original, with k = 0.

    Returns:
        explainer, category (and `all`), k, n, value in [0, 1]; NaN where n = 0.
    """
    used = _included(rows, axes)
    correct = axes.classes.right(used["predicted_after"], used["label"]).astype("float64")
    table = _means(used.assign(value=correct), axes.explainers, axes, range(1, axes.top + 1))
    if clean is None:
        return table
    right = axes.classes.right(clean["predicted"], clean["label"]).astype("float64")
    original = _means(clean.assign(explainer=ORIGINAL, k=0, value=right), [ORIGINAL], axes, [0])
    return pd.concat([original, table], ignore_index=True)


def sufficiency(rows: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """Mean fall of the probability of the class predicted before the attack (paper, section 4.2 and table 2).

    Returns:
        explainer, category (and `all`), k, n, value in [-1, 1]; NaN where n = 0.
    """
    used = _included(rows, axes)
    fall = (used["p_before"] - used["p_after"]).astype("float64")
    return _means(used.assign(value=fall), axes.explainers, axes, range(1, axes.top + 1))


def flips(rows: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """Of the included images that the detector called fake: how many it calls Real after the attack.

    Returns:
        explainer, category (and `all`), k, images (included), n (those called fake before), flipped, share of n in
        [0, 1]; NaN where n = 0.
    """
    used = _included(rows, axes)
    fake = used.assign(fake=~used["called_real"].astype(bool), flipped=used["flipped"].astype(bool))
    groups = _with_all(fake).groupby(["explainer", "category", "k"])
    counts = groups.agg(images=("key", "size"), n=("fake", "sum"), flipped=("flipped", "sum"))
    table = _grid(counts, axes.explainers, axes, range(1, axes.top + 1))
    table[["images", "flipped"]] = table[["images", "flipped"]].fillna(0).astype("int64")
    return table.assign(share=(table["flipped"] / table["n"]).where(table["n"] > 0))


def costs_of(explanations: pd.DataFrame) -> list[str]:
    """The columns of what these explanations cost: own <measure>, then total <measure>."""
    back = BACKWARDS in explanations and explanations[BACKWARDS].any()
    return [f"{scope} {name}" for scope in ("own", "total") for name in (*MEASURES, *([BACKWARDS] if back else []))]


def mean_costs(explanations: pd.DataFrame, by: str) -> pd.DataFrame:
    """Mean cost of an explanation in each group of the column `by`: n, and the columns of `costs_of`."""
    columns = costs_of(explanations)
    names = [column.removeprefix("own ") for column in columns if column.startswith("own ")]
    own = {f"own {name}": explanations[name] for name in names}
    # NES takes no gradient
    total = {f"total {name}": explanations[name] + explanations.get(f"adversary_{name}", 0) for name in names}
    frame = pd.DataFrame({by: explanations[by], **own, **total})
    groups = frame.groupby(by)
    costs = pd.DataFrame({name: groups[name].agg(_mean) for name in [*own, *total]})
    costs.insert(0, "n", groups.size())
    return costs


def cost(explanations: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """Mean cost of one explanation (paper, section 4.4 and table 3).

    Args:
        explanations: of `advxai.tables.read.explanations`; every explained image counts, also those that the
            evaluation leaves out.
        axes: the table's rows.

    Returns:
        explainer, n, own seconds, own images (through the detector), own calls (batches), own backwards (images back
        through it; only where some row has any), and total ...: with the share of the adversarial copy added. NaN where
        n = 0.
    """
    if (twice := explanations[explanations.duplicated(["explainer", "key"])]).size:
        raise InputError(f"{twice.iloc[0]['key']} is in two saliency shards of one run: delete them and run again")
    costs = mean_costs(explanations, "explainer").reindex(list(axes.explainers))
    costs["n"] = costs["n"].fillna(0).astype("int64")
    return costs.rename_axis("explainer").reset_index()
