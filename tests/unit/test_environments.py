"""The conda environments name the versions of the lock."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from advxai.config.file import read

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


@pytest.mark.parametrize("more", ["requirements-test", "requirements-hub"])
def test_a_larger_lock_holds_the_run_s_lock(more):
    run, test = (pins((ROOT / f"{name}.txt").read_text()) for name in ("requirements", more))
    assert all(test[name] == versions for name, versions in run.items())


def test_every_rule_with_a_script_has_an_environment():
    for path in (ROOT / "rules").glob("*.smk"):
        text = path.read_text()
        if path.stem == "common":  # what the rules share
            assert not re.search(r"^ *(rule|checkpoint|script|shell|run|conda)\b.*:$", text, re.MULTILINE)
            continue
        assert text.count("script:\n") == text.count("conda:\n") > 0, path.name
        for script in re.findall(r'"\.\./scripts/(\w+)\.py"', text):
            assert (ROOT / f"scripts/{script}.py").exists()
            assert re.search(rf"^ *rule {script}:", text, re.MULTILINE), f"{path.name} has no rule {script}"


# What a package is imported as, where that isn't its name
IMPORTED_AS = {
    "grad-cam": "pytorch_grad_cam",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
PART_OF = {"pydantic_core": "pydantic"}  # comes with it, in the version that fits
NEEDED_BY = {"pillow": "matplotlib"}  # so it is there too, where that is
# Packages that no import names: pandas reads Parquet and writes tables by them, uv fetches the media, timm needs a
# torchvision that matches torch, and methods (so their captum and grad-cam) and backends are imported by the names that
# the configuration has
BY_OTHERS = {
    "pyarrow",
    "tabulate",
    "jinja2",
    "uv",
    "torchvision",
    "onnx",
    "onnxruntime",
    "openvino",
    "shap",
    "scipy",
    "captum",
    "grad-cam",
}


def modules(name: str) -> list[Path]:
    """Files of a module of ours and of the packages it is in; none for others' modules."""
    found = []
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:length])
        found += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    return found


def imports(file: Path, deep: bool) -> set[str]:
    """Names that a file imports when it is itself imported; with `deep` also those inside its functions."""
    tree = ast.parse(file.read_text())
    nodes = (
        list(ast.walk(tree))
        if deep
        else [*tree.body, *(n for w in tree.body if isinstance(w, ast.With) for n in w.body)]
    )
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def needed(script: Path, deep: bool = False) -> set[str]:
    """Others' modules that a script loads: at the start, and inside its own functions; with `deep` whatever its modules
    may import later as well."""
    todo, seen, found = [(script, True)], set(), set()
    while todo:
        file, inside = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imports(file, deep or inside):
            if name.split(".")[0] == "advxai":
                todo += [(module, False) for module in modules(name)]
            else:
                found.add(name.split(".")[0])
    return {PART_OF.get(name, name) for name in found} - sys.stdlib_module_names


def scripts() -> Iterator[tuple[str, Path]]:
    """Environment and script of every rule."""
    for rules in sorted((ROOT / "rules").glob("*.smk")):
        pairs = re.findall(r'"\.\./envs/(\w+)\.yaml".*?"\.\./scripts/(\w+)\.py"', rules.read_text(), re.DOTALL)
        yield from ((environment, ROOT / f"scripts/{script}.py") for environment, script in pairs)


def packages(environment: str) -> set[str]:
    content = yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text())
    (listed,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    return {package.partition("==")[0] for package in listed}


@pytest.mark.parametrize(("environment", "script"), tuple(scripts()), ids=lambda value: getattr(value, "stem", value))
def test_an_environment_has_what_its_scripts_import(environment, script):
    there = {IMPORTED_AS.get(package, package) for package in packages(environment)}
    assert needed(script) <= there, f"envs/{environment}.yaml lacks {needed(script) - there} for {script.name}"


@pytest.mark.parametrize("environment", ["data", "science", "tables"])
def test_an_environment_has_nothing_that_no_script_imports(environment):
    used = set().union(*(needed(script, deep=True) for name, script in scripts() if name == environment))
    idle = {package for package in packages(environment) if IMPORTED_AS.get(package, package) not in used}
    assert idle <= BY_OTHERS, f"no script of envs/{environment}.yaml imports {idle - BY_OTHERS}"


def test_only_forwards_need_torch():
    heavy = {"torch", "torchvision", "timm", "shap", "openvino", "scikit-image", "scikit-learn", "captum", "grad-cam"}
    assert heavy <= packages("science") and not heavy & (packages("data") | packages("tables"))
    assert not {"torch", "timm"} & set().union(*(needed(script) for name, script in scripts() if name != "science"))


def asked_for(environment: str) -> list[tuple[str, str]]:
    """(module, name) that the scripts of an environment import from the library, also inside their functions."""
    found = set()
    for name, script in scripts():
        for node in ast.walk(ast.parse(script.read_text())) if name == environment else ():
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "advxai":
                found |= {(node.module, alias.name) for alias in node.names}
    return sorted(found)


@pytest.mark.parametrize("environment", ["data", "tables"])
def test_scripts_start_where_other_environments_packages_are_not(environment):
    """What is looked up by a text, as the measures are, no import statement shows: so it is tried."""
    elsewhere = set().union(*map(packages, ("data", "science", "tables"))) - packages(environment)
    absent = {IMPORTED_AS.get(package, package) for package in elsewhere - NEEDED_BY.keys()}
    assert {"torch", "skimage", "sklearn", "timm"} <= absent
    code = """
import importlib, json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name, name=name)

absent, asked, demo = json.load(sys.stdin)
sys.meta_path.insert(0, Absent())
for module, name in asked:
    part = importlib.import_module(module)
    getattr(part, name, None) or importlib.import_module(f"{module}.{name}")
if ["advxai.metrics.registry", "all_columns"] in asked:
    from advxai.config import load
    from advxai.metrics.registry import all_columns
    print(len(all_columns(load(demo))))
"""
    given = json.dumps([sorted(absent), asked_for(environment), read(ROOT / "config.yaml")])
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    # of the tables': ten of restoration, seven of localisation against each mask, two of complexity, nine of attacks
    assert done.stdout.strip() == ("35" if environment == "tables" else "")
