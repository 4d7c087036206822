"""A report of known content: six images of one colour each, two explainers, tables of a few numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advxai.answer.words import Sentence
from advxai.common.classes import FIVE
from advxai.report.page import sections
from advxai.report.page.figures import Figure
from advxai.report.page.gallery import Entry, Image, entry
from advxai.report.page.make import SECTIONS, TITLES
from advxai.report.page.sections import Lines
from advxai.report.page.tables import shown
from advxai.report.page.write import Gallery, write
from advxai.tables.layout import Table

CATEGORIES = ("Deepfakes", "NeuralTextures")
METHODS = {"LIME": "lime", "RISE": "rise"}
SIZE = 32
SEGMENTS = np.kron(np.arange(4).reshape(2, 2), np.ones((SIZE // 2, SIZE // 2))).astype(np.int16)
DEEPFAKES, TEXTURES, REAL = 3, 1, 0
# name: colour, category, predicted class, p, NES flipped it, flips by top-1..3 of LIME and of RISE (None: left out)
KNOWN = {
    "a": ((200, 30, 30), "Deepfakes", DEEPFAKES, 0.9, True, (0, 1, 1), (0, 0, 0)),
    "b": ((30, 200, 30), "Deepfakes", DEEPFAKES, 0.6, False, (0, 0, 0), (0, 0, 1)),
    "c": ((30, 30, 200), "Deepfakes", TEXTURES, 0.7, True, None, (1, 1, 1)),
    "d": ((200, 200, 30), "NeuralTextures", REAL, 0.8, True, (0, 0, 0), (0, 0, 0)),
    "e": ((30, 200, 200), "NeuralTextures", TEXTURES, 0.5, True, (1, 1, 1), (0, 0, 0)),
    "f": ((200, 30, 200), "NeuralTextures", TEXTURES, 0.95, False, (0, 0, 0), (0, 0, 0)),
}
ANSWER = [Sentence("LIME is better than <RISE>.", "tables/accuracy"), Sentence("Measures agree.", "figures/nes")]


def key(name: str) -> str:
    return f"manipulated_sequences/X/c23/videos/{name}.mp4/00000_0.png"


def probabilities(called: int, p: float) -> np.ndarray:
    values = np.full(5, (1 - p) / 4, np.float32)
    values[called] = p
    return values


def image(name: str) -> Image:
    colour, category, called, p, copied, *flips = KNOWN[name]
    picture = np.full((SIZE, SIZE, 3), np.array(colour) / 255)
    before = probabilities(called, p)
    scores = np.array([0.1, 0.4, -0.3, 0.2], np.float32)
    record = {"segments": SEGMENTS, "scores": scores, "ranking": np.array([1, 3, 0], np.int16), "before": before}
    maps = {"LIME": {"map": scores[SEGMENTS], "zero": 0.0}, "RISE": {"map": scores[SEGMENTS], "zero": float("nan")}}
    rows = {}
    for explainer, flipped in zip(METHODS, flips, strict=True):
        rows[explainer] = [
            {
                "k": k,
                "included": flipped is not None,
                "reason": "" if flipped else "only 2 segments with a positive score, 3 are needed",
                "flipped": bool(flipped and flipped[k - 1]),
                "p_before": p,
                "p_after": p - 0.1 * k,
                "predicted_after": REAL if flipped and flipped[k - 1] else called,
                "iterations": 10 * k,
            }
            for k in (1, 2, 3)
        ]
    adversary = {
        "after": probabilities(REAL if copied else called, 0.5),
        "success": copied,
        "iterations": 7,
        "queries": 42,
    }
    return Image(
        face={"key": key(name), "category": category, "label": DEEPFAKES if category == "Deepfakes" else TEXTURES},
        picture=picture,
        mask=SEGMENTS == 1,
        adversary=(adversary, picture + 3 / 255),
        saliency={explainer: record | maps[explainer] for explainer in METHODS},
        rows=rows,
    )


def entries(names: Sequence[str] = tuple(KNOWN)) -> list[Entry]:
    return [entry(image(name), METHODS, CATEGORIES, FIVE, top=3, tile=SIZE) for name in names]


def table() -> Table:
    wide = pd.DataFrame(
        {
            "explainer": ["Original", "LIME", "RISE", "SOBOL", "random", "centre"],
            "n": [12, 12, 10, 9, 12, 12],
            "DF n": [6, 6, 5, 4, 6, 6],
            "NT n": [6, 6, 5, 5, 6, 6],
            "DF top-1": [0.9, 0.25, 0.5, np.nan, 0.75, 0.125],
            "NT top-1": [0.8, 0.75, 0.125, 0.5, 0.875, 0.625],
        }
    )
    return Table("Accuracy; lower is better.", wide, wide, best="lowest", rules={0: "", 3: "controls"})


def page(folder: Path, limit: int, names: Sequence[str] = tuple(KNOWN), **more: Any) -> Path:
    """Write the report into a folder; with a limit of 0 bytes it has a folder beside it. `more`: that it shows."""
    plain = Lines(["one", "two"], [["<b>1</b>", "2"]], 1)
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    content = {
        "title": "Run <test>",
        "sections": SECTIONS,
        "answer": sections.answer(ANSWER),
        "summary": ["6 images explained by 2 explainers"],
        "run": [("Run", "test")],
        "explainers": plain,
        "kinds": "A white box reads <gradients>.",
        "meanings": ["LIME: how a linear fit weighs each segment; not what one segment <alone> would change."],
        "top": 3,
        "titles": TITLES,
        "tables": [shown("accuracy", table(), "a note")],
        "not_explained": "",
        "detector": "tiny, trained on the corpus.",
        "doubts": ["the sign may be wrong"],
        "files": [("detector/labels.txt", "what it says of each test video"), ("detector/samples.csv", "an image")],
        "tested": plain,
        "metrics": plain,
        "confusion": plain,
        "reasons": plain,
        "left_out": plain,
        "provenance": [("Commit", "abc")],
        "records": plain,
        "times": plain,
        "packages": plain,
        "config": '{"run": "test"}',
        **more,
    }
    path = folder / "report.html"
    figures = [Figure("nes", pixel, 1, 1, "wide", "A caption.", "An alternative text")]
    write(
        path,
        content,
        Gallery(FIVE.names, CATEGORIES, list(METHODS), True, 3),
        entries(names),
        6,
        lambda _: figures,
        limit,
    )
    return path
