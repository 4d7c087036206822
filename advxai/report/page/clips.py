"""The clips of a page: a player of their films, in step, and their tables.

A browser reads no files from a page that lies on the disk, but for pictures, films and scripts: so what the player
knows is in the page, and the films are in a folder beside it. Without scripts contact sheets and films are shown
plainly.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from advxai.common.jsonfile import read_object
from advxai.report.page.tables import Cell, number_in
from advxai.report.page.write import script_json
from advxai.tables.write import RULE

HERE = Path(__file__).parent
ANEW = "delete it and run again"
TITLES = {
    "video": "Clips: what is measured over time",
    "video_restoration": "Clips: restoration",
    "video_attacks": "Clips: attacks on segments",
}
GROUPS = (
    (True, "fake", "Fakes called fake"),
    (True, "real", "Fakes called real"),
    (False, "", "Real ones"),
    (None, "", "Not known whether real"),
)


@dataclass(frozen=True)
class Read:
    """A table as its Markdown file shows it.

    Attributes:
        name: of its files.
        title, caption: in words.
        columns: headings.
        lines: cells; a line of one cell says what those below it are.
        notes: under it.
    """

    name: str
    title: str
    caption: str
    columns: Sequence[str]
    lines: Sequence[Sequence[Cell]]
    notes: Sequence[str]


def read(path: Path) -> Read:
    """A table of `advxai.tables.write.markdown`.

    Args:
        path: the .md file.
    """
    text = path.read_text(encoding="utf-8").splitlines()
    inner = [line for line in text if line.startswith("|")]
    first = text.index(inner[0])
    lines = []
    for line in inner[2:]:
        texts = _cells(line)
        if set(texts) == {RULE}:
            continue
        ruled = re.fullmatch(r"\*([^*]+)\*", texts[0])
        if ruled and not any(texts[1:]):
            lines.append([Cell(ruled[1], ruled[1])])
        else:
            lines.append([_cell(one) for one in texts])
    notes = [line for line in text[first + len(inner) :] if line and not line.startswith("Best in bold")]
    caption = " ".join(line for line in text[:first] if line)
    return Read(path.stem, TITLES.get(path.stem, path.stem), caption, _cells(inner[0]), lines, notes)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _cell(text: str) -> Cell:
    for mark, pattern in (("best", r"\*\*(.*)\*\*"), ("second", r"<u>(.*)</u>")):
        if found := re.fullmatch(pattern, text):
            return Cell(found[1], number_in(found[1]), mark)
    return Cell(text, number_in(text))


def clips(
    content: Mapping[str, Any], folder: str, tables: Sequence[Read] = (), *, whole: bool = False
) -> dict[str, Any]:
    """What a template shows as `clips`: `html`, `css` and `script`, which needs nothing else.

    Args:
        content: of `clips.json` (`advxai.video.films.Films`).
        folder: of the films, from the page: `films`, or `video/films`.
        tables: that are shown below the player.
        whole: they are all that the page has.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    safe = environment.filters["safe"]
    known = {
        **content,
        "folder": folder,
        "clips": [_shown(one, folder) for one in content["clips"]],
    }
    html = environment.get_template("clips.html").render(
        groups=_groups(known["clips"]),
        known=known,
        folder=folder,
        tables=tables,
        level=2 if whole else 3,
        data=safe(script_json(known)),
    )
    return {
        "html": safe(html),
        "css": safe((HERE / "clips.css").read_text(encoding="utf-8")),
        "script": safe((HERE / "clips.js").read_text(encoding="utf-8")),
    }


def of_run(data: Path, tables: Sequence[Path], folder: str, *, whole: bool = False) -> dict[str, Any]:
    """As `clips`, of a run's files.

    Args:
        data: clips.json.
        tables: Markdown files.
        folder, whole: as of `clips`.
    """
    return clips(read_object(data, ANEW), folder, _once([read(path) for path in tables]), whole=whole)


def _once(tables: Sequence[Read]) -> list[Read]:
    """The tables with each note once, under the last one that has it."""
    shown: list[Read] = []
    for number, table in enumerate(tables):
        later = {note for other in tables[number + 1 :] for note in other.notes}
        shown.append(replace(table, notes=[note for note in table.notes if note not in later]))
    return shown


def _shown(clip: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The clip with its films' addresses, from the page; `said`, what it is and what it is called; `text`, what one
    chooses it by."""

    def at(file: str | None) -> str | None:
        return None if file is None else quote(f"{folder}/{file}")

    rows = {name: {**row, "film": at(row["film"])} for name, row in clip["rows"].items()}
    called, named = f"called {clip['called']}", clip["named"]
    if named:
        called += f" ({named['class']} {named['p']:.2f})"
    true = {True: " (fake)", False: " (real)", None: ""}[clip["fake"]]
    words = {"said": f"{clip['name']}{true}: {called}", "text": f"{clip['name']}: {called}, p(fake) {clip['p']:.2f}"}
    return {**clip, **words, "clip": at(clip["clip"]), "sheet": at(clip["sheet"]), "rows": rows}


def _groups(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[tuple[int, str]]]]:
    """(title, (number, what one chooses by)) of the clips of each group that there is."""
    groups = []
    for fake, called, title in GROUPS:
        mine = [
            (number, clip["text"])
            for number, clip in enumerate(found)
            if clip["fake"] is fake and called in ("", clip["called"])
        ]
        if mine:
            groups.append((title, mine))
    return groups
