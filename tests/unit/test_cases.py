"""One-image test cases: exported from a small run made by hand, replayed, and what is said of a spoilt one."""

import json
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from advxai import cases
from advxai.__main__ import main
from advxai.adversary.stage import adversarial_images
from advxai.adversary.stage import run as make_copy
from advxai.cases.export import Sources, export, maps_picture
from advxai.cases.replay import compare, read
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.forwards import image_loader, made_with
from advxai.detector.model import Preprocessing
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.frames import database
from advxai.media.cut import decode_png, encode_png
from advxai.run.jobs import use_threads
from advxai.run.paths import Paths
from advxai.run.store import read_shard, write_shard
from advxai.saliency.stage import run as explain

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4"
KEY = f"{VIDEO}/00005_0.png"
MODEL = f"{__name__}:net"
HALF = (0.5, 0.5, 0.5)


def net(num_classes: int) -> nn.Module:
    """A small network, loath to call an image real."""
    torch.manual_seed(0)
    head = nn.Linear(128, num_classes)
    with torch.no_grad():
        head.bias[0] -= 1
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), head)


def save(path: Path, gain: float = 1.0) -> None:
    module = net(5)
    with torch.no_grad():
        module[0].weight *= gain
    checkpoint.save(path, module, model=MODEL, preprocessing=Preprocessing(48, HALF, HALF))


def configuration(folder: Path, **changes) -> dict:
    source = {"package": "p", "version": "1", "file": "one.mp4", "sha256": "0" * 64}
    lime = {"method": "lime", "baseline": "image_mean", "samples": 40}
    return {
        "run": "small",
        "results": str(folder / "results"),
        "corpus": {
            "kind": "demo",
            "clips": [{"name": "one", "first_id": 0, "source": source, "splits": {"test": 2}}],
        },
        "detector": {
            "model": MODEL,
            "checkpoint": str(folder / "own.safetensors"),
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "input_size": 48,
            "forward_batch": 16,
        },
        "adversary": {"samples": 2, "iterations": 3},
        "evaluation": {"samples": 2, "iterations": 2, "top": 2},
        "explainers": {
            "LIME": lime,
            "LIME_again": lime,
            "LIME_adv": lime | {"baseline": "adversarial"},
            "Occlusion": {"method": "tests.custom:Occlusion", "baseline": "noise"},
        },
    } | changes


def images(folder: Path) -> pd.DataFrame:
    """Two images of coloured squares, as rows of a manifest."""
    generator = np.random.default_rng(0)
    rows = []
    for name in ("00000_0.png", "00005_0.png"):
        image = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)
        (folder / name).write_bytes(encode_png(image))
        digest = sha256((folder / name).read_bytes()).hexdigest()
        rows.append({"key": f"{VIDEO}/{name}", "file": str(folder / name), "sha256": digest})
    return pd.DataFrame(rows).assign(category="Deepfakes", label=3)


def run(folder: Path) -> tuple[Paths, Sources]:
    """What the workflow leaves, made by the library."""
    config = load(configuration(folder))
    weights = Path(config.detector.checkpoint)
    save(weights)
    use_threads(config.detector.threads)
    paths, detector = Paths(config), checkpoint.load(config.detector, weights)
    rows = images(folder)
    frames, listed = paths.run / "frames/frames.lmdb", paths.run / "frames/evaluation.parquet"
    database.build(rows, frames)
    parquet.write(rows, listed)
    items, image, seed = rows.to_dict("records"), image_loader(str(frames)), config.seed

    def keep(path: Path, records: Iterable[dict], **stamp: str) -> list[dict]:
        marks = {"made_with": made_with(detector), "weights": file_sha256(weights)}
        write_shard(path, [record | stamp | marks for record in records], {})
        return read_shard(path)

    (copies,) = paths.copies
    keep(copies, make_copy(items, image, detector, config.adversary, seed, 2))
    stored = adversarial_images(copies, detector, config.adversary)
    done: dict[str, str] = {}
    for name, settings in config.explainers.items():
        (maps,), (attacks,), (table,) = paths.maps_of(name), paths.attacks_of(name), paths.rows_of(name)
        copy = stored if paths.needs_adversary(name) else None
        records = {one["key"]: one for one in keep(maps, explain(items, image, detector, settings, seed, 2, copy))}
        wanted = attack_items(items, records, config.evaluation.top)
        made_for = done.setdefault(wanted[0]["mask"], name)  # as when an earlier job has left them
        made = keep(attacks, make_attacks(wanted, image, detector, config.evaluation, seed, 3), made_for=made_for)
        made_rows = evaluation_rows(name, items, records, made, top=config.evaluation.top, real=0)
        parquet.write(made_rows.assign(weights=file_sha256(weights)), table)
    return paths, Sources(
        evaluation=listed,
        frames=frames,
        detector=weights,
        adversary=copies,
        saliency={name: paths.maps_of(name)[0] for name in config.explainers},
        attacks={name: paths.attacks_of(name)[0] for name in config.explainers},
        rows={name: paths.rows_of(name)[0] for name in config.explainers},
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Paths, Sources]:
    return run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def exported(small) -> Path:
    paths, sources = small
    folder = paths.run / "cases" / KEY
    export(paths, KEY, sources, folder)
    return folder


@pytest.fixture
def case(exported, tmp_path) -> Path:
    """A copy, alone in its folder, to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "case"))


def replayed(capsys, *arguments: object) -> tuple[int, dict[str, str], str]:
    """Exit code, the table's lines by item, and all that was printed."""
    code = main(["replay", *map(str, arguments)])
    said = capsys.readouterr()
    lines = (line.partition("  ") for line in said.out.splitlines())
    return code, {name: rest.strip() for name, _, rest in lines if rest}, said.out + said.err


def rewrite(path: Path, **changes) -> None:
    """Change fields of a shard's only record; the file stays whole."""
    (record,) = read_shard(path)
    write_shard(path, [record | changes], {})


def edit(folder: Path, **changes) -> None:
    """Change top-level entries of case.json."""
    content = json.loads((folder / cases.CASE).read_text())
    (folder / cases.CASE).write_text(json.dumps(content | changes))


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
    assert maps.shape[1] == 4 * (5 * 48 + 8) and maps.shape[0] == 2 * (5 * 48 + 28)


def test_a_constant_map_and_an_empty_ranking_are_drawn():
    image = np.full((32, 32, 3), 90, np.uint8)
    record = {"map": np.ones((32, 32), np.float32), "segments": np.zeros((32, 32), np.int16), "ranking": np.array([])}
    picture = maps_picture([image], {"SHAP": record}, 3)
    assert picture.shape == (224 + 28, 2 * (224 + 8), 3)
    assert (picture[30:240, 240:450] == 90).all()


def test_a_replay_of_what_nobody_has_touched_is_equal_bit_for_bit(case, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, lines, said = replayed(capsys, case)
    assert code == 0, said
    assert "17 of 17 items are equal bit for bit" in said
    assert [name for name, line in lines.items() if line != "equal bit for bit"] == []
    assert list(lines)[:3] == ["adversary", "saliency LIME", "saliency LIME_again"]
    assert "warning" not in said


def test_a_copy_that_differs_is_told(case, capsys):
    (record,) = read_shard(case / cases.ADVERSARY)
    steps = record["steps"].copy()
    steps[0, :2, :5] += 2
    rewrite(case / cases.ADVERSARY, steps=steps, iterations=record["iterations"] + 1)
    code, lines, said = replayed(capsys, case)
    assert code == 1
    assert lines["adversary"].startswith(
        "DIFFERS: steps equal in 2294 of 2304 values, largest difference 2; iterations "
        f"{record['iterations']}, stored {record['iterations'] + 1} (equal: queries, calls, probabilities before"
    )
    # what fills LIME_adv's perturbed regions is the stored copy, so it differs too; nothing else does
    assert {name for name, line in lines.items() if line != "equal bit for bit"} == {"adversary", "saliency LIME_adv"}


def test_a_ranking_that_differs_is_told_and_its_attacks_too(case, capsys):
    path = case / cases.saliency_file("LIME")
    (record,) = read_shard(path)
    ranking = record["ranking"]
    swapped = ranking[[0, 2, 1, *range(3, len(ranking))]]
    rewrite(path, ranking=swapped)
    code, lines, said = replayed(capsys, case)
    assert code == 1
    now, then = (" ".join(map(str, one[1:4])) for one in (ranking, swapped))
    assert lines["saliency LIME"].startswith(f"DIFFERS: ranking from place 2 on {now}, stored {then} (equal: map,")
    assert lines["attack LIME top-1"] == "equal bit for bit"
    assert lines["attack LIME top-2"] == "DIFFERS: no attack on these pixels is stored"
    assert lines["rows LIME"] == "DIFFERS: can't be made: an attack isn't stored"
    assert lines["saliency LIME_again"] == lines["rows LIME_again"] == "equal bit for bit"


def test_a_row_that_differs_is_told(case, capsys):
    rows = pd.read_csv(case / cases.ROWS, dtype=str, keep_default_na=False)
    rows.loc[0, "p_after"] = "0.5"
    rows.to_csv(case / cases.ROWS, index=False)
    code, lines, _ = replayed(capsys, case)
    assert code == 1
    assert lines["rows LIME"].startswith("DIFFERS: p_after of top-1 0.") and lines["rows LIME"].endswith("stored 0.5")


def test_differences_in_words():
    stored = {"map": np.array([0.0, 1, 2], np.float32), "ranking": np.array([3, 1], np.int16), "seconds": 1.0}
    fresh = {"map": np.array([-0.0, 1, 2.5], np.float32), "ranking": np.array([3], np.int16), "seconds": 2.0}
    outcome = compare("saliency X", stored, fresh)
    assert outcome.differences == [
        "map equal in 1 of 3 values, largest difference 0.5",
        "ranking from place 2 on no more, stored 1",
    ]
    nan = {"map": np.array([np.nan], np.float32)}
    assert str(compare("saliency X", nan, {"map": nan["map"].copy()})) == "equal bit for bit"
    other = compare("saliency X", nan, {"map": np.array([1.0]), "calls": 3})
    assert other.differences == ["map float64 (1,), stored float32 (1,)", "calls isn't stored"]


def test_an_image_with_too_few_segments_has_no_attacks(small, tmp_path, capsys):
    """Every attack is then left out, and the rows say so."""
    paths, sources = small
    rows = {}
    for name, path in sources.saliency.items():
        records = [record | {"ranking": record["ranking"][:1]} for record in read_shard(path)]
        write_shard(tmp_path / f"{name}.h5", records, {})
        items = parquet.read(sources.evaluation).to_dict("records")
        table = evaluation_rows(name, items, {one["key"]: one for one in records}, [], top=2, real=0)
        table["weights"] = file_sha256(sources.detector)
        rows[name] = tmp_path / f"{name}.parquet"
        parquet.write(table, rows[name])
    write_shard(tmp_path / "none.h5", [], {})
    few = Sources(
        sources.evaluation,
        sources.frames,
        sources.detector,
        sources.adversary,
        {name: tmp_path / f"{name}.h5" for name in rows},
        {name: tmp_path / "none.h5" for name in rows},
        rows,
    )
    export(paths, KEY, few, tmp_path / "case")
    code, lines, said = replayed(capsys, tmp_path / "case")
    assert code == 1 and "attack" not in "".join(lines)
    assert lines["rows LIME"] == "equal bit for bit"


def test_without_an_adversarial_baseline_there_is_no_copy(small, tmp_path, capsys):
    paths, sources = small
    alone = {"LIME": configuration(tmp_path)["explainers"]["LIME"]}
    lean = Paths(load(configuration(Path(paths.config.results).parent, explainers=alone)))
    files = cases.shard_files(lean, KEY)
    assert files == {
        "adversary": [],
        "saliency": lean.maps_of("LIME"),
        "attacks": lean.attacks_of("LIME"),
        "rows": lean.rows_of("LIME"),
    }
    own = {stage: {"LIME": files[stage][0]} for stage in ("saliency", "attacks", "rows")}
    export(lean, KEY, Sources(sources.evaluation, sources.frames, sources.detector, None, **own), tmp_path / "case")
    assert not (tmp_path / "case" / cases.ADVERSARY).exists() and not (tmp_path / "case" / cases.COPY).exists()
    code, lines, _ = replayed(capsys, tmp_path / "case")
    assert code == 0 and list(lines)[0] == "saliency LIME"


def test_the_files_of_an_image_s_shard(tmp_path):
    changes = {"shards": 5, "detector": {"model": "resnet18", "checkpoint": None}}
    paths = Paths(load(configuration(tmp_path, **changes)))
    shard = paths.shard_of_key(KEY)
    files = cases.shard_files(paths, KEY)
    assert files["adversary"] == [paths.adversary.path / "small" / f"{shard}.h5"]
    assert files["saliency"][2] == paths.saliency("LIME_adv").path / "small" / f"{shard}.h5"
    assert [len(files[stage]) for stage in ("saliency", "attacks", "rows")] == [4, 4, 4]
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


def test_weights_left_out_and_given(small, tmp_path, capsys):
    paths, sources = small
    folder = tmp_path / "case"
    lean = Paths(load(configuration(Path(paths.config.results).parent, cases={"weights": False})))
    export(lean, KEY, sources, folder)
    assert not (folder / cases.WEIGHTS).exists()
    code, _, said = replayed(capsys, folder)
    assert code == 2 and "cases.weights: false" in said and "--detector" in said
    code, _, said = replayed(capsys, folder, "--detector", sources.detector)
    assert code == 0 and "warning" not in said
    other = tmp_path / "other.safetensors"
    save(other, gain=2.0)
    code, lines, said = replayed(capsys, folder, "--detector", other)
    assert code == 1 and f"warning: {other} has the SHA-256" in said
    assert "probabilities before equal in 0 of 5 values" in lines["saliency LIME"]


@pytest.mark.parametrize(
    "name",
    [
        cases.CASE,
        cases.IMAGE,
        cases.WEIGHTS,
        cases.ADVERSARY,
        cases.ATTACKS,
        cases.saliency_file("Occlusion"),
        cases.ROWS,
    ],
)
def test_a_damaged_or_missing_file_is_named(case, capsys, name):
    path = case / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if name != cases.ROWS else b"\xff" + data)
    code, _, said = replayed(capsys, case)
    assert code == 2 and said.startswith("Error: ") and str(path) in said and said.count("\n") == 1
    path.unlink()
    code, _, said = replayed(capsys, case)
    assert code == 2 and str(path) in said


def test_another_format_and_another_image_s_record_are_told(case, capsys):
    edit(case, format=99)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "has format 99, this version of advxai replays 1" in said
    edit(case, format=cases.FORMAT, key=f"{VIDEO}/00000_0.png")
    code, _, said = replayed(capsys, case)
    assert code == 2 and "attacks.h5 holds another image's record" in said


def restamp(case: Path, weights: str) -> None:
    """Let a case's records say that they are of these weights."""
    for path in (case / "records").rglob("*.h5"):
        write_shard(path, [record | {"weights": weights} for record in read_shard(path)], {})


def test_a_configuration_of_another_machine(case, capsys, monkeypatch):
    """Its paths needn't be there; what it imports and its device must be."""
    config = json.loads((case / cases.CASE).read_text())["config"]
    detector = config["detector"] | {"checkpoint": "/elsewhere/own.safetensors"}
    edit(case, config=config | {"results": "/elsewhere/results", "detector": detector})
    assert replayed(capsys, case)[0] == 0

    explainers = config["explainers"] | {"Occlusion": {"method": "not_here:Own", "baseline": "zeros"}}
    edit(case, config=config | {"explainers": explainers})
    code, _, said = replayed(capsys, case)
    assert code == 2 and str(case / cases.CASE) in said
    assert "explainers.Occlusion.method" in said and "'not_here' can't be found: put its folder on PYTHONPATH" in said

    checkpoint.save(case / cases.WEIGHTS, net(5), model="not_here:net", preprocessing=Preprocessing(48, HALF, HALF))
    content = json.loads((case / cases.CASE).read_text())
    weights = content["detector"] | {"sha256": file_sha256(case / cases.WEIGHTS)}
    edit(case, config=config | {"detector": detector | {"model": "not_here:net"}}, detector=weights)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "attacks.h5 is of another detector's weights than case.json says" in said
    restamp(case, weights["sha256"])
    code, _, said = replayed(capsys, case)
    assert code == 2 and "can't import not_here:net" in said

    save(case / cases.WEIGHTS)
    edit(case, config=config | {"detector": detector | {"device": "cuda"}}, detector=content["detector"])
    restamp(case, content["detector"]["sha256"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, said = replayed(capsys, case)
    assert code == 2 and "give --device cpu" in said
    code, _, said = replayed(capsys, case, "--device", "cpu")
    assert code == 0 and "warning: replayed on cpu, made on cuda: bits may differ" in said


def test_other_versions_and_machines_are_told(case, capsys):
    content = json.loads((case / cases.CASE).read_text())
    stages = content["stages"]
    place = next(name for name in stages if name.startswith("saliency/Occlusion"))
    stages[place]["params"]["version"] = 0
    edit(case, stages=stages, versions=content["versions"] | {"numpy": "1.0"})
    rewrite(case / cases.ADVERSARY, made_with="an abacus")
    code, _, said = replayed(capsys, case)
    assert code == 0
    assert "warning: records were made with an abacus; here: " in said
    assert f"warning: numpy {np.__version__} here, 1.0 where the case was exported" in said
    assert f"warning: {place} was made by version 0 of its stage's algorithm, here is " in said


def test_help_says_how(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--help"])
    assert ended.value.code == 0
    assert "python -m advxai replay results/demo/cases/" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def test_what_is_read_is_one_image(case):
    one = read(case)
    assert one.item == {"key": KEY, "sha256": one.content.sha256, "category": "Deepfakes", "label": 3}
    assert one.image.shape == (60, 60, 3) and set(one.saliency) == set(one.config.explainers)
