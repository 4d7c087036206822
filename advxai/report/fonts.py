"""Letters that the figures' font lacks: other fonts of the machine are looked for, once a text has such a letter.

Names of files, classes and categories are the user's, in any script. A letter that no font has is drawn as a box, and a
warning says so once.
"""

import logging
from collections.abc import Iterator
from functools import cache

from matplotlib import rcParams
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import FT2Font

log = logging.getLogger(__name__)
# What is looked into first, since it has many letters and looks like the default; of all others each is tried.
PREFERRED = ("noto sans cjk", "source han sans", "wenquanyi", "noto sans", "unifont")
REGULAR = 400  # weight
_said: set[str] = set()  # letters that a warning was about


def families(text: str) -> list[str]:
    """The families of fonts that a text is drawn with: the default's and, where it lacks letters, others' that have
    them."""
    default: list[str] = list(rcParams["font.family"])
    if text.isascii():
        return default
    lacking = frozenset(letter for letter in text if not letter.isspace() and not _has(_default(), letter))
    found, absent = _others(lacking) if lacking else ((), "")
    if absent and not _said.issuperset(absent):
        _said.update(absent)
        log.warning(
            "note: no font on this machine has %s, so figures show boxes for them: install one that has, for example "
            "Noto Sans CJK",
            ascii(absent) if not absent.isprintable() else absent,
        )
    return [*default, *found]


def _default() -> FT2Font:
    return get_font(findfont(FontProperties()))


def _has(font: FT2Font, letter: str) -> bool:
    return bool(font.get_char_index(ord(letter)))


@cache
def _others(lacking: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Families that have these letters between them, as far as there are any; and the letters that none has."""
    found: list[str] = []
    wanted = set(lacking)
    for name, font in _fonts():
        if having := {letter for letter in wanted if _has(font, letter)}:
            found.append(name)
            wanted -= having
        if not wanted:
            break
    return tuple(found), "".join(sorted(wanted))


def _fonts() -> Iterator[tuple[str, FT2Font]]:
    """The machine's families, those to be preferred first, each with its most regular font."""
    seen: set[str] = set()
    for entry in sorted(fontManager.ttflist, key=_order):
        name = entry.name
        if name in seen or "lastresort" in name.lower().replace(" ", ""):  # whose letters are boxes
            continue
        seen.add(name)
        try:
            font = get_font(entry.fname)
        except (OSError, RuntimeError):  # it is damaged, or was uninstalled
            log.debug("the font %s can't be opened", entry.fname)
            continue
        if font.scalable:
            yield name, font


def _order(entry: FontEntry) -> tuple[int, bool, bool, int, str]:
    name = entry.name.lower()
    place = next((place for place, one in enumerate(PREFERRED) if name.startswith(one)), len(PREFERRED))
    weight = abs(entry.weight - REGULAR) if isinstance(entry.weight, int) else REGULAR
    return place, "sans" not in name, entry.style != "normal", weight, name
