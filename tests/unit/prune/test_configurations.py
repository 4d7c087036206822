"""The configurations whose files are to stay."""

import json
from pathlib import Path

import pytest
import yaml

from advxai.common.errors import InputError
from advxai.config import load
from advxai.prune.runs import configurations
from advxai.prune.unused import unused
from advxai.run.paths import Paths
from tests.unit.prune.finished import listed, mapping, only_of, run


def test_two_configurations_of_one_run(tmp_path, a):
    run(a)
    rows = mapping(Path(), "a")["explainers"]
    one, two = (Paths(load(mapping(tmp_path / "results", "a", explainers={name: rows[name]}))) for name in rows)
    assert unused([one, two]) == [] and unused([two])


def test_nothing_shared_is_listed_if_two_runs_of_one_name_have_other_videos(tmp_path, both):
    """Then it can't be told whose lists are there."""
    a, b = both
    changed = mapping(tmp_path / "results", "a", corpus=mapping(Path(), "b")["corpus"])
    shared = {path for path in only_of(b, a) if path.endswith("/b") or path.startswith("faces/")}
    clips = {path for path in only_of(b, a) if path.startswith(("corpus", "media"))}
    assert listed(a, Paths(load(changed))) == only_of(b, a) - shared - clips


def test_further_configurations_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = load(mapping(Path("results"), "a"))
    Path("b.yaml").write_text(yaml.safe_dump(mapping(tmp_path / "results", "b")))
    Path("c.json").write_text(json.dumps(mapping(Path("results"), "b") | {"run": "c"}))
    found = configurations(own, ["b.yaml", "c.json"])
    assert [paths.run for paths in found] == [Path("results/a"), Path("results/b"), Path("results/c")]
    assert unused(found) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        ("a: [", "can't be read"),
        ("text", "no configuration"),
        ({"shards": 0}, "shards"),
        ({"results": "other"}, "results: other"),
        ({"detector": {"checkpoint": "no.ckpt"}}, r"no\.ckpt"),
    ],
)
def test_a_bad_configuration_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        text = content if isinstance(content, str) else yaml.safe_dump(mapping(Path("results"), "b") | content)
        Path("b.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        configurations(load(mapping(Path("results"), "a")), ["b.yaml"])
    assert "b.yaml" in str(error.value) and "\n" not in str(error.value)
