"""From a configuration's entry to a measure, and all columns of a configuration."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any, cast

from advxai.common.errors import InputError
from advxai.common.usercode import described, imported
from advxai.config import Config
from advxai.config.metrics import AnyMeasure, CustomMeasure
from advxai.metrics.base import Measure
from advxai.metrics.columns import Column, attack_columns, named

BUILT_IN = {
    "restoration": "advxai.metrics.restoration:Restoration",
    "localisation": "advxai.metrics.localisation:Localisation",
    "complexity": "advxai.metrics.complexity:Complexity",
}
NAME = re.compile(r"[a-z][a-z0-9_]*")


def build(name: str, settings: AnyMeasure) -> Measure:
    """The measure of a configuration's entry.

    Args:
        name: of the entry.
        settings: the entry.

    Raises:
        InputError: a class from outside can't be imported, is no `Measure`, doesn't take its `params`, or has no usable
            columns.
    """
    if not isinstance(settings, CustomMeasure):
        own: Measure = imported(BUILT_IN[settings.measure], "measure", "measure")(
            name=name, **settings.model_dump(exclude={"measure"})
        )
        return own
    kind = imported(settings.measure, "measure", "measure")
    if not (isinstance(kind, type) and issubclass(kind, Measure)):
        raise InputError(f"measure {settings.measure}: is no subclass of advxai.metrics.Measure; derive it from that")
    try:
        measure: Measure = cast("Any", kind)(name=name, **settings.params)
    except TypeError as error:
        raise InputError(f"measure {settings.measure}: {error}; its class takes `name` and the `params`") from error
    except Exception as error:
        raise InputError(
            f"measure {settings.measure}: {described(error)}; correct the `params` of metrics.{name} or the class"
        ) from error
    columns = getattr(measure, "columns", None)
    if not columns or not all(isinstance(one, Column) and NAME.fullmatch(one.name) for one in columns):
        raise InputError(
            f"measure {settings.measure}: its `columns` must be advxai.metrics.Column, one at least, with names of "
            "small letters, digits and _"
        )
    return measure


def measures(config: Config) -> dict[str, Measure]:
    """Every configured measure, by its name.

    Raises:
        InputError: as of `build`, or two have a column of the same name.
    """
    found = {name: build(name, settings) for name, settings in config.metrics.items()}
    seen = {column.name: "the segment attacks" for column in attack_columns(config.evaluation.top)}
    for name, measure in found.items():
        for column in measure.columns:
            if column.name in seen:
                raise InputError(
                    f"metrics.{name}: its column {column.name} is one of {seen[column.name]}, too; rename the entry"
                )
            seen[column.name] = f"metrics.{name}"
    # tables and figures go by titles: those that come twice say whose they are
    titles = Counter(column.title for measure in found.values() for column in measure.columns)
    for name, measure in found.items():
        measure.columns = [
            replace(column, title=f"{column.title} ({name})") if titles[column.title] > 1 else column
            for column in measure.columns
        ]
    return found


def measured_columns(config: Config) -> list[Column]:
    """Columns of the measures, in the configuration's order."""
    return [column for measure in measures(config).values() for column in measure.columns]


def all_columns(config: Config) -> dict[str, Column]:
    """Every column of a run, by its name: of the measures, then of the segment attacks."""
    return named([*measured_columns(config), *attack_columns(config.evaluation.top)])
