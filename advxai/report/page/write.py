"""Puts the report together: one file, or a page with a folder of pictures and numbers beside it.

A browser reads no files from a page that lies on the disk, but for pictures and scripts. So what is fetched later is
either in the page itself, as text, or pictures and scripts in the folder.
"""

import base64
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import colormaps
from matplotlib.colors import to_hex

from advxai.common.files import publish, published_folder
from advxai.report.page.figures import Figure
from advxai.report.page.gallery import Entry
from advxai.report.style import HEAT_COLOURS, MASK_COLOUR, NEGATIVE, POSITIVE, SIGNED_COLOURS
from advxai.run.bar import Bar

HERE = Path(__file__).parent
FOLDER = "report"  # beside report.html
PER_PAGE = 24  # images whose numbers are fetched together


@dataclass(frozen=True)
class Gallery:
    """What the page must know of its gallery besides the images.

    Attributes:
        classes: the detector's, in the order of its probabilities.
        categories, explainers: names, in the order of the tables.
        copies: there are adversarial copies.
        top: largest k.
    """

    classes: Sequence[str]
    categories: Sequence[str]
    explainers: Sequence[str]
    copies: bool
    top: int


def script_json(content: object) -> str:
    """JSON that may stand in a script element: nothing in it ends that."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _ramp(name: str) -> str:
    stops = ", ".join(to_hex(colormaps[name](place / 8)) for place in range(9))
    return f"linear-gradient(to right, {stops})"


def style() -> str:
    """The page's style sheet, with the figures' colours."""
    colours = f":root {{ --for: {POSITIVE}; --against: {NEGATIVE}; --mask: {MASK_COLOUR}; }}\n"
    ramps = (("heat", HEAT_COLOURS), ("signed", SIGNED_COLOURS))
    bars = "".join(f".ramp.{form} {{ background: {_ramp(name)}; }}\n" for form, name in ramps)
    return (HERE / "page.css").read_text(encoding="utf-8") + colours + bars


def render(content: Mapping[str, Any], data: Mapping[str, Any], inline: Iterable[tuple[str, str]]) -> str:
    """The page.

    Args:
        content: what the template shows.
        data: the gallery's index.
        inline: (id, text) of what the script reads out of the page itself.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("template.html").render(
        **content,
        css=environment.filters["safe"](style()),
        script=environment.filters["safe"]((HERE / "page.js").read_text(encoding="utf-8")),
        data=environment.filters["safe"](script_json(data)),
        inline=[(name, environment.filters["safe"](text)) for name, text in inline],
    )


class _Written:
    """Pages of numbers and pictures in a folder, while the index grows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bytes, self.images, self.pages = folder, 0, 0, 0
        self.index: dict[str, list[Any]] = {}
        self._page: list[dict[str, Any]] = []
        (folder / "images").mkdir(parents=True, exist_ok=True)

    def add(self, entry: Entry) -> None:
        for name, value in entry.index.items():
            self.index.setdefault(name, []).append(value)
        self.picture(self.images).write_bytes(entry.strip)
        self.bytes += len(entry.strip) * 4 // 3  # as text in the page
        self.images += 1
        self._page.append(entry.detail)
        if len(self._page) == PER_PAGE:
            self.flush()

    def flush(self) -> None:
        """Write the page of numbers that has begun."""
        if self._page:
            text = f"advxaiPage({self.pages},{script_json(self._page)});\n"
            self.numbers(self.pages).write_text(text, encoding="utf-8")
            self.bytes += len(text)
            self.pages, self._page = self.pages + 1, []

    def picture(self, number: int) -> Path:
        return self.folder / "images" / f"{number:06d}.webp"

    def numbers(self, page: int) -> Path:
        return self.folder / f"page-{page:05d}.js"

    def inline(self) -> Iterator[tuple[str, str]]:
        """Everything as (id, text) for the page itself."""
        for page in range(self.pages):
            text = self.numbers(page).read_text(encoding="utf-8")
            yield f"page-{page}", text[text.index(",") + 1 : text.rindex(")")]
        for number in range(self.images):
            yield f"strip-{number}", base64.b64encode(self.picture(number).read_bytes()).decode()


def write(
    path: Path,
    content: Mapping[str, Any],
    gallery: Gallery,
    entries: Iterable[Entry],
    total: int,
    figures: Callable[[Path | None], Sequence[Figure]],
    limit: int,
) -> None:
    """Publish the report.

    Args:
        path: the page; the folder, if there is one, is `report` beside it. A former folder goes.
        content: what the template shows, but for the figures.
        gallery: see there.
        entries: the images, in the order of the gallery.
        total: how many.
        figures: folder to put pictures in, or None for addresses that hold the picture itself -> what the template
            shows.
        limit: bytes; a larger report has a folder.
    """
    folder = path.with_name(FOLDER)
    path.parent.mkdir(parents=True, exist_ok=True)
    with published_folder(folder, alone=True) as scratch:
        written = _Written(scratch)
        for entry in Bar(entries, desc="report", unit="image", total=total):
            written.add(entry)
        written.flush()
        shown = figures(None)
        alone = written.bytes + sum(len(figure.source) for figure in shown) <= limit
        data = {
            "classes": list(gallery.classes),
            "categories": list(gallery.categories),
            "explainers": list(gallery.explainers),
            "copies": gallery.copies,
            "top": gallery.top,
            "perPage": PER_PAGE,
            "folder": "" if alone else FOLDER,
            "index": written.index or {"key": []},
        }
        inline = written.inline() if alone else ()
        page = render({**content, "figures": shown if alone else figures(scratch)}, data, inline)
    if alone:
        shutil.rmtree(folder)
    publish(path, lambda file: file.write_text(page, encoding="utf-8"))
