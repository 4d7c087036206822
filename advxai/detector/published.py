"""The detector's figures beside those that the paper's authors publish of theirs."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.files import publish

SOURCE = "github.com/IDT-ITI/Adv-XAI-Deepfakes (2025), README, detector ff_attribution on the FF++ test set"
PUBLISHED = {"accuracy": 0.9626, "auroc": 0.9970, "f1": 0.9627, "average_precision": 0.9881}
NAMES = {"accuracy": "accuracy", "auroc": "AUROC", "f1": "F1", "average_precision": "average precision"}


def compare(weighted: Mapping[str, float | None]) -> pd.DataFrame:
    """Ours (`metrics.measure`'s `weighted`), published, and ours minus published.

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
    lines = ["The detector beside the published one.", "", heading, "|:---|---:|---:|---:|"]
    for name, *numbers in table.itertuples(index=False):
        formats = ("{:.4f}", "{:.4f}", "{:+.4f}")
        cells = ["" if pd.isna(value) else form.format(value) for form, value in zip(formats, numbers, strict=True)]
        lines.append(f"| {' | '.join([NAMES[name], *cells])} |")
    without = f" (none of {', '.join(absent)})" if absent else ""
    note = (
        f"Published: {SOURCE}; over the authors' test frames, means of the classes weighted by their numbers of frames "
        f'(torchmetrics, average="weighted"). Ours: the same means over the {n:,} test frames of this run{without}. '
        "Detector and frames need not be the same, so a difference doesn't show that a figure was or wasn't reproduced."
    )
    return "\n".join([*lines, "", note]) + "\n"


def write(metrics: Mapping[str, Any], path_csv: Path, path_md: Path) -> None:
    """Publish the comparison of `metrics.evaluate`'s result as CSV and Markdown."""
    frame = metrics["frame"]
    table = compare(frame["weighted"])
    texts = {
        path_csv: table.to_csv(index=False, float_format="%.6f"),
        path_md: markdown(table, frame["n"], frame["classes_absent"]),
    }
    for path, text in texts.items():
        publish(path, partial(Path.write_text, data=text, encoding="utf-8"))
