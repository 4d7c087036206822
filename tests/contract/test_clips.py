"""Explainers of clips: what is planted is found, in space and in time, and nobody else has a part in it."""

from functools import partial
from itertools import pairwise
from pkgutil import resolve_name

import numpy as np
import pytest
import torch
from lime.lime_base import LimeBase
from torch import Tensor, nn
from torch.nn.functional import interpolate

from advxai.common.errors import InputError
from advxai.detector.engine import room
from advxai.detector.model import Detector
from advxai.saliency import Inputs, stage
from advxai.saliency.kernel_shap import KernelShap
from advxai.saliency.lime import Lime, default_design
from advxai.saliency.registry import BUILT_IN
from advxai.saliency.rise3d import Rise3d, Rise3dDesign
from advxai.saliency.rise3d import default_design as rise_design
from advxai.saliency.whitebox import WhiteBox
from advxai.video import saliency
from advxai.video.clip import ROWS, chunk_of, inputs_of, over_frames, placed, score_of, volume
from advxai.video.framewise import joined_map
from tests.clips import clip, entry, frames_of, hosts, images, load
from tests.golden.pictures import detector as toy
from tests.helpers import SIZE, TWO, UNIT, asked, drive_one, explainer_settings, linear_detector, quadrants

BUDGETS = {"shap3d": {"samples": 20}, "lime3d": {"samples": 20}, "rise3d": {"masks": 20, "cells": 3, "times": 2}}
MEAN = score_of("mean")


class Exact(nn.Module):
    """p(Fake) is linear: 1/2 + <weight, x>, whose logarithms the softmax undoes."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        fake = 0.5 + (x * self.weight).sum(dim=(1, 2, 3))
        return torch.stack([1 - fake, fake], dim=1).log()


def explained(items, detector, hosted=None, loader=load, at_once=4, copies=None, filling=None, **keys) -> dict:
    """Key -> record."""
    hosted = hosts(items, detector, loader) if hosted is None else hosted
    found = saliency.run(items, loader, detector, entry(**keys), hosted, "mean", 3, at_once, copies, filling, "row")
    return {record["key"]: record for record in found}


def inputs(frames: int, segments: np.ndarray, seed: int = 0) -> Inputs:
    drawn = torch.Generator().manual_seed(seed)
    image, baseline = (torch.rand((3, frames, SIZE, SIZE), generator=drawn) * 2 - 1 for _ in range(2))
    return Inputs("a", image, baseline, segments, 1, np.random.default_rng(seed), chunk_of(frames))


def blocks(frames: int) -> np.ndarray:
    """Segments of four squares in each half of the frames: labels 0 ... 7."""
    quarter = (quadrants() // 8) * 2 + (quadrants() % 4) // 2
    return np.stack([quarter + 4 * (2 * place // frames) for place in range(frames)]).astype(np.int16)


def reads(region: np.ndarray, bias: float = -1.0) -> Detector:
    """Reads the mean of a region's pixels, in every frame."""
    weight = torch.from_numpy(region).float() * 6 / (3 * int(region.sum()))
    return linear_detector(weight.expand(3, -1, -1).contiguous(), bias)


def region_of(top: int, left: int, side: int = 12) -> np.ndarray:
    found = np.zeros((SIZE, SIZE), bool)
    found[top : top + side, left : left + side] = True
    return found


def tau(maps: np.ndarray) -> float:
    """Mean correlation of a frame's map with the next one's; none of them is constant."""
    return float(np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairwise(maps)]))


@pytest.mark.parametrize(("top", "left"), [(10, 10), (8, 14)])
def test_shap_finds_what_is_planted_in_space_and_time(top, left):
    """Frames 5 to 8 of 16 have a bright square, which the detector reads in every frame."""
    region = region_of(top, left)
    frames = np.random.default_rng(0).normal(0, 0.05, (16, 3, SIZE, SIZE))
    frames[4:8][:, :, region] += 1
    item, planted = clip(1, 16), np.zeros((16, SIZE, SIZE), bool)
    planted[4:8] = region
    keys = {"method": "shap3d", "baseline": "zeros", "samples": 128, "target": "fake"}
    record = explained([item], reads(region), loader=images(frames), **keys)[item["key"]]
    found = record["segments"] == record["ranking"][0]
    assert (found & planted).sum() / (found | planted).sum() >= 0.5
    assert record["images"] == 16 * (min(128, 2 ** (int(record["segments"].max()) + 1) - 2) + 2)


@pytest.mark.parametrize("seed", [0, 1])
def test_shap_in_space_and_time_is_steadier_than_frame_by_frame(seed):
    """A bright square stands still under noise of each frame's own."""
    region = region_of(10, 10)
    frames = np.random.default_rng(seed).normal(0, 0.03, (8, 3, SIZE, SIZE))
    frames[:, :, region] += 0.5
    item, detector, loader = clip(1, 8), reads(region), images(frames)
    hosted = hosts([item], detector, loader)
    keys = {"baseline": "zeros", "samples": 64, "target": "fake"}
    both = [
        explained([item], detector, hosted, loader, **keys, **own)[item["key"]]["map"]
        for own in (
            {"method": "shap3d"},
            {"over": "frames", "method": "kernel_shap", "segmentation": {"n_segments": 16}},
        )
    ]
    assert tau(both[0]) > tau(both[1]) + 0.1


@pytest.mark.parametrize("samples", [40, 254])
def test_shap_of_a_linear_detector_by_hand(samples):
    """p(Fake) of the clip is linear, so a segment is worth its pixels' part of it, whatever coalitions are asked."""
    weight = torch.randn((3, SIZE, SIZE), generator=torch.Generator().manual_seed(1)) * 1e-3
    detector = Detector(Exact(weight), UNIT, classes=TWO, forward_batch=16)
    given = inputs(4, blocks(4))
    found, cost = drive_one(over_frames(KernelShap(samples).explain(given), MEAN), detector)
    parts = ((given.image - given.baseline) * weight[:, None]).sum(dim=0).double().numpy() / 4
    worth = [parts[given.segments == label].sum() for label in range(8)]
    np.testing.assert_allclose(found.scores, worth, atol=2e-6)
    assert found.ranking.tolist() == np.argsort(worth)[::-1].tolist()
    np.testing.assert_array_equal(found.map, found.scores[given.segments])
    assert cost.images == 4 * (samples + 2)


@pytest.mark.parametrize("again", [False, True])
def test_lime_equals_the_package_on_the_same_design(again):
    given, detector = inputs(3, blocks(3)), toy(0.3, 0.02)
    design = default_design(60, 8, np.random.default_rng(4))
    work = Lime(samples=60, softmax_again=again).explain(given, design)
    found, _ = drive_one(over_frames(work, MEAN), detector)
    kept = torch.from_numpy(design[:, given.segments]).float()[:, None]
    clips = kept * given.image + (1 - kept) * given.baseline
    answers = torch.stack([detector.probabilities(one.transpose(0, 1)).mean(dim=0) for one in clips])
    labels = (answers.softmax(dim=1) if again else answers).double().numpy()
    distances = 1 - np.sqrt(design.mean(axis=1))  # cosine to the whole row
    package = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=0)
    told = package.explain_instance_with_data(design, labels, distances, 1, 8, feature_selection="none")[1]
    np.testing.assert_allclose(found.scores, [dict(told)[label] for label in range(8)], atol=2e-6)


def test_rise_equals_a_plain_sum_over_the_same_masks():
    """Masks by torch's trilinear interpolation of the whole grid; their sum in numpy."""
    given, detector = inputs(6, blocks(3).repeat(2, axis=0)), toy(0.3, 0.02)
    design = rise_design(12, 4, 3, 6, SIZE, 0.5, np.random.default_rng(7))
    assert design.cells.shape == (12, 4, 3, 3) and 0.3 < design.cells.mean() < 0.7
    assert design.shifts.max(axis=0).tolist() <= [1, 10, 10]  # below ceil(6 / 4) and ceil(32 / 3)
    found, _ = drive_one(over_frames(Rise3d(masks=12).explain(given, design), MEAN), detector)
    large = interpolate(torch.from_numpy(design.cells).float()[:, None], (5 * 2, 4 * 11, 4 * 11), mode="trilinear")
    masks = np.stack(
        [one[0, t : t + 6, y : y + SIZE, x : x + SIZE] for one, (t, y, x) in zip(large, design.shifts, strict=True)]
    )
    image, baseline = given.image.numpy(), given.baseline.numpy()
    clips = masks[:, None] * image + (1 - masks[:, None]) * baseline
    share = [detector.probabilities(torch.from_numpy(one).transpose(0, 1).float())[:, 1].mean() for one in clips]
    raw = np.tensordot(np.array(share, np.float64), masks.astype(np.float64), 1) / masks.sum(axis=0)
    np.testing.assert_allclose(found.map, (raw - raw.min()) / (raw.max() - raw.min()), atol=2e-4)


def test_rise_s_voxel_that_no_mask_keeps_says_nothing():
    given = inputs(2, blocks(2))
    design = Rise3dDesign(np.zeros((4, 2, 3, 3), bool), np.zeros((4, 3), np.int64))
    found, _ = drive_one(over_frames(Rise3d(masks=4).explain(given, design), MEAN), toy())
    assert not found.map.any() and found.ranking.tolist() == list(range(8))


@pytest.mark.parametrize("method", BUDGETS)
@pytest.mark.parametrize("frames", [1, 5, 16])
def test_requests_are_whole_clips_of_a_bounded_number_of_frames(method, frames):
    given = inputs(frames, blocks(frames) if frames > 1 else quadrants()[None])
    work = saliency.build(entry(method=method, baseline="zeros", **BUDGETS[method])).explain(given)
    _, requests = asked(over_frames(work, MEAN), lambda rows: toy().probabilities(rows))
    assert len(requests) > 1 or frames == 1
    assert all(request.shape[1:] == (3, SIZE, SIZE) and len(request) % frames == 0 for request in requests)
    clips = 22 if method == "shap3d" else 20
    assert sum(map(len, requests)) == clips * frames
    assert max(map(len, requests)) == min(ROWS // frames * frames, frames * clips)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_request_s_frames_are_a_view_of_its_memory(layout):
    """So that a forward takes them as they lie, whatever the backend's order of a pixel's channels."""
    frames = torch.rand(5, 3, SIZE, SIZE).contiguous(memory_format=layout)
    memory = room(volume(frames), 4)
    assert memory.shape == (4, 3, 5, SIZE, SIZE)
    rows = volume(memory).flatten(0, 1)
    assert rows.data_ptr() == memory.data_ptr() and rows.is_contiguous(memory_format=layout)


def test_a_clip_of_one_frame_is_explained_as_an_image():
    given = inputs(1, quadrants()[None])
    image = Inputs("a", given.image[:, 0], given.baseline[:, 0], quadrants(), 1, np.random.default_rng(0), 64)
    for explainer in (KernelShap(40), Lime(40, softmax_again=False)):
        given.generator.bit_generator.state = image.generator.bit_generator.state = np.random.default_rng(
            9
        ).bit_generator.state
        of_clip, _ = drive_one(over_frames(explainer.explain(given), MEAN), toy(0.3))
        of_image, _ = drive_one(explainer.explain(image), toy(0.3))
        np.testing.assert_array_equal(of_clip.scores, of_image.scores)
        np.testing.assert_array_equal(of_clip.map[0], of_image.map)
        np.testing.assert_array_equal(of_clip.ranking, of_image.ranking)


ROWS_OF_ALL = [
    *({"method": method, "baseline": "noise", **budget} for method, budget in BUDGETS.items()),
    {"over": "frames", "method": "kernel_shap", "baseline": "noise", "samples": 8, "segmentation": {"n_segments": 9}},
    {"over": "frames", "method": "gradient_shap", "baseline": "zeros", "samples": 2},
]


@pytest.mark.parametrize("keys", ROWS_OF_ALL, ids=lambda keys: keys["method"])
def test_answers_are_independent_of_neighbours(keys):
    items, detector = [clip(number) for number in (1, 2, 3)], partial(toy, 0.4)
    hosted = hosts(items, detector())
    together = explained(items, detector(), hosted, **keys)
    turned = explained(items[::-1], detector(), hosted, at_once=2, **keys)
    alone = explained(items[1:2], detector(), hosted, at_once=1, **keys)
    assert together.keys() == {item["key"] for item in items}
    for key, record in together.items():
        for other in (turned, alone):
            for name in ("map", "scores", "ranking", "segments", "before", "frames_before", "images", "target"):
                np.testing.assert_array_equal(record[name], other.get(key, record)[name])
    assert alone.keys() == {items[1]["key"]}


@pytest.mark.parametrize("method", BUDGETS)
def test_a_real_backend_agrees_with_torch(method):
    """Up to rounding; the graph is OpenVINO's."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 2, 15)).append(nn.Flatten())
    item, maps = clip(1), []
    for backend in ("torch", "openvino"):
        detector = Detector(network, UNIT, classes=TWO, forward_batch=8, backend=backend)
        maps.append(explained([item], detector, method=method, baseline="zeros", **BUDGETS[method])[item["key"]]["map"])
    assert maps[0].std() > 0
    np.testing.assert_allclose(*maps, atol=1e-4)


def test_frames_are_explained_as_images_of_the_clip_s_class():
    """One frame of the clip is called otherwise than the clip; its map is of the clip's class all the same."""
    frames = np.full((3, 3, SIZE, SIZE), 0.5)
    frames[1] = -0.5
    item, detector, loader = clip(1, 3), reads(region_of(10, 10), 0.0), images(frames)
    keys = {"method": "kernel_shap", "baseline": "zeros", "samples": 20, "segmentation": {"n_segments": 9}}
    record = explained([item], detector, loader=loader, over="frames", **keys)[item["key"]]
    assert record["target"] == 1 and not record["called_real"]
    assert record["frames_before"].argmax(axis=1).tolist() == [1, 0, 1]
    settings = explainer_settings(**keys)
    alone = list(stage.run(item["frames"], loader, detector, settings, 3, 4))
    assert [one["target"] for one in alone] == [1, 0, 1]
    asked_for = [{**frame, "target": 1} for frame in item["frames"]]
    told = {one["key"]: one for one in stage.run(asked_for, loader, detector, settings, 3, 4)}
    np.testing.assert_array_equal(record["map"], [told[frame["key"]]["map"] for frame in item["frames"]])
    np.testing.assert_allclose(record["map"][1], -alone[1]["map"], atol=1e-6)
    means = [record["map"][record["segments"] == label].mean() for label in range(len(record["scores"]))]
    np.testing.assert_allclose(record["scores"], means, atol=1e-6)
    assert (np.diff(record["scores"][record["ranking"]]) <= 0).all() and record["zero"] == 0
    assert record["images"] == sum(one["images"] for one in alone)


class Genuine:
    """Black counterparts of the frames but for some."""

    def __init__(self, *without: str) -> None:
        self.without = without

    def reason(self, key: str) -> str:
        return "000.mp4 is too short" if key in self.without else ""

    def image(self, key: str) -> np.ndarray | None:
        return None if key in self.without else np.zeros((SIZE, SIZE, 3), np.uint8)

    def sha256(self, key: str) -> str:
        return "" if key in self.without else "of the black one"


@pytest.mark.parametrize("over", [{"method": "shap3d"}, {"over": "frames", "method": "kernel_shap"}])
def test_a_clip_with_a_frame_without_counterpart_is_not_explained(over):
    items, detector = [clip(1), clip(2)], toy(0.4)
    keys = {**over, "baseline": "counterpart", "samples": 8}
    genuine = Genuine(items[0]["frames"][3]["key"])
    records = explained(items, detector, filling=genuine, **keys)
    none, some = (records[item["key"]] for item in items)
    assert none["missing"] == "no counterpart: 000.mp4 is too short" and none["images"] == 0
    assert not none["ranking"].size and not none["map"].any() and none["map"].shape == none["segments"].shape
    assert some["missing"] == "" and some["ranking"].size
    black = explained(items[1:], detector, filling=Genuine(), **keys)[items[1]["key"]]
    np.testing.assert_array_equal(some["map"], black["map"])


def test_copies_fill_in_whole_and_frame_by_frame():
    """A copy that differs from the clip in one frame alone, and a linear detector: nothing of the others matters."""
    weight = torch.randn((3, SIZE, SIZE), generator=torch.Generator().manual_seed(1)) * -1e-3  # it is called fake
    item, detector = clip(1), Detector(Exact(weight), UNIT, classes=TWO, forward_batch=16)

    def copies(asked_for, frames):
        np.testing.assert_array_equal(frames, frames_of(asked_for, detector))
        copy = frames.clone()
        copy[2] = -0.3
        return copy, {"queries": 70, "calls": 9, "seconds": 1.5}

    for over in ({"method": "shap3d"}, {"over": "frames", "method": "kernel_shap"}):
        record = explained([item], detector, copies=copies, baseline="adversarial", samples=30, **over)[item["key"]]
        within = {int(label) for label in np.unique(record["segments"][2])}
        assert np.abs(record["map"][2]).max() > 1e-3
        assert np.abs(record["map"][4:]).max() < 1e-6  # another slice
        if "over" in over:
            assert np.abs(record["map"][[0, 1, 3]]).max() < 1e-6
        else:
            assert all(abs(score) < 1e-6 for label, score in enumerate(record["scores"]) if label not in within)
        costs = [record[f"adversary_{name}"] for name in ("images", "calls", "seconds")]
        assert costs == [70, 9, 1.5]


@pytest.mark.parametrize("over", [{"method": "shap3d"}, {"over": "frames", "method": "kernel_shap"}])
def test_a_clip_that_is_called_real_has_no_copy_to_fill_in(over):
    """Nobody is asked, whatever class is explained; of the clip beside it, which is called fake, all is as ever."""
    item, other, detector = clip(1), clip(2), toy(0.4)
    hosted = hosts([item, other], detector)
    hosted = {(key, sha): {**host, "called_real": key == item["key"]} for (key, sha), host in hosted.items()}
    keys = {**over, "baseline": "adversarial", "samples": 8, "target": "fake"}

    def copies(asked_for, frames):
        assert asked_for["key"] == other["key"]
        return frames * 0.5, {"queries": 7}

    records = explained([item, other], detector, hosted, copies=copies, **keys)
    none, some = records[item["key"]], records[other["key"]]
    assert none["missing"] == "no adversarial copy: the clip is called real"
    assert none["images"] == none["calls"] == none["adversary_images"] == 0
    assert not none["ranking"].size and not none["map"].any() and none["called_real"]
    assert some["missing"] == "" and some["ranking"].size and some["adversary_images"] == 7
    with_zeros = explained([item], detector, hosted, **{**keys, "baseline": "zeros"})[item["key"]]
    assert with_zeros["missing"] == "" and with_zeros["ranking"].size


FADING = {
    "lime": {"samples": 60, "softmax_again": False},
    "shap": {"evaluations": 60},
    "rise": {"masks": 400, "p1": 0.5, "draw": "uniform", "softmax_again": False, "divide_by": "coverage"},
    "occlusion": {"grid": 4, "window": 1},
    "kernel_shap": {"samples": 40, "segmentation": {"n_segments": 9}},
    "sobol": {"grid": 4, "design": 8},
}


def test_all_explainers_of_images_are_seen_to_fade():
    assert FADING.keys() == {name for name, kind in BUILT_IN.items() if not issubclass(resolve_name(kind), WhiteBox)}


@pytest.mark.parametrize("method", FADING)
def test_a_frame_that_says_less_has_a_weaker_map(method):
    """p(Fake) is linear, and the second frame is the first one at a quarter of its contrast to what fills in; the left
    half speaks for fake and the right one twice as much against it. SOBOL shares each frame's own variance out."""
    weight = torch.full((3, SIZE, SIZE), 2e-4)
    weight[:, :, SIZE // 2 :] = -4e-4
    frames = np.stack([np.full((3, SIZE, SIZE), value) for value in (0.8, 0.2)])
    detector, loader = Detector(Exact(weight), UNIT, classes=TWO, forward_batch=16), images(frames)
    keys = {"over": "frames", "method": method, "baseline": "zeros", "target": "fake", **FADING[method]}
    record = explained([clip(1, 2)], detector, loader=loader, **keys)[clip(1, 2)["key"]]
    strong, weak = (np.ptp(one) for one in record["map"])
    assert strong > 0 and (weak == pytest.approx(strong, rel=0.05) if method == "sobol" else weak < 0.5 * strong)
    if method in ("shap", "lime", "occlusion", "kernel_shap"):
        assert weak == pytest.approx(strong / 4, rel=0.1)
        for one in record["map"] - record["zero"]:
            assert one[:, :8].mean() > 0 > one[:, -8:].mean()
    if method == "shap":  # -2 of 1 part below, of 3 in all
        assert record["zero"] == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("method", ["shap", "rise", "sobol"])
def test_a_clip_of_one_frame_is_scaled_as_an_image(method):
    item, detector = clip(1, 1), toy(0.3, 0.02)
    keys = {"method": method, "baseline": "zeros", **FADING[method]}
    record = explained([item], detector, over="frames", **keys)[item["key"]]
    (image,) = stage.run(item["frames"], load, detector, explainer_settings(**keys), 3, 4)
    assert "unscaled" not in image and "unscaled" not in record
    np.testing.assert_allclose(record["map"][0], image["map"], atol=1e-6)
    np.testing.assert_allclose(record["zero"], image["zero"], atol=1e-12)


def test_maps_with_zeros_of_their_own_are_counted_from_them():
    """As those of explainers of the user's may be; with a frame that has none, there is none."""
    maps = [np.array([[0.25, 0.5]], np.float32), np.array([[0.75, 0.5]], np.float32)]

    def joined(*zeros):
        parts = [{"map": one, "zero": zero, "unscaled": None} for one, zero in zip(maps, zeros, strict=True)]
        made, zero = joined_map(parts)
        return made.tolist(), zero

    assert joined(0.5, 0.5) == ([[[0.25, 0.5]], [[0.75, 0.5]]], 0.5)
    assert joined(0.5, 0.25) == ([[[-0.25, 0.0]], [[0.5, 0.25]]], 0.0)
    made, zero = joined(0.5, np.nan)
    assert made == [[[0.25, 0.5]], [[0.75, 0.5]]] and np.isnan(zero)


def test_unknown_clips_are_refused_by_name():
    for over in ({"method": "shap3d"}, {"over": "frames", "method": "kernel_shap"}):
        with pytest.raises(InputError, match="the scores of clips lack .*000_001.mp4/clip_00000_0: run again"):
            explained([clip(1)], toy(), {}, baseline="zeros", **over)


def test_placed_inputs_are_those_of_images():
    detector, item = toy(), clip(1)
    frames = inputs_of(item, load, detector)
    np.testing.assert_array_equal(frames, frames_of(item, detector))
    assert placed(frames, detector).is_contiguous(memory_format=detector.backend.layout)
