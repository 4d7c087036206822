"""Train a detector; an interrupted training goes on from its last finished epoch and ends in the same bytes."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advxai.common.arrays import Pixels
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.common.randomness import seed_of
from advxai.config.networks import options_of
from advxai.config.science import Detector as Settings
from advxai.config.training import Training
from advxai.detector.backends import require_device
from advxai.detector.build import build_module, follow_quickly, load_initial, preprocessing, start_small
from advxai.detector.checkpoint import save
from advxai.detector.frozen import freeze_blocks
from advxai.detector.images import Images
from advxai.detector.logits import logits, per_class, random_images
from advxai.detector.model import Preprocessing
from advxai.detector.progress import Progress, identity
from advxai.detector.schedule import learning_rate, rate_of_epoch
from advxai.frames.database import FrameStore
from advxai.run.bar import Bar
from advxai.run.settings import input_of

CHECKPOINT = "detector.safetensors"
OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


def batches(count: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """A random order of 0 ... count - 1 in batches as equal as can be: BatchNorm never meets a batch of a few."""
    return np.array_split(rng.permutation(count), max(1, round(count / size)))


def build_optimiser(module: nn.Module, training: Training) -> torch.optim.Optimizer:
    """The configured optimiser; weight decay is for weights, it only harms biases and a normalisation's scales."""
    trained = [value for value in module.parameters() if value.requires_grad]
    decayed = [value for value in trained if value.ndim > 1]
    others = [value for value in trained if value.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}]
    momentum = {"momentum": training.momentum, "nesterov": training.momentum > 0} if training.optimiser == "sgd" else {}
    filled = [group for group in groups if group["params"]]
    return OPTIMISERS[training.optimiser](filled, lr=training.learning_rate, **momentum)


def class_weights(rows: pd.DataFrame, classes: Classes) -> Tensor:
    """What each class's loss is multiplied by, (classes,): the number of real images over that of its own.

    Args:
        rows: the training rows, some of each class.
        classes: the detector's.
    """
    numbers = np.bincount(rows["label"], minlength=len(classes.names))
    return torch.from_numpy(numbers[classes.real] / numbers).float()


class Trainer:
    """What `train` works on; see there for the arguments."""

    def __init__(
        self,
        module: nn.Module,
        classes: Classes,
        images: Images,
        process: Preprocessing,
        training: Training,
        device: str,
    ) -> None:
        self.module = module.to(device).to(memory_format=torch.channels_last)
        self.classes = classes
        self.images, self.process, self.training, self.device = images, process, training, torch.device(device)
        self.workers = ThreadPoolExecutor(training.threads)
        self.optimiser = build_optimiser(module, training)
        self.rate: float | None = None  # of all steps of the epoch; None: the cosine's
        self.weights: Tensor | None = None  # of each class's loss
        # Small gradients would be zero in float16, so the loss is scaled up; without mixed precision it does nothing.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=training.mixed_precision)

    def _batches(
        self, plan: list[NDArray[np.int64]], rows: pd.DataFrame, seed: int, epoch: int | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised images and labels, batch after batch; the next one is prepared while one is in use."""
        keys, labels = rows["key"].tolist(), rows["label"].to_numpy(dtype=np.int64)

        def submit(batch: NDArray[np.int64]) -> list[Future[Pixels]]:
            if epoch is None:
                return [self.workers.submit(self.images.plain, keys[row]) for row in batch]
            return [self.workers.submit(self.images.augmented, keys[row], seed, epoch) for row in batch]

        ahead = submit(plan[0])
        for number, batch in enumerate(plan):
            ready = np.stack([future.result() for future in ahead])
            ahead = submit(plan[number + 1]) if number + 1 < len(plan) else []
            x = torch.from_numpy(ready).to(self.device).permute(0, 3, 1, 2).float() / 255
            x = self.process.normalise(x).contiguous(memory_format=torch.channels_last)
            yield x, torch.from_numpy(labels[batch]).to(self.device)

    def weigh(self, weights: Tensor) -> None:
        """Multiply each class's loss by its weight (`class_weights`) from now on, validation's too."""
        self.weights = weights.to(self.device)

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        smoothing = self.training.label_smoothing
        with torch.autocast(self.device.type, torch.float16, enabled=self.training.mixed_precision):
            scores = per_class(self.module(x), self.classes)
            if self.weights is None:
                return nn.functional.cross_entropy(scores, y, label_smoothing=smoothing)
            # torch's own mean would divide by the weights, which a pos_weight doesn't
            return nn.functional.cross_entropy(
                scores, y, self.weights, label_smoothing=smoothing, reduction="none"
            ).mean()

    def epoch(self, rows: pd.DataFrame, seed: int, number: int, bar: Bar) -> float:
        """One pass over the training rows; returns the mean loss."""
        plan = batches(len(rows), self.training.batch, np.random.default_rng(seed_of(seed, "order", number)))
        steps = len(plan) * self.training.epochs
        # Dropout and stochastic depth draw from torch's own generator.
        torch.manual_seed(seed_of(seed, "module", number))
        self.module.train()
        total = 0.0
        for step, (x, y) in enumerate(self._batches(plan, rows, seed, number if self.training.augment else None)):
            rate = self.rate
            if rate is None:
                rate = learning_rate(number * len(plan) + step, steps, self.training.learning_rate)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss = self._loss(x, y)
            self.optimiser.zero_grad(set_to_none=True)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch's own has no types
            self.scaler.step(self.optimiser)
            self.scaler.update()
            total += loss.item() * len(y)
            bar.update(len(y))
        return total / len(rows)

    @torch.inference_mode()
    def validate(self, rows: pd.DataFrame) -> tuple[float, float]:
        """Mean cross-entropy (weighed as in training, without smoothing) and accuracy, in float32 as later forwards."""
        self.module.eval()
        plan = np.array_split(np.arange(len(rows)), max(1, round(len(rows) / self.training.batch)))
        loss, right = 0.0, 0
        for x, y in self._batches(plan, rows, 0, None):
            logits = per_class(self.module(x).float(), self.classes)
            loss += nn.functional.cross_entropy(logits, y, self.weights, reduction="sum").item()
            right += int((self.classes.called(logits.softmax(dim=1)) == y).sum())
        return loss / len(rows), right / len(rows)

    def state(self) -> dict[str, Any]:
        """What a resumed training needs; the weights are copied to the CPU."""
        weights = {name: value.detach().cpu().clone() for name, value in self.module.state_dict().items()}
        return {"weights": weights, "optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.module.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])


def _check_rows(rows: pd.DataFrame, name: str, classes: Sequence[str]) -> None:
    wrong = rows[~rows["label"].isin(range(len(classes)))]
    if len(wrong):
        raise InputError(
            f"{wrong['key'].iloc[0]}: label {wrong['label'].iloc[0]} of the {name} rows isn't 0 to "
            f"{len(classes) - 1}; correct the manifest"
        )
    absent = sorted(set(range(len(classes))) - set(rows["label"]))
    if name == "training" and absent:
        raise InputError(
            f"there is no training image of {', '.join(classes[label] for label in absent)}; add videos of it to the "
            "split train"
        )


def _check_settings(settings: Settings, val_rows: pd.DataFrame) -> None:
    if settings.training.patience is not None and val_rows.empty:
        raise InputError(
            "detector.training.patience: there is no validation image; add videos to the split val, or set it to null"
        )
    if settings.training.schedule == "plateau" and val_rows.empty:
        raise InputError(
            "detector.training.schedule: plateau waits for a lower validation loss, and there is no validation image; "
            "add videos to the split val, or set another schedule"
        )
    if settings.training.mixed_precision and settings.device != "cuda":
        raise InputError(
            "detector.training.mixed_precision: is for a GPU alone; set detector.device to cuda, or it to false"
        )
    require_device(settings.device)


def train(
    settings: Settings,
    frames: FrameStore,
    train_rows: pd.DataFrame,
    val_rows: pd.DataFrame,
    *,
    seed: int,
    out_dir: Path,
    initial: Path | None = None,
    classes: Classes = FIVE,
) -> None:
    """Train for `epochs` as `training` says; keep the best epoch or the last, see `training.keep`.

    The same arguments give the same bytes, interrupted or not, on one machine. `out_dir` gets detector.safetensors
    (at the end, unless one has appeared meanwhile: jobs may be at work with it), history.csv and last.pt (after every
    epoch; a repeated call goes on from it).

    Args:
        settings: model, input, device and `training`.
        frames: images by key.
        train_rows, val_rows: columns key and label (class index); classes weigh as much as they have rows, or with
            `balance: weights` as much as each other. Without validation rows the last epoch is kept.
        seed: of initial weights, order, augmentation and dropout.
        out_dir: made if it isn't there.
        initial: file of ImageNet weights (`build.load_initial`); None: from scratch.
        classes: the detector's, of which a label is the index.

    Raises:
        InputError: a class has no training image, a label is out of range, a loss isn't finite, early stopping or a
            plateau without validation rows, no blocks to freeze, mixed precision without CUDA, no such device, NaN or
            infinity among the weights at the end, or what `build_module`, `logits`, `preprocessing`, `load_initial` and
            `frames` raise.
    """
    training = settings.training
    _check_rows(train_rows, "training", classes.names)
    _check_rows(val_rows, "validation", classes.names)
    _check_settings(settings, val_rows)
    if settings.device == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    torch.set_num_threads(training.threads)
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / CHECKPOINT
    anew = path.exists()
    progress = Progress(out_dir, identity(settings, initial, seed, train_rows, val_rows), training)

    torch.manual_seed(seed_of(seed, "detector"))
    module = build_module(settings, classes.outputs)
    process = preprocessing(settings, module)
    logits(module.eval(), random_images(2, 3, *(settings.input_size,) * 2), classes)
    if initial is not None:
        load_initial(module, initial, options_of(settings.model, settings.network).get("backbone"))
        start_small(module)
    follow_quickly(module)
    if training.trained_blocks is not None:
        freeze_blocks(module, training.trained_blocks, settings.model)
    images = Images(frames, settings.input_size, training, resize=process.resize)
    frames.image(train_rows["key"].iloc[0])  # opens the database before several threads do
    trainer = Trainer(module, classes, images, process, training, settings.device)
    if training.balance == "weights":
        trainer.weigh(class_weights(train_rows, classes))
    state = progress.resume()
    if state:
        trainer.restore(state)
    done = len(progress.history) * len(train_rows)
    with trainer.workers, Bar(total=training.epochs * len(train_rows), initial=done, unit="image") as bar:
        while not progress.finished:
            number = len(progress.history)
            bar.set_description(f"epoch {number + 1} of {training.epochs}")
            if training.schedule != "cosine":
                losses = [row["val_loss"] for row in progress.history if "val_loss" in row]
                trainer.rate = rate_of_epoch(training, number, losses)
            row: dict[str, float] = {"epoch": number + 1, "loss": trainer.epoch(train_rows, seed, number, bar)}
            _check_finite(row["loss"], row, training)
            if len(val_rows):
                row["val_loss"], row["val_accuracy"] = trainer.validate(val_rows)
                _check_finite(row["val_loss"], row, training)
            progress.add(row, **trainer.state())
            shown = {name: f"{value:.3f}" for name, value in row.items() if name != "epoch"}
            bar.set_postfix(shown | {"kept": progress.kept})
        bar.set_description(str(progress))
    logging.info("training: %s", progress)
    progress.write_history()
    module.load_state_dict(progress.weights)
    about = input_of(settings)
    if not save(path, module, model=settings.model, preprocessing=process, classes=classes, about=about, replace=anew):
        logging.warning("%s: another machine has published it meanwhile; that one is used", path)


def _check_finite(loss: float, row: dict[str, float], training: Training) -> None:
    if not math.isfinite(loss):
        raise InputError(
            f"detector.training: the loss is no finite number in epoch {row['epoch']}; "
            f"lower learning_rate ({training.learning_rate})"
        )
