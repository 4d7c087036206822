"""The sentences where there are too few people for any test: what was seen, called just that."""

import math

import pandas as pd

from advxai.answer.findings import PLANNED, Findings, Place
from advxai.answer.words import SCORECARD, TESTS, Sentence, counted, listed, number
from advxai.statistics import LEAST

BARELY = 0.01  # less than this ahead of a control is said to be that


def told(found: Findings, place: Place, unit: str) -> list[Sentence]:
    """The sentences.

    Args:
        found: all findings.
        place: by what it is told what was seen.
        unit: what a cluster is, in the plural.
    """
    sentences = [
        _nothing(found, place, unit),
        _seen(found, place),
        _pairs(found, place),
        _controls(found, place),
        _others(found, place),
    ]
    return [sentence for sentence in sentences if sentence is not None]


def _nothing(found: Findings, place: Place, unit: str) -> Sentence:
    counts = counted(pd.DataFrame(found.values[place]), unit)
    need = f"intervals and tests need at least {LEAST} {unit}"
    return Sentence(f"Nothing can be said about explainers in general from {counts}: {need}.", SCORECARD)


def _seen(found: Findings, place: Place) -> Sentence:
    """The values, without a claim."""
    first, *others = found.values[place]
    rest = [f"{line['explainer']} {number(line['value'])}" for line in others]
    then = f", then {listed(rest)}" if rest else ""
    name, value = first["explainer"], number(first["value"])
    said = f"{name} came first with {value}"
    if place == PLANNED:
        said = (
            f"putting the original's pixels back by {name}'s ranking lowered the probability of the detector's verdict "
            f"most, by {value} on average over the area put back"
        )
    text = f"Seen on these images, untested, by {found.title(place)}: {said}{then}."
    return Sentence(text, SCORECARD)


def _pairs(found: Findings, place: Place) -> Sentence | None:
    """Explainers against their twins."""
    lines = [line for line in found.pairs if (line["column"], line["category"]) == place and line["n"]]
    never = [f"{line['a']} and {line['b']}" for line in found.unmade if not line["n"]]
    absent = [f"{listed(never)} can't be compared: no image has values of both"] if never else []
    if place != PLANNED and absent:  # what was planned is said of another measure than what was seen
        absent = [f"the planned comparisons by {found.title(PLANNED)} can't be made: no image has values of both"]
    if not lines:
        return Sentence(f"{absent[0][0].upper()}{absent[0][1:]}.", TESTS) if absent else None
    parts = []
    for sign, word in ((1, "above"), (-1, "below"), (0, "level with")):
        texts: list[str] = []
        for line in lines:
            if found.ahead(line) == sign:
                by = f" by {number(abs(line['difference']))}" if sign else ""
                texts.append(f"{line['a']} {'' if texts else 'came out '}{word} {line['b']}{by}")
        parts += [listed(texts)] if texts else []
    return Sentence(f"Here, by {found.title(place)}, {'; '.join([*parts, *absent])}.", TESTS)


def _controls(found: Findings, place: Place) -> Sentence:
    """Explainers against what never saw the detector."""
    lines = {name: [line for line in own if line["n"]] for name, own in found.controls.get(place, {}).items()}
    lines = {name: own for name, own in lines.items() if own}
    if not lines:
        text = "Nothing was compared with a control, which never sees the detector: this run has none with values."
        return Sentence(text, SCORECARD)
    margins = {name: min(found.ahead(line) * abs(line["difference"]) for line in own) for name, own in lines.items()}
    above = [name for name, margin in margins.items() if margin >= BARELY]
    barely = [name for name, margin in margins.items() if 0 < margin < BARELY]
    others = [name for name, margin in margins.items() if margin <= 0]
    controls = list(dict.fromkeys(line["b"] for own in lines.values() for line in own))
    names = f"every control of the same segments ({', '.join(controls)})"
    if len(controls) == 1:
        names = f"the control {controls[0]}"
    than = f"above {names}, which never saw the detector"
    slightly = f"barely (by less than {number(BARELY)})"
    if above:  # each by as much, rounded down, so that it's true of the nearest
        least = math.floor(100 * min(margins[name] for name in above) + 1e-9) / 100
        parts = [f"{listed(above)} came out at least {number(least)} {than}"]
        parts += [f"{listed(barely)} {slightly}"] if barely else []
    else:
        parts = [f"{listed(barely)} came out {slightly} {than}" if barely else f"no explainer came out {than}"]
    if others and (above or barely):
        parts.append(f"{listed(others)} did not")
    return Sentence(f"Here, by {found.title(place)}, {'; '.join(parts)}.", TESTS)


def _others(found: Findings, place: Place) -> Sentence | None:
    """Which explainers the other measures put first, and where a control is no worse."""
    first: dict[str, list[str]] = {}
    controls: dict[tuple[int, str], list[str]] = {}
    for other, lines in found.values.items():
        if other != place:
            leading = [line["explainer"] for line in lines if line["value"] == lines[0]["value"]]
            # of other images a row's value isn't another's to be compared with
            if len(lines) > 1 and len({line["n"] for line in lines}) == 1:
                who = listed(leading) if len(leading) < len(lines) else "no one"
                first.setdefault(who, []).append(found.title(other))
                for control, sign in _no_worse(found, other, leading).items():
                    controls.setdefault((sign, control), []).append(found.title(other))
    if not first:
        return None
    parts = [f"{names} by {listed(titles)}" for names, titles in first.items()]
    text = f"First among the explainers by other measures, here: {'; '.join(parts)}"
    if controls:
        words = {-1: "ahead of", 0: "level with"}
        where = [
            f"the control {control} came out {words[sign]} the first by {listed(titles)}"
            for (sign, control), titles in sorted(controls.items())
        ]
        text += f"; but {', and '.join(where)}: there the first hasn't shown that it knows the detector"
    return Sentence(f"{text}.", SCORECARD)


def _no_worse(found: Findings, place: Place, leading: list[str]) -> dict[str, int]:
    """Controls that no leading explainer came out above, on the same images -> -1: ahead of one of them, 0: level."""
    by_explainer = found.controls.get(place, {})
    signs: dict[str, list[int]] = {}
    for line in (line for name in leading for line in by_explainer.get(name, ()) if line["n"]):
        signs.setdefault(line["b"], []).append(found.ahead(line))
    return {control: min(of) for control, of in signs.items() if max(of) <= 0}
