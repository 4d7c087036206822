"""Seeds that depend on what is drawn, not on when: the same for every shard, order and neighbourhood."""

import hashlib


def seed_of(*parts: str | int) -> int:
    """A 63-bit seed from (seed, stage, key, iteration, ...): the SHA-256 of the parts."""
    # names of files may hold bytes that are no UTF-8, which Python keeps as surrogates
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8]) >> 1
