"""What an earlier explanation has left, and what of it may be replaced; no picture is drawn here."""

import json
from pathlib import Path

import pytest

from advxai.common.errors import InputError
from advxai.explain import document
from advxai.explain.earlier import SCHEMA, Earlier, hidden_name, require_possible
from advxai.explain.request import Request


def left(out: Path, argument: str, kind: str = "picture", files: tuple[str, ...] = ("me_1.png", "me.json")) -> None:
    out.mkdir(exist_ok=True)
    content = {"schema": SCHEMA, "input": {"argument": argument, "kind": kind, "sha256": "0"}, "files": list(files)}
    for name in files:
        if "/" not in name:
            (out / name).write_text("a picture")
    (out / "me.json").write_text(json.dumps(content))


def test_a_json_can_t_claim_other_files(tmp_path):
    out = tmp_path / "out"
    claimed = [
        "../other.png",
        "me_1/../../other.png",
        "me_1.png",
        "me_notes.txt",
        "me2.png",
        "/other.png",
        "link/x.png",
    ]
    left(out, "me.jpg", files=("me.json", "me_1.png", "me_notes.txt", "me2.png"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/frame_00001.png").write_text("not ours")
    (out / "me_2").symlink_to(tmp_path / "elsewhere")
    content = json.loads((out / "me.json").read_text())
    (out / "me.json").write_text(json.dumps(content | {"files": [*claimed, "me_2/frame_00001.png", 3, None]}))
    former = Earlier.read(out, "me")
    assert former.owned == ["me_1.png"] and not former.owns("me_2/frame_00001.png") and not former.owns("me2.png")
    assert former.owns("me_7.png")  # nothing is there


def test_links_and_folders_aren_t_replaced(tmp_path):
    left(tmp_path, "me.jpg", files=("me.json", "me_1.png", "me.npz", "me_2.png"))
    for name in ("me_1.png", "me.npz", "me_2.png"):
        (tmp_path / name).unlink()
    (tmp_path / "me_1.png").symlink_to(tmp_path / "gone")
    (tmp_path / "me.npz").mkdir()
    former = Earlier.read(tmp_path, "me")
    assert [former.owns(name) for name in ("me_1.png", "me.npz", "me_2.png")] == [False, False, True]


def test_planning_keeps_in_mind_what_a_json_lists_that_snakemake_will_delete(tmp_path, monkeypatch):
    """Of an explanation from before there was the hidden file."""
    monkeypatch.chdir(tmp_path)
    Path("me.jpg").write_text("me")
    out = Path("explain/me")
    out.parent.mkdir()
    left(out, "me.jpg")
    require_possible(Request("./me.jpg", "file"), out)
    (out / "me.json").unlink()
    former = Earlier.read(out, "me")
    assert former.owned == ["me_1.png"] and former.of["argument"] == "me.jpg"
    (out / "me_1.png").write_text("somebody else's")
    assert not Earlier.read(out, "me").owned


def test_planning_knows_a_folder_that_can_t_be_made_or_is_another_picture_s(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("me.jpg", "me.png"):
        Path(name).write_text(name)
    one = Request("me.png", "file")
    require_possible(one, Path("results/explain/me"))
    assert not Path("results").exists()
    Path("file").touch()
    with pytest.raises(InputError, match=r"file: nothing can be written there \(it isn't a folder\)"):
        require_possible(one, Path("file/explain/me"))
    with pytest.raises(InputError, match=r"/proc: nothing can be written there \(Permission denied\)"):
        monkeypatch.setattr("os.access", lambda path, _: False)
        require_possible(one, Path("/proc/none/me"))
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    left(tmp_path / "out", "me.jpg")
    with pytest.raises(InputError, match=r"me.json is there and is of another picture or video, me.jpg"):
        require_possible(one, Path("out"))


@pytest.mark.parametrize(
    ("former", "kind", "one", "same"),
    [
        ("7", "crop", Request("007", "number"), True),
        ("8", "crop", Request("7", "number"), False),
        ("random", "crop", Request("random", "random"), True),
        ("random", "picture", Request("random", "random"), False),
        ("manipulated_sequences/a", "crop", Request("manipulated_sequences/b", "key"), False),
    ],
)
def test_images_of_a_run_are_told_apart(tmp_path, former, kind, one, same):
    left(tmp_path, former, kind)
    found = Earlier.read(tmp_path, "me")
    if same:
        found.require_same(one, "1")
    else:
        found.require_same(one, "0")  # the same image by another name
        with pytest.raises(InputError, match="is of another picture or video"):
            found.require_same(one, "1")


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", "no", '{"schema": "other"}', '{"schema": "advxai.explain", "files": {"me.npz": 3}}'],
)
def test_a_hidden_file_that_is_none_of_ours_says_nothing(tmp_path, content):
    (tmp_path / hidden_name("me")).write_text(content)
    assert Earlier.read(tmp_path, "me") == Earlier(tmp_path, "me")


def test_json_is_laid_out_without_touching_its_strings():
    content = {
        "a[1,2].png": "a [ 1 , 2 ].png", "files": ["[1,  2]", "b"], "box": [1, 2.5], "rings": [[[0, 1], [2, None]], []],
        "none": [], "nothing": {}, "faces": [{"flags": [True], "name": 'a"]'}], "umlaut": "\u00e4\udcff",
    }  # fmt: skip
    said = document.text(content)
    assert json.loads(said) == content and said.isascii()
    assert said.splitlines()[:6] == [
        "{", ' "a[1,2].png": "a [ 1 , 2 ].png",', ' "files": [', '  "[1,  2]",', '  "b"', " ],",
    ]  # fmt: skip
    assert ' "box": [1, 2.5],\n "rings": [[[0, 1], [2, null]], []],\n "none": [],\n "nothing": {},\n' in said
    with pytest.raises(ValueError, match="not JSON compliant"):
        document.text({"a": [float("nan")]})
