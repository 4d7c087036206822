"""Our batched explainers against the packages they re-implement, on the same random design."""

from itertools import count, pairwise
from math import comb

import numpy as np
import pytest
import shap
import torch
from lime.lime_image import LimeImageExplainer
from skimage.segmentation import quickshift, slic
from torch import Tensor
from torch.nn.functional import conv2d

from advxai.config.rows import Segmentation
from advxai.detector.model import Preprocessing
from advxai.saliency import build, kernel_shap
from advxai.saliency.baselines import box_blur, segment_mean
from advxai.saliency.lime import Lime
from advxai.saliency.owen import owen_values
from advxai.saliency.ranking import rank, segment_means
from advxai.saliency.rise import RiseDesign, default_design, upsample, windows
from advxai.saliency.segments import segment
from advxai.saliency.sobol import jansen_total, sobol_design
from tests.golden.pictures import picture
from tests.helpers import SIZE, UNIT, drive_one, explainer_settings, inputs_of, linear_detector, quadrants


@pytest.fixture(scope="module")
def scene():
    """A smooth detector that reads everything, unevenly, and an image."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn((3, SIZE, SIZE), generator=generator) * 0.02
    image = torch.rand((3, SIZE, SIZE), generator=generator) * 2 - 1
    return linear_detector(weight, bias=0.3), image


@pytest.mark.parametrize("hide", ["image_mean", "adversarial", "segment_mean"])
def test_lime_equals_the_package(scene, hide):
    detector, image = scene
    generator = np.random.default_rng(5)
    design = generator.integers(0, 2, (300, 16))
    design[0] = 1
    unit = image.permute(1, 2, 0).double().numpy()
    baseline = {
        "image_mean": image.mean(dim=(1, 2), keepdim=True).expand_as(image),
        "adversarial": image + 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(2)),
        "segment_mean": segment_mean(image, quadrants()),
    }[hide]

    def classify(images: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.asarray(images)).float().permute(0, 3, 1, 2)
        return detector.probabilities(batch).softmax(dim=1).double().numpy()

    class FixedDesign:
        """Stands in for the package's random state: its only draw is the design."""

        def randint(self, low, high=None, size=None):
            if size is None:
                return 0  # the seed that the package gives its own segmentation
            assert (low, high, size) == (0, 2, design.size)
            return design.ravel().copy()

        def __getattr__(self, name):
            return getattr(np.random.RandomState(0), name)

    package = LimeImageExplainer(random_state=0)
    package.random_state = FixedDesign()
    theirs = package.explain_instance(
        unit,
        classify,
        labels=(1,),
        top_labels=None,
        hide_color=None if hide == "segment_mean" else baseline.permute(1, 2, 0).double().numpy(),
        num_samples=300,
        batch_size=16,
        segmentation_fn=lambda _: quadrants().astype(int),
    )
    coefficients = dict(theirs.local_exp[1])
    explainer = Lime(samples=300)
    ours, cost = drive_one(explainer.explain(inputs_of(image, baseline.contiguous()), design), detector)
    np.testing.assert_allclose(ours.scores, [coefficients[label] for label in range(16)], atol=1e-6)
    positive = [label for label, weight in theirs.local_exp[1] if weight > 0]
    assert list(ours.ranking) == positive
    assert cost.images == 300


@pytest.mark.parametrize("engine", ["device", "library"])
def test_shap_is_the_package(scene, engine):
    detector, image = scene
    baseline = box_blur(image, 9)
    explainer = build(explainer_settings(method="shap", baseline="blur", evaluations=150, engine=engine))
    ours, cost = drive_one(explainer.explain(inputs_of(image, baseline)), detector)
    array = image.permute(1, 2, 0).numpy()

    def target(images: np.ndarray) -> np.ndarray:
        return detector.probabilities(torch.from_numpy(images).float().permute(0, 3, 1, 2))[:, [1]].numpy()

    masker = shap.maskers.Image("blur(9,9)", array.shape)
    theirs = shap.PartitionExplainer(target, masker)(array[None], max_evals=150, batch_size=50, silent=True)
    values = theirs.values[0][..., 0]
    scaled = ((values - values.min()) / (values.max() - values.min())).mean(axis=2)
    np.testing.assert_allclose(ours.map, scaled, atol=1e-6)
    assert cost.images == 150


def curved(images: Tensor) -> Tensor:
    """Probabilities (n, 3) of a small convolutional network, row by row, so that neighbours change no bit of them."""
    generator = torch.Generator().manual_seed(11)
    first, second = (torch.randn(shape, generator=generator).to(images) for shape in ((6, 3, 3, 3), (3, 6, 3, 3)))
    return torch.cat(
        [
            conv2d(conv2d(image[None], first, padding=1).tanh(), second, stride=2).relu().mean(dim=(2, 3)).softmax(1)
            for image in images.contiguous()
        ]
    )


def ours_of(image: Tensor, baseline: Tensor, evaluations: int, batch: int) -> tuple[np.ndarray, Tensor]:
    """Our values (h, w, 3) and the images that they were computed from, in their order."""
    work = owen_values(inputs_of(image, baseline), evaluations, batch)
    seen = [next(work).clone()]
    try:
        while True:
            seen.append(work.send(curved(seen[-1])).clone())
    except StopIteration as end:
        return end.value, torch.cat(seen)


def theirs_of(image: Tensor, baseline: Tensor, evaluations: int, batch: int) -> tuple[np.ndarray, Tensor]:
    """The package's values (h, w, 3) and the images that it asked for."""
    seen = []

    def target(images: np.ndarray) -> np.ndarray:
        seen.append(torch.from_numpy(images).permute(0, 3, 1, 2))
        return curved(seen[-1])[:, [1]].numpy()

    array, background = (tensor.permute(1, 2, 0).numpy() for tensor in (image, baseline))
    explainer = shap.PartitionExplainer(target, shap.maskers.Image(background, array.shape))
    found = explainer(array[None], max_evals=evaluations, batch_size=batch, silent=True)
    return found.values[0][..., 0], torch.cat(seen)


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    """An image and a baseline."""
    return tuple(torch.rand((2, 3, height, width), generator=torch.Generator().manual_seed(12)) * 2 - 1)


@pytest.fixture
def in_order(monkeypatch):
    """The package, too, takes the first of equals: what it draws to choose between them rises."""
    monkeypatch.setattr(np.random, "randn", count().__next__)


@pytest.mark.parametrize("batch", [2, 7, 50])
@pytest.mark.parametrize("evaluations", [4, 5, 50, 151, 600])
@pytest.mark.parametrize("size", [(32, 32), (7, 12), (13, 5)])
def test_owen_values_are_the_package_s(size, evaluations, batch, in_order):
    """The same images in the same order, and the same values of them, for sides of any length."""
    ours, seen = ours_of(*pair(*size), evaluations, batch)
    theirs, asked = theirs_of(*pair(*size), evaluations, batch)
    assert len(seen) == evaluations + evaluations % 2
    assert torch.equal(seen, asked)
    assert ours.shape == (*size, 3) and ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(theirs).max())


def test_without_equals_nothing_is_left_to_the_package_s_lots():
    """In float64, so that no two regions are equals on any CPU."""
    image, baseline = (tensor.double() for tensor in pair(24, 20))
    ours, seen = ours_of(image, baseline, 300, 50)
    theirs, asked = theirs_of(image, baseline, 300, 50)
    assert torch.equal(seen, asked) and seen.dtype == torch.float64
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(theirs).max())


def test_owen_values_end_at_single_values(in_order):
    """More evaluations than the tree has splits: it ends by itself, and all that the image adds is shared out."""
    image, baseline = pair(4, 4)
    ours, seen = ours_of(image, baseline, 10_000, 50)
    theirs, asked = theirs_of(image, baseline, 10_000, 50)
    assert torch.equal(seen, asked) and len(seen) < 10_000
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    nothing, everything = curved(torch.stack([baseline, image]))[:, 1].tolist()
    assert ours.sum() == pytest.approx(everything - nothing, abs=1e-12)


def test_sobol_indices_of_a_known_function():
    """f = 2 x0 + x1 has total-order indices 4/5 and 1/5, and 0 for a variable it doesn't read."""
    design = sobol_design(3, 1024)
    assert design.shape == (1024 * 5, 3)
    a, b = design[:1024], design[1024:2048]
    for index in range(3):
        c = design[1024 * (2 + index) : 1024 * (3 + index)]
        np.testing.assert_array_equal(c[:, index], b[:, index])
        others = [other for other in range(3) if other != index]
        np.testing.assert_array_equal(c[:, others], a[:, others])
    total = jansen_total(2 * design[:, 0] + design[:, 1], 3)
    np.testing.assert_allclose(total, [0.8, 0.2, 0.0], atol=5e-3)


def test_jansen_by_hand():
    """Two rows, one cell: A -> (0, 2), B unused, C -> (1, 1): sum (A - C)^2 = 2, var(A) = 2, so 2 / (2 * 2 * 2)."""
    assert jansen_total(np.array([0.0, 2.0, 9.0, 9.0, 1.0, 1.0]), 1) == pytest.approx([0.25])
    assert list(jansen_total(np.full(8, 0.5), 2)) == [0, 0]


def game(segments: int):
    """Worths of coalitions (n, S): a small network of them."""
    generator = np.random.default_rng(7)
    first, bias, second = (generator.normal(size=size) for size in ((segments, 6), 6, 6))
    return lambda coalitions: 1 / (1 + np.exp(-np.tanh(np.asarray(coalitions, float) @ first / 2 + bias) @ second))


def package_s_fit(segments: int, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """shap's values of the game, with the coalitions and the weights that they were fitted to."""
    np.random.seed(3)  # noqa: NPY002  # what the package draws from
    explainer = shap.KernelExplainer(game(segments), np.zeros((1, segments)))
    values = explainer.shap_values(np.ones(segments), nsamples=samples, l1_reg=False, silent=True)
    used = slice(explainer.nsamplesAdded)
    return values, explainer.maskMatrix[used], explainer.kernelWeights[used]


@pytest.mark.parametrize(("segments", "samples"), [(5, 30), (9, 2000), (9, 60), (12, 301), (30, 80), (50, 1000)])
def test_kernel_shap_s_fit_is_the_package_s(segments, samples):
    """To the package's own coalitions, all of them or a random design, with the weights that it gave them."""
    theirs, coalitions, weights = package_s_fit(segments, samples)
    worth = game(segments)
    nothing, everything = worth(np.repeat([[0], [1]], segments, axis=1))
    ours = kernel_shap.shapley(coalitions, worth(coalitions), weights, nothing, everything)
    assert len(coalitions) == min(samples, 2**segments - 2)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    assert np.abs(theirs).max() > 0.02


@pytest.mark.parametrize(("segments", "samples"), [(5, 30), (9, 510), (8, 180), (12, 300), (50, 1000)])
def test_kernel_shap_takes_the_sizes_whole_that_the_package_does(segments, samples):
    """Of these both have the same coalitions with the same weights; all coalitions where they fit."""
    _, theirs, their_weights = package_s_fit(segments, samples)
    ours, our_weights = kernel_shap.default_design(samples, segments, np.random.default_rng(0))

    def whole(coalitions: np.ndarray, weights: np.ndarray) -> dict[tuple[bool, ...], float]:
        kept = coalitions.sum(axis=1).astype(int)
        number = [int(np.isclose(comb(segments, size), (kept == size).sum())) for size in range(segments + 1)]
        pairs = zip(coalitions.astype(bool).tolist(), weights, kept, strict=True)
        return {tuple(row): weight for row, weight, size in pairs if number[size]}

    found, wanted = whole(ours, our_weights), whole(theirs, their_weights)
    assert found.keys() == wanted.keys() and len(found) == {5: 30, 9: 510, 8: 72, 12: 24, 50: 100}[segments]
    np.testing.assert_allclose([found[row] for row in wanted], list(wanted.values()), rtol=1e-9)


def test_rise_masks_by_plain_numpy():
    """Bilinear (half-pixel centres) to (s + 1) cells' size, cropped at the shift."""
    design = default_design(5, 4, SIZE, 0.1, "normal", np.random.default_rng(0))
    ours = upsample(torch.from_numpy(design.cells), torch.from_numpy(design.shifts), windows(4, SIZE))[:, 0].numpy()
    cell, large = SIZE // 4, 5 * SIZE // 4
    at = np.clip((np.arange(large) + 0.5) * 4 / large - 0.5, 0, None)
    low = np.minimum(at.astype(int), 3)
    high, part = np.minimum(low + 1, 3), at - low
    matrix = np.zeros((large, 4))
    np.add.at(matrix, (np.arange(large), low), 1 - part)
    np.add.at(matrix, (np.arange(large), high), part)
    for index in range(5):
        top, left = design.shifts[index]
        assert 0 <= top < cell and 0 <= left < cell
        full = matrix @ design.cells[index].astype(float) @ matrix.T
        np.testing.assert_allclose(ours[index], full[top : top + SIZE, left : left + SIZE], atol=1e-6)


def test_rise_map_by_hand(scene):
    """Two masks, all kept and none kept: the map is constant, and min-max makes it zero; the kept share is 54 %."""
    detector, image = scene
    design = RiseDesign(np.stack([np.ones((4, 4), bool), np.zeros((4, 4), bool)]), np.zeros((2, 2), int))
    explainer = build(explainer_settings(method="rise", baseline="zeros", masks=2, cells=4))
    explanation, _ = drive_one(explainer.explain(inputs_of(image, image * 0), design), detector)
    assert not explanation.map.any()
    kept = default_design(4000, 7, 224, 0.1, "normal", np.random.default_rng(0)).cells.mean()
    assert kept == pytest.approx(0.54, abs=0.005)
    kept = default_design(4000, 7, 224, 0.1, "uniform", np.random.default_rng(0)).cells.mean()
    assert kept == pytest.approx(0.1, abs=0.005)


def test_segment_means_and_ranks_by_hand():
    segments = np.array([[0, 0, 1], [2, 2, 1]], dtype=np.int16)
    saliency = np.array([[1.0, 3.0, 0.5], [4.0, 0.0, 0.5]])
    scores = segment_means(saliency, segments)
    assert list(scores) == [2.0, 0.5, 2.0]
    assert list(rank(scores)) == [0, 2, 1]


@pytest.mark.parametrize("algorithm", ["slic", "quickshift"])
def test_segments_are_numbered_from_zero_without_gaps(algorithm):
    generator = np.random.default_rng(0)
    unit = np.kron(generator.random((8, 8, 3)), np.ones((8, 8, 1)))
    settings = explainer_settings(
        method="lime", baseline="zeros", segmentation={"algorithm": algorithm, "n_segments": 20}
    ).segmentation
    labels = segment(unit, (unit - 0.5) / 0.5, settings)
    assert labels.dtype == np.int16 and labels.shape == (64, 64)
    assert list(np.unique(labels)) == list(range(labels.max() + 1))
    assert labels.max() > 5


@pytest.mark.parametrize("image", ["unit", "normalised"])
@pytest.mark.parametrize("seed", [1, 2, 3, 5, 6])
def test_slic_s_labels_are_the_released_code_s(seed, image):
    """Of a float32 image; given float64, 90 pixels of the normalised picture 5 would fall into another segment."""
    process = Preprocessing(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    unit = process.unit(picture(seed, 224, 224))
    images = {"unit": unit, "normalised": process.normalise(unit)}
    given = {name: tensor.permute(1, 2, 0).numpy() for name, tensor in images.items()}
    assert given[image].dtype == np.float32
    released = slic(given[image], n_segments=50) - 1
    found = segment(**given, settings=Segmentation(image=image))
    np.testing.assert_array_equal(found, released)
    doubles = {name: array.astype(np.float64) for name, array in given.items()}
    np.testing.assert_array_equal(segment(**doubles, settings=Segmentation(image=image)), released)


def test_quickshift_s_labels_are_those_of_the_float32_image():
    unit = UNIT.unit(picture(6, 96, 96)).permute(1, 2, 0).numpy()
    expected = quickshift(unit, kernel_size=4, max_dist=200, ratio=0.2, rng=42)
    found = segment(unit, unit, Segmentation(algorithm="quickshift"))
    np.testing.assert_array_equal(found, np.unique(expected, return_inverse=True)[1].reshape(expected.shape))


def request_sizes(image, method, budget) -> list[int]:
    work = build(explainer_settings(method=method, baseline="zeros", **budget)).explain(inputs_of(image, image * 0))
    sizes = [len(next(work))]
    try:
        while True:
            sizes.append(len(work.send(torch.full((sizes[-1], 2), 0.5))))
    except StopIteration:
        return sizes


def test_neighbouring_requests_stay_within_the_chunk(scene):
    """Perturbed images are never all in memory. SHAP's batches grow with the regions that there are to split."""
    _, image = scene
    budgets = {"lime": {"samples": 70}, "rise": {"masks": 70}, "sobol": {"grid": 3, "design": 4}}
    budgets |= {"occlusion": {"grid": 6, "window": 1}, "kernel_shap": {"samples": 70}}
    for method, budget in budgets.items():
        sizes = request_sizes(image, method, budget)
        assert max(sizes) == 16 and all(a >= b for a, b in pairwise(sizes))
    sizes = request_sizes(image, "shap", {"evaluations": 70, "batch": 20})
    assert sizes == [2, 2, 8, 16, 4, 16, 4, 16, 2]
