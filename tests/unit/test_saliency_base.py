"""What explainers share."""

import threading

import numpy as np
import pytest
import torch

from advxai.saliency import CallableExplainer
from advxai.saliency.base import min_max
from tests.helpers import SIZE, inputs_of
from tests.patience import PATIENCE


@pytest.mark.parametrize(
    ("values", "scaled"),
    [
        ([1.0, 2.0, 5.0], [0, 0.25, 1]),
        ([-1e-9, 0.0, 1e-9], [0, 0.5, 1]),  # small, but not constant
        ([1e6, 1e6 + 0.5], [0, 0]),  # large, and constant up to float32's rounding
        ([-1e6, -1e6 + 0.5], [0, 0]),
        ([3.0, 3.0], [0, 0]),
        ([0.0, 0.0], [0, 0]),
    ],
)
def test_min_max(values, scaled):
    np.testing.assert_allclose(min_max(np.array(values)), scaled, atol=1e-12)


class Asking(CallableExplainer):
    def attribute(self, predict, inputs):
        while True:
            predict(inputs.image[None])


def test_an_abandoned_explanation_ends_its_thread():
    before = set(threading.enumerate())
    image = torch.zeros(3, SIZE, SIZE)
    work = Asking().explain(inputs_of(image, image))
    next(work)
    (thread,) = set(threading.enumerate()) - before
    work.send(torch.zeros(1, 2))
    assert thread.is_alive()
    work.close()
    thread.join(10 * PATIENCE)
    assert not thread.is_alive()
