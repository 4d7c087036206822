"""Explaining deepfake detectors with adversarially formed perturbations, and measuring which explanation is right."""

__version__ = "0.1.0"
