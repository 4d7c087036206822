"""Published detectors by name, and fetching their files: from an HTTP server here, which misbehaves."""

import hashlib
import http.server
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from advxai.__main__ import main
from advxai.beforehand import check
from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.dialects import DIALECTS
from advxai.detector.build import build_module
from advxai.dialects.known import HUB_FILES, KNOWN, PREFIX, File, Known, known, located, named
from advxai.explain.opening import open_weights, weights_of
from advxai.media import download as downloading
from advxai.media.download import download
from advxai.media.known import SUMS, changed, fetch, remembered
from advxai.run.paths import Paths
from advxai.run.settings import checkpoint_path

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """What it serves, and how it misbehaves.

    Attributes:
        files: path -> content.
        cut: after so many bytes of each answer the connection ends; None: never.
        ranges: whether a part may be asked for.
        version: of the files, their ETag.
        kind: Content-Type.
        pace: seconds between two pieces of 64 KiB.
        asked: the Range of each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/weights.pth": CONTENT}
        self.cut: int | None = None
        self.ranges, self.version, self.kind, self.pace = True, '"one"', "application/octet-stream", 0.0
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        asked, server = self.headers.get("Range"), self.server
        server.asked.append(asked)
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges and self.headers.get("If-Range", server.version) == server.version:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", server.kind)
        self.send_header("ETag", server.version)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        sent = content[start:] if server.cut is None else content[start : start + server.cut]
        for place in range(0, len(sent), 1 << 16):
            self.wfile.write(sent[place : place + (1 << 16)])
            time.sleep(server.pace)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloading, "WAIT", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_whole_and_checked(server, tmp_path):
    told = []
    found = download(
        f"{server.url}/weights.pth", tmp_path / "new/w.pth", SHA256, len(CONTENT), lambda *one: told.append(one)
    )
    assert found == SHA256 and (tmp_path / "new/w.pth").read_bytes() == CONTENT
    assert left(tmp_path / "new") == ["w.pth"]
    assert told[-1] == ("w.pth", len(CONTENT), len(CONTENT))


def test_a_connection_that_is_cut_off_goes_on_where_it_was(server, tmp_path):
    server.cut = 300_000
    assert download(f"{server.url}/weights.pth", tmp_path / "w.pth", SHA256) == SHA256
    assert server.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_killed_fetch_goes_on_where_it_was(server, tmp_path):
    server.pace = 0.05
    code = "import sys; from pathlib import Path; from advxai.media.download import download"
    code += "; download(sys.argv[1], Path(sys.argv[2]))"
    running = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/weights.pth", str(tmp_path / "w.pth")])
    part = tmp_path / "w.pth.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    there = part.stat().st_size
    assert 0 < there < len(CONTENT) and not (tmp_path / "w.pth").exists()
    server.pace = 0.0
    assert download(f"{server.url}/weights.pth", tmp_path / "w.pth", SHA256) == SHA256
    assert server.asked == [None, f"bytes={there}-"] and left(tmp_path) == ["w.pth"]


def test_a_part_of_another_version_of_the_file_is_not_gone_on_with(server, tmp_path):
    server.cut = 1000
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError, match="1,000 bytes are there"):
        patch.setattr(downloading, "TRIES", 0)
        download(f"{server.url}/weights.pth", tmp_path / "w.pth")
    other = CONTENT[::-1]
    server.files["/weights.pth"], server.version, server.cut = other, '"two"', None
    assert download(f"{server.url}/weights.pth", tmp_path / "w.pth") == hashlib.sha256(other).hexdigest()


def test_a_server_that_gives_no_parts_starts_over_and_one_that_always_cuts_is_given_up(server, tmp_path):
    server.ranges, server.cut = False, 1000
    with pytest.raises(InputError, match=r"w\.pth can't be fetched .*the connection was cut off.*by hand as .*w\.pth"):
        download(f"{server.url}/weights.pth", tmp_path / "w.pth", SHA256)
    server.cut = None
    assert download(f"{server.url}/weights.pth", tmp_path / "w.pth", SHA256) == SHA256


def test_a_part_that_is_whole_already_is_taken(server, tmp_path):
    (tmp_path / "w.pth.part").write_bytes(CONTENT)
    url = f"{server.url}/weights.pth"
    (tmp_path / "w.pth.part.json").write_text(f'{{"url": "{url}", "version": "\\"one\\""}}')
    assert download(url, tmp_path / "w.pth", SHA256) == SHA256
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def answering(monkeypatch, status: int, headers: dict[str, str], content: bytes = b"") -> None:
    def answer(self: Handler) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    monkeypatch.setattr(Handler, "do_GET", answer)


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (200, {"Content-Length": "abc"}, "can't be fetched"),
        (302, {"Location": "http://[bad/"}, "can't be fetched"),
        (302, {"Location": "ftp://127.0.0.1:1/x"}, "can't be fetched"),
        (200, {"Content-Encoding": "gzip"}, "comes encoded"),
        (200, {"Content-Type": "application/xhtml+xml"}, "a web page answers"),
        (204, {}, "the answer 204 has no file"),
        (200, {"Content-Length": "0"}, "the answer is empty"),
        (206, {"Content-Range": "bytes 0-2/100", "Content-Length": "3"}, "cut off"),
    ],
)
def test_answers_that_are_no_file_are_failed_tries(server, tmp_path, monkeypatch, status, headers, message):
    answering(monkeypatch, status, headers, b"abc" if headers.get("Content-Length") != "0" and status != 204 else b"")
    with pytest.raises(InputError, match=message):
        download(f"{server.url}/weights.pth", tmp_path / "w.pth")


@pytest.mark.parametrize(("status", "span"), [(206, "bytes 3-5/6"), (416, "bytes */3")])
def test_a_part_is_not_joined_with_another_version(server, tmp_path, monkeypatch, status, span):
    (tmp_path / "w.pth.part").write_bytes(b"old")
    url = f"{server.url}/weights.pth"
    (tmp_path / "w.pth.part.json").write_text(f'{{"url": "{url}", "version": "\\"one\\""}}')
    answering(monkeypatch, status, {"ETag": '"two"', "Content-Range": span, "Content-Length": "3"}, b"new")
    with pytest.raises(InputError, match="can't be fetched"):
        download(url, tmp_path / "w.pth")


def test_another_file_than_documented_is_thrown_away(server, tmp_path):
    with pytest.raises(InputError, match=rf"SHA-256 {SHA256} where SHA-256 {'0' * 64} was expected"):
        download(f"{server.url}/weights.pth", tmp_path / "w.pth", "0" * 64)
    assert left(tmp_path) == []
    with pytest.raises(InputError, match="bytes .* where 7 bytes was expected"):
        download(f"{server.url}/weights.pth", tmp_path / "w.pth", size=7)


def test_what_is_not_there_not_reached_or_a_web_page_is_said_in_a_line(server, tmp_path):
    with pytest.raises(InputError, match=r"w\.pth isn't to be had at http.*gone\.pth \(404 Not Found\).*by hand as"):
        download(f"{server.url}/gone.pth", tmp_path / "w.pth")
    server.kind = "text/html"  # as of a network that wants a login first
    with pytest.raises(InputError, match="a web page answers instead"):
        download(f"{server.url}/weights.pth", tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"can't be fetched from http://127.0.0.1:1/x .*refused.*proxy"):
        download("http://127.0.0.1:1/x", tmp_path / "w.pth")
    assert not (tmp_path / "w.pth").exists()


def test_the_proxy_of_the_environment_holds(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://weights.invalid/w.pth"] = CONTENT  # as a proxy is asked
    assert download("http://weights.invalid/w.pth", tmp_path / "w.pth", SHA256) == SHA256


def test_two_at_once_do_not_mix(server, tmp_path):
    with downloading._alone(tmp_path / "w.pth.part", tmp_path / "w.pth"):
        with pytest.raises(InputError, match="is being fetched by another process"):
            download(f"{server.url}/weights.pth", tmp_path / "w.pth")


def published(url: str, *names: str, sha256: str = "") -> Known:
    return Known("mine", "a network", "a server", tuple(File(name, f"{url}/{name}", sha256) for name in names))


def test_hashes_of_undocumented_files_are_remembered_and_a_change_is_noticed(server, tmp_path):
    one, said = published(server.url, "weights.pth"), []
    path = fetch(one, tmp_path, said.append)
    assert path == tmp_path / "store/media/known/mine/weights.pth" and path.read_bytes() == CONTENT
    assert said == [f"{path}: SHA-256 {SHA256} (none is documented to compare with; it is remembered)"]
    assert remembered(path.parent) == {"weights.pth": SHA256} and changed(one, path) is None
    fetch(one, tmp_path, said.append)
    assert len(server.asked) == 1  # it is there
    path.write_bytes(b"another")
    assert re.search(rf"weights\.pth has another SHA-256 than is remembered in .*{SUMS}", changed(one, path))
    with pytest.raises(InputError, match="delete it, and it is fetched anew"):
        fetch(one, tmp_path, said.append)


def test_a_folder_s_files_are_fetched_one_by_one(server, tmp_path):
    server.files = {f"/{name}": name.encode() for name in HUB_FILES}
    one = published(server.url, *HUB_FILES)
    folder = fetch(one, tmp_path, lambda _: None)
    assert folder.is_dir() and left(folder) == sorted([SUMS, *HUB_FILES])
    (folder / "config.json").write_text("{}")
    assert "config.json has another SHA-256" in changed(one, folder)


def test_a_documented_hash_holds_for_a_file_put_there_by_hand(tmp_path):
    one = KNOWN["mesonet_meso4_df"]
    path = one.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    assert "than is documented (036ed30d04ff...)" in changed(one, path)


def test_those_that_can_not_be_fetched_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"no direct address .*put it there by hand as .*sbi_raw/FFraw\.tar .*Drive"):
        fetch(known("sbi_raw"), tmp_path, print)
    with pytest.raises(InputError, match="F3Net has modules of its own, which aren't built here, so it isn't fetched"):
        fetch(known("deepfakebench_f3net"), tmp_path, print)


def test_names_become_paths(tmp_path):
    path = located("known:mesonet_meso4_df", tmp_path)
    assert path == tmp_path / "store/media/known/mesonet_meso4_df/Meso4_DF.h5"
    assert named(path) is named("known:mesonet_meso4_df") is KNOWN["mesonet_meso4_df"]
    assert named("elsewhere/Meso4_DF.h5") is None and located("a.pth", tmp_path) == Path("a.pth")
    folder = located("known:organika_sdxl_detector", tmp_path)
    assert folder == tmp_path / "store/media/known/organika_sdxl_detector" and named(folder).folder
    with pytest.raises(InputError, match=r"known:mesonet_meso: .* \(did you mean mesonet_meso4_.*detectors` lists"):
        located("known:mesonet_meso", tmp_path)
    with pytest.raises(InputError, match="known:deepfakebench_ucf: UCF has modules of its own"):
        located("known:deepfakebench_ucf", tmp_path)


def test_the_configuration_takes_a_name_and_planning_says_how_to_get_it(tmp_path, config_with):
    given = config_with(checkpoint="known:mesonet_meso4_df", model="meso4")
    path = tmp_path / "store/media/known/mesonet_meso4_df/Meso4_DF.h5"
    own = Paths(given)
    assert checkpoint_path(given) == own.source == Path(own.config.detector.checkpoint) == path
    said = rf"detector\.checkpoint: .*_DF\.h5 is not there: run `.*s mesonet_meso4_df --fetch --results {tmp_path}`"
    with pytest.raises(InputError, match=said):
        check(own)
    with pytest.raises(InputError, match=r"Meso4_DF\.h5 isn't there: run `"):
        weights_of(Paths(given, planning=True))
    with pytest.raises(InputError, match=r"there is no such file; put it there by hand as .*FFraw\.tar"):
        open_weights(own, Path("known:sbi_raw"), given=True)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another file")
    with pytest.raises(InputError, match=r"Meso4_DF\.h5 has another SHA-256 than is documented"):
        check(Paths(given))
    with pytest.raises(InputError, match=r"Meso4_DF\.h5 has another SHA-256 than is documented"):
        open_weights(own, Path("known:mesonet_meso4_df"), given=True)


@pytest.mark.parametrize("model", ["hub_vit", "onnx"])
def test_a_network_made_of_its_file_alone_can_not_be_trained(config_with, model):
    with pytest.raises(InputError, match=f"detector.checkpoint: {model} is made of its own file alone: set it to"):
        check(Paths(config_with(model=model)))
    with pytest.raises(InputError, match=f"detector.model: {model} is made of its own file alone"):
        build_module(config_with(model=model).detector, 2)


@pytest.fixture
def config_with(tmp_path):
    (tmp_path / "a.mp4").touch()
    clip = {
        "name": "a", "first_id": 0, "splits": {"train": 2, "test": 2}, "source": {"path": str(tmp_path / "a.mp4")},
    }  # fmt: skip

    def make(**detector):
        return load(
            {"run": "r", "results": str(tmp_path), "corpus": {"kind": "demo", "clips": [clip]}, "detector": detector}
        )

    return make


def test_the_facts_are_well_formed():
    assert len(KNOWN) > 35
    for one in KNOWN.values():
        assert re.fullmatch(r"[a-z0-9_]+", one.name) and one.network and one.where and one.files
        assert bool(one.dialect) != bool(one.refused), one.name  # it is read, or refused
        others = ("", "Lightning", "folder of transformers", "Keras's HDF5 of MesoNet")
        assert one.dialect in DIALECTS or one.dialect in others, one.name
        for file in one.files:
            assert Path(file.name).name == file.name
            assert re.fullmatch(r"(https://[\w./-]+)?", file.url) and re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
    refused = {name.removeprefix("deepfakebench_") for name, one in KNOWN.items() if one.refused}
    assert {"capsule", "f3net", "ffd", "recce", "spsl", "srm", "ucf"} <= refused


def test_the_command_lists_shows_and_refuses(capsys, tmp_path):
    assert main(["detectors"]) == 0
    table = capsys.readouterr().out
    assert all(f"| {name} " in table for name in KNOWN) and "CC-BY-NC-4.0" in table
    assert main(["detectors", f"{PREFIX}mesonet_meso4_df", "--results", str(tmp_path)]) == 0
    page = capsys.readouterr().out
    for said in ("Meso4", "Apache-2.0", ".05 .02 .99 1.00", "036ed30d", "--fetch", "known:mesonet_meso4_df"):
        assert said in page
    assert main(["detectors", "nobody"]) == 2
    assert "Error: known:nobody: no detector is known" in capsys.readouterr().err
    assert main(["detectors", "--fetch"]) == 2


def test_the_command_fetches_with_a_bar(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(KNOWN, "mine", published(server.url, "weights.pth", sha256=SHA256))
    assert main(["detectors", "mine", "--fetch", "--results", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert f"SHA-256 {SHA256} (as documented)" in shown.out and "weights.pth" in shown.err
    assert (tmp_path / "store/media/known/mine/weights.pth").read_bytes() == CONTENT
