"""Fetching the files of known detectors, and noticing when one of them is another one than was fetched."""

from collections.abc import Callable
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.files import file_sha256, publish_text
from advxai.dialects.known import File, Known
from advxai.media.download import Progress, download

SUMS = "SHA256SUMS"  # beside the files, as `sha256sum --check` reads it


def fetch(known: Known, results: str | Path, say: Callable[[str], None], bar: Progress | None = None) -> Path:
    """Put a known detector's files where `known:NAME` is looked for; those that are there already are kept.

    Args:
        known: the detector.
        results: the folder of everything made.
        say: told a line for each file.
        bar: see `download`.

    Returns:
        What is read: the file, or the folder.

    Raises:
        InputError: it can't be run here, has no direct address, isn't reached, or a file isn't the one that it should
            be; names the file, its address and where to put it by hand.
    """
    if known.refused:
        raise InputError(f"{known.name}: {known.refused}, so it isn't fetched; take another one")
    if not known.fetchable:
        raise InputError(
            f"{known.name}: no direct address is documented, so it can't be fetched: {known.how_to_get(results)}"
        )
    folder = known.folder_in(results)
    sums = remembered(folder)
    for file in known.files:
        path = folder / file.name
        sha256 = _present(file, path, sums) or download(file.url, path, file.sha256, file.size, bar)
        origin = "as documented" if file.sha256 else "none is documented to compare with; it is remembered"
        say(f"{path}: SHA-256 {sha256} ({origin})")
        sums[file.name] = sha256
        publish_text(folder / SUMS, "".join(f"{one}  {name}\n" for name, one in sorted(sums.items())))
    return known.path(results)


def _present(file: File, path: Path, sums: dict[str, str]) -> str:
    """The hash of a file that is there and as it should be; "": it isn't there.

    Raises:
        InputError: it is another file.
    """
    if not path.is_file():
        return ""
    found, wanted = file_sha256(path), file.sha256 or sums.get(file.name, "")
    if wanted and found != wanted:
        raise InputError(f"{path} has the SHA-256 {found}, not {wanted}: delete it, and it is fetched anew")
    return found


def remembered(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of the files of a folder when they were fetched; those put there by hand aren't among them."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}  # nothing was fetched, or nobody can tell
    found = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    return {name: sha256 for name, sha256 in found.items() if name and len(sha256) == 64}


def changed(known: Known, results_of: Path) -> str | None:
    """What is wrong with the files of a known detector, as a sentence; None: nothing.

    Args:
        known: the detector.
        results_of: what is read of it, as of `Known.path`.
    """
    folder = results_of if known.folder else results_of.parent
    sums = remembered(folder)
    for file in known.files:
        path, wanted = folder / file.name, file.sha256 or sums.get(file.name, "")
        if wanted and path.is_file() and file_sha256(path) != wanted:
            as_what = "documented" if file.sha256 else f"remembered in {folder / SUMS}"
            return (
                f"{path} has another SHA-256 than is {as_what} ({wanted[:12]}...): delete it and get it anew, or give "
                "it as detector.checkpoint by its path elsewhere, if you mean this file"
            )
    return None
