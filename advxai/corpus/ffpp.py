"""FaceForensics++ on disk: its folders, its split files, and what of it isn't there.

The standard library alone and one listing a folder: this runs whenever the workflow is planned.
"""

import csv
import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advxai.common.categories import MANIPULATIONS, REAL
from advxai.common.errors import InputError, in_line, reading
from advxai.common.text import read_text
from advxai.config.data import SPLITS, is_metadata, split_files
from advxai.corpus.nearby import nearby

COMPRESSIONS = ("raw", "c23", "c40")
HALVES = ("original_sequences", "manipulated_sequences")  # what FF++'s root holds
PAIRED = (*MANIPULATIONS, "FaceShifter")  # videos TTT_SSS of the pairs in the split files
SPLITLESS = ("DeepFakeDetection", "actors")  # no split file names their videos: all of them are test videos
METADATA = ("c0_path", "split", "label", "manipulation")  # columns needed of the authors' metadata
REPOSITORY = "the GitHub repository ondyari/FaceForensics"
SPLIT_FILES = f"they lie in dataset/splits of {REPOSITORY}, the metadata come with the authors' code"
REQUEST = f"FaceForensics++ is given out on request, by the form in {REPOSITORY}"

Names = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Found:
    """Videos of one category.

    Attributes:
        folder: FF++ relative path of the folder that holds them.
        names: split -> names of its videos, without extension; of a category without split files those on disk.
        there: names of the videos in the folder.
    """

    folder: str
    names: dict[str, list[str]]
    there: frozenset[str]

    @property
    def listed(self) -> list[str]:
        return [name for names in self.names.values() for name in names]


def read_splits(splits: Path) -> Names:
    """Which videos belong to which split.

    Args:
        splits: folder of train.json, val.json and test.json, each a list of pairs ["000", "003"] (a pair gives the
            originals 000 and 003 and, in each manipulation, 000_003 and 003_000), or the authors' metadata (.csv).

    Returns:
        Category (Real, the detector's four, FaceShifter) -> split -> names without extension, each once.

    Raises:
        InputError: a file is missing or malformed, or names a video in two splits.
    """
    splits = Path(splits)
    names = _read_metadata(splits) if is_metadata(splits) else _read_pairs(splits)
    for category, by_split in names.items():
        split_of: dict[str, str] = {}
        for split, listed in by_split.items():
            for name in listed:
                if split_of.setdefault(name, split) != split:
                    raise InputError(
                        f"{splits} names {category} video {in_line(name)} in {split_of[name]} and in {split}: "
                        "leave it in one split."
                    )
    return names


def find(root: Path, compression: str, category: str, names: Names) -> Found:
    """Where a category's videos are, and which of them; a folder that isn't there holds none.

    Of the known places of the originals the first that holds one of them counts.
    """
    candidates = []
    for folder in places(category, compression):
        there = videos_in(Path(root) / folder)
        by_split = {"test": sorted(there)} if category in SPLITLESS else names.get(category, {})
        candidates.append(Found(folder, by_split, there))
    return next((found for found in candidates if not found.there.isdisjoint(found.listed)), candidates[0])


def lacking(
    root: Path,
    found: Found,
    category: str,
    splits: Path,
    also: Collection[str] = (),
    learnt: bool = False,
) -> str | None:
    """Key, what is missing and the remedy when a category has no video at all; None if it has one.

    Args:
        root, found, category, splits, also: as of `find` and `missing`.
        learnt: a detector is to be trained on it.
    """
    if not found.there.isdisjoint(found.listed):
        return None
    kind, compression = found.folder.removesuffix("/videos").rsplit("/", 1)
    folder = Path(root) / found.folder
    if found.there and category not in SPLITLESS:
        what = f"{folder} holds none of the {len(found.listed)} {category} videos that {splits} names"
    else:
        what = f"no {category} video is in " + " or ".join(str(Path(root) / at) for at in places(category, compression))
    others = [other for other in COMPRESSIONS if other != compression and _has(root, category, other)]
    few = ("is", "it") if len(others) == 1 else ("are", "one of them")
    hint = f" ({' and '.join(others)} {few[0]} there: set corpus.compression to {few[1]})" if others else ""
    key = "compression" if category == REAL else "also" if category in also else "categories"
    drop = "" if category == REAL else f" or take {category} out of corpus.{key}"
    drop += " and, if it is a class, out of detector.classes" if learnt and category != REAL else ""
    return f"corpus.{key}: {what}{hint}: download {kind}/{compression} with the script of {REPOSITORY}{drop}"


def missing(
    root: Path,
    compression: str,
    categories: Iterable[str],
    also: Collection[str],
    splits: Path,
    wanted: Mapping[str, Collection[str]] | None = None,
    learns: bool = False,
) -> list[str]:
    """Everything that a run needs of FF++ and isn't there: the configuration's key, what, and where to get it.

    Args:
        root: corpus.root, which holds original_sequences and manipulated_sequences.
        compression, categories, also: as in `advxai.corpus.tree.scan`.
        splits: as in `read_splits`.
        wanted: category -> splits that must have a video of it; None: any split will do.
        learns: the run's detector is to be trained.
    """
    root, splits = Path(root), Path(splits)
    lacks: list[str] = []
    names: Names | None = None
    absent = [source for source in split_files(splits) if not source.is_file()]
    astray = _astray(root)
    if astray:
        lacks.append(astray)
    elif not root.is_dir():
        lacks.append(f"corpus.root: {root} is no folder: {REQUEST}")
    if absent and (elsewhere := [] if is_metadata(splits) else nearby(splits, _has_splits)):
        lacks.append(
            f"corpus.splits: {splits} doesn't hold {', '.join(path.name for path in absent)}: the split files are in "
            f"{_either('corpus.splits', elsewhere)}"
        )
    else:
        lacks += [f"corpus.splits: {source} is not there: {SPLIT_FILES}" for source in absent]
    if not absent:
        try:
            names = read_splits(splits)
        except InputError as error:
            lacks.append(f"corpus.splits: {str(error).removesuffix('.')}")
    if root.is_dir() and not astray:
        for category in (REAL, *categories, *also):
            found = find(root, compression, category, names or {})
            if names is None and found.there:
                continue  # which videos are wanted isn't known
            own = (wanted or {}).get(category, ())
            lack = lacking(root, found, category, splits, also, learns)
            lacks += [lack] if lack else _without(root, found, category, splits, own)
    return lacks


def _astray(root: Path) -> str:
    """What to say of a root that isn't FF++'s, if FF++'s is near; else ""."""
    if _is_root(root) or not (found := nearby(root, _is_root)):
        return ""
    return f"corpus.root: {root} holds neither {' nor '.join(HALVES)}: these are in {_either('corpus.root', found)}"


def _is_root(folder: Path) -> bool:
    return any((folder / half).is_dir() for half in HALVES)


def _has_splits(folder: Path) -> bool:
    return all(path.is_file() for path in split_files(folder))


def _either(key: str, found: Sequence[Path]) -> str:
    if len(found) == 1:
        return f"{found[0]}: set {key} to it"
    return f"{', '.join(map(str, found[:-1]))} and {found[-1]}: set {key} to one of them"


def _without(root: Path, found: Found, category: str, splits: Path, wanted: Iterable[str]) -> list[str]:
    """What a category that has videos lacks in some split."""
    lacks = []
    for split in wanted if category not in SPLITLESS else ():
        listed = found.names.get(split, [])
        if not listed:
            lacks.append(f"corpus.splits: {splits} names no {category} video in the split {split}: {SPLIT_FILES}")
        elif found.there.isdisjoint(listed):
            lacks.append(
                f"corpus.root: {Path(root) / found.folder} holds none of the {len(listed)} {category} videos that "
                f"{splits} has in the split {split}: download them with the script of {REPOSITORY}"
            )
    return lacks


def places(category: str, compression: str) -> tuple[str, ...]:
    """Folders, relative to FF++'s root, that may hold a category's videos."""
    if category == REAL:  # FF++'s own place, and that of the authors' metadata
        return tuple(f"original_sequences{part}/{compression}/videos" for part in ("/youtube", ""))
    kind = "original_sequences" if category == "actors" else "manipulated_sequences"
    return (f"{kind}/{category}/{compression}/videos",)


def videos_in(folder: Path) -> frozenset[str]:
    """Names, without extension, of the .mp4 files of a folder; none if there is no such folder.

    Raises:
        InputError: the folder can't be read.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise InputError(f"{folder} can't be read ({error.strerror}): allow it, or correct corpus.root.") from error
    # hidden ones are other programs' scratch files
    return frozenset(name.removesuffix(".mp4") for name in names if name.endswith(".mp4") and name[0] != ".")


def listed_in(splits: Path, split: str) -> str:
    """The file that names a split's videos, for messages."""
    return f"{splits.name} as {split}" if is_metadata(splits) else f"{split}.json"


def _has(root: Path, category: str, compression: str) -> bool:
    return any(videos_in(Path(root) / place) for place in places(category, compression))


def _read_pairs(folder: Path) -> Names:
    names: Names = {category: {} for category in (REAL, *PAIRED)}
    for split in SPLITS:
        path = folder / f"{split}.json"
        with reading(path, "put FF++'s split file there."):
            content = json.loads(read_text(path))
        if not isinstance(content, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            for pair in content
        ):
            raise InputError(f'{path} is no list of pairs like ["000", "003"]: put FF++\'s split file there.')
        names[REAL][split] = _once(part for pair in content for part in pair)
        both = _once(name for a, b in content for name in (f"{a}_{b}", f"{b}_{a}"))
        for category in PAIRED:
            names[category][split] = both
    return names


def _read_metadata(path: Path) -> Names:
    names: Names = {category: {split: [] for split in SPLITS} for category in (REAL, *PAIRED)}
    with reading(path, "give the authors' dataset_info.csv."):
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        header: Sequence[str] = reader.fieldnames or ()
        rows = list(reader)
    lost = [column for column in METADATA if column not in header]
    if lost:
        raise InputError(f"{path} has no column {lost[0]}: give the authors' dataset_info.csv.")
    for line, row in enumerate(rows, start=2):
        category = REAL if row["label"] == "REAL" else row["manipulation"]
        split, name = row["split"], Path(row["c0_path"] or "").stem
        if row["label"] not in ("REAL", "FAKE") or split not in SPLITS or not name:
            said = in_line(f"label {row['label']}, split {split} and video {row['c0_path']}")
            raise InputError(
                f"{path}, line {line} has {said}: the label must be REAL or FAKE, the split one of {', '.join(SPLITS)}."
            )
        if category in names:
            names[category][split].append(name)
    return {category: {split: _once(listed) for split, listed in own.items()} for category, own in names.items()}


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
