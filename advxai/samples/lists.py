"""Lists of samples: one a video with the detector's scores, or any list of images; and where their images lie. Planning
reads them, so without pandas."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from advxai.common.categories import LABELS, category_of, genuine
from advxai.common.croptree import FACE, FOLDERS, FORM, METHODS, SETS
from advxai.common.errors import InputError, in_line, reading
from advxai.common.header import COLUMNS as AUTHORS
from advxai.common.header import NAME, columns_of
from advxai.common.text import read_text

COLUMNS = ("video_name", "label", "video_prob", "high_low_prob", "example_file_name")
UNKNOWN = -1  # frame or face
LABEL = re.compile(r"(?P<path>.*?)(?:[\s,;]+(?P<label>[01](?:\.0*)?))?")
SIDE_BY_SIDE = re.compile(rf"(?P<method>{'|'.join(METHODS)})_(?P<video>.+)_(?P<file>{FACE.pattern})")


@dataclass(frozen=True)
class Sample:
    """One line of a list.

    Attributes:
        line: its number, from 1.
        path: of the image as the list names it.
        fake: what it is.
        category: as of `advxai.common.categories`; "" where the path doesn't say it.
        video: the folder's name, without extension; likewise.
        frame, face: likewise, UNKNOWN.
        within: the folder of its split, such as test_set; "" where the path doesn't say it.
        video_prob: p(fake) of its video, as the list says; NaN: it doesn't.
        high_low_prob: p(fake) of the image, likewise.
    """

    line: int
    path: str
    fake: bool
    category: str = ""
    video: str = ""
    frame: int = UNKNOWN
    face: int = UNKNOWN
    within: str = ""
    video_prob: float = math.nan
    high_low_prob: float = math.nan


@dataclass(frozen=True)
class Place:
    """What a path says of an image."""

    category: str
    video: str
    frame: int
    face: int
    within: str = ""


def read(source: Path) -> list[Sample]:
    """The samples of a list, in its order.

    Args:
        source: text in one of three forms. With the columns COLUMNS (others may follow), `video_name` a path that ends
            in method and video, `example_file_name` named <frame>_<face>.png, with or without <method>_<video>_ before
            it. Of the authors' form (`advxai.common.header.COLUMNS`). Or a path a line, with a label behind it where
            the path doesn't say what it is: 0 real, 1 fake.

    Raises:
        InputError: it can't be read, is empty, a line isn't of its form or contradicts itself, or an image comes twice;
            names the line.
    """
    with reading(source, "correct samples.list", "a list of samples"):
        text = read_text(source)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.split(",")[0].strip(' "') == COLUMNS[0]:
        samples = list(_of_videos(source, text))
    elif first.split(" ")[0].strip('"') == "relative_path":
        samples = list(_of_authors(source, text))
    else:
        samples = list(_of_paths(source, text))
    if not samples:
        raise InputError(f"{source} lists no image: give a list with at least one.")
    seen: dict[tuple[object, ...], int] = {}
    for one in samples:
        name = (one.category, one.video, one.frame, one.face) if one.video else (one.path,)
        if name in seen:
            raise InputError(
                f"{source}, line {one.line}: {in_line(one.path)} is in line {seen[name]} too: list every image once."
            )
        seen[name] = one.line
    return samples


def place_of(path: str) -> Place | None:
    """What a path says: a key of the run, `[<split>_set/]<method>/<video>/<frame>_<face>.png`, or
    `<method>_<video>_<frame>_<face>.png`; None: it is none of these."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if (key := NAME.fullmatch(path)) and (category := category_of(path)) in LABELS and len(key["frame"]) < 10:
        video = PurePosixPath(key["video"]).name.removesuffix(".mp4")
        return Place(category, video, int(key["frame"]), int(key["track"] or 0))
    if len(parts) >= 3 and parts[-3] in METHODS and (face := FACE.fullmatch(parts[-1])):
        within = parts[-4] if len(parts) > 3 and parts[-4] in SETS else ""
        video = parts[-2].removesuffix(".mp4")
        return Place(METHODS[parts[-3]], video, int(face["frame"]), int(face["face"]), within)
    if parts and (flat := SIDE_BY_SIDE.fullmatch(parts[-1])):
        return Place(METHODS[flat["method"]], flat["video"], int(flat["frame"]), int(flat["face"]))
    return None


def files_in(samples: Sequence[Sample], folder: Path, source: Path) -> list[Path]:
    """The samples' files in a folder, side by side or as a tree (`advxai.common.croptree`); none is opened.

    Args:
        samples: as of `read`.
        folder: of the images.
        source: the list's file, for messages.

    Raises:
        InputError: images aren't there; names the first and how many.
    """
    files = [next((path for path in _places(one, folder) if path.is_file()), None) for one in samples]
    if absent := [one for one, file in zip(samples, files, strict=True) if file is None]:
        raise InputError(
            f"{_lacking(absent, samples, source)} {folder}: set samples.crops to the folder that holds them, as "
            "<split>_set/<method>/<video>/<frame>_<face>.png or <method>_<video>_<frame>_<face>.png, or shorten the "
            "list."
        )
    return [file for file in files if file is not None]


def not_own(absent: Sequence[Sample], samples: Sequence[Sample], source: Path) -> str:
    """That samples aren't the run's own images.

    Args:
        absent: these of the samples, one at least.
        samples, source: as of `files_in`.
    """
    return (
        f"{_lacking(absent, samples, source)} the run's own: give a list of the run's images, or set samples.crops to "
        "the folder that holds them."
    )


def _lacking(absent: Sequence[Sample], samples: Sequence[Sample], source: Path) -> str:
    verb = "is" if len(absent) == 1 else "are"
    first = absent[0]
    return (
        f"{len(absent)} of {len(samples)} images of {source} {verb} not there, the first is {in_line(first.path)} "
        f"(line {first.line}); looked for in"
    )


def _places(one: Sample, folder: Path) -> Iterator[Path]:
    """Where an image may lie."""
    yield folder / one.path
    if not one.video:
        return
    method = FOLDERS.get(one.category, one.category)
    names = dict.fromkeys((f"{one.frame}_{one.face}.png", f"{one.frame:05d}_{one.face}.png"))
    for within in dict.fromkeys((one.within, *SETS, "")):
        yield from (folder / within / method / one.video / name for name in names)
    yield from (folder / f"{method}_{one.video}_{name}" for name in names)


def _of_videos(source: Path, text: str) -> Iterator[Sample]:
    reader = csv.reader(io.StringIO(text))
    try:
        header = [name.strip() for name in next(row for row in reader if any(row))]
        absent = [name for name in COLUMNS if name not in header]
        if absent:
            raise InputError(f"{source} has no column {absent[0]}: its header must have {','.join(COLUMNS)}.")
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _of_video(f"{source}, line {reader.line_num}", reader.line_num, header, row)
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num} is no line of a CSV file ({error}): correct it.") from error


def _of_video(where: str, line: int, header: list[str], row: list[str]) -> Sample:
    if len(row) < len(header):
        raise InputError(f"{where} has {len(row)} values: it needs {len(header)}, one a column.")
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
    folder = PurePosixPath(cells["video_name"].replace("\\", "/"))
    if len(folder.parts) < 2 or folder.parts[-2] not in METHODS:
        raise InputError(
            f"{where}: {in_line(cells['video_name'])} doesn't end in a method and a video: the methods are "
            f"{', '.join(METHODS)}."
        )
    method, video = folder.parts[-2:]
    name = cells["example_file_name"].removeprefix(f"{method}_{video.removesuffix('.mp4')}_")
    if not FACE.fullmatch(name):
        raise InputError(
            f"{where}: {in_line(cells['example_file_name'])} isn't named {FORM}, with or without {method}_{video}_ "
            "before it: correct it."
        )
    path = str(folder / name)
    video_prob, high_low = (_probability(where, key, cells[key]) for key in ("video_prob", "high_low_prob"))
    return replace(_sample(where, line, path, cells["label"]), video_prob=video_prob, high_low_prob=high_low)


def _of_authors(source: Path, text: str) -> Iterator[Sample]:
    columns = columns_of(source)
    reader = csv.reader(io.StringIO(text), delimiter=" ")
    try:
        next(row for row in reader if any(row))
        for row in reader:
            if not any(row):
                continue
            where = f"{source}, line {reader.line_num}"
            if len(row) != len(columns):
                raise InputError(f"{where} has {len(row)} values: it needs {' '.join(columns)}.")
            key, label, kind = row[: len(AUTHORS)]
            if not NAME.fullmatch(key) or str(LABELS.get(category_of(key))) != kind.removesuffix(".0"):
                raise InputError(
                    f"{where}: {in_line(' '.join(row))} is not an FF++ crop with its labels: mc_label is "
                    f"{', '.join(f'{number} {name}' for name, number in LABELS.items())}."
                )
            yield _sample(where, reader.line_num, key, label)
    except csv.Error as error:
        raise InputError(
            f"{source}, line {reader.line_num} is no line of such a list ({error}): correct it."
        ) from error


def _of_paths(source: Path, text: str) -> Iterator[Sample]:
    for line, content in enumerate(text.splitlines(), start=1):
        if content.strip():
            match = LABEL.fullmatch(content.strip())
            assert match is not None  # of any line
            yield _sample(f"{source}, line {line}", line, match["path"], match["label"] or "")


def _sample(where: str, line: int, path: str, label: str) -> Sample:
    place = place_of(path)
    said = None
    if label:
        said = _probability(where, "label", label)
        if said not in (0, 1):
            raise InputError(f"{where}: the label {in_line(label)} must be 0 for real or 1 for fake: correct it.")
    if place is None:
        if said is None:
            raise InputError(
                f"{where}: {in_line(path)} doesn't say whether it is real or fake: write 0 (real) or 1 (fake) behind "
                "it, or name it <method>/<video>/<frame>_<face>.png."
            )
        return Sample(line, path, said == 1)
    fake = not genuine(place.category)
    if said is not None and (said == 1) != fake:
        raise InputError(
            f"{where}: the label {in_line(label)} contradicts {in_line(path)}, which is {'fake' if fake else 'real'}: "
            "correct one of them."
        )
    return Sample(line, path, fake, place.category, place.video, place.frame, place.face, place.within)


def _probability(where: str, column: str, text: str) -> float:
    """A number in [0, 1]; NaN of an empty cell, but for the label's."""
    try:
        value = float(text) if text or column == "label" else math.nan
    except ValueError:
        value = math.inf
    if not (math.isnan(value) and not text) and not 0 <= value <= 1:
        raise InputError(
            f"{where}: {column} {in_line(text) or 'is empty and'} must be a number from 0 to 1: correct it."
        )
    return value
