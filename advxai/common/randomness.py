"""Seeds that depend on what is drawn, not on when: the same for every shard, order and neighbourhood."""

import hashlib


def seed_of(*parts: str | int) -> int:
    """A 63-bit seed from (seed, stage, key, iteration, ...): the SHA-256 of the parts."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
