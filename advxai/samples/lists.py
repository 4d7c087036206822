"""Lists of samples: one a video with the detector's scores, or any list of images; and where their images lie. Planning
reads them, so without pandas."""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from advxai.common.categories import LABELS, category_of, genuine
from advxai.common.croptree import FACE, FORM, METHODS, SETS, SIDE_BY_SIDE
from advxai.common.errors import InputError, in_line, reading
from advxai.common.header import COLUMNS as AUTHORS
from advxai.common.header import NAME, columns_of
from advxai.common.text import read_text

COLUMNS = ("video_name", "label", "video_prob", "high_low_prob", "example_file_name")
UNKNOWN = -1  # frame or face
SEPARATORS = (",", ";", "\t", " ")
NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?"
DECIMAL = re.compile(r"\s*([0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?)\s*")
LABEL = re.compile(rf'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<path>.*?))(?:[\s,;]+(?P<mark>"?)(?P<label>{NUMBER})(?P=mark))?')


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
        source: text in one of three forms. With the columns COLUMNS (others may stand among them; in any order, in
            capitals, with semicolons, tabs or blanks between them), `video_name` a path that ends in method and video,
            `example_file_name` named <frame>_<face>.png, with or without <method>_<video>_ before it. Of the authors'
            form (`advxai.common.header.COLUMNS`). Or a path a line, in quotes or not, with a label behind it where
            the path doesn't say what it is: 0 real, 1 fake.

    Raises:
        InputError: it can't be read, is empty, its header lacks a column or has one twice, a line isn't of its form or
            contradicts itself, or an image comes twice; names the line.
    """
    with reading(source, "correct samples.list", "a list of samples"):
        given = read_text(source)
    text = io.StringIO(given, newline=None).read()  # line ends of old Macs and of Windows
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    separator, header = _header(first)
    if "relative_path" in header and "\r" in given.replace("\r\n", ""):
        raise InputError(f"{source} has the line ends of old Macs: save it with those of Unix.")
    if "relative_path" in header:
        samples = list(_of_authors(source, text))
    elif COLUMNS[0] in header or len({*header} & {*COLUMNS}) > 1:
        samples = list(_of_videos(source, text, separator))
    elif "label" in header and place_of(first) is None and not first[-1].isdigit():
        raise InputError(
            f"{source} has the header {in_line(','.join(header))}: it must have {','.join(COLUMNS)}; a list of images, "
            "each with its label behind it, has none."
        )
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
        return Place(METHODS[flat["method"]], flat["video"].removesuffix(".mp4"), int(flat["frame"]), int(flat["face"]))
    return None


def _header(line: str) -> tuple[str, list[str]]:
    """What is between a table's columns, and their names in small letters; of a list of paths, whatever is there."""
    try:
        found = [(separator, _names(next(csv.reader([line], delimiter=separator), []))) for separator in SEPARATORS]
    except csv.Error:  # of a line as long as no header
        return SEPARATORS[0], []
    return max(found, key=lambda one: len({*one[1]} & {*COLUMNS, "relative_path"}))


def _names(row: list[str]) -> list[str]:
    return [name.strip().lower() for name in row]


def _of_videos(source: Path, text: str, separator: str) -> Iterator[Sample]:
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        header = _names(next(row for row in reader if any(cell.strip() for cell in row)))
        for name in COLUMNS:
            if (number := header.count(name)) != 1:
                said = "has no column" if number == 0 else f"has {number} columns"
                raise InputError(f"{source} {said} {name}: its header must have {','.join(COLUMNS)}, each once.")
        for row in reader:
            if any(cell.strip() for cell in row):
                if separator == ";":  # of countries where a comma is the decimal point
                    row = [DECIMAL.sub(r"\1.\2", cell) if DECIMAL.fullmatch(cell) else cell for cell in row]
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
    name = cells["example_file_name"]
    for folder_name in (video.removesuffix(".mp4"), f"{video.removesuffix('.mp4')}.mp4"):
        name = name.removeprefix(f"{method}_{folder_name}_")
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
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            match = LABEL.fullmatch(content.strip())
            assert match is not None  # of any line
            path = match["path"] if match["quoted"] is None else match["quoted"].replace('""', '"')
            yield _sample(f"{source}, line {line}", line, path, match["label"] or "")


def _sample(where: str, line: int, path: str, label: str) -> Sample:
    place = place_of(path)
    said = None
    if label:
        said = {0.0: 0, 1.0: 1}.get(_number(label))
        if said is None:
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
    """A number in [0, 1]; NaN of an empty cell."""
    if not text:
        return math.nan
    value = _number(text)
    if not 0 <= value <= 1:
        raise InputError(f"{where}: {column} {in_line(text)} must be a number from 0 to 1: correct it.")
    return value


def _number(text: str) -> float:
    """NaN of what is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
