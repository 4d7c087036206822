"""The tables of clips: maps over time, restoration, segment attacks; and the closing lines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.answer.estimates import ESTIMATES, estimates
from advxai.answer.rows import Row, not_compared
from advxai.common.classes import Classes
from advxai.common.rows import rows as lines_of
from advxai.config import Config
from advxai.metrics.columns import Column, arrowed, circular
from advxai.tables.compute import ALL, BACKWARDS, MEASURES, ORIGINAL, Axes, accuracy, flips, mean_costs, sufficiency
from advxai.tables.layout import BACK, CIRCULAR, ELSEWHERE, Table, between, decimals_of
from advxai.tables.measured import reasons, span
from advxai.video.closing import summary
from advxai.video.measures import COUNTS, MU, OVER_TIME, RHO, TAU, ClipMeasures
from advxai.video.population import Population, scores
from advxai.video.published import CLIPS, NOTE, PUBLISHED
from advxai.video.read import Found

__all__ = ["summary", "tables"]
TIDY = {"clips": "str", **ESTIMATES}
Line = dict[str, Any]


def axes_of(config: Config, found: Found, classes: Classes) -> Axes:
    """What the tables' rows and columns are."""
    entries = config.video.explainers
    fakes = found.clips[found.clips["key"].isin(Population.of(found).fakes)]
    return Axes(
        config.video.ordered,
        sorted(set(fakes["category"])),
        config.video.top,
        classes,
        {name: entry.kind for name, entry in entries.items()},
        {name: (entry.method, entry.filling) for name, entry in entries.items()},
        frozenset(name for name, entry in entries.items() if getattr(entry, "target", "") == "real"),
    )


def tables(found: Found, config: Config, classes: Classes, beside: bool) -> dict[str, Table]:
    """All of them by their names: video, video_restoration, video_attacks.

    Args:
        found: rows of the run.
        config: the run's.
        classes: the detector's.
        beside: the published rows of seeds/003 stand beside ours.
    """
    axes = axes_of(config, found, classes)
    return {
        "video": over_time_table(found, config, axes, beside),
        "video_restoration": restoration_table(found, config, axes),
        "video_attacks": attacks_table(found, config, axes),
    }


def _estimated(found: Found, config: Config, keys: Sequence[str], columns: Sequence[Column]) -> pd.DataFrame:
    """Values of all rows with intervals by cluster, over these clips; of what is counted the sum."""
    own = scores(found, config, keys)
    made = estimates(own, columns, config.seed)
    summed = made["column"].isin(COUNTS)
    return made.assign(value=made["value"].where(~summed, (made["value"] * made["n"]).round()))


def _placed(made: pd.DataFrame) -> dict[tuple[str, str], Line]:
    return {(line["explainer"], line["column"]): line for line in lines_of(made)}


def _cells(of: Mapping[tuple[str, str], Line], name: str, columns: Sequence[Column]) -> Line:
    """A row's values, each with the ends of its interval."""
    cells: Line = {}
    for column in columns:
        line = of.get((name, column.name), {"value": math.nan, "low": math.nan, "high": math.nan})
        heading = arrowed(column, column.title)
        cells |= {heading: line["value"], f"{heading} low": line["low"], f"{heading} high": line["high"]}
    return cells


def _intervals(columns: Sequence[Column]) -> dict[str, tuple[str, str]]:
    headings = [arrowed(column, column.title) for column in columns]
    return {heading: (f"{heading} low", f"{heading} high") for heading in headings}


def _n(of: Mapping[tuple[str, str], Line], name: str, columns: Sequence[Column]) -> str:
    return span([int(of[name, column.name]["n"]) for column in columns if (name, column.name) in of])


def over_time_table(found: Found, config: Config, axes: Axes, beside: bool) -> Table:
    """What maps look like over time: a line a row and population, the published rows below."""
    population = Population.of(found)
    columns = [column for column in OVER_TIME if column.name not in COUNTS]
    counts = [column for column in OVER_TIME if column.name in COUNTS]
    tidy: list[pd.DataFrame] = []
    wide: list[Line] = []
    flagged: set[tuple[int, str]] = set()
    rules: dict[int, str] = {}
    for clips, keys in population.named.items():
        made = _estimated(found, config, keys, OVER_TIME)
        tidy.append(made.assign(clips=clips))
        of = _placed(made)
        if wide and population.all_called_fake:
            continue  # it would be the same lines again; a note says so
        if wide:
            rules[len(wide) - 1] = f"over {clips} clips"
        rules |= {
            line + len(wide): below for line, below in between([axes.kind(name) for name in axes.explainers]).items()
        }
        for name in axes.explainers:
            flagged |= _flagged(axes, len(wide), name, columns)
            line = {"explainer": name, "clips": clips, "n": _n(of, name, columns), **_cells(of, name, columns)}
            line |= {one.title: _whole(of.get((name, one.name), {}).get("value")) for one in counts}
            wide.append(line)
    if beside:
        rules[len(wide) - 1] = "published, on DFDC"
        tidy.append(_published())
        wide += [_published_line(name, columns) for name in PUBLISHED]
    pairs = config.video.frames - 1
    return Table(
        "Maps of clips over time: means over fake clips that the detector calls fake, then over all fake ones. Each "
        "map's positive part over its largest value in the clip. I: mean intensity; V: variance; "
        f"{TAU}: correlation of consecutive frames; {RHO}: autocorrelation at a tenth of the side; {MU}: share in the "
        "central box of half the area (all of Pino et al.). Smoothness, sparsity, locality, and detection of the "
        "manipulated region (pixel AUC less .5, and relevance mass, in the true mask over the whole clip) are by our "
        "own definitions. Arrows: which end is better, where one is.",
        pd.concat(tidy, ignore_index=True)[list(TIDY)].astype(TIDY),
        pd.DataFrame(wide),
        intervals=_intervals(columns),
        # V is .25 at most, and of most maps a hundredth; counts are floats where published rows have none
        decimals={"V": 4, **dict.fromkeys((one.title for one in counts), 0)},
        rules=rules,
        flagged=frozenset(flagged),
        notes=(
            population.said,
            *(("All fake clips are called fake: the lines are of both.",) if population.all_called_fake else ()),
            f"Of each clip's {pairs} pairs of consecutive frames, those with a constant frame have no {TAU}; what is "
            f"missing is counted over all clips of the line. {TAU} rewards a map that stays, right or not: one that is "
            "right about a region that flickers has 0, one of a region that stays .9, under the same noise "
            "(docs/video-metrics.md). No column from I to locality asks the detector.",
            *reasons(_of(found.measured, population.fakes), columns, "clip"),
            *((CIRCULAR,) if flagged else ()),
            *((NOTE,) if beside else ()),
        ),
    )


def _of(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    return rows[rows["key"].isin(list(keys))]


def _whole(value: float | None) -> int | None:
    return None if value is None or math.isnan(value) else round(value)


def _flagged(axes: Axes, line: int, name: str, columns: Sequence[Column]) -> set[tuple[int, str]]:
    """Cells of a line whose row is made from what the column asks for."""
    return {(line, arrowed(one, one.title)) for one in columns if circular(*axes.made[name], one)}


def _published() -> pd.DataFrame:
    lines = [
        {"clips": "published", "explainer": name, "column": column, "category": ALL, "n": CLIPS, "clusters": 0,
         "value": value, "low": math.nan, "high": math.nan, "method": "none: published without"}
        for name, values in PUBLISHED.items() for column, value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(lines)


def _published_line(name: str, columns: Sequence[Column]) -> Line:
    of = {
        (name, column): {"value": value, "low": math.nan, "high": math.nan} for column, value in PUBLISHED[name].items()
    }
    return {"explainer": f"{name}, published", "clips": "DFDC", "n": str(CLIPS), **_cells(of, name, columns)}


def _part(count: float, n: int) -> str:
    """3/7; of several draws perhaps 2.4/7; "" of none."""
    return f"{round(count, 1):g}/{n}" if n else ""


def _short(column: Column) -> str:
    """`fall top-1` of `restoration, fall at top-1`."""
    return column.title.split(", ")[1].replace(" at ", " ").replace(" of ", " ")


def restoration_table(found: Found, config: Config, axes: Axes) -> Table:
    """The counterpart's pixels put into whole segments, in their frames: a line a row."""
    population = Population.of(found)
    columns = ClipMeasures(config.video).restoration.columns
    headline, others = columns[0], [one for one in columns[1:] if "_flip_" not in one.name]
    flipped = [one for one in columns if "_flip_" in one.name]
    made = _estimated(found, config, population.called_fake, columns)
    of = _placed(made)
    wide = []
    for name in axes.explainers:
        n = int(of[name, headline.name]["n"]) if (name, headline.name) in of else 0
        line: Line = {"explainer": name, "n": n, **_cells(of, name, [headline])}
        for k, column in enumerate(flipped, start=1):
            one = of.get((name, column.name))
            line[f"flips top-{k}"] = "" if one is None else _part(one["value"] * one["n"], int(one["n"]))
        line |= {_short(one): of.get((name, one.name), {}).get("value", math.nan) for one in others}
        wide.append(line)
    tops = range(1, config.video.top + 1)
    flagged = {cell for number, name in enumerate(axes.explainers) for cell in _flagged(axes, number, name, [headline])}
    flagged |= {(number, f"flips top-{k}") for number, _ in flagged for k in tops}
    flagged |= {(number, _short(one)) for number, _ in flagged for one in others if "_fall_" in one.name}
    return Table(
        "Restoration over time: the original's pixels put into whole segments of a clip by rank, each in its own "
        "frames, of fake clips called fake: mean fall of the predicted class's probability up to "
        f"{config.video.area:.0%} of the clip (higher is better); clips called real after top-k segments, of those "
        "that have so many; fall and restored area at top-k.",
        made.assign(clips="called fake")[list(TIDY)].astype(TIDY),
        pd.DataFrame(wide),
        intervals=_intervals([headline]),
        rules=between([axes.kind(name) for name in axes.explainers]),
        flagged=frozenset(flagged),
        notes=(
            population.said,
            "Flips of a row of several draws are the mean number over its draws.",
            *_of_real(config),
            *reasons(_of(found.measured, population.fakes), columns, "clip"),
            *((CIRCULAR,) if flagged else ()),
        ),
    )


def attacks_table(found: Found, config: Config, axes: Axes) -> Table:
    """NES on the top-k segments of fake clips, each in its own frames: a line a row, and Original; what a row cost."""
    population = Population.of(found)
    rows = _of(found.attacks, population.fakes)
    own = _of(found.clips, population.fakes)
    clean = pd.DataFrame(
        {
            "key": own["key"],
            "category": own["category"],
            "label": own["category"].map(axes.classes.label),
            "predicted": [int(axes.classes.called(before)) for before in own["before"]],
        }
    )
    found_of = {
        "accuracy": accuracy(rows, axes, clean),
        "sufficiency": sufficiency(rows, axes),
        "flips": flips(rows, axes).rename(columns={"share": "value"}),
    }
    of = {
        (measure, line["explainer"], line["k"]): line
        for measure, values in found_of.items()
        for line in lines_of(values[values["category"] == ALL])
    }
    costs = mean_costs(found.spent, "explainer")
    spent = [f"{scope} {name}" for scope in ("own", "total") for name in (*MEASURES, BACKWARDS)]
    spent = [name for name in spent if name in costs]
    if not found.spent["adversary_images"].any():
        spent = [name for name in spent if not name.startswith("total ")]
    wide = []
    tops = range(1, axes.top + 1)
    for name in (ORIGINAL, *axes.explainers):
        line: Line = {"explainer": name, "n": int(of["accuracy", name, 0 if name == ORIGINAL else 1]["n"])}
        line |= {f"accuracy top-{k}": of["accuracy", name, 0 if name == ORIGINAL else k]["value"] for k in tops}
        line |= {f"sufficiency top-{k}": of.get(("sufficiency", name, k), {}).get("value", math.nan) for k in tops}
        for k in tops:
            one = of.get(("flips", name, k))
            line[f"flips top-{k}"] = "" if one is None else _part(one["flipped"], int(one["n"]))
        line |= {one: float(costs[one].get(name, math.nan)) for one in spent}
        wide.append(line)
    return Table(
        "Segment attacks over time: NES on the top-k segments of fake clips, each in its own frames, until the clip is "
        "called real. Accuracy of the clip's answer (lower is better; Original: of the clean clips), sufficiency: mean "
        "fall of the predicted class's probability (higher is better), and clips called real, of those called fake "
        "before. Own: mean cost of explaining one clip, real ones too: seconds, frames through the detector (images), "
        f"calls of it.{BACK if f'own {BACKWARDS}' in spent else ''}",
        pd.concat([values.assign(measure=name) for name, values in found_of.items()], ignore_index=True)[
            ["measure", "explainer", "category", "k", "n", "value"]
        ],
        pd.DataFrame(wide),
        decimals=decimals_of(costs),
        rules=between([axes.kind(name) for name in (ORIGINAL, *axes.explainers)]),
        notes=(population.said, *_of_real(config), *_left(rows), ELSEWHERE),
    )


def _of_real(config: Config) -> tuple[str, ...]:
    """A note on rows of another class than that which is attacked and restored."""
    entries = config.video.of_kind("explainer")
    said = not_compared(Row(name, "explainer", target=entry.target) for name, entry in entries.items())
    return (said,) if said else ()


def _left(rows: pd.DataFrame) -> tuple[str, ...]:
    """Notes of clips that a row's attacks leave out, and why."""
    out = rows[~rows["included"] & (rows["k"] == 1)]
    counted = out.groupby(["explainer", "reason"], sort=True).size().reset_index(name="count")
    return tuple(
        f"Not attacked, {one['explainer']}: {one['count']} clip{'' if one['count'] == 1 else 's'}, {one['reason']}."
        for one in lines_of(counted)
    )
