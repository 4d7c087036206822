"""What fills in for a clip, (3, T, h, w): by hand, and beside what fills in for its frames."""

import numpy as np
import pytest
import torch

from advxai.config.rows import Baseline
from advxai.saliency.baselines import fill
from tests.helpers import UNIT

CLIP = torch.rand((3, 4, 8, 8), generator=torch.Generator().manual_seed(0)) * 2 - 1
SEGMENTS = np.zeros((4, 8, 8), np.int16)
SEGMENTS[2:, :, 4:] = 1


def filled(kind: str, image=CLIP, segments=SEGMENTS, generator=None, **given) -> torch.Tensor:
    own = np.random.default_rng(5) if generator is None else generator
    given = {"adversarial": None, **given}
    return fill(Baseline(kind=kind, size=3, std=0.1), image, segments, UNIT, generator=own, **given)


def test_the_mean_colour_is_the_whole_clip_s():
    made = filled("image_mean")
    np.testing.assert_allclose(made, CLIP.mean(dim=(1, 2, 3))[:, None, None, None].expand_as(CLIP), atol=1e-6)


def test_a_segment_s_mean_is_over_all_its_frames():
    made, inside = filled("segment_mean"), torch.from_numpy(SEGMENTS == 1)
    for part in (inside, ~inside):
        mean = CLIP[:, part].mean(dim=1, keepdim=True)
        torch.testing.assert_close(made[:, part], mean.expand(3, int(part.sum())), atol=1e-6, rtol=0)
    assert made[0, 0, 0, 0] != made[0, 2, 0, 7]


@pytest.mark.parametrize("kind", ["blur", "noise", "zeros"])
def test_frame_by_frame_as_images(kind):
    """Noise is drawn frame after frame."""
    made, generator = filled(kind), np.random.default_rng(5)
    for place in range(4):
        np.testing.assert_array_equal(made[:, place], filled(kind, CLIP[:, place], SEGMENTS[place], generator))
    assert kind == "zeros" or not torch.equal(made[:, 0], made[:, 1])


@pytest.mark.parametrize("kind", ["adversarial", "counterpart"])
def test_what_is_handed_in_is_taken(kind):
    other = CLIP.flip(1)
    assert filled(kind, **{kind: other}) is other
    with pytest.raises(ValueError, match="needs"):
        filled(kind)
