"""The user's own code: found and hashed without being run."""

import importlib
import sys
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.common.usercode import code_sha256, find, running

RAISES = "raise RuntimeError('imported')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On the path of modules: a module of its own, a package with a subpackage, a package without __init__.py."""
    files = {
        "advxai_alone.py": RAISES,
        "advxai_beside.py": RAISES,
        "advxai_pack/__init__.py": RAISES,
        "advxai_pack/net.py": RAISES,
        "advxai_pack/sub/__init__.py": "",
        "advxai_pack/sub/deep.py": RAISES,
        "advxai_pack/notes.txt": "",
        "advxai_space/inner/more.py": RAISES,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


MODULES = ("advxai_alone", "advxai_pack", "advxai_pack.net", "advxai_pack.sub.deep", "advxai_space.inner.more")


def hashes() -> dict[str, str | None]:
    return {module: code_sha256(module) for module in MODULES}


def test_modules_are_found_and_not_imported(folder):
    assert find("advxai_alone").file == folder / "advxai_alone.py" and find("advxai_alone").package == ()
    place = find("advxai_pack.sub.deep")
    assert place.file == folder / "advxai_pack/sub/deep.py" and place.package == (folder / "advxai_pack",)
    assert find("advxai_space.inner.more").file == folder / "advxai_space/inner/more.py"
    assert len(set(hashes().values())) == 3  # a package has one, whichever of its modules is meant
    assert not [name for name in sys.modules if name.startswith(("advxai_alone", "advxai_pack", "advxai_space"))]


@pytest.mark.parametrize(
    ("changed", "moved"),
    [
        ("advxai_alone.py", {"advxai_alone"}),
        ("advxai_beside.py", set()),  # a helper elsewhere isn't seen
        ("advxai_pack/sub/deep.py", {"advxai_pack", "advxai_pack.net", "advxai_pack.sub.deep"}),
        ("advxai_pack/notes.txt", set()),
        ("advxai_pack/__pycache__/net.py", set()),
        ("advxai_pack/new.py", {"advxai_pack", "advxai_pack.net", "advxai_pack.sub.deep"}),
        ("advxai_space/inner/more.py", {"advxai_space.inner.more"}),
    ],
)
def test_a_change_of_code_moves_what_is_made_by_it(folder, changed, moved):
    before = hashes()
    (folder / changed).parent.mkdir(exist_ok=True)
    (folder / changed).write_text("x = 1\n")
    after = hashes()
    assert {module for module in MODULES if before[module] != after[module]} == moved


def test_a_renamed_file_and_a_moved_line_are_changes(folder):
    """Names and lengths go in with the contents: bytes that move from one file to the next aren't the same."""
    first, second = folder / "advxai_pack/net.py", folder / "advxai_pack/other.py"
    first.write_text("ab")
    second.write_text("c")
    before = code_sha256("advxai_pack")
    first.write_text("a")
    second.write_text("bc")
    assert code_sha256("advxai_pack") != before
    first.write_text("ab")
    second.write_text("c")
    assert code_sha256("advxai_pack") == before
    second.rename(second.with_name("third.py"))
    assert code_sha256("advxai_pack") != before


@pytest.mark.parametrize("module", ["advxai_absent", "advxai_pack.absent", "advxai_alone.x", "", "sys", ".x", "a..b"])
def test_what_isn_t_there_has_no_hash(folder, module):
    assert code_sha256(module) is None


def test_a_place_in_the_tree_doesn_t_matter(folder, tmp_path_factory, monkeypatch):
    """Two machines have the code in different folders."""
    before = code_sha256("advxai_pack.net")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "advxai_pack").rename(elsewhere / "advxai_pack")
    importlib.invalidate_caches()
    assert code_sha256("advxai_pack.net") is None
    monkeypatch.syspath_prepend(str(elsewhere))
    assert code_sha256("advxai_pack.net") == before


def test_links_are_followed_and_an_editor_s_lock_is_no_code(folder, tmp_path_factory):
    before = code_sha256("advxai_pack.net")
    (folder / "advxai_pack/.#net.py").symlink_to("nobody@nowhere:1")
    (folder / "advxai_pack/gone.py").symlink_to("nowhere.py")
    assert code_sha256("advxai_pack.net") == before
    elsewhere = tmp_path_factory.mktemp("linked")
    (elsewhere / "more.py").write_text("x = 1")
    (elsewhere / "round").symlink_to(elsewhere)
    (folder / "advxai_pack/linked").symlink_to(elsewhere)
    linked = code_sha256("advxai_pack.net")
    assert linked != before
    (elsewhere / "more.py").write_text("x = 2")
    assert code_sha256("advxai_pack.net") not in (before, linked)


class Own:
    def work(self, error: Exception):
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("conv"), "who: KeyError: 'conv' (line LINE of test_usercode.py); correct the class"),
        (ValueError("two\nlines"), "who: ValueError: two lines (line LINE of test_usercode.py); correct the class"),
        (InputError("one sentence"), "one sentence"),
    ],
)
def test_an_error_of_code_of_the_user_s_own_at_work_is_one_line(error, said, caplog):
    line = next(n for n, text in enumerate(Path(__file__).read_text().splitlines(), 1) if text.strip() == "raise error")
    with caplog.at_level("INFO"), pytest.raises(InputError) as caught, running(Own(), "who"):
        Own().work(error)
    assert str(caught.value) == said.replace("LINE", str(line))
    assert ("Traceback" in caplog.text) == (not isinstance(error, InputError))  # for whoever wants to know why


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError(), RuntimeError("can't allocate memory: 3 bytes")])
def test_lacking_memory_is_no_fault_of_the_user_s_code(error):
    with pytest.raises(type(error)), running(Own(), "who"):
        raise error


def test_errors_of_our_own_classes_are_defects_and_stay():
    from advxai.saliency.lime import Lime

    with pytest.raises(KeyError), running(Lime.__new__(Lime), "who"):
        raise KeyError("conv")
