"""Images are prepared beside the detector: in one thread on a CPU, in several beside a GPU, with the same results."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from advxai.common.ahead import ahead
from advxai.common.errors import InputError
from advxai.config.video import ClipSegments
from advxai.saliency import prepare, stage
from advxai.video import scores
from tests.clips import clip, load
from tests.helpers import SIZE, explainer_settings, reads_segment
from tests.patience import PATIENCE


def test_so_many_compute_at_the_same_time_and_results_keep_their_order():
    """Each waits for two others, so nothing would be found by fewer than three; the first of three is the last done."""
    together, done = threading.Barrier(3), [threading.Event() for _ in range(9)]

    def function(number):
        together.wait(60 * PATIENCE)
        if number % 3 == 0:
            assert done[number + 1].wait(60 * PATIENCE)
        done[number].set()
        return -number

    assert list(ahead(function, range(9), threads=3)) == [(number, -number) for number in range(9)]


def test_of_several_threads_an_error_comes_at_its_item_and_all_end():
    def function(number):
        if number == 2:
            raise InputError("two")
        return number

    found = ahead(function, range(50), threads=3)
    assert [next(found), next(found)] == [(0, 0), (1, 1)]
    with pytest.raises(InputError, match="two"):
        next(found)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.mark.parametrize(
    ("device", "cores", "threads"), [("cpu", 16, 1), ("cuda", 16, 4), ("cuda", 3, 2), ("cuda", 1, 1)]
)
def test_threads_beside_a_detector(monkeypatch, device, cores, threads):
    monkeypatch.setattr(prepare.os, "sched_getaffinity", lambda process: set(range(cores)))
    assert prepare.threads_beside(SimpleNamespace(device=torch.device(device))) == threads


def test_threads_change_no_record(monkeypatch):
    """And what reads images is asked by one thread at a time."""
    pixels = np.random.default_rng(7).integers(0, 256, (6, SIZE, SIZE, 3), dtype=np.uint8)
    reading = threading.Lock()

    def load(item):
        assert reading.acquire(blocking=False)
        try:
            return pixels[int(item["key"])]
        finally:
            reading.release()

    def records(threads):
        monkeypatch.setattr(prepare, "threads_beside", lambda detector: threads)
        settings = explainer_settings(method="lime", baseline="blur", samples=20)
        items = [{"key": str(number), "sha256": ""} for number in range(6)]
        return {record["key"]: record for record in stage.run(items, load, reads_segment(5), settings, 0, 4)}

    same(records(1), records(3), "012345")


def test_threads_change_no_record_of_a_clip(monkeypatch):
    reading = threading.Lock()

    def loaded(item):
        assert reading.acquire(blocking=False)
        try:
            return load(item)
        finally:
            reading.release()

    def records(threads):
        monkeypatch.setattr(scores, "threads_beside", lambda detector: threads)
        items = [clip(number) for number in range(1, 6)]
        return {one["key"]: one for one in scores.run(items, loaded, reads_segment(5), ClipSegments(), "mean")}

    same(records(1), records(3), [clip(number)["key"] for number in range(1, 6)], ("segments", "before"))


def same(one, many, keys, fields=("map", "segments", "scores", "ranking", "before")):
    assert one.keys() == many.keys() == set(keys)
    for key, record in one.items():
        for field in fields:
            np.testing.assert_array_equal(record[field], many[key][field])
