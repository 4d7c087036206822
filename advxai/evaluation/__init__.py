"""Measuring explanations by attacking the segments that they rank first."""

from advxai.evaluation.attacks import attack_items, run
from advxai.evaluation.rows import evaluation_rows

__all__ = ["attack_items", "evaluation_rows", "run"]
