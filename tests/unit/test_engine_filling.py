"""How the engine fills forwards: which rows go first, what is foreseen, and forwards that are in flight."""

import random
import time

import numpy as np
import pytest
import torch

from advxai.adversary.nes import attack, gaussian_noise, nes_at_once
from advxai.common.errors import InputError
from advxai.config.science import Nes
from advxai.detector import flight
from advxai.detector.engine import Foreseen, leaving, moved, run, values
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.queue import Queue, Task
from advxai.detector.transfer import Arriving, with_values
from tests.helpers import SIZE, TWO, UNIT, LinearModule, linear_detector, reads_segment

CPU = torch.device("cpu")


def images(count: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.rand((count, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return drawn.to(memory_format=torch.channels_last)


def asks(*requests: torch.Tensor):
    """Work that asks for images in turn and returns all answers."""
    answers = []
    for request in requests:
        answers.append((yield request))
    return torch.cat(answers)


def recorded(detector: Detector, monkeypatch) -> list[tuple[int, int]]:
    """The rows of every forward that are asked for and foreseen."""
    inner, seen = detector.forward, []

    def forward(batch, rows, foreseen=0):
        seen.append((rows, foreseen))
        return inner(batch, rows, foreseen)

    monkeypatch.setattr(detector, "forward", forward)
    return seen


@pytest.fixture
def late(monkeypatch):
    """Makes of a detector one whose answers are NaN until they are waited for, as a GPU's are anything until then; and
    counts forwards that are in flight."""

    def delay(detector: Detector) -> Detector:
        inner, coming = detector.forward, []
        detector.most = 0

        def forward(*given):
            answers = inner(*given)
            lent = torch.full_like(answers, torch.nan)
            coming.append((lent, answers))
            detector.most = max(detector.most, len(coming))
            return lent

        class Late(Arriving):
            def wait(self):
                lent, answers = coming.pop(0)
                assert lent is self._host  # those of the oldest forward are waited for
                lent.copy_(answers)
                return answers.clone()

        monkeypatch.setattr(detector, "forward", forward)
        monkeypatch.setattr(flight, "Arriving", Late)
        return detector

    return delay


def attacks(count: int, settings: Nes, seed: int = 0):
    """Attacks on images of their own, of which some are called real on the way."""
    for number in range(count):
        noise = gaussian_noise(settings.samples, (SIZE, SIZE), CPU, seed, number, channels=settings.channels)
        image = torch.full((3, SIZE, SIZE), 0.004 + 0.004 * number).to(CPU)
        image = image[None].contiguous(memory_format=torch.channels_last)[0]
        yield f"{number}.png", attack(image, settings, UNIT, noise, TWO)


def outcomes(detector: Detector, settings: Nes, count: int = 6, at_once: int = 4, depth: int | None = None):
    found = {}
    for name, made, cost in run(attacks(count, settings), detector, at_once, in_flight=depth):
        numbers = [made.steps, made.before, made.after, made.trace, made.iterations, made.queries, made.success]
        found[name] = [np.asarray(one).tobytes() for one in numbers], cost.images, cost.calls
    return found


NES = Nes(samples=9, iterations=12, alpha=1 / 255)


@pytest.mark.parametrize("more", [{}, {"project": True, "noise": "per_channel", "units": "pixel"}])
@pytest.mark.parametrize("forward_batch", [4, 16, 64])
def test_no_bit_depends_on_what_is_foreseen_or_in_flight(monkeypatch, late, more, forward_batch):
    """Nor do costs: rows that were foreseen in vain are counted nowhere."""
    settings = NES.model_copy(update=more)
    weight = reads_segment(5).module.weight

    def detector() -> Detector:
        return linear_detector(weight, forward_batch=forward_batch)

    with monkeypatch.context() as plain:
        plain.setattr(Foreseen, "after", lambda self, request: request)
        one = detector()
        wanted = outcomes(one, settings)
    assert 1 < len({steps for (steps, *_), *_ in wanted.values()})  # they differ
    told = []
    other = detector()
    other.watcher = told.append
    assert outcomes(other, settings) == wanted
    assert other.images == one.images == sum(told) == sum(rows for _, rows, _ in wanted.values())
    assert min(told) > 0 and other.calls <= one.calls
    for depth in (2, 3):
        delayed = late(detector())
        assert outcomes(delayed, settings, depth=depth) == wanted
        assert delayed.images == one.images and delayed.most == (
            1 if forward_batch == 64 else depth
        )  # 4 x 18 rows don't fill two of 64


@pytest.mark.parametrize("small", [7, 8])
def test_small_requests_go_first_if_they_fill_a_forward(small):
    """Of 16 rows a small request has two at most: eight of them come before 32 rows that lie as batches, seven wait for
    these; what is left of 20 rows goes after the small ones."""
    detector, large = reads_segment(3), images(32)
    batch, clock = detector.empty_batch(), time.perf_counter
    requests = [large, images(20, 1), *(images(2, 2 + number) for number in range(small))]
    tasks = [Task(number, asks(one), detector, batch, "", clock) for number, one in enumerate(requests)]
    queue: Queue = Queue(detector, batch)
    for task in tasks:
        queue.join(task)
    assert queue.rows == 52 + 2 * small
    taken, told = [], []
    while queue.rows:
        full, shares = queue.next(tasks)
        taken.append([(share.task.name, share.first, share.count) for share in shares])
        told.append(full.data_ptr())
    together = [(2 + number, 0, 2) for number in range(small)]
    whole = [[(0, 0, 16)], [(0, 16, 16)], [(1, 0, 16)]]
    if small == 8:
        assert taken == [together, *whole, [(1, 16, 4)]]
    else:
        assert taken == [*whole, [*together, (1, 16, 2)], [(1, 18, 2)]]
    at = small == 8
    assert told[at : at + 2] == [large.data_ptr(), large[16:].data_ptr()]  # without a copy
    assert told[-1] == batch.data_ptr()


def test_only_so_much_work_is_taken_up_as_fills_a_forward():
    begun = []

    def work(number: int):
        begun.append(number)
        yield images(8, number)
        assert begun == [0, 1] if number < 2 else len(begun) > 2

    for _ in run(((number, work(number)) for number in range(5)), reads_segment(3), 5):
        pass
    assert begun == [0, 1, 2, 3, 4]


class Looks:
    """Work with a request of one row, what it foresees behind it, and what it asks for then."""

    def __init__(self, first: torch.Tensor, foreseen: torch.Tensor, then) -> None:
        self.first, self.foreseen, self.then, self.made = first, foreseen, then, 0

    def make(self) -> torch.Tensor:
        self.made += 1
        return self.foreseen

    def work(self):
        following = Foreseen(len(self.foreseen), self.make)
        first = yield following.after(self.first)
        request = self.then(following)
        return first, None if request is None else (yield request)


def test_foreseen_rows_fill_what_would_be_padding(monkeypatch):
    """One row and 15 of 20 foreseen, then the five others: counted when they are asked for."""
    detector, told = reads_segment(3), []
    detector.watcher = told.append
    seen, looks = recorded(detector, monkeypatch), Looks(images(1), images(20, 1), lambda following: following.images)
    ((_, (first, then), cost),) = run([("a", looks.work())], detector, 1)
    assert seen == [(1, 15), (5, 0)] and told == [1, 15, 5]
    assert (detector.images, detector.calls, cost.images, cost.calls) == (21, 2, 21, 3) and looks.made == 1
    assert torch.equal(first, detector.probabilities(images(1)))
    assert torch.equal(then, detector.probabilities(images(20, 1)))


@pytest.mark.parametrize(("then", "rows"), [(images(3, 5), 3), (None, 0)])
def test_what_was_foreseen_in_vain_is_dropped(monkeypatch, then, rows):
    detector = reads_segment(3)
    seen = recorded(detector, monkeypatch)
    ((_, (_, found), cost),) = run([("a", Looks(images(1), images(20, 1), lambda _: then).work())], detector, 1)
    assert seen == [(1, 15), (rows, 0)][: 2 if rows else 1]
    assert detector.images == cost.images == 1 + rows and cost.calls == 1 + bool(rows)
    assert found is None or torch.equal(found, detector.probabilities(images(3, 5)))


def test_nothing_is_foreseen_where_forwards_are_full(monkeypatch):
    looks = Looks(images(1), images(20, 1), lambda following: None)
    seen = recorded(detector := reads_segment(3), monkeypatch)
    list(run([("a", looks.work()), ("b", asks(images(15)))], detector, 2))
    assert seen == [(16, 0)] and looks.made == 0


class NoAnswer(LinearModule):
    """NaN for an image whose first pixel is above 5."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + torch.where(x[:, 0, 0, 0] > 5, torch.nan, 0.0)[:, None]


@pytest.mark.parametrize("depth", [1, 2])
def test_an_answer_that_is_no_number_is_refused_once_it_is_asked_for(late, depth):
    """By the image's name; what was foreseen in vain is nobody's fault. All works are closed."""

    def detector() -> Detector:
        made = Detector(NoAnswer(torch.zeros(3, SIZE, SIZE)), UNIT, classes=("Real", "Fake"), forward_batch=16)
        return late(made) if depth > 1 else made

    spoilt, closed = images(20, 1), []
    spoilt[3] = 6.0
    beside = asks(images(3), images(3))
    dropped = Looks(images(1), spoilt, lambda _: None).work()
    assert len(list(run([("a.png", dropped), ("b.png", beside)], detector(), 2, in_flight=depth))) == 2

    def other():
        try:
            yield from asks(images(3), images(40), images(40))
        finally:
            closed.append(True)

    wanted = Looks(images(1), spoilt, lambda following: following.images).work()
    with pytest.raises(InputError, match=r"^a\.png: the detector answers with NaN"):
        list(run([("b.png", other()), ("a.png", wanted)], detector(), 2, in_flight=depth))
    assert closed == [True]
    nan = images(20, 1)
    nan[3] = torch.nan
    wanted = Looks(images(1), nan, lambda following: following.images).work()
    with pytest.raises(InputError, match=r"a request for the image a\.png holds NaN or infinity"):
        list(run([("a.png", wanted)], detector(), 1, in_flight=depth))


def test_without_memory_in_flight_the_message_is_the_same(monkeypatch, late):
    detector = late(reads_segment(3))
    inner, count = detector.forward, []

    def forward(*given):
        count.append(given)
        if len(count) == 2:
            raise MemoryError
        return inner(*given)

    monkeypatch.setattr(detector, "forward", forward)
    with pytest.raises(MemoryError, match="no memory for 2 images in work; fewer at once"):
        list(run([(number, asks(images(16, number), images(16))) for number in range(3)], detector, 3, in_flight=2))


def test_values_of_an_answer_are_known_unless_it_was_written_into():
    answers, host = torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.5]])
    assert values(with_values(answers, host)) is host
    assert torch.equal(values(answers[:1]), answers)  # another tensor
    answers[0, 0] = 1.0
    assert torch.equal(values(answers), torch.tensor([[1.0, 0.75]]))
    assert values(with_values(host, host)) is host
    assert leaving(host).wait() is host and moved(host, CPU) is host


class Constant(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, 0, :2] * 0


class Until:
    """Classes by which an image is called real at the n-th time."""

    real = 0

    def __init__(self, iterations: int) -> None:
        self.left = iterations

    def called_real(self, _: torch.Tensor) -> bool:
        self.left -= 1
        return self.left < 0


def computed(batch: int, at_once: int, count: int, depth: int) -> float:
    """Rows computed for each one asked for, of so many attacks of 1 to 50 iterations with n = 40."""
    own = Preprocessing(4, (0.5,) * 3, (0.5,) * 3)
    detector = Detector(Constant(), own, classes=("Real", "Fake"), forward_batch=batch)
    lengths, settings = random.Random(0), Nes(samples=40, iterations=50)
    image, draws = detector.place(torch.zeros(3, 4, 4)), torch.zeros(40, 1, 4, 4)
    work = (
        (number, attack(image, settings, own, lambda _: draws, Until(lengths.randint(1, 50))))
        for number in range(count)
    )
    for _ in run(work, detector, at_once, in_flight=depth):
        pass
    return detector.calls * batch / detector.images


@pytest.mark.parametrize(
    ("batch", "at_once", "count", "depth", "most"),
    [
        (512, 64, 64, 1, 1.02),
        (512, 64, 64, 2, 1.03),
        (512, 8, 24, 1, 1.25),
        (256, 8, 24, 1, 1.15),
        (64, 7, 10, 1, 1.03),
        (8, 4, 3, 1, 1.02),
    ],
)
def test_forwards_of_nes_are_full(batch, at_once, count, depth, most):
    """First come, first served, without what is foreseen, 64 attacks at 512 rows took 1.10, with 8 in work 1.82."""
    assert computed(batch, at_once, count, depth) < most


def test_so_many_attacks_fill_forwards_on_a_device(monkeypatch):
    """Two batches' worth by n, and on a GPU, with two in flight, three."""
    detector = reads_segment(5)
    before = nes_at_once(Nes(samples=8), detector)
    monkeypatch.setattr(detector, "device", torch.device("cuda"))
    assert (before, nes_at_once(Nes(samples=8), detector)) == (2 + 1 + 4, 2 + 1 + 6)


def test_two_images_requests_that_are_no_multiple_of_the_batch_leave_no_padding():
    """As SHAP's of 50 rows with batches of 8: 10 requests of two images are 1,000 rows, 125 forwards. Were the last two
    rows of each request left until no whole batch waits, they would share a forward with four rows of padding."""
    detector = linear_detector(reads_segment(0).module.weight, forward_batch=8)
    rows = images(50)
    list(run([(name, asks(*[rows] * 10)) for name in ("a", "b")], detector, 2))
    assert detector.images == 1000
    assert detector.calls == 125
