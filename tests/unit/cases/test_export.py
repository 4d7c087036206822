"""One-image test cases: what is exported."""

from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import torch

from advxai import cases
from advxai.cases.export import Sources, export, maps_picture
from advxai.cases.replay import read
from advxai.common.errors import InputError
from advxai.config import load
from advxai.media.cut import decode_png
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from tests.unit.cases.small_run import KEY, VIDEO, configuration


def test_a_case_holds_the_exact_image_and_its_records_alone(small, exported):
    paths, sources = small
    content = cases.Content.model_validate_json((exported / cases.CASE).read_text())
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert files == set(content.files)
    assert {cases.saliency_file(name) for name in sources.saliency} < files
    assert sha256((exported / cases.IMAGE).read_bytes()).hexdigest() == content.sha256
    assert (content.key, content.category, content.label, content.run) == (KEY, "Deepfakes", 3, "small")
    assert load(content.config) == paths.config
    assert content.detector.forward_batch == 16 and content.detector.classes[3] == "Deepfakes"
    assert content.stages[f"adversary/{paths.adversary.path.name}"].params == paths.adversary_params
    assert content.versions["torch"] == torch.__version__.partition("+")[0]
    (copy,) = read_shard(exported / cases.ADVERSARY)
    assert copy["key"] == KEY and copy["steps"].any()
    attacks = [record["mask"] for record in read_shard(exported / cases.ATTACKS)]
    assert len(attacks) == len(set(attacks)) < 2 * len(sources.attacks)  # some are shared
    rows = pd.read_csv(exported / cases.ROWS)
    assert set(rows["key"]) == {KEY} and len(rows) == 2 * len(sources.rows)


def test_the_pictures_are_of_the_detector_s_size(exported):
    copy, maps = (decode_png((exported / name).read_bytes(), name, "") for name in (cases.COPY, cases.MAPS))
    assert copy.shape == (48, 48, 3)
    image = decode_png((exported / cases.IMAGE).read_bytes(), "", "").astype(int)
    assert np.abs(copy.astype(int).mean() - image.mean()) < 3
    assert maps.shape[1] == 4 * (5 * 48 + 8) and maps.shape[0] == 3 * (5 * 48 + 28)


def test_a_constant_map_and_an_empty_ranking_are_drawn():
    image = np.full((32, 32, 3), 90, np.uint8)
    record = {"map": np.ones((32, 32), np.float32), "segments": np.zeros((32, 32), np.int16), "ranking": np.array([])}
    picture = maps_picture([image], {"SHAP": record}, 3)
    assert picture.shape == (224 + 28, 2 * (224 + 8), 3)
    assert (picture[30:240, 240:450] == 90).all()


def test_the_files_of_an_image_s_shard(tmp_path):
    changes = {"shards": 5, "detector": {"model": "resnet18", "checkpoint": None}}
    paths = Paths(load(configuration(tmp_path, **changes)))
    shard = paths.shard_of_key(KEY)
    files = cases.shard_files(paths, KEY)
    assert files["adversary"] == [paths.adversary.path / "small" / f"{shard}.h5"]
    assert files["saliency"][5].parent == paths.saliency("random").path / "small" and files["prior"] == []
    assert files["saliency"][2] == paths.saliency("LIME_adv").path / "small" / f"{shard}.h5"
    assert [len(files[stage]) for stage in ("saliency", "attacks", "rows", "metrics")] == [7, 7, 7, 7]
    assert all(path.stem.endswith(shard) for own in files.values() for path in own)


def test_an_image_that_the_run_doesn_t_explain(small, tmp_path):
    paths, sources = small
    with pytest.raises(InputError) as error:
        export(paths, KEY.replace("00005", "00004"), sources, tmp_path / "case")
    said = str(error.value)
    assert said.startswith(f"{VIDEO}/00004_0.png isn't among the images that the run small explains")
    assert str(sources.evaluation) in said and said.endswith("_0.png?")
    assert not (tmp_path / "case").exists()


def test_a_shard_without_the_image_is_named(small, tmp_path):
    paths, sources = small
    write_shard(tmp_path / "empty.h5", [], {})
    lacking = Sources(**{**vars(sources), "adversary": tmp_path / "empty.h5"})
    with pytest.raises(InputError, match=r"empty\.h5 has no record of manipulated"):
        export(paths, KEY, lacking, tmp_path / "case")


def test_what_is_read_is_one_image(case):
    one = read(case)
    assert one.item == {"key": KEY, "sha256": one.content.sha256, "category": "Deepfakes", "label": 3}
    assert one.image.shape == (60, 60, 3) and set(one.saliency) == set(one.config.explainers)
