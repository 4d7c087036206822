"""What the store already holds of a run; maps and images aren't read."""

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common import parquet
from advxai.common.errors import InputError, reading
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.config.data import DemoCorpus
from advxai.corpus.blocks import REPORT
from advxai.plan.lengths import Expected
from advxai.plan.lengths import expected as expected_of
from advxai.run.digests import digest
from advxai.run.paths import Paths
from advxai.run.store.complete import ITEM, JOURNALS, siblings
from advxai.run.store.journal import read_journal
from advxai.run.store.shard import read_shard

log = logging.getLogger(__name__)
Image = tuple[str, str]  # key and hash

# What `advxai.faces.extract` leaves for each video; importing it needs onnxruntime, which jobs with forwards lack
RECORD, MASKS = "faces.json", "masks"
BACKWARDS = "backwards"  # of a record of maps
SAMPLE = 500  # crops whose size is looked at
COUNTS = re.compile(r"faces: \d+ videos, (\d+) found, \d+ computed")


@dataclass(frozen=True)
class Held:
    """Finished images of one digest.

    Attributes:
        images: key and hash of each.
        forwards: images through the detector that one took, on average; None while there is none.
        bytes: of one on disk, on average; None while no shard is published.
        backwards: images back through the detector that one took, on average; None while there is none.
    """

    images: frozenset[Image] = frozenset()
    forwards: float | None = None
    bytes: float | None = None
    backwards: float | None = None

    def among(self, wanted: frozenset[Image] | None, number: int) -> int:
        """How many of `number` wanted images are there; if it isn't known which are wanted, any is taken for one."""
        return min(len(self.images), number) if wanted is None else len(self.images & wanted)


@dataclass(frozen=True)
class Store:
    """What is there of a run. Attributes whose stage has made nothing yet are empty, 0 or None.

    Attributes:
        clips: names of the demo's clips that are made.
        videos: videos whose faces are cut out.
        crop_bytes: mean size of a crop's file.
        faces_per_second: of the face stage's timed jobs.
        database: the run's image database is there.
        detector: the detector's file is there.
        ready_made: it isn't trained, its weights come with the configuration.
        predictions, adversary: finished images.
        saliency, evaluation, metrics: explainer -> finished images; the evaluation's `forwards` are of one attack, of
            all explainers together, those of the metrics of all measures of one explanation.
        elsewhere: what attacks took in another run (`plan.like`), for those of which nothing is there.
    """

    clips: frozenset[str] = frozenset()
    videos: int = 0
    crop_bytes: float | None = None
    faces_per_second: float | None = None
    database: bool = False
    detector: bool = False
    ready_made: bool = False
    predictions: Held = Held()
    adversary: Held = Held()
    saliency: Mapping[str, Held] = field(default_factory=dict)
    evaluation: Mapping[str, Held] = field(default_factory=dict)
    metrics: Mapping[str, Held] = field(default_factory=dict)
    elsewhere: Expected | None = None


class Records:
    """Records that a run can use: those of its detector.

    Args:
        paths: of the run.
    """

    def __init__(self, paths: Paths) -> None:
        self.weights = paths.present_weights
        self.own_by_digest = paths.shown or (paths.imported and self.weights is None)

    def _usable(self, record: Record) -> bool:
        # the digest of an imported detector says which it is, so that its file needn't be there
        if self.own_by_digest and (self.weights is None or "weights" not in record):
            return True
        return self.weights is not None and record.get("weights") == self.weights

    def of(self, folder: Path, fields: Iterable[str], name: str = "*") -> Iterator[dict[str, Any]]:
        """Fields of every whole record of a digest: published shards of all runs, and journals of unfinished jobs.

        Args:
            folder: the digest's.
            fields: those wanted; a record has those of them that its stage writes.
            name: pattern of the files' names, without suffix.
        """
        for _, found in self.files(folder, set(fields), name):
            yield from found

    def files(self, folder: Path, fields: set[str], name: str = "*") -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Size in bytes, 0 for a journal, and usable records of each file."""
        for place in siblings(folder):
            for path in sorted(place.glob(f"*/[!.]{name}.h5")):
                try:
                    found = read_shard(path, fields | {"weights"})
                except InputError as error:
                    log.warning("not counted: %s", error)
                else:
                    yield path.stat().st_size, list(filter(self._usable, found))
            for path in sorted(place.glob(f"{JOURNALS}/{name}.journal")):
                try:
                    kept = list(filter(self._usable, read_journal(path)))
                except (InputError, FileNotFoundError) as error:
                    log.warning("not counted: %s", error)
                    continue
                yield 0, [{field: record[field] for field in fields & set(record)} for record in kept]

    def rows(self, folder: Path) -> Iterator[Image]:
        """Images of the published rows of an explainer, by all runs."""
        for place in siblings(folder):
            for path in sorted(place.glob("*/[!.]*.parquet")):
                try:
                    rows = parquet.read(path).drop_duplicates(["key", "sha256"])
                except InputError as error:
                    log.warning("not counted: %s", error)
                    continue
                usable = [row for row in records(rows) if self._usable(row)]
                yield from ((row["key"], row["sha256"]) for row in usable)


def look(paths: Paths) -> Store:
    """What the store holds of a configuration's run, and what `plan.like` says of the rest.

    Raises:
        InputError: as of `advxai.plan.lengths.expected`.
    """
    config = paths.config
    elsewhere = expected_of(config)
    names = list(config.explainers)
    records = Records(paths)
    return Store(
        clips=frozenset(
            clip.name
            for clip in (config.corpus.clips if isinstance(config.corpus, DemoCorpus) and paths.clips else ())
            if (paths.clip(clip.name).path / REPORT).is_file()
        ),
        videos=sum(1 for _ in paths.faces.path.rglob(RECORD)),
        crop_bytes=_crop_bytes(paths.faces.path),
        faces_per_second=_faces_per_second(paths),
        database=paths.lmdb.exists(),
        detector=paths.weights.exists(),
        ready_made=paths.ready_made is not None,
        predictions=finished(records, paths.predictions.path),
        adversary=finished(records, paths.adversary.path, "queries"),
        saliency={name: finished(records, paths.saliency(name).path, "images") for name in names},
        evaluation=_evaluation(records, paths, names),
        metrics={name: _metrics(records, paths, name) for name in names if paths.config.metrics},
        elsewhere=elsewhere,
    )


def finished(
    records: Records, folder: Path, *forwards: str, identity: tuple[str, ...] = ITEM[:2], name: str = "*"
) -> Held:
    """Finished images of a digest.

    Args:
        records: of the run.
        folder: the digest's.
        forwards: the records' field that counts them, if they have one.
        identity: fields by which records are told apart, key and hash first.
        name: pattern of the files' names.
    """
    spent: dict[tuple[str, ...], tuple[float, float]] = {}
    size = published = 0
    for of_file, found in records.files(folder, {*identity, *forwards, BACKWARDS}, name):
        size, published = size + of_file, published + (len(found) if of_file else 0)
        for record in found:
            back = record.get(BACKWARDS, 0)  # most stages have none, nor have records from before there were any
            spent[tuple(record[name] for name in identity)] = (sum(record[name] for name in forwards), back)
    images = frozenset((key, sha256) for key, sha256, *_ in spent)
    return Held(
        images,
        _mean([forward for forward, _ in spent.values()]) if forwards else None,
        size / published if published else None,
        _mean([back for _, back in spent.values()]),
    )


def _evaluation(records: Records, paths: Paths, names: list[str]) -> dict[str, Held]:
    """Images whose rows are published or whose attacks are all made; what an attack took, whoever asked for it."""
    attacks = finished(records, paths.attacks.path, "queries", identity=ITEM)
    held = {}
    for name in names:
        files = records.of(paths.attacks.path, ITEM, f"*-{digest(paths.evaluation_params(name))}-*")
        found = {tuple(record[field] for field in ITEM) for record in files}
        masks = Counter((key, sha256) for key, sha256, _ in found)
        done = {image for image, number in masks.items() if number >= paths.config.evaluation.top}
        held[name] = replace(attacks, images=frozenset(done.union(records.rows(paths.evaluation(name).path))))
    return held


def _metrics(records: Records, paths: Paths, name: str) -> Held:
    """Images of which all measures are there; what these took of one, and how many bytes."""
    pattern = f"*-{digest(paths.metrics_params(name))}-*"
    held = [finished(records, paths.measure(measure).path, "images", name=pattern) for measure in paths.config.metrics]
    images = frozenset.intersection(*(one.images for one in held))
    spent, sizes = [one.forwards for one in held], [one.bytes for one in held]
    return Held(
        images.union(records.rows(paths.metrics(name).path)),
        None if None in spent else sum(filter(None, spent)),
        None if None in sizes else sum(filter(None, sizes)),
    )


def _mean(values: Collection[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _crop_bytes(folder: Path) -> float | None:
    crops = (path for path in folder.rglob("*.png") if path.parent.name != MASKS)
    return _mean([path.stat().st_size for path in islice(crops, SAMPLE)])


def _faces_per_second(paths: Paths) -> float | None:
    """Of jobs of this digest that found nothing done already, by their benchmark files."""
    faces, seconds = 0, 0.0
    for timing in sorted(paths.logs.glob("*/faces_shard/*.tsv")):
        table = paths.faces.path / timing.parents[1].name / f"{timing.stem}.parquet"
        said = timing.with_suffix(".log")
        try:
            with reading(timing, "its job isn't counted"):
                counts = COUNTS.search(said.read_text(errors="replace")) if said.exists() and table.exists() else None
                if counts is not None and counts[1] == "0":
                    found = len(parquet.read(table))
                    seconds += float(pd.read_csv(timing, sep="\t")["s"].sum())
                    faces += found
        except InputError as error:
            log.warning("not counted: %s", error)
    return faces / seconds if faces and seconds else None
