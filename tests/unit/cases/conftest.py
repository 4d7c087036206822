"""The run and a test case of it are made once."""

import shutil
from pathlib import Path

import pytest

from advxai.cases.export import Sources, export
from advxai.run.paths import Paths
from tests.unit.cases.small_run import KEY, run


@pytest.fixture(scope="package")
def small(tmp_path_factory) -> tuple[Paths, Sources]:
    return run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="package")
def exported(small) -> Path:
    paths, sources = small
    folder = paths.run / "cases" / KEY
    export(paths, KEY, sources, folder)
    return folder


@pytest.fixture
def case(exported, tmp_path) -> Path:
    """A copy, alone in its folder, to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "case"))
