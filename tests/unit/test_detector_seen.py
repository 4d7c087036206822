"""What a detector sees of a crop: its channels, and how the crop is resized; and that training sees the same."""

import io

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.config.science import Resize
from advxai.config.training import Training
from advxai.detector import checkpoint
from advxai.detector.augment import augment
from advxai.detector.build import build_module, head_keys, preprocessing
from advxai.detector.folding import fold
from advxai.detector.graph import export
from advxai.detector.images import Images
from advxai.detector.logits import answers, random_images
from advxai.detector.model import Preprocessing
from advxai.media.fit import fitted
from advxai.run.weights import said

HALF = (0.5, 0.5, 0.5)
CROP = np.random.default_rng(0).integers(0, 256, (50, 30, 3)).astype(np.uint8)
LINEAR = f"{__name__}:linear"


def linear(num_classes: int) -> nn.Module:
    """Of a picture's channels alone, a batch norm among it."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.running_mean)
    return nn.Sequential(nn.Conv2d(3, 4, 1), norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


def settings(**keys) -> Settings:
    return Settings(model=LINEAR, mean=(0.1, 0.2, 0.3), std=HALF, input_size=32, **keys)


def test_a_network_that_was_trained_on_blue_first_is_given_blue_first():
    images = random_images(3, 3, 32, 32)
    plain, turned = (build_module(settings(colour=colour), 5).eval() for colour in ("rgb", "bgr"))
    with torch.no_grad():
        assert torch.equal(turned(images), plain(images.flip(1))) and not torch.equal(turned(images), plain(images))
        folded = fold(turned, 32)
        assert folded is not turned and torch.allclose(folded(images), turned(images), atol=1e-5)
    assert list(turned.state_dict()) == list(plain.state_dict()) and head_keys(turned) == ["4.weight", "4.bias"]
    graph = export(turned, 32, answers(turned, 32, FIVE, "it"))
    session = onnxruntime.InferenceSession(io.BytesIO(graph.onnx).getvalue())
    (found,) = session.run(None, {"images": images.numpy()})
    np.testing.assert_allclose(found, plain(images.flip(1)).detach().numpy(), atol=1e-5)
    # mean and std stay red first, and so does everything that shows an image
    process = preprocessing(settings(colour="bgr"), turned)
    assert process.mean == (0.1, 0.2, 0.3) and torch.equal(process.unit(CROP), preprocessing(settings()).unit(CROP))


def test_the_input_is_the_library_s_own_resize_on_black():
    unit = Preprocessing(32, HALF, HALF, Resize(library="opencv", fit="letterbox")).unit(CROP)
    assert unit.dtype == torch.float32 and unit.shape == (3, 32, 32) and unit.is_contiguous()
    wanted = cv2.resize(CROP, (19, 32), interpolation=cv2.INTER_CUBIC)  # 30 * 32 / 50 = 19.2
    np.testing.assert_array_equal(unit.permute(1, 2, 0)[:, 6:25].numpy(), wanted.astype(np.float32) / 255)
    assert not unit[..., :6].any() and not unit[..., 25:].any()
    image = torch.from_numpy(CROP).permute(2, 0, 1)[None].float() / 255
    for name in ("bilinear", "area"):
        corners = {} if name == "area" else {"align_corners": False}
        own = nn.functional.interpolate(image, (32, 19), mode=name, **corners)[0]
        seen = Preprocessing(32, HALF, HALF, Resize(interpolation=name, fit="letterbox")).unit(CROP)
        assert torch.equal(seen[..., 6:25], own) and seen[..., 25:].sum() == seen[..., :6].sum() == 0
    padded = Preprocessing(64, HALF, HALF, Resize(fit="pad")).unit(CROP)
    assert torch.equal(padded[:, 7:57, 17:47], image[0]) and padded.sum() == pytest.approx(float(image.sum()), rel=1e-5)


@pytest.mark.parametrize("library", ["torch", "opencv", "pillow"])
def test_training_sees_what_the_detector_sees(library):
    smooth, resize = cv2.GaussianBlur(CROP, (9, 9), 0), Resize(library=library, fit="letterbox")
    frames = type("Frames", (), {"image": lambda *_: smooth})()
    seen = Preprocessing(32, HALF, HALF, resize).unit(smooth).permute(1, 2, 0).numpy() * 255
    images = Images(frames, 32, Training(), resize=resize)
    assert np.abs(images.plain("a") - seen).max() < 1.5
    changed = images.augmented("a", 0, 0)
    assert changed.shape == (32, 32, 3) and (changed[:, 12:20] > 0).mean() > 0.9
    assert not changed[:, :5].any() and not changed[:, 27:].any()  # brighter or not, the black stays so


def test_augmentation_leaves_its_image_alone():
    before = CROP.copy()
    augment(CROP, 50, 50, np.random.default_rng(0), resize=Resize(fit="pad"))
    fitted(CROP, 50, Resize(fit="pad"))
    assert np.array_equal(CROP, before)


def test_a_file_of_ours_keeps_channels_and_resize(tmp_path):
    path, resize = tmp_path / "own.safetensors", Resize(library="pillow", interpolation="bilinear", fit="letterbox")
    made = settings(colour="bgr", resize=resize)
    module = build_module(made, 5)
    checkpoint.save(path, module, model=LINEAR, preprocessing=preprocessing(made, module))
    plain = settings()
    loaded = checkpoint.load(plain, path)  # the configuration says neither
    assert (loaded.preprocessing.resize, loaded.preprocessing.colour) == (resize, "bgr")
    inputs = random_images(2, 3, 32, 32)
    assert torch.allclose(loaded.probabilities(inputs), module.eval()(inputs).softmax(1), atol=1e-6)
    for other in (settings(colour="rgb"), settings(resize=Resize())):
        with pytest.raises(InputError, match="was made with colour bgr and resize .*letterbox.*; take detector.colour"):
            checkpoint.load(other, path)
    checkpoint.save(path, module, model=LINEAR, preprocessing=preprocessing(plain, module))
    assert not {"colour", "resize"} & set(said(path))  # bytes of older files stay
    with pytest.raises(InputError, match="was made with colour rgb"):
        checkpoint.load(made, path)
