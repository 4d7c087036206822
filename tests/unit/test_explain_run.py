"""An explanation from the argument to the files, with a tiny detector: numbers equal to the run's, JSON, messages."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from advxai import __main__
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.explain import command
from advxai.explain.command import Outcome, Wanted, run
from advxai.explain.document import polygons
from advxai.explain.request import names, requests
from advxai.media.retinaface import Detection
from advxai.media.video import write_video
from advxai.run.paths import Paths
from advxai.run.store import read_shard
from advxai.saliency import CallableExplainer, Explanation, Inputs
from tests.unit.corpus_faces import synthetic_frame
from tests.unit.test_cases import HALF, KEY, VIDEO, configuration, net
from tests.unit.test_cases import run as run_stages

CLASSES = ["Real", "NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Paths:
    """A run's stages and the lists of its images."""
    folder = tmp_path_factory.mktemp("run")
    paths, sources = run_stages(folder)
    assert sources.evaluation == paths.explained
    shutil.copy(sources.evaluation, paths.run / "frames/manifest.parquet")
    return paths


@pytest.fixture
def faces(monkeypatch) -> list[Detection]:
    """What the face detector finds in every picture."""
    found = [
        Detection((20.0, 40.0, 60.0, 80.0), 0.99, np.zeros((5, 2), np.float32)),
        Detection((90.0, 40.0, 130.0, 80.0), 0.97, np.ones((5, 2), np.float32)),
    ]
    monkeypatch.setattr(command, "network", lambda paths: Path("network.onnx"))
    monkeypatch.setattr(command.Finder, "of", lambda *settings: type("Finder", (), {"find": lambda *_: found}))
    return found


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8))
    return path


def explained(paths: Paths, arguments: list[str], out: Path, **wanted) -> Outcome:
    config = paths.config
    known = {"names": names(config, None), "frames": 2, "whole": False, "weights": None, "seed": config.seed}
    return run(Wanted(**{"requests": requests(arguments), "at_once": 4, **known, **wanted}), paths, out)


def changed(paths: Paths, **keys) -> Paths:
    """The run with other settings."""
    return Paths(load(configuration(Path(paths.config.results).parent, **keys)))


def weights(path: Path, real: float = 0.0, **described) -> Path:
    """A detector that likes to call an image Real."""
    module = net(5)
    with torch.no_grad():
        module[-1].bias[0] += real
    described = {"model": "tests.unit.test_cases:net", "preprocessing": Preprocessing(48, HALF, HALF)} | described
    checkpoint.save(path, module, **described)
    return path


def read(out: Path, stem: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} isn't strict JSON")

    return json.loads((out / f"{stem}.json").read_text(), parse_constant=refuse)


@pytest.mark.parametrize("argument", [KEY, "1"])
def test_an_image_of_the_run_gives_what_the_run_has_stored_bit_for_bit(finished, tmp_path, argument):
    outcome = explained(finished, [argument], tmp_path)
    stem = "image_1" if argument == "1" else "Deepfakes_000_001_00005_0"
    said = read(tmp_path, stem)
    assert outcome.files == [f"{stem}_1.png", f"{stem}_1.pdf", f"{stem}.npz", f"{stem}.json"] == said["files"]
    assert (said["input"]["key"], said["input"]["category"], said["input"]["kind"]) == (KEY, "Deepfakes", "crop")
    ((image,),) = [face["images"] for face in said["faces"]]
    arrays = np.load(tmp_path / f"{stem}.npz")
    assert sorted(arrays) == image["arrays"]

    def stored(files: list[Path]) -> list[dict]:
        return [record for file in files for record in read_shard(file) if record["key"] == KEY]

    (copy,) = stored(finished.copies)
    assert image["probabilities"] == dict(zip(CLASSES, copy["before"].tolist(), strict=True))
    assert image["adversary"]["probabilities"] == dict(zip(CLASSES, copy["after"].tolist(), strict=True))
    assert image["adversary"]["iterations"] == copy["iterations"]
    for name in finished.config.explainers:
        (record,) = stored(finished.maps_of(name))
        one = image["explainers"][name]
        assert arrays[f"1/{name}/map"].tobytes() == record["map"].tobytes()
        assert np.array_equal(arrays[f"1/{name}/segments"], record["segments"])
        assert one["ranking"] == record["ranking"].tolist()
        assert [segment["score"] for segment in one["segments"]] == record["scores"].tolist()
        assert one["cost"]["images"] == record["images"]
        attacks = {record["mask"]: record for record in stored(finished.attacks_of(name))}
        after = [list(attack["probabilities_after"].values()) for attack in one["attacks"]]
        assert sorted(after) == sorted(record["after"].tolist() for record in attacks.values())
    assert f"{KEY}: called " in outcome.lines[0]


def test_the_numbers_of_a_photo_with_two_faces(finished, faces, photo, tmp_path):
    outcome = explained(finished, [str(photo)], tmp_path / "out")
    said = read(tmp_path / "out", "me")
    assert set(outcome.files) == {path.name for path in (tmp_path / "out").iterdir()} == set(said["files"])
    assert {"me_faces.png", "me_1.png", "me_2.pdf", "me.npz"} < set(outcome.files)
    assert (said["schema"], said["version"]) == ("advxai.explain", 1)
    assert said["input"] | {"sha256": ""} == {
        "argument": str(photo), "kind": "picture", "sha256": "", "width": 160, "height": 120,
    }  # fmt: skip
    assert said["detector"]["classes"] == CLASSES and said["detector"]["input_size"] == 48
    assert said["settings"]["adversary"]["iterations"] == 3 and said["settings"]["seed"] == 0
    assert [face["number"] for face in said["faces"]] == [1, 2]
    (image,) = said["faces"][1]["images"]
    assert image["crop"] == [84, 34, 136, 86]  # 1.3 times 40 pixels around (110, 60)
    assert image["detection"]["box"] == [90, 40, 130, 80] and image["detection"]["score"] == 0.97
    lime = image["explainers"]["LIME"]
    assert (lime["method"], lime["baseline"]) == ("lime", "image_mean") and lime["target"] == image["called"]
    ranks = {segment["label"]: segment["rank"] for segment in lime["segments"]}
    assert [ranks[label] for label in lime["ranking"]] == list(range(1, len(lime["ranking"]) + 1))
    assert sum(segment["area"] for segment in lime["segments"]) == 48 * 48
    x = [point[0] for segment in lime["segments"] for ring in segment["polygons"] for point in ring]
    assert 84 <= min(x) < 86 and 134 < max(x) <= 136
    for attack in lime["attacks"]:
        assert attack["segments"] == lime["ranking"][: attack["k"]]
        assert attack["probabilities_before"] == image["probabilities"]
        assert attack["success"] == (attack["called_after"] == "Real")
    arrays = np.load(tmp_path / "out" / "me.npz")
    assert arrays["2/crop"].shape == (52, 52, 3) and arrays["2/adversarial"].shape == (48, 48, 3)
    unit = Preprocessing(48, HALF, HALF).unit(arrays["2/crop"]).permute(1, 2, 0).numpy()
    difference = np.abs(arrays["2/adversarial"].astype(np.float64) - unit).max() * 255
    assert image["adversary"]["linf_255"] == pytest.approx(difference, abs=1e-3) and difference > 0


def test_the_neighbours_change_nothing(finished, faces, photo, tmp_path):
    explained(finished, [str(photo)], tmp_path / "both")
    del faces[1]
    explained(finished, [str(photo), KEY], tmp_path / "other", at_once=1, names=["LIME_adv"])
    both, other = (read(tmp_path / name, "me")["faces"][0]["images"][0] for name in ("both", "other"))
    costs = [image["explainers"]["LIME_adv"].pop("cost") for image in (both, other)]
    assert both["explainers"]["LIME_adv"] == other["explainers"]["LIME_adv"]
    assert costs[0]["images"] == costs[1]["images"] and list(other["explainers"]) == ["LIME_adv"]


def test_of_a_face_called_real_the_class_real_is_explained(finished, faces, photo, tmp_path):
    outcome = explained(finished, [str(photo)], tmp_path / "out", weights=weights(tmp_path / "real.safetensors", 20))
    (image,) = read(tmp_path / "out", "me")["faces"][0]["images"]
    assert image["called_real"] and image["called"] == "Real" and image["adversary"] is None
    assert sorted(image["explainers"]) == ["LIME", "LIME_again", "Occlusion"]
    assert {one["target"] for one in image["explainers"].values()} == {"Real"}
    assert not any(one["attacks"] for one in image["explainers"].values())
    said = image["notes"][0]
    assert said.startswith("The detector already calls this face Real. NES has nothing to do: there is no adversarial")
    assert "so that LIME_adv can't be made, and no segments are attacked" in said
    assert f"me.png, face 1: {said}" in outcome.notes
    assert outcome.lines[0].startswith("me.png, face 1: called Real (p = 1.00)")


class Few(CallableExplainer):
    """Ranks so many segments alone."""

    def __init__(self, count: int) -> None:
        self.count = count

    def attribute(self, predict, inputs: Inputs) -> Explanation:
        scores = np.arange(inputs.segments.max() + 1, dtype=np.float32)
        return Explanation(scores[inputs.segments], scores, np.arange(self.count, dtype=np.int16))


def test_nes_that_fails_and_rankings_that_are_too_short_are_told(finished, tmp_path):
    lime = {"method": "lime", "baseline": "adversarial", "samples": 40}
    few = {"method": f"{__name__}:Few", "baseline": "zeros"}
    rows = {"LIME_adv": lime, "One": few | {"params": {"count": 1}}, "None": few | {"params": {"count": 0}}}
    paths = changed(finished, explainers=rows, adversary={"iterations": 1})
    outcome = explained(paths, [KEY], tmp_path, weights=weights(tmp_path / "fake.safetensors", -20))
    (image,) = read(tmp_path, "Deepfakes_000_001_00005_0")["faces"][0]["images"]
    assert not image["adversary"]["success"] and image["adversary"]["iterations"] == 1
    assert image["notes"] == [
        "NES did not make the detector call the copy Real within 1 iteration. LIME_adv uses it as it is, as a run "
        "does.",
        "One ranks 1 segment (of a positive score), 2 are asked for, and no more are attacked.",
        "None ranks no segment (of a positive score), 2 are asked for.",
    ]
    attacks = {name: [attack["segments"] for attack in one["attacks"]] for name, one in image["explainers"].items()}
    assert len(attacks["LIME_adv"]) == 2 and attacks["One"] == [[0]] and attacks["None"] == []
    assert outcome.lines[0].endswith("no explainer's first segments flip it")
    assert set(outcome.notes) == {f"{KEY}: {note}" for note in image["notes"]}


def test_a_detector_of_one_s_own_says_what_it_is(finished, faces, photo, tmp_path):
    torch.manual_seed(1)
    small = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 2))
    path = tmp_path / "own.safetensors"
    checkpoint.save(
        path,
        small,
        model=f"{__name__}:two_classes",
        preprocessing=Preprocessing(32, HALF, HALF),
        classes=("Fake", "Real"),
    )
    explained(finished, [str(photo)], tmp_path / "out", weights=path, names=["LIME"])
    said = read(tmp_path / "out", "me")
    assert said["detector"]["classes"] == ["Fake", "Real"] and said["detector"]["input_size"] == 32
    assert said["detector"]["file"] == str(path)
    (image,) = said["faces"][0]["images"]
    assert set(image["probabilities"]) == {"Fake", "Real"}
    with torch.inference_mode():
        crop = np.load(tmp_path / "out" / "me.npz")["1/crop"]
        answer = small(Preprocessing(32, HALF, HALF).normalised(crop)[None]).softmax(1)[0].tolist()
    assert [image["probabilities"][name] for name in ("Fake", "Real")] == pytest.approx(answer, abs=1e-6)


def two_classes(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, num_classes))


def test_a_detector_without_the_class_real_is_refused(finished, photo, tmp_path):
    path = weights(tmp_path / "other.safetensors", classes=("a", "b", "c", "d", "e"))
    with pytest.raises(InputError, match=r"other.safetensors: its classes, a, b, c, d, e, have no Real"):
        explained(finished, [KEY], tmp_path, weights=path)


def test_without_a_detector_the_message_says_how_to_get_one(finished, tmp_path):
    untrained = changed(finished, detector={"model": "resnet18", "checkpoint": None})
    with pytest.raises(InputError, match=r"hasn't trained its detector yet: run `snakemake --cores 2 .*--detector"):
        explained(untrained, [KEY], tmp_path)
    away = changed(finished)
    gone = Paths(
        away.config.model_copy(
            update={"detector": away.config.detector.model_copy(update={"checkpoint": "gone.ckpt"})}
        ),
        planning=True,
    )
    with pytest.raises(InputError, match="detector.checkpoint: gone.ckpt isn't there"):
        explained(gone, [KEY], tmp_path)


def test_a_graph_is_kept_beside_the_store_s_file_alone(finished, tmp_path, monkeypatch):
    """What lies beside a checkpoint of the user's is his own."""
    seen, load = [], checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda *a, **k: seen.append(k["weights"]) or load(*a, **k))
    explained(finished, [KEY], tmp_path / "a")
    stored = finished.detector.path / "detector.safetensors"
    stored.parent.mkdir(parents=True)
    try:
        shutil.copy(str(finished.config.detector.checkpoint), stored)
        explained(finished, [KEY], tmp_path / "b")
        assert seen == [None, file_sha256(stored)]
    finally:
        shutil.rmtree(stored.parent)


def test_the_run_s_own_file_is_preferred_to_the_checkpoint(finished):
    stored = finished.detector.path / "detector.safetensors"
    assert command.weights_of(finished) == Path(str(finished.config.detector.checkpoint))
    stored.parent.mkdir(parents=True)
    try:
        shutil.copy(str(finished.config.detector.checkpoint), stored)
        assert command.weights_of(finished) == stored and load_file(stored)
    finally:
        shutil.rmtree(stored.parent)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            f"{VIDEO}/00006_0.png",
            r"00006_0.png is no face image of the run; .*manifest.parquet lists them; did you mean",
        ),
        ("2", r"2: .*evaluation.parquet lists 2 images; give a number from 0 to 1"),
    ],
)
def test_an_image_that_the_run_doesn_t_have(finished, tmp_path, argument, said):
    with pytest.raises(InputError, match=said):
        explained(finished, [argument], tmp_path)


def test_the_seed_draws_the_random_image(finished, tmp_path):
    keys = set()
    for seed in range(6):
        explained(finished, ["random"], tmp_path, seed=seed, names=["LIME"])
        keys.add(read(tmp_path, "random")["input"]["key"])
    assert keys == {KEY, KEY.replace("00005", "00000")}


def test_an_absent_list_is_named(finished, tmp_path):
    elsewhere = changed(finished, run="other")
    with pytest.raises(InputError, match=r"manifest.parquet isn't there, .* run `snakemake frames` first"):
        explained(elsewhere, [KEY], tmp_path)


def test_files_of_others_stay_and_those_of_an_earlier_explanation_go(finished, faces, photo, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "me_2.png").write_text("not ours")
    with pytest.raises(InputError, match=r"me_2.png is there and isn't of an earlier explanation: .*--out"):
        explained(finished, [str(photo)], out, names=["LIME"])
    assert [path.name for path in out.iterdir()] == ["me_2.png"]
    (out / "me_2.png").rename(out / "me_20.png")
    explained(finished, [str(photo)], out, names=["LIME"])
    assert (out / "me_2.png").exists()
    del faces[1]
    explained(finished, [str(photo)], out, names=["LIME"])
    left = {path.name for path in out.iterdir()}
    assert "me_1.png" in left and "me_20.png" in left and "me_2.png" not in left
    (out / "me.json").write_text("{}")
    with pytest.raises(InputError, match="me.json is there and isn't an explanation"):
        explained(finished, [str(photo)], out, names=["LIME"])


def test_a_clip_has_a_sheet_a_face_and_a_figure_a_frame(finished, faces, tmp_path):
    write_video(tmp_path / "clip.mp4", [synthetic_frame(index) for index in range(4)], Fraction(5))
    del faces[1]
    outcome = explained(finished, [str(tmp_path / "clip.mp4")], tmp_path / "out", names=["LIME", "LIME_adv"])
    said = read(tmp_path / "out", "clip")
    assert {"clip_faces.png", "clip_1.png", "clip_1/frame_00001.png", "clip_1/frame_00003.pdf"} < set(outcome.files)
    assert all((tmp_path / "out" / name).is_file() for name in outcome.files)
    assert [path.name for path in outcome.places] == [
        "clip_faces.png", "clip_faces.pdf", "clip_1.png", "clip_1.pdf", "clip_1", "clip.npz", "clip.json",
    ]  # fmt: skip
    assert said["input"]["frames"] == [
        {"frame": 1, "seconds": 0.2, "faces": [1]},
        {"frame": 3, "seconds": 0.6, "faces": [1]},
    ]
    (only,) = said["faces"]
    assert only["frames_without"] == [] and [one["frame"] for one in only["images"]] == [1, 3]
    whole = explained(finished, [str(tmp_path / "clip.mp4")], tmp_path / "whole", names=["LIME"], whole=True)
    assert "clip_faces.png" not in whole.files and "clip_1/frame_00003.png" in whole.files
    assert read(tmp_path / "whole", "clip")["input"]["frames"] == said["input"]["frames"]
    arrays = np.load(tmp_path / "out" / "clip.npz")
    assert {"1/frame_00001/crop", "1/frame_00003/LIME_adv/map"} < set(arrays)


def test_polygons_are_in_pixels_of_the_picture():
    region = np.zeros((4, 4), bool)
    region[:2, 2:] = True  # the upper right quarter
    ((ring,),) = [polygons(region, (100, 50, 140, 90))]
    x, y = zip(*ring, strict=True)
    assert (min(x), max(x), min(y), max(y)) == (122.5, 137.5, 52.5, 67.5)  # a quarter of a pixel within its edges


# -- the command line -------------------------------------------------------------------------------------------------
def main(capsys, monkeypatch, paths: Paths, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(__main__, "as_a_job", lambda: None)
    file = Path(paths.config.results).parent / "small.json"
    file.write_text(json.dumps(configuration(file.parent)))
    code = __main__.main(["explain", "--config", str(file), *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_says_what_it_found_and_wrote(finished, capsys, monkeypatch, tmp_path):
    code, out, _ = main(capsys, monkeypatch, finished, KEY, "-o", tmp_path, "--explainers", "LIME_adv")
    assert code == 0
    first, *places = out.splitlines()
    assert first.startswith(f"{KEY}: called ") and "of NES; " in first
    assert [Path(place).suffix for place in places] == [".png", ".pdf", ".npz", ".json"]
    assert all(Path(place).is_file() for place in places)


def test_the_command_s_errors_are_one_line(finished, capsys, monkeypatch, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    for arguments, said in (
        (["absent.jpg"], "absent.jpg: there is no such file"),
        ([tmp_path / "notes.jpg", "--whole"], "notes.jpg is neither a picture nor a video"),
        ([KEY, "--explainers", "LIMEX"], "there is no explainer LIMEX; the configuration has LIME, LIME_again"),
        ([KEY, "--detector", tmp_path / "no.safetensors"], "no.safetensors: there is no such file"),
    ):
        code, out, err = main(capsys, monkeypatch, finished, *arguments, "-o", tmp_path / "out")
        assert (code, out) == (2, "") and err.startswith("Error: ") and err.count("\n") == 1 and said in err
    assert not (tmp_path / "out").exists()


def test_too_little_memory_says_what_to_lower(finished, capsys, monkeypatch, tmp_path):
    def no_memory(*_: object) -> None:
        raise MemoryError("no memory for 8 images in work; fewer at once (`images_at_once`) may fit")

    monkeypatch.setattr(command, "explain", no_memory)
    code, _, err = main(capsys, monkeypatch, finished, KEY, "-o", tmp_path)
    assert code == 2 and "no memory for 8 images" in err and "lower `images_at_once` in " in err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        __main__.main(["explain", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "python -m advxai explain me.jpg clip.mp4 --explainers LIME LIME_adv -o out/" in said
    with pytest.raises(SystemExit) as ended:
        __main__.main(["explain", "me.jpg", "--frames", "0"])
    assert ended.value.code == 2 and "0 isn't a number from 1 to 60" in capsys.readouterr().err
