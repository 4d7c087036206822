"""From a run's rows to all that the answer consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from advxai.answer.comparisons import best, tests
from advxai.answer.estimates import estimates
from advxai.answer.rows import Row, explainers, pairs, rows_of
from advxai.answer.scorecard import scorecard
from advxai.answer.scores import attack_scores, clusters_of, scores
from advxai.answer.sentences import sentences
from advxai.answer.tested import tests_table
from advxai.answer.words import Sentence
from advxai.metrics.registry import all_columns
from advxai.run.paths import Paths
from advxai.tables.layout import Table


@dataclass(frozen=True)
class Answer:
    """What a run says of its explainers.

    Attributes:
        sentences: three to six.
        tables: `scorecard` and `tests`.
        estimates: every value, with its interval.
    """

    sentences: list[Sentence]
    tables: dict[str, Table]
    estimates: pd.DataFrame


def answer(paths: Paths, rows: pd.DataFrame, measured: pd.DataFrame) -> Answer:
    """The answer of a run.

    Args:
        paths: of the run.
        rows: evaluation rows of all explainers, controls and ceilings.
        measured: rows of the stage metrics of all of them; empty where nothing is measured.
    """
    config = paths.config
    columns, compared = list(all_columns(config).values()), rows_of(config)
    attacks = attack_scores(rows, paths.classes)
    videos = {key.rpartition("/")[0] for key in [*rows["key"], *measured["key"]]}
    cluster_of, unit = clusters_of(config, videos)
    found = scores(attacks, measured, cluster_of)
    values = estimates(found, columns, config.seed)
    tested = tests(found, columns, compared, pairs(paths.outputs.figure_groups.values(), compared), config.seed)
    first = best(found, columns, compared, config.seed)
    tables = {
        "scorecard": scorecard(values, columns, compared, first, unit),
        "tests": tests_table(tested, columns, compared, unit),
    }
    said = sentences(values, tested, first, columns, compared, unit, nothing(rows, config.frames.explain, compared))
    return Answer(said, tables, values)


def nothing(rows: pd.DataFrame, explain: str, compared: Sequence[Row] = ()) -> str:
    """Why nothing is known of the explainers, where that is so.

    Args:
        rows: evaluation rows of all of them.
        explain: as `frames.explain`.
        compared: the rows of the tables.
    """
    if rows.empty:
        why = (
            "of the sampled test fakes the detector calls none fake" if explain == "called_fake" else "none was sampled"
        )
        return f"no image was explained, since {why}"
    if not rows["included"].any():
        images, common = rows["key"].nunique(), rows["reason"].mode().iloc[0]
        return f"all {images:,} explained images are left out by all explainers, most often for this: {common}"
    if compared and not explainers(compared):
        return "every explainer of this run explains the real class, which no measure asks for"
    return "no explainer has a value of any measure"
