"""One rule for every per-image stage: take what is there, compute the rest, publish."""

import hashlib
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from advxai.common.errors import InputError
from advxai.common.types import Item, Record
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.shards import shard_of
from advxai.run.store.journal import Journal, read_journal
from advxai.run.store.shard import read_shard, write_shard

log = logging.getLogger(__name__)
JOURNALS = "journals"
KEPT = "kept"
ITEM = ("key", "sha256", "mask")
# An item may have them too: its copy; the weights that chose it; the hash of what else its record is made from.
MADE_FROM = ("copy", "weights", "given")
IDENTITY = (*ITEM, *MADE_FROM)
SHARD = re.compile(r"(?<![0-9])([0-9]+)-of-([1-9][0-9]*)(?![0-9])")  # in the names of shards and journals
Identity = tuple[str, ...]


def identity(item: Item) -> Identity:
    """A record belongs to an image by its key and the hash of its bytes, an attack also by its set of pixels, an
    explanation that fills in with an adversarial copy by that copy, what is made from a mask, a counterpart or an
    explanation by the hash of these (`given`); and to a detector by the hash of its weights."""
    return tuple(item[name] for name in IDENTITY if name in item)


def _item(record: Record) -> Identity:
    return tuple(record[name] for name in ITEM if name in record)


def siblings(folder: Path) -> list[Path]:
    """Folders of the same digest: the name before it says whose it was first, and nothing of its numbers."""
    return sorted(folder.parent.glob(f"*-{folder.name.rpartition('-')[2]}"))


def _records(folder: Path, wanted: Iterable[Identity]) -> Iterator[dict[str, Any]]:
    """Whole records of a digest, among them all that are wanted and there: published shards of all runs, and journals
    of jobs that haven't ended.

    A file whose name says that it is a shard in which none of the wanted images can be isn't opened: with N shards each
    job would otherwise read N times what it has to.
    """
    videos = {key.rpartition("/")[0] for key, *_ in wanted}

    @cache
    def numbers(shards: int) -> set[int]:
        return {shard_of(video, shards) for video in videos}

    def may_hold(path: Path) -> bool:
        shard = SHARD.search(path.name)
        return shard is None or int(shard[1]) in numbers(int(shard[2]))

    for place in siblings(folder):
        for path in filter(may_hold, sorted(place.glob("*/[!.]*.h5"))):
            try:
                yield from read_shard(path)
            except InputError as error:
                log.warning("not used, computed anew: %s", error)
        for path in filter(may_hold, sorted(place.glob(f"{JOURNALS}/*.journal"))):
            try:
                yield from read_journal(path)
            except FileNotFoundError:
                continue  # its job has published it meanwhile
            except InputError as error:
                log.warning("not used, computed anew: %s", error)


def complete(
    output: Path,
    items: Sequence[Item],
    compute: Callable[[list[Item]], Iterable[Record]],
    *,
    folder: Path,
    title: str,
    weights: str,
    attributes: Callable[[], Mapping[str, Any]] = dict,
    later: Mapping[str, Any] = MappingProxyType({}),
    unit: str = "image",
) -> None:
    """Publish `output` with one record for each item, computing only those that the digest's folder doesn't hold.

    Records of other weights aren't taken, nor those that don't say which they are of.

    The journals stay: should the job still fail, Snakemake deletes the output. `clear_journals` removes them when a run
    has ended well. What the former `output` holds of images that are no longer wanted moves to `<folder>/kept/`: going
    back finds it.

    Args:
        output: the shard to publish, `<folder>/<run>/<shard>.h5`.
        items: the images, each with at least `key` and `sha256`; `mask`, `copy` and `given` as of `identity`.
        compute: yields a record for each item it is given, in any order; a record has `key` and `sha256` first.
        folder: the digest's folder: shards of every run, and journals of unfinished jobs.
        title: names the progress bar.
        weights: SHA-256 of the detector's file, which every record gets as its field `weights`.
        attributes: asked when all is computed; kept in the file, beside `found` and `computed`, the numbers of records
            that were found and that this job has computed.
        later: fields that records of earlier code lack -> what stands for them (`advxai.run.digests.LATER`).
        unit: what an item is, for the bar.

    Raises:
        InputError: `output` is another digest's, such as when code was edited while the workflow ran; or an item says
            that it was chosen by other weights.
    """
    if output.parents[1] != folder:
        raise InputError(
            f"{output} isn't in {folder}: settings, files or code have changed since the job was planned; run again"
        )
    others = [item["key"] for item in items if item.get("weights", weights) != weights]
    if others:
        raise InputError(f"{title}: {others[0]} was chosen by another detector than the present one; run again")
    made_from = {_item(item): {name: item[name] for name in MADE_FROM if name in item} for item in items}
    wanted = {identity({**item, "weights": weights}): item for item in items}
    found, nameless = {}, 0
    for stored in _records(folder, wanted):
        # in the order of new records, so that a resumed shard has the bytes of an uninterrupted one
        record = {**stored, **{field: value for field, value in later.items() if field not in stored}}
        nameless += "weights" not in record
        if (name := identity(record)) in wanted:
            found[name] = record
    if nameless:
        log.warning("%s: %d records don't say which weights made them: not used, computed anew", title, nameless)
    missing = [item for name, item in wanted.items() if name not in found]
    journal = Journal(folder / JOURNALS / f"{_name(output)}-{uuid.uuid4().hex}.journal")
    bar = Bar(total=len(wanted), initial=len(found), desc=title, unit=unit)
    for computed in compute(missing) if missing else ():
        record = {**computed, **made_from[_item(computed)], "weights": weights}
        journal.add(record)
        found[identity(record)] = record
        bar.update()
    bar.close()
    lost = [name for name in wanted if name not in found]
    if lost:
        raise RuntimeError(f"{title}: no record came for {lost[0][0]} and {len(lost) - 1} more")
    _keep_unwanted(output, wanted, folder / KEPT)
    counts = {"found": len(wanted) - len(missing), "computed": len(missing)}
    write_shard(output, [found[name] for name in wanted], {**attributes(), **counts})
    progress.tell(**counts)
    said = (title, len(wanted), counts["found"], counts["computed"])
    log.info("%s: %d wanted, %d found, %d computed", *said, extra={"told": True})


def _name(output: Path) -> str:
    """Run and shard, as part of a file's name."""
    return f"{output.parent.name}-{output.stem}"


def clear_journals(outputs: Iterable[Path]) -> None:
    """Remove journals of published shards, but for those that hold a record which no list names at present.

    Args:
        outputs: shards, `<folder>/<run>/<shard>.h5`; one that isn't there, or is damaged, keeps its journals.
    """
    for output in outputs:
        journals = list(output.parents[1].glob(f"{JOURNALS}/{_name(output)}-*.journal"))
        if not journals or not output.exists():
            continue
        try:
            published = {identity(record) for record in read_shard(output, IDENTITY)}
            for path in journals:
                if all(identity(record) in published for record in read_journal(path)):
                    path.unlink(missing_ok=True)
        except (InputError, FileNotFoundError) as error:
            log.warning("journals are kept: %s", error)


def _keep_unwanted(output: Path, wanted: Mapping[Identity, Item], kept: Path) -> None:
    """Save what a shard, which is about to be replaced, holds of other images."""
    if not output.exists():
        return
    try:
        former = read_shard(output)
    except InputError:
        return  # damaged: it was reported when it was read
    spare = [record for record in former if identity(record) not in wanted]
    if spare:
        names = hashlib.sha256("\n".join(sorted("\t".join(identity(record)) for record in spare)).encode()).hexdigest()
        write_shard(kept / f"{_name(output)}-{names[:12]}.h5", spare, {})
