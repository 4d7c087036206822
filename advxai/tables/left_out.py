"""What left the population, with its reason, and the run's closing message."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.categories import category_of
from advxai.common.files import publish
from advxai.tables.compute import paper_order, short

COLUMNS = ["stage", "explainer", "item", "reason"]
COUNTERPARTS = "counterparts"  # the stage whose list costs no image, but what is measured by its counterpart


def collect(stages: Iterable[pd.DataFrame], rows: pd.DataFrame) -> pd.DataFrame:
    """One list of everything that was left out.

    Args:
        stages: left-out tables of the stages, in the order in which data flows; columns stage, item, reason.
        rows: evaluation rows; an image left out of an explainer's rows is listed once for that explainer.

    Returns:
        stage, explainer ("" for all but the evaluation), item, reason; all text.
    """
    frames = [frame.assign(explainer="") for frame in stages]
    out = rows[~rows["included"]].drop_duplicates(["explainer", "key"]).rename(columns={"key": "item"})
    frames.append(out.assign(stage="evaluation"))
    return pd.concat([frame.reindex(columns=COLUMNS).astype("str") for frame in frames], ignore_index=True)


def not_explained(left_out: pd.DataFrame) -> str:
    """A note for tables of images that the detector calls fake: how many test fakes it calls real.

    Args:
        left_out: of `advxai.detector.called_fake.split`.
    """
    if left_out.empty:
        return "Every sampled test fake was called fake by the detector; none is missing here."
    counts = left_out["item"].map(category_of).value_counts()
    shown = ", ".join(f"{short(name)} {counts[name]}" for name in paper_order(counts.index))
    return (
        f"Not in these numbers: {_some(len(left_out), 'sampled test fake')} that the detector called real ({shown}), "
        "neither explained nor attacked."
    )


def noted(note: str, paths: Iterable[Path]) -> str:
    """A table's note, with `not_explained` of the lists of the images that it doesn't show (one or none)."""
    return " ".join([note, *(not_explained(parquet.read(path)) for path in paths)])


def write(left_out: pd.DataFrame, stem: Path) -> None:
    """Publish <stem>.parquet and <stem>.csv."""
    parquet.write(left_out, stem.with_name(f"{stem.name}.parquet"))
    publish(stem.with_name(f"{stem.name}.csv"), lambda path: left_out.to_csv(path, index=False, lineterminator="\n"))


def _some(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def reasons(left_out: pd.DataFrame) -> list[tuple[str, str, str, int]]:
    """(stage, explainer, reason, how many), in the order of the table; reasons that differ only in numbers are one."""
    kinds = left_out["reason"].map(lambda reason: re.sub(r"\d+", "N", reason))
    found = []
    for (stage, explainer, kind), group in left_out.groupby(["stage", "explainer", kinds], sort=False):
        reason = group["reason"].iloc[0] if group["reason"].nunique() == 1 else kind
        found.append((str(stage), str(explainer), str(reason), len(group)))
    return found


def _reasons(left_out: pd.DataFrame) -> list[str]:
    """A line for each stage: how many, and how many for each reason."""
    lines = []
    for stage, part in left_out.groupby("stage", sort=False):
        shown = [
            f"{explainer}{': ' if explainer else ''}{count} x {reason}" for _, explainer, reason, count in reasons(part)
        ]
        lines.append(f"  {stage} {len(part)}: {'; '.join(shown)}")
    return lines


def _success(adversary: pd.DataFrame) -> str:
    fake = adversary[~adversary["called_real"]]
    if not len(fake):
        return "NES: no image was called fake"
    return (
        f"NES turned {int(fake['success'].sum())} of the {_some(len(fake), 'image')} called fake into real "
        f"({fake['success'].mean():.0%}), in {fake['iterations'].mean():.1f} iterations on average"
    )


def summary(
    *,
    videos: int,
    faces: int,
    rows: pd.DataFrame,
    left_out: pd.DataFrame,
    adversary: pd.DataFrame | None,
    tables: Path,
    answer: Sequence[str] = (),
    notes: Sequence[str] = (),
    beside: Collection[str] = (),
) -> str:
    """The closing message of a run: the answer, then a few lines of numbers.

    Args:
        videos: how many videos the corpus has.
        faces: how many face images the manifest has.
        rows: evaluation rows of every explainer.
        left_out: of `collect`.
        adversary: of `advxai.tables.read.adversary`; None when no explainer needs adversarial copies.
        tables: the folder that the tables are in.
        answer: its lines.
        notes: on the detector, as of `advxai.detector.shown.notes`.
        beside: rows that are controls and ceilings.
    """
    images = rows.drop_duplicates("key")
    names = set(rows["explainer"])
    others = len(names & set(beside))
    said = f", beside {others} control{'s and ceilings' if others > 1 else ' or ceiling'}" if others else ""
    explained = f"{_some(len(images), 'image')} explained by {_some(len(names - set(beside)), 'explainer')}{said}"
    counted = [_some(videos, "video"), _some(faces, "face"), explained if len(images) else "no image explained"]
    lines = [*answer, *([""] if answer else []), ", ".join(counted), *(f"note: {note}" for note in notes)]
    if already := int(images["called_real"].sum()):
        lines.append(f"already called real by the detector: {_some(already, 'image')}; their rankings mean nothing")
    without = left_out["stage"] == COUNTERPARTS
    lines += [f"left out: {len(left_out) - int(without.sum()):,}", *_reasons(left_out[~without])]
    if without.any():
        lines.append(f"without a counterpart, so not restored: {_some(int(without.sum()), 'image')}")
        lines += [f"  {count} x {reason}" for _, _, reason, count in reasons(left_out[without])]
    if adversary is not None:
        lines.append(_success(adversary))
    attacks = rows[rows["included"]]
    if len(attacks):
        reused = attacks["reused"].astype(bool)
        lines.append(
            f"segment attacks: {len(attacks):,}, of which {int(reused.sum()):,} ({reused.mean():.0%}) taken over from "
            "another row"
        )
    lines.append(f"tables: {tables}")
    return "\n".join(lines) + "\n"
