"""What lies in the store and no configuration refers to: found, and deleted when that is asked for.

Nothing else in the project deletes finished work. Whatever isn't recognised as the workflow's own stays, and so does
what a run that isn't finished may still take over.
"""

import logging
import os
import re
import shutil
import stat
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.config import Config, load
from advxai.config.file import read
from advxai.corpus.blocks import REPORT
from advxai.frames.manifest import build
from advxai.frames.sampling import sample_evaluation
from advxai.run.folders import STAGES
from advxai.run.paths import Paths
from advxai.run.store.belong import weights_in
from advxai.run.store.shard import read_shard

log = logging.getLogger(__name__)
Image = tuple[str, str]  # key and hash
Name = tuple[str, str]  # stage and digest

DIGEST = re.compile(r".+-[0-9a-f]{12}")  # ends in a digest, or in a video's hash
FACE_MODEL = re.compile(r"retinaface-[0-9a-f]{12}\.onnx")
RECORDS = (".h5", ".parquet", ".journal")
FIGURES = (".png", ".pdf")
LEFTOVER = 24 * 3600.0  # seconds without a change after which no job is at it any more
UNREADABLE = (InputError, KeyError)  # missing, damaged, or of another version of this project
TAKEN_OVER = "the configurations' own files hold what they need of it"
OTHER_WEIGHTS = "of other weights than the detector has now; should those come back, it would be computed anew"
UNREFERENCED = "no configuration here refers to it"


@dataclass(frozen=True)
class Entry:
    """A file or folder that may go.

    Attributes:
        path: where it is.
        why: why it may go, in words.
        bytes: size of its files together.
        files: how many they are.
    """

    path: Path
    why: str
    bytes: int
    files: int


def configurations(own: Config, files: Iterable[str]) -> list[Paths]:
    """Paths of the run's own configuration and of further ones.

    Args:
        own: the run's configuration.
        files: further configuration files.

    Raises:
        InputError: a file can't be read, is no valid configuration, has another `results:`, or names a file that isn't
            there, without which its digests can't be known. The message names it.
    """
    found = [Paths(own)]
    for file in files:
        content = read(Path(file), "prune.configurations")
        try:
            config = load(content)
            if Path(config.results).resolve() != Path(own.results).resolve():
                raise InputError(
                    f"`results: {config.results}` isn't the run's, {own.results}, so it refers to nothing there; take "
                    "it out of prune.configurations"
                )
            found.append(Paths(config.model_copy(update={"results": own.results})))
            _Run(found[-1])  # all of its digests can be known
        except InputError as error:
            raise InputError(f"{file}: {error}") from None
    return found


class _Run:
    """What a configuration refers to, and what its run has made of what it asks for."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.digests = {_name(folder.path) for folder in paths.folders}
        self.singles = {paths.face_model, *map(Path, paths.media)}  # files without a digest's folder

    @property
    def lists(self) -> list[Path]:
        """The run's lists of crops, and of what gave none."""
        return [file for path in self.paths.crops for file in (path, path.with_suffix(".left_out.parquet"))]

    @cached_property
    def videos(self) -> set[str]:
        """The run's videos; none while they aren't listed, or not as the configuration now wants them."""
        paths = self.paths
        if not all((clip.path / REPORT).is_file() for clip in paths.clips):
            return set()
        try:
            videos = parquet.read(paths.run / "corpus/videos.parquet")[["video", "category"]]
        except UNREADABLE:
            return set()
        return set(videos["video"]) if set(paths.config.corpus.categories) <= set(videos["category"]) else set()

    @cached_property
    def faces(self) -> pd.DataFrame | None:
        """The run's face images; None while not all lists are there."""
        if not self.videos or not all(map(Path.is_file, self.lists)):
            return None
        try:
            faces = build(map(parquet.read, self.paths.crops), {})
            return faces[["key", "sha256", "video", "category", "split", "file"]]
        except UNREADABLE:
            return None

    @cached_property
    def images(self) -> dict[str, set[Image]]:
        """The images that the configuration asks for, by shard, and under "" the detector's test images; nothing while
        that can't be known."""
        frames = self.paths.config.frames
        # Of the user's own list, or of what the detector says, nothing is known here: more is kept then.
        if self.faces is None or frames.manifest is not None or frames.explain != "all":
            return {}
        found = {shard: set() for shard in self.paths.shards}
        for video, rows in sample_evaluation(self.faces, self.paths.config.frames.per_video).groupby("video"):
            found[self.paths.shard_of_key(f"{video}/")] |= _identities(rows)
        return found | {"": _identities(self.faces[self.faces["split"] == "test"])}

    @cached_property
    def weights(self) -> str | None:
        return self.paths.present_weights

    def files(self, name: Name) -> list[tuple[Path, Path, str]]:
        """Each file that the configuration names under a digest, the one that says of which images it is (an
        evaluation's rows are written after its attacks), and its shard."""
        paths = self.paths
        found = [(paths.predicted, paths.predicted, "")]
        if paths.any_adversary:
            found += zip(paths.copies, paths.copies, paths.shards, strict=True)
        for explainer in paths.config.explainers:
            maps, rows = paths.maps_of(explainer), paths.rows_of(explainer)
            for files, images in ((maps, maps), (rows, rows), (paths.attacks_of(explainer), rows)):
                found += zip(files, images, paths.shards, strict=True)
        return [item for item in found if _name(item[0].parents[1]) == name]

    def has(self, file: Path, images: Path, shard: str) -> bool:
        """Whether a file is there, whole, and of every image that the configuration asks for, by its detector."""
        if not self.images or self.weights is None:
            return False
        try:
            held = [self._images_in(path) for path in dict.fromkeys((file, images))]
        except UNREADABLE:
            return False
        return held[-1] >= self.images[shard]

    def _images_in(self, path: Path) -> set[Image]:
        """Images that a file has a record of by the run's detector; raises UNREADABLE."""
        if path.suffix == ".parquet":
            rows = parquet.read(path)
            return _identities(rows[rows["weights"] == self.weights])
        records = read_shard(path, ("key", "sha256", "weights"))
        return {(record["key"], record["sha256"]) for record in records if record["weights"] == self.weights}


def _name(folder: Path) -> Name:
    """Stage and digest of a folder: what stands before the digest says nothing of its numbers."""
    return folder.parent.name, folder.name.rpartition("-")[2]


def _identities(rows: pd.DataFrame) -> set[Image]:
    return set(zip(rows["key"], rows["sha256"], strict=True))


def unused(configurations: Sequence[Paths]) -> list[Entry]:
    """What no configuration refers to, largest first.

    Args:
        configurations: all whose files are to stay, of one `results` folder.
    """
    (store,) = {paths.store for paths in configurations}
    runs = [_Run(paths) for paths in configurations]
    digests = {name for run in runs for name in run.digests}
    singles = {path for run in runs for path in run.singles}
    found: dict[Path, str] = {}
    for package in _folders(store / "media"):
        spare = _spare(package, lambda path: path in singles or not path.is_file())
        found |= dict.fromkeys(spare, UNREFERENCED)
    for path in _files(store / "faces"):
        if FACE_MODEL.fullmatch(path.name) and path not in singles:
            found[path] = UNREFERENCED
    stages = [folder for folder in _folders(store) if folder.name not in ("media", "logs")]
    for folder in (folder for stage in stages for folder in _folders(stage) if DIGEST.fullmatch(folder.name)):
        name = _name(folder)
        if name not in digests:
            found[folder] = UNREFERENCED
        elif name[0] == "faces":
            found |= _spare_crops(folder, _sharing(runs, name))
        elif name[0] in STAGES:
            found |= _spare_records(folder, _sharing(runs, name))
    found |= dict.fromkeys(_leftovers(store, {store / "logs", *found}), "left behind by a killed job")
    found |= _spare_rows(configurations)
    results = Path(configurations[0].config.results)
    entries = [Entry(path, why, *_measure(path)) for path, why in found.items() if not _elsewhere(path, results)]
    return sorted(entries, key=lambda entry: (-entry.bytes, entry.path))


def _sharing(runs: Sequence[_Run], name: Name) -> list[_Run]:
    """The runs that share a digest; none if one has the name of another with other videos: it can't be told whose lists
    are there."""
    sharing = [run for run in runs if name in run.digests]
    corpora = defaultdict(set)
    for run in runs:
        corpora[run.paths.run].add(run.paths.config.corpus.model_dump_json())
    return [] if any(len(corpora[run.paths.run]) > 1 for run in sharing) else sharing


def _spare_records(folder: Path, runs: Sequence[_Run]) -> dict[Path, str]:
    """Records of other runs or shards in a digest's folder, if the configurations' own files have all that they need:
    otherwise they may be taken over."""
    items = [(run, item) for run in runs for item in run.files(_name(folder))]
    own = {file for _, (file, _, _) in items}

    def wanted(path: Path) -> bool | None:
        if path.parent == folder and path.is_dir():
            return None
        return path in own or path.suffix not in RECORDS or path.parents[1] != folder or not path.is_file()

    spare = _spare(folder, wanted)
    # looking whether they are whole takes time
    if not spare or not items or not all(run.has(*item) for run, item in items):
        return {}
    present = {run.weights for run in runs}
    return {path: OTHER_WEIGHTS if _foreign(path, present) else TAKEN_OVER for path in spare}


def _foreign(path: Path, weights: set[str | None]) -> bool:
    """Whether a file or folder holds records of other weights than these."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    try:
        return any(weights_in(file) - weights for file in files if file.suffix in (".h5", ".parquet"))
    except UNREADABLE:
        return False  # damaged: nobody can use it


def _spare_crops(folder: Path, runs: Sequence[_Run]) -> dict[Path, str]:
    """Crops of videos, and lists of runs, that no configuration has, if it is known what they all have."""
    if not runs or any(run.faces is None for run in runs):
        return {}
    place = _absolute(folder)
    cut = {_absolute(crops) for run in runs for crops in {os.path.dirname(file) for file in run.faces["file"]}}
    if not all(crops.is_relative_to(place) for crops in cut):
        return {}  # the results have been moved: the lists name other places
    own = {folder / crops.relative_to(place) for crops in cut}
    own |= {path for run in runs for path in run.lists}
    # which folder is that of a video without a face, the lists don't say: all of its name stay
    faceless = {video for run in runs for video in run.videos - set(run.faces["video"])}

    def wanted(path: Path) -> bool | None:
        if path.is_file():
            return path in own or path.suffix != ".parquet" or path.parents[1] != folder
        if not DIGEST.fullmatch(path.name):
            return None
        return path in own or path.relative_to(folder).as_posix().rpartition("-")[0] in faceless

    return dict.fromkeys(_spare(folder, wanted), "no configuration here has this video or list")


def _spare_rows(configurations: Sequence[Paths]) -> dict[Path, str]:
    """Tables and figures of rows that a run's configuration no longer has."""
    kept = {path for paths in configurations for path in (*paths.tables, *paths.figures)}
    found = {}
    for paths in configurations:
        for folder, suffixes in (("tables", [f".{kind}" for kind in paths.FORMATS]), ("figures", FIGURES)):
            for path in _files(paths.run / folder):
                if path.suffix in suffixes and path.stem != "left_out" and path not in kept:
                    found[path] = f"the run {paths.config.run} no longer has this row"
    return found


def _children(folder: Path) -> list[Path]:
    """What is in a folder, if there is one."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> list[Path]:
    return [path for path in _children(folder) if path.is_file() and not path.is_symlink() and not _hidden(path)]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _children(folder) if path.is_dir() and not path.is_symlink() and not _hidden(path)]


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _spare(folder: Path, wanted: Callable[[Path], bool | None]) -> list[Path]:
    """The largest parts of a folder that nobody wants: `[folder]` if that is all of it.

    Args:
        folder: where to look.
        wanted: whether a path in it is; None for a folder where each part is to be looked at. Links, and what a job may
            be writing, always are.
    """
    parts = _children(folder)
    found = []
    for path in parts:
        if path.is_symlink():
            continue
        answer = not _stale(path) if _hidden(path) else wanted(path)
        if answer is None:
            found += _spare(path, wanted)
        elif not answer:
            found.append(path)
    return [folder] if parts and found == parts else found


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of a path and, if it is a folder, of all in it; links aren't followed. What vanishes meanwhile isn't there."""
    inside = (Path(root, name) for root, *names in os.walk(path) for name in (*names[0], *names[1]))
    for place in (path, *inside):
        try:
            yield place.lstat()
        except FileNotFoundError:
            continue


def _measure(path: Path) -> tuple[int, int]:
    """Bytes and number of the files of a path."""
    sizes = [status.st_size for status in _statuses(path) if not stat.S_ISDIR(status.st_mode)]
    return sum(sizes), len(sizes)


def _stale(path: Path) -> bool:
    return max((status.st_mtime for status in _statuses(path)), default=time.time()) < time.time() - LEFTOVER


def _leftovers(store: Path, skipped: set[Path]) -> Iterator[Path]:
    """Temporary files and folders that nobody has touched for a day."""
    for root, folders, files in os.walk(store):
        hidden = [Path(root, name) for name in (*folders, *files) if name.startswith(".")]
        yield from (path for path in hidden if path not in skipped and _stale(path))
        folders[:] = [name for name in folders if not name.startswith(".") and Path(root, name) not in skipped]


def _elsewhere(path: Path, folder: Path) -> bool:
    """Whether a path isn't in a folder, or is a link, or behind one."""
    place, root = _absolute(path), _absolute(folder)
    if place == root or not place.is_relative_to(root) or place.is_symlink():
        return True
    return place.parent.resolve() != root.resolve() / place.parent.relative_to(root)


def delete(entries: Iterable[Entry], results: Path) -> list[Entry]:
    """Delete files and folders; a folder gets a hidden name first, so that no reader sees half of it.

    Args:
        entries: what to delete.
        results: the folder outside which nothing is deleted.

    Returns:
        What is deleted; the log says so, and of anything else why not.
    """
    gone = []
    for entry in entries:
        try:
            _remove(entry.path, results)
        except OSError as error:
            log.error("not deleted: %s (%s)", entry.path, error.strerror or error)
        else:
            log.info("deleted: %s (%s)", entry.path, human(entry.bytes))
            gone.append(entry)
    return gone


def _remove(path: Path, results: Path) -> None:
    if _elsewhere(path, results):
        raise OSError(f"it isn't in {results}, or only by a link")
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    hidden = path.with_name(f".{path.name.removeprefix('.')}.{uuid.uuid4().hex}")
    os.rename(path, hidden)
    shutil.rmtree(hidden)


def _absolute(path: str | Path) -> Path:
    """Without following links."""
    return Path(os.path.abspath(path))


def human(size: float) -> str:
    """A number of bytes for people, for example 1.2 GB."""
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def total(entries: Sequence[Entry]) -> str:
    """How many, and how large together, for example `3 things, 1.2 GB`."""
    return f"{len(entries)} thing{'' if len(entries) == 1 else 's'}, {human(sum(entry.bytes for entry in entries))}"
