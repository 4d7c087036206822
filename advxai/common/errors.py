"""The one exception that means: the user can mend this; and what makes one of whatever a library says of a file."""

import errno
import logging
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)
LONGEST = 200  # characters of a library's own words
LONGEST_NAME = 120  # of a name that a file has given something
# Faults of the machine, not of the file: full disk, used-up quota, file too large, too many files open, no memory.
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class InputError(Exception):
    """Bad input. The message is one sentence that names the file or key, what is wrong and what to do.

    Names and values come from files and folders: control signs in them would act on the terminal, and halves of signs
    can't be written to a log; they are shown as `\\x1b`, `\\udc80`. Lines are the message's own.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(map(_shown, message)))


@contextmanager
def reading(path: str | Path, remedy: str, kind: str = "") -> Iterator[None]:
    """Let whatever a library raises for the content of one file become one line that names the file.

    Decoders raise what their authors thought of, and more for bytes that nobody thought of. Only the reading itself
    belongs inside: an error of our own code would pass for a damaged file. The traceback goes to the job's log alone.

    Args:
        path: the file, as the user knows it.
        remedy: what to do, for the sentence's end.
        kind: what the file can't be read as, such as "a table"; "": nothing is said of that.

    Raises:
        InputError: instead of any other error than these: a fault of the machine (`MACHINE`), no memory, a name or
            module that isn't there.
    """
    try:
        yield
    except (InputError, MemoryError, NameError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        keep_traceback(path)
        as_kind = f" as {kind}" if kind else ""
        raise InputError(f"{path} can't be read{as_kind} ({reason(error)}): {remedy}") from error


def lacks_memory(error: BaseException) -> bool:
    """Whether it was memory that was lacking: Python's, or torch's, which is told by its name, for torch is slow to
    import."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in str(error)


def _shown(sign: str) -> str:
    acts = sign != "\n" and unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")
    return sign.encode("unicode_escape").decode() if acts else sign


def in_line(value: object) -> str:
    """What a file holds as it may stand in a message, which has no lines of the file's."""
    return str(value).replace("\n", r"\n")


def named(value: object) -> str:
    """A name of a file's choosing as it may stand in a message: in line, and cut where no name is that long."""
    found = in_line(str(value)[: LONGEST_NAME + 1])
    return found if len(found) <= LONGEST_NAME else f"{found[:LONGEST_NAME]}..."


def keep_traceback(item: object) -> None:
    """Log the error that is being handled, with what it was met at, where no screen shows it."""
    log.info("%s: for whoever wants to know why:", item, exc_info=True, extra={"logged": True})


def reason(error: BaseException) -> str:
    """A library's own words, the first sentence in one line of signs that a terminal shows; its type's name where they
    say little."""
    said = getattr(error, "strerror", None)  # of an OSError, and of FFmpeg's, which need not be one
    if isinstance(said, str) and said:
        return said
    shown = "".join(sign if sign.isprintable() else " " for sign in str(error))
    words = " ".join(shown.split()).split(". ")[0].rstrip(".:")
    if len(words) > LONGEST:
        words = f"{words[:LONGEST]} ..."
    if words and not isinstance(error, LookupError | TypeError | AttributeError | AssertionError):
        return words
    return f"{type(error).__name__} {words}".strip()
