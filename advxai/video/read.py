"""What the tables of clips need of the stages' files, without a map."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.run.store import read_attributes, read_shard
from advxai.tables.read import ROW
from advxai.tables.read import evaluation as attack_rows
from advxai.tables.read import metrics as measured_rows

CLIP = ("key", "video", "category", "label", "frames")
SPENT = {
    "key": "str",
    "missing": "str",
    "seconds": "float64",
    "images": "int64",
    "calls": "int64",
    "backwards": "int64",
    "adversary_seconds": "float64",
    "adversary_images": "int64",
    "adversary_calls": "int64",
}


@dataclass(frozen=True)
class Found:
    """Rows for the tables of clips.

    Attributes:
        clips: a row a clip: key, video, category, label, frames, called_real, before (the clip's probabilities).
        spent: a row an explanation: explainer, and the columns SPENT (`missing`: why there is none, else "").
        attacks: rows of `advxai.video.rows.attack_rows`.
        measured: rows of `advxai.video.rows.metrics_rows`.
    """

    clips: pd.DataFrame
    spent: pd.DataFrame
    attacks: pd.DataFrame
    measured: pd.DataFrame

    @classmethod
    def read(
        cls,
        clips: str | Path,
        scores: Iterable[str | Path],
        saliency: Iterable[str | Path],
        *,
        evaluation: Iterable[str | Path] = (),
        metrics: Iterable[str | Path] = (),
    ) -> "Found":
        """From the run's files: its table of clips, and the shards of the stages, of all rows; a table asks for those
        that it needs.

        Raises:
            InputError: a file is damaged, or a clip has no scores; the message names it.
        """
        said = pd.DataFrame(
            [one for path in scores for one in read_shard(Path(path), ("key", "called_real", "before"))],
            columns=["key", "called_real", "before"],
        )
        listed = parquet.read(Path(clips))[list(CLIP)].astype({"key": "str"})
        known = listed.merge(said.astype({"key": "str", "called_real": "bool"}), on="key", validate="one_to_one")
        if len(without := listed[~listed["key"].isin(known["key"])]):
            raise InputError(f"{clips} has the clip {without.iloc[0]['key']}, which no shard of scores has: run again")
        spent = [
            {"explainer": str(read_attributes(path)["explainer"]), **one}
            for path in map(Path, saliency)
            for one in read_shard(path, tuple(SPENT))
        ]
        # controls spend nothing, and may not say so
        filled = pd.DataFrame(spent, columns=["explainer", *SPENT])
        numbers = [name for name, kind in SPENT.items() if kind != "str"]
        filled[numbers] = filled[numbers].astype("float64").fillna(0)
        return cls(
            known,
            filled.astype({"explainer": "str", **SPENT}),
            attack_rows(files) if (files := [Path(path) for path in evaluation]) else pd.DataFrame(columns=list(ROW)),
            measured_rows(map(Path, metrics)),
        )
