"""Reading the stages' files for the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.metrics.complexity import Complexity
from advxai.metrics.rows import metrics_rows
from advxai.run.store import write_shard
from advxai.tables import read
from tests.unit.tables_data import evaluation_rows


def saliency(key: str, seconds: float, predicted: int) -> dict[str, object]:
    return {
        "key": key,
        "sha256": "0" * 64,
        "map": np.zeros((4, 4), np.float32),
        "segments": np.zeros((4, 4), np.int16),
        "scores": np.zeros(1, np.float32),
        "ranking": np.zeros(1, np.int16),
        "target": 1,  # explained, whatever it is called
        "before": np.eye(5, dtype=np.float32)[predicted],
        "called_real": predicted == 0,
        "adversary_images": 81,
        "adversary_calls": 2,
        "adversary_seconds": 0.5,
        "images": 100,
        "calls": 10,
        "seconds": seconds,
    }


def test_explanations(tmp_path: Path) -> None:
    write_shard(tmp_path / "0.h5", [saliency("a", 1.5, 3), saliency("b", 2.5, 0)], {})
    write_shard(tmp_path / "1.h5", [], {})  # a shard that no image fell into
    frame = read.explanations("LIME", [tmp_path / "0.h5", tmp_path / "1.h5"], FIVE)
    assert frame["explainer"].tolist() == ["LIME", "LIME"] and frame["key"].tolist() == ["a", "b"]
    assert frame["predicted"].tolist() == [3, 0] and frame["backwards"].tolist() == [0, 0]
    assert frame["called_real"].tolist() == [False, True] and frame["seconds"].tolist() == [1.5, 2.5]
    assert frame.dtypes.loc[["called_real", "adversary_images"]].map(str).tolist() == ["bool", "int64"]
    assert len(read.explanations("LIME", [tmp_path / "1.h5"], FIVE)) == 0


def test_adversary(tmp_path: Path) -> None:
    def record(key: str, before: list[float], success: bool) -> dict[str, object]:
        probabilities = np.array(before, np.float32)
        numbers = {"iterations": 4, "queries": 325, "before": probabilities, "after": probabilities}
        return {"key": key, "sha256": "0", "steps": np.zeros((1, 4, 4), np.int8), **numbers, "success": success}

    write_shard(tmp_path / "0.h5", [record("a", [0.2, 0.8], True), record("b", [0.9, 0.1], True)], {})
    frame = read.adversary([tmp_path / "0.h5"], FIVE)
    assert frame["called_real"].tolist() == [False, True] and frame["success"].tolist() == [True, True]
    assert frame["iterations"].tolist() == [4, 4]


def test_evaluation_rows_keep_their_types(tmp_path: Path) -> None:
    rows = evaluation_rows()
    rows.iloc[:10].to_parquet(tmp_path / "0.parquet")
    rows.iloc[10:].to_parquet(tmp_path / "1.parquet")
    pd.DataFrame([], columns=rows.columns).to_parquet(tmp_path / "2.parquet")  # a shard that no image fell into
    frame = read.evaluation([tmp_path / f"{shard}.parquet" for shard in (2, 0, 1)])
    pd.testing.assert_frame_equal(frame, rows)
    assert len(read.evaluation([tmp_path / "2.parquet"])) == 0


def measured(*keys: str) -> pd.DataFrame:
    """As the stage metrics writes them."""
    items = [{"key": key, "sha256": "h", "category": "Deepfakes"} for key in keys]
    measure = Complexity("complexity")
    records = {
        key: {"values": np.array([0.5, np.nan]), "reasons": f"\n{'no entropy' if n else 'none'}"}
        for n, key in enumerate(keys)
    }
    return metrics_rows("LIME", items, [(measure, records)]).assign(weights="w")


def test_rows_of_the_measures(tmp_path: Path) -> None:
    """Of several shards, one of which no image fell into; weights and hashes are for others."""
    for number, keys in enumerate(["ab", "", "c"]):
        parquet.write(measured(*keys), tmp_path / f"{number}.parquet")
    found = read.metrics([tmp_path / f"{number}.parquet" for number in (0, 1, 2)])
    assert list(found) == ["explainer", "key", "category", "column", "value", "reason"]
    assert found["key"].tolist() == list("aabbcc") and found["column"].tolist() == ["gini", "entropy"] * 3
    assert found["value"].tolist()[::2] == [0.5] * 3 and found["value"][1::2].isna().all()
    assert found["reason"].tolist() == ["", "none", "", "no entropy", "", "none"]
    assert found.dtypes.map(str).tolist() == ["str", "str", "str", "str", "float64", "str"]


@pytest.mark.parametrize("shards", [0, 1, 2])
def test_no_row_of_the_measures_has_the_columns_and_types_all_the_same(tmp_path: Path, shards: int) -> None:
    """Nothing is measured, or no image is explained."""
    files = [tmp_path / f"{number}.parquet" for number in range(shards)]
    for file in files:
        parquet.write(measured(), file)
    found = read.metrics(files)
    assert found.empty and list(found) == list(read.MEASURED)
    assert found.dtypes.map(str).tolist() == list(read.MEASURED.values())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.parquet"
    path.write_bytes(b"not parquet")
    for reader in (read.evaluation, read.metrics):
        with pytest.raises(InputError, match="0.parquet can't be read.*delete it and run again"):
            reader([path])
