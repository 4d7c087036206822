"""What clips cost, and what a run of clips alone asks for and refuses, by numbers worked out by hand."""

from pathlib import Path

import pytest

from advxai import plan
from advxai.beforehand.layers import layers_of, rows_of
from advxai.beforehand.own import trial
from advxai.beforehand.targets import asks_for_clips, require_rows, told_at_the_end
from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import read
from advxai.dialects.onnxfile import without_gradients
from advxai.run.paths import Paths
from tests.unit.plan_data import costs, ffpp

VIDEO = {
    "frames": 6,
    "fakes": 5,
    "reals": 1000,
    "segments": {"frames": 4, "number": 3},
    "top": 2,
    "explainers": {
        "SHAP3D": {"method": "shap3d", "baseline": "adversarial", "samples": 9},
        "GradCAM": {"over": "frames", "method": "gradcam"},
        "random": {"method": "random", "draws": 3},
    },
}
NES = {"adversary": {"samples": 2, "iterations": 4}, "evaluation": {"samples": 3, "iterations": 2}}


def counted(**changes) -> tuple[plan.Clips, dict[str, plan.Row]]:
    config = ffpp(explainers={}, video=VIDEO | changes, **NES)
    paths = Paths(config, planning=True)
    found = plan.clips_of(paths, plan.population(paths))
    return found, {f"{row.stage} {row.name}".strip(): row for row in plan.clip_rows(config, found, 100.0)}


def test_clips_are_counted_and_what_they_take():
    """FF++ has 140 real test videos and as many of each of four manipulations; a forward is a frame."""
    found, rows = counted()
    assert found.number == 5 + 140
    assert costs(rows["video_scores"]) == (145, 0, 145 * 6, 145 * 6)
    # four iterations, fewer than the paper's mean, of 2 * 2 + 1, and the clip itself
    assert costs(rows["video_adversary"]) == (145, 0, 145 * 6 * 21, 145 * 6 * 21)
    # pairs of coalitions, the clip and the baseline
    assert costs(rows["video_saliency SHAP3D"]) == (145, 0, 145 * 6 * 10, 145 * 6 * 10)
    assert rows["video_saliency GradCAM"].backwards == 145 * 6
    assert costs(rows["video_saliency random"]) == (145, 0, 0, 0)
    # top-1 and top-2, two iterations of 2 * 3 + 1, and the clip itself
    assert costs(rows["video_attacks random"]) == (145, 0, 145 * 6 * 2 * 15, 145 * 6 * 2 * 15)
    # two slices of three segments: of six 30 % are two, and at most all; the counterpart itself
    assert costs(rows["video_metrics SHAP3D"]) == (145, 0, 145 * 6 * (1 + 2), 145 * 6 * (1 + 6))
    assert costs(rows["video_metrics random"])[2:] == (145 * 6 * (1 + 3 * 2), 145 * 6 * (1 + 3 * 6))
    assert rows["video_scores"].seconds == pytest.approx(145 * 6 / 100)


def test_a_list_says_how_many(tmp_path):
    (tmp_path / "clips.csv").write_text("video,start\na.mp4,3\nb.mp4,\n\n")
    found, rows = counted(list=f"{tmp_path}/clips.csv")
    assert found.number == rows["clips"].items == 2 and "clips.csv" in found.source
    assert counted(list=f"{tmp_path}/absent.csv")[0].source.endswith("isn't there")


def test_a_configuration_without_clips_has_no_row_of_them():
    paths = Paths(ffpp(), planning=True)
    assert plan.clips_of(paths, plan.population(paths)) is None


def test_clips_alone_have_no_image_to_make_tables_of():
    clips, both = ffpp(explainers={}, video={"frames": 4}), ffpp(video={"frames": 4})
    for target in ("tables", "answer", "report", "samples", "saliency", "results/r/cases/a.mp4/1_0.png"):
        with pytest.raises(InputError, match=rf"explainers: is \{{\}}, so no image is explained, and .*{target} needs"):
            require_rows(clips, ["--cores", "2", target])
        require_rows(both, ["--cores", "2", target])
    require_rows(clips, ["--cores", "2", "video"])
    require_rows(clips, ["--cores", "2"])


@pytest.mark.parametrize(
    ("arguments", "given", "without"),
    [
        ([], True, False),
        (["video"], True, True),
        (["clips"], True, True),
        (["tables"], False, False),
        (["plan"], False, False),
    ],
)
def test_when_clips_are_asked_for(arguments, given, without):
    assert asks_for_clips(ffpp(video={"frames": 4}), arguments) is given
    assert asks_for_clips(ffpp(), arguments) is without


@pytest.mark.parametrize(
    ("arguments", "both", "clips_alone"),
    [
        ("--cores 2", {"images", "clips"}, {"clips"}),
        ("video", {"clips"}, {"clips"}),
        ("results/r/video/index.html", {"clips"}, {"clips"}),
        ("tables", {"images"}, {"images"}),
        ("results/r/tables/cost.csv", {"images"}, {"images"}),
        ("clips", set(), set()),
        ("results/r/clips/clips.parquet", set(), set()),
        ("plan", set(), set()),
        ("prune", set(), set()),
        ("saliency", set(), set()),
    ],
)
def test_closing_lines_are_of_what_was_asked_for(arguments, both, clips_alone):
    assert told_at_the_end(ffpp(video={"frames": 4}), arguments.split()) == both
    assert told_at_the_end(ffpp(video={"frames": 4}, explainers={}), arguments.split()) == clips_alone
    assert told_at_the_end(ffpp(image="a.png"), arguments.split()) == set()


def test_without_a_target_all_that_there_is_is_made():
    alone, both = (Paths(ffpp(video={"frames": 4}, **more), planning=True) for more in ({"explainers": {}}, {}))
    assert set(alone.outputs.everything) == set(alone.outputs.video)
    assert alone.run / "video/provenance.json" in alone.outputs.video
    assert {both.outputs.report, *both.outputs.video} <= set(both.outputs.everything)
    assert Paths(ffpp(), planning=True).outputs.video == []


def test_what_goes_over_frames_is_tried_like_rows_of_images():
    rows = {
        "CAM": {"over": "frames", "method": "gradcam", "layers": "blocks.0"},
        "Own": {"over": "frames", "method": "tests.custom:Oclusion", "baseline": "zeros"},
    }
    config = ffpp(explainers={}, video={"explainers": rows})
    assert layers_of(config) == {"video.CAM": ["blocks.0"]}
    assert [key for key, _ in rows_of(config).values()] == ["video.explainers.CAM", "video.explainers.Own"]
    (wrong,) = trial(config, 5, ["video.explainers.Own"])["wrong"]
    assert "tests.custom:Oclusion" in wrong


def test_rows_of_images_and_of_clips_may_share_a_name():
    """Which of them asks for gradients is told by the key."""
    cam = {"method": "gradcam"}
    rows = {"A": {"method": "shap3d", "baseline": "zeros"}, "B": {"over": "frames", **cam, "gradient_batch": 3}}
    config = ffpp(explainers={"A": cam, "B": {"method": "rise", "baseline": "zeros"}}, video={"explainers": rows})
    white = {name: entry.method for name, (_, entry) in rows_of(config).items() if entry.gradients}
    assert white == {"A": "gradcam", "video.B": "gradcam"}
    assert without_gradients(white).endswith(": explainers.A (gradcam), video.explainers.B (gradcam)")
    paths = Paths(config, planning=True)
    population = plan.population(paths)
    found = plan.rows(config, population, plan.Store()) + plan.clip_rows(config, plan.clips_of(paths, population))
    lines = plan.report(config, population, plan.Store(), found, "no rate", cores=2, free=10**12)
    assert "A ~" in lines and "video.B ~" in lines


def test_the_demo_s_clips_share_the_demo_s_store():
    root = Path(__file__).parents[2]
    demo, clips = (Paths(load(read(root / name)), planning=True) for name in ("config.yaml", "config/demo_video.yaml"))
    assert (demo.faces.path, demo.detector.path, demo.predictions.path) == (
        clips.faces.path,
        clips.detector.path,
        clips.predictions.path,
    )
    assert clips.config.explainers == {} and clips.config.video.asked


@pytest.mark.parametrize("name", ["pino", "pino_autoatt"])
def test_pino_s_clips_can_be_planned(name):
    paths = Paths(load(read(Path(__file__).parents[2] / f"config/{name}.yaml")), planning=True)
    found = plan.clips_of(paths, plan.population(paths))
    rows = plan.clip_rows(paths.config, found)
    assert found.number == 100 and paths.beside_pino
    assert {row.name for row in rows if row.stage == "video_metrics"} == set(paths.config.video.explainers)
    assert not any(row.stage == "video_attacks" for row in rows)  # video.attacks: false
