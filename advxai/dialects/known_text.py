"""Known detectors as text: all of them as a table, one as a page."""

from collections.abc import Iterator
from pathlib import Path

from advxai.dialects.known import KNOWN, PREFIX, Known

COLUMNS = ("name", "network", "trained on", "terms", "reported", "where")
LONGEST = 60  # signs of a cell


def table() -> str:
    """All of them as a Markdown table, a line each; what is longer than a cell stands on its page."""
    rows = [_cells(one) for one in KNOWN.values()]
    widths = [max(len(row[place]) for row in [COLUMNS, *rows]) for place in range(len(COLUMNS))]
    lines = [COLUMNS, tuple("-" * width for width in widths), *rows]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join(
        [
            *shown,
            "",
            "(!) can't be run here. `python -m advxai detectors NAME` says all of one, with --fetch it is fetched; "
            f"then detector.checkpoint: {PREFIX}NAME, or explain --detector {PREFIX}NAME.",
        ]
    )


def _cells(one: Known) -> tuple[str, ...]:
    cells = (one.name + (" (!)" if one.refused else ""), one.network, one.data, one.terms, one.reported, one.where)
    return tuple(text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..." for text in cells)


def page(one: Known, results: str | Path) -> str:
    """All that is known of one, a line each."""
    return "\n".join(f"{name + ':':<12} {text}" for name, text in _said(one, results) if text)


def _said(one: Known, results: str | Path) -> Iterator[tuple[str, str]]:
    yield "name", one.name
    yield "network", one.network
    yield "input", "" if one.size is None else f"{one.size} px"
    yield "trained on", one.data or "not documented"
    yield "terms", one.terms or "not documented"
    yield "reported", one.reported or "no figures"
    yield "read as", one.dialect
    yield "where", one.where
    for file in one.files:
        yield "file", file.name
        yield "  address", file.url or "no direct one is documented"
        yield "  SHA-256", file.sha256 or "not documented"
        yield "  size", "" if file.size is None else f"{file.size:,} bytes"
    for note in one.notes:
        yield "note", note
    if one.refused:
        yield "refused", one.refused
        return
    there = one.path(results)
    missing = [file.name for file in one.files if not (one.folder_in(results) / file.name).is_file()]
    yield "here", f"{there} isn't there: {one.how_to_get(results)}" if missing else str(there)
    yield "use", f"detector.checkpoint: {PREFIX}{one.name}, or explain --detector {PREFIX}{one.name}"
