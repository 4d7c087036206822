"""Names that aren't ours, in figures: of files, classes and categories, with whatever is in them."""

import logging
import warnings

import pytest
from matplotlib import rcParams
from matplotlib.font_manager import FontEntry, FontManager
from matplotlib.text import Text

from advxai.common.files import printable
from advxai.report import fonts
from advxai.report.save import save
from advxai.report.sheet import note, sheet, text_width, wrapped
from tests.unit.drawing import readable

FORMULAS = ["$5 and $6.jpg", "a$b^{$.png", r"\frac{1}{2}$x^2$", "$$", r"\$"]
CHINESE = "\u4e2d\u6587"  # DejaVu hasn't these


def drawn(*names: str):
    """A figure that shows names in every place."""
    figure = sheet(7, 4, 60)
    axes = figure.subplots()
    axes.set_xticks(range(len(names)), names)
    axes.plot([0, 1], label=names[0])
    axes.legend()
    axes.set(title=names[-1], xlabel=names[0], ylabel=names[0])
    axes.annotate(names[0], (0, 0))
    figure.suptitle(names[0])
    note(figure, " ".join(names))
    return figure


@pytest.mark.parametrize("layout", ["constrained", None])
def test_a_dollar_is_a_dollar(tmp_path, layout):
    figure = drawn(*FORMULAS)
    figure.set_layout_engine(layout)
    save(figure, tmp_path / "me.png")  # PNG and PDF; a$b^{$ is no formula that can be read
    texts = [text for text in figure.findobj(Text) if "$" in text.get_text()]
    assert len(texts) > 9 and not any(text.get_parse_math() for text in texts)
    assert set(FORMULAS) <= {text.get_text() for text in texts}
    assert rcParams["text.parse_math"]  # others draw as they like


def test_numbers_on_axes_stay_as_they_are():
    figure = sheet(3, 2, 60)
    figure.subplots().plot([0, 3e9])
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.yaxis.get_offset_text().get_text() == "1e9"


def test_a_long_word_is_broken():
    name = "W" * 200
    lines = wrapped(f"{name}.png: called Real", 2.0).split("\n")
    assert "".join(lines).replace(" ", "") == f"{name}.png:calledReal" and len(lines) > 5
    assert all(text_width(line, 6.5) <= 2.0 for line in lines)
    figure = sheet(3.5, 3, 60, None)
    note(figure, name)
    readable(figure, 3.5)


def test_what_can_t_be_printed_is_shown_as_that(tmp_path):
    assert printable("a\nb\udcff\x1b[31m\u3000c.jpg") == "a b\ufffd\ufffd[31m c.jpg"
    figure = sheet(3, 2, 60)
    figure.suptitle("a\udcff\tb\x1b.jpg")
    note(figure, "a\udcff\tb\x1b.jpg\nand a line")
    save(figure, tmp_path / "me.png")
    assert {text.get_text() for text in figure.findobj(Text) if text.get_text()} == {
        "a\ufffd b\ufffd.jpg", "a\ufffd b\ufffd.jpg\nand a line",
    }  # fmt: skip


@pytest.fixture
def machine(monkeypatch):
    """A machine that has the default fonts; letters are looked for anew."""
    own = [entry for entry in fonts.fontManager.ttflist if entry.name == "DejaVu Sans"]
    manager = FontManager.__new__(FontManager)
    manager.__dict__.update(vars(fonts.fontManager), ttflist=own)
    monkeypatch.setattr(fonts, "fontManager", manager)
    monkeypatch.setattr(fonts, "_said", set())
    fonts._others.cache_clear()
    yield own
    fonts._others.cache_clear()


def test_letters_that_no_font_has_are_said_once(machine, caplog, tmp_path):
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in (CHINESE, f"{CHINESE}.jpg", "A \u2192 B"):
            save(drawn(name), tmp_path / "me.png")
    assert len(caplog.records) == 1 and CHINESE in caplog.text and "Noto Sans CJK" in caplog.text


class Font:
    def __init__(self, letters: str, scalable: bool = True) -> None:
        self.letters, self.scalable = letters, scalable

    def get_char_index(self, code: int) -> int:
        return int(chr(code) in self.letters)


def test_fonts_of_the_machine_are_looked_for(machine, monkeypatch, caplog):
    there = {
        "Aramaic": Font("\u05d0"), "Colour": Font(CHINESE, scalable=False), "Last Resort": Font(CHINESE),
        "Other Sans": Font(CHINESE + "\u05d0"), "Noto Sans CJK JP": Font(CHINESE), "DejaVu Sans": Font("abc"),
    }  # fmt: skip
    machine[:] = [FontEntry(fname=name, name=name, weight=400) for name in ("Broken", *there)]
    asked = []

    def opened(name):
        asked.append(name)
        if name == "Broken":
            raise OSError("no font")
        return there[name]

    monkeypatch.setattr(fonts, "findfont", lambda font: "DejaVu Sans")
    monkeypatch.setattr(fonts, "get_font", opened)
    assert fonts.families("abc") == ["sans-serif"] and not asked  # no font is looked at
    assert fonts.families(f"abc {CHINESE}") == ["sans-serif", "Noto Sans CJK JP"]
    assert fonts.families(f"{CHINESE} \u05d0") == ["sans-serif", "Noto Sans CJK JP", "Other Sans"]
    assert not caplog.records
    assert fonts.families("\u0e01") == ["sans-serif"] and "no font on this machine has \u0e01" in caplog.text
