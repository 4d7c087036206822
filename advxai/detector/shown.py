"""A detector's metrics in words, as summary, page and console have them; without scikit-learn."""

from collections.abc import Mapping, Sequence
from typing import Any

from advxai.common.classes import Classes

# of `real_vs_fake`, in the order in which they are shown -> heading
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "auroc": "AUROC",
    "average_precision": "AP",
    "f1": "F1",
    "log_loss": "log loss",
    "ece": "ECE",
    "ece_equal_mass": "ECE, equal mass",
    "brier": "Brier",
}
REVERSED, ENOUGH = 0.35, 20  # an AUROC below, of so many real and so many fake ones at least, is no chance


def notes(metrics: Mapping[str, Any], classes: Classes) -> list[str]:
    """What of the metrics speaks for a file that is read wrongly, a sentence each.

    Args:
        metrics: of `advxai.detector.metrics.evaluate`, by level.
        classes: the detector's.
    """
    found = []
    for level in shown_levels(metrics):
        own = metrics[level]["real_vs_fake"]
        if own["auroc"] is not None and own["auroc"] < REVERSED and min(own["real"], own["fake"]) >= ENOUGH:
            found.append(f"{own['auroc']:.3f} by {level} ({own['real']:,} real, {own['fake']:,} fake)")
    alike = _alike(metrics)
    if not found:
        return alike
    if classes.positive is None:
        remedy = (
            f"detector.classes to the names in the order of the network's outputs (now {', '.join(classes.names)}), or "
            f"detector.real to the class of genuine images (now {classes.real_name})"
        )
    else:
        other = next(name for name in classes.names if name != classes.positive_name)
        remedy = (
            f"detector.positive to {other}, if the sigmoid is its probability, not {classes.positive_name}'s; or "
            f"detector.real, with detector.classes, to the class of genuine images (now {classes.real_name})"
        )
    return [
        "the sign may be wrong: genuine images get the higher p(fake), for the AUROC of fake against real is "
        f"{', '.join(found)}. If that is no property of the data, set {remedy}.",
        *alike,
    ]


def _alike(metrics: Mapping[str, Any]) -> list[str]:
    """A note where all images, of both kinds, are answered alike."""
    own, bins = metrics["frame"]["real_vs_fake"], metrics["frame"]["reliability"]["equal_width"]
    if len(bins) != 1 or min(own["real"], own["fake"]) < ENOUGH:
        return []
    return [
        f"all {metrics['frame']['n']:,} test images get about the same p(fake), {bins[0]['p_fake']:.2f} on average: "
        "what the detector is given may not be what it was trained on (detector.input_size, mean, std, colour, resize; "
        "faces)."
    ]


def several_tracks(metrics: Mapping[str, Any]) -> bool:
    """Whether some video has more than one track; else the numbers by track say nothing that those by video don't."""
    return bool(metrics["track"]["n"] != metrics["video"]["n"])


def shown_levels(metrics: Mapping[str, Any]) -> list[str]:
    """The levels that people are shown."""
    return ["frame", *(["track"] if several_tracks(metrics) else []), "video"]


def described(metrics: Mapping[str, Any], level: str) -> str:
    """A level's name, with the rule of a video's score where that isn't the mean."""
    rule = str(metrics["video_score"])
    return level if level != "video" or rule == "mean" else f"{level} ({rule})"


def cells(metrics: Mapping[str, Any], level: str) -> list[str]:
    """Of real against fake: how many real and fake ones, then `MEASURES`, as text; "" where one isn't defined."""
    own = metrics[level]["real_vs_fake"]
    numbers = ["" if own[name] is None else f"{own[name]:.3f}" for name in MEASURES]
    return [f"{own['real']:,}", f"{own['fake']:,}", *numbers]


def undefined(metrics: Mapping[str, Any]) -> str:
    """A sentence on what isn't defined since there is but one kind of images; "" if there are both."""
    own = metrics["frame"]["real_vs_fake"]
    absent = [name for name in ("real", "fake") if not own[name]]
    if not absent:
        return ""
    empty = [title for name, title in MEASURES.items() if own[name] is None]
    return f"There is no {absent[0]} test image, so {', '.join(empty)} aren't defined."


def counted_on(metrics: Mapping[str, Any], model: str, chosen: Sequence[str] | None) -> str:
    """What is measured on what, above the main numbers.

    Args:
        metrics: of `advxai.detector.metrics.evaluate`.
        model: the detector's.
        chosen: the manipulations that alone count beside the originals; None: all that there are.
    """
    of = "" if chosen is None else f" of the originals, {', '.join(chosen)}"
    return f"{model} on {metrics['frame']['n']:,} test images{of}, real against fake:"


def summary(metrics: Mapping[str, Any], title: str) -> str:
    """The main numbers as lines for a screen.

    Args:
        metrics: of `advxai.detector.metrics.evaluate`.
        title: the first line.
    """
    lines = [["by", "real", "fake", *MEASURES.values()]]
    lines += [[described(metrics, level), *cells(metrics, level)] for level in shown_levels(metrics)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  " + "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    ]
    said = [undefined(metrics), *(f"note: {note}" for note in metrics["notes"])]
    return "\n".join([title, *table, *filter(None, said)]) + "\n"
