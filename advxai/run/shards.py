"""Which shard a video belongs to."""

from hashlib import sha256


def shard_of(video: str, shards: int) -> int:
    """Number of the shard, 0 <= n < shards, that every image of a video belongs to; by the video's name alone."""
    return int.from_bytes(sha256(video.encode()).digest()[:8], "big") % shards
