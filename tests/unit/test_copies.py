"""Explanations belong to the adversarial copy that they were made with."""

import numpy as np
import pytest

from advxai.adversary.copies import copy_id, with_copies
from advxai.common.errors import InputError
from advxai.run.store import complete, read_attributes, read_shard, write_shard

WEIGHTS = "a" * 64


def copies(path, **values: int):
    records = [
        {"key": key, "sha256": "s", "steps": np.full((1, 2, 2), value, np.int8)} for key, value in values.items()
    ]
    write_shard(path, records, {})
    return path


def items(*keys: str) -> list[dict]:
    return [{"key": key, "sha256": "s"} for key in keys]


def test_a_copy_is_named_by_its_steps(tmp_path):
    shard = copies(tmp_path / "a.h5", one=1, two=2, three=1)
    named = {item["key"]: item["copy"] for item in with_copies(items("one", "two", "three"), shard)}
    assert named["one"] == named["three"] != named["two"]
    steps = np.ones((1, 2, 2), np.int8)
    assert named["one"] == copy_id(steps)
    assert len({copy_id(steps), copy_id(steps.astype(np.int16)), copy_id(steps.reshape(1, 4, 1))}) == 3


def test_an_image_without_a_copy_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.h5 has no adversarial copy of two: delete the file and run again"):
        with_copies(items("one", "two"), copies(tmp_path / "a.h5", one=1))


def test_maps_of_another_copy_are_not_taken(tmp_path):
    """A copy made anew, on another machine say, has other pixels: its maps are computed, others are found."""
    folder = tmp_path / "store/saliency/x-0123456789ab"

    def run(name: str, shard):
        asked = []

        def compute(missing):
            for item in missing:
                asked.append(item["key"])
                yield {"key": item["key"], "sha256": "s", "map": np.zeros(2)}

        wanted = with_copies(items("one", "two"), shard)
        complete(folder / name / "0-of-1.h5", wanted, compute, folder=folder, title="t", weights=WEIGHTS)
        return asked

    assert run("a", copies(tmp_path / "a.h5", one=1, two=2)) == ["one", "two"]
    assert run("b", copies(tmp_path / "b.h5", one=1, two=3)) == ["two"]
    assert read_attributes(folder / "b/0-of-1.h5")["found"] == 1
    assert [record["copy"] for record in read_shard(folder / "a/0-of-1.h5")] != [
        record["copy"] for record in read_shard(folder / "b/0-of-1.h5")
    ]
    assert run("b", copies(tmp_path / "a.h5", one=1, two=2)) == []  # going back finds them
