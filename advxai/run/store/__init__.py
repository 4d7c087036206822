"""Records of finished work: written once, found again by whoever needs them."""

from advxai.run.store.belong import require_weights
from advxai.run.store.complete import clear_journals, complete
from advxai.run.store.journal import Journal
from advxai.run.store.shard import read_attributes, read_shard, read_some, stream_shard, write_shard

__all__ = [
    "Journal",
    "clear_journals",
    "complete",
    "read_attributes",
    "read_shard",
    "read_some",
    "require_weights",
    "stream_shard",
    "write_shard",
]
