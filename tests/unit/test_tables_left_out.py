"""What was left out, and the closing message."""

from pathlib import Path

import pandas as pd
import pytest

from advxai.tables.left_out import collect, summary, write
from tests.unit.tables_data import evaluation_rows

CORPUS = pd.DataFrame({"stage": ["corpus"], "item": ["a.mp4"], "reason": ["not a video"]})
FACES = pd.DataFrame(
    {
        "stage": ["faces"] * 3,
        "item": ["v1", "v2", "v3"],
        "reason": ["no face in frame 3", "no face in frame 12", "several faces"],
    }
)
EMPTY = pd.DataFrame({"stage": [], "item": [], "reason": []}).astype("str")
NES = pd.DataFrame(
    {
        "key": ["d1", "d2", "f1", "f2", "n1"],
        "called_real": [False, False, False, False, True],
        "success": [True, True, True, False, True],
        "iterations": [1, 2, 3, 20, 0],
        "queries": [82, 163, 244, 1621, 1],
    }
)


def test_one_line_an_item_and_explainer(tmp_path: Path) -> None:
    left_out = collect([CORPUS, EMPTY, FACES], evaluation_rows())
    assert left_out.to_numpy().tolist() == [
        ["corpus", "", "a.mp4", "not a video"],
        ["faces", "", "v1", "no face in frame 3"],
        ["faces", "", "v2", "no face in frame 12"],
        ["faces", "", "v3", "several faces"],
        ["evaluation", "LIME", "f2", "only 1 segments with a positive score, 2 are needed"],
    ]
    write(left_out, tmp_path / "left_out")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "left_out.parquet"), left_out)
    assert (tmp_path / "left_out.csv").read_text().splitlines()[:2] == [
        "stage,explainer,item,reason",
        "corpus,,a.mp4,not a video",
    ]


def test_a_doubtful_detector_is_said_after_what_was_explained() -> None:
    rows = evaluation_rows()
    left_out = collect([EMPTY], rows)
    text = summary(
        videos=1,
        faces=2,
        rows=rows,
        left_out=left_out,
        adversary=None,
        tables=Path("t"),
        notes=["the sign may be wrong"],
    )
    assert text.splitlines()[1] == "note: the sign may be wrong"


def test_nothing_left_out(tmp_path: Path) -> None:
    rows = evaluation_rows()
    left_out = collect([EMPTY], rows[rows["included"]])
    assert len(left_out) == 0 and list(left_out) == ["stage", "explainer", "item", "reason"]
    write(left_out, tmp_path / "left_out")
    assert (tmp_path / "left_out.csv").read_text() == "stage,explainer,item,reason\n"


def test_closing_message() -> None:
    rows = evaluation_rows()
    text = summary(
        videos=24,
        faces=1720,
        rows=rows,
        left_out=collect([CORPUS, FACES], rows),
        adversary=NES,
        tables=Path("results/demo/tables"),
    )
    # 4 images called fake, 3 of them turned; (1 + 2 + 3 + 20) / 4 iterations. 8 + 10 attacks, 4 of them reused.
    assert text == (
        "24 videos, 1,720 faces, 5 images explained by 2 explainers\n"
        "already called real by the detector: 1 image; their rankings mean nothing\n"
        "left out: 5\n"
        "  corpus 1: 1 x not a video\n"
        "  faces 3: 2 x no face in frame N; 1 x several faces\n"
        "  evaluation 1: LIME: 1 x only 1 segments with a positive score, 2 are needed\n"
        "NES turned 3 of the 4 images called fake into real (75%), in 6.5 iterations on average\n"
        "segment attacks: 18, of which 4 (22%) taken over from another row\n"
        "tables: results/demo/tables\n"
    )


def test_closing_message_without_adversaries_and_without_losses() -> None:
    rows = evaluation_rows()
    rows = rows[(rows["explainer"] == "LIME_adv") & (rows["key"] == "d1")]
    text = summary(videos=1, faces=1, rows=rows, left_out=collect([], rows), adversary=None, tables=Path("t"))
    assert text == (
        "1 video, 1 face, 1 image explained by 1 explainer\n"
        "left out: 0\n"
        "segment attacks: 2, of which 2 (100%) taken over from another row\n"
        "tables: t\n"
    )


def test_no_image_called_fake() -> None:
    rows = evaluation_rows()
    text = summary(
        videos=1, faces=1, rows=rows, left_out=collect([], rows), adversary=NES[NES["called_real"]], tables=Path("t")
    )
    assert "NES: no image was called fake\n" in text


def without_counterparts(*reasons: str) -> pd.DataFrame:
    """As the stage frames writes it."""
    items = [f"manipulated_sequences/Deepfakes/c23/videos/00{n}_001.mp4/0.png" for n in range(len(reasons))]
    said = [f"no counterpart: {reason}" for reason in reasons]
    return pd.DataFrame({"stage": "counterparts", "item": items, "reason": said})


def test_the_closing_message_begins_with_the_answer() -> None:
    rows = evaluation_rows()
    said = {"videos": 1, "faces": 1, "rows": rows, "left_out": collect([], rows), "adversary": None}
    plain = summary(**said, tables=Path("t"))
    answered = summary(
        **said, tables=Path("t"), answer=["Nothing can be said. (tables/tests)", "B. (tables/scorecard)"]
    )
    assert answered == f"Nothing can be said. (tables/tests)\nB. (tables/scorecard)\n\n{plain}"
    assert plain.startswith("1 video, 1 face, 5 images explained by 2 explainers\n")


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((), "2 explainers"),
        (("random",), "2 explainers, beside 1 control or ceiling"),
        (("random", "oracle"), "2 explainers, beside 2 controls and ceilings"),
        (("random", "absent"), "2 explainers, beside 1 control or ceiling"),  # one that has no rows
    ],
)
def test_controls_and_ceilings_are_counted_apart(others, said) -> None:
    rows = evaluation_rows()
    more = [rows[rows["explainer"] == "LIME_adv"].assign(explainer=name) for name in others if name != "absent"]
    rows = pd.concat([rows, *more], ignore_index=True)
    text = summary(
        videos=1, faces=1, rows=rows, left_out=collect([], rows), adversary=None, tables=Path("t"), beside=others
    )
    assert text.splitlines()[0] == f"1 video, 1 face, 5 images explained by {said}"


def test_what_has_no_counterpart_is_counted_apart_from_what_left_the_run() -> None:
    """It costs no image; what an explainer that fills in with it leaves out is the evaluation's."""
    rows = evaluation_rows()
    gone = rows["key"].isin(["d1", "f1"]) & (rows["explainer"] == "LIME_adv")
    rows.loc[gone, "included"], rows.loc[gone, "reason"] = False, "no counterpart: 001.mp4 isn't there"
    counterparts = without_counterparts("001.mp4 isn't there", "001.mp4 isn't there", "it isn't aligned (2.31)")
    left_out = collect([CORPUS, counterparts], rows)
    assert left_out[left_out["stage"] == "counterparts"]["explainer"].tolist() == ["", "", ""]
    text = summary(videos=1, faces=1, rows=rows, left_out=left_out, adversary=None, tables=Path("t"))
    assert text.splitlines()[2:9] == [
        "left out: 4",
        "  corpus 1: 1 x not a video",
        "  evaluation 3: LIME: 1 x only 1 segments with a positive score, 2 are needed; "
        "LIME_adv: 2 x no counterpart: 001.mp4 isn't there",
        "without a counterpart, so not restored: 3 images",
        "  2 x no counterpart: 001.mp4 isn't there",
        "  1 x no counterpart: it isn't aligned (2.31)",
        "segment attacks: 14, of which 2 (14%) taken over from another row",
    ]


def test_one_image_without_a_counterpart() -> None:
    rows = evaluation_rows()
    rows = rows[rows["included"]]
    left_out = collect([without_counterparts("the original's frame is the same picture")], rows)
    text = summary(videos=1, faces=1, rows=rows, left_out=left_out, adversary=None, tables=Path("t"))
    assert "left out: 0\nwithout a counterpart, so not restored: 1 image\n  1 x no counterpart: the ori" in text


def test_a_run_that_explains_no_image_says_so() -> None:
    rows = evaluation_rows()[:0]
    missing = pd.DataFrame({"stage": ["detector"], "item": ["a"], "reason": ["called real by the detector"]})
    text = summary(videos=1, faces=2, rows=rows, left_out=collect([missing], rows), adversary=NES[:0], tables=Path("t"))
    assert text == (
        "1 video, 2 faces, no image explained\n"
        "left out: 1\n"
        "  detector 1: 1 x called real by the detector\n"
        "NES: no image was called fake\n"
        "tables: t\n"
    )
