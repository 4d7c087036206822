"""What `make` sets for what it starts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SHOW = f"include {Path.cwd() / 'Makefile'}\nshow:\n\t@echo $$XDG_CACHE_HOME $$MPLCONFIGDIR\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_a_home_that_can_t_be_written_to_is_done_without(tmp_path):
    (tmp_path / "Makefile").write_text(SHOW)
    (tmp_path / "file").touch()
    plain = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "MPLCONFIGDIR")}

    def shown(**environment: str) -> str:
        command = ["make", "-s", "-C", str(tmp_path), "--no-print-directory", "show"]
        return subprocess.run(
            command, env=plain | environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    (tmp_path / "home").mkdir()
    assert shown(HOME=str(tmp_path / "home")) == ""
    own = f"{tmp_path}/.venv/cache"
    assert shown(HOME=str(tmp_path / "file")) == f"{own} {own}/matplotlib"
    assert shown(HOME=str(tmp_path / "file"), MPLCONFIGDIR="mine") == f"{own} mine"
    assert shown(HOME=str(tmp_path / "file"), XDG_CACHE_HOME=str(tmp_path / "home")) == str(tmp_path / "home")
