"""Comparing what a replay has computed with what a test case holds, bit for bit."""

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advxai import cases
from advxai.common.arrays import Labels
from advxai.common.types import Item, Record
from advxai.run.digests import LATER

# Not the numbers themselves: time, the machine, and whose job came first.
NOT_COMPARED = {"seconds", "adversary_seconds", "made_with", "made_for", "reused"}
ADDED = {field for fields in LATER.values() for field in fields}  # a case exported before lacks them
TITLES = {"before": "probabilities before", "after": "probabilities after"}


@dataclass(frozen=True)
class Outcome:
    """How the replay of one item compares with what is stored.

    Attributes:
        name: the item.
        differences: what differs, in words; none: all is equal bit for bit.
        same: fields that are equal.
    """

    name: str
    differences: Sequence[str]
    same: Sequence[str] = ()

    def __str__(self) -> str:
        if not self.differences:
            return "equal bit for bit"
        same = f" (equal: {', '.join(self.same)})" if self.same else ""
        return f"DIFFERS: {'; '.join(self.differences)}{same}"


def compare(name: str, stored: Record, fresh: Record) -> Outcome:
    """Compare two records of a stage field by field, bit for bit; not their seconds.

    Args:
        name: the item's.
        stored: the run's record.
        fresh: the same, computed here.
    """
    differences, same = [], []
    for field in fresh:
        title = TITLES.get(field, field)
        if field in NOT_COMPARED or (field in ADDED and field not in stored):
            continue
        difference = _difference(field, stored[field], fresh[field]) if field in stored else "isn't stored"
        if difference:
            differences.append(f"{title} {difference}")
        elif field not in ("key", "sha256", "mask"):
            same.append(title)
    return Outcome(name, differences, same)


def to_repeat(wanted: Mapping[str, Sequence[Item]], stored: Mapping[str, Record]) -> Collection[Item]:
    """The attacks that are computed again: of each mask that is stored one, whichever rows share it.

    Args:
        wanted: row -> its attacks, by rising k.
        stored: mask -> record.
    """
    return {item["mask"]: item for items in wanted.values() for item in items if item["mask"] in stored}.values()


def compare_attacks(
    wanted: Mapping[str, Sequence[Item]], stored: Mapping[str, Record], made: Iterable[Record]
) -> Iterator[Outcome]:
    """Compare every row's attacks; `made` are those of `to_repeat`, computed here."""
    fresh = {record["mask"]: record for record in made}
    for name, items in wanted.items():
        for k, item in enumerate(items, start=1):
            title, then = f"attack {name} top-{k}", stored.get(item["mask"])
            if then is None:
                yield Outcome(title, ["no attack on these pixels is stored"])
            else:
                yield compare(title, then, fresh[item["mask"]])


def _difference(field: str, stored: Any, fresh: Any) -> str:
    """What differs between two values of a field, or nothing."""
    if not (isinstance(stored, np.ndarray) and isinstance(fresh, np.ndarray)):
        both_nan = stored != stored and fresh != fresh
        return "" if stored == fresh or both_nan else f"{fresh}, stored {stored}"
    if field == "ranking" and not np.array_equal(stored, fresh):
        return _ranking(stored, fresh)
    if (stored.dtype, stored.shape) != (fresh.dtype, fresh.shape):
        return f"{fresh.dtype} {fresh.shape}, stored {stored.dtype} {stored.shape}"
    bits = f"u{stored.itemsize}"
    other = np.ascontiguousarray(stored).view(bits) != np.ascontiguousarray(fresh).view(bits)
    if not other.any():
        return ""
    largest = np.abs(stored[other].astype(np.float64) - fresh[other].astype(np.float64)).max()
    return f"equal in {other.size - other.sum()} of {other.size} values, largest difference {largest:.3g}"


def _ranking(stored: Labels, fresh: Labels) -> str:
    both = min(len(stored), len(fresh))
    place = int(np.append(stored[:both] != fresh[:both], True).argmax())
    now, then = (" ".join(map(str, one[place : place + 3])) or "no more" for one in (fresh, stored))
    return f"from place {place + 1} on {now}, stored {then}"


def compare_rows(name: str, stored: pd.DataFrame, fresh: pd.DataFrame) -> Outcome:
    """Compare one explainer's rows as text, which holds every digit."""
    fresh = _as_text(fresh)
    if len(stored) != len(fresh):
        return Outcome(name, [f"{len(fresh)} rows, stored {len(stored)}"])
    return Outcome(
        name,
        [
            f"{column} of top-{k} {now or 'missing'}, stored {then or 'missing'}"
            for column in fresh.columns
            if column not in NOT_COMPARED
            for k, now, then in zip(fresh["k"], fresh[column], stored[column], strict=True)
            if now != then
        ],
    )


def compare_measures(stored: pd.DataFrame, fresh: pd.DataFrame) -> list[str]:
    """What differs between rows of measures, in words.

    Args:
        stored: one explainer's, every value as text.
        fresh: of `advxai.metrics.rows.metrics_rows`.
    """
    fresh = _as_text(fresh)
    own = stored.set_index("column")
    different = []
    for column, *now in fresh[["column", "value", "reason"]].itertuples(index=False):
        if column not in own.index:
            different.append(f"{column} isn't stored in {cases.METRICS}")
        elif now != (then := list(own.loc[column, ["value", "reason"]])):
            different.append(f"{column} {now[0] or now[1]}, stored {then[0] or then[1]}")
    return different


def _as_text(rows: pd.DataFrame) -> pd.DataFrame:
    """As a case's tables are read."""
    return pd.read_csv(io.StringIO(rows.to_csv(index=False)), dtype=str, keep_default_na=False)
