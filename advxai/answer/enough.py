"""The sentences where there are enough people for tests."""

from collections.abc import Sequence
from math import isinf, isnan

import pandas as pd

from advxai.answer.findings import PLANNED, Findings, Line, Place
from advxai.answer.rows import of_kind
from advxai.answer.words import (
    SCORECARD,
    TESTS,
    Sentence,
    counted,
    interval,
    listed,
    more,
    probability,
    some,
)
from advxai.statistics import LEAST

TOLD = 3  # contradictions and lost comparisons that are told one by one; the rest is counted


def told(found: Findings, place: Place, unit: str) -> list[Sentence]:
    """The sentences.

    Args:
        found: all findings.
        place: by what it is told which explainers are best, and whether they beat controls.
        unit: what a cluster is, in the plural.
    """
    sentences = [
        _planned(found, unit),
        _amounts(found),
        _controls(found, place),
        _best(found, place),
        _others(found, place),
        _lacking(found, unit),
    ]
    return [sentence for sentence in sentences if sentence is not None]


def _planned(found: Findings, unit: str) -> Sentence:
    """What the planned comparisons show."""
    name = found.title(PLANNED)
    if not found.pairs:
        text = "No comparison was planned: no explainer of this run has a twin with the adversarial filling."
        return Sentence(text, TESTS)
    if not found.planned:
        seen = found.clusters(PLANNED)
        why = f"is known of {some(seen, unit)} only, and a test needs {LEAST}" if seen else "has a value on no image"
        return Sentence(f"The planned comparisons can't be made: {name} {why}.", TESTS)
    parts = []
    for verdict, word in ((1, "better"), (-1, "worse")):
        lines = [line for line in found.planned if found.shown(line) == verdict]
        if lines:
            texts = [
                f"{line['a']} {'' if number else f'is {word} '}than {line['b']}" for number, line in enumerate(lines)
            ]
            parts.append(listed(texts))
    undecided = [_pair(line) for line in found.planned if not found.shown(line)]
    if undecided:
        parts.append(f"no difference is shown between {listed(undecided, 'or')}")
    if found.unmade:
        pairs = listed([_pair(line) for line in found.unmade])
        parts.append(f"{pairs} can't be compared, for fewer than {LEAST} {unit} have values of both")
    count = len(found.planned)
    planned = f"{count} planned comparisons, adjusted for their number" if count > 1 else "a planned comparison"
    return Sentence(f"By {name}, {'; '.join(parts)} ({planned}; {counted(pd.DataFrame(found.planned), unit)}).", TESTS)


def _pair(line: Line) -> str:
    return f"{line['a']} and {line['b']}"


def _amounts(found: Findings) -> Sentence | None:
    """By how much, what that means, and how surely."""
    if not found.planned:
        return None
    first, *others = found.planned
    more_or_less = "more" if first["difference"] >= 0 else "less"
    amount = _by(first if first["difference"] >= 0 else _turned(first))
    parts = [
        f"Putting the original's pixels back by {first['a']}'s ranking lowered the probability of the detector's "
        f"verdict by {amount} {more_or_less} than by {first['b']}'s, on average over the area put back "
        f"({probability(first['p_holm'])})"
    ]
    parts += [f"{line['a']} less {line['b']}: {_by(line)} ({probability(line['p_holm'])})" for line in others]
    return Sentence(f"{'; '.join(parts)}.", TESTS)


def _by(line: Line) -> str:
    return interval(line["difference"], line["low"], line["high"])


def _turned(line: Line) -> Line:
    """The same test the other way round: b less a."""
    turned = {"a": line["b"], "b": line["a"], "difference": -line["difference"]}
    return line | turned | {"low": -line["high"], "high": -line["low"]}


def _apart(line: Line, by: str = "by") -> str:
    """How far the two are apart, whichever is better."""
    return f"({by} {_by(line if line['difference'] >= 0 else _turned(line))}, {probability(line['p'])})"


def _controls(found: Findings, place: Place) -> Sentence:
    """Whether explainers do better than what never saw the detector."""
    by_explainer = found.controls.get(place, {})
    tested = {name: lines for name, lines in by_explainer.items() if not all(isnan(line["p"]) for line in lines)}
    if not tested:
        none = "No control could be compared" if of_kind(found.rows, "control") else "This run has no control"
        text = f"{none}, so whether an explainer does better than one that never saw the detector can't be said."
        return Sentence(text, SCORECARD)
    beats = [name for name, lines in tested.items() if all(found.shown(line) > 0 for line in lines)]
    lost = {name: [line for line in lines if found.shown(line) < 0] for name, lines in tested.items()}
    winners = _winners(found)
    losers = sorted((name for name in tested if lost[name]), key=lambda name: name not in winners)
    others = [name for name in tested if name not in beats and name not in losers]
    better = "better than each control of the same segments (a control never sees the detector)"
    if not beats:
        parts = [f"no explainer is shown to do {better}"]
    elif len(beats) == len(by_explainer) > 1:
        parts = [f"every explainer does {better}"]
    else:
        parts = [f"{listed(beats)} {'does' if len(beats) == 1 else 'do'} {better}"]
    parts += _some_of([f"{'even ' if name in winners else ''}{name} {_lost(lost[name])}" for name in losers])
    if others and (beats or losers):
        parts.append(f"of {listed(others)} {'neither is' if beats and losers else 'that is not'} shown")
    if untested := [name for name in by_explainer if name not in tested]:
        parts.append(f"{listed(untested)} could not be tested")
    return Sentence(f"Exploratory, by {found.title(place)}: {'; '.join(parts)}.", TESTS)


def _lost(lines: Sequence[Line]) -> str:
    """Which controls an explainer does worse than, and by how much at most."""
    names = f"control{'s' if len(lines) > 1 else ''} {listed([line['b'] for line in lines])}"
    worst = max(lines, key=lambda line: abs(line["difference"]))
    return f"does worse than the {names} {_apart(worst, 'at most by' if len(lines) > 1 else 'by')}"


def _winners(found: Findings) -> set[str]:
    """Explainers that a planned comparison shows to be better than their twins, or their twins than them."""
    return {line["a"] if found.shown(line) > 0 else line["b"] for line in found.planned if found.shown(line)}


def _some_of(parts: Sequence[str]) -> list[str]:
    """The first parts, and how many there are besides."""
    rest = len(parts) - TOLD
    return [*parts[:TOLD], *([f"and {rest} more in the table of tests"] if rest > 0 else [])]


def _best(found: Findings, place: Place) -> Sentence | None:
    """Which explainers may be the best."""
    group = found.best.get(place)
    if not group:
        return None
    lines = found.values[place]
    first, *others = [line for line in lines if line["explainer"] in group]
    name, title = first["explainer"], found.title(place)
    value = interval(first["value"], first["low"], first["high"])
    behind = len(lines) - len(group)
    rest = "the other one is behind" if behind == 1 else f"the {behind} others are behind"
    if not behind:
        text = f"none of the {len(lines)} explainers can be told from the first by {title}, {name}: {value}"
    elif others:
        alike = listed([line["explainer"] for line in others])
        text = f"{name} is the first of {len(lines)} explainers by {title}: {value}"
        text = f"{text}; {alike} can't be told from it, {rest}"
    else:
        text = f"{name} is the best of {len(lines)} explainers by {title}: {value}; {rest}"
    return Sentence(f"Exploratory: {text}.", SCORECARD)


def _others(found: Findings, place: Place) -> Sentence:
    """Whether other measures say the same."""
    against, beyond = _against(found, place), _beyond(found)
    if against:
        return Sentence(f"Exploratory: other measures contradict this: {'; '.join(_some_of(against))}.", TESTS)
    if beyond:
        text = f"Exploratory: other measures show what {found.title(PLANNED)} doesn't: {'; '.join(_some_of(beyond))}."
        return Sentence(text, TESTS)
    pairs = sum((line["column"], line["category"]) != place for line in found.other_pairs)
    count = pairs + sum(not isnan(line["p"]) for line in _of_the_best(found, place))
    if not count:
        return Sentence("No other measure could be tested that might contradict this.", SCORECARD)
    return Sentence(f"No other measure contradicts this (exploratory, {some(count, 'comparisons')}).", TESTS)


def _told_by(found: Findings, line: Line) -> str:
    """By which other measure which of two is better, and by how much."""
    winner, loser = (line["a"], line["b"]) if found.shown(line) > 0 else (line["b"], line["a"])
    control = "the control " if winner in of_kind(found.rows, "control") else ""
    title = found.title((line["column"], line["category"]))
    return f"by {title} {control}{winner} is better than {loser} {_apart(line)}"


def _against(found: Findings, place: Place) -> list[str]:
    """What other measures show the other way round: of planned pairs, of the best and controls, of who is the best."""
    verdicts = {(line["a"], line["b"]): found.shown(line) for line in found.planned}
    turned = [line for line in found.other_pairs if found.shown(line) * verdicts.get((line["a"], line["b"]), 0) < 0]
    lost = [line for line in _of_the_best(found, place) if found.shown(line) < 0]
    group = found.best.get(place)
    elsewhere = [
        f"by {found.title(other)} the best {'is' if len(names) == 1 else 'are'} {listed(sorted(names))}"
        f"{_behind(found, other, sorted(names))}"
        for other, names in found.best.items()
        if group and not names & group
    ]
    return [*(_told_by(found, line) for line in [*turned, *lost]), *elsewhere]


def _behind(found: Findings, place: Place, names: Sequence[str]) -> str:
    """Which of the best explainers do worse than a control all the same, and than which."""
    lost = {
        name: [line for line in found.controls.get(place, {}).get(name, ()) if found.shown(line) < 0] for name in names
    }
    texts = [f"{name if len(names) > 1 else 'it'} {_lost(lines)}" for name, lines in lost.items() if lines]
    return f", though {listed(texts)}" if texts else ""


def _of_the_best(found: Findings, place: Place) -> list[Line]:
    """Tests by other measures of the explainers that may be the best, against controls."""
    lines = found.values[place]
    group = found.best.get(place) or ({lines[0]["explainer"]} if len(lines) == 1 else set())
    if 1 < len(lines) == len(group):  # none of them stands out
        return []
    places = [other for other in found.controls if other != place]
    return [line for other in places for name in sorted(group) for line in found.controls[other].get(name, ())]


def _beyond(found: Findings) -> list[str]:
    """What other measures show of planned pairs between which the planned one shows no difference."""
    undecided = {(line["a"], line["b"]) for line in found.planned if not found.shown(line)}
    return [
        _told_by(found, line) for line in found.other_pairs if (line["a"], line["b"]) in undecided and found.shown(line)
    ]


def _lacking(found: Findings, unit: str) -> Sentence | None:
    """How many more people the undecided planned comparisons need."""
    undecided = [line for line in found.planned if not found.shown(line)]
    known = [line for line in undecided if not isinf(line["more_low"])]
    parts = []
    if known:
        first, *others = ((_pair(line), more(line["more_low"], line["more_high"])) for line in known)
        parts.append(f"To show a difference as large as seen between {first[0]} would take {first[1]} more {unit}")
        parts += [f"between {pair}, {count}" for pair, count in others]
        parts[-1] += " (with 80 % power; as likely as not in that range)"
    alike = [_pair(line) for line in undecided if isinf(line["more_low"])]
    if alike:
        parts.append(f"{listed(alike)} came out alike, so no number can be given")
    return Sentence(f"{'; '.join(parts)}.", TESTS) if parts else None
