"""From a run's rows to all that the answer consists of."""

from dataclasses import dataclass

import pandas as pd

from advxai.answer.comparisons import best, tests
from advxai.answer.estimates import estimates
from advxai.answer.rows import pairs, rows_of
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
    return Answer(sentences(values, tested, first, columns, compared, unit), tables, values)
