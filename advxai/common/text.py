"""Text files of the user's, whichever program has saved them."""

import codecs
from pathlib import Path

from advxai.common.errors import InputError

# Windows' editors put marks in front. UTF-32's begins with UTF-16's, so it is looked for first.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_text(path: Path | str) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark, whatever the machine's own encoding is.

    Raises:
        InputError: it is in another encoding.
        OSError: it can't be read.
    """
    return decoded(Path(path).read_bytes(), path)


def decoded(data: bytes, path: Path | str) -> str:
    """Bytes of a file as text; see `read_text`.

    Args:
        data: all of the file, or its beginning up to the end of a line.
        path: for the message.
    """
    marked = next((name for mark, name in MARKS.items() if data.startswith(mark)), "")
    if marked:
        raise InputError(f"{path} is text in {marked}: save it as UTF-8")
    if b"\0" in data:
        raise InputError(f"{path} is no text in UTF-8 (zero bytes, as UTF-16 and packed files have): save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = f"byte {data[error.start]:#04x}, line {line}"
        raise InputError(f"{path} is no text in UTF-8 ({said}): save it as UTF-8") from error
