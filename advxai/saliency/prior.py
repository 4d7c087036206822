"""Where faces are manipulated as a rule, in coordinates of the face: the prior of the control `face_prior`.

Faces are laid over each other by RetinaFace's five landmarks: by the similarity (scale, rotation, shift) that brings
them nearest to those of a fixed face (Umeyama 1991, without reflection).
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.arrays import Floats, Pixels
from advxai.common.categories import REAL
from advxai.common.errors import reading
from advxai.common.files import publish
from advxai.common.positions import equidistant
from advxai.common.rows import rows
from advxai.common.types import Record
from advxai.config.science import Fit
from advxai.faces.mask import mask_of
from advxai.frames.database import FrameStore
from advxai.media.align import ARCFACE, Points, similarity
from advxai.media.fit import Part, lies_in

if TYPE_CHECKING:
    from advxai.media.retinaface import RetinaFace

log = logging.getLogger(__name__)
SIDE = 128  # of the prior, in pixels
EYES = 32  # distance of the eyes in it, so that a crop of the face with its margins fits
FACE = SIDE / 2 + (ARCFACE - ARCFACE[2]) * EYES / np.hypot(*(ARCFACE[1] - ARCFACE[0]))
# Half axes of ellipses, in distances of the eyes.
EYE, NOSE, MOUTH = (0.4, 0.25), (0.3, 0.45), (0.5, 0.25)
# A crop is a face and little else: RetinaFace sees it well when it is small, with a lower threshold than in frames.
SCORE, LONGEST = 0.5, 320
NETWORK = {"score": SCORE, "max_side": LONGEST}
FOUND_BY = "onnxruntime"  # package that landmarks depend on
LOOKED_AT = 200  # training fakes, at most


@dataclass(frozen=True, eq=False)
class Prior:
    """Share of faces that are manipulated there.

    Attributes:
        share: (SIDE, SIDE) float32 in [0, 1].
        faces: training fakes whose masks it is the mean of; 0: it has ellipses at eyes, nose and mouth instead.
    """

    share: NDArray[np.float32]
    faces: int

    @property
    def sha256(self) -> str:
        """Names it: the first digits of the SHA-256 of its values."""
        return hashlib.sha256(np.ascontiguousarray(self.share).tobytes()).hexdigest()[:16]


def landmarks_of(image: Pixels, network: "RetinaFace") -> NDArray[np.float32] | None:
    """The landmarks (5, 2) of a crop's largest face, in its pixels; None if no face is found in it.

    Args:
        image: uint8 (H, W, 3) RGB.
        network: with the settings NETWORK.
    """
    found = network.detect(image)
    if not found:
        return None
    return max(found, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])).landmarks


def mean_mask(faces: Iterable[tuple[Pixels, Points]]) -> Prior:
    """The mean of true masks, each laid on the fixed face; without any, `ellipses`.

    Args:
        faces: mask uint8 (H, W), not 0 where the face is manipulated, and landmarks in its pixels.
    """
    total, count = np.zeros((SIDE, SIDE)), 0
    for mask, points in faces:
        flat = (mask > 0).astype(np.float32)
        total += cv2.warpAffine(flat, similarity(points, FACE), (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        count += 1
    return Prior((total / count).astype(np.float32), count) if count else ellipses()


def prior_of(manifest: pd.DataFrame, frames: FrameStore, network: "RetinaFace") -> Prior:
    """The prior of a run: of equidistant ones of its training fakes with a true mask, sorted by key.

    Args:
        manifest: the run's table of faces.
        frames: the LMDB.
        network: with the settings NETWORK.
    """
    known = (manifest["split"] == "train") & (manifest["category"] != REAL)
    masked = (manifest["mask_file"] != "") | (manifest["mask"] != "")
    training = manifest[known & masked].sort_values("key")
    chosen = training.iloc[equidistant(len(training), min(len(training), LOOKED_AT))]
    prior = mean_mask(_found(rows(chosen), frames, network))
    log.info("prior of faces: of %d masks of %d training fakes", prior.faces, len(training), extra={"told": True})
    return prior


def _found(faces: Iterable[Record], frames: FrameStore, network: "RetinaFace") -> Iterator[tuple[Pixels, Points]]:
    """Mask and landmarks of the faces that have both."""
    for face in faces:
        mask = mask_of(face)
        if mask is None or not mask.any():
            continue
        landmarks = landmarks_of(frames.image(face["key"], face["sha256"]), network)
        if landmarks is not None:
            yield mask, landmarks


def ellipses() -> Prior:
    """Eyes, nose and mouth of the fixed face, each a Gaussian with the half axes as sigmas."""
    y, x = np.mgrid[:SIDE, :SIDE]
    left, right, nose, *mouth = FACE
    parts = [(left, EYE), (right, EYE), ((left + right) / 4 + nose / 2, NOSE), (np.mean(mouth, axis=0), MOUTH)]
    values = [
        np.exp(-(((x - centre[0]) / (axes[0] * EYES)) ** 2 + ((y - centre[1]) / (axes[1] * EYES)) ** 2) / 2)
        for centre, axes in parts
    ]
    return Prior(np.max(values, axis=0).astype(np.float32), 0)


def laid_over(
    prior: Prior, points: Points, size: tuple[int, int], shape: tuple[int, int], fit: Fit = "stretch"
) -> Floats:
    """The prior on a face, (h, w) float32.

    Args:
        prior: of the fixed face.
        points: landmarks in pixels of the crop.
        size: height and width of the crop.
        shape: (h, w) of what is returned.
        fit: how the crop lies in it, as of `advxai.media.fit.lies_in`.
    """
    part = Part(0, 0, shape[1], shape[0]) if fit == "stretch" else lies_in(size, shape[0], fit)
    scale = np.array([part.width / size[1], part.height / size[0]])
    onto = (np.asarray(points, np.float64) + 0.5) * scale + (part.left - 0.5, part.top - 0.5)  # centres of pixels
    turned = cv2.warpAffine(prior.share, similarity(FACE, onto), shape[::-1], flags=cv2.INTER_LINEAR)
    return cast("Floats", turned)


def write(prior: Prior, path: Path) -> None:
    """Publish a prior (NumPy's .npz)."""
    publish(path, partial(_save, prior))


def _save(prior: Prior, path: Path) -> None:
    with open(path, "wb") as file:
        np.savez_compressed(file, share=prior.share, faces=np.int64(prior.faces))


def read(path: Path) -> Prior:
    """Read a prior.

    Raises:
        InputError: it can't be read.
    """
    with reading(path, "delete it and run again", "a prior of faces"), np.load(path, allow_pickle=False) as data:
        share, faces = data["share"], int(data["faces"])
        if (share.shape, share.dtype) != ((SIDE, SIDE), np.float32):
            raise ValueError(f"its share of faces is {share.dtype} {share.shape}")
        return Prior(share, faces)
