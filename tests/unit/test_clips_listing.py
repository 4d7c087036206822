"""Which clips a run explains."""

from itertools import pairwise

import pandas as pd
import pytest

from advxai.clips.listing import listed, spread
from advxai.clips.lists import BY_RULE, own_key, read_list
from advxai.common.categories import LABELS, genuine, manipulated
from advxai.common.errors import InputError
from advxai.config.video import Video
from advxai.statistics.identity import clusters

CATEGORIES = ["Deepfakes", "FaceSwap"]


def video_of(category, name):
    if category == "Real":
        return f"original_sequences/youtube/c23/videos/{name}.mp4"
    return f"manipulated_sequences/{category}/c23/videos/{name}.mp4"


def corpus():
    """Three pairs of people in the split test, another in train; a further category."""
    pairs = {"test": (("000", "001"), ("002", "003"), ("004", "005")), "train": (("006", "007"),)}
    rows = []
    for split, those in pairs.items():
        for a, b in those:
            names = {"Real": (a, b)} | dict.fromkeys((*CATEGORIES, "FaceShifter"), (f"{a}_{b}", f"{b}_{a}"))
            for category, both in names.items():
                for name in both:
                    video = video_of(category, name)
                    row = {"video": video, "path": f"/x/{video}", "category": category, "label": LABELS[category]}
                    rows.append(row | {"split": split, "mask": "" if category == "Real" else f"/m/{name}.mp4"})
    return pd.DataFrame(rows)


def test_without_numbers_it_is_one_clip_of_each_test_video():
    clips, left_out = listed(corpus(), Video(), CATEGORIES, 0)
    videos = corpus()
    wanted = videos[(videos["split"] == "test") & (videos["category"] != "FaceShifter")]
    assert clips["video"].tolist() == wanted["video"].tolist() and len(clips) == 18
    assert set(clips["start"]) == {BY_RULE} and left_out.empty
    assert clips["label"].dtype == "int64" and clips["mask"].tolist() == wanted["mask"].tolist()


def test_fakes_are_spread_over_categories_and_people():
    for seed in range(5):
        clips, _ = listed(corpus(), Video(fakes=6, reals=3), CATEGORIES, seed)
        fakes = clips[clips["category"] != "Real"]
        assert fakes["category"].value_counts().to_dict() == {"Deepfakes": 3, "FaceSwap": 3}
        people = clusters(corpus()["video"])
        assert fakes["video"].map(people).value_counts().tolist() == [2, 2, 2]
        assert clips.loc[clips["category"] == "Real", "video"].map(people).nunique() == 3


def test_a_larger_number_contains_the_smaller_ones_clips_whatever_the_order():
    taken = []
    for number in range(13):
        clips, _ = listed(corpus(), Video(fakes=number, reals=2), CATEGORIES, 3)
        taken.append(set(clips["video"]))
        again, _ = listed(corpus().iloc[::-1], Video(fakes=number, reals=2), CATEGORIES, 3)
        assert set(again["video"]) == taken[-1]
    assert [len(those) for those in taken] == list(range(2, 15))
    assert all(one < other for one, other in pairwise(taken))
    draws = {tuple(sorted(listed(corpus(), Video(fakes=2, reals=0), CATEGORIES, s)[0]["video"])) for s in range(8)}
    assert len(draws) > 1  # the seed says which


def test_categories_that_have_fewer_leave_their_turns_to_others():
    people = {name: name for name in "abcde"}
    assert set(spread({"A": ["a"], "B": ["b", "c", "d", "e"]}, people, 3, 0)) > {"a"}
    assert len(spread({"A": ["a"], "B": ["b", "c", "d", "e"]}, people, 9, 0)) == 5


def test_a_number_that_the_corpus_hasnt_is_told_and_none_at_all_refused():
    clips, left_out = listed(corpus(), Video(fakes=20, reals=0), CATEGORIES, 0)
    assert len(clips) == 12
    reason = "20 are asked for, the corpus has 12 such test videos"
    assert left_out.to_dict("records") == [{"stage": "clips", "item": "video.fakes", "reason": reason}]
    with pytest.raises(InputError, match="they leave no clip"):
        listed(corpus(), Video(fakes=0, reals=0), CATEGORIES, 0)


def asked(tmp_path, *lines):
    path = tmp_path / "clips.csv"
    path.write_text("video,start,category\n" + "".join(f"{line}\n" for line in lines))
    return read_list(path)


def test_the_users_list_is_taken_in_its_order(tmp_path):
    own = tmp_path / "me at home.mp4"
    own.write_bytes(b"")
    short = video_of("Real", "000").replace("youtube/", "")
    lines = f"{video_of('FaceSwap', '000_001')},12,", f"{own},,Real", f"{short},,Real", f"{own},7,Real"
    clips, left_out = listed(corpus(), Video(fakes=1), CATEGORIES, 0, asked(tmp_path, *lines))
    key = own_key(str(own))
    assert clips["video"].tolist() == [video_of("FaceSwap", "000_001"), key, video_of("Real", "000"), key]
    assert clips["start"].tolist() == [12, BY_RULE, BY_RULE, 7] and left_out.empty
    mine = clips.iloc[1].to_dict()
    assert mine == {
        "video": key, "path": str(own), "category": "Real", "label": 0, "split": "test", "mask": "", "start": BY_RULE,
    }  # fmt: skip


def test_a_file_without_a_category_is_neither_fake_nor_real(tmp_path):
    own = tmp_path / "me.mp4"
    own.write_bytes(b"")
    clips, _ = listed(corpus(), Video(), CATEGORIES, 0, asked(tmp_path, f"{own},3,"))
    assert clips.loc[0, ["category", "label", "start"]].tolist() == ["", -1, 3]
    assert not manipulated("") and not genuine("") and manipulated("FaceShifter") and not manipulated("actors")


def test_videos_that_the_detector_learns_from(tmp_path):
    learnt = asked(tmp_path, f"{video_of('Deepfakes', '006_007')},,")
    with pytest.raises(InputError, match="line 2: .*006_007.mp4 is in the split train, from which the detector learns"):
        listed(corpus(), Video(), CATEGORIES, 0, learnt, learns=True)
    assert listed(corpus(), Video(), CATEGORIES, 0, learnt)[0]["split"].tolist() == ["train"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"{video_of('FaceSwap', '000_009')},,"], "line 2: .*000_009.mp4 is no video of the corpus and no file"),
        ([f"{video_of('FaceSwap', '000_001')},,Real"], "line 2: .*000_001.mp4 is FaceSwap, not Real"),
        (
            ["{own},,Forged"],
            "line 2: .*me.mp4 is a file .*Forged: it may be one of Real, Deepfakes, FaceSwap, or empty",
        ),
        (["{own},3,Real", "{folder}/../{name}/me.mp4,3,Real"], "line 3: .* is the video of line 2 too"),
        ([f"{video_of('Real', '000')},,", "original_sequences/c23/videos/000.mp4,,"], "line 3: .* of line 2 too"),
    ],
)
def test_lists_that_are_refused(tmp_path, lines, said):
    (tmp_path / "me.mp4").write_bytes(b"")
    lines = [line.format(own=tmp_path / "me.mp4", folder=tmp_path, name=tmp_path.name) for line in lines]
    with pytest.raises(InputError, match=said) as caught:
        listed(corpus(), Video(), CATEGORIES, 0, asked(tmp_path, *lines))
    assert "clips.csv" in str(caught.value)
