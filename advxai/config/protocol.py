"""The two protocols: `paper` is every key's default; `corrected` gives other defaults to the switches of its fixes.

What a configuration says itself always counts.
"""

from collections.abc import Mapping
from typing import Any, Literal

from advxai.config.controls import CEILINGS, CONTROLS

Protocol = Literal["paper", "corrected"]

# Distances, noise and what is raised, of both attacks.
NES = {"units": "pixel", "project": True, "noise": "per_channel", "objective": "log_odds"}
CORRECTED: dict[str, dict[str, Any]] = {
    "frames": {"explain": "called_fake"},
    "adversary": NES,
    "evaluation": NES | {"population": "all"},
}
# Every explainer is attacked on the same segments; what a method has of its own is under its name.
EXPLAINER: dict[str, Any] = {"segmentation": {"image": "unit"}}
METHODS: dict[str, dict[str, Any]] = {
    "lime": {"softmax_again": False},
    "rise": {"softmax_again": False, "draw": "uniform", "divide_by": "coverage"},
}


def beneath(defaults: Mapping[str, Any], given: Any) -> Any:
    """What is given, with defaults where it says nothing; anything but a mapping is given back as it is."""
    if given is None:
        return dict(defaults)
    if not isinstance(given, Mapping):
        return given
    merged = {**defaults, **given}
    for name, value in defaults.items():
        if isinstance(value, Mapping) and name in given:
            merged[name] = beneath(value, given[name])
    return merged


def with_protocol(mapping: dict[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the defaults of its protocol.

    Args:
        mapping: as the user wrote it; not checked yet.
        rows: explainers when it names none.
    """
    explainers = mapping.get("explainers", dict(rows))
    if mapping.get("protocol", "paper") != "corrected":
        return mapping | {"explainers": explainers}
    filled = mapping | {stage: beneath(fixes, mapping.get(stage)) for stage, fixes in CORRECTED.items()}
    if isinstance(explainers, Mapping):
        explainers = {name: _explainer(entry) for name, entry in explainers.items()}
    return filled | {"explainers": explainers}


def _explainer(entry: Any) -> Any:
    method = entry.get("method") if isinstance(entry, Mapping) else None
    if method in (*CONTROLS, *CEILINGS):  # these have the explainers' segmentations
        return entry
    return beneath(EXPLAINER | METHODS.get(method, {}), entry) if isinstance(method, str) else entry
