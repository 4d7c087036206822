"""A drawn face with a mesh whose named points are where a face has them; no photograph, no network. And clips."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from advxai.corpus.mesh import LEFT_EYE, LIPS, OVAL, POINTS, RIGHT_EYE


def synthetic_mesh(centre: tuple[float, float] = (80, 64), radius: float = 30, smile: float = 0) -> np.ndarray:
    """Mesh (468, 3) of an upright egg-shaped face `radius` pixels wide to each side; `smile` widens the lips."""
    rng = np.random.default_rng(5)
    angle, reach = rng.uniform(0, 2 * np.pi, POINTS), np.sqrt(rng.uniform(0, 0.85, POINTS))
    flat = np.stack([reach * np.sin(angle), -1.2 * reach * np.cos(angle)], axis=1)
    around = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    flat[OVAL] = np.stack([np.sin(around), -1.2 * np.cos(around)], axis=1)
    around = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    flat[LIPS] = np.stack([(0.35 + smile) * np.cos(around), 0.6 + 0.12 * np.sin(around)], axis=1)
    flat[list(RIGHT_EYE)], flat[list(LEFT_EYE)] = [[-0.55, -0.3], [-0.25, -0.3]], [[0.25, -0.3], [0.55, -0.3]]
    depth = (flat**2).sum(1, keepdims=True) - 1
    return (np.hstack([flat, depth]) * radius + [*centre, 0]).astype(np.float32)


def synthetic_frame(seed: int = 0, height: int = 128, width: int = 160) -> np.ndarray:
    """uint8 (H, W, 3): smooth random texture, the same for the same seed."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def encoded(
    path: Path,
    count: int,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    times: list[int] | None = None,
) -> Path:
    """Write a clip of a moving texture, 128 x 96, a keyframe every 10 frames.

    Args:
        count: number of frames.
        options, container: of encoder and container.
        times: presentation time of each frame in milliseconds; None: 25 frames a second.
    """
    texture = synthetic_frame(3, 96, 128)
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.thread_count = 10, 1
        stream.options = options or {}
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(np.roll(texture, (index, 3 * index), (0, 1)), format="rgb24")
            if times:
                frame.pts, frame.time_base = times[index], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
