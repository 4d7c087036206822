"""Priors, decoding, suppression and the frame's way into the network, by hand-worked numbers; no real network."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from advxai.common.errors import InputError
from advxai.media.retinaface import PROVIDERS, RetinaFace, decode_boxes, decode_points, priors, suppress


class FakeSession:
    """Answers with a face of probability .99 at prior 2 and one of .96 at prior 0 of every image; zero offsets."""

    def __init__(self, network, options, providers):
        self.planes = None

    def run(self, names, feed):
        self.planes = feed["input"]
        images, _, height, width = self.planes.shape
        count = len(priors(height, width))
        probabilities = np.zeros((images, count, 2), np.float32)
        probabilities[:, 2, 1], probabilities[:, 0, 1] = 0.99, 0.96
        return (
            np.zeros((images, count, 4), np.float32), probabilities, np.zeros((images, count, 10), np.float32)
        )  # fmt: skip


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"abc")
    return path


def test_priors_run_by_level_row_column_side():
    anchors = priors(32, 32)
    assert len(anchors) == 4 * 4 * 2 + 2 * 2 * 2 + 1 * 1 * 2
    assert anchors[:3].tolist() == [[4, 4, 16], [4, 4, 32], [12, 4, 16]]
    assert anchors[8].tolist() == [4, 12, 16]  # second row of the first level
    assert anchors[32].tolist() == [8, 8, 64]
    assert anchors[-1].tolist() == [16, 16, 512]


def test_priors_cover_a_frame_that_is_no_multiple_of_the_strides():
    assert len(priors(33, 40)) == 5 * 5 * 2 + 3 * 3 * 2 + 2 * 2 * 2


def test_decoding():
    anchors = np.array([[12, 4, 16]], np.float32)
    offsets = np.array([[5, -10, 0, 5 * np.log(2)]], np.float32)
    # centre (12 + .1 * 16 * 5, 4 - .1 * 16 * 10) = (20, -12), width 16, height 16 * exp(.2 * 5 ln 2) = 32
    np.testing.assert_allclose(decode_boxes(anchors, offsets), [[12, -28, 28, 4]], atol=1e-4)
    points = decode_points(anchors, np.array([[0, 0, 5, 0, 0, 5, -5, 0, 0, -5]], np.float32))
    np.testing.assert_allclose(points, [[[12, 4], [20, 4], [12, 12], [4, 4], [12, -4]]], atol=1e-5)


def test_suppression_drops_the_weaker_of_two_boxes_that_overlap_too_much():
    boxes = np.array([[0, 0, 10, 5], [0, 0, 10, 10], [20, 0, 30, 10]], float)  # the first two: 50 / 100
    scores = np.array([0.97, 0.99, 0.98])
    assert suppress(boxes, scores, 0.4) == [1, 2]
    assert suppress(boxes, scores, 0.5) == [1, 2, 0]
    assert suppress(boxes[:0], scores[:0], 0.5) == []


def test_suppression_of_equal_scores_goes_by_index():
    assert suppress(np.array([[0, 0, 4, 4], [0, 0, 4, 4]], float), np.array([0.9, 0.9]), 0.4) == [0]


def test_detections_come_by_score_in_pixels_of_the_frame(network):
    detector = RetinaFace(network)
    first, second = detector.detect(np.zeros((32, 32, 3), np.uint8))
    # priors (12, 4) and (4, 4) of side 16: 8 x 16 pixels in common, IoU 128 / 384, under .4
    assert first.box == (4, -4, 20, 12) and first.score == pytest.approx(0.99)
    assert second.box == (-4, -4, 12, 12) and second.score == pytest.approx(0.96)
    assert first.landmarks.shape == (5, 2) and first.landmarks[0].tolist() == [12, 4]


def test_score_and_overlap_are_settings(network):
    frame = np.zeros((32, 32, 3), np.uint8)
    assert len(RetinaFace(network, score=0.97).detect(frame)) == 1
    assert len(RetinaFace(network, nms=0.3).detect(frame)) == 1


def test_large_frames_are_reduced_and_boxes_come_back_in_their_own_pixels(network):
    detector = RetinaFace(network, max_side=32)
    found = detector.detect(np.zeros((64, 64, 3), np.uint8))
    assert detector._session.planes.shape == (1, 3, 32, 32)
    assert found[0].box == (8, -8, 40, 24)
    assert found[0].landmarks[4].tolist() == [24, 8]


def test_the_network_sees_blue_green_red_less_their_means(network):
    detector = RetinaFace(network)
    detector.detect_batch([np.full((32, 32, 3), (10, 20, 30), np.uint8), np.zeros((32, 32, 3), np.uint8)])
    planes = detector._session.planes
    assert planes.dtype == np.float32
    assert planes[0, :, 5, 7].tolist() == [30 - 104, 20 - 117, 10 - 127]
    assert planes[1, :, 0, 0].tolist() == [-104, -117, -127]


def test_a_batch_needs_frames_of_one_size(network):
    detector = RetinaFace(network)
    with pytest.raises(ValueError, match="one size"):
        detector.detect_batch([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 40, 3), np.uint8)])
    assert detector.detect_batch([]) == []


def test_settings_say_what_the_answers_depend_on(network):
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", FIPS 180-2
    assert RetinaFace(network, score=0.9, threads=2).settings == {
        "network_sha256": sha, "score": 0.9, "nms": 0.4, "max_side": None, "device": "cpu"
    }  # fmt: skip


def test_bad_networks_and_devices_are_named(tmp_path):
    with pytest.raises(InputError, match="gone.onnx can't be read"):
        RetinaFace(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(InputError, match="text.onnx can't be read as an ONNX model"):
        RetinaFace(tmp_path / "text.onnx")
    with pytest.raises(InputError, match="device tpu"):
        RetinaFace(tmp_path / "text.onnx", device="tpu")


class CudaSession(FakeSession):
    """Starts the providers that are in `works`."""

    works = PROVIDERS["cuda"]
    falls_back = True

    def __init__(self, network, options, providers):
        super().__init__(network, options, providers)
        self.asked = providers

    def get_providers(self):
        return [name for name in self.asked if name in self.works]

    def disable_fallback(self):
        self.falls_back = False


@pytest.fixture
def cuda(network, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", CudaSession)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: PROVIDERS["cuda"])
    return network


def test_cuda_comes_first_and_is_not_left_for_the_cpu(cuda):
    detector = RetinaFace(cuda, device="cuda")
    assert detector._session.asked == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert not detector._session.falls_back
    assert detector.settings["device"] == "cuda"
    assert RetinaFace(cuda)._session.asked == ["CPUExecutionProvider"]


def test_cuda_that_does_not_start_is_an_error(cuda, monkeypatch):
    remedy = "install onnxruntime-gpu, or set faces.device to cpu"
    monkeypatch.setattr(CudaSession, "works", ("CPUExecutionProvider",))
    with pytest.raises(InputError, match=f"could not start device cuda.*: {remedy}"):
        RetinaFace(cuda, device="cuda")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(InputError, match=f"has no device cuda: {remedy}"):
        RetinaFace(cuda, device="cuda")


def test_onnx_runtime_tells_its_maker_nothing(tmp_path):
    """It kept an identifier in the home, and a file of what is to be sent."""
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    for name in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    command = [sys.executable, "-c", "import advxai.media.retinaface"]
    subprocess.run(command, env=environment, check=True)
    assert not [path for path in tmp_path.glob("**/*") if "onnxruntime" in path.name]
