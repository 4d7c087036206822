"""How well a detector classifies: per class, over all classes, and real versus fake; by frame, track and video."""

import json
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.common.categories import REAL
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import publish
from advxai.config.science import VideoScore
from advxai.detector.binary import auroc, curves, normalised, real_vs_fake
from advxai.detector.shown import MEASURES, notes
from advxai.detector.videos import by_track, by_video, counted

NAMES = ("accuracy", "auroc", "f1", "average_precision")
LEVELS = ("frame", "track", "video")


def parted(test: pd.DataFrame, categories: Collection[str], classes: Classes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test images that the detector is measured on, and those of which it is only said what it makes of them.

    Args:
        test: column category.
        categories: manipulations that are measured, if the detector has a class for them.
        classes: the detector's.

    Returns:
        (measured, others), in their order; the indices start anew.

    Raises:
        InputError: nothing is to be measured.
    """
    known = {REAL, *(name for name in categories if classes.of(name) is not None)}
    measured = test["category"].isin(known)
    if not measured.any():
        listed = ", ".join(sorted(set(test["category"]))) or "none"
        raise InputError(
            f"there is no image to evaluate the detector on: the test images are of the categories {listed}, its "
            f"classes are {', '.join(classes.names)}; add videos of these to the split test"
        )
    return test[measured].reset_index(drop=True), test[~measured].reset_index(drop=True)


def predictions(probabilities: NDArray[np.float32], rows: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """Classified images as a table.

    Args:
        probabilities: (n, classes) float32.
        rows: columns key and category, one row an image; further columns are left alone.
        classes: the detector's.

    Returns:
        key, category, label (index of the category's class, -1 where it has none), predicted (class
        index) and p_<class> (probability), in the order of `rows`.
    """
    images = rows[["key", "category"]].reset_index(drop=True)
    images["label"] = images["category"].map(classes.label).astype("int64")
    images["predicted"] = classes.called(probabilities)
    for number, name in enumerate(classes.names):
        images[f"p_{name}"] = probabilities[:, number]
    return images


def evaluate(
    images: pd.DataFrame, classes: Classes, apart: Collection[str] = (), score: VideoScore = "mean"
) -> dict[str, Any]:
    """Compare classified images with their labels.

    Args:
        images: see `predictions`; rows of a category that has no class count as `unseen` alone.
        classes: the detector's.
        apart: further categories of which that holds.
        score: the rule of a video's probabilities, see `by_video`.

    Returns:
        frame: see `measure` and `binary.curves`, and per_category: of each manipulation see `unseen`, and of its images
        with the genuine ones see `real_vs_fake`, all of it None where there are none of these; track, video: the same
        of tracks (`by_track`) and videos (`by_video`); unseen: see `unseen`; video_score: the rule; notes: see
        `shown.notes`.
    """
    counts = counted(images, apart)
    known, others = images[counts], images[~counts]
    columns = [f"p_{name}" for name in classes.names]
    metrics: dict[str, Any] = {}
    tables = (known, by_track(known, classes, score), by_video(known, classes, score))
    for level, table in zip(LEVELS, tables, strict=True):
        probabilities, labels = table[columns].to_numpy(), table["label"].to_numpy()
        metrics[level] = measure(probabilities, labels, classes) | curves(probabilities, labels, classes)
        fakes = table["label"] != classes.real
        metrics[level]["per_category"] = _against_genuine(table[fakes], table[~fakes], classes)
    metrics["unseen"] = _by_category(others, known, classes)
    return metrics | {"video_score": score, "notes": notes(metrics, classes)}


def _by_category(images: pd.DataFrame, measured: pd.DataFrame, classes: Classes) -> dict[str, Any]:
    """`unseen` of each category, against the genuine ones of what is measured."""
    p_real, real = f"p_{classes.real_name}", classes.real
    genuine = measured.loc[measured["label"] == real, p_real].to_numpy()
    return {str(name): unseen(group, genuine, p_real, real) for name, group in images.groupby("category")}


def _against_genuine(fakes: pd.DataFrame, genuine: pd.DataFrame, classes: Classes) -> dict[str, Any]:
    """Of each category of fakes: `unseen`, and `real_vs_fake` of its images and all genuine ones."""
    found, columns = _by_category(fakes, genuine, classes), [f"p_{name}" for name in classes.names]
    for name, group in fakes.groupby("category"):
        both = pd.concat([group, genuine])
        own = real_vs_fake(both[columns].to_numpy(), both["label"].to_numpy(), classes)
        none = {key: own[key] if key in ("real", "fake") else None for key in own}
        found[str(name)] |= own if len(genuine) else none
    return found


def measure(probabilities: Floats, labels: NDArray[np.integer], classes: Classes) -> dict[str, Any]:
    """Metrics of classified images, or of videos.

    Args:
        probabilities: (n, classes) float, n > 0.
        labels: (n,) integers.
        classes: the detector's.

    Returns:
        n; classes_absent (no image has the label);
        per_class: for each class n, accuracy (share of its images given its label), and of the class against the
        rest auroc, f1, average_precision;
        overall: accuracy (share of all images), the means of auroc, f1, average_precision over the classes that are
        there (macro), balanced_accuracy (the mean of the classes' own) and log_loss (of the true class);
        weighted: the same, but a class weighs as much as it has images (torchmetrics' average="weighted");
        real_vs_fake: see there;
        confusion: rows are true, columns predicted classes, in the order of `classes`.
        A metric that isn't defined (a class absent, or the only one) is None.
    """
    from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, log_loss

    predicted = classes.called(probabilities)
    per_class: dict[str, dict[str, float | int | None]] = {}
    for number, name in enumerate(classes.names):
        is_class, called, score = labels == number, predicted == number, probabilities[:, number]
        count = int(is_class.sum())
        values: dict[str, float | int | None] = dict.fromkeys(("n", *NAMES))
        values["n"] = count
        if count:
            values["accuracy"] = float(called[is_class].mean())
            values["f1"] = float(f1_score(is_class, called))
            values["average_precision"] = float(average_precision_score(is_class, score))
            values["auroc"] = auroc(score, is_class)
        per_class[name] = values
    overall: dict[str, float | None] = {"accuracy": float((predicted == labels).mean())}
    weighted = dict(overall)
    for metric in NAMES[1:]:
        defined = [(values[metric], values["n"]) for values in per_class.values() if values[metric] is not None]
        numbers, counts = zip(*defined, strict=True) if defined else ((), ())
        overall[metric] = float(np.mean(numbers)) if defined else None
        weighted[metric] = float(np.average(numbers, weights=counts)) if defined else None
    own = [values["accuracy"] for values in per_class.values() if values["accuracy"] is not None]
    overall["balanced_accuracy"] = float(np.mean(own))
    overall["log_loss"] = float(log_loss(labels, normalised(probabilities), labels=range(len(classes.names))))
    return {
        "n": len(labels),
        "classes_absent": [name for name, values in per_class.items() if not values["n"]],
        "overall": overall,
        "weighted": weighted,
        "per_class": per_class,
        "real_vs_fake": real_vs_fake(probabilities, labels, classes),
        "confusion": confusion_matrix(labels, predicted, labels=range(len(classes.names))).tolist(),
    }


def unseen(images: pd.DataFrame, genuine: Floats, p_real: str, real: int) -> dict[str, float | int | None]:
    """What the detector makes of images of one category, such as one that it has no class for.

    Args:
        images: see `predictions`.
        genuine: (m,) p(real) of the genuine test images.
        p_real: the column of p(real).
        real: index of the class of genuine images.

    Returns:
        n; called_fake, the share whose class isn't `real`; auroc of 1 - p(real), these images against the
        genuine ones: None when these are genuine too (the actors'), or there is none of the latter.
    """
    score = 1 - np.concatenate([images[p_real].to_numpy(), genuine]).astype(np.float64)
    fake = (images["label"] != real).all()
    return {
        "n": len(images),
        "called_fake": float((images["predicted"] != real).mean()),
        "auroc": auroc(score, np.arange(len(score)) < len(images)) if fake else None,
    }


def write(metrics: dict[str, Any], path_json: Path, path_csv: Path) -> None:
    """Write metrics as JSON (all of them) and as CSV: for each level a row a class, overall, weighted, real_vs_fake,
    and each manipulation with the genuine ones (`<category> vs real`); empty: not defined."""
    rows: list[dict[str, Any]] = []
    for level in LEVELS:
        values = metrics[level]
        means = {name: {"n": values["n"], **values[name]} for name in ("overall", "weighted", "real_vs_fake")}
        rows += [{"level": level, "class": name, **row} for name, row in (values["per_class"] | means).items()]
        for name, row in values["per_category"].items():
            rows.append({"level": level, "class": f"{name} vs real", **row, "n": row["real"] + row["fake"]})
    names = [*NAMES, *(name for name in MEASURES if name not in NAMES)]
    publish(path_json, partial(Path.write_text, data=json.dumps(metrics, indent=2) + "\n"))
    _write_csv(rows, ["level", "class", "n", *names], path_csv, "%.6f")


def write_curves(metrics: dict[str, Any], path_roc: Path, path_reliability: Path) -> None:
    """Write the points of `binary.curves` as CSV, a line a point: of the ROC curve (the first one, above every p(fake),
    has no threshold), and of the reliability diagram, by both kinds of bins."""
    corners: list[dict[str, Any]] = []
    bins: list[dict[str, Any]] = []
    for level in LEVELS:
        points = metrics[level]["roc"] or {}
        corners += [
            {"level": level, **dict(zip(points, one, strict=True))} for one in zip(*points.values(), strict=True)
        ]
        for kind, found in metrics[level]["reliability"].items():
            bins += [{"level": level, "bins": kind, **one} for one in found]
    _write_csv(corners, ["level", "threshold", "false_positive_rate", "true_positive_rate"], path_roc, "%.9g")
    _write_csv(bins, ["level", "bins", "bin", "n", "p_fake", "fake"], path_reliability, "%.9g")


def _write_csv(rows: list[dict[str, Any]], columns: list[str], path: Path, form: str) -> None:
    text = pd.DataFrame(rows, columns=columns).to_csv(index=False, float_format=form, lineterminator="\n")
    publish(path, partial(Path.write_text, data=text))
