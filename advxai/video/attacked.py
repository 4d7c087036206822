"""The table of attacks on the segments of clips, and of what explaining a clip costs."""

import math
from collections.abc import Sequence

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.rows import rows as lines_of
from advxai.config import Config
from advxai.tables.compute import ALL, BACKWARDS, MEASURES, ORIGINAL, Axes, accuracy, flips, mean_costs, sufficiency
from advxai.tables.layout import BACK, ELSEWHERE, Table, between, decimals_of
from advxai.video.axes import axes_of, of_keys, of_real, part
from advxai.video.population import Population
from advxai.video.read import Found

OWN = [f"own {name}" for name in (*MEASURES, BACKWARDS)]
TOTAL = [f"total {name}" for name in MEASURES]  # NES takes no gradient
EXPLAINED = "clips explained"
WITH_COPY = " Total: with the clip's adversarial copy, which rows share, but counted in full in each."


def attacks_table(found: Found, config: Config, classes: Classes) -> Table:
    """NES on the top-k segments of fake clips that are called fake, each in its own frames: a line a row, and Original;
    what a row cost.

    Args:
        found: rows of the run: clips, spent and attacks.
        config: the run's.
        classes: the detector's.
    """
    axes, population = axes_of(config, found, classes), Population.of(found)
    rows = of_keys(found.attacks, population.called_fake)
    values = {
        "accuracy": accuracy(rows, axes, _clean(found, population.called_fake, classes)),
        "sufficiency": sufficiency(rows, axes),
        "flips": flips(rows, axes).rename(columns={"share": "value"}),
    }
    costs = costs_of(found.spent)
    wide = _wide(values, axes).merge(costs.reset_index(), on="explainer", how="left")
    wide[EXPLAINED] = wide[EXPLAINED].astype("Int64")
    return Table(
        "Segment attacks over time: NES on the top-k segments of fake clips that are called fake, each in its own "
        "frames, until the clip is called real. Right class: share of clips whose answer is their own class of the "
        "detector's (lower is better; Original: of the clean clips); a fake that is called another manipulation is not "
        "right, and still called fake. Sufficiency: mean fall of the predicted class's probability (higher is better). "
        "Flips: clips called real (more are better). Own: mean cost of one of the clips explained, real ones too: "
        "seconds, frames through the detector (images), calls of it."
        f"{WITH_COPY if TOTAL[0] in costs else ''}{BACK if f'own {BACKWARDS}' in costs else ''}",
        pd.concat([one.assign(measure=name) for name, one in values.items()], ignore_index=True)[
            ["measure", "explainer", "category", "k", "n", "value"]
        ],
        wide,
        decimals={**decimals_of(costs), EXPLAINED: 0},
        rules=between([axes.kind(name) for name in (ORIGINAL, *axes.explainers)]),
        notes=(population.said, *of_real(config), *_left(rows), ELSEWHERE),
    )


def _clean(found: Found, keys: Sequence[str], classes: Classes) -> pd.DataFrame:
    """What the detector says of the clean clips, as of `advxai.tables.compute.clean_predictions`."""
    own = of_keys(found.clips, keys)
    return pd.DataFrame(
        {
            "key": own["key"],
            "category": own["category"],
            "label": own["category"].map(classes.label),
            "predicted": [int(classes.called(before)) for before in own["before"]],
        }
    )


def _wide(values: dict[str, pd.DataFrame], axes: Axes) -> pd.DataFrame:
    """A line a row, over all categories, without costs."""
    of = {
        (measure, line["explainer"], line["k"]): line
        for measure, table in values.items()
        for line in lines_of(table[table["category"] == ALL])
    }
    tops, wide = range(1, axes.top + 1), []
    for name in (ORIGINAL, *axes.explainers):
        first = {k: 0 if name == ORIGINAL else k for k in tops}
        line = {"explainer": name, "n": int(of["accuracy", name, first[1]]["n"])}
        line |= {f"right class top-{k}": of["accuracy", name, first[k]]["value"] for k in tops}
        line |= {f"sufficiency top-{k}": of.get(("sufficiency", name, k), {}).get("value", math.nan) for k in tops}
        for k in tops:
            one = of.get(("flips", name, k))
            line[f"flips top-{k}"] = "" if one is None else part(one["flipped"], int(one["n"]))
        wide.append(line)
    return pd.DataFrame(wide)


def costs_of(spent: pd.DataFrame) -> pd.DataFrame:
    """Mean cost of an explanation of each row, by its name; a clip that has none cost nothing, and doesn't count.

    Args:
        spent: of `Found`.

    Returns:
        EXPLAINED, and of OWN and TOTAL what some row has spent anything on.
    """
    explained = spent[spent["missing"] == ""]
    costs = mean_costs(explained, "explainer").rename(columns={"n": EXPLAINED})
    total = TOTAL if explained["adversary_images"].any() else []
    return costs[[EXPLAINED, *(name for name in (*OWN, *total) if name in costs)]]


def _left(rows: pd.DataFrame) -> tuple[str, ...]:
    """Notes of clips that a row's attacks leave out, and why."""
    out = rows[~rows["included"].astype(bool) & (rows["k"] == 1)]
    counted = out.groupby(["explainer", "reason"], sort=True).size().reset_index(name="count")
    return tuple(
        f"Not attacked, {one['explainer']}: {one['count']} clip{'' if one['count'] == 1 else 's'}, {one['reason']}."
        for one in lines_of(counted)
    )
