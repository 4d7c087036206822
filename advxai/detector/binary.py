"""Real against fake: whether a detector tells them apart, and what its p(fake) is worth, whatever its classes are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats
from advxai.common.classes import Classes
from advxai.detector.calibration import calibration_error, equal_mass, equal_width, reliability, roc


def normalised(probabilities: Floats) -> Floats:
    """Probabilities (n, classes) as float64 that sum to one, which rounded ones don't quite."""
    exact = probabilities.astype(np.float64)
    shares: Floats = exact / exact.sum(axis=1, keepdims=True)
    return shares


def auroc(score: Floats, positive: Flags) -> float | None:
    """Area under the ROC curve; None when all images are of one kind."""
    from sklearn.metrics import roc_auc_score  # takes a second: a job's forwards don't wait for it

    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else None


def real_vs_fake(probabilities: Floats, labels: NDArray[np.integer], classes: Classes) -> dict[str, float | int | None]:
    """Measures of real against fake, scikit-learn's where it has them; fake is the positive one.

    Args:
        probabilities: (n, classes), n > 0.
        labels: (n,) integers.
        classes: the detector's.

    Returns:
        real, fake: how many there are; accuracy and f1 (an image is called fake when its class isn't the real one);
        balanced_accuracy, the mean of the shares of real and of fake ones that are called so; auroc of 1 - p(real);
        average_precision, log_loss and brier (mean squared error) of p(fake); ece and ece_equal_mass: see
        `calibration_error`, by `equal_width` and `equal_mass` bins. Where there is no fake one, f1, and where all are
        of one kind, balanced_accuracy, auroc and average_precision are None.
    """
    from sklearn.metrics import average_precision_score, f1_score, log_loss

    fake, called = labels != classes.real, classes.called(probabilities) != classes.real
    p_fake, both = _p_fake(probabilities, classes), bool(fake.any() and not fake.all())
    bins = {"ece": equal_width(p_fake), "ece_equal_mass": equal_mass(p_fake)}
    return {
        "real": int((~fake).sum()),
        "fake": int(fake.sum()),
        "accuracy": float((called == fake).mean()),
        "balanced_accuracy": float((called[fake].mean() + (~called[~fake]).mean()) / 2) if both else None,
        # in float32 the small p(real) of confident answers would all give 1
        "auroc": auroc(_score(probabilities, classes), fake),
        "average_precision": float(average_precision_score(fake, p_fake)) if both else None,
        "f1": float(f1_score(fake, called)) if fake.any() else None,
        "log_loss": float(log_loss(fake, p_fake, labels=[False, True])),
        **{name: calibration_error(reliability(p_fake, fake, own)) for name, own in bins.items()},
        "brier": float(((p_fake - fake) ** 2).mean()),
    }


def curves(probabilities: Floats, labels: NDArray[np.integer], classes: Classes) -> dict[str, Any]:
    """The points of two curves of real against fake. Arguments as of `real_vs_fake`.

    Returns:
        roc: threshold (of p(fake); None stands for a threshold above all), false_positive_rate, true_positive_rate,
        each a list; None where all images are of one kind. reliability: equal_width and equal_mass, see
        `calibration.reliability`.
    """
    fake, p_fake = labels != classes.real, _p_fake(probabilities, classes)
    points = None
    if fake.any() and not fake.all():
        wrong, found, thresholds = roc(_score(probabilities, classes), fake)
        points = {
            "threshold": [None, *thresholds[1:].tolist()],
            "false_positive_rate": wrong.tolist(),
            "true_positive_rate": found.tolist(),
        }
    bins = {"equal_width": equal_width(p_fake), "equal_mass": equal_mass(p_fake)}
    return {"roc": points, "reliability": {name: reliability(p_fake, fake, own) for name, own in bins.items()}}


def _p_fake(probabilities: Floats, classes: Classes) -> Floats:
    found: Floats = np.clip(classes.p_fake(normalised(probabilities)), 0, 1)
    return found


def _score(probabilities: Floats, classes: Classes) -> Floats:
    score: Floats = 1 - probabilities[:, classes.real].astype(np.float64)
    return score
