"""Two runs that share a part of the store."""

import pytest

from advxai.config import load
from advxai.run.paths import Paths
from tests.unit.prune.finished import mapping, run


@pytest.fixture
def a(tmp_path) -> Paths:
    return Paths(load(mapping(tmp_path / "results", "a")))


@pytest.fixture
def b(tmp_path) -> Paths:
    return Paths(load(mapping(tmp_path / "results", "b")))


@pytest.fixture
def both(a, b) -> tuple[Paths, Paths]:
    run(a)
    run(b)
    return a, b
