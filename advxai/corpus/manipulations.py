"""Four self-blending manipulations: stand-ins for FF++'s, made of one person's own frames.

Identities are never exchanged: a target block is driven by another time block of the same person (self-blending,
Shiohara & Yamasaki 2022, "Detecting Deepfakes with Self-Blended Images"). Each stand-in leaves traces of the same
nature as its namesake in Roessler et al. 2019, "FaceForensics++", section 3.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats, Pixels, Raster
from advxai.corpus import mesh as face_mesh
from advxai.corpus.warp import blend, hull_mask, sample, soften, warp_map

MARGIN = 0.2  # of the mesh's width and height, around the patch on which a manipulation works


@dataclass(frozen=True)
class Tracked:
    """A frame, uint8 (H, W, 3) RGB, and its face's mesh, float32 (468, 3) in pixels; None where there is no face."""

    frame: Pixels
    mesh: NDArray[np.float32] | None


class Face:
    """The part of a frame around its face, of which the mesh is given; `points` are in the patch's own pixels."""

    def __init__(self, frame: Pixels, mesh: NDArray[np.float32]) -> None:
        height, width = frame.shape[:2]
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        reach = MARGIN * (high - low)
        x1, y1 = np.clip(np.floor(low - reach), 0, [width - 1, height - 1]).astype(int)
        x2, y2 = np.clip(np.ceil(high + reach), [x1 + 1, y1 + 1], [width, height]).astype(int)
        self.window = (slice(y1, y2), slice(x1, x2))
        self.patch = frame[self.window]
        self.mesh: NDArray[np.float32] = mesh - np.array([x1, y1, 0], np.float32)
        self.points = self.mesh[:, :2]
        self.width = float(high[0] - low[0])

    @property
    def shape(self) -> tuple[int, int]:
        return self.patch.shape[:2]


class Manipulation(ABC):
    """One category; made for one pair of blocks, then asked for one frame after another.

    Args:
        target, source: the faces found in the two blocks, in time order, at least one each.
        rng: draws the settings that vary from one video to the next.
    """

    def __init__(self, target: Sequence[Face], source: Sequence[Face], rng: np.random.Generator) -> None:
        self.target, self.source, self.rng = target, source, rng

    @abstractmethod
    def render(self, target: Face, source: Face) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """New patch, values 0..255, and its blending weights, float32 (H, W) in 0..1; of the target's size."""


class Deepfakes(Manipulation):
    """The face as an autoencoder of that person would give it back: few components, few pixels, pasted as a soft box.

    The model is the principal components of the source block's faces, brought to one shape (an active appearance
    model, Cootes et al. 2001); the target's face is encoded and decoded by it.
    """

    SIDE = 52  # pixels of the model's square texture
    COMPONENTS = 8
    CONTRAST = 0.88  # a decoder trained on squared error regresses to the mean
    FILL = 0.92  # of the texture's side, taken by the mesh

    def __init__(self, target: Sequence[Face], source: Sequence[Face], rng: np.random.Generator) -> None:
        super().__init__(target, source, rng)
        shapes = np.stack([face_mesh.pose_aligned(face.mesh, source[0].mesh) for face in source])
        self.geometry = Components(shapes.reshape(len(source), -1), self.COMPONENTS // 2)
        mean = _level(shapes.mean(0)[:, :2])
        low, high = mean.min(0), mean.max(0)
        scale = self.SIDE * self.FILL / float((high - low).max())
        self.shape = scale * (mean - (low + high) / 2) + (self.SIDE - 1) / 2
        side = np.linspace(0, self.SIDE - 1, 5)[:-1]
        far, near = np.full_like(side, self.SIDE - 1), np.zeros_like(side)
        ring = [(side, near), (far, side), (far - side, far), (near, far - side)]
        self.ring = np.concatenate([np.stack(pair, axis=1) for pair in ring])
        self.texture = Components(np.stack([self._texture(face) for face in source]), self.COMPONENTS)
        self.reference = source[0].mesh
        self.gain = rng.uniform(0.94, 1.04, 3)  # the colours of a generator are a little off

    def render(self, target: Face, source: Face) -> tuple[NDArray[Any], NDArray[np.float32]]:
        texture = self.texture.decode(self.texture.encode(self._texture(target)))
        aligned = face_mesh.pose_aligned(target.mesh, self.reference).ravel()
        shape = self.geometry.decode(self.geometry.encode(aligned)).reshape(-1, 3)
        points = face_mesh.pose_aligned(shape, target.mesh)[:, :2]
        outer = self._ring_on(target)
        where, _ = warp_map(np.concatenate([points, outer]), np.concatenate([self.shape, self.ring]), target.shape)
        image = texture.reshape(self.SIDE, self.SIDE, 3)
        image = (image.mean((0, 1)) + self.CONTRAST * (image - image.mean((0, 1)))) * self.gain
        patch = sample(np.clip(image, 0, 255).astype(np.float32), where, cv2.INTER_CUBIC)
        return patch, soften(hull_mask(outer, target.shape), 0.12 * target.width)

    def _ring_on(self, face: Face) -> Floats:
        """The model's box, as points on the face's patch."""
        scale, rotation, shift = face_mesh.similarity(self.shape, face.points)
        return scale * self.ring @ rotation.T + shift

    def _texture(self, face: Face) -> NDArray[np.float32]:
        """The face in the model's shape, float32 (SIDE * SIDE * 3,), values 0..255."""
        points = np.concatenate([face.points, self._ring_on(face)])
        where, _ = warp_map(np.concatenate([self.shape, self.ring]), points, (self.SIDE, self.SIDE))
        shrink = face.width / (self.FILL * self.SIDE)
        smooth = cv2.GaussianBlur(face.patch, (0, 0), max(0.4 * shrink, 0.3))  # against aliasing
        return sample(smooth, where).astype(np.float32).ravel()


class Components:
    """Principal components of a few examples (N, D); codes are kept within the range that the examples span."""

    def __init__(self, examples: Floats, count: int) -> None:
        # in float64: the thread count of the linear algebra changes last digits, which must not reach the pixels
        examples = examples.astype(np.float64)
        self.mean: NDArray[np.float64] = examples.mean(0)
        _, _, rows = np.linalg.svd(examples - self.mean, full_matrices=False)
        self.basis: NDArray[np.float64] = rows[: min(count, max(len(examples) - 1, 1))]
        codes = (examples - self.mean) @ self.basis.T
        self.low, self.high = codes.min(0), codes.max(0)

    def encode(self, example: Floats) -> Floats:
        return np.clip(self.basis @ (example - self.mean), self.low, self.high)

    def decode(self, code: Floats) -> Floats:
        return self.mean + code @ self.basis


class FaceSwap(Manipulation):
    """The face of a distant frame, rendered on the target's mesh by plain graphics and blended by Poisson's equation.

    Of the source block, the frame with the nearest head pose is taken. Blending: Perez et al. 2003, "Poisson image
    editing"; a share of the unblended colours is left, and with it a faint seam.
    """

    DETAIL = 44  # texels across the face
    INSET = 0.04  # widths of the face, from the mesh's outline to the seam
    SEAM = 0.5  # share of the rendered colours that the blending leaves

    def render(self, target: Face, source: Face) -> tuple[NDArray[Any], NDArray[np.float32]]:
        source = min(self.source, key=lambda face: face_mesh.turn(face.mesh, target.mesh))
        where, inside = warp_map(target.points, source.points, target.shape)
        scale = min(1.0, self.DETAIL / source.width)
        small = cv2.resize(source.patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ratio = np.divide(small.shape[1::-1], source.patch.shape[1::-1])
        # nearest neighbour: texture mapping without filtering, as the original renders it
        rendered = sample(small, (where * ratio).astype(np.float32), cv2.INTER_NEAREST)
        rendered = np.where(inside[..., None], rendered, target.patch)
        # the gradient across the outline belongs to neither face, and hair near it is no part of the face
        reach = 2 * int(self.INSET * target.width) + 3
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        mask = _off_border(cv2.erode(np.where(inside, 255, 0).astype(np.uint8), disc))
        cloned = _poisson(rendered, target.patch, mask)
        return blend(cloned, rendered, np.full(target.shape, self.SEAM, np.float32)), (mask > 0).astype(np.float32)


class Face2Face(Manipulation):
    """The own face, re-rendered with the expression of a source frame: other geometry, own pose, plainer surface.

    As a parametric face model would show it: edges stay, pores, wrinkles and highlights go, and the estimated
    illumination is flatter than the true one.
    """

    DETAIL = 200  # most pixels across the face
    FLATTEN = 0.4  # share of the shading that is lost

    def render(self, target: Face, source: Face) -> tuple[NDArray[Any], NDArray[np.float32]]:
        driven = _driven(target, source)
        where, inside = warp_map(driven, target.points, target.shape)
        mask = _off_border(np.where(inside, 255, 0).astype(np.uint8))
        height, width = target.shape
        scale = min(1.0, self.DETAIL / target.width)
        small = cv2.resize(target.patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(cv2.bilateralFilter(small, 9, 45, 4), (width, height), interpolation=cv2.INTER_CUBIC)
        smooth = smooth.astype(np.float32)
        coarse = cv2.resize(smooth, (max(width // 8, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA)
        shading = cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 0.0225 * target.width), (width, height))
        flat = smooth - self.FLATTEN * (shading - smooth[mask > 0].mean(0))
        return sample(np.clip(flat, 0, 255), where), soften(mask, 0.05 * target.width)


class NeuralTextures(Manipulation):
    """Only the mouth: the own mouth in the shape of a source frame's, as a coarse rendering network would draw it."""

    COARSE = 0.03  # widths of the face, to one sample of the rendering
    REACH = 0.11  # widths of the face, from the lips to the edge of the region

    def render(self, target: Face, source: Face) -> tuple[NDArray[Any], NDArray[np.float32]]:
        driven = _driven(target, source)
        where, _ = warp_map(driven, target.points, target.shape)
        step = max(self.COARSE * target.width, 1.5)
        warped = sample(target.patch, where)
        height, width = target.shape
        coarse = (max(int(width / step), 4), max(int(height / step), 4))
        small = cv2.resize(warped, coarse, interpolation=cv2.INTER_AREA)
        patch = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        lips = np.concatenate([driven[face_mesh.LIPS], target.points[face_mesh.LIPS]])
        reach = 2 * int(self.REACH * target.width) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        mask = cv2.dilate(hull_mask(lips, target.shape), disc)
        return patch, soften(mask, 0.05 * target.width)


CATEGORIES: dict[str, type[Manipulation]] = {
    "Deepfakes": Deepfakes,
    "Face2Face": Face2Face,
    "FaceSwap": FaceSwap,
    "NeuralTextures": NeuralTextures,
}


def manipulate(
    category: str, target: Sequence[Tracked], source: Sequence[Tracked], rng: np.random.Generator
) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield (frame, mask) for each target frame: uint8 (H, W, 3) RGB, and uint8 (H, W) with 255 where it may differ.

    Pixels outside the mask equal the target's. A frame without a face is passed on as it is, with an empty mask. The
    source runs forth and back when it is shorter; for FaceSwap the shorter of the two blocks ends the video, as in
    FF++.

    Raises:
        KeyError: no such category.
        ValueError: a block shows no face at all.
    """
    length = min(len(target), len(source)) if category == "FaceSwap" else len(target)
    faces = [None if tracked.mesh is None else Face(tracked.frame, tracked.mesh) for tracked in target[:length]]
    seen = [face for face in faces if face]
    driving = [Face(tracked.frame, tracked.mesh) for tracked in source if tracked.mesh is not None]
    if not seen or not driving:
        raise ValueError("a block shows no face")
    manipulation = CATEGORIES[category](seen, driving, rng)
    for index, face in enumerate(faces):
        frame = target[index].frame.copy()
        mask = np.zeros(frame.shape[:2], np.uint8)
        if face is not None:
            patch, weight = manipulation.render(face, driving[_to_and_fro(index, len(driving))])
            frame[face.window] = blend(face.patch, patch, weight)
            mask[face.window] = np.where(weight > 0, 255, 0)
        yield frame, mask


def _driven(target: Face, source: Face) -> NDArray[np.float32]:
    """The target's points (468, 2) with the source's expression; the outline stays where it is."""
    moved = face_mesh.pose_aligned(source.mesh, target.mesh)[:, :2] - target.points
    outline = target.points[face_mesh.OVAL].reshape(-1, 1, 2)
    inside = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in target.points])
    weight = np.clip(inside / (0.12 * target.width), 0, 1)
    weight[face_mesh.OVAL] = 0
    return (target.points + weight[:, None] * moved).astype(np.float32)


def _level(points: Floats) -> Floats:
    """The points (468, 2) turned so that the eyes are level."""
    right, left = (points[list(eye)].mean(0) for eye in (face_mesh.RIGHT_EYE, face_mesh.LEFT_EYE))
    return face_mesh.transform(face_mesh.level_square(points.mean(0), 1.0, np.stack([right, left]), 1), points)


def _off_border(mask: Raster, width: int = 2) -> Pixels:
    """The mask without a rim of the patch: Poisson's equation needs known pixels all around."""
    kept = np.zeros(mask.shape, np.uint8)
    inner = slice(width, -width)
    kept[inner, inner] = mask[inner, inner]
    return kept


def _poisson(above: Raster, below: Pixels, mask: Pixels) -> Pixels:
    x, y, width, height = cv2.boundingRect(mask)
    centre = (x + width // 2, y + height // 2)
    # a copy of the mask: OpenCV 5 overwrites it
    cloned = cv2.seamlessClone(above, np.ascontiguousarray(below), mask.copy(), centre, cv2.NORMAL_CLONE)
    return cast("Pixels", cloned)


def _to_and_fro(index: int, count: int) -> int:
    """0, 1 ... count-1, count-2 ... 0, 1 ..."""
    if count == 1:
        return 0
    place = index % (2 * count - 2)
    return min(place, 2 * count - 2 - place)
