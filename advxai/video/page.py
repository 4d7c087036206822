"""The page of the explained clips, `video/index.html`: the player of their films, and their tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from advxai.common.files import publish_text
from advxai.report.page.clips import of_run
from advxai.report.page.write import style
from advxai.run.paths import Paths

HERE = Path(__file__).parent


def page(paths: Paths, output: Path, note: str) -> None:
    """Publish it.

    Args:
        paths: of a run whose films and tables are there.
        output: the page; the films' folder lies beside it.
        note: a line under everything.
    """
    files = paths.video_page
    tables = [path for path in paths.video_tables if path.suffix == ".md"]
    clips = of_run(files["data"], tables, paths.films.relative_to(output.parent).as_posix(), whole=True)
    said = [line for line in files["summary"].read_text(encoding="utf-8").splitlines() if line.strip()]
    # a table's notes have it
    write(output, f"Run {paths.config.run}: clips", said, clips, "" if tables else note)


def write(output: Path, title: str, said: Sequence[str], clips: Mapping[str, Any], note: str) -> None:
    """Publish a page of clips.

    Args:
        output: the page.
        title: its heading.
        said: sentences under it.
        clips: of `advxai.report.page.clips.clips`.
        note: a line under everything.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    content = {"title": title, "said": said, "clips": clips, "note": note, "css": environment.filters["safe"](style())}
    publish_text(output, environment.get_template("page.html").render(**content))
