"""Digests of clips: what a raised version or a changed setting moves, and what it doesn't."""

import pytest

from advxai.run.digests import VERSIONS
from advxai.run.paths import Paths
from tests.unit.paths_data import paths

ROWS = {
    "SHAP3D": {"method": "shap3d", "baseline": "zeros"},
    "LIME_adv": {"over": "frames", "method": "lime", "baseline": "adversarial"},
    "random": {"method": "random"},
}
EXPLAINERS = ("SHAP3D", "LIME_adv")
STAGES = ("saliency", "evaluation", "metrics")


def folders(of: Paths) -> dict[str, str]:
    """Of every stage of clips and of each row's."""
    once = {
        "crops": of.clip_crops,
        "counterparts": of.clip_counterparts_cut,
        "scores": of.video_scores,
        "copies": of.video_adversary,
        "attacks": of.video_attacks,
        "measures": of.video_measures,
    }
    rows = {f"{stage} {name}": getattr(of, f"video_{stage}")(name) for stage in STAGES for name in ROWS}
    assert {folder.path for folder in of.folders_of_clips} == {folder.path for folder in (once | rows).values()}
    return {name: folder.path.name for name, folder in (once | rows).items()}


def asked(**video: object) -> Paths:
    return paths(video={"explainers": ROWS} | video)


def rows(*names: str, stages: tuple[str, ...] = STAGES) -> set[str]:
    return {f"{stage} {name}" for stage in stages for name in names}


def moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


RAISED = {
    "clips": {"crops", "counterparts"},
    "counterparts": {"counterparts"},
    "video_scores": {"scores"} | rows(*ROWS),
    "video_adversary": {"copies"} | rows("LIME_adv"),
    "video_saliency": rows(*EXPLAINERS),
    "video_controls": rows("random"),
    "video_attacks": {"attacks"} | rows(*ROWS, stages=("evaluation",)),
    "video_metrics": {"measures"} | rows(*ROWS, stages=("metrics",)),
    "saliency": set(),  # of images
    "attacks": set(),
}


@pytest.mark.parametrize("stage", RAISED)
def test_a_raised_version_moves_its_stage_and_what_reads_it(monkeypatch, stage):
    before = folders(asked())
    monkeypatch.setitem(VERSIONS, stage, VERSIONS[stage] + 1)
    assert moved(before, folders(asked())) == RAISED[stage]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fakes": 3, "reals": 0, "films": {"most": 1}}, set()),  # which clips, and what is drawn of them
        ({"step": 2}, {"crops", "counterparts"}),
        ({"crop": "followed"}, {"crops", "counterparts"}),
        ({"frames": 8}, {"crops", "counterparts"}),  # a clip's hash says how many it has
        ({"segments": {"number": 5}}, {"scores"} | rows(*ROWS)),
        ({"area": 0.2}, {"measures"} | rows(*ROWS, stages=("metrics",))),
    ],
)
def test_a_setting_of_clips_moves_what_is_made_by_it(changes, expected):
    assert moved(folders(asked()), folders(asked(**changes))) == expected


def test_provenance_is_made_anew_by_the_settings_of_what_it_is_of():
    """Parameters of the rules report_provenance and video_provenance."""
    of_images, own = paths(), asked(films={"most": 1}, frames=4)
    assert of_images.settings_of_images == own.settings_of_images == asked().settings_of_images
    assert {"run", "seed", "explainers", "metrics", "report"} <= set(own.settings_of_images)
    assert own.settings_of_clips != asked(frames=4).settings_of_clips
    other = paths(video={"explainers": ROWS}, explainers={"RISE": {"method": "rise", "baseline": "zeros"}}, metrics={})
    assert other.settings_of_clips == asked().settings_of_clips
