"""Where the images of a list lie in a folder of crops. Standard library alone: planning looks for them too."""

import errno
import filecmp
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from advxai.common.croptree import FACE, FOLDERS, SETS, SIDE_BY_SIDE
from advxai.common.errors import InputError, in_line
from advxai.samples.lists import Sample, read

# A path that no file system takes, or that leads through a file, is that of no file.
NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
Face = tuple[int, int]  # frame and face


@dataclass(frozen=True)
class Found:
    """An image's file.

    Attributes:
        file: its path.
        elsewhere: it lies in another split than the list says.
    """

    file: Path
    elsewhere: bool = False


def find(samples: Sequence[Sample], folder: Path, source: Path) -> list[Found]:
    """The samples' files, in their order; of none is more than the name looked at, but for those that may be two files.

    Args:
        samples: as of `lists.read`.
        folder: of the images, side by side or as a tree (`advxai.common.croptree`).
        source: the list's file, for messages.

    Raises:
        InputError: images aren't there (names the first and how many), one may be either of two that differ, two lines
            have one file, or a folder can't be read.
    """
    tree = Tree(folder)
    found = [tree.find(one, source) for one in samples]
    absent = [one for one, file in zip(samples, found, strict=True) if file is None]
    if absent:
        raise InputError(
            f"{_lacking(absent, samples, source)} {folder}: set samples.crops to the folder that holds them, as "
            "<split>_set/<method>/<video>/<frame>_<face>.png or <method>_<video>_<frame>_<face>.png, or shorten the "
            "list."
        )
    there = [one for one in found if one is not None]
    once(samples, [os.path.realpath(one.file) for one in there], source)
    return there


def once(samples: Sequence[Sample], names: Sequence[str], source: Path) -> None:
    """Refuse a list that has one image twice.

    Args:
        samples, source: as of `find`.
        names: what tells the samples' images apart.

    Raises:
        InputError: names both lines.
    """
    seen: dict[str, Sample] = {}
    for one, name in zip(samples, names, strict=True):
        first = seen.setdefault(name, one)
        if first is not one:
            raise InputError(
                f"{source}, line {one.line}: {in_line(one.path)} is the image of line {first.line}, "
                f"{in_line(first.path)}: list every image once."
            )


def _lacking(absent: Sequence[Sample], samples: Sequence[Sample], source: Path) -> str:
    """The beginning of a sentence on images that aren't there."""
    verb = "is" if len(absent) == 1 else "are"
    first = absent[0]
    return (
        f"{len(absent)} of {len(samples)} images of {source} {verb} not there, the first is {in_line(first.path)} "
        f"(line {first.line}); looked for in"
    )


def not_own(absent: Sequence[Sample], samples: Sequence[Sample], source: Path) -> str:
    """That samples aren't the run's own images.

    Args:
        absent: these of the samples, one at least.
        samples, source: as of `find`.
    """
    return (
        f"{_lacking(absent, samples, source)} the run's own: give a list of the run's images, or set samples.crops to "
        "the folder that holds them."
    )


def state(folder: Path, source: Path, own: bool) -> str:
    """Hash of the names, sizes and times of a list's images, by which Snakemake sees that some were exchanged.

    Args:
        folder: `samples.crops`.
        source: the list.
        own: the run makes the list, so that it may be there later only: all files in the folder count.

    Returns:
        The hash; "" where the list can't be read or its images aren't there, which the job says.
    """
    try:
        files = list(_all(folder)) if own else [one.file for one in find(read(source), folder, source)]
        statuses = [file.stat() for file in files]
    except (InputError, OSError):
        return ""
    hashed = hashlib.sha256()
    for file, status in zip(files, statuses, strict=True):
        line = (os.path.relpath(file, folder), str(status.st_size), str(status.st_mtime_ns), "\n")
        hashed.update("\0".join(line).encode(errors="surrogateescape"))
    return hashed.hexdigest()


def _all(folder: Path) -> Iterator[Path]:
    for place, inner, names in os.walk(folder):
        inner.sort()
        yield from (file for name in sorted(names) if _is_file(file := Path(place, name)))


class Tree:
    """A folder of crops. What a folder in it holds is read once.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._names: dict[Path, list[str]] = {}
        self._faces: dict[Path, dict[Face, list[str]]] = {}
        self._flat: dict[tuple[str, str, Face], list[str]] | None = None

    def find(self, one: Sample, source: Path) -> Found | None:
        """A sample's file; None: there is none.

        Its own path comes first, then the split that it names, then all else.

        Raises:
            InputError: it may be either of two that differ.
        """
        if _is_file(own := self.root / one.path):
            return Found(own)
        if not one.video:
            other = self.root / one.path.replace("\\", "/")
            return Found(other) if _is_file(other) else None
        split = SETS.get(one.within)
        named = [one.within, *(name for name in SETS if SETS[name] == split and name != one.within)] if split else []
        for within in named:
            if files := self._in_set(within, one):
                return Found(_single(files, one, source))
        others = {within: self._in_set(within, one) for within in ("", *SETS) if within not in named}
        files = [file for listed in others.values() for file in listed] + self._side_by_side(one)
        if not files:
            return None
        file = _single(files, one, source)
        within = next((within for within, listed in others.items() if file in listed), "")
        return Found(file, elsewhere=split is not None and SETS.get(within or self.root.name, split) != split)

    def _in_set(self, within: str, one: Sample) -> list[Path]:
        """A sample's files in the folder of a split, or "": in none; those alone that are named most as the list does:
        the video's folder with or without .mp4, numbers with or without zeros in front."""
        *_, folder, name = ["", *PurePosixPath(one.path.replace("\\", "/")).parts]
        method = self.root / within / FOLDERS.get(one.category, one.category)
        rated: dict[tuple[bool, bool], list[Path]] = {}
        for video in (one.video, f"{one.video}.mp4"):
            if video in self._listed(method):
                for face in self._faces_in(method / video).get((one.frame, one.face), []):
                    if _is_file(file := method / video / face):
                        rated.setdefault((video != folder, face != name), []).append(file)
        return rated[min(rated)] if rated else []

    def _side_by_side(self, one: Sample) -> list[Path]:
        if self._flat is None:
            self._flat = {}
            for name in self._listed(self.root):
                if flat := SIDE_BY_SIDE.fullmatch(name):
                    video, face = flat["video"].removesuffix(".mp4"), (int(flat["frame"]), int(flat["face"]))
                    self._flat.setdefault((flat["method"], video, face), []).append(name)
        method = FOLDERS.get(one.category, one.category)
        names = self._flat.get((method, one.video, (one.frame, one.face)), [])
        files = [self.root / name for name in names if _is_file(self.root / name)]
        *_, folder, own = ["", *PurePosixPath(one.path.replace("\\", "/")).parts]
        return [file for file in files if file.name in (own, f"{method}_{folder}_{own}")] or files

    def _faces_in(self, folder: Path) -> dict[Face, list[str]]:
        if folder not in self._faces:
            faces: dict[Face, list[str]] = {}
            for name in self._listed(folder):
                if face := FACE.fullmatch(name):
                    faces.setdefault((int(face["frame"]), int(face["face"])), []).append(name)
            self._faces[folder] = faces
        return self._faces[folder]

    def _listed(self, folder: Path) -> list[str]:
        if folder not in self._names:
            try:
                self._names[folder] = sorted(path.name for path in folder.iterdir())
            except OSError as error:
                if error.errno not in NOWHERE:
                    raise _unreadable(folder, error) from error
                self._names[folder] = []
        return self._names[folder]


def _single(files: Sequence[Path], one: Sample, source: Path) -> Path:
    """The one file that a sample may be; the first of several copies."""
    first = files[0]
    for other in files[1:]:
        try:
            same = first.samefile(other) or filecmp.cmp(first, other, shallow=False)
        except OSError as error:
            raise _unreadable(Path(error.filename or other), error) from error
        if not same:
            raise InputError(
                f"{source}, line {one.line}: {in_line(one.path)} may be {first} or {other}, which differ: write the "
                "path of one of them in its place."
            )
    return first


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        if error.errno not in NOWHERE:
            raise _unreadable(path, error) from error
        return False


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be read ({error.strerror}): allow it, or correct the path.")
