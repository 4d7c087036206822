"""Clusters of videos that show the same people."""

import json
from pathlib import Path

import pytest

from advxai.statistics import clusters
from advxai.statistics.identity import identities

SPLIT = Path(__file__).parents[3] / "shared" / "data" / "splits" / "test.json"
FAKE = "manipulated_sequences/{}/c23/videos/{}.mp4"
REAL = "original_sequences/youtube/c23/videos/{}.mp4"
DFD = "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__outside_talking_still_laughing__YVGY8LOK.mp4"
ACTOR = "original_sequences/actors/c23/videos/01__exit_phone_room.mp4"


@pytest.mark.parametrize(
    ("video", "people"),
    [
        (FAKE.format("Deepfakes", "033_097"), ("youtube 033", "youtube 097")),
        ("manipulated_sequences/FaceShifter/raw/videos/033_097", ("youtube 033", "youtube 097")),
        (REAL.format("033"), ("youtube 033",)),
        ("original_sequences/c40/videos/033.avi", ("youtube 033",)),
        (DFD, ("actors 01", "actors 02")),
        (ACTOR, ("actors 01",)),
        ("manipulated_sequences/Deepfakes/c23/videos/a_b.mp4", ()),
        ("manipulated_sequences/Deepfakes/c23/videos/033_097_1.mp4", ()),
        ("manipulated_sequences/DeepFakeDetection/c23/videos/033_097.mp4", ()),
        ("", ()),
    ],
)
def test_the_people_of_a_video(video, people):
    assert identities(video) == people


def test_a_fake_links_its_target_and_its_source():
    found = clusters(
        [
            FAKE.format("Deepfakes", "033_097"),
            FAKE.format("FaceSwap", "097_033"),
            REAL.format("033"),
            REAL.format("097"),
            REAL.format("500"),
            FAKE.format("Face2Face", "097_200"),  # links 200 to both
            FAKE.format("Face2Face", "010_011"),
        ]
    )
    assert list(found.values()) == ["youtube 033"] * 4 + ["youtube 500", "youtube 033", "youtube 010"]


def test_without_the_fake_between_them_people_are_apart():
    assert list(clusters([REAL.format("033"), REAL.format("097")]).values()) == ["youtube 033", "youtube 097"]


def test_actors_are_others_than_youtube_s():
    found = clusters([DFD, ACTOR, REAL.format("01"), "original_sequences/actors/c23/videos/03__kitchen_pan.mp4"])
    assert list(found.values()) == ["actors 01", "actors 01", "youtube 01", "actors 03"]


def test_a_video_that_names_nobody_is_its_own_cluster():
    mine = ["original_sequences/youtube/c23/videos/anna.mp4", "original_sequences/youtube/c23/videos/ben.mp4"]
    assert clusters(mine) == {mine[0]: mine[0], mine[1]: mine[1]}
    assert clusters([]) == {}


def test_neither_order_nor_repetition_matters():
    videos = [FAKE.format("Deepfakes", name) for name in ("003_002", "001_002", "005_004", "009_001")]
    found = clusters(videos)
    assert set(found.values()) == {"youtube 001", "youtube 004"}
    assert clusters(reversed(videos)) == found == clusters(videos * 2)


@pytest.mark.skipif(not SPLIT.exists(), reason="FF++'s official splits aren't there")
def test_the_official_test_split_has_70_clusters():
    pairs = json.loads(SPLIT.read_text())
    fakes = [FAKE.format("Deepfakes", f"{x}_{y}") for a, b in pairs for x, y in ((a, b), (b, a))]
    real = [REAL.format(part) for pair in pairs for part in pair]
    found = clusters([*fakes, *real])
    assert (len(fakes), len(real), len(set(found.values()))) == (140, 140, 70)
    assert set(clusters(fakes).values()) == set(found.values())
