"""Code of the user's own (`module:name`): found and hashed without importing it, as part of what determines numbers;
and imported."""

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from pathlib import Path
from traceback import walk_tb
from typing import Any

from advxai.common.errors import MACHINE, InputError, keep_traceback, lacks_memory, reading

LIBRARY = __name__.partition(".")[0]
SKIPPED = ("__pycache__", "node_modules")


@dataclass(frozen=True)
class Place:
    """Where a module is.

    Attributes:
        package: folders of its outermost package; none: it is in no package.
        file: its own file; None: a package without __init__.py has none.
    """

    package: tuple[Path, ...]
    file: Path | None


def find(module: str) -> Place | None:
    """Where a module is, by its dotted name, for example `mine.detectors.small`; nothing is imported.

    Returns:
        None if it isn't found, or is no file (built into Python).
    """
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)  # of a name without dots: imports nothing
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    package = folders = tuple(map(Path, spec.submodule_search_locations or ()))
    file = Path(spec.origin) if spec.has_location and spec.origin else None
    for part in parts:
        file = _module_file(folders, part)
        folders = tuple(folder / part for folder in folders if (folder / part).is_dir())
        if file is None and not folders:
            return None
    return Place(package, file) if package or file else None


def _module_file(folders: Iterable[Path], name: str) -> Path | None:
    """Of the candidates in the order in which Python takes them."""
    for folder in folders:
        for candidate in (folder / name / "__init__.py", *(folder / f"{name}{suffix}" for suffix in all_suffixes())):
            if candidate.is_file():
                return candidate
    return None


def imported(path: str, what: str, key: str) -> Any:
    """What an import path `module:name` names; its code runs.

    Args:
        path: the path.
        what, key: what it is, and the key of the configuration that has it, for the message.

    Raises:
        InputError: it can't be imported, or its module ends in an error of any kind.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{what} {path}: can't be imported ({error}); correct `{key}` or PYTHONPATH") from error
    except Exception as error:
        raise InputError(f"{what} {path}: can't be imported ({described(error)}); correct {module}") from error


def described(error: Exception) -> str:
    """An error of the user's code in a line: its kind, which may be all that it says, and its text."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


@contextmanager
def running(owner: object, who: str) -> Iterator[None]:
    """Let whatever an object of the user's raises at work become one line with the error and its place.

    Errors of our own classes are defects, and stay as they are. The traceback goes to the job's log alone.

    Args:
        owner: whose code runs.
        who: it is, for the message.

    Raises:
        InputError: instead of any other error than a fault of the machine, or no memory.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        machine = isinstance(error, OSError) and error.errno in MACHINE
        if machine or lacks_memory(error) or type(owner).__module__.partition(".")[0] == LIBRARY:
            raise
        keep_traceback(who)
        raise InputError(f"{who}: {described(error)}{_place_of(error, owner)}; correct the class") from error


def _place_of(error: Exception, owner: object) -> str:
    """Where in its class's file the error came up; "": elsewhere."""
    file = getattr(sys.modules.get(type(owner).__module__), "__file__", None)
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f" (line {lines[-1]} of {Path(file).name})" if file and lines else ""


def code_sha256(module: str) -> str | None:
    """SHA-256 of a module's file and of every .py file of its outermost package, by their paths within it.

    Of a module that is in no package its file alone counts. Helpers in other modules and packages aren't seen, nor are
    data that the code reads.

    Returns:
        None if the module isn't found, or is none of files.
    """
    place = find(module)
    if place is None:
        return None
    files = {path.relative_to(root).as_posix(): path for root in place.package for path in _python_files(root)}
    if place.file is not None and place.file not in files.values():
        files[place.file.name] = place.file
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        if not path.is_file():
            return None  # inside an archive
        with reading(path, "allow it, or correct PYTHONPATH"):
            content = path.read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest() if files else None


def _python_files(root: Path) -> Iterable[Path]:
    """Links are followed; hidden files, such as an editor's locks, and links to nothing are none."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        found = (Path(folder, name) for name in files if name.endswith(".py") and not name.startswith("."))
        yield from (path for path in found if path.is_file())
