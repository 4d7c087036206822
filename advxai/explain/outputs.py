"""The files that an explanation is written to: pictures, arrays and JSON."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.errors import InputError
from advxai.common.files import publish, scratch_prefix
from advxai.config import Config
from advxai.explain import document
from advxai.explain.clip import Explained as Clip
from advxai.explain.clip import files_of as clip_files
from advxai.explain.earlier import ELSEWHERE, SCHEMA, Earlier
from advxai.explain.explained import Explained
from advxai.explain.figures import Look, face_figure
from advxai.explain.found import found_figure
from advxai.explain.notes import grouped, of_face, without
from advxai.explain.sheets import contact_sheet
from advxai.explain.source import Face, Source
from advxai.report.save import save

FIGURE = (".png", ".pdf")


@dataclass(frozen=True)
class Context:
    """What all outputs of one run of `explain` have in common.

    Attributes:
        config: what the faces were explained with.
        names: the explainers.
        look: of the figures.
        said: what the JSON says of the detector, the settings and the machine.
        remarks: on rows, in words: of all faces.
    """

    config: Config
    names: Sequence[str]
    look: Look
    said: Mapping[str, Any]
    remarks: Sequence[str] = field(default_factory=tuple)

    def notes(self, one: Explained) -> list[str]:
        """Notes on one crop."""
        return of_face(one, self.config, self.names)


def files_of(source: Source, films: Sequence[str] | None = None) -> list[str]:
    """Names of the files that a source is written to, within the folder of outputs; the JSON comes last.

    Args:
        source: what is explained.
        films: the rows that explain a clip of it as one; None: no clip is.
    """
    stem = source.request.stem
    figures = [f"{stem}_faces"] if source.searched else []
    figures += [_figure(stem, number) for number in source.numbers]
    if source.kind == "video":
        figures += [_frame(stem, face) for face in source.faces]
    shown = [f"{name}{suffix}" for name in figures for suffix in FIGURE]
    shown += [] if films is None else clip_files(stem, films)
    return [*shown, f"{stem}.npz", f"{stem}.json"]


def _figure(stem: str, number: int) -> str:
    return f"{stem}_{number}"


def _frame(stem: str, face: Face) -> str:
    return f"{_figure(stem, face.number)}/frame_{face.frame:05d}"


def check(source: Source, out: Path, films: Sequence[str] | None = None) -> None:
    """Look whether the files may be written: what is there must be of an earlier explanation of the same.

    Args:
        source: what is explained.
        out: the folder.
        films: as of `files_of`.

    Raises:
        InputError: another file is in the way.
    """
    former = Earlier.read(out, source.request.stem)
    former.require_same(source.request, source.sha256)
    for name in files_of(source, films):
        folder = (out / name).parent
        if os.path.lexists(folder) and not folder.is_dir():
            raise InputError(f"{folder} is there and isn't a folder, which {name} needs: {ELSEWHERE}")
        if not former.owns(name):
            raise InputError(f"{out / name} is there and isn't of an earlier explanation: {ELSEWHERE}")


def write(
    source: Source, found: Mapping[str, Explained], context: Context, out: Path, clip: Clip | None = None
) -> list[str]:
    """Write the files of one source, in place of those of an earlier explanation; all of them or none.

    Args:
        source: what was explained.
        found: key -> what was computed.
        context: see `Context`.
        out: the folder.
        clip: of a video that was explained as one, too.

    Returns:
        The files' names.
    """
    out.mkdir(parents=True, exist_ok=True)
    former, names = Earlier.read(out, source.request.stem), files_of(source, None if clip is None else clip.films())
    with tempfile.TemporaryDirectory(prefix=scratch_prefix(source.request.stem), dir=out) as scratch:
        _make(Path(scratch), source, found, context, names, clip)
        gone = [name for name in former.owned if name not in names]
        former.remember(document.input_of(source), {name: Path(scratch, name) for name in names})
        for name in names:
            (out / name).parent.mkdir(exist_ok=True)
            Path(scratch, name).replace(out / name)
    for name in gone:
        path = out / name
        path.unlink(missing_ok=True)
        if path.parent != out and path.parent.exists() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return names


def _make(
    folder: Path,
    source: Source,
    found: Mapping[str, Explained],
    context: Context,
    names: Sequence[str],
    clip: Clip | None,
) -> None:
    """The files, in an empty folder."""
    stem, look = source.request.stem, context.look
    if source.searched:
        save(found_figure(source, found, look), folder / f"{stem}_faces.png")
    arrays: dict[str, NDArray[Any]] = {}
    faces = []
    for number in source.numbers:
        mine = [found[face.key] for face in source.faces if face.number == number]
        for one in mine:
            arrays |= document.arrays_of(one)
        _draw(folder, source, mine, context)
        images = [document.image_of(one, context.config, context.notes(one), look.channels) for one in mine]
        without = {"frames_without": _without(source, mine)} if source.kind == "video" else {}
        faces.append({"number": number, **without, "images": images})
    clips = {}
    if clip is not None:
        clips["clip"] = clip.make(folder, stem, source.name)
        for row in clip.films():
            arrays |= {f"clip/{row}/{what}": clip.maps[row][what] for what in ("map", "segments")}
    # an array of whatever name; the stubs think of the argument allow_pickle
    publish(folder / f"{stem}.npz", lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
    content = {
        "schema": SCHEMA,
        "version": document.VERSION,
        "input": document.input_of(source),
        **context.said,
        "faces": faces,
        **clips,
        "notes": [*source.notes, *context.remarks],
        "files": list(names),
    }
    publish(folder / f"{stem}.json", lambda file: file.write_text(document.text(content), encoding="utf-8"))


def _without(source: Source, mine: Sequence[Explained]) -> list[int | None]:
    """Frames that a face isn't found in."""
    shown = {one.face.frame for one in mine}
    return [looked.frame for looked in source.looked if looked.frame not in shown]


def _draw(folder: Path, source: Source, mine: Sequence[Explained], context: Context) -> None:
    """The figures of one face."""
    stem, look, number = source.request.stem, context.look, mine[0].face.number
    path = folder / f"{_figure(stem, number)}.png"
    title = source.name
    if source.kind != "crop":
        title += f", face {number}" + (f" of {len(source.numbers)}" if len(source.numbers) > 1 else "")
    if source.kind != "video":
        (one,) = mine
        save(face_figure(one, title, [*source.notes, *context.notes(one), *context.remarks], look), path)
        return
    said = [*source.notes, *grouped({one.face.frame: context.notes(one) for one in mine})]
    if absent := _without(source, mine):
        said.append(without(absent))
    said += context.remarks
    save(contact_sheet(mine, title, said, look), path)
    for one in mine:
        heading = f"{title}, frame {one.face.frame} at {one.face.seconds:.2f} s"
        figure = face_figure(one, heading, [*source.notes, *context.notes(one), *context.remarks], look)
        save(figure, folder / f"{_frame(stem, one.face)}.png")
