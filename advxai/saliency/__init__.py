"""Explainers: black boxes such as LIME, SHAP, SOBOL and RISE, white boxes such as Grad-CAM, and whatever is registered.

Names are looked up when they are asked for, so that what needs no torch, such as the tables, can use this package's
other modules without importing it.
"""

from typing import TYPE_CHECKING, Any

from advxai.common.lazily import lookup

if TYPE_CHECKING:
    from advxai.saliency.base import CallableExplainer, Explainer, Explanation, Inputs, Unscaled
    from advxai.saliency.registry import build
    from advxai.saliency.stage import run
    from advxai.saliency.whitebox import Batch, Maps, WhiteBox

__all__ = [
    "Batch",
    "CallableExplainer",
    "Explainer",
    "Explanation",
    "Inputs",
    "Maps",
    "Unscaled",
    "WhiteBox",
    "build",
    "run",
]

_WHERE = dict.fromkeys(("CallableExplainer", "Explainer", "Explanation", "Inputs", "Unscaled"), "base") | {
    **dict.fromkeys(("Batch", "Maps", "WhiteBox"), "whitebox"),
    "build": "registry",
    "run": "stage",
}


def __getattr__(name: str) -> Any:
    return lookup(__name__, _WHERE, name)
