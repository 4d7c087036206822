"""What was left out, and the closing message."""

from pathlib import Path

import pandas as pd

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
        "segment attacks: 18, of which 4 (22%) taken over from another explainer\n"
        "tables: results/demo/tables\n"
    )


def test_closing_message_without_adversaries_and_without_losses() -> None:
    rows = evaluation_rows()
    rows = rows[(rows["explainer"] == "LIME_adv") & (rows["key"] == "d1")]
    text = summary(videos=1, faces=1, rows=rows, left_out=collect([], rows), adversary=None, tables=Path("t"))
    assert text == (
        "1 video, 1 face, 1 image explained by 1 explainer\n"
        "left out: 0\n"
        "segment attacks: 2, of which 2 (100%) taken over from another explainer\n"
        "tables: t\n"
    )


def test_no_image_called_fake() -> None:
    rows = evaluation_rows()
    text = summary(
        videos=1, faces=1, rows=rows, left_out=collect([], rows), adversary=NES[NES["called_real"]], tables=Path("t")
    )
    assert "NES: no image was called fake\n" in text
