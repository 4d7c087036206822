"""How long NES's attacks took in another run (`plan.like`): what a plan expects while its own store has none."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common import parquet
from advxai.common.errors import InputError, reading
from advxai.common.jsonfile import read_object
from advxai.config import Config
from advxai.config.science import PROJECT, Nes
from advxai.plan.told import settings_of, told
from advxai.run.digests.stages import attack_params
from advxai.run.store import read_shard

PROVENANCE, KIND = "provenance.json", "lengths of attacks"
GIVEN = Path("config/demo-lengths.json")  # beside the Snakefile
REMEDY = "name a finished run's folder, results/<run>, or a file of lengths, or leave plan.like out"
# Settings of NES that decide how soon an attack ends, besides how long it may go on
DECIDING = ("alpha", "delta", "sigma", "samples", "units", "project", "noise", "objective")


@dataclass(frozen=True)
class Attacks:
    """How long attacks of one kind took.

    Attributes:
        settings: of NES, the DECIDING ones and `iterations`.
        ended: iterations -> attacks that ended after so many, because the image was called real; 0: it was before.
        cut_off: attacks that had not ended after all the iterations that `settings` allow.
    """

    settings: Mapping[str, Any]
    ended: Mapping[int, int]
    cut_off: int

    def mean(self, allowed: int, fakes_alone: bool = False) -> float:
        """Mean iterations, were so many allowed: those that were cut off are cut off there too, also where more are
        allowed, which is the most that they can take.

        Args:
            allowed: at most so many.
            fakes_alone: without images that are called real before any attack.
        """
        counts = Counter({allowed: self.cut_off})
        for iterations, attacks in self.ended.items():
            if iterations or not fakes_alone:
                counts[min(iterations, allowed)] += attacks
        return sum(length * attacks for length, attacks in counts.items()) / counts.total() if +counts else allowed

    @property
    def unfinished(self) -> float:
        """Share of those that were cut off."""
        return self.cut_off / max(self.cut_off + sum(self.ended.values()), 1)


@dataclass(frozen=True)
class Expected:
    """What a run's attacks are expected to take, as in another run.

    Attributes:
        measured: whose lengths they are, in words.
        adversary: iterations of a copy; None: the other run made none.
        attacks: iterations of an attack on the top 1, 2, ... segments.
        share: of a row's attacks that it has to make itself, for others of its segments are another row's.
        capped: share of the segment attacks that were cut off sooner there than here, and count as cut off here.
    """

    measured: str
    adversary: float | None
    attacks: tuple[float, ...]
    share: float
    capped: float = 0.0

    def of_row(self, settings: Nes) -> float:
        """Forwards that a row's segment attacks on one image take."""
        return self.share * sum(forwards(settings, iterations) for iterations in self.attacks)


def forwards(settings: Nes, iterations: float) -> float:
    """As `Nes.forwards`, of a mean number of iterations, which needn't be whole."""
    return 1 + min(iterations, settings.iterations) * (settings.forwards(1) - 1)


@dataclass(frozen=True)
class Lengths:
    """How long a run's attacks took.

    Attributes:
        measured: whose they are, in words.
        adversary: the copies' attacks; None: it made none.
        attacks: segment attacks on the top 1, 2, ... segments, as each row has asked for them.
        wanted, made: segment attacks of all rows, and how many of them were made: the others had been by another row.
    """

    measured: str
    adversary: Attacks | None
    attacks: Sequence[Attacks]
    wanted: int
    made: int

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Lengths":
        """From what a file says.

        Raises:
            ValueError: it isn't of lengths; says where, and why.
        """
        found = told(content)
        copies, *top = (
            None if one is None else Attacks(one.settings.model_dump(), one.ended, one.cut_off)
            for one in (found.adversary, *found.attacks)
        )
        return cls(found.measured, copies, [one for one in top if one is not None], found.wanted, found.made)

    @property
    def content(self) -> dict[str, Any]:
        """As JSON, for a plan elsewhere."""
        copies = None if self.adversary is None else vars(self.adversary)
        return {**vars(self), "adversary": copies, "attacks": [vars(one) for one in self.attacks]}

    def expected(self, config: Config) -> Expected:
        """What to expect of a configuration's run.

        Raises:
            InputError: its attacks have other settings than these had.
        """
        copies, top = config.adversary, config.evaluation.top
        adversary = self.adversary if _copies(config) else None
        if differ := self.differing(config):
            raise InputError(
                f"plan.like: {self.measured} was attacked with {differ}: such lengths say nothing of this run's; "
                f"name a run with the same settings{_given(config)}, or leave plan.like out"
            )
        fakes, allowed = config.frames.explain == "called_fake", config.evaluation.iterations
        listed = [*self.attacks[:top], *[self.attacks[-1]] * (top - len(self.attacks))]
        sooner = [one.unfinished for one in listed if one.settings["iterations"] < allowed]
        return Expected(
            self.measured,
            None if adversary is None else adversary.mean(copies.iterations, fakes),
            tuple(one.mean(allowed, fakes) for one in listed),
            self.made / self.wanted,
            sum(sooner) / top,
        )

    def differing(self, config: Config) -> str:
        """Which settings these attacks had otherwise than a configuration's run has them, of the first that had any, in
        words; "": none."""
        pairs: list[tuple[str, Attacks, Nes]] = [("evaluation", one, config.evaluation) for one in self.attacks]
        if self.adversary is not None and _copies(config):
            pairs.append(("adversary", self.adversary, config.adversary))
        for stage, there, settings in pairs:
            here = attack_params(settings)
            differ = [name for name in DECIDING if here[name] != there.settings[name]]
            if differ:
                return ", ".join(
                    f"{stage}.{name} {_short(there.settings[name])}, not {_short(here[name])}" for name in differ
                )
        return ""


def _copies(config: Config) -> bool:
    """Whether a run makes adversarial copies."""
    return any("adversarial" in entry.needs for entry in config.explainers.values())


def _given(config: Config) -> str:
    """The file of lengths that is given out, where a configuration's run has its settings, in words."""
    path = PROJECT / GIVEN
    return "" if not path.is_file() or read(path).differing(config) else f", as the file {GIVEN} has them"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def expected(config: Config) -> Expected | None:
    """What `plan.like` lets expect of a configuration's run; None: it isn't set.

    Raises:
        InputError: there is no such run or file, it holds no attacks, or they had other settings.
    """
    if config.plan.like is None:
        return None
    asked = Path(config.plan.like)
    places = (asked, Path(config.results) / asked, PROJECT / asked)
    path = next((place for place in places if os.path.exists(place)), asked)
    if path.name == PROVENANCE:
        raise InputError(f"plan.like: {path} is a file of a run's folder: name the folder, {path.parent}")
    return (measured(path) if os.path.isdir(path) else read(path)).expected(config)


def read(path: Path) -> Lengths:
    """Read a file of lengths.

    Raises:
        InputError: it isn't there, or isn't one.
    """
    content = read_object(path, REMEDY, KIND)
    with reading(path, REMEDY, KIND):
        return Lengths.of(content)


def measured(run: Path) -> Lengths:
    """Lengths of a finished run's attacks, by its records in the store beside its folder.

    Args:
        run: its folder, results/<run>.

    Raises:
        InputError: it isn't finished, its records aren't there or are damaged, or it made no segment attack.
    """
    file = run / PROVENANCE
    with reading(file, REMEDY):
        said = json.loads(file.read_text(encoding="utf-8"))
        name, weights, detector = said["run"], said["detector"]["sha256"], said["config"]["detector"]
        folders = {str(one["folder"]): one["params"] for one in said["folders"]}
        settings = {folder.partition("/")[0]: settings_of(params) for folder, params in folders.items() if _nes(folder)}
    places = {folder: run.parent / "store" / folder / name for folder in folders}
    rows = [table for folder, place in places.items() if folder.startswith("evaluation/") for table in _rows(place)]
    table = pd.concat(rows) if rows else pd.DataFrame()
    table = table[table["included"] & (table["weights"] == weights)] if len(table) else table
    if not len(table):
        raise InputError(f"plan.like: {run.parent / 'store'} has no segment attacks of the run {name}: {REMEDY}")
    attacks = [
        _counted(settings["attacks"], zip(of_k["iterations"], of_k["flipped"] | of_k["called_real"], strict=True))
        for _, of_k in table.groupby("k")
    ]
    copies = {
        (one["key"], one["sha256"]): (one["iterations"], one["success"])
        for folder, place in places.items()
        if folder.startswith("adversary/")
        for path in sorted(place.glob("*.h5"))
        for one in read_shard(path, {"key", "sha256", "iterations", "success", "weights"})
        if one["weights"] == weights
    }
    images, explained_by = table["key"].nunique(), table["explainer"].nunique()
    words = f"the run {name} ({detector['model']} at {detector['input_size']} px, {images} images, {explained_by} rows)"
    made = len(table) - int(table["reused"].sum())
    adversary = _counted(settings["adversary"], copies.values()) if copies else None
    return Lengths(words, adversary, attacks, len(table), made)


def _nes(folder: str) -> bool:
    return folder.startswith(("adversary/", "attacks/"))


def _rows(place: Path) -> Iterator[pd.DataFrame]:
    """A row's table: an image that two numbers of shards have left behind counts once."""
    found = [parquet.read(path) for path in sorted(place.glob("*.parquet"))]
    if found:
        yield pd.concat(found).drop_duplicates(["key", "sha256", "k"])


def _counted(settings: Mapping[str, Any], attacks: Any) -> Attacks:
    """Args: attacks: iterations of each, and whether it ended by itself."""
    ended: Counter[int] = Counter()
    cut_off = 0
    for iterations, by_itself in attacks:
        ended[int(iterations)] += bool(by_itself)
        cut_off += not by_itself
    return Attacks(
        settings, {iterations: ended[iterations] for iterations in sorted(ended) if ended[iterations]}, cut_off
    )


def in_words(found: Expected, copies: bool, attacks: bool) -> Iterator[str]:
    """Sentences of the plan's notes.

    Args:
        found: what is expected.
        copies, attacks: whether copies' and attacks' lengths are expected by it, and not by the run's own store.
    """
    if copies and found.adversary is not None:
        yield f"adversary: expected are {found.adversary:.1f} NES iterations an image, as in {found.measured}."
    if attacks:
        means = ", ".join(f"{iterations:.1f}" for iterations in found.attacks)
        capped = f"; {found.capped:.0%} of these were cut off sooner there, and count at most" if found.capped else ""
        yield (
            f"evaluation: expected are {means} iterations of an attack on the top 1, 2, ... segments, as in "
            f"{found.measured}{capped}."
        )
    where = "there" if attacks else f"in {found.measured}"
    yield (
        f"Of the segment attacks {found.share:.0%} are expected to be made, as {where}: rows that rank the same "
        "segments first share the others. Detector, images and rows aren't those of here, so lengths may be others "
        "too; times at most don't rest on them."
    )
