"""The environment that jobs inherit."""

import os
import subprocess
import sys

from advxai.run.environment import SETTINGS, prepare
from advxai.run.owner import NAME


def test_jobs_read_and_write_utf_8_whatever_the_locale_is(monkeypatch):
    """Tables have arrows and minus signs, which a locale's own encoding may not have."""
    for name in (*SETTINGS, "PYTHONPATH"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv(NAME, "nobody")
    monkeypatch.setenv("LC_ALL", "POSIX")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    code = "import locale; print(locale.getpreferredencoding())"
    prepare("somewhere")
    assert os.environ["PYTHONUTF8"] == "1"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "utf-8\n"
    monkeypatch.setenv("PYTHONUTF8", "0")  # what the user has set stays
    prepare("somewhere")
    assert os.environ["PYTHONUTF8"] == "0"
