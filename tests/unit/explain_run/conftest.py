"""A run whose stages are made once, and a photo with two faces."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from advxai.explain import command
from advxai.media.retinaface import Detection
from advxai.run.paths import Paths
from tests.unit.cases.small_run import run as run_stages


@pytest.fixture(scope="package")
def finished(tmp_path_factory) -> Paths:
    """A run's stages and the lists of its images."""
    folder = tmp_path_factory.mktemp("run")
    paths, sources = run_stages(folder)
    assert sources.evaluation == paths.explained
    shutil.copy(sources.evaluation, paths.run / "frames/manifest.parquet")
    return paths


@pytest.fixture
def faces(monkeypatch) -> list[Detection]:
    """What the face detector finds in every picture."""
    found = [
        Detection((20.0, 40.0, 60.0, 80.0), 0.99, np.zeros((5, 2), np.float32)),
        Detection((90.0, 40.0, 130.0, 80.0), 0.97, np.ones((5, 2), np.float32)),
    ]
    monkeypatch.setattr(command, "network", lambda paths: Path("network.onnx"))
    monkeypatch.setattr(command.Finder, "of", lambda *settings: type("Finder", (), {"find": lambda *_: found}))
    return found


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8))
    return path
