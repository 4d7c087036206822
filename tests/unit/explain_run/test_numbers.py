"""An explanation's numbers: equal to the run's, and as its JSON has them."""

from pathlib import Path

import numpy as np
import pytest

from advxai.detector.model import Preprocessing
from advxai.explain.document import polygons
from advxai.media.cut import Placement
from advxai.media.fit import Part
from advxai.run.store import read_shard
from advxai.saliency import CallableExplainer, Explanation, Inputs
from tests.unit.cases.small_run import HALF, KEY
from tests.unit.explain_run.asking import changed, explained, read, weights

CLASSES = ["Real", "NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap"]


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
    assert list(image["explainers"]) == finished.config.alone == ["LIME", "LIME_again", "LIME_adv", "Occlusion"]
    for name in finished.config.alone:
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
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert set(outcome.files) == there - {".me.files.json"} == set(said["files"])
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
    assert "so that LIME_adv can't be made (another `baseline`, such as zeros or blur, needs none), and no seg" in said
    assert f"me.png, face 1: {said}" in outcome.notes
    assert outcome.lines[0].startswith("me.png, face 1: called Real (p = 1.00)")


def test_a_row_of_another_class_than_the_called_one_says_so(finished, tmp_path):
    """Of a face called Real the maps of `fake` explain something else; of one called fake those of `real` do."""
    lime = {"method": "lime", "baseline": "zeros", "samples": 10}
    rows = {"LIME": lime, "Fake": lime | {"target": "fake"}, "Real": lime | {"target": "real"}}
    paths = changed(finished, explainers=rows)
    for real, other in ((0, "Real"), (20, "Fake")):
        weights_of = weights(tmp_path / f"{real}.safetensors", real)
        explained(paths, [KEY], tmp_path / str(real), weights=weights_of)
        (image,) = read(tmp_path / str(real), "Deepfakes_000_001_00005_0")["faces"][0]["images"]
        targets = {name: one["target"] for name, one in image["explainers"].items()}
        assert targets["LIME"] == image["called"] and targets["Real"] == "Real" != targets["Fake"]
        said = f"{other} explains the class {targets[other]}, where the face is called {image['called']}."
        assert said in image["notes"] and sum("explains the class" in note for note in image["notes"]) == 1
    assert "The other maps explain why it is called Real." in image["notes"][0]


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


def test_a_white_box_says_its_gradients_and_what_its_map_is(finished, tmp_path):
    own = {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}
    rows = {"LIME": {"method": "lime", "baseline": "image_mean", "samples": 40}, "Own": own}
    explained(changed(finished, explainers=rows), [KEY], tmp_path)
    (image,) = read(tmp_path, "Deepfakes_000_001_00005_0")["faces"][0]["images"]
    lime, white = image["explainers"]["LIME"], image["explainers"]["Own"]
    assert (lime["cost"]["backwards"], white["cost"]["backwards"], white["cost"]["images"]) == (0, 1, 1)
    assert lime["note"].startswith("how a linear fit weighs each segment") and white["note"] is None
    assert white["zero"] == 0 and white["target"] == image["called"] and len(white["attacks"]) == 2


def test_rows_that_a_picture_by_itself_can_t_be_explained_by_are_left_alone(finished, tmp_path):
    """One that fills in with the counterpart, controls, ceilings: the image of a run is explained by the other one, as
    it is where that is the only row."""
    lime = {"method": "lime", "baseline": "image_mean", "samples": 40}
    beside = {"random": {"method": "random"}, "oracle_mask": {"method": "oracle_mask"}}
    rows = {"LIME_true": lime | {"baseline": "counterpart"}, "LIME": lime, **beside}
    paths = changed(finished, explainers=rows)
    explained(paths, [KEY], tmp_path / "some")
    explained(changed(finished, explainers={"LIME": lime}), [KEY], tmp_path / "alone")
    said, alone = (read(tmp_path / name, "Deepfakes_000_001_00005_0") for name in ("some", "alone"))
    images = [one["faces"][0]["images"][0] for one in (said, alone)]
    for image in images:
        del image["explainers"]["LIME"]["cost"], image["adversary"]["cost"]
    assert images[0] == images[1] and list(images[0]["explainers"]) == list(said["settings"]["explainers"]) == ["LIME"]


def test_the_seed_draws_the_random_image(finished, tmp_path):
    keys = set()
    for seed in range(6):
        explained(finished, ["random"], tmp_path, seed=seed, names=["LIME"])
        keys.add(read(tmp_path, "random")["input"]["key"])
    assert keys == {KEY, KEY.replace("00005", "00000")}


def test_polygons_are_in_pixels_of_the_picture():
    region = np.zeros((4, 4), bool)
    region[:2, 2:] = True  # the upper right quarter
    ((ring,),) = [polygons(region, Placement((100, 50, 140, 90)), Part(0, 0, 4, 4))]
    x, y = zip(*ring, strict=True)
    assert (min(x), max(x), min(y), max(y)) == (122.5, 137.5, 52.5, 67.5)  # a quarter of a pixel within its edges
