"""The closing lines of the target `video`: what was explained, what restores best, what was left out."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from advxai.answer.words import listed, number
from advxai.common.rows import rows as lines_of
from advxai.config import Config
from advxai.metrics.columns import circular
from advxai.saliency.controls import NO_MASK
from advxai.saliency.given import NO_COUNTERPART
from advxai.statistics import LEAST
from advxai.tables.left_out import COUNTERPARTS
from advxai.tables.left_out import reasons as kinds_of
from advxai.tables.measured import means
from advxai.video.measures import ClipMeasures
from advxai.video.population import Population, clusters
from advxai.video.read import Found

# why a genuine clip has no explanation, for what the stages say of clips whatever they are
NO_ORIGINAL = "a real clip has no original behind it"
NO_REGION = "a real clip has no manipulated region"


def summary(found: Found, config: Config, left_out: Sequence[pd.DataFrame]) -> str:
    """A few lines, of which each ends with a line break.

    Args:
        found: rows of the run.
        config: the run's.
        left_out: tables of the stages, in the order in which data flows; columns stage, item, reason.
    """
    own, beside = (
        config.video.of_kind("explainer"),
        len(config.video.explainers) - len(config.video.of_kind("explainer")),
    )
    rows = f"{len(own)} explainer{'' if len(own) == 1 else 's'}"
    rows += f", beside {beside} control{'s and ceilings' if beside > 1 else ' or ceiling'}" if beside else ""
    clips = f"{len(found.clips)} clip{'' if len(found.clips) == 1 else 's'} of {config.video.frames} frames"
    lines = [f"{clips} explained by {rows}", Population.of(found).said, *_restored(found, config)]
    lines += [] if config.video.attacks else ["no segments were attacked (video.attacks: false)"]
    lines += [*_unexplained(found), *_left_out(left_out)]
    return "\n".join(lines) + "\n"


def _restored(found: Found, config: Config) -> list[str]:
    """Which explainer restores best, and whether a control does as well."""
    column = ClipMeasures(config.video).restoration.columns[0]
    fake = found.measured[found.measured["key"].isin(Population.of(found).called_fake)]
    values = {line["explainer"]: line for line in lines_of(means(fake, [column], ["explainer"])) if line["n"]}
    entries = config.video.explainers
    made_from = {name for name, entry in entries.items() if circular(entry.method, entry.filling, column)}
    of_real = {name for name, entry in entries.items() if getattr(entry, "target", "") == "real"}
    ranked = {
        kind: [name for name in config.video.of_kind(kind) if name in values and name not in made_from | of_real]
        for kind in ("explainer", "control")
    }
    if not ranked["explainer"]:
        return ["restoration: no clip that is called fake could be restored, so no row is said to be better"]
    order = sorted(ranked["explainer"], key=lambda name: -values[name]["value"])
    shown = [f"{name} {number(values[name]['value'])} (n {values[name]['n']})" for name in order]
    lines = [f"restoration up to {config.video.area:.0%} of the clip, best first: {', '.join(shown)}"]
    by_clip = fake[fake["column"] == column.name].pivot(index="key", columns="explainer", values="value")
    for control in ranked["control"]:
        said = f"the control {control} {number(values[control]['value'])} (n {values[control]['n']})"
        gaps = {name: (by_clip[name] - by_clip[control]).dropna() for name in order}
        lines += _beside({name: gap for name, gap in gaps.items() if len(gap)}, said)
    people = len(
        {clusters(config, found.clips["video"])[video] for video in _restored_videos(found, fake, column.name)}
    )
    if people < LEAST:
        groups = f"{people} independent group{'' if people == 1 else 's'} of videos"
        lines.append(f"of {groups}, {LEAST} are needed: no interval, and no row is shown to differ")
    return lines


def _beside(gaps: Mapping[str, pd.Series], said: str) -> list[str]:
    """Which explainers came out above a control; nothing, if none is of the same clips.

    Args:
        gaps: explainer -> by how much, on each clip that both have, one at least.
        said: the control in words, with its value.
    """
    above = [name for name, gap in gaps.items() if math.fsum(gap) > 0]
    below = [name for name in gaps if name not in above]
    if not above and len(below) > 1:
        return [f"no explainer came out above {said}"]
    if below:
        return [f"{listed(below)} did not come out above {said}{f'; {listed(above)} did' if above else ''}"]
    return [f"{listed(above)} came out above {said}"] if above else []


def _restored_videos(found: Found, rows: pd.DataFrame, column: str) -> set[str]:
    keys = rows.loc[(rows["column"] == column) & rows["value"].map(math.isfinite), "key"]
    return set(found.clips.loc[found.clips["key"].isin(set(keys)), "video"])


def _unexplained(found: Found) -> list[str]:
    """Clips without an explanation, a line a row and reason."""
    out = found.spent[found.spent["missing"] != ""]
    real = out["key"].isin(Population.of(found).reals)
    said = out["missing"].mask(real & out["missing"].str.startswith(NO_COUNTERPART), NO_ORIGINAL)
    out = out.assign(missing=said.mask(real & (said == NO_MASK), NO_REGION))
    counted = out.groupby(["explainer", "missing"], sort=True).size().reset_index(name="count")
    return [f"not explained by {one['explainer']}: {one['count']} x {one['missing']}" for one in lines_of(counted)]


def _left_out(stages: Sequence[pd.DataFrame]) -> list[str]:
    """What was left out and why; frames without a counterpart cost no clip, but its restoration."""
    out = pd.concat([stage.assign(explainer="") for stage in stages], ignore_index=True) if stages else pd.DataFrame()
    if out.empty:
        return ["left out: 0"]
    out = out[["stage", "explainer", "item", "reason"]].astype("str")
    without = out["stage"].str.endswith(COUNTERPARTS)
    lines = [f"left out: {int((~without).sum()):,}"]
    lines += [f"  {stage}: {count} x {reason}" for stage, _, reason, count in kinds_of(out[~without])]
    if without.any():
        lines.append(f"frames without a counterpart, whose clips aren't restored: {int(without.sum()):,}")
        lines += [f"  {count} x {reason}" for _, _, reason, count in kinds_of(out[without])]
    return lines
