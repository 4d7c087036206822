"""Drawn videos whose frames say their number, a detector that reads it, and settings of clips."""

from fractions import Fraction

import numpy as np

from advxai.config.data import Faces
from advxai.config.video import Video
from advxai.media.retinaface import Detection
from advxai.media.video import write_video

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
HEIGHT, WIDTH = 64, 96


def face_at(x, y, width=20.0, height=16.0, score=0.99):
    """A face around (x, y); its five points move with it."""
    points = np.array([[-4, -4], [4, -4], [0, 0], [-3, 4], [3, 4]], np.float32) + (x, y)
    return Detection((x - width / 2, y - height / 2, x + width / 2, y + height / 2), score, points.astype(np.float32))


def draw(path, frames=20):
    """Frame i is grey, 10 + 8 i; ten frames a second."""
    write_video(path, (np.full((HEIGHT, WIDTH, 3), 10 + 8 * i, np.uint8) for i in range(frames)), Fraction(10), crf=0)


def draw_mask(path, frames=20):
    """Frame i is white from column 30 + 2 i on."""

    def image(index):
        mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        mask[:, 30 + 2 * index :] = 255
        return mask

    write_video(path, map(image, range(frames)), Fraction(10), crf=0)


class Plan:
    """Finds in a frame drawn by `draw` the faces that a function gives for its number; counts the frames shown."""

    def __init__(self, of, **settings):
        self.of, self.settings, self.shown = of, {"score": 0.95} | settings, []

    def detect_batch(self, frames):
        numbers = [round((float(frame.mean()) - 10) / 8) for frame in frames]
        self.shown += numbers
        return [self.of(number) for number in numbers]


def settings(**changed):
    return Video(**({"frames": 4} | changed))


def faces(**changed):
    return Faces(**changed)
