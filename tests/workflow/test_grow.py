"""A grown corpus, a second frame of each video, other shards, another run: only what is new is computed."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from advxai.run.store import read_attributes
from tests.workflow.conftest import DEMO, copy_of, snakemake, store

SINGLE = next(clip for clip in DEMO["corpus"]["clips"] if clip["name"] == "single")
ROWS = ("LIME", "LIME_adv", "OwnGradient")  # the others cost time only
OLD = 8  # two test fakes a category, one frame each
NEW = 24  # a second frame of each, and two of each of as many further videos


def rewritten(folder: Path, change) -> Path:
    path = folder / "tiny.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def counted(folder: Path, pattern: str) -> tuple[int, int]:
    """Records found and computed by the last jobs of these shards."""
    said = [read_attributes(path) for path in store(folder, pattern)]
    assert said
    return sum(int(one["found"]) for one in said), sum(int(one["computed"]) for one in said)


@pytest.fixture(scope="module")
def grown(finished, tmp_path_factory):
    """The finished run after a test clip and a second pass were added: folder and output."""
    folder = copy_of(finished, tmp_path_factory.mktemp("grow"))

    def change(config):
        config["corpus"]["clips"].append(SINGLE | {"splits": {"test": 2}})
        config["frames"]["passes"] += 1
        config["explainers"] = {name: config["explainers"][name] for name in ROWS}

    path = rewritten(folder, change)
    return folder, snakemake(folder, "tables", "detector", "--cores", 2, "--configfile", path).stdout


def test_a_new_test_clip_and_another_pass_cost_their_own_images_in_each_stage(grown, finished):
    folder, output = grown
    assert re.findall(r"rule corpus_clip:.*?clip=(\w+)", output, re.DOTALL) == ["single"]
    assert "detector_train" not in output
    faces = [
        re.search(r"(\d+) videos, (\d+) found, (\d+) computed", log.read_text())
        for log in (folder / "results/store/logs/tiny/faces_shard").glob("*.log")
    ]
    # two originals, and two fakes in each of four categories
    assert [sum(int(match[place]) for match in faces) for place in (1, 2, 3)] == [30, 20, 10]
    before, after = (pd.read_parquet(base / "results/tiny/frames/manifest.parquet") for base in (finished, folder))
    new = after[~after["key"].isin(before["key"])]
    assert set(new["video"].str.extract(r"/(\d{3})(?:_\d{3})?\.mp4")[0]) == {"010", "011"}
    tested = (before["split"] == "test").sum()
    assert counted(folder, "predictions/*/tiny/*.h5") == (tested, len(new))
    once, twice = (pd.read_parquet(base / "results/tiny/frames/evaluation.parquet") for base in (finished, folder))
    assert twice["video"].value_counts().tolist() == [2] * 16 and set(once["key"]) < set(twice["key"])
    new = twice[~twice["key"].isin(once["key"])]
    assert (len(once), len(new)) == (OLD, NEW)
    assert counted(folder, "adversary/*/tiny/*.h5") == (OLD, NEW)
    for row in ROWS:
        assert counted(folder, f"saliency/{row}-*/tiny/*.h5") == (OLD, NEW), row
    counts = [counted(folder, f"attacks/*/tiny/{row}-*.h5") for row in ROWS]
    found, computed = (sum(count[place] for count in counts) for place in (0, 1))
    rows = pd.concat(
        pd.read_parquet(path) for row in ROWS for path in store(folder, f"evaluation/{row}-*/tiny/*.parquet")
    )
    attacked = rows[rows["included"]].groupby(rows["key"].isin(new["key"]))["reused"].agg(["size", "sum"])
    # of the new images' attacks those that another row has made are found, not made
    assert computed == attacked.loc[True, "size"] - attacked.loc[True, "sum"]
    assert found + computed == len(rows[rows["included"]])


def test_the_old_images_rows_are_the_same(grown, finished):
    folder, _ = grown
    for path in [place for row in ROWS for place in store(finished, f"evaluation/{row}-*/tiny")]:
        before, after = (
            pd.concat(pd.read_parquet(one) for one in sorted((base / path.relative_to(finished)).glob("*.parquet")))
            .set_index(["key", "k"])
            .drop(columns="reused")
            for base in (finished, folder)
        )
        pd.testing.assert_frame_equal(after.loc[before.index], before)


def test_other_shards_another_run_and_a_renamed_row_make_no_forward(finished, tmp_path):
    folder = copy_of(finished, tmp_path)

    def change(config):
        config |= {"run": "other", "shards": 3}
        config["explainers"] = {"Renamed": config["explainers"]["LIME_adv"]}

    path = rewritten(folder, change)
    output = snakemake(folder, "tables", "--cores", 2, "--configfile", path).stdout
    assert "detector_train" not in output and "corpus_clip" not in output
    shards = store(folder, "*/*/other/*.h5")
    stages = {"predictions", "adversary", "saliency", "attacks"}
    assert {path.parts[-4] for path in shards} == stages and len(shards) == 10
    for shard in shards:
        said = read_attributes(shard)
        assert (said["computed"], said["images"], said["calls"]) == (0, 0, 0), shard
    ours = pd.read_csv(folder / "results/other/tables/sufficiency.csv").iloc[0, 1:]
    theirs = pd.read_csv(finished / "results/tiny/tables/sufficiency.csv").set_index("explainer").loc["LIME_adv"]
    assert ours.tolist() == pytest.approx(theirs.tolist(), abs=0, nan_ok=True)
