"""Code that a test case names runs only if the user has named it."""

import json
import sys

import pytest
import yaml

from advxai.__main__ import main
from advxai.cases.trust import code_of, require_named
from advxai.common.errors import InputError
from advxai.config import load
from tests.unit.cases.small_run import MODEL, configuration, edit

OCCLUSION = "tests.custom:Occlusion"


def replay(capsys, *arguments) -> tuple[int, str]:
    code = main(["replay", *map(str, arguments)])
    return code, capsys.readouterr().err


def test_a_case_s_own_code_isn_t_run(case, capsys, monkeypatch, tmp_path):
    """An explainer and a measure that the sender has put where Python looks, for example beside the case."""
    (tmp_path / "theirs.py").write_text("raise SystemExit('it was run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = json.loads((case / "case.json").read_text())["config"]
    config["explainers"]["Occlusion"]["method"] = "theirs:Occlusion"
    config["metrics"] = {"theirs": {"measure": "theirs:Measure"}}
    edit(case, config=config)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration(tmp_path)))  # names net, and Occlusion elsewhere
    code, said = replay(capsys, case)
    assert code == 2 and said.count("\n") == 1
    assert (
        "case.json: replaying it would run code that you haven't named: theirs:Occlusion (explainers.Occlusion" in said
    )
    assert "theirs:Measure (metrics.theirs.measure); look at that code and give --trust theirs:Occlusion theirs" in said
    assert MODEL not in said and "theirs" not in sys.modules
    code, said = replay(capsys, case, "--trust", "theirs:Other", OCCLUSION, MODEL)
    assert code == 2 and "theirs:Occlusion (explainers" in said and "theirs" not in sys.modules


def test_what_the_user_has_named_runs(case, tmp_path):
    config = load(configuration(tmp_path))
    assert set(code_of(config).values()) == {MODEL, OCCLUSION}
    with pytest.raises(InputError, match=rf"{MODEL} \(detector.model\), {OCCLUSION} \(explainers.Occlusion.method\)"):
        require_named(case, config)
    require_named(case, config, trusted=[MODEL, OCCLUSION])
    own = tmp_path / "mine.yaml"
    own.write_text(yaml.safe_dump(configuration(tmp_path)))
    require_named(case, config, own)
    require_named(
        case, load(configuration(tmp_path, detector={}, explainers={"LIME": {"method": "lime", "baseline": "zeros"}}))
    )
    with pytest.raises(InputError, match=r"none.yaml: can't be read as YAML .*; correct --config"):
        require_named(case, config, tmp_path / "none.yaml")
    measured = load(configuration(tmp_path, metrics={"m": {"measure": "tests.custom:Depth"}}))
    assert code_of(measured)["metrics.m.measure"] == "tests.custom:Depth"
