"""The tables of what is measured of clips: maps over time and restoration; and the closing lines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.answer.estimates import ESTIMATES, estimates
from advxai.common.classes import Classes
from advxai.common.rows import rows as lines_of
from advxai.config import Config
from advxai.metrics.columns import Column, arrowed, circular
from advxai.tables.compute import ALL, Axes
from advxai.tables.layout import CIRCULAR, Table, between
from advxai.tables.measured import reasons, span
from advxai.video.axes import axes_of, of_keys, of_real, part
from advxai.video.closing import summary
from advxai.video.measures import COUNTS, MU, OVER_TIME, RHO, TAU, ClipMeasures
from advxai.video.population import Population, scores
from advxai.video.published import CLIPS, NOTE, PUBLISHED
from advxai.video.read import Found

__all__ = ["summary", "tables"]
TIDY = {"clips": "str", **ESTIMATES}
COUNTED = "none: counted over all clips"
Line = dict[str, Any]


def tables(found: Found, config: Config, classes: Classes, beside: bool) -> dict[str, Table]:
    """Both by their names: video, video_restoration.

    Args:
        found: rows of the run.
        config: the run's.
        classes: the detector's.
        beside: the rows that Pino et al. publish stand beside ours.
    """
    axes = axes_of(config, found, classes)
    return {
        "video": over_time_table(found, config, axes, beside),
        "video_restoration": restoration_table(found, config, axes),
    }


def _estimated(found: Found, config: Config, keys: Sequence[str], columns: Sequence[Column]) -> pd.DataFrame:
    """Values of all rows with intervals by cluster, over these clips; of what is counted the sum, and no interval."""
    own = scores(found, config, keys)
    made = estimates(own, columns, config.seed)
    summed = made["column"].isin(COUNTS)
    made.loc[summed, "value"] = (made["value"] * made["n"]).round()[summed]
    made.loc[summed, ["low", "high"]] = math.nan
    made.loc[summed, "method"] = COUNTED
    return made


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
            *reasons(of_keys(found.measured, population.fakes), columns, "clip"),
            *((CIRCULAR,) if flagged else ()),
            *((NOTE,) if beside else ()),
        ),
    )


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
            line[f"flips top-{k}"] = "" if one is None else part(one["value"] * one["n"], int(one["n"]))
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
            *of_real(config),
            *reasons(of_keys(found.measured, population.fakes), columns, "clip"),
            *((CIRCULAR,) if flagged else ()),
        ),
    )
