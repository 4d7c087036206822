"""Which classes the configured detector has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advxai.common.categories import REAL
from advxai.common.classes import KEYS, Classes, checked
from advxai.common.errors import InputError
from advxai.config.networks import NETWORKS
from advxai.config.science import LIKELIEST, Detector


def classes_of(settings: Detector, said: Mapping[str, Any], file: Path | str | None = None) -> Classes:
    """The detector's classes: each key as the configuration has it, else as its file of weights says, else as its
    network's published weights have it; the default is the five of FF++.

    Args:
        settings: `classes`, `real`, `output`, `positive` and `threshold`.
        said: what the file says of itself (`advxai.run.weights.said`); {}: there is none, or it says nothing.
        file: for a message.

    Raises:
        InputError: they aren't the classes of any detector, or the file says what no detector has.
    """
    given = {name: value for name in KEYS if (value := getattr(settings, name)) is not None}
    own = checked(said, f"{file}: its metadata" if file else "the weights' metadata")
    # a file of ours says its classes, and of the rest what isn't at its default: then nothing of the network's holds
    network = NETWORKS.get(settings.model)
    if "classes" not in own and network is not None and network.classes is not None:
        own = {"classes": network.classes, "output": network.output, "positive": network.positive} | own
    if "classes" in given and set(given["classes"]) != set(own.get("classes", [])):
        own = _renamed(own, given)
    merged = own | given
    if merged.get("output") == "softmax" and "positive" not in given:
        merged.pop("positive", None)
    if merged.get("threshold") == LIKELIEST:
        del merged["threshold"]
    try:
        return Classes.read(merged)
    except InputError as error:
        if file and said:  # it may be the file's fault
            raise InputError(f"{file}: {error}") from error
        raise


def _renamed(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What holds of a file or network whose classes the configuration calls otherwise: of a sigmoid, whether its
    probability is that of the real class or of the fake one; of other numbers of classes nothing."""
    names, real = list(given["classes"]), given.get("real", REAL)
    if len(names) != len(own.get("classes", [])) or own.get("output") != "sigmoid":
        return {}
    others = [name for name in names if name != real]
    if real not in names or len(others) != 1:
        return {"output": "sigmoid"}  # whoever reads it says what is wrong
    is_real = own.get("positive") == own.get("real", REAL)
    kept = {"threshold": own["threshold"]} if "threshold" in own else {}
    return {"output": "sigmoid", "positive": real if is_real else others[0]} | kept
