"""What must be there before a list of samples is explained."""

import csv
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from advxai.common.errors import InputError, reading
from advxai.config import Config
from advxai.samples.lists import Sample, place_of, read
from advxai.samples.places import find, not_own, state

if TYPE_CHECKING:
    from advxai.run.paths import Paths


NOT_OF_THE_CORPUS = {"samples", "prune", "--unlock"}  # arguments; what they ask for needs no videos
OF_THE_CORPUS = {
    "all", "corpus", "faces", "frames", "detector", "adversary", "saliency", "evaluation", "metrics", "tables",
    "answer", "report",
}  # fmt: skip


def require_corpus(config: Config, arguments: Collection[str]) -> None:
    """Refuse to make of a corpus's videos what is asked for, where the configuration has none.

    Args:
        config: the run's.
        arguments: of the command line.

    Raises:
        InputError: anything but `samples` is asked for.
    """
    beside = sorted(OF_THE_CORPUS.intersection(arguments))
    if config.without_corpus and (beside or NOT_OF_THE_CORPUS.isdisjoint(arguments)):
        raise InputError(
            f"config: corpus.root: is not set, so there are no videos for {beside[0] if beside else 'a run'}: ask for "
            "the target samples alone, whose images are those of samples.crops, or set corpus.root and corpus.splits"
        )


def require_samples(paths: "Paths") -> list[str]:
    """Refuse to explain samples without rows, list or images.

    Images in `samples.crops` are looked for by name. Of the run's own it is a note that the list which it has left of
    them lacks some, since that may be made anew.

    Args:
        paths: of the run, of which `samples` is asked for.

    Returns:
        What the user should know, a sentence each.

    Raises:
        InputError: names the key and what to do, or the line of a list.
    """
    config, settings = paths.config, paths.config.samples
    if not config.sampled:
        raise InputError(
            "config: samples.explainers: no row of `explainers` explains a picture by itself without an adversarial "
            "copy: add one that does, such as `RISE: {method: rise, baseline: zeros}`"
        )
    listed = settings.list
    if listed is None and config.without_corpus:
        raise InputError(
            "config: samples.list: is not set, and without corpus.root the run makes no list of its own: set it"
        )
    # the run makes its own list, and no other; a path longer than the file system allows is no file either
    if listed is not None and not os.path.isfile(listed) and paths.outputs.samples_list != paths.outputs.examples:
        raise InputError(f"config: samples.list: {listed} is no file there: correct the path, or take the key out")
    if settings.crops is not None and not os.path.isdir(settings.crops):
        raise InputError(f"config: samples.crops: {settings.crops} is no folder: correct the path, or take the key out")
    source = paths.outputs.samples_list
    if source == paths.outputs.examples:
        return []
    samples = read(source)
    if settings.crops is not None:
        find(samples, Path(settings.crops), source)
        return []
    return _not_own(samples, source, paths.run / "frames" / "manifest.csv")


def images_state(paths: "Paths") -> str:
    """Hash of names, sizes and times of the listed images in `samples.crops`; "": they are the run's own, which its
    manifest tells.

    Args:
        paths: of the run.
    """
    crops = paths.config.samples.crops
    source = paths.outputs.samples_list
    return "" if crops is None else state(Path(crops), source, source == paths.outputs.examples)


def _not_own(samples: list[Sample], source: Path, manifest: Path) -> list[str]:
    if not manifest.is_file():
        return []
    own = set()
    with reading(manifest, "delete it and run again.", "a list of images"), manifest.open(encoding="utf-8") as file:
        for row in csv.reader(file, delimiter=" "):
            if row and (place := place_of(row[0])) is not None:
                own.add((place.category, place.video, place.frame, place.face))
    absent = [one for one in samples if (one.category, one.video, one.frame, one.face) not in own]
    return [f"{not_own(absent, samples, source)} So says {manifest}."] if absent else []
