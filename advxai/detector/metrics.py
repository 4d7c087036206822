"""How well a detector classifies: per class, over all classes, and real versus fake."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_f1_score,
    multiclass_accuracy,
    multiclass_confusion_matrix,
)

from advxai.detector.model import Detector
from advxai.errors import InputError
from advxai.files import publish

NAMES = ("accuracy", "auroc", "f1", "average_precision")


def classify(
    items: Sequence[Mapping[str, Any]], load: Callable[[Any], np.ndarray], detector: Detector
) -> Iterator[dict[str, Any]]:
    """Classify images.

    Args:
        items: images with `key` and `sha256`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector.

    Yields:
        Records: key, sha256, probabilities (classes,) float32; in the order of the items.
    """
    for start in range(0, len(items), detector.forward_batch):
        part = items[start : start + detector.forward_batch]
        unit = torch.stack([detector.preprocessing.unit(load(item)) for item in part]).to(detector.device)
        answers = detector.probabilities(detector.preprocessing.normalise(unit)).cpu().numpy()
        for item, answer in zip(part, answers, strict=True):
            yield {"key": item["key"], "sha256": item["sha256"], "probabilities": answer}


def check_labels(rows: pd.DataFrame, classes: Sequence[str]) -> None:
    """Refuse rows that the detector can't be measured on.

    Raises:
        InputError: there are no rows, or a label is no class of the detector.
    """
    if rows.empty:
        raise InputError("there is no image to evaluate the detector on; add videos to the split test")
    wrong = rows[~rows["label"].isin(range(len(classes)))]
    if len(wrong):
        raise InputError(
            f"{wrong['key'].iloc[0]}: label {wrong['label'].iloc[0]} isn't 0 to {len(classes) - 1}; "
            "correct the manifest"
        )


def evaluate(
    probabilities: np.ndarray, rows: pd.DataFrame, classes: Sequence[str], real: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare classified images with their labels.

    Args:
        probabilities: (n, classes) float32.
        rows: columns key and label (class index), one row an image; further columns are left alone.
        classes: names of the detector's classes.
        real: index of the class of genuine images.

    Returns:
        images: key, label, predicted (class index) and p_<class> (probability), in the order of `rows`.
        metrics: see `measure`.
    """
    images = rows[["key", "label"]].reset_index(drop=True)
    images["predicted"] = probabilities.argmax(axis=1)
    for number, name in enumerate(classes):
        images[f"p_{name}"] = probabilities[:, number]
    labels = torch.from_numpy(rows["label"].to_numpy(dtype=np.int64, copy=True))
    return images, measure(torch.from_numpy(probabilities), labels, tuple(classes), real)


def measure(probabilities: Tensor, labels: Tensor, classes: tuple[str, ...], real: int) -> dict[str, Any]:
    """Metrics of classified images.

    Args:
        probabilities: (n, classes) float32, n > 0.
        labels: (n,) int64.
        classes: their names.
        real: index of the class of genuine images.

    Returns:
        n; classes_absent (no image has the label);
        per_class: for each class n, accuracy (share of its images given its label), and of the class against the
        rest auroc, f1, average_precision;
        overall: accuracy (share of all images), and the means of auroc, f1, average_precision over the classes
        that are there (macro);
        real_vs_fake: accuracy (an image is called fake when its likeliest class isn't `real`) and auroc of
        1 - p(real);
        confusion: rows are true, columns predicted classes, in the order of `classes`.
        A metric that isn't defined (a class absent, or the only one) is None.
    """
    predicted = probabilities.argmax(dim=1)
    per_class: dict[str, dict[str, float | int | None]] = {}
    for number, name in enumerate(classes):
        is_class, called, score = labels == number, predicted == number, probabilities[:, number]
        count = int(is_class.sum())
        values: dict[str, float | int | None] = dict.fromkeys(("n", *NAMES))
        values["n"] = count
        if count:
            values["accuracy"] = float(called[is_class].float().mean())
            values["f1"] = float(binary_f1_score(called.int(), is_class.int()))
            values["average_precision"] = float(binary_average_precision(score, is_class.int()))
            values["auroc"] = _auroc(score, is_class)
        per_class[name] = values
    overall: dict[str, float | None] = {
        "accuracy": float(multiclass_accuracy(predicted, labels, num_classes=len(classes), average="micro"))
    }
    for metric in NAMES[1:]:
        defined = [values[metric] for values in per_class.values() if values[metric] is not None]
        overall[metric] = float(np.mean(defined)) if defined else None
    fake = labels != real
    return {
        "n": len(labels),
        "classes_absent": [name for name, values in per_class.items() if not values["n"]],
        "overall": overall,
        "per_class": per_class,
        "real_vs_fake": {
            "accuracy": float(((predicted != real) == fake).float().mean()),
            "auroc": _auroc(1 - probabilities[:, real], fake),
        },
        "confusion": multiclass_confusion_matrix(predicted, labels, num_classes=len(classes)).tolist(),
    }


def _auroc(score: Tensor, positive: Tensor) -> float | None:
    """Area under the ROC curve; None when all images are of one kind."""
    return float(binary_auroc(score, positive.int())) if positive.any() and not positive.all() else None


def write(metrics: dict[str, Any], path_json: Path, path_csv: Path) -> None:
    """Write metrics as JSON (all of them) and as CSV (a row a class, overall, real_vs_fake; empty: not defined)."""
    rows = [{"class": name, **values} for name, values in metrics["per_class"].items()]
    rows.append({"class": "overall", "n": metrics["n"], **metrics["overall"]})
    rows.append({"class": "real_vs_fake", "n": metrics["n"], **metrics["real_vs_fake"]})
    table = pd.DataFrame(rows, columns=["class", "n", *NAMES]).to_csv(index=False, float_format="%.6f")
    for path, text in ((path_json, json.dumps(metrics, indent=2) + "\n"), (path_csv, table)):
        publish(path, partial(Path.write_text, data=text))
