"""Train a detector; an interrupted training goes on from its last finished epoch and ends in the same bytes."""

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from advxai.classes import CLASSES
from advxai.config.science import Detector as Settings
from advxai.config.science import Training
from advxai.detector.augment import augment, resize
from advxai.detector.build import build_module, head_keys, load_initial, preprocessing
from advxai.detector.checkpoint import save
from advxai.detector.model import Preprocessing
from advxai.digests import file_sha256
from advxai.errors import InputError
from advxai.files import publish
from advxai.frames.database import FrameStore
from advxai.randomness import seed_of

CHECKPOINT = "detector.safetensors"
HISTORY = "history.csv"
STATE = "last.pt"
CACHE_BYTES = 2**30  # decoded images kept in memory; the others are decoded in every epoch
WARM_UP = 0.1  # share of the steps in which the learning rate rises


class Images:
    """Decoded images of a database, kept in memory as long as they fit.

    Args:
        frames: the database.
        size: side of the images that are returned.
        jpeg: lowest quality of the augmentation's compression.
        cache_bytes: how much may be kept.
    """

    def __init__(self, frames: FrameStore, size: int, jpeg: int, cache_bytes: int = CACHE_BYTES) -> None:
        self.frames, self.size, self.jpeg, self.left = frames, size, jpeg, cache_bytes
        self.kept: dict[str, np.ndarray] = {}

    def _decoded(self, key: str) -> np.ndarray:
        image = self.kept.get(key)
        if image is None:
            image = self.frames.image(key)
            if image.nbytes <= self.left:
                self.left -= image.nbytes
                self.kept[key] = image
        return image

    def plain(self, key: str) -> np.ndarray:
        """RGB uint8 (size, size, 3)."""
        return resize(self._decoded(key), self.size)

    def augmented(self, key: str, seed: int, epoch: int) -> np.ndarray:
        """RGB uint8 (size, size, 3), changed at random by (seed, epoch, key) alone."""
        rng = np.random.default_rng(seed_of(seed, "augment", epoch, key))
        return augment(self._decoded(key), self.size, self.jpeg, rng)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of step 0 ... steps - 1: linear warm-up over a tenth of them, then a cosine to (nearly) zero."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))


def batches(count: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A random order of 0 ... count - 1 in batches as equal as can be: BatchNorm never meets a batch of a few."""
    return np.array_split(rng.permutation(count), max(1, round(count / size)))


class Trainer:
    """What `train` works on; see there for the arguments."""

    def __init__(
        self, module: nn.Module, images: Images, process: Preprocessing, training: Training, device: str
    ) -> None:
        self.module = module.to(device=device, memory_format=torch.channels_last)
        self.images, self.process, self.training, self.device = images, process, training, torch.device(device)
        self.workers = ThreadPoolExecutor(training.threads)
        decayed = [value for value in module.parameters() if value.requires_grad and value.ndim > 1]
        others = [value for value in module.parameters() if value.requires_grad and value.ndim <= 1]
        # Decay is for weights; it only harms biases and the scales of a normalisation.
        groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=training.learning_rate)

    def _batches(self, plan: list[np.ndarray], rows: pd.DataFrame, seed: int, epoch: int | None) -> Iterator[Any]:
        """Normalised images and labels, batch after batch; the next one is prepared while one is in use."""
        keys, labels = rows["key"].tolist(), rows["label"].to_numpy(dtype=np.int64)

        def submit(batch: np.ndarray) -> list[Future]:
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

    def epoch(self, rows: pd.DataFrame, seed: int, number: int, bar: tqdm) -> float:
        """One pass over the training rows; returns the mean loss."""
        plan = batches(len(rows), self.training.batch, np.random.default_rng(seed_of(seed, "order", number)))
        steps = len(plan) * self.training.epochs
        # Dropout and stochastic depth draw from torch's own generator.
        torch.manual_seed(seed_of(seed, "module", number))
        self.module.train()
        total = 0.0
        for step, (x, y) in enumerate(self._batches(plan, rows, seed, number if self.training.augment else None)):
            rate = learning_rate(number * len(plan) + step, steps, self.training.learning_rate)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            logits = self.module(x)
            loss = nn.functional.cross_entropy(logits, y, label_smoothing=self.training.label_smoothing)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            total += loss.item() * len(y)
            bar.update(len(y))
        if not math.isfinite(total):
            raise InputError(
                f"detector.training: the loss is no finite number in epoch {number + 1}; "
                f"lower learning_rate ({self.training.learning_rate})"
            )
        return total / len(rows)

    @torch.inference_mode()
    def validate(self, rows: pd.DataFrame) -> tuple[float, float]:
        """Mean cross-entropy (without smoothing) and accuracy."""
        self.module.eval()
        plan = np.array_split(np.arange(len(rows)), max(1, round(len(rows) / self.training.batch)))
        loss, right = 0.0, 0
        for x, y in self._batches(plan, rows, 0, None):
            logits = self.module(x).float()
            loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
            right += int((logits.argmax(dim=1) == y).sum())
        return loss / len(rows), right / len(rows)


def _identity(settings: Settings, initial: Path | None, seed: int, *tables: pd.DataFrame) -> str:
    """Hash of all that determines the trained weights; a state of another training isn't gone on from."""
    content = {
        **settings.model_dump(mode="json", include={"model", "input_size", "mean", "std", "device"}),
        "training": settings.training.model_dump(mode="json", exclude={"initial_weights"}),
        "initial": file_sha256(initial) if initial else None,
        "seed": seed,
        "rows": [list(zip(table["key"].tolist(), table["label"].tolist(), strict=True)) for table in tables],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _resume(path: Path, identity: str) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever it is, the training itself can still be done
        logging.warning("%s can't be read (%s): training starts anew", path, error)
        return None
    if state.get("identity") != identity:
        logging.warning("%s is of another training: this one starts anew", path)
        return None
    return state


def _check(rows: pd.DataFrame, name: str, classes: Sequence[str]) -> None:
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


def train(
    settings: Settings,
    frames: FrameStore,
    train_rows: pd.DataFrame,
    val_rows: pd.DataFrame,
    *,
    seed: int,
    out_dir: Path,
    initial: Path | None = None,
    classes: Sequence[str] = CLASSES,
) -> None:
    """Train with AdamW, linear warm-up and cosine decay; keep the epoch of the lowest validation loss.

    The same arguments give the same bytes, interrupted or not, on one machine. `out_dir` gets detector.safetensors
    (at the end), history.csv and last.pt (after every epoch; a repeated call goes on from it).

    Args:
        settings: model, input, device and `training`.
        frames: images by key.
        train_rows, val_rows: columns key and label (class index); classes weigh as much as they have rows. Without
            validation rows the last epoch is kept.
        seed: of initial weights, order, augmentation and dropout.
        out_dir: made if it isn't there.
        initial: file of ImageNet weights (`build.load_initial`); None: from scratch.
        classes: names in the order of the labels.

    Raises:
        InputError: a class has no training image, a label is out of range, the loss isn't finite, no such device, or
            what `build_module`, `preprocessing`, `load_initial` and `frames` raise.
    """
    training = settings.training
    _check(train_rows, "training", classes)
    _check(val_rows, "validation", classes)
    if settings.device == "cuda":
        if not torch.cuda.is_available():
            raise InputError("detector.device: no CUDA device is usable here; set it to cpu")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    torch.set_num_threads(training.threads)
    out_dir.mkdir(parents=True, exist_ok=True)
    identity = _identity(settings, initial, seed, train_rows, val_rows)

    torch.manual_seed(seed_of(seed, "detector"))
    module = build_module(settings, len(classes))
    process = preprocessing(settings, module)
    if initial is not None:
        load_initial(module, initial)
        _start_small(module)
    _follow_quickly(module)
    images = Images(frames, settings.input_size, training.jpeg)
    frames.image(train_rows["key"].iloc[0])  # opens the database before several threads do
    trainer = Trainer(module, images, process, training, settings.device)

    history: list[dict[str, float]] = []
    best: dict[str, Any] = {"loss": math.inf, "epoch": 0, "weights": {}}
    state = _resume(out_dir / STATE, identity)
    if state:
        module.load_state_dict(state["weights"])
        trainer.optimiser.load_state_dict(state["optimiser"])
        history, best = state["history"], state["best"]
    with trainer.workers, tqdm(
        total=training.epochs * len(train_rows), initial=len(history) * len(train_rows), unit="image", mininterval=1
    ) as bar:  # fmt: skip
        for number in range(len(history), training.epochs):
            bar.set_description(f"epoch {number + 1} of {training.epochs}")
            row: dict[str, float] = {"epoch": number + 1, "loss": trainer.epoch(train_rows, seed, number, bar)}
            measured = -float(number)  # without validation the last epoch is the best
            if len(val_rows):
                measured, accuracy = trainer.validate(val_rows)
                row |= {"val_loss": measured, "val_accuracy": accuracy}
            history.append(row)
            weights = _copy(module)
            if measured < best["loss"]:
                best = {"loss": measured, "epoch": number + 1, "weights": weights}
            snapshot = {
                "identity": identity,
                "weights": weights,
                "optimiser": trainer.optimiser.state_dict(),
                "history": history,
                "best": best,
            }
            publish(out_dir / STATE, partial(torch.save, snapshot))
            _write_history(out_dir / HISTORY, history)
            bar.set_postfix({name: f"{value:.3f}" for name, value in row.items() if name != "epoch"})
    module.load_state_dict(best["weights"])
    _write_history(out_dir / HISTORY, history)
    save(out_dir / CHECKPOINT, module, model=settings.model, preprocessing=process, classes=classes)


def _start_small(module: nn.Module) -> None:
    """Draw the head's weights small, so that its first, random answers don't pull at pretrained features."""
    head = set(head_keys(module))
    for name, value in module.named_parameters():
        if name in head:
            nn.init.normal_(value, std=0.01) if value.ndim > 1 else nn.init.zeros_(value)


def _follow_quickly(module: nn.Module) -> None:
    """Let running statistics follow within tens of steps: TensorFlow's momentum of 0.01 takes longer than a small
    training lasts, and evaluation would use another data set's."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.momentum is not None:
            part.momentum = max(part.momentum, 0.1)


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    publish(path, partial(pd.DataFrame(history).to_csv, index=False))
