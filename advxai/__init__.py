"""Explaining deepfake detectors with adversarially formed perturbations, and measuring which explanation is right."""

import os

__version__ = "0.1.0"

# ONNX Runtime looks once, when it is imported: else it keeps an identifier in the home and tells its maker of each use.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
