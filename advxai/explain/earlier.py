"""What an earlier explanation has left in a folder: what may be replaced, and what it is of. Light, for planning.

The JSON lists its files. A hidden file beside it does so too, with their hashes: Snakemake deletes the JSON, its
output, before it makes it anew, and a process may be killed between two files. What isn't of an earlier explanation is
never replaced.
"""

import errno
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.common.files import file_sha256, publish_text, scratch_prefix
from advxai.common.jsonfile import read_object
from advxai.explain.request import Request

SCHEMA = "advxai.explain"
ELSEWHERE = "move it away, or give another folder as --out (`python -m advxai explain`)"
# what follows the stem; of a clip's films the names of rows
OURS = r"((_faces|_[0-9]{1,9}(/frame_[0-9]{1,12})?)?\.(png|pdf|npz|json)|_clip(\.html|/sheet\.png|/[\w+]{1,99}\.mp4))"


@dataclass(frozen=True)
class Earlier:
    """An earlier explanation of one stem in a folder; all of it empty where there is none.

    Attributes:
        out: the folder.
        stem: what the files' names begin with.
        of: what was explained: `argument`, `kind` and `sha256`, as of the JSON's `input`.
        listed: the files by its JSON.
        hashes: file -> SHA-256 of what was written as it, by the hidden file.
    """

    out: Path
    stem: str
    of: Mapping[str, Any] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    hashes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, out: Path, stem: str) -> "Earlier":
        """What is there.

        Raises:
            InputError: `<stem>.json` is no explanation.
        """
        hidden = _content(out / hidden_name(stem)) or {}
        said = _content(out / f"{stem}.json")
        if said is None:
            raise InputError(f"{out / f'{stem}.json'} is there and isn't an explanation: {ELSEWHERE}")
        of, files, hashes = said.get("input") or hidden.get("input"), said.get("files"), hidden.get("files")
        names = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
        known = hashes.items() if isinstance(hashes, dict) else ()
        return cls(
            out,
            stem,
            of if isinstance(of, dict) else {},
            frozenset(filter(cls(out, stem).could_own, names)),
            {name: found for name, found in known if isinstance(found, list)},
        )

    def could_own(self, name: str) -> bool:
        """Whether a name is one that an explanation of this stem may have; a JSON can list anything."""
        if re.fullmatch(re.escape(self.stem) + OURS, name) is None:
            return False
        return (self.out / name).parent.resolve().is_relative_to(self.out.resolve())  # a folder may be a link

    def owns(self, name: str) -> bool:
        """Whether the file of this name that is there, if one is, is of it."""
        path = self.out / name
        if not os.path.lexists(path):
            return True
        if path.is_symlink() or not path.is_file() or not self.could_own(name):
            return False
        return name in self.listed or file_sha256(path) in self.hashes.get(name, ())

    @property
    def owned(self) -> list[str]:
        """Its files that are there."""
        names = sorted(self.listed | set(filter(self.could_own, self.hashes)))
        return [name for name in names if (self.out / name).exists() and self.owns(name)]

    def remember(self, of: Mapping[str, Any], new: Mapping[str, Path]) -> None:
        """Note, in the hidden file, what is about to be written, beside what is there of it.

        Args:
            of: as of the class.
            new: name -> the file that is about to get it.
        """
        hashes = {name: [file_sha256(self.out / name)] for name in self.owned}
        for name, path in new.items():
            hashes[name] = sorted({file_sha256(path), *hashes.get(name, ())})
        content = {"schema": SCHEMA, "input": dict(of), "files": hashes}
        publish_text(self.out / hidden_name(self.stem), json.dumps(content, indent=1) + "\n")

    def require_same(self, one: Request, sha256: str | None = None) -> None:
        """The explanation that is there may be replaced by one of `one`: it is of the same argument, or content.

        Args:
            one: what is to be explained.
            sha256: of its bytes, as of `of`; None: it is a file, or isn't known yet.

        Raises:
            InputError: it is of something else.
        """
        former = self.of.get("argument")
        if not isinstance(former, str) or _same(former, one, self.of.get("kind")):
            return
        if sha256 is None:
            if one.kind != "file":
                return
            sha256 = file_sha256(one.argument)
        if sha256 != self.of.get("sha256"):
            raise InputError(
                f"{self.out / self.stem}.json is there and is of another picture or video, {former}: {ELSEWHERE}"
            )


def hidden_name(stem: str) -> str:
    """The hidden file's name."""
    return f".{stem}.files.json"


def _content(path: Path) -> dict[str, Any] | None:
    """What a file of ours says; {}: there is none; None: it isn't one of ours."""
    if not os.path.lexists(path):
        return {}
    try:
        content = read_object(path, ELSEWHERE)
    except InputError:  # what it is instead, doesn't matter
        return None
    return content if content.get("schema") == SCHEMA else None


def _same(former: str, one: Request, kind: object) -> bool:
    """Whether two arguments name the same."""
    if one.kind == "file":
        return kind != "crop" and os.path.abspath(former) == os.path.abspath(one.argument)
    if one.kind == "number" and former.isdecimal():
        return kind == "crop" and int(former) == int(one.argument)
    return kind == "crop" and former == one.argument


def require_room(requests: Sequence[Request], out: Path) -> None:
    """What is asked for can be written to a folder, as far as that is known before anything is read.

    Raises:
        InputError: the folder can't be made or written to, a name is too long, or an explanation of something else is
            in the way.
    """
    made = [folder for folder in (out, *out.parents) if not os.path.exists(folder)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in requests:
            Earlier.read(out, one.stem).require_same(one)
            with tempfile.TemporaryDirectory(prefix=scratch_prefix(one.stem), dir=out) as scratch:
                Path(scratch, f"{one.stem}_faces.png").touch()
    except OSError as error:
        raise InputError(cant_write(out, error)) from error
    finally:
        for folder in made:  # it is made when there is something to put into it
            if os.path.exists(folder) and not any(folder.iterdir()):
                folder.rmdir()


def require_possible(one: Request, out: Path) -> None:
    """As `require_room`, for planning, which makes no folder and is done before Snakemake deletes the JSON.

    Raises:
        InputError: likewise.
    """
    there = next(folder for folder in (out, *out.parents) if os.path.lexists(folder))
    if not there.is_dir():
        raise InputError(cant_write(there, NotADirectoryError(errno.ENOTDIR, "it isn't a folder")))
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(cant_write(there, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))
    former = Earlier.read(out, one.stem)
    former.require_same(one)
    if former.listed and not former.hashes:  # written before there was a hidden file, which must outlive the JSON
        try:
            former.remember(former.of, {})
        except OSError as error:
            raise InputError(cant_write(out, error)) from error


def cant_write(out: Path, error: OSError) -> str:
    """The sentence about a folder that can't be written to."""
    cause = "it isn't a folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror or error
    return f"{out}: nothing can be written there ({cause}): free or correct it, or give another folder as --out"
