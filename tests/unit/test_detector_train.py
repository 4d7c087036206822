"""Training: learns, repeats itself, and goes on after an interruption as if there had been none."""

import hashlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.config.training import Training
from advxai.detector import progress
from advxai.detector import train as module_under_test
from advxai.detector.checkpoint import load
from advxai.detector.classify import classify
from advxai.detector.images import Images
from advxai.detector.progress import identity
from advxai.detector.schedule import learning_rate
from advxai.detector.train import batches, build_optimiser, train
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
            rows.append({"key": f"{FIVE.names[label]}/{number}", "label": label, "file": str(file), "sha256": digest})
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
    assert list(history) == ["epoch", "loss", "val_loss", "val_accuracy", "note"] and len(history) == 8
    assert history["note"].dropna().to_dict() == {history["val_loss"].idxmin(): "kept"}
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
    caplog.clear()
    torch.save([3], tmp_path / "a" / "last.pt")
    assert run(corpus, tmp_path / "a", settings(2)) == wanted
    assert "last.pt can't be read (TypeError" in caplog.text


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


def curve(monkeypatch: pytest.MonkeyPatch, *losses: float) -> list[dict[str, torch.Tensor]]:
    """Let the n-th validation of a training find the n-th loss; the list gets the weights that it was made with."""
    seen: list[dict[str, torch.Tensor]] = []

    def validate(self, rows):
        seen.append({name: value.clone() for name, value in self.module.state_dict().items()})
        return losses[len(seen) - 1], 0.5

    monkeypatch.setattr(module_under_test.Trainer, "validate", validate)
    return seen


def test_a_training_stops_when_the_loss_has_not_fallen_for_so_many_epochs(
    corpus, tmp_path: Path, monkeypatch, caplog, capsys
):
    falling = curve(monkeypatch, 3.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
    run(corpus, tmp_path / "all", settings(8))
    losses = (3.0, 1.0, 2.0, 1.0, 0.1)  # an equal loss is no lower one
    seen = curve(monkeypatch, *losses)
    with caplog.at_level("INFO"):
        run(corpus, tmp_path / "stopped", settings(8, patience=2))
    assert len(seen) == 4
    kept = load(settings(8), tmp_path / "stopped" / "detector.safetensors").module.state_dict()
    assert all(torch.equal(kept[name], seen[1][name]) for name in kept)
    # The learning rate falls over the eight epochs all the same.
    assert all(torch.equal(falling[3][name], seen[3][name]) for name in kept)
    history = pd.read_csv(tmp_path / "stopped" / "history.csv", keep_default_na=False)
    assert history["epoch"].tolist() == [1, 2, 3, 4] and history["val_loss"].tolist() == [3.0, 1.0, 2.0, 1.0]
    assert history["note"].tolist() == ["", "kept", "", "stopped early"]
    said = "stopped early after epoch 4 of 8, epoch 2 kept"
    assert f"training: {said}" in caplog.text and said in capsys.readouterr().err


def test_the_last_epoch_is_kept_if_asked_for_whatever_the_losses(corpus, tmp_path: Path, monkeypatch, caplog):
    seen = curve(monkeypatch, 3.0, 1.0, 2.0)
    with caplog.at_level("INFO"):
        run(corpus, tmp_path, settings(3, keep="last"))
    assert "training: 3 of 3 epochs, epoch 3 kept" in caplog.text
    kept = load(settings(3), tmp_path / "detector.safetensors").module.state_dict()
    assert all(torch.equal(kept[name], seen[2][name]) for name in kept)
    assert pd.read_csv(tmp_path / "history.csv", keep_default_na=False)["note"].tolist() == ["", "", "kept"]


def test_a_training_that_ends_by_itself_has_not_stopped_early(corpus, tmp_path: Path, monkeypatch, caplog):
    curve(monkeypatch, 3.0, 1.0, 2.0, 2.0)
    with caplog.at_level("INFO"):
        run(corpus, tmp_path, settings(4, patience=2))
    assert "training: 4 of 4 epochs, epoch 2 kept" in caplog.text
    history = pd.read_csv(tmp_path / "history.csv", keep_default_na=False)
    assert history["note"].tolist() == ["", "kept", "", ""]


def test_a_resumed_training_goes_on_counting_epochs_without_a_lower_loss(corpus, tmp_path: Path, monkeypatch):
    losses = (2.0, 1.0, 3.0, 3.0, 3.0, 0.1)
    curve(monkeypatch, *losses)
    whole = run(corpus, tmp_path / "whole", settings(9, patience=3))
    curve(monkeypatch, *losses[:3])  # the fourth validation fails
    with pytest.raises(IndexError):
        run(corpus, tmp_path / "cut", settings(9, patience=3))
    seen = curve(monkeypatch, *losses[3:])
    assert run(corpus, tmp_path / "cut", settings(9, patience=3)) == whole
    assert len(seen) == 2
    assert (tmp_path / "cut" / "history.csv").read_bytes() == (tmp_path / "whole" / "history.csv").read_bytes()
    # A training that has stopped stays so.
    (tmp_path / "cut" / "detector.safetensors").unlink()
    assert run(corpus, tmp_path / "cut", settings(9, patience=3)) == whole and len(seen) == 2


def test_early_stopping_needs_validation_images(corpus, tmp_path: Path):
    with pytest.raises(InputError, match="detector.training.patience: there is no validation image; add videos"):
        run(corpus, tmp_path, settings(patience=1), val=False)


def test_a_validation_loss_that_is_no_number_is_refused(corpus, tmp_path: Path, monkeypatch):
    curve(monkeypatch, float("nan"))
    with pytest.raises(InputError, match="no finite number in epoch 1; lower learning_rate"):
        run(corpus, tmp_path, settings(2))


def test_mixed_precision_is_for_a_gpu(corpus, tmp_path: Path):
    with pytest.raises(InputError, match="detector.training.mixed_precision: .* set detector.device to cuda"):
        run(corpus, tmp_path, settings(mixed_precision=True))


def test_mixed_precision_keeps_the_scale_of_the_loss_over_an_interruption(corpus, tmp_path: Path, monkeypatch):
    # torch has float16 and the scaler on the CPU as well: good enough to see that they are used and restored
    monkeypatch.setattr(module_under_test, "_check_settings", lambda *_: None)
    monkeypatch.setattr(torch.amp, "GradScaler", partial(torch.amp.GradScaler, init_scale=8.0, growth_interval=4))
    what = settings(3, mixed_precision=True)
    curve(monkeypatch, 3.0, 2.0, 1.0)
    whole = run(corpus, tmp_path / "whole", what)
    curve(monkeypatch, 3.0, 2.0)
    with pytest.raises(IndexError):
        run(corpus, tmp_path / "cut", what)
    curve(monkeypatch, 1.0)
    assert run(corpus, tmp_path / "cut", what) == whole
    # Three epochs of five steps: the scale doubles after the 4th, 8th and 12th.
    state = torch.load(tmp_path / "cut" / "last.pt", weights_only=True)
    assert (state["scaler"]["scale"], state["scaler"]["_growth_tracker"]) == (64.0, 3)
    curve(monkeypatch, 3.0, 2.0, 1.0)
    assert run(corpus, tmp_path / "plain", settings(3)) != whole
    losses = [pd.read_csv(tmp_path / name / "history.csv")["loss"] for name in ("whole", "plain")]
    assert np.abs(losses[0] - losses[1]).max() < 0.05


class One(nn.Module):
    """A weight, which decays, and a bias, which doesn't."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1), 2.0, dtype=torch.float64))
        self.bias = nn.Parameter(torch.full((1,), 2.0, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "weight", "bias"),
    [
        # Adam's first step is the learning rate; AdamW's decay takes its product with the rate off before.
        ("adamw", 2 * (1 - 0.1 * 0.3) - 0.1, 2 - 0.1),
        ("adam", 2 - 0.1, 2 - 0.1),
        # Gradient g, momentum m: Nesterov's first step is rate * (1 + m) * g; the penalty adds decay * weight to g.
        ("sgd", 2 - 0.1 * 1.9 * (0.5 + 0.3 * 2), 2 - 0.1 * 1.9 * 0.5),
    ],
)
def test_the_first_step_of_each_optimiser(name: str, weight: float, bias: float):
    module = One()
    optimiser = build_optimiser(module, Training(optimiser=name, learning_rate=0.1, weight_decay=0.3))
    for value in module.parameters():
        value.grad = torch.full_like(value, 0.5)
    optimiser.step()
    assert module.weight.item() == pytest.approx(weight, abs=1e-6)
    assert module.bias.item() == pytest.approx(bias, abs=1e-6)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_the_other_optimisers_learn_too(corpus, tmp_path: Path, name: str):
    run(corpus, tmp_path, settings(6, optimiser=name, weight_decay=0.001))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_loss"].min() < 0.7 < history["loss"].iloc[0]


def test_new_keys_leave_a_training_as_it_was_but_are_part_of_its_identity():
    training = Training()
    assert (training.optimiser, training.blur, training.patience, training.mixed_precision) == ("adamw", 0, None, False)
    rows = pd.DataFrame({"key": ["a"], "label": [0]})
    names = {
        identity(settings(**change), None, 0, rows)
        for change in ({}, {"optimiser": "sgd"}, {"blur": 0.1}, {"patience": 5}, {"mixed_precision": True})
    }
    assert len(names) == 5


def test_states_of_letterboxed_detectors_and_whole_backbones_from_before_are_not_gone_on_from(monkeypatch):
    """As of their digests: the images were a pixel wider, or the state holds more tensors."""
    said: list[dict] = []
    monkeypatch.setattr(progress, "json", SimpleNamespace(dumps=lambda content, **_: said.append(content) or ""))
    for detector in (
        {"resize": {"fit": "letterbox"}},
        {"resize": {"fit": "pad"}},
        {"model": "efficientnet_vit", "network": {"tokens": "places", "stride": 16}},
        {"model": "efficientnet_vit", "network": {"tokens": "places", "stride": 32}},
    ):
        identity(Settings(**detector), None, 0)
    assert [(one.get("letterbox"), one.get("backbone")) for one in said] == [
        (2, None), (None, None), (2, "cut"), (2, None),
    ]  # fmt: skip


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


def test_images_beyond_the_cache_are_decoded_again_and_equal(corpus):
    path, rows, _ = corpus
    keys = rows["key"].tolist()[:3]
    with FrameStore(path) as frames:
        large, small = Images(frames, 32, Training()), Images(frames, 32, Training(), cache_bytes=2 * 40 * 36 * 3)
        for key in keys * 2:
            assert np.array_equal(large.augmented(key, 1, 2), small.augmented(key, 1, 2))
            assert np.array_equal(large.plain(key), small.plain(key))
        assert len(large.kept) == 3 and len(small.kept) == 2


def test_a_training_on_other_bytes_is_another_training():
    """An unfinished one isn't gone on from when crops were cut anew under their old names."""
    rows = pd.DataFrame({"key": ["a", "b"], "label": [0, 1], "sha256": ["1", "2"]})
    own = identity(settings(2), None, 0, rows, rows[:0])
    assert identity(settings(2), None, 0, rows, rows[:0]) == own
    assert identity(settings(2), None, 0, rows.assign(sha256=["1", "3"]), rows[:0]) != own
    assert identity(settings(2), None, 0, rows.assign(label=[1, 0]), rows[:0]) != own
    assert identity(settings(2), None, 0, rows[:0], rows) != own
