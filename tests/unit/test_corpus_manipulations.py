import numpy as np
import pytest

from advxai.corpus.manipulations import CATEGORIES, Components, Tracked, _to_and_fro, manipulate
from advxai.corpus.mesh import LIPS, OVAL
from advxai.corpus.warp import hull_mask
from tests.unit.corpus_faces import synthetic_frame, synthetic_mesh

TARGET = [Tracked(synthetic_frame(0), synthetic_mesh((80 + i, 64))) for i in range(4)]
SOURCE = [Tracked(synthetic_frame(9), synthetic_mesh((76, 60 + i), 33, smile=0.05 * i)) for i in range(3)]


def made(category: str, target=TARGET, source=SOURCE, seed: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(manipulate(category, target, source, np.random.default_rng(seed)))


@pytest.mark.parametrize("category", CATEGORIES)
def test_local_with_a_true_mask(category: str) -> None:
    before = [tracked.frame.copy() for tracked in TARGET]
    result = made(category)
    assert len(result) == (3 if category == "FaceSwap" else 4)  # FaceSwap ends with the shorter block
    for tracked, original, (frame, mask) in zip(TARGET, before, result, strict=False):
        assert frame.shape == original.shape and frame.dtype == mask.dtype == np.uint8
        assert mask.shape == original.shape[:2] and set(np.unique(mask)) == {0, 255}
        changed = (frame != original).any(axis=2)
        assert not changed[mask == 0].any()
        assert changed[mask > 0].mean() > 0.7
        np.testing.assert_array_equal(tracked.frame, original)  # the input is left alone


@pytest.mark.parametrize("category", CATEGORIES)
def test_same_seed_same_frames(category: str) -> None:
    for (frame, mask), (again, mask_again) in zip(made(category), made(category), strict=True):
        np.testing.assert_array_equal(frame, again)
        np.testing.assert_array_equal(mask, mask_again)


def test_each_mask_is_where_its_namesake_works() -> None:
    masks = {category: made(category)[0][1] > 0 for category in CATEGORIES}
    face = hull_mask(TARGET[0].mesh[OVAL, :2], TARGET[0].frame.shape[:2]) > 0
    lips = hull_mask(TARGET[0].mesh[LIPS, :2], TARGET[0].frame.shape[:2]) > 0
    assert masks["Deepfakes"][face].all() and masks["Deepfakes"].sum() > 1.2 * face.sum()  # the box around the face
    assert (masks["Face2Face"] & face).sum() > 0.95 * face.sum()
    assert not masks["FaceSwap"][~face].any() and masks["FaceSwap"].sum() > 0.75 * face.sum()
    assert masks["NeuralTextures"][lips].all() and masks["NeuralTextures"].sum() < 0.3 * face.sum()
    assert not masks["NeuralTextures"][:64].any()  # nothing above the nose


def test_a_frame_without_a_face_is_passed_on() -> None:
    result = made("NeuralTextures", [TARGET[0], Tracked(TARGET[1].frame, None), TARGET[2]])
    np.testing.assert_array_equal(result[1][0], TARGET[1].frame)
    assert [bool(mask.any()) for _, mask in result] == [True, False, True]


def test_a_face_at_the_border() -> None:
    target = [Tracked(synthetic_frame(1), synthetic_mesh((150, 100)))] * 2
    for category in CATEGORIES:
        for frame, mask in made(category, target):
            assert not (frame != target[0].frame).any(axis=2)[mask == 0].any() and mask.any()


def test_no_face_at_all() -> None:
    with pytest.raises(ValueError, match="no face"):
        made("FaceSwap", TARGET, [Tracked(SOURCE[0].frame, None)])
    with pytest.raises(KeyError):
        made("Swap")


def test_components_by_hand() -> None:
    # examples on the line (1, 1) + t (3, 4) / 5 with t = -5, 0, 5: one component tells all
    model = Components(np.array([[-2.0, -3], [1, 1], [4, 5]]), 1)
    np.testing.assert_allclose(model.decode(model.encode(np.array([2.5, 3.0]))), [2.5, 3])
    np.testing.assert_allclose(model.decode(model.encode(np.array([1 - 4.0, 1 + 3.0]))), [1, 1], atol=1e-12)  # across
    np.testing.assert_allclose(model.decode(model.encode(np.array([61.0, 81.0]))), [4, 5])  # beyond: the last example


def test_to_and_fro() -> None:
    assert [_to_and_fro(index, 3) for index in range(7)] == [0, 1, 2, 1, 0, 1, 2]
    assert [_to_and_fro(index, 1) for index in range(3)] == [0, 0, 0]
