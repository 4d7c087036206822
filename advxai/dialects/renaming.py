"""From a checkpoint's names to those of our network."""

from collections.abc import Mapping


def renamed(names: Mapping[str, tuple[int, ...]], model: str) -> dict[str, str]:
    """Name in the checkpoint, without its prefixes -> name in the network's state dict."""
    del model
    return {name: name for name in names}


def shaped(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a tensor gets in the network."""
    del name
    return shape
