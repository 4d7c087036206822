"""Measuring explanations by attacking the segments that they rank first."""
