"""What a reader of an explanation should know, in words."""

from collections.abc import Mapping, Sequence

from advxai.config import Config
from advxai.explain.explained import Explained
from advxai.saliency.ranking import ranking_of


def of_face(one: Explained, config: Config, names: Sequence[str]) -> list[str]:
    """Notes on one crop.

    Args:
        one: the crop.
        config: what it was explained with.
        names: the explainers that were asked for.
    """
    said, real = [], one.classes.real_name
    others = _of_other_classes(one)
    side, size = min(one.face.size), len(one.image)
    if 2 * side < size and one.fit != "pad":
        said.append(f"The crop is {side} pixels wide; the detector sees it enlarged to {size}, without detail.")
    adversarial = [name for name in names if "adversarial" in config.explainers[name].needs]
    if one.called_real:
        other = "another `baseline`, such as zeros or blur, needs none"
        lacking = f", so that {_list(adversarial)} can't be made ({other})" if adversarial else ""
        said.append(
            f"The detector already calls this face {real}. NES has nothing to do: there is no adversarial copy"
            f"{lacking}, and no segments are attacked."
        )
        if len(one.maps) > sum(map(len, others.values())):
            said[-1] += f" The {'other ' if others else ''}maps explain why it is called {real}."
        elif not others:
            said[-1] += " Nothing is explained."
    elif not one.adversary["success"]:
        verb = "uses" if len(adversarial) == 1 else "use"
        used = f" {_list(adversarial)} {verb} it as it is, as a run does." if adversarial else ""
        limit = config.adversary.iterations
        said.append(
            f"NES did not make the detector call the copy {real} within {limit} "
            f"iteration{'' if limit == 1 else 's'}.{used}"
        )
    for name, rows in others.items():
        verb, called = "explains" if len(rows) == 1 else "explain", one.classes.names[one.predicted]
        said.append(f"{_list(rows)} {verb} the class {name}, where the face is called {called}.")
    return said + _few_segments(one, config)


def _of_other_classes(one: Explained) -> dict[str, list[str]]:
    """Class -> the rows that explain it (`target`), where it isn't the one that the face is called."""
    found: dict[str, list[str]] = {}
    for name, record in one.maps.items():
        if record["target"] != one.predicted:
            found.setdefault(one.classes.names[record["target"]], []).append(name)
    return found


def grouped(notes: Mapping[int | None, Sequence[str]]) -> list[str]:
    """Notes on the same face in several frames, each once, with the frames that it is of.

    Args:
        notes: frame -> notes; None: of a picture.
    """
    frames: dict[str, list[int | None]] = {}
    for frame, lines in notes.items():
        for line in lines:
            frames.setdefault(line, []).append(frame)
    return [line if None in of else f"{_frames(of)}: {line}" for line, of in frames.items()]


def without(frames: Sequence[int | None]) -> str:
    """That a face isn't found in some frames."""
    return f"The face isn't found in {_frames(frames).lower()}."


def _frames(frames: Sequence[int | None]) -> str:
    return f"Frame{'' if len(frames) == 1 else 's'} {', '.join(map(str, frames))}"


def _few_segments(one: Explained, config: Config) -> list[str]:
    settings, said = config.evaluation, []
    for name, record in one.maps.items():
        ranked = len(ranking_of(record, settings.population))
        if ranked < settings.top:
            attacked = ", and no more are attacked" if ranked and not one.called_real else ""
            positive = " (of a positive score)" if settings.population == "ranked" else ""
            segments = f"{ranked} segment{'' if ranked == 1 else 's'}" if ranked else "no segment"
            said.append(f"{name} ranks {segments}{positive}, {settings.top} are asked for{attacked}.")
    return said


def _list(names: Sequence[str]) -> str:
    """A, B and C."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def flips_at(one: Explained, name: str) -> int | None:
    """The least number of an explainer's first segments whose attack makes the detector call the face Real."""
    attacks = one.attacks.get(name, [])
    return next((k for k, record in enumerate(attacks, start=1) if one.classes.called_real(record["after"])), None)


def summary(one: Explained) -> str:
    """One crop in a few words: what it is called, what NES did, and which explainers' segments flip it."""
    before, after, classes = one.adversary["before"], one.adversary["after"], one.classes
    at = ""
    if classes.threshold is not None:
        at = f"; p(fake) = {classes.p_fake(before):.2f}, fake from {classes.threshold:g}"
    said = f"called {classes.names[one.predicted]} (p = {before[one.predicted]:.2f}{at})"
    if one.called_real:
        return said
    iterations = int(one.adversary["iterations"])
    now = classes.names[int(classes.called(after))]
    how = f"{now} after {iterations} iteration{'' if iterations == 1 else 's'} of NES"
    flips: dict[int | None, list[str]] = {}
    for name in one.maps:
        flips.setdefault(flips_at(one, name), []).append(name)
    words = [f"top {k}: {', '.join(flips[k])}" for k in sorted(k for k in flips if k)]
    if not words:
        return f"{said}, {how}; no explainer's first segments flip it"
    words += [f"not at all: {', '.join(flips[None])}"] if None in flips else []
    return f"{said}, {how}; attacks on the first segments flip it with {'; '.join(words)}"
