"""White boxes in a job that is killed, runs out of memory, or is of other shards; and what is counted of them."""

import json

import pytest

from advxai.common.errors import InputError
from advxai.detector import gradients
from advxai.report.provenance import records
from advxai.run.digests import LATER
from advxai.run.store import complete, read_attributes, read_shard, write_shard
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.helpers import explainer_settings

METHOD = "tests.custom:GradientTimesInput"
SETTINGS = explainer_settings(method=METHOD, baseline="zeros", params={})
ITEMS = pictures.items(*range(1, 8))


def fours():
    """A detector whose batches are of four images."""
    return pictures.detector(1.0, forward_batch=4)


def explained(items, detector):
    yield from run(items, pictures.load, detector, SETTINGS, seed=5, at_once=2)


def publish(folder, detector, items=ITEMS, name="0-of-1", killed_after=None, **options):
    """A shard; the job may be killed when it has so many records."""

    def compute(missing):
        for number, record in enumerate(explained(missing, detector)):
            if number == killed_after:
                raise KeyboardInterrupt
            yield record

    output = folder / f"run/{name}.h5"
    stages = {"folder": folder, "title": "White", "weights": "w", "attributes": lambda: detector.spent}
    complete(output, items, compute, **stages, **options)
    return read_shard(output)


def equal(one, other) -> bool:
    return one["key"] == other["key"] and one["map"].tobytes() == other["map"].tobytes()


def test_what_a_killed_job_has_made_isn_t_computed_again(tmp_path):
    """Batches are of four: it is killed in the midst of the second one, whose first two records are there."""
    whole = publish(tmp_path / "a-000000000000", fours())
    folder = tmp_path / "b-111111111111"
    with pytest.raises(KeyboardInterrupt):
        publish(folder, fours(), killed_after=6)
    resumed = publish(folder, fours())
    assert all(map(equal, whole, resumed)) and len(resumed) == 7
    said = read_attributes(folder / "run/0-of-1.h5")
    assert (said["found"], said["computed"]) == (6, 1)
    # of one image: a forward for its class, and one with its way back
    assert (said["images"], said["calls"], said["backwards"]) == (2, 2, 1)


def test_other_shards_and_another_order_give_the_same_bits(tmp_path):
    whole = publish(tmp_path / "a-000000000000", fours())
    found = []
    for number, part in enumerate((ITEMS[:3], ITEMS[3:])):
        found += publish(tmp_path / "b-111111111111", fours(), part[::-1], name=f"part-{number}")
    by_key = {record["key"]: record for record in found}
    assert len(by_key) == 7 and all(equal(record, by_key[record["key"]]) for record in whole)


def test_records_of_before_there_were_white_boxes_are_taken(tmp_path):
    """They lack the field; what takes them over has it."""
    folder = tmp_path / "a-000000000000"
    made = [{**record, "weights": "w"} for record in explained(ITEMS[:2], fours())]
    older = [{name: value for name, value in record.items() if name != "backwards"} for record in made]
    write_shard(folder / "former/0-of-1.h5", older, {})
    found = publish(folder, fours(), ITEMS[:3], later=LATER["saliency"])
    assert [record["backwards"] for record in found] == [0, 0, 1]
    assert read_attributes(folder / "run/0-of-1.h5")["computed"] == 1


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_without_memory_the_message_names_what_helps(monkeypatch, error):
    """It is no MemoryError, after which a job is tried again with half the images: the batch would be the same."""

    def no_memory(*_):
        raise error

    monkeypatch.setattr(gradients.Network, "_scores", no_memory)
    with pytest.raises(InputError) as raised:
        list(explained(ITEMS, fours()))
    assert str(raised.value) == (
        f"explainer {METHOD}: no memory for 4 images through the detector and back, whose features are all held at "
        "once: set `gradient_batch` of its row to less than 4"
    )


def test_provenance_counts_them_where_there_are_any(tmp_path):
    folder = tmp_path / "a-000000000000"
    publish(folder, fours())
    (shard,) = (folder / "run").glob("*.h5")
    stamped = [record | {"made_with": "torch"} for record in read_shard(shard)]
    said = {name: int(value) for name, value in read_attributes(shard).items() if name != "records"}
    write_shard(tmp_path / "white.h5", stamped, said)
    del said["backwards"]
    write_shard(tmp_path / "black.h5", stamped, said)
    assert records([tmp_path / "white.h5", tmp_path / "black.h5"])["backwards"] == 7
    assert "backwards" not in json.dumps(records([tmp_path / "black.h5"]))
