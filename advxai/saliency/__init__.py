"""Perturbation-based explainers: LIME, SHAP, SOBOL, RISE and whatever is registered.

Names are looked up when they are asked for, so that what needs no torch, such as the tables, can use this package's
other modules without importing it.
"""

from typing import TYPE_CHECKING, Any

from advxai.common.lazily import lookup

if TYPE_CHECKING:
    from advxai.saliency.base import CallableExplainer, Explainer, Explanation, Inputs
    from advxai.saliency.registry import build
    from advxai.saliency.stage import run

__all__ = ["CallableExplainer", "Explainer", "Explanation", "Inputs", "build", "run"]

_WHERE = dict.fromkeys(("CallableExplainer", "Explainer", "Explanation", "Inputs"), "base") | {
    "build": "registry",
    "run": "stage",
}


def __getattr__(name: str) -> Any:
    return lookup(__name__, _WHERE, name)
