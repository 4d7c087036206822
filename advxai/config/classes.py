"""Which classes the configured detector has."""

from collections.abc import Mapping
from typing import Any

from advxai.common.classes import KEYS, Classes
from advxai.config.networks import NETWORKS
from advxai.config.science import Detector


def classes_of(settings: Detector, said: Mapping[str, Any]) -> Classes:
    """The detector's classes: each key as the configuration has it, else as its file of weights says, else as its
    network's published weights have it; the default is the five of FF++.

    Args:
        settings: `classes`, `real`, `output`, `positive` and `threshold`.
        said: what the file says of itself (`advxai.run.weights.said`); {}: there is none, or it says nothing.

    Raises:
        InputError: they aren't the classes of any detector.
    """
    given = {name: value for name in KEYS if (value := getattr(settings, name)) is not None}
    own: dict[str, Any] = {name: said[name] for name in KEYS if said.get(name) is not None}
    # a file of ours says its classes, and of the rest what isn't at its default: then nothing of the network's holds
    if "classes" not in own and settings.model in NETWORKS:
        network = NETWORKS[settings.model]
        own = {"classes": network.classes, "output": network.output, "positive": network.positive} | own
    if "classes" in given and set(given["classes"]) != set(own.get("classes", [])):
        own = {}  # of others
    merged = own | given
    if merged.get("output") == "softmax":
        merged = {name: value for name, value in merged.items() if name != "positive" or name in given}
    return Classes.read(merged)
