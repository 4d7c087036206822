"""The conda environments name the versions of the lock."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall(text):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("name", ["data", "science", "tables"])
def test_versions_are_the_lock_s(name):
    lock = pins((ROOT / "requirements.txt").read_text())
    environment = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    (packages,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert len(packages) > 10
    for package in packages:
        (wanted,) = pins(package).items()
        assert wanted[1] <= lock[wanted[0]], f"{package}: the lock has {lock[wanted[0]]}; edit envs/{name}.yaml"


def test_the_test_lock_holds_the_run_s_lock():
    run, test = (pins((ROOT / f"{name}.txt").read_text()) for name in ("requirements", "requirements-test"))
    assert all(test[name] == versions for name, versions in run.items())


def test_every_rule_with_a_script_has_an_environment():
    for path in (ROOT / "rules").glob("*.smk"):
        text = path.read_text()
        assert text.count("script:\n") == text.count("conda:\n") > 0, path.name
        for script in re.findall(r'"\.\./scripts/(\w+)\.py"', text):
            assert (ROOT / f"scripts/{script}.py").exists()
            assert re.search(rf"^ *rule {script}:", text, re.MULTILINE), f"{path.name} has no rule {script}"
