"""What an explainer draws from the global generators is the image's own; nobody else's draws are changed by it."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from advxai.detector.engine import run
from advxai.saliency import CallableExplainer, Explanation, build, draws
from tests.helpers import SIZE, drive_one, explainer_settings, inputs_of, linear_detector, reads_segment

FLAT = torch.zeros((3, SIZE, SIZE))


def same(one: tuple, other: tuple) -> bool:
    numbers = [state[0]["state"] | {"half": (state[0]["has_gauss"], state[0]["gauss"])} for state in (one, other)]
    assert numbers[0].keys() == numbers[1].keys() == {"key", "pos", "half"}
    equal = all(np.array_equal(value, numbers[1][name]) for name, value in numbers[0].items())
    return equal and one[1] == other[1] and torch.equal(one[2], other[2])


def draw() -> list[float]:
    return [np.random.rand(), random.random(), torch.rand(()).item(), np.random.randn()]


class Draws(CallableExplainer):
    """Draws before, between and after `calls` calls; its scores are the draws."""

    def __init__(self, calls: int = 3) -> None:
        self.calls = calls

    def attribute(self, predict, inputs):
        drawn = draw()
        for _ in range(self.calls):
            predict(inputs.image[None])
            drawn += draw()
        return Explanation(np.zeros((SIZE, SIZE)), np.array(drawn), np.zeros(0))


def work(explainer: CallableExplainer, *seeds: int):
    return [(seed, explainer.explain(inputs_of(FLAT + seed / 100, FLAT, seed=seed))) for seed in seeds]


def scores(explainer: CallableExplainer, seeds: tuple[int, ...], at_once: int) -> dict[int, list[float]]:
    return {name: list(result.scores) for name, result, _ in run(work(explainer, *seeds), reads_segment(3), at_once)}


@pytest.fixture(autouse=True)
def outside():
    """The states outside are as they were, and the generators are free, whatever a test does."""
    np.random.seed(3)
    random.seed(4)
    torch.manual_seed(5)
    np.random.randn()  # half of a pair is kept in the state
    before = draws.states()
    yield
    assert same(draws.states(), before) and not draws._lent.locked()


def test_draws_are_the_same_alone_and_among_others_in_any_order():
    alone = scores(Draws(), (1,), 1) | scores(Draws(), (2,), 1)
    assert len(set(alone[1] + alone[2])) == 32
    assert scores(Draws(), (1, 2), 2) == scores(Draws(), (2, 1), 2) == alone
    assert scores(Draws(), (1, 2), 1) == alone
    many = scores(Draws(), (3, 2, 4, 1, 5), 3)
    assert {seed: many[seed] for seed in (1, 2)} == alone


def test_draws_go_on_from_one_call_to_the_next():
    """Forwards don't put the states back to their seeds."""
    found = scores(Draws(3), (1,), 1)[1]
    assert found[:8] == scores(Draws(1), (1,), 1)[1] and len(set(found)) == 16


def test_the_image_s_own_generator_is_not_used_up():
    class Own(CallableExplainer):
        def attribute(self, predict, inputs):
            predict(inputs.image[None])
            return Explanation(np.zeros((SIZE, SIZE)), inputs.generator.random(4), np.zeros(0))

    assert scores(Own(), (7,), 1)[7] == list(np.random.default_rng(7).random(4))


def test_forwards_see_the_states_outside():
    """As does whatever else is in work: here the detector draws in each forward."""
    detector, drawn = reads_segment(3), []
    detector.watcher = lambda rows: drawn.append([rows, *draw()])
    before = draws.states()
    list(run(work(Draws(2), 1, 2), detector, 2))
    np.random.set_state(before[0])
    random.setstate(before[1])
    torch.set_rng_state(before[2])
    assert drawn == [[2, *draw()], [2, *draw()]]
    np.random.set_state(before[0])
    random.setstate(before[1])
    torch.set_rng_state(before[2])


class Fails(Draws):
    def attribute(self, predict, inputs):
        super().attribute(predict, inputs)
        raise RuntimeError("a defect")


def test_an_error_leaves_the_generators_free():
    with pytest.raises(RuntimeError, match="a defect"):
        list(run(work(Fails(), 1, 2), reads_segment(3), 2))
    assert scores(Draws(), (1,), 1)


@pytest.mark.parametrize("asks", [True, False])
def test_generators_that_can_t_be_put_back_are_an_error_and_no_hang(asks):
    class Replaces(CallableExplainer):
        def attribute(self, predict, inputs):
            np.random.set_bit_generator(np.random.PCG64(0))
            if asks:
                predict(inputs.image[None])

    before = np.random.get_bit_generator()
    try:
        with pytest.raises(ValueError, match="PCG64"):
            scores(Replaces(), (1,), 1)
        with pytest.raises(ValueError, match="PCG64"):
            scores(Draws(), (1,), 1)
    finally:
        np.random.set_bit_generator(before)
        # what the explainer had put in when it replaced it
        np.random.set_state(np.random.RandomState(3).get_state())
        np.random.randn()
    assert scores(Draws(), (1,), 1)


@pytest.mark.parametrize("asked", [1, 2])
def test_work_that_is_closed_early_leaves_the_generators_free_and_its_thread_ends(asked):
    before = set(threading.enumerate())
    works = [one for _, one in work(Draws(), 1, 2)]
    answers = torch.tensor([[0.5, 0.5]])
    for one in works:
        next(one)
        for _ in range(asked - 1):
            one.send(answers)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    for one in works:
        one.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert scores(Draws(), (1,), 1)


def test_a_closed_explanation_gets_no_further_answer():
    """Code that goes on after its end is told each time, instead of waiting for ever."""
    told = []

    class Stubborn(CallableExplainer):
        def attribute(self, predict, inputs):
            for _ in range(3):
                try:
                    predict(inputs.image[None])
                except SystemExit:
                    told.append(True)

    (_, one), *_ = work(Stubborn(), 1)
    before = set(threading.enumerate())
    next(one)
    (thread,) = set(threading.enumerate()) - before
    one.close()
    thread.join(10)
    assert told == [True] * 3 and not thread.is_alive()


def test_an_explainer_may_drive_another_one():
    """The inner one's thread needs the generators that the outer one's has."""

    class Outer(CallableExplainer):
        def attribute(self, predict, inputs):
            first, inner = draw(), Draws(1).explain(inputs)
            request = next(inner)
            try:
                while True:
                    request = inner.send(predict(request))
            except StopIteration as stop:
                found = stop.value
            return Explanation(found.map, np.array([*first, *found.scores, *draw()]), found.ranking)

    alone = scores(Outer(), (1,), 1)
    assert scores(Outer(), (2, 1), 2)[1] == alone[1]
    assert alone[1][4:12] == scores(Draws(1), (1,), 1)[1]


def test_threads_of_an_explainer_get_their_own_answers():
    class Threads(CallableExplainer):
        def attribute(self, predict, inputs):
            levels = [level / 20 for level in range(16)]
            with ThreadPoolExecutor(4) as pool:
                found = pool.map(lambda level: predict(torch.full_like(inputs.image, level)[None])[0, 1].item(), levels)
                return Explanation(np.zeros((SIZE, SIZE)), np.array(list(found)), np.zeros(0))

    wanted = torch.sigmoid(torch.arange(16) / 20 * 6)
    for values in scores(Threads(), (1, 2), 2).values():
        np.testing.assert_allclose(values, wanted, atol=1e-6)


def test_the_shap_package_s_lots_are_the_image_s_own():
    """Most regions add nothing, so that the order of their splits is drawn; the budget ends within the ties."""
    weight = torch.zeros((3, SIZE, SIZE))
    weight[:, ::16, ::16] = 0.5
    settings = explainer_settings(method="shap", baseline="zeros", evaluations=60, batch=8, engine="library")
    explainer, detector = build(settings), linear_detector(weight)

    def inputs(seed: int):
        return inputs_of(torch.full_like(FLAT, 0.5), FLAT, seed=seed)

    def alone(seed: int) -> np.ndarray:
        return drive_one(explainer.explain(inputs(seed)), detector)[0].map

    first, second = alone(1), alone(2)
    assert (first != second).any()  # there are ties
    np.testing.assert_array_equal(alone(1), first)
    for order in ((1, 2, 3), (3, 2, 1)):
        works = [(seed, explainer.explain(inputs(seed))) for seed in order]
        together = {name: result.map for name, result, _ in run(works, detector, 3)}
        np.testing.assert_array_equal(together[1], first)
        np.testing.assert_array_equal(together[2], second)
