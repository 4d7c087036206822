"""How far a training has come, on disk after every epoch: `last.pt` to go on from, `history.csv` to look at."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from advxai.common.errors import InputError, reading
from advxai.common.files import file_sha256, publish
from advxai.config.science import Detector as Settings
from advxai.config.training import Training

HISTORY = "history.csv"
STATE = "last.pt"
ROW = ("key", "sha256", "label")  # of an image that is trained on


def identity(settings: Settings, initial: Path | None, seed: int, *tables: pd.DataFrame) -> str:
    """Hash of all that determines the trained weights; a state of another training isn't gone on from."""
    content = {
        **settings.model_dump(mode="json", include={"model", "input_size", "mean", "std", "device"}),
        **settings.model_dump(mode="json", include={"colour", "resize"}, exclude_none=True),
        **settings.built_by,
        "training": settings.training.determining,
        "initial": file_sha256(initial) if initial else None,
        "seed": seed,
        "rows": [table[[name for name in ROW if name in table]].to_numpy().tolist() for table in tables],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Progress:
    """The epochs that are done and the weights of the best one.

    Args:
        folder: gets last.pt and history.csv.
        name: the training's `identity`.
        training: says how many epochs there are at most, and when to stop before.

    Attributes:
        history: a row an epoch: epoch (from 1), loss, and with validation val_loss and val_accuracy.
        kept: the epoch whose weights are the best so far; 0 before the first.
        weights: its state dict.
    """

    def __init__(self, folder: Path, name: str, training: Training) -> None:
        self.folder, self.name, self.training = folder, name, training
        self.history: list[dict[str, float]] = []
        self.lowest, self.kept = math.inf, 0
        self.weights: dict[str, Tensor] = {}

    @property
    def stopped_early(self) -> bool:
        """`patience` epochs in a row, the last one among them, had no lower validation loss than the kept one, or each
        no lower one than the epoch before it (`patience_rule: in_a_row`)."""
        done, patience = len(self.history), self.training.patience
        if patience is None or done >= self.training.epochs:
            return False
        return patience <= (done - self.kept if self.training.patience_rule == "lowest" else self._in_a_row())

    def _in_a_row(self) -> int:
        """How many of the last epochs had each no lower validation loss than the one before it."""
        losses = [row["val_loss"] for row in self.history]
        falls = [number for number in range(1, len(losses)) if losses[number] < losses[number - 1]]
        return len(losses) - 1 - (falls[-1] if falls else 0)

    @property
    def finished(self) -> bool:
        """There is no epoch left to train."""
        return self.stopped_early or len(self.history) == self.training.epochs

    def resume(self) -> dict[str, Any] | None:
        """Take up the state on disk.

        Returns:
            What `add` was given last: weights, optimiser and scaler. None: there is none of this training.
        """
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            with reading(path, "training starts anew"):
                state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
                name, history, best = state["identity"], list(state["history"]), state["best"]
                kept = best["loss"], best["epoch"], best["weights"]
        except InputError as error:  # whatever it is, the training itself can still be done
            logging.warning("%s", error)
            return None
        if name != self.name:
            logging.warning("%s is of another training: this one starts anew", path)
            return None
        self.history, (self.lowest, self.kept, self.weights) = history, kept
        return state

    def add(self, row: dict[str, float], weights: dict[str, Tensor], **others: Mapping[str, Any]) -> None:
        """Count an epoch and publish everything.

        Args:
            row: its row of the history; without val_loss, or with `keep: last`, the latest epoch is kept.
            weights: the module's state dict after it, on the CPU.
            others: further states that a resumed training needs.
        """
        self.history.append(row)
        if self.training.keep == "last" or "val_loss" not in row or row["val_loss"] < self.lowest:
            self.lowest, self.kept, self.weights = row.get("val_loss", math.inf), len(self.history), weights
        best = {"loss": self.lowest, "epoch": self.kept, "weights": self.weights}
        content = {"identity": self.name, "weights": weights, "history": self.history, "best": best, **others}
        publish(self.folder / STATE, partial(torch.save, content))
        self.write_history()

    def write_history(self) -> None:
        """Publish the history; its column `note` says which epoch is kept and after which the training stopped."""
        table = pd.DataFrame(self.history)
        table["note"] = ""
        table.loc[self.kept - 1, "note"] = "kept"
        if self.stopped_early:
            last = len(table) - 1
            table.loc[last, "note"] = "kept, stopped early" if self.kept == len(table) else "stopped early"
        publish(self.folder / HISTORY, partial(table.to_csv, index=False))

    def __str__(self) -> str:
        done, epochs = len(self.history), self.training.epochs
        end = f"stopped early after epoch {done} of {epochs}" if self.stopped_early else f"{done} of {epochs} epochs"
        return f"{end}, epoch {self.kept} kept"
