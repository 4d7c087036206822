"""RetinaFace (Deng et al. 2020, "Single-shot multi-level face localisation in the wild") on a MobileNet-0.25 backbone.

The network gives, for each prior box, an offset (4 numbers), the probabilities of background and face, and the offsets
of five landmarks. Priors, decoding and non-maximum suppression are here.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, reading
from advxai.common.types import Edges

LEVELS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))  # stride of the grid, sides of its square priors, pixels
VARIANCES = (0.1, 0.2)  # scale of the offsets of centres and of sides
PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}
REMEDY = "install onnxruntime-gpu, or set faces.device to cpu"
MEAN_RGB = (127.0, 117.0, 104.0)  # subtracted from 0..255; the network's planes are blue, green, red


@dataclass(frozen=True, eq=False)
class Detection:
    """One face. Pixels of the frame given, x to the right, y down; the box may reach past the frame.

    Attributes:
        box: x1, y1, x2, y2.
        score: probability of being a face.
        landmarks: float32 (5, 2): the eye at the left of the picture, that at the right, nose, corners of the mouth.
    """

    box: Edges
    score: float
    landmarks: NDArray[np.float32]


class RetinaFace:
    """Finds faces in RGB frames.

    Args:
        onnx: the network, with dynamic batch, height and width.
        score: least probability of a face.
        nms: of two boxes with a greater intersection over union than this, the one with the lower score is dropped.
        threads: CPU threads of a forward.
        max_side: frames with a longer side are reduced to it before detection; None keeps every frame's size.
        device: "cpu" or "cuda".

    Raises:
        InputError: the file isn't a readable ONNX model, or onnxruntime can't use the device.
    """

    def __init__(
        self,
        onnx: Path,
        *,
        score: float = 0.95,
        nms: float = 0.4,
        threads: int = 1,
        max_side: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.score, self.nms, self.max_side, self.device = score, nms, max_side, device
        providers = PROVIDERS.get(device, [device])
        if providers[0] not in onnxruntime.get_available_providers():
            raise InputError(f"onnxruntime as installed has no device {device}: {REMEDY}.")
        if device == "cuda":
            onnxruntime.preload_dlls()  # CUDA's libraries may be Python packages, which the loader doesn't find
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # cores are shared with other jobs
        with reading(onnx, "correct the path or fetch it again."):
            network = Path(onnx).read_bytes()
        self._sha256 = sha256(network).hexdigest()
        with reading(onnx, "fetch it again.", "an ONNX model"):
            self._session = onnxruntime.InferenceSession(network, options, providers=providers)
        if device == "cuda":  # of falling back to the CPU, onnxruntime leaves no more than a line in the log
            if providers[0] not in self._session.get_providers():
                raise InputError(f"onnxruntime could not start device cuda, see its messages above: {REMEDY}.")
            self._session.disable_fallback()

    @property
    def settings(self) -> dict[str, Any]:
        """What the answers depend on."""
        own = {name: getattr(self, name) for name in ("score", "nms", "max_side", "device")}
        return {"network_sha256": self._sha256, **own}

    def detect(self, frame: Pixels) -> list[Detection]:
        """Faces of one uint8 (H, W, 3) RGB frame, by falling score."""
        return self.detect_batch([frame])[0]

    def detect_batch(self, frames: list[Pixels]) -> list[list[Detection]]:
        """Faces of each of several uint8 (H, W, 3) RGB frames of one size, by falling score.

        Raises:
            ValueError: the frames differ in size or aren't RGB.
        """
        if not frames:
            return []
        height, width = frames[0].shape[:2]
        if any(frame.shape != (height, width, 3) for frame in frames):
            raise ValueError("a batch takes RGB frames of one size")
        factor = min(1.0, self.max_side / max(height, width)) if self.max_side else 1.0
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        planes = np.empty((len(frames), 3, size[1], size[0]), np.float32)
        for index, frame in enumerate(frames):
            seen = frame if factor == 1.0 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            for channel, mean in enumerate(MEAN_RGB):
                np.subtract(seen[:, :, channel], np.float32(mean), out=planes[index, 2 - channel])
        offsets, probabilities, landmarks = self._session.run(None, {"input": planes})
        anchors = priors(size[1], size[0])
        to_frame = np.array([width / size[0], height / size[1]], np.float32)
        return [self._select(anchors, *one, to_frame) for one in zip(offsets, probabilities, landmarks, strict=True)]

    def _select(
        self,
        anchors: NDArray[np.float32],
        offsets: NDArray[np.float32],
        probabilities: NDArray[np.float32],
        landmarks: NDArray[np.float32],
        to_frame: NDArray[np.float32],
    ) -> list[Detection]:
        likely = np.flatnonzero(probabilities[:, 1] > self.score)
        scores = probabilities[likely, 1]
        boxes = decode_boxes(anchors[likely], offsets[likely]) * np.tile(to_frame, 2)
        points = decode_points(anchors[likely], landmarks[likely]) * to_frame
        found = []
        for i in suppress(boxes, scores, self.nms):
            x1, y1, x2, y2 = map(float, boxes[i])
            found.append(Detection((x1, y1, x2, y2), float(scores[i]), points[i]))
        return found


@lru_cache(maxsize=8)
def priors(height: int, width: int) -> NDArray[np.float32]:
    """Prior boxes (P, 3) of a frame: centre x, centre y, side, float32 pixels; by level, row, column, side."""
    levels = []
    for stride, sides in LEVELS:
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        y, x, side = np.meshgrid(
            (np.arange(rows) + 0.5) * stride, (np.arange(columns) + 0.5) * stride, sides, indexing="ij"
        )
        levels.append(np.stack([x, y, side], axis=-1).reshape(-1, 3))
    anchors = np.concatenate(levels).astype(np.float32)
    anchors.setflags(write=False)  # shared by every caller of the cache
    return anchors


def decode_boxes(anchors: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes (N, 4) as x1, y1, x2, y2 from priors (N, 3) and the network's offsets (N, 4)."""
    side = anchors[:, 2:]
    centre = anchors[:, :2] + VARIANCES[0] * side * offsets[:, :2]
    half = side * np.exp(VARIANCES[1] * offsets[:, 2:]) / 2
    return np.hstack([centre - half, centre + half])


def decode_points(anchors: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (N, 5, 2) as x, y from priors (N, 3) and the network's offsets (N, 10)."""
    steps = VARIANCES[0] * anchors[:, None, 2:] * offsets.reshape(-1, 5, 2)
    return anchors[:, None, :2] + steps


def suppress(boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: float) -> list[int]:
    """Greedy non-maximum suppression: indices of the boxes (N, 4) that stay, by falling score, ties by index."""
    order = np.argsort(-scores, kind="stable")
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = np.clip(high - low, 0, None).prod(axis=1)
        order = rest[common <= threshold * (areas[best] + areas[rest] - common)]
    return kept
