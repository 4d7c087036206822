"""Records of finished work: written once, found again by whoever needs them."""

from advxai.store.complete import complete
from advxai.store.journal import Journal
from advxai.store.shard import read_shard, write_shard

__all__ = ["Journal", "complete", "read_shard", "write_shard"]
