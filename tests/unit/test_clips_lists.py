"""The user's list of clips, and what is looked at before clips are cut."""

import json
import os
from types import SimpleNamespace

import pytest

from advxai.beforehand.clips import require_clips
from advxai.clips.lists import BY_RULE, Asked, files_of, own_key, read_list
from advxai.common.errors import InputError
from advxai.config import load

LEARNT = "manipulated_sequences/Deepfakes/c23/videos/008_009.mp4"
FAKE = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"


def listed(tmp_path, content):
    path = tmp_path / "clips.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "video,start,category\na.mp4,5,Real\nb c.mp4,,\n",
        "\ufeffvideo,start,category\r\n\r\na.mp4,5,Real\r\n\r\nb c.mp4,,\r\n",
        'Category;"Video";start\nReal;"a.mp4";5\n\n;b c.mp4;\n',
        "start\tvideo\tcategory\r5\ta.mp4\tReal\r\t b c.mp4 \t",
    ],
)
def test_a_list_in_whatever_form(tmp_path, content):
    clips = read_list(listed(tmp_path, content)).clips
    assert [(one.video, one.start, one.category) for one in clips] == [("a.mp4", 5, "Real"), ("b c.mp4", BY_RULE, "")]


def test_the_video_alone_is_enough(tmp_path):
    assert read_list(listed(tmp_path, 'video\n"a,b.mp4"\n')).clips == [Asked(2, "a,b.mp4")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "lists no clip"),
        ("video,start\n", "lists no clip"),
        ("path,start\na.mp4,1\n", "has the header path,start: it may have video, start, category"),
        ("video,fps\na.mp4,1\n", "has an unknown column fps"),
        ("video,start,start\na.mp4,1,1\n", "has 2 columns start"),
        ("video,start\na.mp4\n", "line 2 has 1 values: it needs 2"),
        ("video,start\n\na.mp4,1,2\n", "line 3 has 3 values: it needs 2"),
        ("video,start\n,1\n", "line 2 names no video"),
        ("video,start\na.mp4,x\n", "line 2: start x must be the number of a frame"),
        ("video,start\na.mp4,-1\n", "line 2: start -1 must be"),
        ("video,start\na.mp4,1.5\n", "line 2: start 1.5 must be"),
        ("video,start\na.mp4,1\n\nb.mp4,1\na.mp4,01\n", r"line 5: a.mp4 from frame 1 on is in line 2 too"),
        ("video\na.mp4\na.mp4\n", r"line 3: a.mp4 is in line 2 too"),
        (b"video\n\xff.mp4\n", "no text in UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as caught:
        read_list(listed(tmp_path, content))
    assert str(tmp_path / "clips.csv") in str(caught.value)


def test_a_list_that_isnt_there(tmp_path):
    with pytest.raises(InputError, match=r"none.csv can't be read as a list of clips"):
        read_list(tmp_path / "none.csv")


def test_the_key_of_a_file_of_ones_own_is_safe_and_its_own():
    key = own_key("some where/my clip #1: ü.mp4")
    assert key.startswith("own/my_clip_1_-") and len(key) == len("own/my_clip_1_-") + 8
    assert own_key("./a.mp4") == own_key("a.mp4") != own_key("b/a.mp4")


def test_a_file_that_was_exchanged_is_noticed(tmp_path):
    own = tmp_path / "me.mp4"
    own.write_bytes(b"12345")
    os.utime(own, ns=(0, 7))
    source = listed(tmp_path, f"video,start\n{FAKE},\n{own},\n{own},3\n{tmp_path}/none.mp4,\n")
    assert files_of(source) == [[str(own), 5, 7]]
    own.write_bytes(b"54321")  # as long, under the same name
    assert files_of(source)[0][1:] != [5, 7]
    assert files_of(tmp_path / "none.csv") == []


def paths_of(tmp_path, corpus=None, frames=None, **video):
    demo = {"kind": "demo", "clips": [{"name": "a", "first_id": 0, "source": {"path": "x"}, "splits": {"test": 2}}]}
    rows = {"Row": {"method": "lime", "baseline": "zeros"}}
    raw = {"run": "test", "corpus": corpus or demo, "explainers": rows, "video": video, "frames": frames or {}}
    return SimpleNamespace(config=load(raw))


def ffpp(tmp_path):
    for name in (FAKE, LEARNT, FAKE.replace("c23", "c40")):
        video = tmp_path / "ffpp" / name
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(b"")
    for split, pairs in {"train": [["008", "009"]], "val": [], "test": [["000", "003"]]}.items():
        (tmp_path / f"{split}.json").write_text(json.dumps(pairs))
    return {"kind": "ffpp", "root": str(tmp_path / "ffpp"), "splits": str(tmp_path)}


def test_before_clips_are_cut(tmp_path):
    own = tmp_path / "me.mp4"
    own.write_bytes(b"")
    assert require_clips(paths_of(tmp_path)) == []
    demo = str(listed(tmp_path, f"video\n{FAKE.replace('000_003', '001_000')}\n{own}\n"))
    assert require_clips(paths_of(tmp_path, list=demo)) == []  # the demo's videos may not be made yet
    with pytest.raises(InputError, match="none of the corpus's 2 Deepfakes videos, such as .*000_001.mp4"):
        require_clips(paths_of(tmp_path, list=str(listed(tmp_path, f"video\n{FAKE}\n"))))
    good = str(listed(tmp_path, f"video,category\n{FAKE},\n{own},Real\n"))
    corpus = ffpp(tmp_path)
    assert require_clips(paths_of(tmp_path, corpus, list=good)) == []
    note = "video.fakes and video.reals count for nothing beside video.list."
    assert require_clips(paths_of(tmp_path, corpus, list=good, fakes=2, reals=1)) == [note]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"video\n{FAKE.replace('003', '004')}\n", r"line 2: .*000_004.mp4 is no file in corpus.root"),
        ("video\nnowhere.mp4\n", "line 2: nowhere.mp4 is no FF\\+\\+ relative path and no file"),
        ("video,category\n{own},Other\n", "with the category Other: it may be one of Real, .*Deepfakes, .*or empty"),
        (f"video,category\n{FAKE},Real\n", "line 2: .*000_003.mp4 is Deepfakes, not Real"),
        (
            "video\nmanipulated_sequences/FaceShifter/c23/videos/000_003.mp4\n",
            "is of FaceShifter, which the corpus hasn't",
        ),
        (f"video\n{FAKE.replace('c23', 'c40')}\n", "c40.*is none of the corpus's 2 Deepfakes videos, such as .*c23"),
        (f"video\n{LEARNT}\n", "008_009.mp4 is of a split from which the detector learns"),
    ],
)
def test_a_list_that_names_what_isnt_there(tmp_path, content, said):
    own = tmp_path / "me.mp4"
    own.write_bytes(b"")
    source = str(listed(tmp_path, content.format(own=own)))
    with pytest.raises(InputError, match=said):
        require_clips(paths_of(tmp_path, ffpp(tmp_path), list=source))


def test_clips_need_videos_and_a_number(tmp_path):
    with pytest.raises(InputError, match="video.list: nowhere.csv is no file"):
        require_clips(paths_of(tmp_path, list="nowhere.csv"))
    with pytest.raises(InputError, match="video.fakes, video.reals: are both 0"):
        require_clips(paths_of(tmp_path, fakes=0, reals=0))
    crops = paths_of(tmp_path, {"kind": "ffpp"}, {"crops": str(tmp_path)})
    with pytest.raises(InputError, match="frames.crops: its images are single frames"):
        require_clips(crops)
