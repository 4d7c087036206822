"""Owen values on images of a few values, worked by hand."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from advxai.saliency import build
from advxai.saliency.owen import NOTHING, Masks, halves, owen_values, packed, shared_out
from tests.helpers import SIZE, asked, drive_one, explainer_settings, inputs_of, linear_detector

Game = Callable[[np.ndarray], float]


def solved(
    game: Game, height: int, width: int, evaluations: int, batch: int = 2, chunk: int = 16
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Values (h, w) of a game on an image of ones above a baseline of zeros, of one channel; and the requests."""
    image = torch.ones((1, height, width))
    work = owen_values(inputs_of(image, image * 0, chunk=chunk), evaluations, batch)
    request, seen = next(work), []
    try:
        while True:
            seen.append(request[:, 0].numpy().copy())
            answers = [game(coalition) for coalition in seen[-1]]
            request = work.send(torch.tensor([[0.0, answer] for answer in answers]))
    except StopIteration as end:
        return end.value[..., 0], seen


@pytest.mark.parametrize(
    ("box", "children"),
    [
        ((0, 4, 0, 12), ((2, 4, 0, 12), (0, 2, 0, 12))),  # square: the height, and the bottom first
        ((0, 5, 0, 12), ((3, 5, 0, 12), (0, 3, 0, 12))),  # odd: the first half is the smaller one
        ((2, 4, 0, 9), ((2, 4, 6, 9), (2, 4, 0, 6))),  # three pixels wide
        ((0, 2, 3, 6), ((1, 2, 3, 6), (0, 1, 3, 6))),
        ((7, 8, 3, 6), ((7, 8, 5, 6), (7, 8, 3, 5))),  # one pixel: the last channel
        ((7, 8, 3, 5), ((7, 8, 4, 5), (7, 8, 3, 4))),
        ((7, 8, 4, 5), ()),
    ],
)
def test_halves(box, children):
    assert halves(box, 3) == children


@pytest.mark.parametrize(("height", "width", "channels"), [(7, 5, 3), (1, 6, 3), (8, 8, 1), (2, 3, 2)])
def test_the_tree_ends_at_every_single_value_once(height, width, channels):
    boxes, leaves = [(0, height, 0, width * channels)], []
    while boxes:
        box = boxes.pop()
        boxes += halves(box, channels)
        if not halves(box, channels):
            leaves.append(box)
    places = [(top, left) for top, _, left, _ in leaves]
    assert sorted(places) == [(row, column) for row in range(height) for column in range(width * channels)]
    assert all((bottom - top, right - left) == (1, 1) for top, bottom, left, right in leaves)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_masks_are_the_union_of_the_rectangles(layout):
    """Of an image of two channels, 3 x 2 pixels, so of the array (3, 4), in which a pixel's channels are neighbours."""
    image = torch.zeros((1, 2, 3, 2)).to(memory_format=layout)[0]
    coalitions = [[], [(0, 2, 1, 3), (2, 3, 0, 1), (2, 3, 3, 4)], [(0, 3, 0, 4)]]
    masks = Masks(image, 4)
    masks.memory.fill_(7.0)
    found = masks.of([b"".join(packed(*box) for box in one) for one in coalitions])
    assert found.is_contiguous(memory_format=layout) and found.data_ptr() == masks.memory.data_ptr()
    assert found.permute(0, 2, 3, 1).reshape(3, 3, 4).tolist() == [
        [[0, 0, 0, 0]] * 3,
        [[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]],
        [[1, 1, 1, 1]] * 3,
    ]
    assert not masks.of([NOTHING]).any()
    assert (masks.memory[3] == 7).all()


def test_the_layout_changes_no_bit():
    """Neither of a request nor of the values; requests are laid out as the image is: none is copied across layouts."""
    drawn = np.random.default_rng(6)
    image, baseline = torch.from_numpy(drawn.random((2, 3, 5, 6), dtype=np.float32))
    weights = torch.from_numpy(drawn.normal(size=(3, 5, 6)).astype(np.float32)).double()

    def explained(layout: torch.memory_format):
        placed = [one[None].to(memory_format=layout)[0] for one in (image, baseline)]

        def predict(images: Tensor) -> Tensor:
            assert images.is_contiguous(memory_format=layout)
            fake = torch.tanh((images * weights).contiguous().flatten(1).sum(dim=1))
            return torch.stack([-fake, fake], dim=1)

        return asked(owen_values(inputs_of(*placed, chunk=20), 90, 20), predict)

    (values, requests), (others, last) = explained(torch.contiguous_format), explained(torch.channels_last)
    np.testing.assert_array_equal(values, others)
    assert sum(map(len, requests)) == 90
    for one, other in zip(requests, last, strict=True):
        assert torch.equal(one, other)


def test_credit_is_shared_equally():
    shares = [((0, 2, 0, 3), 6.0), ((1, 2, 1, 2), -0.5), ((1, 2, 1, 2), 0.25)]
    assert shared_out(shares, 3, 4).tolist() == [[1, 1, 1, 0], [1, 0.75, 1, 0], [0, 0, 0, 0]]


def test_two_players_by_hand():
    """Worth 0.2 and 0.3 alone, 1 together: (0.2 + 0.7) / 2 and (0.3 + 0.8) / 2. The right one is asked first."""
    worth = {(0, 0): 0.0, (1, 0): 0.2, (0, 1): 0.3, (1, 1): 1.0}
    values, requests = solved(lambda coalition: worth[tuple(map(int, coalition[0]))], 1, 2, evaluations=4)
    np.testing.assert_allclose(values, [[0.45, 0.55]], atol=1e-7)
    assert [request.astype(int).tolist() for request in requests] == [[[[0, 0]], [[1, 1]]], [[[0, 1]], [[1, 0]]]]


def test_owen_values_aren_t_shapley_values():
    """Three of four are needed. By Shapley each gets a third; the halves, though, are equals, and the lower one's half
    of the credit is for its left value alone."""
    values, _ = solved(lambda coalition: coalition[0].all() * coalition[1, 0], 2, 2, evaluations=100)
    np.testing.assert_allclose(values, [[0.25, 0.25], [0.5, 0]], atol=1e-7)


@pytest.mark.parametrize(
    ("evaluations", "expected"),
    [
        (4, [[0.15, 0.15], [0.175, 0.175]]),  # top and bottom only
        (5, [[0.15, 0.15], [0.2375, 0.1125]]),  # one more: the bottom without the top, at half the weight
        (6, [[0.15, 0.15], [0.2375, 0.1125]]),
        (100, [[0.1, 0.2], [0.3, 0.05]]),
    ],
)
def test_what_the_budget_leaves_is_shared_equally(evaluations, expected):
    """An additive game: bottom 0.35, top 0.3, so the bottom is split first."""
    weights = np.array([[0.1, 0.2], [0.3, 0.05]])
    values, requests = solved(lambda coalition: (weights * coalition).sum(), 2, 2, evaluations)
    np.testing.assert_allclose(values, expected, atol=1e-7)
    # beginning with two, the whole is split once; each half twice, without the other one and with it
    assert sum(map(len, requests)) == min(evaluations + evaluations % 2, 2 + 2 + 4 * 2)


def test_equals_are_split_in_the_order_in_which_they_came_up():
    """Nothing adds anything: below the first split come bottom and top without, then bottom and top with the other."""
    values, requests = solved(lambda coalition: 0.5, 2, 2, evaluations=100, batch=50)
    assert not values.any()
    assert [len(request) for request in requests] == [2, 2, 8]
    assert requests[2].astype(int).reshape(8, 4).tolist() == [
        [0, 0, 0, 1],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
        [1, 0, 0, 0],
        [1, 1, 0, 1],
        [1, 1, 1, 0],
        [0, 1, 1, 1],
        [1, 0, 1, 1],
    ]


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_change_nothing(chunk):
    weights = np.random.default_rng(4).normal(size=(5, 6))

    def game(coalition: np.ndarray) -> float:
        return np.tanh((weights * coalition).sum())

    whole, one = solved(game, 5, 6, 80, batch=20, chunk=50)
    parts, many = solved(game, 5, 6, 80, batch=20, chunk=chunk)
    assert max(map(len, many)) == chunk
    np.testing.assert_array_equal(np.concatenate(one), np.concatenate(many))
    np.testing.assert_array_equal(whole, parts)


def test_only_the_library_s_engine_needs_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)  # any import of it fails
    image: Tensor = torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(5))

    def explained(**settings):
        explainer = build(explainer_settings(method="shap", baseline="zeros", evaluations=10, **settings))
        return drive_one(explainer.explain(inputs_of(image, image * 0)), linear_detector(image * 0.01))

    explanation, cost = explained()
    assert explanation.map.max() > 0 and cost.images == 10
    with pytest.raises(ImportError):
        explained(engine="library")
