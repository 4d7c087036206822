"""Perturbation-based explainers: LIME, SHAP, SOBOL, RISE and whatever is registered."""

from advxai.saliency.base import CallableExplainer, Explainer, Explanation, Inputs
from advxai.saliency.registry import build
from advxai.saliency.stage import run

__all__ = ["CallableExplainer", "Explainer", "Explanation", "Inputs", "build", "run"]
