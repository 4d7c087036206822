"""The command line of `python -m advxai explain`."""

import json
from pathlib import Path

import pytest

from advxai import __main__
from advxai.explain import command
from advxai.run.paths import Paths
from tests.unit.cases.small_run import KEY, configuration


def main(capsys, monkeypatch, paths: Paths, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(__main__, "as_a_job", lambda: None)
    file = Path(paths.config.results).parent / "small.json"
    file.write_text(json.dumps(configuration(file.parent)))
    code = __main__.main(["explain", "--config", str(file), *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_says_what_it_found_and_wrote(finished, capsys, monkeypatch, tmp_path):
    code, out, _ = main(capsys, monkeypatch, finished, KEY, "-o", tmp_path, "--explainers", "LIME_adv")
    assert code == 0
    first, *places = out.splitlines()
    assert first.startswith(f"{KEY}: called ") and "of NES; " in first
    assert [Path(place).suffix for place in places] == [".png", ".pdf", ".npz", ".json"]
    assert all(Path(place).is_file() for place in places)


def test_the_command_s_errors_are_one_line(finished, capsys, monkeypatch, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    for arguments, said in (
        (["absent.jpg"], "absent.jpg: there is no such file"),
        (["a\x1b[2J\nb.jpg"], r"a\x1b[2J b.jpg: there is no such file"),  # a terminal would obey
        ([tmp_path / "notes.jpg", "--whole"], "notes.jpg is neither a picture nor a video"),
        ([KEY, "--explainers", "LIMEX"], "there is no explainer LIMEX; the configuration has LIME, LIME_again"),
        ([KEY, "--detector", tmp_path / "no.safetensors"], "no.safetensors: there is no such file"),
    ):
        code, out, err = main(capsys, monkeypatch, finished, *arguments, "-o", tmp_path / "out")
        assert (code, out) == (2, "") and err.startswith("Error: ") and err.count("\n") == 1 and said in err
    assert not (tmp_path / "out").exists()


def test_a_file_that_cant_be_read_costs_the_others_nothing(finished, capsys, monkeypatch, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    arguments = [
        tmp_path / "empty.jpg",
        tmp_path,
        tmp_path / "notes.jpg",
        KEY,
        "--whole",
        "--explainers",
        "LIME_adv",
        "-o",
        tmp_path / "out",
    ]
    code, out, err = main(capsys, monkeypatch, finished, *arguments)
    assert code == 2 and out.startswith(f"{KEY}: called ") and len(out.splitlines()) == 5
    empty, folder, notes = err.splitlines()[-3:]
    assert "empty.jpg is empty (0 bytes)" in empty and "is a folder" in folder
    assert "notes.jpg is neither a picture nor a video" in notes
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith("notes")]


def test_too_little_memory_says_what_to_lower(finished, capsys, monkeypatch, tmp_path):
    def no_memory(*_: object) -> None:
        raise MemoryError("no memory for 8 images in work; fewer at once (`images_at_once`) may fit")

    monkeypatch.setattr(command, "explain", no_memory)
    code, _, err = main(capsys, monkeypatch, finished, KEY, "-o", tmp_path)
    assert code == 2 and "no memory for 8 images" in err and "lower `images_at_once` in " in err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        __main__.main(["explain", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "python -m advxai explain me.jpg clip.mp4 --explainers LIME LIME_adv -o out/" in said
    with pytest.raises(SystemExit) as ended:
        __main__.main(["explain", "me.jpg", "--frames", "0"])
    assert ended.value.code == 2 and "0 isn't a number from 1 to 60" in capsys.readouterr().err


def test_a_file_s_name_may_begin_as_an_option_does(finished, photo, capsys, monkeypatch, tmp_path):
    """`-o` alone is the option; -out.png was taken for -o ut.png, and the picture not looked at."""
    monkeypatch.chdir(tmp_path)
    for name in ("-x.png", "-out.png", "-o"):
        photo.with_name(name).write_bytes(photo.read_bytes())
    arguments = ["-x.png", "-out.png", "--whole", "--explainers", "LIME", "-o", "out"]
    code, out, _ = main(capsys, monkeypatch, finished, *arguments)
    assert code == 0 and out.startswith("-x.png, face 1: called ") and "\n-out.png, face 1: called " in out
    assert json.loads(Path("out/-out.json").read_text())["input"]["argument"] == "./-out.png"
