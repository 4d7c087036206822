"""What rows of clips take over from the clips' scores: segments and probabilities. Needs no torch."""

from pathlib import Path

from advxai.common.types import Record
from advxai.run.store import read_shard

HOST = ("segments", "called_real", "before", "frames_before")  # fields that are taken over
Hosts = dict[tuple[str, str], Record]


def hosts_of(shard: Path) -> Hosts:
    """(key, hash) of each clip -> what is taken over of its record (`advxai.video.scores.run`).

    Args:
        shard: of the scores.

    Raises:
        InputError: the shard is damaged.
    """
    records = read_shard(shard, ("key", "sha256", *HOST))
    return {(record["key"], record["sha256"]): record for record in records}
