"""How well a detector classifies: per class, over all classes, and real versus fake; by frame and by video."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advxai.common.errors import InputError
from advxai.common.files import publish
from advxai.detector.videos import by_video

NAMES = ("accuracy", "auroc", "f1", "average_precision")
LEVELS = ("frame", "video")


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


def predictions(probabilities: np.ndarray, rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Classified images as a table.

    Args:
        probabilities: (n, classes) float32.
        rows: columns key, category and label, one row an image; further columns are left alone.
        classes: names of the detector's classes.

    Returns:
        key, category, label, predicted (class index) and p_<class> (probability), in the order of `rows`.
    """
    images = rows[["key", "category", "label"]].reset_index(drop=True)
    images["predicted"] = probabilities.argmax(axis=1)
    for number, name in enumerate(classes):
        images[f"p_{name}"] = probabilities[:, number]
    return images


def evaluate(images: pd.DataFrame, classes: Sequence[str], real: int) -> dict[str, Any]:
    """Compare classified images with their labels.

    Args:
        images: see `predictions`; rows of a category that is no class count as `unseen` alone.
        classes: names of the detector's classes.
        real: index of the class of genuine images.

    Returns:
        frame: see `measure`; video: the same of videos (`by_video`); unseen: see `unseen`.
    """
    known = images[images["category"].isin(classes)]
    others = images[~images["category"].isin(classes)]
    columns = [f"p_{name}" for name in classes]
    metrics: dict[str, Any] = {}
    for level, table in zip(LEVELS, (known, by_video(known)), strict=True):
        metrics[level] = measure(table[columns].to_numpy(), table["label"].to_numpy(), tuple(classes), real)
    p_real = columns[real]
    genuine = known.loc[known["label"] == real, p_real].to_numpy()
    metrics["unseen"] = {name: unseen(group, genuine, p_real, real) for name, group in others.groupby("category")}
    return metrics


def measure(probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], real: int) -> dict[str, Any]:
    """Metrics of classified images, or of videos.

    Args:
        probabilities: (n, classes) float, n > 0.
        labels: (n,) integers.
        classes: their names.
        real: index of the class of genuine images.

    Returns:
        n; classes_absent (no image has the label);
        per_class: for each class n, accuracy (share of its images given its label), and of the class against the
        rest auroc, f1, average_precision;
        overall: accuracy (share of all images), and the means of auroc, f1, average_precision over the classes
        that are there (macro);
        weighted: the same, but a class weighs as much as it has images (torchmetrics' average="weighted");
        real_vs_fake: accuracy (an image is called fake when its likeliest class isn't `real`) and auroc of
        1 - p(real);
        confusion: rows are true, columns predicted classes, in the order of `classes`.
        A metric that isn't defined (a class absent, or the only one) is None.
    """
    from sklearn.metrics import average_precision_score, confusion_matrix, f1_score

    predicted = probabilities.argmax(axis=1)
    per_class: dict[str, dict[str, float | int | None]] = {}
    for number, name in enumerate(classes):
        is_class, called, score = labels == number, predicted == number, probabilities[:, number]
        count = int(is_class.sum())
        values: dict[str, float | int | None] = dict.fromkeys(("n", *NAMES))
        values["n"] = count
        if count:
            values["accuracy"] = float(called[is_class].mean())
            values["f1"] = float(f1_score(is_class, called))
            values["average_precision"] = float(average_precision_score(is_class, score))
            values["auroc"] = _auroc(score, is_class)
        per_class[name] = values
    overall: dict[str, float | None] = {"accuracy": float((predicted == labels).mean())}
    weighted = dict(overall)
    for metric in NAMES[1:]:
        defined = [(values[metric], values["n"]) for values in per_class.values() if values[metric] is not None]
        numbers, counts = zip(*defined, strict=True) if defined else ((), ())
        overall[metric] = float(np.mean(numbers)) if defined else None
        weighted[metric] = float(np.average(numbers, weights=counts)) if defined else None
    fake = labels != real
    return {
        "n": len(labels),
        "classes_absent": [name for name, values in per_class.items() if not values["n"]],
        "overall": overall,
        "weighted": weighted,
        "per_class": per_class,
        "real_vs_fake": {
            "accuracy": float(((predicted != real) == fake).mean()),
            # in float32 the small p(real) of confident answers would all give 1
            "auroc": _auroc(1 - probabilities[:, real].astype(np.float64), fake),
        },
        "confusion": confusion_matrix(labels, predicted, labels=range(len(classes))).tolist(),
    }


def unseen(images: pd.DataFrame, genuine: np.ndarray, p_real: str, real: int) -> dict[str, float | int | None]:
    """What the detector makes of images of one category that it has no class for, such as FaceShifter.

    Args:
        images: see `predictions`.
        genuine: (m,) p(real) of the genuine test images.
        p_real: the column of p(real).
        real: index of the class of genuine images.

    Returns:
        n; called_fake, the share whose likeliest class isn't `real`; auroc of 1 - p(real), these images against the
        genuine ones: None when these are genuine too (the actors'), or there is none of the latter.
    """
    score = 1 - np.concatenate([images[p_real].to_numpy(), genuine]).astype(np.float64)
    fake = (images["label"] != real).all()
    return {
        "n": len(images),
        "called_fake": float((images["predicted"] != real).mean()),
        "auroc": _auroc(score, np.arange(len(score)) < len(images)) if fake else None,
    }


def _auroc(score: np.ndarray, positive: np.ndarray) -> float | None:
    """Area under the ROC curve; None when all images are of one kind."""
    from sklearn.metrics import roc_auc_score  # takes a second: a job's forwards don't wait for it

    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else None


def write(metrics: dict[str, Any], path_json: Path, path_csv: Path) -> None:
    """Write metrics as JSON (all of them) and as CSV: for each level a row a class, overall, weighted, real_vs_fake;
    empty: not defined."""
    rows: list[dict[str, Any]] = []
    for level in LEVELS:
        values = metrics[level]
        means = {name: {"n": values["n"], **values[name]} for name in ("overall", "weighted", "real_vs_fake")}
        rows += [{"level": level, "class": name, **row} for name, row in (values["per_class"] | means).items()]
    table = pd.DataFrame(rows, columns=["level", "class", "n", *NAMES]).to_csv(index=False, float_format="%.6f")
    for path, text in ((path_json, json.dumps(metrics, indent=2) + "\n"), (path_csv, table)):
        publish(path, partial(Path.write_text, data=text))
