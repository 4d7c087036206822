"""The engine that fills forward batches, and what prepares images ahead of it."""

import threading
import time

import pytest
import torch

from advxai.common.ahead import ahead
from advxai.common.errors import InputError
from advxai.detector import engine, flight
from advxai.detector.engine import run
from advxai.detector.transfer import Arriving
from tests.helpers import SIZE, Clock, reads_segment
from tests.patience import PATIENCE


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand((count, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def asks(*requests: torch.Tensor):
    """Work that asks for images in turn and returns all answers."""
    answers = []
    for request in requests:
        answers.append((yield request))
    return torch.cat(answers)


def test_whole_batches_are_taken_without_a_copy_and_answers_are_the_same(monkeypatch):
    """40 rows of one request: two whole batches as they lie, the last eight beside another's four."""
    detector = reads_segment(3)
    big, small = images(40).to(memory_format=torch.channels_last), images(4, seed=1)
    seen = []
    inner = detector.forward

    def forward(batch, rows):
        seen.append((batch.data_ptr(), rows))
        return inner(batch, rows)

    monkeypatch.setattr(detector, "forward", forward)
    done = {name: result for name, result, _ in run([("big", asks(big)), ("small", asks(small))], detector, 2)}
    whole = detector.forward_batch * big[0].numel() * 4
    # as the first whole batch is taken, `big` stays in front of the queue; the last rows are copied
    assert seen[:2] == [(big.data_ptr(), 16), (big.data_ptr() + whole, 16)]
    assert [rows for _, rows in seen[2:]] == [12]
    assert torch.equal(done["big"], detector.probabilities(big))
    assert torch.equal(done["small"], detector.probabilities(small))


def test_seconds_are_one_s_own_and_a_share_by_rows_of_each_forward(monkeypatch):
    """A forward takes eight seconds, two of them waited for the device. The first has twelve rows of a and four of b,
    the second four of b."""
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)

    def work(rows: int, own: float):
        clock.go_on(own)
        yield images(rows)
        clock.go_on(2 * own)

    detector = reads_segment(3)
    detector.watcher = lambda rows: clock.go_on(6)

    class Slow(Arriving):
        def wait(self):
            clock.go_on(2)
            return super().wait()

    monkeypatch.setattr(flight, "Arriving", Slow)
    costs = {name: cost for name, _, cost in run([("a", work(12, 0.25)), ("b", work(8, 1.0))], detector, 2)}
    assert costs == {
        "a": engine.Cost(images=12, calls=1, seconds=0.75 + 6),
        "b": engine.Cost(images=8, calls=1, seconds=3 + 2 + 8),
    }


def silent(result):
    """Work that asks for nothing."""
    return result
    yield


def test_work_that_asks_for_nothing_is_done_at_once():
    """However much of it there is, and before or after what asks."""
    detector = reads_segment(3)
    work = [(number, asks(images(3)) if number in (2, 5) else silent(number)) for number in range(9)]
    done = {name: (result, cost) for name, result, cost in run(work, detector, 2)}
    assert done.keys() == set(range(9)) and detector.images == 6
    assert all(done[number][0] == number for number in done if number not in (2, 5))
    assert done[0][1].images == done[0][1].calls == 0


def test_whole_batches_leave_nothing_behind():
    """Requests that are batches as they lie: nobody's rows are asked for twice, whoever ends or asks again."""
    detector, told = reads_segment(3), []
    detector.watcher = told.append
    big, small = (images(rows, rows).to(memory_format=torch.channels_last) for rows in (32, 16))
    found = {name: result for name, result, _ in run([("a", asks(big, small)), ("b", asks(small))], detector, 2)}
    assert told == [16] * 4
    assert torch.equal(found["a"], detector.probabilities(torch.cat([big, small])))
    assert torch.equal(found["b"], detector.probabilities(small))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_requests_lie_in_memory_as_the_image_does(layout):
    image = images(1).to(memory_format=layout)[0]
    memory = engine.room(image, 5)
    assert memory.shape == (5, 3, SIZE, SIZE) and memory.is_contiguous(memory_format=layout)


def test_an_abandoned_run_closes_what_it_has_begun():
    closed = []

    def work(number):
        try:
            yield images(3)
            if number:
                yield images(3)
        finally:
            closed.append(number)

    pieces = [(number, work(number)) for number in range(4)]
    running = run(pieces, reads_segment(3), 3)
    assert next(running)[0] == 0 and closed == [0]
    running.close()
    assert closed == [0, 1, 2]  # the fourth has not begun


@pytest.mark.parametrize(("rows", "together"), [(1, 33), (8, 5), (16, 3), (20, 3), (32, 2), (100, 2)])
def test_enough_work_fills_two_forwards(rows, together):
    """One is computed while the next fills: 2 x 16 rows, and one piece of work more, whose rows are on their way."""
    assert engine.enough(rows, reads_segment(3)) == together


def test_every_forward_s_rows_are_told():
    detector, told = reads_segment(3), []
    detector.watcher = told.append
    for _ in run([("only", asks(images(20)))], detector, 1):
        pass
    assert told == [16, 4] and detector.images == 20


def test_a_request_s_memory_may_be_used_again():
    """SHAP and NES write each request over the one before."""
    detector = reads_segment(3)
    memory = torch.empty((20, 3, SIZE, SIZE))

    def work():
        answers = []
        for seed in range(3):
            answers.append((yield memory.copy_(images(20, seed))))
        return torch.cat(answers)

    found = {name: result for name, result, _ in run([("a", work()), ("b", asks(images(7, 9)))], detector, 2)}
    wanted = torch.cat([detector.probabilities(images(20, seed)) for seed in range(3)])
    assert torch.equal(found["a"], wanted)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_without_memory_the_message_says_what_may_help(monkeypatch, error):
    detector = reads_segment(3)

    def forward(batch, rows):
        raise error

    monkeypatch.setattr(detector, "forward", forward)
    with pytest.raises(MemoryError, match="no memory for 2 images in work; fewer at once"):
        list(run([(index, asks(images(3))) for index in range(4)], detector, 2))
    with pytest.raises(InputError, match="one image in work with a forward batch of 16: set a smaller"):
        list(run([(index, asks(images(3))) for index in range(4)], detector, 1))


@pytest.mark.parametrize(("in_work", "error"), [(0, InputError), (1, MemoryError)])
def test_an_image_that_there_is_no_memory_to_begin_counts(in_work, error):
    """One beside another may fit alone; one alone may not."""

    def work():
        raise MemoryError
        yield

    pieces = [*((number, asks(images(3))) for number in range(in_work)), ("large", work())]
    with pytest.raises(error, match="no memory for 2 images" if in_work else "no memory for one image"):
        list(run(pieces, reads_segment(3), 2))


def test_another_error_stays_what_it_is(monkeypatch):
    detector = reads_segment(3)

    def forward(batch, rows):
        raise RuntimeError("a defect")

    monkeypatch.setattr(detector, "forward", forward)
    with pytest.raises(RuntimeError, match="a defect"):
        list(run([("a", asks(images(3)))], detector, 1))


def test_ahead_keeps_the_order_and_goes_no_further_than_it_should():
    made = []

    def function(number):
        made.append(number)
        return -number

    found = ahead(function, range(10), depth=2)
    assert next(found) == (0, 0)
    deadline = time.monotonic() + 10 * PATIENCE
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2]
    assert list(found) == [(number, -number) for number in range(1, 10)]


def test_ahead_hands_an_error_over_at_its_item_and_ends_its_thread():
    def function(number):
        if number == 2:
            raise InputError("two")
        return number

    found = ahead(function, range(5))
    assert [next(found), next(found)] == [(0, 0), (1, 1)]
    with pytest.raises(InputError, match="two"):
        next(found)
    unfinished = ahead(function, range(5, 50))
    next(unfinished)
    unfinished.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


SHAPE = f"3, {SIZE}, {SIZE}"


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (images(5).double(), f"float64 (5, {SHAPE}) on cpu"),
        (images(5).half(), f"float16 (5, {SHAPE}) on cpu"),
        (images(5).to("meta"), f"float32 (5, {SHAPE}) on meta"),
        (images(5)[:0], f"float32 (0, {SHAPE}) on cpu"),
        (images(5)[:, :1], f"float32 (5, 1, {SIZE}, {SIZE}) on cpu"),
        (images(5)[0], f"float32 ({SHAPE}) on cpu"),
        (images(5)[..., 1:], f"float32 (5, 3, {SIZE}, {SIZE - 1}) on cpu"),
        (torch.tensor(1.0), "float32 () on cpu"),
        (images(5).numpy(), "a ndarray"),
        (None, "a NoneType"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_request_that_fits_no_batch_is_refused(request_, found, first):
    """Of any work, at its first request or a later one; all works are closed, in the queue or not."""
    closed = []

    def work(name, *requests):
        try:
            yield from asks(*requests)
        finally:
            closed.append(name)

    wrong = (request_,) if first else (images(3), request_)
    works = [(("a.png", "x"), work("a", images(40))), (("b.png", "y"), work("b", *wrong))]
    with pytest.raises(InputError) as caught:
        list(run(works, reads_segment(3), 2, "explainer m:C"))
    assert str(caught.value) == (
        f"explainer m:C: its request for the image b.png is {found}; it must be a tensor, float32 (n, {SHAPE}) on cpu, "
        "with n at least 1"
    )
    assert sorted(closed) == ["a", "b"]


def test_a_work_whose_rows_are_all_in_the_forward_is_closed_too():
    closed = []

    def work():
        try:
            yield images(16)
        finally:
            closed.append(True)

    detector = reads_segment(3)
    detector.watcher = lambda rows: 1 / 0
    kept = work()  # else it would be closed with its last reference
    with pytest.raises(ZeroDivisionError):
        list(run([("a", kept)], detector, 1))
    assert closed == [True]


def test_a_request_with_a_gradient_is_answered_without(monkeypatch):
    """Else the batch would hold the history of all that was ever copied into it."""
    detector, inner = reads_segment(3), reads_segment(3).forward

    def forward(batch, rows):
        assert not batch.requires_grad
        return inner(batch, rows)

    monkeypatch.setattr(detector, "forward", forward)
    ((_, answer, _),) = run([("a", asks(images(3).requires_grad_()))], detector, 1)
    assert torch.equal(answer, reads_segment(3).probabilities(images(3)))
