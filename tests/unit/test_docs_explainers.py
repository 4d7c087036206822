"""docs/explainers.md: its white box is run as it stands there, and what it says of maps is what figures say."""

import re
from pathlib import Path

import numpy as np
import yaml

from advxai.config.explainers import BUILT_IN
from advxai.report.captions import MEANINGS, OF_CHANNELS, RELEASED, meanings
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.helpers import explainer_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explainers.md").read_text()


def test_the_page_says_of_every_method_what_figures_say():
    assert set(MEANINGS) == set(BUILT_IN)
    text = " ".join(PAGE.split())
    for method, said in MEANINGS.items():
        assert f"**: {said}." in text, method
        assert f"`{method}`" in text


def test_a_released_map_is_said_to_have_no_places():
    rows = {name: explainer_settings(method="relevancy", map=name) for name in ("places", "released")}
    assert meanings(rows, channels=False) == {"places": MEANINGS["relevancy"], "released": RELEASED}
    assert f"{RELEASED}." in " ".join(PAGE.split()) and RELEASED.endswith("its places mean nothing")


def test_places_of_channels_tokens_are_not_said_to_be_their_relevancy():
    rows = {name: explainer_settings(method="relevancy", map=name) for name in ("places", "released")}
    rows |= {"Fake": explainer_settings(method="relevancy", target="fake"), "Cam": explainer_settings(method="gradcam")}
    assert meanings(rows, channels=True) == {
        "places": OF_CHANNELS,
        "released": RELEASED,
        "Fake": f"{OF_CHANNELS}; of the fake class, whatever the image is called",
        "Cam": MEANINGS["gradcam"],
    }
    assert "the sum over tokens of ReLU(content x gradient), which is ours and not the tokens' relevancy" in OF_CHANNELS
    assert f": {OF_CHANNELS}." in " ".join(PAGE.split())


def test_the_white_box_of_the_page_is_run_as_it_stands_there(tmp_path, monkeypatch):
    own = PAGE.partition("\n## A white box of your own\n")[2].partition("\n## ")[0]
    lines = "\n".join(line[4:] for line in own.splitlines() if line.startswith("    ") or not line)
    code, _, settings = lines.partition("explainers:\n")
    (tmp_path / "whitebox.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    entry, drawing = yaml.safe_load(f"explainers:\n{settings}")["explainers"].values()

    def made(*numbers, **one):
        items = pictures.items(*numbers)
        return list(run(items, pictures.load, pictures.detector(1.0), explainer_settings(**one), 5, 2))

    found, known = (made(1, 2, **one) for one in (entry, entry | {"method": "tests.custom:GradientTimesInput"}))
    for record, other in zip(found, known, strict=True):
        assert record["backwards"] == 1 and record["map"].any()
        np.testing.assert_array_equal(record["map"], other["map"])
    together, alone = made(1, 2, **drawing), made(2, **drawing)
    assert [record["backwards"] for record in together] == [16, 16]
    assert together[1]["key"] == alone[0]["key"] and alone[0]["map"].any()
    np.testing.assert_array_equal(together[1]["map"], alone[0]["map"])  # the noise is the image's own


def test_the_table_has_every_method():
    first = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    assert {name for cell in first for name in re.findall("`([^`]+)`", cell)} == set(BUILT_IN)
