"""One rule for every per-image stage: take what is there, compute the rest, publish."""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from advxai.errors import InputError
from advxai.store.journal import Journal, read_journal
from advxai.store.shard import read_shard, write_shard

log = logging.getLogger(__name__)
JOURNALS = "journals"
Item = Mapping[str, Any]


def identity(item: Mapping[str, Any]) -> tuple[str, ...]:
    """A record belongs to an image by its key and the hash of its bytes; an attack also by its set of pixels."""
    return tuple(item[name] for name in ("key", "sha256", "mask") if name in item)


def _found(folder: Path, wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for path in sorted(folder.glob("*/*.h5")):
        try:
            records: Iterable[dict[str, Any]] = read_shard(path)
        except InputError as error:
            log.warning("not used, computed anew: %s", error)
            continue
        found.update((identity(record), record) for record in records if identity(record) in wanted)
    for path in sorted(folder.glob(f"{JOURNALS}/*.sqlite")):
        try:
            found.update((identity(record), record) for record in read_journal(path) if identity(record) in wanted)
        except sqlite3.Error as error:
            log.warning("the journal %s can't be read (%s): its images are computed anew", path, error)
    return found


def complete(
    output: Path,
    items: Sequence[Item],
    compute: Callable[[list[Item]], Iterable[Mapping[str, Any]]],
    *,
    folder: Path,
    attributes: Mapping[str, Any],
    title: str,
) -> set[tuple[str, ...]]:
    """Publish `output` with one record for each item, computing only those that the digest's folder doesn't hold.

    Args:
        output: the shard to publish, `<folder>/<run>/<shard>.h5`.
        items: the images, each with at least `key` and `sha256`.
        compute: yields a record for each item it is given, in any order; a record has `key` and `sha256` first.
        folder: the digest's folder: shards of every run, and journals of unfinished jobs.
        attributes: what the records were made from.
        title: names the progress bar.

    Returns:
        Identities of the records that were computed here rather than found.
    """
    wanted = {identity(item): item for item in items}
    found = _found(folder, set(wanted))
    missing = [item for key, item in wanted.items() if key not in found]
    name = f"{output.parent.name}-{output.stem}"
    own = Journal(folder / JOURNALS / f"{name}-{os.getpid()}.sqlite")
    bar = tqdm(total=len(wanted), initial=len(found), desc=title, unit="image", mininterval=2)
    for record in compute(missing) if missing else ():
        own.add(record)
        found[identity(record)] = dict(record)
        bar.update()
    bar.close()
    lost = [key for key in wanted if key not in found]
    if lost:
        raise RuntimeError(f"{title}: no record came for {lost[0][0]} and {len(lost) - 1} more")
    write_shard(output, [found[key] for key in wanted], attributes)
    own.remove()
    for path in (folder / JOURNALS).glob(f"{name}-*.sqlite"):
        path.unlink(missing_ok=True)  # what earlier, killed jobs of this shard left is now published
    log.info("%s: %d wanted, %d found, %d computed", title, len(wanted), len(wanted) - len(missing), len(missing))
    return {identity(item) for item in missing}
