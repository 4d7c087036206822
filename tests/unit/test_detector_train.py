"""Training: learns, repeats itself, and goes on after an interruption as if there had been none."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from advxai.classes import CLASSES
from advxai.config.science import Detector as Settings
from advxai.config.science import Training
from advxai.detector import train as module_under_test
from advxai.detector.augment import augment, resize
from advxai.detector.checkpoint import load
from advxai.detector.metrics import classify
from advxai.detector.model import Preprocessing
from advxai.detector.train import Images, _follow_quickly, _start_small, batches, learning_rate, train
from advxai.errors import InputError
from advxai.frames.database import FrameStore, build

HALF = (0.5, 0.5, 0.5)
COLOURS = ((40, 40, 40), (200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
THREADS = 1


def net(num_classes: int) -> nn.Module:
    """With BatchNorm and dropout, whose state and draws an interruption must not change."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Dropout(0.1), nn.Linear(32, num_classes),
    )  # fmt: skip


def settings(epochs: int = 4, **training) -> Settings:
    values = {"epochs": epochs, "batch": 8, "learning_rate": 0.02, "threads": THREADS} | training
    return Settings(model=f"{__name__}:net", input_size=32, mean=HALF, std=HALF, training=Training(**values))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """A database of noisy coloured images, eight of each class to train on and two to validate."""
    folder = tmp_path_factory.mktemp("frames")
    rng, rows = np.random.default_rng(0), []
    for label, colour in enumerate(COLOURS):
        for number in range(10):
            image = np.clip(rng.normal(colour, 20, (40, 36, 3)), 0, 255).astype(np.uint8)
            file = folder / f"{label}_{number}.png"
            cv2.imwrite(str(file), image[:, :, ::-1])
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            rows.append({"key": f"{CLASSES[label]}/{number}", "label": label, "file": str(file), "sha256": digest})
    table = pd.DataFrame(rows)
    build(table, folder / "frames.lmdb")
    last = table["key"].str[-1].isin(["8", "9"])
    return folder / "frames.lmdb", table[~last], table[last]


def run(corpus, out: Path, what: Settings, seed: int = 3, val: bool = True) -> bytes:
    path, rows, validation = corpus
    with FrameStore(path) as frames:
        train(
            what, frames, rows, validation if val else validation[:0], seed=seed, out_dir=out
        )  # fmt: skip
    return (out / "detector.safetensors").read_bytes()


def test_training_learns_and_is_repeated_bit_for_bit(corpus, tmp_path: Path):
    first = run(corpus, tmp_path / "a", settings(8))
    history = pd.read_csv(tmp_path / "a" / "history.csv")
    assert list(history) == ["epoch", "loss", "val_loss", "val_accuracy"] and len(history) == 8
    assert history["val_loss"].min() < 0.2 and history["val_accuracy"].max() == 1.0
    assert run(corpus, tmp_path / "b", settings(8)) == first
    assert run(corpus, tmp_path / "c", settings(8), seed=4) != first
    with FrameStore(corpus[0]) as frames:
        detector = load(settings(8), tmp_path / "a" / "detector.safetensors")
        items = [{"key": key, "sha256": frames.sha256(key)} for key in corpus[2]["key"]]
        answers = classify(items, lambda item: frames.image(item["key"], item["sha256"]), detector)
        predicted = [int(record["probabilities"].argmax()) for record in answers]
    assert predicted == corpus[2]["label"].tolist()


@pytest.mark.parametrize("val", [True, False])
def test_an_interrupted_training_ends_in_the_same_bytes(corpus, tmp_path: Path, monkeypatch, val: bool):
    whole = run(corpus, tmp_path / "whole", settings(4), val=val)
    true_epoch, calls = module_under_test.Trainer.epoch, []

    def interrupted(self, rows, seed, number, bar):
        calls.append(number)
        if calls == [0, 1, 2]:
            next(self._batches(batches(len(rows), 8, np.random.default_rng(0)), rows, seed, number))
            raise KeyboardInterrupt
        return true_epoch(self, rows, seed, number, bar)

    monkeypatch.setattr(module_under_test.Trainer, "epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(corpus, tmp_path / "cut", settings(4), val=val)
    assert not (tmp_path / "cut" / "detector.safetensors").exists()
    torch.rand(7)  # whatever else has drawn from the global generator
    assert run(corpus, tmp_path / "cut", settings(4), val=val) == whole
    assert calls == [0, 1, 2, 2, 3]
    assert (tmp_path / "cut" / "history.csv").read_bytes() == (tmp_path / "whole" / "history.csv").read_bytes()
    # Finished: the output is made again without an epoch.
    (tmp_path / "cut" / "detector.safetensors").unlink()
    assert run(corpus, tmp_path / "cut", settings(4), val=val) == whole
    assert calls == [0, 1, 2, 2, 3]
    assert sorted(file.name for file in (tmp_path / "cut").iterdir()) == [
        "detector.safetensors", "history.csv", "last.pt"
    ]  # fmt: skip


def test_the_state_of_another_or_a_damaged_training_is_not_gone_on_from(corpus, tmp_path: Path, caplog):
    wanted = run(corpus, tmp_path / "a", settings(2))
    run(corpus, tmp_path / "b", settings(2), seed=9)
    assert run(corpus, tmp_path / "b", settings(2)) == wanted
    assert "of another training" in caplog.text
    (tmp_path / "a" / "last.pt").write_bytes(b"half")
    assert run(corpus, tmp_path / "a", settings(2)) == wanted
    assert "can't be read" in caplog.text


def test_the_epoch_of_the_lowest_validation_loss_is_kept(corpus, tmp_path: Path, monkeypatch):
    losses = iter([(3.0, 0.1), (1.0, 0.5), (2.0, 0.9)])
    seen = []

    def validate(self, rows):
        seen.append({name: value.clone() for name, value in self.module.state_dict().items()})
        return next(losses)

    monkeypatch.setattr(module_under_test.Trainer, "validate", validate)
    run(corpus, tmp_path, settings(3))
    kept = load(settings(3), tmp_path / "detector.safetensors").module.state_dict()
    assert all(torch.equal(kept[name], seen[1][name]) for name in kept)
    assert not torch.equal(kept["0.weight"], seen[2]["0.weight"])


def test_a_class_without_training_images_and_a_foreign_label_are_named(corpus, tmp_path: Path):
    path, rows, val = corpus
    arguments = {"seed": 0, "out_dir": tmp_path}
    with FrameStore(path) as frames:
        with pytest.raises(InputError, match="no training image of Deepfakes"):
            train(settings(), frames, rows[rows["label"] != 3], val, **arguments)
        with pytest.raises(InputError, match="Real/8: label 7 of the validation rows"):
            train(settings(), frames, rows, val.assign(label=7), **arguments)


def test_a_loss_that_is_no_number_says_what_to_lower(corpus, tmp_path: Path):
    with pytest.raises(InputError, match="lower learning_rate"):
        run(corpus, tmp_path, settings(2, learning_rate=1e30))


def test_learning_rate_rises_for_a_tenth_and_falls_to_nearly_zero():
    rates = [learning_rate(step, 20, 1.0) for step in range(20)]
    assert rates[:2] == [0.5, 1.0]
    # After the two steps of warm-up, step s has (1 + cos(pi (s - 1) / 19)) / 2.
    assert rates[2] == pytest.approx((1 + np.cos(np.pi / 19)) / 2)
    assert 0 < rates[-1] < 0.01 and rates[2:] == sorted(rates[2:], reverse=True)
    assert learning_rate(0, 1, 0.3) == 0.3


def test_batches_are_as_equal_as_can_be_and_hold_everything_once():
    plan = batches(33, 32, np.random.default_rng(0))
    assert [len(part) for part in plan] == [33]
    plan = batches(100, 32, np.random.default_rng(0))
    assert [len(part) for part in plan] == [34, 33, 33]
    assert sorted(np.concatenate(plan).tolist()) == list(range(100))


def test_augmentation_depends_on_its_generator_alone():
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    before = image.copy()
    results = [augment(image, 32, 50, np.random.default_rng(seed)) for seed in (1, 2, 1)]
    assert all(result.shape == (32, 32, 3) and result.dtype == np.uint8 for result in results)
    assert np.array_equal(results[0], results[2]) and not np.array_equal(results[0], results[1])
    assert np.array_equal(image, before)
    # Colours stay roughly what they are, so channels aren't exchanged by the coder.
    red = np.zeros((40, 40, 3), np.uint8) + np.array([200, 30, 30], np.uint8)
    for seed in range(8):
        mean = augment(red, 32, 50, np.random.default_rng(seed)).mean(axis=(0, 1))
        assert np.abs(mean - [200, 30, 30]).max() < 127.5 * 0.15 + 255 * 0.12 + 5


def test_training_resizes_as_inference_does():
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8), (5, 5), 0)
    seen = Preprocessing(32, HALF, HALF).unit(image).permute(1, 2, 0).numpy() * 255
    assert np.abs(resize(image, 32) - seen).max() < 1.5
    assert resize(image, 90) is image


def test_images_beyond_the_cache_are_decoded_again_and_equal(corpus):
    path, rows, _ = corpus
    keys = rows["key"].tolist()[:3]
    with FrameStore(path) as frames:
        large, small = Images(frames, 32, 50), Images(frames, 32, 50, cache_bytes=2 * 40 * 36 * 3)
        for key in keys * 2:
            assert np.array_equal(large.augmented(key, 1, 2), small.augmented(key, 1, 2))
            assert np.array_equal(large.plain(key), small.plain(key))
        assert len(large.kept) == 3 and len(small.kept) == 2


def test_running_statistics_follow_within_a_small_training():
    module = torch.nn.Sequential(torch.nn.BatchNorm2d(3, momentum=0.01), torch.nn.BatchNorm2d(3, momentum=0.3))
    _follow_quickly(module)
    assert [part.momentum for part in module] == [0.1, 0.3]


def test_a_new_head_starts_with_even_answers():
    module = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 5))
    body = module[0].weight.detach().clone()
    torch.nn.init.constant_(module[1].bias, 3.0)
    _start_small(module)
    assert torch.equal(module[0].weight, body)
    assert module[1].weight.abs().max() < 0.06 and not module[1].bias.any()
