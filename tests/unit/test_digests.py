"""Digests: what a changed setting moves, and what it doesn't."""

from pathlib import Path

import pytest

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.config import protocol
from advxai.config.data import CATEGORIES
from advxai.run.digests import VERSIONS, digest
from tests.unit.paths_data import ADVERSARIAL, CLIPS, DETECTOR, ENGINES, ROWS, clip, entry, folders, moved, of, paths


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"run": "b", "shards": 7, "images_at_once": 3, "threads": {"faces": 4}}, set()),
        ({"frames": {"per_video": 3}, "results": "results"}, set()),
        ({"frames": {"passes": 3}}, set()),
        (entry("LIME", samples=100), of("saliency evaluation", ("LIME",))),
        (entry("SOBOL_adv", grid=4), of("saliency evaluation", ("SOBOL_adv",))),
        ({"adversary": {"iterations": 5}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL)),
        ({"evaluation": {"iterations": 5}}, {"attacks"} | of("evaluation")),
        ({"evaluation": {"top": 2}}, of("evaluation")),
        ({"report": {"dpi": 300}, "cases": {"weights": False}, "prune": {"delete": True}}, set()),
        ({"detector": {"forward_batch": 32}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        ({"detector": {"threads": 2}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        (
            {"detector": {"input_size": 128}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        (
            {"corpus": {"kind": "demo", "clips": [*CLIPS, clip("three", 8, test=2)]}},
            set(),  # a further test clip retrains nothing and moves nothing
        ),
        (
            {"corpus": {"kind": "demo", "clips": [*CLIPS, clip("three", 8, train=2)]}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"detector": {"threshold": 0.5}}, {"adversary", "attacks"} | of("saliency evaluation")),
        ({"detector": {"classes": [*FIVE.names], "real": "Real", "output": "softmax"}}, set()),  # as they are
        ({"detector": {"classes": ["Real", "Fake"]}}, DETECTOR),
        ({"detector": {"training": {"categories": [*CATEGORIES]}}}, set()),  # all of them, as without
        ({"seed": 1}, {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")),
        (
            {"detector": {"training": {"epochs": 3}}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"detector": {"backend": "openvino"}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        (
            {"detector": {"device": "cuda"}},
            {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"detector": {"backend": "inductor"}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        ({"detector": {"layout": "contiguous"}}, {"predictions", "adversary", "attacks"} | of("saliency evaluation")),
        ({"detector": {"layout": "channels_last", "precision": "float32", "cudnn_benchmark": False}}, set()),
        ({"images_at_once": None}, set()),
        ({"faces": {"masks": False, "batch": 3}}, set()),
        (
            {"faces": {"frames_per_video": 5}},
            {"faces", "detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        (
            {"faces": {"tracks": 1}},
            {"faces", "detector", "predictions", "adversary", "attacks"} | of("saliency evaluation"),
        ),
        ({"detector": {"video_score": "max_face"}}, set()),  # predictions are stored by image
        # Each fix of `protocol: corrected` alone, then all.
        ({"frames": {"explain": "called_fake"}}, set()),
        ({"evaluation": {"population": "all"}}, of("evaluation")),
        *(
            ({"adversary": {switch: value}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL))
            for switch, value in protocol.NES.items()
        ),
        *(({"evaluation": {switch: value}}, {"attacks"} | of("evaluation")) for switch, value in protocol.NES.items()),
        (entry("LIME", softmax_again=False), of("saliency evaluation", ("LIME",))),
        (entry("SHAP", segmentation={"image": "unit"}), of("saliency evaluation", ("SHAP",))),
        (entry("RISE", draw="uniform"), of("saliency evaluation", ("RISE",))),
        (entry("RISE_adv", divide_by="coverage"), of("saliency evaluation", ("RISE_adv",))),
        ({"protocol": "corrected"}, {"adversary", "attacks"} | of("saliency evaluation")),
        (entry("LIME", published=None), set()),
        # What can't act moves nothing: a delta of steps that are smaller, without `project`.
        ({"adversary": {"delta": "8/255"}}, set()),
        ({"evaluation": {"delta": 1}}, set()),
        ({"adversary": {"delta": 0.001}}, {"adversary"} | of("saliency evaluation", ADVERSARIAL)),
        ({"detector": {"training": {"augment": True, "jpeg": 60}}}, DETECTOR),
        ({"detector": {"training": {"keep": "last"}}}, DETECTOR),
        ({"detector": {"training": {"keep": "best"}}}, set()),
        ({"detector": {"training": {"patience": 18}}}, DETECTOR),
        ({"detector": {"training": {"patience": 19}}}, set()),  # of 20 epochs
    ],
)
def test_a_change_moves_what_depends_on_it(changes, expected):
    assert moved(paths(), paths(**changes)) == expected


@pytest.mark.parametrize("change", [{"precision": "tf32"}, {"cudnn_benchmark": True}, {"layout": "contiguous"}])
def test_on_a_gpu_what_decides_the_kernels_moves_all_forwards_and_no_detector(change):
    gpu = {"device": "cuda"}
    assert moved(paths(detector=gpu), paths(detector=gpu | change)) == {"predictions", "adversary", "attacks"} | of(
        "saliency evaluation"
    )


def test_letterboxed_detectors_and_cut_backbones_are_others_than_before_and_nothing_else_is():
    """Their numbers have changed: by a pixel of the input, or by which blocks are trained."""

    def params(**detector) -> dict:
        return paths(detector=detector).detector_params

    boxed = params(resize={"library": "opencv", "fit": "letterbox"})
    assert boxed["letterbox"] == 2
    for resize in (None, {"library": "opencv"}, {"fit": "pad"}):
        assert "letterbox" not in params(resize=resize)
    assert params(model="efficientnet_vit")["letterbox"] == 2  # by its default
    places = {
        stride: params(model="efficientnet_vit", network={"tokens": "places", "stride": stride}) for stride in (16, 32)
    }
    assert places[16]["backbone"] == "cut" and "backbone" not in places[32]


def test_where_faces_are_followed_the_rule_of_one_face_moves_nothing():
    one, other = (paths(faces={"tracks": 2, "several": rule}) for rule in ("largest", "skip_video"))
    assert moved(one, other) == set()
    assert "several" not in one.faces.params and one.faces.params["tracks"] == 2


LEARNT = {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")

RAISED = {
    "clip": LEARNT,
    "faces": {"faces"} | LEARNT,
    "detector": LEARNT,
    "predictions": {"predictions"},
    "adversary": {"adversary"} | of("saliency evaluation", ADVERSARIAL),
    "saliency": of("saliency evaluation"),
    "controls": set(),  # the paper's rows are explainers
    "attacks": {"attacks"} | of("evaluation"),
    "evaluation": of("evaluation"),
    "counterparts": set(),  # and what is measured: test_metrics.py
    "metrics": set(),
    **{stage: set() for stage in VERSIONS if stage.startswith(("clips", "video"))},  # test_video_digests.py
}


@pytest.mark.parametrize("stage", VERSIONS)
def test_a_raised_version_moves_its_stage_and_what_reads_it(monkeypatch, stage):
    before, clip_before = folders(paths()), paths().clip("one").path
    monkeypatch.setitem(VERSIONS, stage, VERSIONS[stage] + 1)
    after = folders(paths())
    assert {name for name in before if before[name] != after[name]} == RAISED[stage]
    assert (paths().clip("one").path != clip_before) == (stage == "clip")


def test_the_seed_moves_what_draws_from_it_with_an_imported_detector_too(tmp_path):
    (tmp_path / "weights").write_bytes(b"")
    seeds = [paths(seed=seed, detector={"checkpoint": str(tmp_path / "weights")}) for seed in (0, 1)]
    found = moved(*seeds)
    assert {"adversary", "attacks"} | of(
        "saliency", tuple(name for name in ROWS if name[:4] in ("LIME", "RISE"))
    ) <= found
    assert not found & {"faces", "detector", "predictions"}


def test_a_digest_does_not_depend_on_the_order_of_the_parameters():
    """Nor on anything else but their values: it is the same for ever, or a store would be lost."""
    one, other = {"a": 1, "b": {"c": None, "d": [0.5, "x"]}}, {"b": {"d": [0.5, "x"], "c": None}, "a": 1}
    assert digest(one) == digest(other) == "971b4c2a3fc2" != digest(one | {"a": 2})


def test_a_setting_of_another_baseline_moves_nothing():
    changed = entry("RISE", baseline={"kind": "zeros", "size": 64, "std": 0.5})
    assert moved(paths(), paths(**changed)) == set()


def test_a_number_of_segments_that_the_algorithm_doesn_t_take_moves_nothing():
    for algorithm, expected in (("quickshift", set()), ("slic", of("saliency evaluation", ("LIME",)))):
        one, other = (
            paths(**entry("LIME", segmentation={"algorithm": algorithm, "n_segments": number})) for number in (50, 60)
        )
        assert moved(one, other) == expected


@pytest.mark.parametrize("medium", ["face_mesh", "model"])
def test_another_model_of_faces_is_another_corpus(medium):
    """Both models that clips are made with, by the bytes of their files."""
    other = {"package": "p", "version": "1", "file": "f", "sha256": "1" * 64}
    corpus = {"kind": "demo", "clips": CLIPS}
    changed = paths(corpus=corpus | {"face_mesh": other}) if medium == "face_mesh" else paths(faces={"model": other})
    assert changed.clip("one").path != paths().clip("one").path and LEARNT <= moved(paths(), changed)


def test_the_corpus_has_a_seed_of_its_own():
    """Another seed of the run explains the same images; another one of the corpus makes others."""
    again = paths(seed=1)
    assert again.clip("one").path == paths().clip("one").path
    other = paths(corpus={"kind": "demo", "clips": CLIPS, "seed": 1})
    assert other.clip("one").path != paths().clip("one").path and other.faces.path == paths().faces.path


def test_a_clip_of_one_s_own_is_known_by_its_bytes(tmp_path):
    mine = tmp_path / "me.mp4"
    clips = [{"name": "me", "first_id": 0, "source": {"path": str(mine)}, "splits": {"test": 2}}]

    def folder() -> Path:
        return paths(corpus={"kind": "demo", "clips": clips}).clip("me").path

    with pytest.raises(InputError, match=r"me\.mp4"):
        folder()
    mine.write_bytes(b"one")
    first = folder()
    mine.write_bytes(b"two")
    assert folder() != first


def test_a_delta_counts_where_the_total_is_projected():
    """`project` keeps the sum of the steps within it, however small they are."""
    before = {"adversary": {"project": True}}
    after = {"adversary": {"project": True, "delta": "8/255"}}
    assert "adversary" in moved(paths(**before), paths(**after))


def test_a_seed_moves_only_what_draws(tmp_path):
    """With an imported detector, whose weights no seed has made."""
    (tmp_path / "own.pth").write_bytes(b"weights")
    own = {"detector": {"checkpoint": str(tmp_path / "own.pth")}, "explainers": ENGINES}
    drawing = ("Library", "Noisy", "SOBOL_adv", "RISE", "Own")
    expected = {"adversary", "attacks"} | of("saliency", drawing) | of("evaluation", tuple(ENGINES))
    assert moved(paths(**own), paths(**own, seed=1)) == expected


def test_a_clip_s_name_seeds_its_manipulations_so_the_detector_depends_on_it():
    renamed = {"corpus": {"kind": "demo", "clips": [CLIPS[0] | {"name": "other"}, CLIPS[1]]}}
    assert moved(paths(), paths(**renamed)) == DETECTOR
