import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.corpus.mesh import FaceMesh, level_square, pose_aligned, similarity, transform, turn
from tests.unit.corpus_faces import synthetic_mesh


def about_y(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def test_level_square_by_hand() -> None:
    # level eyes: a square of 100 px around (50, 60) becomes 200 px
    upright = level_square((50, 60), 100, np.array([[40, 50], [60, 50]]), 200)
    np.testing.assert_allclose(transform(upright, np.array([[0.0, 10.0], [50, 60]])), [[0, 0], [100, 100]])
    # head lying on its side (eyes one above the other): what is below in the picture is right in the square
    lying = level_square((50, 60), 100, np.array([[50, 40], [50, 60]]), 100)
    np.testing.assert_allclose(transform(lying, np.array([[50.0, 70.0]])), [[60, 50]], atol=1e-9)


def test_similarity_is_recovered() -> None:
    moving = np.array([[0.0, 0], [1, 0], [0, 3], [2, 2]])
    fixed = 2 * np.stack([-moving[:, 1], moving[:, 0]], axis=1) + [5, 7]  # a quarter turn, twice as large
    scale, rotation, shift = similarity(moving, fixed)
    assert scale == pytest.approx(2)
    np.testing.assert_allclose(rotation, [[0, -1], [1, 0]], atol=1e-12)
    np.testing.assert_allclose(shift, [5, 7], atol=1e-12)


def test_pose_and_expression_come_apart() -> None:
    neutral, smiling = synthetic_mesh(), synthetic_mesh(smile=0.1)
    turned = (1.5 * smiling @ about_y(0.3).T + [10, -4, 2]).astype(np.float32)
    assert turn(turned, neutral) == pytest.approx(0.3, abs=1e-3)
    np.testing.assert_allclose(pose_aligned(turned, neutral), smiling, atol=1e-3)


def test_not_a_model(tmp_path) -> None:
    path = tmp_path / "face.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(InputError, match="face.tflite"):
        FaceMesh(path)
