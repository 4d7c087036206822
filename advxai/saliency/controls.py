"""What explainers are compared with: rankings of an image's segments that never see the detector. Needs no torch.

Each method is a pure function of the segments and of what else it goes by; those of clips (`advxai.video.control`) are
made of the same parts. Segments of equal score keep the order of their labels, so that a constant map has a ranking.
"""

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats, Pixels
from advxai.common.randomness import seed_of
from advxai.common.types import Record
from advxai.config.controls import (
    AnyControl,
    Centre,
    Edges,
    FacePrior,
    Largest,
    OracleDifference,
    OracleMask,
    Random,
)
from advxai.config.science import Fit
from advxai.frames.counterparts import difference
from advxai.media.align import Points
from advxai.media.fit import laid, lies_in, over
from advxai.saliency.given import NO_COUNTERPART
from advxai.saliency.prior import Prior, ellipses, laid_over
from advxai.saliency.ranking import rank, segment_means

NO_MASK, EMPTY_MASK = "no true mask", "the true mask is empty"
NO_LANDMARKS = "no landmarks: RetinaFace finds no face in the image"


@dataclass(frozen=True, eq=False)
class Sight:
    """What there is to go by of one image. What a method doesn't need is left out.

    Attributes:
        key: the image's.
        segments: (h, w) int16, labels 0 ... S-1.
        image: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W), not 0 where the image is manipulated; None: not known.
        counterpart: uint8 (H, W, 3) RGB, the original's frame; None: there is none.
        no_counterpart: why there is none.
        landmarks: (5, 2) in pixels of the image; None: no face was found.
        prior: of faces; of `face_prior` alone.
        fit: how the crop lies in the detector's input, as of `advxai.media.fit.lies_in`.
    """

    key: str
    segments: NDArray[np.int16]
    image: Pixels
    mask: Pixels | None = None
    counterpart: Pixels | None = None
    no_counterpart: str = ""
    landmarks: Points | None = None
    prior: Prior | None = None
    fit: Fit = "stretch"


@dataclass(frozen=True, eq=False)
class Ordered:
    """Segments in order.

    Attributes:
        map: (h, w) float32, larger comes first.
        scores: (S,) float32, one a segment.
        ranking: (S,) int16, all segments by falling score; empty where `missing` says something.
        missing: why there is no order; "" if there is one.
        more: further fields of the record.
    """

    map: Floats
    scores: NDArray[np.float32]
    ranking: NDArray[np.int16]
    missing: str = ""
    zero: float = math.nan
    more: Record = field(default_factory=dict)


def ordered(settings: AnyControl, sight: Sight, seed: int) -> Ordered:
    """The order of a control or ceiling.

    Args:
        settings: its entry of the configuration.
        sight: what there is to go by.
        seed: the run's; the image's order is drawn by (seed, "saliency", "random", key).
    """
    segments = sight.segments
    match settings:
        case Random():
            generator = np.random.default_rng(seed_of(seed, "saliency", "random", sight.key))
            return random(segments, generator, settings.draws)
        case Centre():
            return centre(segments, settings.width)
        case Largest():
            return largest(segments, sight.image.shape[:2], sight.fit)
        case Edges():
            return edges(segments, sight.image, sight.fit)
        case FacePrior():
            return face_prior(segments, sight.image, sight.landmarks, sight.prior, sight.fit)
        case OracleMask():
            return oracle_mask(segments, sight.image, sight.mask, sight.counterpart, sight.fit)
        case OracleDifference():
            return oracle_difference(segments, sight.image, sight.counterpart, sight.no_counterpart, sight.fit)


def random(segments: NDArray[np.int16], generator: np.random.Generator, draws: int) -> Ordered:
    """Random orders. `more`: draws (draws, S) int16, of which the first is the ranking; a segment's score falls evenly
    from 1 with its place in that."""
    count = int(segments.max()) + 1
    orders = np.stack([generator.permutation(count) for _ in range(draws)]).astype(np.int16)
    scores = np.empty(count, np.float32)
    scores[orders[0]] = 1 - np.arange(count) / count
    return Ordered(scores[segments], scores, orders[0], more={"draws": orders})


def centre(segments: NDArray[np.int16], width: float) -> Ordered:
    """A Gaussian in the middle; `width`: its sigma as a share of the image's sides."""
    return by_map(centre_map((segments.shape[0], segments.shape[1]), width), segments)


def centre_map(shape: tuple[int, int], width: float) -> Floats:
    """What `centre` goes by, (h, w)."""
    y, x = (((np.arange(side) + 0.5) / side - 0.5) / width for side in shape)
    gaussian: Floats = np.exp(-(y[:, None] ** 2 + x[None] ** 2) / 2)
    return gaussian


def largest(segments: NDArray[np.int16], crop: tuple[int, int] = (1, 1), fit: Fit = "stretch") -> Ordered:
    """A segment's share of the image's area, of which the black around a crop is no part."""
    return by_size(segments, seen(segments, crop, fit))


def seen(segments: NDArray[np.int16], crop: tuple[int, int], fit: Fit) -> NDArray[np.int16]:
    """The part of an image's segments that isn't black around its crop."""
    return segments if fit == "stretch" else lies_in(crop, len(segments), fit).of(segments)


def by_size(segments: NDArray[np.int16], within: NDArray[np.int16]) -> Ordered:
    """Segments by their share of what is seen of them, in whatever shape."""
    share = (np.bincount(within.ravel(), minlength=int(segments.max()) + 1) / within.size).astype(np.float32)
    return Ordered(share[segments], share, rank(share))


def edges(segments: NDArray[np.int16], image: Pixels, fit: Fit = "stretch") -> Ordered:
    """Magnitude of Sobel's gradient (3 x 3) of the grey image in the segments' size; where the black around a crop
    begins is no edge."""
    return by_map(edges_map(segments, image, fit), segments)


def edges_map(segments: NDArray[np.int16], image: Pixels, fit: Fit = "stretch") -> Floats:
    """What `edges` goes by, (h, w), of an image's segments."""
    crop = (image.shape[0], image.shape[1])
    within = seen(segments, crop, fit)
    small = over(image.astype(np.float32) / 255, (within.shape[0], within.shape[1]), how=cv2.INTER_CUBIC)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    return laid(np.sqrt(across**2 + down**2), crop, len(segments), fit)


def face_prior(
    segments: NDArray[np.int16],
    image: Pixels,
    landmarks: Points | None,
    prior: Prior | None,
    fit: Fit = "stretch",
) -> Ordered:
    """The prior of faces laid over the image's; without one, `ellipses`. `more`: landmarks (5, 2) float32, NaN where
    there are none."""
    if landmarks is None:
        return missing(segments, NO_LANDMARKS, {"landmarks": np.full((5, 2), np.nan, np.float32)})
    height, width = image.shape[:2]
    shape = (segments.shape[0], segments.shape[1])
    found = by_map(laid_over(prior or ellipses(), landmarks, (height, width), shape, fit), segments)
    return replace(found, more={"landmarks": np.asarray(landmarks, np.float32)})


def oracle_mask(
    segments: NDArray[np.int16],
    image: Pixels,
    mask: Pixels | None,
    counterpart: Pixels | None,
    fit: Fit = "stretch",
) -> Ordered:
    """A segment's share in the true mask; of equal shares the one comes first that differs more from the counterpart,
    where there is one."""
    if mask is None or not mask.any():
        return missing(segments, NO_MASK if mask is None else EMPTY_MASK)
    shape = (segments.shape[0], segments.shape[1])
    gap = None if counterpart is None else difference_map(image, counterpart, shape, fit)
    return by_share(inside_map(mask, shape, fit), gap, segments)


def inside_map(mask: Pixels, shape: tuple[int, int], fit: Fit) -> Floats:
    """Each pixel's share in a true mask, (h, w)."""
    return over((mask > 0).astype(np.float32), shape, fit)


def difference_map(image: Pixels, counterpart: Pixels, shape: tuple[int, int], fit: Fit) -> Floats:
    """Each pixel's difference to the counterpart, (h, w)."""
    return over(difference(image, counterpart), shape, fit)


def by_share(inside: Floats, gap: Floats | None, segments: NDArray[np.int16]) -> Ordered:
    """Segments by their share in the true mask, then by their mean gap to the counterpart, if that is known."""
    share = segment_means(inside, segments)
    apart = np.zeros_like(share) if gap is None else segment_means(gap, segments)
    ranking = np.lexsort((-apart, -share)).astype(np.int16)  # stable: what is equal in both keeps the labels' order
    return Ordered(inside, share, ranking)


def oracle_difference(
    segments: NDArray[np.int16], image: Pixels, counterpart: Pixels | None, why: str = "", fit: Fit = "stretch"
) -> Ordered:
    """Mean absolute difference to the counterpart, in [0, 1] and over channels; `why` there is none."""
    if counterpart is None:
        return missing(segments, f"{NO_COUNTERPART}{why}")
    return by_map(difference_map(image, counterpart, (segments.shape[0], segments.shape[1]), fit), segments)


def by_map(values: Floats, segments: NDArray[np.int16]) -> Ordered:
    """Segments scored by the mean of a map in them."""
    scores = segment_means(values, segments)
    return Ordered(values.astype(np.float32), scores, rank(scores))


def missing(segments: NDArray[np.int16], why: str, more: Record | None = None) -> Ordered:
    """No order, and why."""
    nothing = np.zeros(segments.shape, np.float32)
    scores = np.zeros(int(segments.max()) + 1, np.float32)
    return Ordered(nothing, scores, np.zeros(0, np.int16), why, more=more or {})
