"""What rows of clips take over from the clips' scores: segments and probabilities. Needs no torch."""

from collections.abc import Mapping
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.types import Item, Record
from advxai.run.store import read_shard

HOST = ("segments", "called_real", "before", "frames_before")  # fields that are taken over
Hosts = Mapping[tuple[str, str], Record]


def hosts_of(shard: Path) -> Hosts:
    """(key, hash) of each clip -> what is taken over of its record (`advxai.video.scores.run`).

    Args:
        shard: of the scores.

    Raises:
        InputError: the shard is damaged.
    """
    records = read_shard(shard, ("key", "sha256", *HOST))
    return {(record["key"], record["sha256"]): record for record in records}


def host_of(hosts: Hosts, item: Item) -> Record:
    """What is taken over of one clip.

    Raises:
        InputError: the scores lack it.
    """
    found = hosts.get((item["key"], item["sha256"]))
    if found is None:
        raise InputError(f"the scores of clips lack {item['key']}: run again")
    return found
