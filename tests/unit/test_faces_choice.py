"""Faces chosen, by hand."""

import pytest

from advxai.faces.choice import overlap


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0, 0, 10, 10), 1),
        ((5, 0, 15, 10), 50 / 150),
        ((2, 2, 4, 12), 16 / 104),
        ((10, 0, 20, 10), 0),
        ((-5, -5, 0, 0), 0),
        ((20, 20, 30, 30), 0),
    ],
)
def test_overlap(other, share):
    assert overlap((0, 0, 10, 10), other) == overlap(other, (0, 0, 10, 10)) == pytest.approx(share)
