"""Fetching one large file over HTTP: resumed where it was cut off, checked, and put in place whole."""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from io import BufferedRandom
from pathlib import Path

from advxai.common.errors import MACHINE, InputError, in_line

PART = ".part"
CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
TRIES = 5  # in a row that bring no byte
Progress = Callable[[str, int, int | None], None]  # name, bytes that are there, of how many if that is known
WAIT = 0.5  # seconds before another one, longer each time


def download(
    url: str, destination: Path, sha256: str = "", size: int | None = None, bar: Progress | None = None
) -> str:
    """Fetch a file; what is there of it in `<name>.part`, of an earlier try, isn't fetched again.

    The environment's proxy settings hold (http_proxy, https_proxy, no_proxy).

    Args:
        url: its address.
        destination: appears whole or not at all.
        sha256: that it must have; "": it isn't known.
        size: in bytes, that it must have; None: it isn't known.
        bar: told how far it is.

    Returns:
        Its SHA-256.

    Raises:
        InputError: it isn't reached, isn't there, isn't the file that it should be, or can't be written.
    """
    part = destination.with_name(destination.name + PART)
    by_hand = f"put it by hand as {destination}"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part, destination) as file:
            _fill(url, file, part, destination, size, bar, by_hand)
            file.seek(0)
            found, length = hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
            if (size is not None and length != size) or (sha256 and found != sha256):
                _forget(part)
                wanted = f"SHA-256 {sha256}" if sha256 else f"{size} bytes"
                raise InputError(
                    f"{destination.name} from {url} has {length} bytes and the SHA-256 {found} where {wanted} was "
                    f"expected, and is thrown away: it has been changed there, or what answers isn't that address; get "
                    f"it elsewhere and {by_hand}"
                )
            file.flush()
            os.fsync(file.fileno())
            part.replace(destination)
            _forget(part)
    except OSError as error:
        raise InputError(
            f"{destination}: can't be written ({error.strerror or error}): free or correct that folder"
        ) from error
    return found


@contextlib.contextmanager
def _alone(part: Path, destination: Path) -> Iterator[BufferedRandom]:
    """The part, which no other process may add to; a killed one's lock is gone with it."""
    with open(part, "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{destination} is being fetched by another process: wait for it") from error
        yield file


def _fill(
    url: str,
    file: BufferedRandom,
    part: Path,
    destination: Path,
    size: int | None,
    bar: Progress | None,
    by_hand: str,
) -> None:
    """Fetch what is missing of a part, in as many answers as it takes."""
    failures, most = 0, 0
    while True:
        before = file.seek(0, os.SEEK_END)
        try:
            if _answered(url, file, part, destination.name, size, bar):
                return
            reason = "the connection was cut off"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing lies behind what is there: of another file, or all of it
                now = _version(error.headers)
                if _total(error.headers.get("Content-Range")) == before and now in ("", _origin(part).get("version")):
                    return
                file.truncate(0)
                _forget_origin(part)
                reason = "416"
            elif error.code in (408, 429) or error.code >= 500:
                reason = f"{error.code} {error.reason}"
            else:
                raise InputError(
                    f"{destination.name} isn't to be had at {url} ({error.code} {in_line(error.reason)[:200]}): look "
                    f"for it there, and {by_hand}"
                ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # of the network, in a dozen of forms
            if getattr(error, "errno", None) in MACHINE:
                raise
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        there = file.seek(0, os.SEEK_END)
        failures, most = 0 if there > max(most, before) else failures + 1, max(most, there)
        if failures < TRIES:
            time.sleep(WAIT * failures)
        else:
            goes_on = f" ({there:,} bytes are there, and the same command goes on from them)" if there else ""
            raise InputError(
                f"{destination.name} can't be fetched from {url} ({in_line(reason)[:200]}){goes_on}: look at the "
                f"network and proxy settings, or get it elsewhere and {by_hand}"
            )


def _answered(url: str, file: BufferedRandom, part: Path, name: str, size: int | None, bar: Progress | None) -> bool:
    """Take in one answer; whether the file is whole then."""
    there = file.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"User-Agent": "advxai", "Accept-Encoding": "identity"})
    origin = _origin(part)
    if there and origin.get("url") == url:
        request.add_header("Range", f"bytes={there}-")
        if origin.get("version"):
            request.add_header("If-Range", origin["version"])
    with _opener().open(request, timeout=TIMEOUT) as answer:
        if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise http.client.HTTPException("a web page answers instead of the file")
        if answer.status not in (200, 203, 206):
            raise http.client.HTTPException(f"the answer {answer.status} has no file")
        if (answer.headers.get("Content-Encoding") or "identity").lower() != "identity":
            raise http.client.HTTPException("the file comes encoded, which wasn't asked for")
        begins = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", answer.headers.get("Content-Range") or "")
        version = _version(answer.headers)
        if answer.status == 206 and there and version != origin.get("version", ""):
            begins = None  # a part of another version than what is there
        if answer.status != 206 or begins is None or int(begins[1]) != there:
            there = 0  # the whole file, or not what was asked for
            file.truncate(0)
            if answer.status == 206 and not (begins and int(begins[1]) == 0 and begins[2] != "*"):
                _forget_origin(part)
                return False
        _origin_file(part).write_text(json.dumps({"url": url, "version": version}))
        length = answer.headers.get("Content-Length")
        total = None if length is None else there + int(length)
        if answer.status == 206 and begins and begins[2] != "*":
            total = int(begins[2])  # of the whole file: a shorter part is a cut connection
        while content := answer.read1(CHUNK):
            file.write(content)
            there += len(content)
            if size is not None and there > size:
                return True  # too large already, which is said by whoever compares
            if bar is not None:
                bar(name, there, total)
        file.flush()
        if not there:
            raise http.client.HTTPException("the answer is empty")
        return total is None or there >= total


def _version(headers: Message) -> str:
    etag = headers.get("ETag") or ""
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified") or ""


def _opener() -> urllib.request.OpenerDirector:
    """Of HTTP and HTTPS alone, wherever an answer leads."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(), urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


def _total(content_range: str | None) -> int | None:
    """The file's size in an answer to a request for what lies behind its end."""
    found = re.fullmatch(r"bytes \*/(\d+)", content_range or "")
    return int(found[1]) if found else None


def _origin_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _origin(part: Path) -> dict[str, str]:
    """Where a part is from, and which version of the file; {}: nobody knows, so it begins anew."""
    try:
        found = json.loads(_origin_file(part).read_text())
        return {name: str(found[name]) for name in ("url", "version")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _forget_origin(part: Path) -> None:
    _origin_file(part).unlink(missing_ok=True)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _forget_origin(part)
