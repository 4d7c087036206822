"""The answer first: three to six sentences made of the tests alone.

Which explainers are better than which, by how much, how surely and by which evidence, or that nothing can be said. Only
the planned tests are told without the word exploratory; where there are too few people for a test, what was seen is
called just that. docs/answer.md has examples.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from advxai.answer import enough, few
from advxai.answer.comparisons import Best
from advxai.answer.findings import Findings
from advxai.answer.rows import Row, not_compared
from advxai.answer.words import SCORECARD, Sentence
from advxai.common.errors import reading
from advxai.common.files import publish
from advxai.common.jsonfile import read_list
from advxai.metrics.columns import Column
from advxai.statistics import LEAST


def sentences(
    estimates: pd.DataFrame,
    tests: pd.DataFrame,
    best: Best,
    columns: Sequence[Column],
    rows: Sequence[Row],
    unit: str = "people",
    why: str = "no explainer has a value of any measure",
) -> list[Sentence]:
    """The answer.

    Args:
        estimates: of `advxai.answer.estimates`.
        tests, best: of `advxai.answer.comparisons`.
        columns, rows: those that they were made with.
        unit: what a cluster is, in the plural.
        why: what is said where there is nothing to go by.

    Returns:
        Three to six sentences, and one more of rows that aren't compared; a single one where no explainer has a value
        that says anything.
    """
    found = Findings(estimates, tests, best, columns, rows)
    place = found.evidence
    if place is None:
        return [Sentence(f"Nothing can be said: {why}.", SCORECARD)]
    tell = few.told if found.clusters(place) < LEAST else enough.told
    beside = not_compared(rows)
    return [*tell(found, place, unit), *([Sentence(beside, SCORECARD)] if beside else [])]


def write(found: Iterable[Sentence], path: Path) -> None:
    """Publish sentences as JSON: a list of {text, link}."""
    content = json.dumps([asdict(sentence) for sentence in found], indent=1, ensure_ascii=False)
    publish(path, lambda temporary: temporary.write_text(f"{content}\n", encoding="utf-8"))


def read(path: Path) -> list[Sentence]:
    """The sentences that `write` has left.

    Raises:
        InputError: the file is damaged.
    """
    remedy = "delete it and run again"
    content = read_list(path, remedy)
    with reading(path, remedy):
        return [Sentence(**one) for one in content]


def text(found: Iterable[Sentence]) -> list[str]:
    """Sentences as lines of the closing message, each with what it comes from."""
    return [f"{sentence.text} ({sentence.link})" for sentence in found]
