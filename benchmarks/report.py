"""How large a report becomes and how it behaves, by the number of images.

    python benchmarks/report.py                       # 5,070 images, 11 explainers: FF++ in the paper; some minutes
    python benchmarks/report.py --images 500 --keep out/

Every image is random: a smooth picture, 50 segments, maps in all three forms, attack outcomes. What is timed is drawing
and writing all of it (not reading a run's shards), and then, in headless Chromium at 1280 pixels, opening the page,
changing filters, and opening images all over the gallery.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from selenium.webdriver import Chrome

sys.path.insert(0, str(Path(__file__).parents[1]))

from advxai.common.classes import FIVE
from advxai.report.page.gallery import Entry, Image, entry
from advxai.report.page.make import SECTIONS, TITLES
from advxai.report.page.sections import Lines
from advxai.report.page.write import Gallery, write
from advxai.run.environment import processor
from tests.browser import chromium

CATEGORIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
SEGMENTS = 50


def smooth(rng: np.random.Generator, size: tuple[int, ...], width: float) -> np.ndarray:
    """Random, blurred, from 0 to 1."""
    values = gaussian_filter(rng.random(size), (width, width, *[0] * (len(size) - 2)))
    return (values - values.min()) / (values.max() - values.min())


def synthetic(number: int, methods: dict[str, str], size: int) -> Image:
    """An image of the number's own random draws."""
    rng = np.random.default_rng(number)
    places = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    segments = cKDTree(rng.random((SEGMENTS, 2)) * size).query(places)[1].reshape(size, size).astype(np.int16)
    picture = smooth(rng, (size, size, 3), 3)
    before = rng.dirichlet(np.ones(len(FIVE.names))).astype(np.float32)
    saliency, rows = {}, {}
    for name, method in methods.items():
        scores = rng.normal(size=SEGMENTS).astype(np.float32)
        signed = method in ("lime", "shap")
        values = scores[segments] if signed else smooth(rng, (size, size), 8).astype(np.float32)
        saliency[name] = {
            "map": values,
            "segments": segments,
            "scores": scores,
            "ranking": np.argsort(-scores).astype(np.int16),
            "zero": 0.0 if signed else float("nan"),
            "before": before,
        }
        p = float(before.max())
        rows[name] = [
            {"k": k, "included": True, "reason": "", "flipped": bool(rng.random() < 0.1 * k), "p_before": p,
             "p_after": p * rng.random(), "predicted_after": int(rng.integers(5)), "iterations": int(rng.integers(50))}
            for k in (1, 2, 3)
        ]  # fmt: skip
    attack = {"after": before[::-1], "success": bool(rng.random() < 0.7), "iterations": 9, "queries": 900}
    category = CATEGORIES[number % len(CATEGORIES)]
    key = f"manipulated_sequences/{category}/c23/videos/{number:05d}_000.mp4/00023_0.png"
    face = {"key": key, "category": category, "label": FIVE.label(category)}
    noise = rng.choice([-1, 1], (size, size, 1)) * 12 / 255
    mask = smooth(rng, (size, size), 20) > 0.6
    return Image(face, picture, mask, (attack, picture + noise), saliency, rows)


def build(path: Path, images: int, explainers: int, size: int) -> float:
    """Write the report; seconds without those that the random images themselves took."""
    kinds = ("lime", "lime", "lime", "lime", "shap", "shap", "sobol", "sobol", "sobol", "rise", "rise")
    methods = {f"E{number}": kinds[number % len(kinds)] for number in range(explainers)}
    lost = 0.0

    def entries() -> Iterator[Entry]:
        nonlocal lost
        for number in range(images):
            start = time.perf_counter()
            image = synthetic(number, methods, size)
            lost += time.perf_counter() - start
            yield entry(image, methods, CATEGORIES, FIVE, 3, 160)

    plain = Lines(["synthetic"], [["yes"]], 1)
    tables = ("explainers", "metrics", "confusion", "reasons", "left_out", "records", "times", "packages")
    content = {
        "title": "Synthetic", "sections": SECTIONS, "summary": [], "run": [], "top": 3, "titles": TITLES, "tables": [],
        "not_explained": "", "detector": "none", "provenance": [], "config": "", **dict.fromkeys(tables, plain),
    }  # fmt: skip
    start = time.perf_counter()
    gallery = Gallery(FIVE.names, CATEGORIES, list(methods), True, 3)
    write(path, content, gallery, entries(), images, lambda _: [], 15_000_000)
    return time.perf_counter() - start - lost


WAIT = """
const done = arguments[arguments.length - 1], start = performance.now(), wanted = arguments[0];
const ended = () => done(document.body.offsetHeight && performance.now() - start); // with the layout
"""
FILTER = (
    WAIT
    + """
const select = document.querySelector("[name=" + wanted[0] + "]");
select.value = wanted[1];
select.dispatchEvent(new Event("change", { bubbles: true }));
ended();
"""
)
OPEN = (
    WAIT
    + """
document.getElementById("viewer-body").replaceChildren();
const cards = document.querySelectorAll("#cards button");
cards[wanted % cards.length].click();
const look = () => document.querySelector("#viewer-body .view") ? ended() : setTimeout(look, 1);
look();
"""
)


def browse(browser: Chrome, page: Path) -> dict[str, float]:
    """Milliseconds until the page can be used, of a changed filter, and of an opened image; MB of the script's heap."""
    browser.get(page.as_uri())
    timing = "const [one] = performance.getEntriesByType('navigation'); return one.loadEventEnd"
    loaded = float(browser.execute_script(timing))
    wanted = [
        ("outcome", "flipped"),
        ("explainer", "3"),
        ("category", "2"),
        ("order", "sure"),
        ("outcome", ""),
        ("category", ""),
    ]
    filters = [browser.execute_async_script(FILTER, list(one)) for one in wanted]
    opened = []
    for number in range(20):
        browser.execute_script("for (let i = 0; i < 3; i++) document.getElementById('after').click()")
        opened.append(browser.execute_async_script(OPEN, number))
        browser.execute_script("document.getElementById('viewer').close()")
    heap = browser.execute_script("return performance.memory.usedJSHeapSize") / 1e6
    return {
        "load_ms": loaded,
        "filter_ms": max(filters),
        "open_ms": statistics.median(opened),
        "open_worst_ms": max(opened),
        "heap_mb": heap,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5070)
    parser.add_argument("--explainers", type=int, default=11)
    parser.add_argument("--size", type=int, default=224, help="of the detector's input, in pixels")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the report is left to look at")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        page = (arguments.keep or Path(scratch)).resolve() / "report.html"
        seconds = build(page, arguments.images, arguments.explainers, arguments.size)
        beside = sum(path.stat().st_size for path in (page.parent / "report").rglob("*") if path.is_file())
        alone = page.stat().st_size
        with chromium(Path(scratch, "profile"), 1280) as browser:
            found = browse(browser, page)
    print(f"{date.today()}, {processor()}: {arguments.images:,} images, {arguments.explainers} explainers")
    print(f"made in {seconds:.0f} s; report.html {alone / 1e6:.1f} MB, folder {beside / 1e6:.0f} MB")
    print(
        f"Chromium: usable after {found['load_ms']:.0f} ms; a filter at most {found['filter_ms']:.0f} ms, an image "
        f"{found['open_ms']:.0f} ms (worst of 20: {found['open_worst_ms']:.0f}); {found['heap_mb']:.0f} MB of heap"
    )


if __name__ == "__main__":
    main()
