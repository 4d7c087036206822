"""Which weights a detector has: the SHA-256 of its file, in a small file beside it.

Every record that the detector has had a part in carries this hash, and jobs take the small file as an input, which
Snakemake compares by its checksum. So other weights in a detector's place are noticed, whoever has put them there.
"""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from advxai.common.classes import Classes
from advxai.common.errors import InputError, reading
from advxai.common.files import file_sha256, publish, publish_text
from advxai.config.classes import classes_of
from advxai.config.science import Detector
from advxai.dialects.header import safetensors_header
from advxai.dialects.outline import ANEW, KIND
from advxai.dialects.parts import parts
from advxai.dialects.reading import Reading
from advxai.dialects.recognise import belong, reading_of

KEY = "advxai"  # of the metadata of our safetensors files
SUFFIX = ".sha256"
SEEN = ".seen.json"
# A file that has changed within so many seconds may change again without a later time: clocks of file systems tick.
SETTLED = 2.0


def hash_file(weights: Path) -> Path:
    """The small file beside a detector's."""
    return weights.with_suffix(SUFFIX)


def write_hash(weights: Path, sha256: str) -> None:
    """Write the small file, in the form that `sha256sum --check` reads; one that says so already stays as it is."""
    publish_text(hash_file(weights), f"{sha256}  {weights.name}\n")


def read_hash(path: Path) -> str:
    """The hash in a small file.

    Raises:
        InputError: it can't be read, or holds no hash.
    """
    try:
        sha256, _, name = path.read_text().strip().partition("  ")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error}); run again, which writes it anew") from error
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef") or not name:
        raise InputError(f"{path}: holds no SHA-256; delete it and run again, which writes it anew")
    return sha256


def seal(weights: Path) -> None:
    """Mend the small file beside a detector's if it says another hash, or none.

    What the file was when it was last hashed (size, inode, time of the last change of either) is kept beside it, so
    that planning reads it once. A change of its content can't be hidden from that by setting its time back.

    Raises:
        InputError: the file can't be read, or its folder not written to.
    """
    try:
        now = _status(weights)
        sha256 = current(weights)
        settled = now == _status(weights) and time.time() - now["changed_ns"] / 1e9 > SETTLED
        write_hash(weights, sha256)
    except OSError as error:
        raise InputError(f"{error.filename or weights}: {error.strerror}; make the detector's folder usable") from error
    if settled and _remembered(weights) != (now, sha256):
        text = json.dumps({"status": now, "sha256": sha256}) + "\n"
        with suppress(OSError):  # a folder that can't be written to: the file is read again the next time
            publish(weights.with_suffix(SEEN), lambda file: file.write_text(text))


def current(weights: Path) -> str:
    """The hash of a detector's file, from memory if it is as it was; nothing is written.

    Raises:
        InputError: it can't be read.
        OSError: it isn't there.
    """
    status, sha256 = _remembered(weights)
    return sha256 if status == _status(weights) else file_sha256(weights)


def _status(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"bytes": status.st_size, "inode": status.st_ino, "changed_ns": status.st_ctime_ns}


def _remembered(weights: Path) -> tuple[object, str]:
    """What a detector's file was when it was last hashed, and the hash; (None, "") if that isn't known."""
    try:
        found = json.loads(weights.with_suffix(SEEN).read_text())
        return found["status"], str(found["sha256"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None, ""  # not there, or half of it: the file is hashed


def source_sha256(path: Path) -> str:
    """SHA-256 of a detector as people have it: of its file or, where it consists of several, of their names and
    contents; names are relative to the folder.

    Raises:
        InputError: one of them isn't there, or of a kind that isn't read.
        OSError: there is nothing at this path.
    """
    files = parts(path)
    if files == [path]:
        return file_sha256(path)
    root = path if path.is_dir() else path.parent
    # the ONNX file itself may be called whatever: it is the first one
    names = ["" if file == path else file.relative_to(root).as_posix() for file in files]
    lines = sorted(f"{name}\0{file_sha256(file)}\n" for name, file in zip(names, files, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def said(weights: Path) -> dict[str, Any]:
    """What a safetensors file of ours says of its detector: model, input_size, mean, std, classes ...; {} of another
    file, or of none.

    Raises:
        InputError: it is damaged.
    """
    with reading(weights, ANEW, KIND):
        header = safetensors_header(weights) or {}
        about = header.get("__metadata__")
        text = about.get(KEY) if isinstance(about, dict) else None
        found = json.loads(text) if text else {}
        if not isinstance(found, dict):
            raise ValueError(f"its metadata {KEY!r} says {type(found).__name__}")
        return found


def said_if_whole(weights: Path) -> dict[str, Any]:
    """`said` of the store's own file; {} where that is damaged, too: whoever loads it names it, and until then other
    weights in its place are noticed by their hash."""
    try:
        return said(weights)
    except InputError:
        return {}


def told(weights: Path, settings: Detector | None = None) -> dict[str, Any]:
    """What is known of a detector by its file, whatever its form: by what a file of ours says, else by its tensors'
    names (`advxai.dialects`); {}: nothing.

    Args:
        weights: its file.
        settings: whether they say the file's dialect, or have code of the user's as the network; None: neither.

    Raises:
        InputError: the file is damaged, or is of a detector that can't be run here.
    """
    if ours := said(weights):
        return ours
    found = read_as(weights, settings)
    return {} if found is None else found.said


def read_as(weights: Path, settings: Detector | None = None) -> Reading | None:
    """What a file that isn't ours was read as; None: nothing is known of it but its tensors.

    Raises:
        InputError: as of `told`; or it is of another network than the settings say.
    """
    dialect = None if settings is None else settings.dialect
    if settings is not None and ":" in settings.model and dialect is None:
        return None  # whoever has written the network knows what it is to be given
    found = reading_of(weights, dialect)
    model = None if found is None else found.detector.get("model")
    asked = settings.model if settings is not None and "model" in settings.given else None
    if found and asked and model and ":" not in asked and not belong(asked, model):
        raise InputError(
            f"detector.model: {weights} is read as {found.dialect}, whose network is {model}, not {asked}; set it "
            "to that, or detector.dialect to plain"
        )
    return found


def configured_classes(settings: Detector) -> Classes:
    """The classes of the configured detector, as the configuration and its checkpoint say (`classes_of`).

    Raises:
        InputError: they aren't the classes of any detector.
    """
    file = settings.checkpoint
    return classes_of(settings, {} if file is None else told(Path(file), settings), file)
