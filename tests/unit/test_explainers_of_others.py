"""What is said of an explainer from outside that asks or returns what can't be used."""

import threading

import numpy as np
import pytest
import torch

from advxai import saliency
from advxai.common.errors import InputError
from advxai.saliency import CallableExplainer, Explainer, Explanation, Unscaled
from advxai.saliency.registry import build
from tests.golden.pictures import picture
from tests.helpers import SIZE, explainer_settings, linear_detector

ITEMS = [{"key": f"v/{number}.png", "sha256": ""} for number in range(3)]
REQUEST = f"; it must be a tensor, float32 (n, 3, {SIZE}, {SIZE}) on cpu, with n at least 1"
NAN, INF = float("nan"), float("inf")


def load(item) -> np.ndarray:
    return picture(int(item["key"][2]) + 1)


class Asks(CallableExplainer):
    """Asks for what `WRONG` makes of the image; of the second image alone."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def attribute(self, predict, inputs):
        predict(inputs.image[None])
        if inputs.key == "v/1.png":
            predict(WRONG[self.kind][0](inputs.image[None].expand(4, -1, -1, -1)))
        return Explanation.of_map(np.zeros((SIZE, SIZE)), inputs.segments)


class AsksItself(Explainer):
    """The same as a generator."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def explain(self, inputs):
        yield inputs.image[None]
        if inputs.key == "v/1.png":
            yield WRONG[self.kind][0](inputs.image[None].expand(4, -1, -1, -1))
        return Explanation.of_map(np.zeros((SIZE, SIZE)), inputs.segments)


WRONG = {
    "double": (lambda images: images.double(), f"float64 (4, 3, {SIZE}, {SIZE}) on cpu"),
    "elsewhere": (lambda images: images.to("meta"), f"float32 (4, 3, {SIZE}, {SIZE}) on meta"),
    "no rows": (lambda images: images[:0], f"float32 (0, 3, {SIZE}, {SIZE}) on cpu"),
    "one image": (lambda images: images[0], f"float32 (3, {SIZE}, {SIZE}) on cpu"),
    "channels last": (lambda images: images.permute(0, 2, 3, 1), f"float32 (4, {SIZE}, {SIZE}, 3) on cpu"),
    "numpy": (lambda images: images.numpy(), "a ndarray"),
    "list": (list, "a list"),
    "nothing": (lambda images: None, "a NoneType"),
}


def explained(kind: str, params: dict, at_once: int = 3) -> list[dict]:
    settings = explainer_settings(method=f"{__name__}:{kind}", baseline="zeros", params=params)
    generator = torch.Generator().manual_seed(1)
    detector = linear_detector(torch.randn((3, SIZE, SIZE), generator=generator) * 0.02)
    return list(saliency.run(ITEMS, load, detector, settings, 0, at_once))


def message(kind: str, params: dict, at_once: int = 3) -> str:
    """What is said; no thread may be left behind but the one that prepares images, which the error still holds."""
    before = set(threading.enumerate())
    with pytest.raises(InputError) as caught:
        explained(kind, params, at_once)
    for thread in {one for one in threading.enumerate() if not one.name.startswith("ahead")} - before:
        thread.join(10)
        assert not thread.is_alive()
    text = str(caught.value)
    assert text.startswith(f"explainer {__name__}:{kind}: ") and "\n" not in text
    return text.removeprefix(f"explainer {__name__}:{kind}: ")


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("base", ["Asks", "AsksItself"])
def test_a_request_that_can_t_be_used_is_one_sentence(base, kind, at_once):
    found = WRONG[kind][1]
    assert message(base, {"kind": kind}, at_once) == f"its request for the image v/1.png is {found}{REQUEST}"


# -- what is returned -------------------------------------------------------------------------------------------------
def right(inputs) -> dict:
    count = int(inputs.segments.max()) + 1
    return {
        "map": np.zeros((SIZE, SIZE), np.float32),
        "scores": np.arange(count, dtype=np.float32),
        "ranking": np.arange(count, dtype=np.int16)[::-1],
    }


def before(how):
    """An explanation with what `how` makes of its map as `unscaled`."""
    return lambda given: Explanation(**given, unscaled=how(given["map"]))


def changed(name: str, change):
    return lambda given: Explanation(**given | {name: change(given.get(name))})


def put(position, value):
    def change(array):
        array = array.copy()
        array[position] = value
        return array

    return change


# name -> (what is returned, from right ones; the words)
RETURNS = {
    "nothing": (lambda given: None, "a NoneType and no advxai.saliency.Explanation"),
    "a tensor": (lambda given: torch.zeros((2, 3, SIZE, SIZE)), "a Tensor and no advxai.saliency.Explanation"),
    "a map alone": (lambda given: given["map"], "a ndarray and no advxai.saliency.Explanation"),
    "the class": (lambda given: Explanation, "a type and no advxai.saliency.Explanation"),
    "small map": (changed("map", lambda map_: map_[::2, ::2]), f"a `map` of shape (16, 16) and not ({SIZE}, {SIZE})"),
    "colour map": (
        changed("map", lambda map_: np.stack([map_] * 3, 2)), f"a `map` of shape ({SIZE}, {SIZE}, 3) and not (32, 32)"
    ),
    "tensor map": (changed("map", torch.from_numpy), "a `map` that is a Tensor and no numpy array of numbers"),
    "complex map": (
        changed("map", lambda map_: map_ * 1j),
        "a `map` that is an array of complex64 (32, 32) and no numpy array of numbers",
    ),
    "nan map": (changed("map", put((3, 4), NAN)), "a `map` with NaN or infinity"),
    "unscaled alone": (before(lambda map_: map_), "an `unscaled` that is a ndarray and no advxai.saliency.Unscaled"),
    "unscaled row": (
        before(lambda map_: Unscaled.of(map_[0])),
        "an `unscaled` whose map is an array of float32 (32,) and not numbers of the shape (32, 32)",
    ),
    "unscaled inf": (before(lambda map_: Unscaled(map_, 0.0, INF)), "an `unscaled` with NaN or infinity"),
    "huge map": (changed("map", lambda map_: map_.astype(np.float64) + 1e300), "a `map` with NaN or infinity"),
    "few scores": (changed("scores", lambda scores: scores[:2]), "a `scores` of shape (2,) and not (COUNT,)"),
    "a score a pixel": (lambda given: changed("scores", lambda _: given["map"])(given), "a `scores` of shape (32, 32)"),
    "list of scores": (changed("scores", list), "a `scores` that is a list and no numpy array of numbers"),
    "inf score": (changed("scores", put(1, -INF)), "a `scores` with NaN or infinity"),
    "beyond": (changed("ranking", put(0, 99)), "a `ranking` with the segment 99, where there are 0 to LAST,"),
    "below": (changed("ranking", put(2, -1)), "a `ranking` with the segment -1, where there are 0 to LAST,"),
    "large": (changed("ranking", lambda ranking: ranking.astype("i8") + 65536), "a `ranking` with the segment 65536,"),
    "twice": (changed("ranking", put(1, 0)), "a `ranking` with the segment 0 twice"),
    "floats": (changed("ranking", lambda ranking: ranking / 2), "a `ranking` of float64 and not of whole numbers"),
    "flags": (changed("ranking", lambda ranking: ranking > 2), "a `ranking` of bool and not of whole numbers"),
    "tuple": (changed("ranking", tuple), "a `ranking` that is a tuple and no numpy array of one dimension"),
    "table": (
        changed("ranking", lambda ranking: ranking[None]),
        "a `ranking` that is an array of int16 (1, COUNT) and no numpy array of one dimension",
    ),
    "inf zero": (changed("zero", lambda _: INF), "a `zero` of inf, which is neither a finite number nor NaN,"),
    "no zero": (changed("zero", lambda _: None), "a `zero` of None, which is neither a finite number nor NaN,"),
}  # fmt: skip


class Returns(CallableExplainer):
    """Returns what `RETURNS` makes of a right explanation; of the second image alone."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def attribute(self, predict, inputs):
        predict(inputs.image[None])
        given = right(inputs)
        return RETURNS[self.kind][0](given) if inputs.key == "v/1.png" else Explanation(**given)


class ReturnsItself(Returns):
    """The same as a generator."""

    def explain(self, inputs):
        yield inputs.image[None]
        return self.attribute(lambda images: None, inputs)


@pytest.mark.parametrize("kind", RETURNS)
@pytest.mark.parametrize("base", ["Returns", "ReturnsItself"])
def test_what_is_no_explanation_of_the_image_is_one_sentence(base, kind):
    (_, second, _) = explained("Fine", {})
    count = len(second["scores"])
    words = RETURNS[kind][1].replace("COUNT", str(count)).replace("LAST", str(count - 1))
    found = message(base, {"kind": kind})
    assert found.startswith(f"returned {words}") and found.endswith(" for the image v/1.png; correct it")


class Fine(CallableExplainer):
    """Other types than those that are stored; part of the segments, none of the first image."""

    def attribute(self, predict, inputs):
        count = int(inputs.segments.max()) + 1
        ranking = np.array([]) if inputs.key == "v/0.png" else np.array([2, 0], dtype=np.uint32)
        return Explanation(np.ones((SIZE, SIZE), np.int64), np.arange(count) / 4.0, ranking, np.float32(0.5))


def test_what_can_be_used_is_stored_in_its_types():
    records = explained("Fine", {})
    for record in records:
        assert (record["map"].dtype, record["scores"].dtype, record["ranking"].dtype) == ("f4", "f4", "i2")
        assert record["zero"] == 0.5 and isinstance(record["zero"], float)
        assert record["images"] == 0
    assert [list(record["ranking"]) for record in records] == [[], [2, 0], [2, 0]]


# -- the class --------------------------------------------------------------------------------------------------------
class NoGenerator(Explainer):
    def explain(self, inputs):
        return [inputs.image[None]]


def test_an_explain_that_is_no_generator():
    assert message("NoGenerator", {}) == (
        "its `explain` returned a list for the image v/0.png; it must be a generator that yields requests, or the "
        "class derive from CallableExplainer"
    )


class Rows(AsksItself):
    def __init__(self, rows) -> None:
        super().__init__("double")
        self.rows = rows


@pytest.mark.parametrize("rows", [0, -3, 2.5, None, "8"])
def test_rows_must_be_a_number_of_them(rows):
    assert message("Rows", {"rows": rows}) == f"its `rows` is {rows!r}; it must be a whole number from 1"
    assert build(explainer_settings(method=f"{__name__}:Rows", baseline="zeros", params={"rows": 8})).rows == 8


# -- the built-in ones ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "budget"),
    [
        ("lime", {"samples": 20}),
        ("shap", {"evaluations": 30}),
        ("sobol", {"grid": 2, "design": 2}),
        ("rise", {"masks": 2, "cells": 2}),
        ("rise", {"masks": 2, "cells": 2, "p1": 0.01, "draw": "uniform", "divide_by": "coverage"}),
    ],
)
@pytest.mark.parametrize(("gain", "bias"), [(0.0, 0.0), (0.0, 200.0), (1e-30, 0.0), (1e-20, -100.0), (1e4, 0.0)])
def test_finite_answers_give_finite_maps(method, budget, gain, bias):
    """Constant, saturated and tiny answers, and masks that keep nothing."""
    weight = torch.zeros((3, SIZE, SIZE))
    weight[:, :8, :8] = gain
    settings = explainer_settings(method=method, baseline="zeros", **budget)
    for record in saliency.run(ITEMS, load, linear_detector(weight, bias), settings, 0, 2):
        assert np.isfinite(record["map"]).all() and np.isfinite(record["scores"]).all()
        assert not np.isinf(record["zero"])


def test_a_setting_that_leaves_no_numbers_is_said():
    settings = explainer_settings(method="rise", baseline="zeros", masks=4, cells=2, p1=1e-320)
    with pytest.raises(
        InputError, match="^explainer rise: returned a `map` with NaN or infinity for the image v/0.png"
    ):
        list(saliency.run(ITEMS, load, linear_detector(torch.zeros((3, SIZE, SIZE))), settings, 0, 1))


class Fails(CallableExplainer):
    def attribute(self, predict, inputs):
        predict(inputs.image[None])
        return {}["nothing"]


def test_an_error_of_a_black_box_names_the_row():
    settings = explainer_settings(method=f"{__name__}:Fails", baseline="zeros")
    detector = linear_detector(torch.zeros((3, SIZE, SIZE)))
    with pytest.raises(InputError, match=r"^explainer Mine \(.*:Fails\): KeyError: 'nothing' \(line \d+ of test_expl"):
        list(saliency.run(ITEMS, load, detector, settings, 0, 2, row="Mine"))
