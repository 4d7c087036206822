"""Face crops of clips: cut out, found again, left out; joined and stored."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.clips import cut as stage
from advxai.clips.cut import FRAMES, cut, cut_clip
from advxai.clips.lists import BY_RULE
from advxai.clips.manifest import CUT, build, items, said_of
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.faces.mask import mask_of
from advxai.frames.database import FrameStore
from advxai.frames.database import build as store
from advxai.media.cut import Placement, decode_png
from tests.unit.clips_data import VIDEO, Plan, draw, draw_mask, face_at, faces, settings


def one(number):
    """A face that moves two pixels a frame."""
    return [face_at(30 + 2 * number, 30)]


@pytest.fixture
def row(tmp_path):
    draw(tmp_path / "clip.mp4")
    return {
        "video": VIDEO, "path": str(tmp_path / "clip.mp4"), "category": "Deepfakes", "label": 3, "split": "test",
        "mask": "", "start": BY_RULE,
    }  # fmt: skip


def crops(result):
    return [decode_png(Path(frame["file"]).read_bytes(), "", "") for frame in result.frames]


def test_a_clip_is_cut_out_of_the_middle_of_its_video(row, tmp_path):
    plan = Plan(one)
    result = cut_clip(row, plan, tmp_path / "out", faces=faces(), video=settings())
    assert plan.shown == [8, 9, 10, 11] and not result.found and not result.left_out
    clip = f"{VIDEO}/clip_00008_0"
    assert [frame["key"] for frame in result.frames] == [f"{clip}#{n:05d}" for n in (8, 9, 10, 11)]
    assert [list(frame) for frame in result.frames] == [list(FRAMES)] * 4
    assert [frame["place"] for frame in result.frames] == [0, 1, 2, 3]
    assert [frame["seconds"] for frame in result.frames] == pytest.approx([0.8, 0.9, 1.0, 1.1])
    # middles 46, 48, 50, 52: mean 49; the longer side is 20, times 1.3 is 26
    assert {tuple(frame[name] for name in ("x1", "y1", "x2", "y2")) for frame in result.frames} == {(36, 17, 62, 43)}
    for number, crop in zip((8, 9, 10, 11), crops(result), strict=True):
        assert crop.shape == (26, 26, 3) and abs(crop.mean() - (10 + 8 * number)) < 2
    digest = sha256(Path(row["path"]).read_bytes()).hexdigest()[:12]
    assert result.frames[0]["file"] == str(tmp_path / "out" / f"{VIDEO}-{digest}" / "clip_middle" / "00008.png")
    assert result.frames[0]["sha256"] == sha256(Path(result.frames[0]["file"]).read_bytes()).hexdigest()


def test_a_crop_that_follows_has_one_size_in_many_places(row, tmp_path):
    result = cut_clip(row | {"start": 2}, Plan(one), tmp_path, faces=faces(), video=settings(crop="followed", step=3))
    assert [frame["frame"] for frame in result.frames] == [2, 5, 8, 11]
    assert [(frame["x1"], frame["x2"]) for frame in result.frames] == [(x - 13, x + 13) for x in (34, 40, 46, 52)]
    assert {crop.shape for crop in crops(result)} == {(26, 26, 3)}


def test_masks_are_cut_at_the_same_frames_and_places(row, tmp_path):
    draw_mask(tmp_path / "mask.mp4")
    masked = row | {"mask": str(tmp_path / "mask.mp4")}
    result = cut_clip(masked, Plan(one), tmp_path / "out", faces=faces(), video=settings(crop="followed"))
    assert [Path(frame["mask_file"]).parent.name for frame in result.frames] == ["masks"] * 4
    for frame in result.frames:  # white from column 30 + 2 n on, the crop begins 13 before
        assert (mask_of(frame) == np.where(np.arange(26) >= 13, 255, 0)).all()
    fixed = cut_clip(masked, Plan(one), tmp_path / "fixed", faces=faces(), video=settings())
    for frame in fixed.frames:  # the crop begins with column 36
        assert (mask_of(frame) == np.where(np.arange(26) >= 2 * frame["frame"] - 6, 255, 0)).all()
    without = cut_clip(masked, Plan(one), tmp_path / "none", faces=faces(masks=False), video=settings())
    assert [frame["mask_file"] for frame in without.frames] == [""] * 4


def test_a_mask_that_cant_be_had_costs_no_clip(row, tmp_path):
    draw_mask(tmp_path / "mask.mp4", frames=10)
    result = cut_clip(row | {"mask": str(tmp_path / "mask.mp4")}, Plan(one), tmp_path, faces=faces(), video=settings())
    assert [bool(frame["mask_file"]) for frame in result.frames] == [True, True, False, False]
    (line,) = result.left_out
    assert line["item"] == f"{VIDEO}/clip_00008_0/masks" and line["reason"].startswith("no mask for frames 10 to 11: ")


def test_a_finished_clip_is_found_and_one_that_isnt_whole_is_made_anew(row, tmp_path):
    first = cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings())
    plan = Plan(one)
    again = cut_clip(row, plan, tmp_path, faces=faces(), video=settings())
    assert again.found and not plan.shown and again.frames == first.frames
    Path(first.frames[2]["file"]).write_bytes(b"other")
    anew = cut_clip(row, plan, tmp_path, faces=faces(), video=settings())
    assert not anew.found and anew.frames == first.frames and plan.shown == [8, 9, 10, 11]


@pytest.mark.parametrize("changed", [{"crop": "followed"}, {"step": 2}, {"frames": 5}])
def test_other_settings_make_it_anew(row, tmp_path, changed):
    cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings())
    assert not cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings(**changed)).found
    assert not cut_clip(row, Plan(one, score=0.5), tmp_path, faces=faces(), video=settings(**changed)).found
    assert cut_clip(row, Plan(one, score=0.5), tmp_path, faces=faces(batch=3), video=settings(**changed)).found


def test_another_start_or_other_bytes_have_a_folder_of_their_own(row, tmp_path):
    first = cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings())
    cut_clip(row | {"start": 3}, Plan(one), tmp_path, faces=faces(), video=settings())
    assert cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings()).found
    draw(Path(row["path"]), frames=19)
    other = cut_clip(row, Plan(one), tmp_path, faces=faces(), video=settings())
    assert not other.found and other.frames[0]["frame"] == 7
    assert Path(first.frames[0]["file"]).exists()


def test_what_batch_and_scratch_are_changes_nothing(row, tmp_path):
    (tmp_path / "near").mkdir()
    results = [
        cut_clip(row, Plan(one), tmp_path / str(batch), faces=faces(batch=batch), video=settings(), scratch=scratch)
        for batch, scratch in ((1, None), (3, tmp_path / "near"), (8, None))
    ]
    hashes = {tuple(frame["sha256"] for frame in result.frames) for result in results}
    assert len(hashes) == 1 and not list((tmp_path / "near").iterdir())


def test_an_interrupted_clip_leaves_nothing_and_is_made_whole_later(row, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stage, "placed", stop)
        with pytest.raises(KeyboardInterrupt):
            cut_clip(row, Plan(one), tmp_path / "out", faces=faces(), video=settings())
    assert not list((tmp_path / "out").rglob("*.png")) and not list((tmp_path / "out").rglob("faces.json"))
    assert len(cut_clip(row, Plan(one), tmp_path / "out", faces=faces(), video=settings()).frames) == 4


def test_why_a_clip_is_left_out(row, tmp_path):
    def reason(row, of=one, **changed):
        result = cut_clip(row, Plan(of), tmp_path / "out", faces=faces(), video=settings(**changed))
        assert not result.frames
        (line,) = result.left_out
        assert line["stage"] == "clips"
        return line["item"], line["reason"]

    assert reason(row, frames=21) == (VIDEO, "it has 20 frames, a clip of 21 takes 21")
    item, said = reason(row | {"start": 3}, lambda n: one(n) if n % 3 else [])
    assert item == f"{VIDEO} from frame 3 on" and said.startswith("one face is in only 2 of the 4 frames from 3 to 6")
    stored = cut_clip(row | {"start": 3}, plan := Plan(one), tmp_path / "out", faces=faces(), video=settings())
    assert stored.found and not stored.frames and not plan.shown  # the reason is kept with the settings
    assert reason(row | {"path": str(tmp_path / "none.mp4")})[1] == "can't be read (No such file or directory)"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(row["path"]).read_bytes()[:-300])
    assert "broken.mp4" in reason(row | {"path": str(broken)})[1]


def joined(tmp_path, monkeypatch, rows, **changed):
    monkeypatch.setattr(stage, "RetinaFace", lambda *_, **__: Plan(one))
    return cut(rows, Path("net"), tmp_path / "out", faces=faces(), video=settings(**changed))


def test_a_damaged_video_costs_its_own_clips_alone(row, tmp_path, monkeypatch):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    other = row | {"video": "own/bad-12345678", "path": str(tmp_path / "bad.mp4")}
    frames, left_out = joined(tmp_path, monkeypatch, [other, row])
    assert frames["clip"].unique().tolist() == [f"{VIDEO}/clip_00008_0"] and len(frames) == 4
    assert left_out["item"].tolist() == ["own/bad-12345678"]
    assert frames.dtypes.astype(str).to_dict()["seconds"] == "float64"


def test_two_clips_that_come_to_the_same_frames_are_one(row, tmp_path, monkeypatch):
    rows = [row, row | {"start": 8}, row | {"start": 2}]
    frames, left_out = joined(tmp_path, monkeypatch, rows)
    assert frames["clip"].unique().tolist() == [f"{VIDEO}/clip_00008_0", f"{VIDEO}/clip_00002_0"]
    assert left_out["item"].tolist() == [f"{VIDEO}/clip_00008_0"]
    assert left_out["reason"].tolist() == ["another clip of the video has the same frames; this one is left out"]


def test_clips_are_joined_whatever_the_shards_and_stored(row, tmp_path, monkeypatch):
    real = row | {"video": "original_sequences/youtube/c23/videos/000.mp4", "category": "Real", "label": 0, "start": 1}
    both, nothing = joined(tmp_path, monkeypatch, [real, row])
    assert nothing.empty
    tables = [joined(tmp_path, monkeypatch, [one_])[0] for one_ in (row, real)]
    clips, frames = build([both.iloc[:0], *tables])
    for mine, other in zip((clips, frames), build([both]), strict=True):
        pd.testing.assert_frame_equal(mine, other)
    assert clips["key"].tolist() == [f"{VIDEO}/clip_00008_0", f"{real['video']}/clip_00001_0"]
    last = clips.iloc[1].to_dict()
    assert last["sha256"] == sha256("".join(frames["sha256"][4:]).encode()).hexdigest()
    assert (last["first"], last["frames"], last["track"]) == (1, 4, 0)
    assert (last["fps"], last["seconds_from"], last["seconds_to"]) == pytest.approx((10, 0.1, 0.4))
    listed = items(clips, frames)
    assert json.loads(json.dumps(listed)) == listed
    assert listed[0]["frames"][3] == {"key": frames["key"][3], "sha256": frames["sha256"][3]}
    store(frames, tmp_path / "clips.lmdb", remedy=CUT)
    with FrameStore(tmp_path / "clips.lmdb") as database:
        assert [database.sha256(key) for key in frames["key"]] == frames["sha256"].tolist()
        assert database.image(frames["key"][0]).shape == (26, 26, 3)
    assert Placement.of(frames.iloc[0].to_dict()).size == (26, 26)


def test_no_clip_at_all_names_the_first_reason(row, tmp_path, monkeypatch):
    frames, left_out = joined(tmp_path, monkeypatch, [row], frames=30)
    parquet.write(left_out, tmp_path / "left_out.parquet")
    said = f"the first of 1 reasons in .*left_out.parquet: {VIDEO}: it has 20 frames, a clip of 30 takes 30"
    with pytest.raises(InputError, match=said):
        build([frames], [tmp_path / "left_out.parquet"])
    assert said_of([tmp_path / "left_out.parquet"]).startswith(
        f"1 clip is left out: {VIDEO}: it has 20 frames, a clip of 30 takes 30 ("
    )
    past, masked = row | {"start": 20}, row | {"mask": str(tmp_path / "none.mp4")}
    _, two = joined(tmp_path, monkeypatch, [masked, past, row | {"start": 8}])  # the mask costs no clip
    assert two["item"].tolist()[1:] == [f"{VIDEO} from frame 20 on", f"{VIDEO}/clip_00008_0"]
    parquet.write(two, tmp_path / "two.parquet")
    why = "it has 20 frames, and the clip is to begin with frame 20"
    assert said_of([tmp_path / "two.parquet"]).startswith(
        f"2 clips are left out, the first: {VIDEO} from frame 20 on: {why} ("
    )
    parquet.write(two.iloc[:1], tmp_path / "two.parquet")
    assert said_of([tmp_path / "two.parquet"]) == ""
    (tmp_path / "two.parquet").write_bytes(b"PAR1")
    assert "two.parquet" in said_of([tmp_path / "two.parquet"])
    with pytest.raises(InputError, match="no video gave a clip, for there is none"):
        build([frames])
    twice = joined(tmp_path, monkeypatch, [row])[0]
    with pytest.raises(InputError, match="clip_00008_0 comes twice"):
        build([twice, twice])


def test_spread_frames_of_a_face_that_stays(row, tmp_path):
    still = cut_clip(row, Plan(lambda _: [face_at(40, 30)]), tmp_path, faces=faces(), video=settings(step="spread"))
    assert [frame["frame"] for frame in still.frames] == [2, 7, 12, 17]
    assert np.ptp([frame["x1"] for frame in still.frames]) == 0


def test_a_clip_that_begins_elsewhere_than_asked_is_told(row, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    frames, left_out = joined(tmp_path, monkeypatch, [row | {"start": 18}, row | {"start": 3}, row])
    assert frames["frame"].tolist() == [16, 17, 18, 19, 3, 4, 5, 6, 8, 9, 10, 11] and left_out.empty
    told = [record.message for record in caplog.records if "begins with" in record.message]
    assert told == [f"{VIDEO}: the clip from frame 18 on begins with frame 16, for the video has 20 frames"]
    late = Plan(lambda number: one(number) if number > 4 else [])
    for step, why in ((1, "no face is in all frames of the clip that begins there"), ("spread", "the face isn't seen")):
        for _ in range(2):  # it is told of a clip that was found, too
            moved = cut_clip(row | {"start": 4}, late, tmp_path / "late", faces=faces(), video=settings(step=step))
            assert moved.frames[0]["frame"] == 5 and moved.moved.startswith(why)
