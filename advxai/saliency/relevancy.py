"""Relevancy: what a transformer's answer has taken from each token, through all of its attention."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advxai.detector.attention import Back, Seen, seen
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer
from advxai.saliency.base import Unscaled
from advxai.saliency.whitebox import Batch, Maps, WhiteBox

NOWHERE = (
    "`map: released` lays tokens that are channels out as a square: its places mean nothing, and no part of the face "
    "lies behind a place of it"
)


class Relevancy(WhiteBox):
    """Chefer et al., Generic attention-model explainability, ICCV 2021, rules 5 and 6.

    R begins as the identity; block by block A is the mean over heads of ReLU(gradient * attention), and R += A R. What
    counts is the row of the class token, without the class token and its like. A network whose head reads other tokens,
    such as the mean over all places, has the mean of their rows, less what the identity has put there: the rows are
    those of the tokens of the last block that the score has a gradient for.

    Of tokens that are no places (`token_grid` False) the relevancy has no place either. `places` shows instead how each
    place of the map that they are made of adds to the score: the sum over tokens of ReLU(content * gradient), which is
    ours. `released` lays the tokens out as a square, as the code of the GitHub repository
    noame12/Explainable_Attention_Based_Deepfake_Detector does, in order to compare.

    Maps are 0 or more, without a sign, and enlarged to the image bilinearly.

    Args:
        map: "places" or "released".
    """

    def __init__(self, map: str = "places") -> None:
        self.released = map == "released"
        self._laid_out = False

    def maps(self, network: Network, batch: Batch) -> Maps:
        """Explain the images with one forward and backward; see `WhiteBox`.

        Raises:
            NoLayer: the network shows no attention between all tokens, its attention has no place, or it has one
                without which `released` has no sense.
        """
        with seen(network) as look:
            found = look(batch.images)
        back = found.back(found.scores.gather(1, batch.targets[:, None])[:, 0])
        height, width = batch.images.shape[2:]
        count, channels = _tokens(found), found.content is not None
        if self.released:
            small = _as_released(found, back, count, channels)
            self._laid_out = True
        elif channels:
            small = _evidence(found, back)
        else:
            small = _on_the_grid(found, back)
        large = nn.functional.interpolate(small[:, None], (height, width), mode="bilinear")[:, 0]
        if not self.released:
            return Maps(large.cpu().numpy())
        unscaled = [Unscaled.of(one) for one in large.cpu().numpy()]
        # as released, after it is enlarged
        large = torch.stack([_stretched(one, given) for one, given in zip(large, small, strict=True)])
        return Maps(large.cpu().numpy(), unscaled=unscaled)

    def remarks(self) -> Sequence[str]:
        """That the places of a released map mean nothing."""
        return (NOWHERE,) if self._laid_out else ()


def relevancy(found: Seen, back: Back) -> Tensor:
    """(n, t): the relevancy of every token for what the head reads, less what the identity has put there.

    The row w of R = (I + A_b) ... (I + A_1) is made from the left, by products of a vector with a matrix.
    """
    rows = []
    for place in range(len(found.scores)):  # one by one: a product of several images may round otherwise
        start = _read(found, back, place)
        added = torch.zeros_like(start)  # apart from the start: beside a share of 1/t what is below 1e-9 would be lost
        for attention, gradient in zip(reversed(found.attention), reversed(back.attention), strict=True):
            added = added + (start + added) @ (gradient[place] * attention[place]).relu().mean(dim=0)
        rows.append(added)
    return torch.stack(rows)


def _read(found: Seen, back: Back, place: int) -> Tensor:
    """(t,) shares of the tokens that the head reads: of the last block's those with a gradient, all alike."""
    tokens = found.attention[-1].shape[-1]
    if back.output is None or back.output.shape[1:2] != (tokens,):
        raise NoLayer(f"the block {found.blocks[-1]} of the detector doesn't return its {tokens} tokens")
    read = (back.output[place] != 0).any(dim=1).float()
    return read / read.sum().clamp(min=1)


def _tokens(found: Seen) -> int:
    """Tokens that aren't the class token or its like, the same in all blocks."""
    counts = {one.shape[-1] for one in found.attention}
    if len(counts) > 1:
        listed = ", ".join(map(str, sorted(counts)))
        raise NoLayer(f"the detector's attention is between {listed} tokens, block by block, and not always the same")
    if len(found.given) > 1:
        raise NoLayer(f"the detector has {len(found.given)} transformers side by side ({', '.join(found.given)})")
    content = found.content
    if content is not None and content.ndim != 3:
        said = " x ".join(map(str, content.shape[1:]))
        raise NoLayer(f"{next(iter(found.given))} of the detector is given {said} for an image and not tokens")
    count = found.layouts[-1].places if content is None else content.shape[1]
    if count == 1:
        raise NoLayer(
            "the detector's transformer is given one token for all of the image, so no relevancy tells places apart; "
            "take gradcam for this detector"
        )
    return count


def _on_the_grid(found: Seen, back: Back) -> Tensor:
    layout = found.layouts[-1]
    return relevancy(found, back)[:, layout.prefix :].reshape(-1, layout.height, layout.width)


def _evidence(found: Seen, back: Back) -> Tensor:
    """(n, h, w): the sum over tokens of ReLU(content * gradient) at the places that a token's numbers are."""
    assert found.content is not None and back.content is not None  # whoever asks has looked
    evidence = (found.content * back.content).relu().sum(dim=1)
    side = math.isqrt(evidence.shape[1])
    if side**2 != evidence.shape[1]:
        raise NoLayer(f"the detector's tokens have {evidence.shape[1]} numbers each, which are no square of places")
    return evidence.reshape(-1, side, side)


def _as_released(found: Seen, back: Back, count: int, channels: bool) -> Tensor:
    """(n, side / 2, side / 2): the tokens row by row as a square, each four beside each other averaged."""
    if not channels:
        raise NoLayer(
            "map: released lays tokens that are channels out as a square, and this detector's tokens are places: take "
            "`map: places`"
        )
    side = math.isqrt(count)
    if side**2 != count:
        raise NoLayer(f"map: released lays tokens out as a square, which {count} aren't: take `map: places`")
    square = relevancy(found, back)[:, -count:].reshape(-1, side, side)
    return nn.functional.avg_pool2d(square[:, None], 2)[:, 0]


def _stretched(large: Tensor, small: Tensor) -> Tensor:
    """From its least to its greatest value, 0 to 1; 0 where all are the same, but for what enlarging has rounded."""
    if small.min() == small.max():
        return torch.zeros_like(large)
    low, high = large.min(), large.max()
    return (large - low) / (high - low)
