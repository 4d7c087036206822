"""The measures of one's own on docs/metrics.md are complete: they are run as they stand there."""

import math
import re
from pathlib import Path

import pytest
import yaml

from advxai.metrics import measures
from advxai.metrics.stage import with_forwards, without_forwards
from tests.helpers import reads_segment
from tests.unit.paths_data import paths
from tests.unit.test_metrics import record, subjects

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
BLOCK = re.compile(r"(?:^    .*\n|^\n)+", re.MULTILINE)  # of indented lines, and empty ones between them
ITEMS = [{"key": "a", "sha256": "1"}]


def blocks() -> list[str]:
    own = PAGE.read_text().partition("\n## A measure of your own\n")[2]
    found = [re.sub("^    ", "", block, flags=re.MULTILINE).strip("\n") for block in BLOCK.findall(own)]
    return [block for block in found if block]


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The page's measures, by their names: its configuration, and the class that asks the detector."""
    code = [block for block in blocks() if "(Measure):" in block]
    (settings,) = [yaml.safe_load(block) for block in blocks() if block.startswith("metrics:")]
    (tmp_path / "mine.py").write_text("\n\n\n".join(code) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    return measures(paths(metrics=settings["metrics"] | {"greyed": {"measure": "mine:Greyed"}}).config)


def test_measures_of_the_page_are_run_as_they_stand_there(found):
    assert list(found) == ["restoration", "localisation", "complexity", "upper", "greyed"]
    (upper,) = without_forwards(
        ITEMS, subjects({"a": record([5, 0, 9, *range(1, 5), *range(6, 9), *range(10, 16)])}), found["upper"]
    )
    assert upper["values"].tolist() == pytest.approx([2 / 3])  # of three segments of one size the third is below
    (greyed,) = with_forwards(ITEMS, subjects({"a": record()}), found["greyed"], reads_segment(5, 6.0), at_once=1)
    # the detector's logits are 3 and -3 on the image, and 0 without its segment
    assert greyed["values"].tolist() == pytest.approx([1 / (1 + math.exp(-3)) - 0.5], abs=0.01)
    nothing = subjects({"a": record(missing="no face")})
    (upper,) = without_forwards(ITEMS, nothing, found["upper"])
    (greyed,) = with_forwards(ITEMS, nothing, found["greyed"], reads_segment(5), at_once=1)
    assert upper["reasons"] == greyed["reasons"] == "no face"
