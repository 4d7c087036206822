"""The detector's figures beside those that others publish of theirs."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.files import publish
from advxai.common.rows import rows
from advxai.config.networks import options_of
from advxai.config.science import Detector
from advxai.config.testing import Published

SOURCE = "github.com/IDT-ITI/Adv-XAI-Deepfakes (2025), README, detector ff_attribution on the FF++ test set"
PUBLISHED = {"accuracy": 0.9626, "auroc": 0.9970, "f1": 0.9627, "average_precision": 0.9881}
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "f1": "F1",
    "average_precision": "average precision",
}
FORMATS = ("{:.4f}", "{:.4f}", "{:+.4f}")  # ours, published, ours minus published
TITLE = "The detector beside the published one."

# Of its released tests, by video: accuracy, F1, AUROC; "all" are 601 videos of five manipulations and the originals.
HYBRID = {
    "all": (0.940, 0.963, 0.983),
    "Deepfakes": (0.930, 0.929, 0.979),
    "Face2Face": (0.960, 0.961, 0.992),
    "FaceShifter": (0.960, 0.961, 0.987),
    "FaceSwap": (0.965, 0.966, 0.995),
    "NeuralTextures": (0.886, 0.880, 0.960),
}
HYBRID_MEASURES = ("accuracy", "f1", "auroc")
# Network and side of its input in pixels -> balanced accuracy.
PINO = {
    ("EfficientNet-B4", 224): 0.888,
    ("EfficientNet-B4", 380): 0.931,
    ("EfficientNet-B7", 224): 0.906,
    ("EfficientNet-B7", 380): 0.926,
    ("EfficientNet-B4 with LTPA", 224): 0.879,
    ("EfficientNet-B4 with LTPA", 380): 0.929,
    ("EfficientNet-B7 with LTPA", 224): 0.893,
    ("EfficientNet-B7 with LTPA", 380): 0.904,
}
# Names of timm's with a tag of weights (.ns_jft_in1k) or one of former days (_ap, _ns), and names of ours. What else is
# called like them is another network, such as efficientnet_b3_pruned.
EFFICIENTNET = re.compile(
    r"(?:efficientnet_(?:pytorch(?:06)?_)?b(?P<b>[0-7])"
    r"|(?:tf_)?efficientnet_b(?P<tagged>[0-7])\.(?:[a-z0-9]+_)*in(?:1k|12k)"
    r"|tf_efficientnet_b(?P<tf>[0-7])(?:_ap|_ns)?)"
)
NO_PROOF = "so a difference doesn't show that a figure was or wasn't reproduced."


def compare(weighted: Mapping[str, float | None]) -> pd.DataFrame:
    """Ours (`metrics.measure`'s `weighted`), published, and ours minus published, of the paper's detector.

    Returns:
        Columns measure, ours, published, difference; a row a measure. Ours may be missing (NaN).
    """
    table = pd.DataFrame({"ours": pd.Series(weighted, dtype=float), "published": pd.Series(PUBLISHED)})
    table = table.loc[list(PUBLISHED)].assign(difference=table["ours"] - table["published"])
    return table.rename_axis("measure").reset_index()


def markdown(table: pd.DataFrame, n: int, absent: Sequence[str] = ()) -> str:
    """The table of `compare` with a note.

    Args:
        table: see `compare`.
        n: number of test frames that ours are over.
        absent: classes without a test frame.
    """
    heading = "| measure | ours (frame level, weighted) | published | difference |"
    without = f" (none of {', '.join(absent)})" if absent else ""
    note = (
        f"Published: {SOURCE}; over the authors' test frames, means of the classes weighted by their numbers of frames "
        f'(torchmetrics, average="weighted"). Ours: the same means over the {n:,} test frames of this run{without}. '
        f"Detector and frames need not be the same, {NO_PROOF}"
    )
    lines = [[NAMES[name], *numbers] for name, *numbers in table.itertuples(index=False)]
    return _page(heading, lines, note)


def _page(heading: str, lines: Sequence[Sequence[Any]], note: str) -> str:
    """A table whose lines end with ours, published and difference, and the note under it."""
    texts = len(lines[0]) - len(FORMATS)
    made = [TITLE, "", heading, "|" + ":---|" * texts + "---:|" * len(FORMATS)]
    for line in lines:
        numbers = zip(FORMATS, line[texts:], strict=True)
        cells = ["" if pd.isna(value) else form.format(value) for form, value in numbers]
        made.append(f"| {' | '.join([*line[:texts], *cells])} |")
    return "\n".join([*made, "", note]) + "\n"


def _differing(lines: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(lines)
    ours = table["ours"].astype(float)
    return table.assign(ours=ours, difference=ours - table["published"])


def hybrid(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Ours by video beside the hybrid's: of all, and of each manipulation's fakes with the originals.

    Args:
        metrics: of `advxai.detector.metrics.evaluate`.

    Returns:
        Columns category, measure, real, fake (how many videos ours are over), ours (NaN where the run has none),
        published, difference; a row a category and measure.
    """
    videos, none = metrics["video"], {"real": 0, "fake": 0}
    lines = []
    for category, published in HYBRID.items():
        own = videos["real_vs_fake"] if category == "all" else videos["per_category"].get(category, none)
        counts = {"real": own["real"], "fake": own["fake"]}
        for measure, value in zip(HYBRID_MEASURES, published, strict=True):
            ours = own.get(measure) if own["real"] else None
            lines.append({"category": category, "measure": measure, **counts, "ours": ours, "published": value})
    return _differing(lines)[["category", "measure", "real", "fake", "ours", "published", "difference"]]


def hybrid_markdown(table: pd.DataFrame, counting: Sequence[str], rule: str, threshold: float | None) -> str:
    """The table of `hybrid` with a note.

    Args:
        table: see `hybrid`.
        counting: manipulations that "all" counts in this run.
        rule: of a video's score.
        threshold: p(fake) from which on a video is called fake; None: by the likeliest class.
    """
    called = (
        "its likeliest class is a fake one"
        if threshold is None
        else f"p(fake) \N{GREATER-THAN OR EQUAL TO} {threshold:g}"
    )
    note = (
        "Published: the tests in github.com/noame12/Explainable_Attention_Based_Deepfake_Detector (2022), of its "
        "network trained on FF++ with all five manipulations: by video (rule first_track, called fake above 0.55), on"
        " the videos 000 to 099 of each category, all of them or a manipulation's with the originals. These are its "
        "validation videos, by which the training was stopped, and 79 of the 100 are of FF++'s training split, so the"
        " figures flatter. The AUROC is computed from its list of samples. Its loss isn't comparable and left out: "
        "probabilities were given to a loss that takes logits; ours is the log loss of p(fake), in "
        f"detector/metrics.csv. Ours: by video (rule {rule}, called fake where {called}) on this run's test split, "
        f"where all are the originals and {', '.join(counting) or 'no fakes'}. Detector and videos need not be the "
        f"same, {NO_PROOF}"
    )
    lines = []
    for one in rows(table):
        over = f"{one['real']:,} real, {one['fake']:,} fake" if one["fake"] else "none here"
        numbers = (one[name] for name in ("ours", "published", "difference"))
        lines.append([f"{one['category']} ({over})", NAMES[one["measure"]], *numbers])
    return _page("| videos (ours) | measure | ours | published | difference |", lines, note)


def network_named(model: str, backbone: str | None = None) -> str:
    """The name that `PINO` has for a network; "": it isn't one of these.

    Args:
        model: of the configuration.
        backbone: what efficientnet_ltpa stands on.
    """
    ltpa = model == "efficientnet_ltpa"
    found = EFFICIENTNET.fullmatch(backbone or "" if ltpa else model)
    return "" if found is None else f"EfficientNet-B{found[found.lastgroup or 0]}{' with LTPA' if ltpa else ''}"


def pino(metrics: Mapping[str, Any], network: str, size: int) -> pd.DataFrame:
    """Our balanced accuracy by frame and by video, in the lines of the run's network and input.

    Args:
        metrics: of `advxai.detector.metrics.evaluate`.
        network: of `network_named`.
        size: side of the input in pixels.

    Returns:
        Columns network, size, level, ours (NaN in the lines of other networks), published, difference.
    """
    lines = []
    for (name, side), published in PINO.items():
        for level, value in _balanced(metrics).items():
            own = value if (name, side) == (network, size) else None
            lines.append({"network": name, "size": side, "level": level, "ours": own, "published": published})
    return _differing(lines)


def _balanced(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    return {level: metrics[level]["real_vs_fake"]["balanced_accuracy"] for level in ("frame", "video")}


def pino_markdown(table: pd.DataFrame, metrics: Mapping[str, Any], model: str, size: int) -> str:
    """The table of `pino` with a note.

    Args:
        table: see `pino`.
        metrics: of `advxai.detector.metrics.evaluate`.
        model: of the configuration.
        size: side of its input in pixels.
    """
    note = (
        "Published: Pino et al. (2021, arXiv:2105.05902), balanced accuracy on DFDC; whether by frame or by video they "
        "don't say, so the same figure stands beside both of ours, which are of real against fake on this run's test "
        f"split. Data and training need not be the same, {NO_PROOF}"
    )
    balanced = _balanced(metrics)
    if None in balanced.values():
        note += " Ours isn't defined: the test has images of one kind alone."
    elif table["ours"].isna().all():
        own = " and ".join(f"{value:.4f} by {level}" for level, value in balanced.items())
        note += f" This run's detector, {model} at {size} px, is none of their networks; its own is {own}."
    lines = [
        [f"{one.network}, {one.size} px", f"by {one.level}", one.ours, one.published, one.difference]
        for one in table.itertuples(index=False)
    ]
    return _page("| network | level of ours | ours | published | difference |", lines, note)


def write(
    whose: Published, metrics: Mapping[str, Any], detector: Detector, classes: Classes, path_csv: Path, path_md: Path
) -> None:
    """Publish the run's figures beside others' as CSV and Markdown.

    Args:
        whose: figures stand beside ours.
        metrics: of `advxai.detector.metrics.evaluate`.
        detector: of the configuration.
        classes: the detector's.
        path_csv, path_md: the files.
    """
    if whose == "adv_xai":
        frame = metrics["frame"]
        table = compare(frame["weighted"])
        text = markdown(table, frame["n"], frame["classes_absent"])
    elif whose == "hybrid":
        table = hybrid(metrics)
        counting = list(metrics["video"]["per_category"])
        text = hybrid_markdown(table, counting, metrics["video_score"], classes.threshold)
    else:
        network = network_named(detector.model, options_of(detector.model, detector.network).get("backbone"))
        table = pino(metrics, network, detector.input_size)
        text = pino_markdown(table, metrics, detector.model, detector.input_size)
    for path, content in {path_csv: table.to_csv(index=False, float_format="%.6f"), path_md: text}.items():
        publish(path, partial(Path.write_text, data=content, encoding="utf-8"))
