"""docs/architecture.md and its picture know every room, and files that the documentation names are there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from advxai.run.tally import STAGES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/architecture.md"
NAMED = re.compile(r"(?<![\w/.])((?:advxai|scripts|rules|tests|benchmarks|config|envs|profiles|docs)/[\w./-]*\.\w+)")
SCIENCE = {"torch", "timm", "pandas", "h5py", "cv2", "scipy", "matplotlib"}  # whose imports take long


def rooms() -> set[str]:
    """Folders and modules directly under advxai/."""
    names = {path.parent.name for path in ROOT.glob("advxai/*/__init__.py")}
    return names | {path.stem for path in ROOT.glob("advxai/*.py")} - {"__init__"}


def written() -> str:
    """The page without Markdown's escapes."""
    return PAGE.read_text().replace("\\_", "_")


def paragraphs() -> list[tuple[str, str]]:
    """Each room that the page has a paragraph of, and what follows its name."""
    rooms_alone = written().partition("\n## How a number")[0]
    parts = re.split(r"^(?:- )?\*\*(\w+)\*\*", rooms_alone, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def in_the_picture() -> list[str]:
    tree = ElementTree.parse(ROOT / "docs/architecture.svg")
    return ["".join(text.itertext()) for text in tree.findall(".//{*}text") if text.get("class") == "room"]


def test_the_page_has_a_paragraph_for_every_room():
    assert sorted(room for room, _ in paragraphs()) == sorted(rooms())


def test_the_picture_shows_every_room_once_and_the_stages_in_their_order():
    found = in_the_picture()
    assert sorted(found) == sorted(rooms())
    assert tuple(found[: len(STAGES)]) == STAGES


def test_the_page_says_the_order_that_is_checked():
    (said,) = re.findall(r"From the top: (.*?)\.\s", written(), re.DOTALL)
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    assert re.findall(r"\w+", said.replace(" and ", " ")) == re.findall(r"\w+", " ".join(layers))


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))])
def test_files_that_are_named_are_there(page):
    named = set(NAMED.findall((ROOT / page).read_text()))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert named or page != "docs/architecture.md"


def test_modules_that_a_room_s_paragraph_names_are_there():
    """`stage.py` in the paragraph of saliency is advxai/saliency/stage.py, or in a folder of it."""
    named = {(room, name) for room, said in paragraphs() for name in re.findall(r"`(\w+\.py)`", said)}
    assert {("saliency", "stage.py"), ("report", "gallery.py")} <= named
    assert [(room, name) for room, name in sorted(named) if not list((ROOT / "advxai" / room).rglob(name))] == []


def test_planning_imports_nothing_that_takes_long():
    """What Snakefile and rules import whenever the workflow is planned, and twice in each job of a cluster."""
    files = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk"))]
    imports = [line for file in files for line in re.findall(r"^from advxai.*$", file.read_text(), re.MULTILINE)]
    assert "from advxai.run.paths import Paths" in imports
    code = "\n".join([*imports, "import sys", f"print(sorted({SCIENCE} & set(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
