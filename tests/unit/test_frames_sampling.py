"""The authors' sampling rule, training's balance and the shards."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.positions import equidistant
from advxai.common.randomness import seed_of
from advxai.config.training import Training
from advxai.frames.manifest import read_csv
from advxai.frames.sampling import (
    balanced,
    for_training,
    pass_positions,
    sample_evaluation,
    sample_passes,
    sample_positions,
    sample_video,
    share_out,
)
from advxai.run.shards import shard_of

AUTHORS = Path(__file__).parents[3] / "shared" / "data" / "adv_xai_ff_test.csv"


def manifest(*videos):
    """Rows of (video, category, split, number of frames)."""
    return pd.DataFrame(
        [
            {"key": f"{video}/{frame:05d}", "video": video, "category": category, "split": split, "frame": frame}
            for video, category, split, frames in videos
            for frame in range(frames)
        ]
    )


@pytest.mark.parametrize(
    ("listed", "count", "positions"),
    [
        (5, 10, [0, 1, 2, 3, 4]),  # fewer than asked: all
        (14, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),  # 1.4 -> 1
        (15, 10, [0, 1, 2, 3, 4, 6, 8, 10, 12, 14]),  # 1.5 -> 2: eight, and the neighbours of 0 and 2
        (16, 10, [0, 1, 2, 3, 4, 6, 8, 10, 12, 14]),
        (25, 10, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),  # 2.5 -> 2, halves to even
        (35, 10, [0, 1, 4, 8, 12, 16, 20, 24, 28, 32]),  # 3.5 -> 4: nine, and the neighbour of 0
        (6, 4, [0, 1, 2, 4]),
        (7, 4, [0, 2, 4, 6]),
        (3, 1, [0]),
        (0, 10, []),
    ],
)
def test_the_authors_rule(listed, count, positions):
    assert sample_positions(listed, count) == positions


def test_the_rule_always_gives_as_many_as_there_are():
    for count in range(1, 14):
        for listed in range(1, 120):
            positions = sample_positions(listed, count)
            assert len(set(positions)) == len(positions) == min(listed, count)
            assert max(positions) < listed


def test_sample_video_takes_rows_by_position():
    rows = manifest(("a", "FaceSwap", "test", 6)).set_index(np.arange(50, 56))
    assert sample_video(rows, 4)["frame"].tolist() == [0, 1, 2, 4]


def test_the_evaluation_takes_test_fakes_in_the_order_of_the_list():
    rows = manifest(
        ("d1", "Deepfakes", "test", 6), ("d2", "Deepfakes", "train", 6), ("f1", "FaceSwap", "test", 7),
        ("r1", "Real", "test", 6), ("d0", "Deepfakes", "test", 2),
    )  # fmt: skip
    sample = sample_evaluation(rows, 4)
    assert list(zip(sample["video"], sample["frame"], strict=True)) == [
        ("d1", 0), ("d1", 1), ("d1", 2), ("d1", 4), ("f1", 0), ("f1", 2), ("f1", 4), ("f1", 6), ("d0", 0), ("d0", 1)
    ]  # fmt: skip
    assert sample.index.tolist() == list(range(10))
    assert sample_evaluation(rows[rows["category"] == "Real"], 4).empty


@pytest.mark.parametrize(
    ("listed", "start", "positions"),
    [
        (8, 0.0, [0, 4, 2, 6, 1, 5, 3, 7]),  # 0, 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8
        (4, 0.5, [2, 0, 3, 1]),  # 1/2, 1, 3/4, 5/4 of the circle
        (3, 0.0, [0, 1, 2]),  # 0, 1.5, .75 (taken already), 2.25
        (5, 0.9, [4, 2, 0, 3, 1]),  # 4.5, 2, .75, 3.25, then .125 and 2.625 (both taken), 1.375
        (23, 0.0, [0, 11, 5, 17, 2, 14, 8, 20, 1, 12, 7, 18, 4, 15, 10, 21, 6, 3, 9, 13, 19, 16, 22]),
        (1, 0.7, [0]),
        (0, 0.7, []),
    ],
)
def test_passes_halve_what_is_left_of_a_video(listed, start, positions):
    place = int(start * 2**63)
    for passes in range(1, listed + 3):  # a short video gives what it has
        assert pass_positions(listed, passes, place) == positions[:passes]


def test_every_frame_comes_once_and_the_first_passes_are_spread():
    for listed in range(1, 130):
        start = listed * 2**63 // 131 + 12345
        positions = pass_positions(listed, listed, start)
        assert sorted(positions) == list(range(listed))
        for parts in (2, 4, 8):
            gaps = np.diff(sorted(positions[:parts]), append=min(positions[:parts]) + listed)
            if parts <= listed:  # equal parts, to a frame
                assert listed // parts - 1 <= gaps.min() and gaps.max() <= -(-listed // parts) + 1


def test_each_frame_is_as_likely_as_any_other_to_be_first():
    rows = manifest(*((f"v{number}", "FaceSwap", "test", 4) for number in range(1000)))
    counts = sample_passes(rows, 1, seed=0)["frame"].value_counts()
    assert counts.sum() == 1000 and counts.between(200, 300).all()  # 250; the standard deviation is 14


def test_passes_are_seeded_by_the_run_and_the_video_alone():
    videos = [("d1", "Deepfakes", "test", 9), ("f1", "FaceSwap", "test", 13), ("d0", "Deepfakes", "test", 2)]
    rows = manifest(("r1", "Real", "test", 6), *videos, ("d2", "Deepfakes", "train", 6))
    taken = {passes: sample_passes(rows, passes, seed=5) for passes in range(1, 15)}
    assert [len(taken[passes]) for passes in (1, 2, 3, 9, 14)] == [3, 6, 8, 9 + 9 + 2, 24]
    for passes in range(1, 14):  # nested, and in the manifest's order
        assert set(taken[passes]["key"]) <= set(taken[passes + 1]["key"])
        assert taken[passes]["video"].drop_duplicates().tolist() == ["d1", "f1", "d0"]
        assert taken[passes].groupby("video")["frame"].apply(lambda frames: frames.is_monotonic_increasing).all()
    # the start is the first 63 bits of SHA-256 of seed, "passes" and the video's name
    for video, _, _, frames in videos:
        start = int(sha256(f"5\x1fpasses\x1f{video}".encode()).hexdigest()[:16], 16) // 2 / 2**63
        assert taken[1].set_index("video")["frame"][video] == int(start * frames)
    # other videos, another order and a copy of the rows change nothing; another seed does
    alone = sample_passes(manifest(videos[1]), 3, seed=5)["key"].tolist()
    assert alone == taken[3].loc[taken[3]["video"] == "f1", "key"].tolist()
    others = [sample_passes(manifest(*reversed(videos)), 3, seed)["key"].tolist() for seed in range(5)]
    assert sorted(sample_passes(manifest(*reversed(videos)), 3, 5)["key"]) == sorted(taken[3]["key"])
    assert len({tuple(keys) for keys in others}) == 5
    assert sample_passes(rows[rows["category"] == "Real"], 2, 5).empty


def two_faces(category: str = "Deepfakes", split: str = "test"):
    """Track 0 in six frames, track 1 in the first two of these and in three later ones, as sorted keys have them."""
    seen = [*((frame, 0) for frame in range(6)), *((frame, 1) for frame in (0, 1, 7, 8, 9))]
    rows = [
        {"key": f"v/{frame:05d}_{track}", "video": "v", "category": category, "split": split, "frame": frame}
        | {"track": track}
        for frame, track in sorted(seen)
    ]
    return pd.DataFrame(rows)


def test_each_track_of_a_video_is_sampled_for_itself():
    """Of all eleven images in a row the rule would take 0, 1 and 2 of track 0 alone, say."""
    sample = sample_evaluation(two_faces(), 2)
    assert sample["key"].tolist() == ["v/00000_0", "v/00000_1", "v/00003_0", "v/00007_1"]
    passes = sample_passes(two_faces(), 2, seed=3)
    assert passes.groupby("track")["key"].count().to_dict() == {0: 2, 1: 2}
    # the first track's frames are those of a video without another face
    alone = sample_passes(manifest(("v", "Deepfakes", "test", 6)), 2, seed=3)
    assert passes.loc[passes["track"] == 0, "frame"].tolist() == alone["frame"].tolist()
    starts = [seed_of(seed, "passes", "v", 1) * 5 >> 63 for seed in range(9)]
    first = [sample_passes(two_faces(), 1, seed).query("track == 1")["frame"].item() for seed in range(9)]
    assert first == [[0, 1, 7, 8, 9][start] for start in starts]


def test_a_detector_learns_from_each_track_of_a_video():
    rows = pd.concat([two_faces(split="train"), manifest(("r1", "Real", "train", 20)).assign(track=0)])
    sample = balanced(rows, "train", 2, seed=0)
    assert sample["category"].value_counts().to_dict() == {"Deepfakes": 4, "Real": 4}
    assert sample.query("video == 'v'")["key"].tolist() == ["v/00001_0", "v/00001_1", "v/00004_0", "v/00008_1"]


@pytest.mark.skipif(not AUTHORS.exists(), reason="the authors' list is not beside the checkout")
def test_the_authors_list_gives_the_reference_images():
    sample = sample_evaluation(read_csv(AUTHORS), 10)
    counts = {"Deepfakes": 1280, "FaceSwap": 1270, "Face2Face": 1260, "NeuralTextures": 1260}
    assert sample["category"].value_counts().to_dict() == counts and len(sample) == 5070
    assert sample["key"].iloc[0] == "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4/00000.png"
    assert sample["key"].iloc[-1] == "manipulated_sequences/NeuralTextures/c23/videos/995_233.mp4/00414.png"
    digest = sha256("\n".join(sample["key"]).encode()).hexdigest()
    assert digest == "c75ba68deb2805a6988f579722b16cb2241d56b0d89dedfaadbdc1de91a0d362"


def test_equidistant_frames_are_middles_of_equal_parts():
    assert equidistant(10, 4).tolist() == [1, 3, 6, 8]  # 1.25, 3.75, 6.25, 8.75
    assert equidistant(7, 5).tolist() == [0, 2, 3, 4, 6]  # .7, 2.1, 3.5, 4.9, 6.3
    assert equidistant(500, 5).tolist() == [50, 150, 250, 350, 450]
    assert equidistant(20, 8).tolist() == [1, 3, 6, 8, 11, 13, 16, 18]
    assert equidistant(5, 5).tolist() == [0, 1, 2, 3, 4]
    assert equidistant(9, 1).tolist() == [4]
    assert equidistant(9, 0).tolist() == []


def test_share_out_is_as_even_as_can_be():
    generator = np.random.default_rng(0)
    assert share_out(10, np.array([2, 9, 9]), generator).tolist() == [2, 4, 4]
    assert share_out(99, np.array([2, 9, 9]), generator).tolist() == [2, 9, 9]
    assert share_out(0, np.array([2, 9]), generator).tolist() == [0, 0]
    shares = {tuple(share_out(7, np.array([10, 10, 10]), np.random.default_rng(seed))) for seed in range(20)}
    assert shares == {(2, 2, 3), (2, 3, 2), (3, 2, 2)}


def balance_rows():
    return manifest(
        ("d1", "Deepfakes", "train", 6), ("d2", "Deepfakes", "train", 3), ("f1", "FaceSwap", "train", 10),
        ("f2", "FaceSwap", "train", 10), ("r1", "Real", "train", 20), ("r2", "Real", "val", 20),
    )  # fmt: skip


def test_balanced_gives_real_videos_more_frames_where_there_are_fewer():
    sample = balanced(balance_rows(), "train", 4, seed=0)
    # FaceSwap gives 4 + 4 and sets the number; Deepfakes has 4 + 3; the one real video gives 8
    assert sample["category"].value_counts().to_dict() == {"Deepfakes": 7, "FaceSwap": 8, "Real": 8}
    frames = sample.groupby("video")["frame"].apply(list).to_dict()
    assert frames["r1"] == [1, 3, 6, 8, 11, 13, 16, 18]
    assert frames["d2"] == [0, 1, 2] and frames["f1"] == [1, 3, 6, 8]
    assert sample["key"].is_monotonic_increasing


def test_balanced_gives_real_videos_fewer_frames_where_there_are_more():
    rows = manifest(("d1", "Deepfakes", "train", 9), *((f"r{i}", "Real", "train", 9) for i in range(5)))
    sample = balanced(rows, "train", 3, seed=1)
    assert sample["category"].value_counts().to_dict() == {"Deepfakes": 3, "Real": 3}
    assert sample["key"].is_unique
    assert sample.equals(balanced(rows, "train", 3, seed=1))
    assert any(not sample.equals(balanced(rows, "train", 3, seed=seed)) for seed in range(2, 9))


def test_balanced_gives_as_many_real_images_as_the_only_class_of_fakes_has():
    """Two manipulations of one class: 7 + 8; the one real video gives 15 of its 20 frames."""
    classes = Classes.named(["Fake", "Real"])
    sample = balanced(balance_rows(), "train", 4, seed=0, classes=classes)
    assert sample["category"].value_counts().to_dict() == {"Real": 15, "FaceSwap": 8, "Deepfakes": 7}
    three = Classes.named(["Real", "Deepfakes", "FaceSwap"])
    assert balanced(balance_rows(), "train", 4, 0, three).equals(balanced(balance_rows(), "train", 4, 0))


def test_balanced_names_an_empty_split():
    with pytest.raises(InputError, match="split test has no face image"):
        balanced(balance_rows(), "test", 4, seed=0)


def test_with_weights_each_video_gives_its_own_number_of_frames():
    rows = manifest(
        ("d1", "Deepfakes", "train", 6), ("d2", "Deepfakes", "train", 2), ("f1", "FaceSwap", "train", 10),
        ("r1", "Real", "train", 9), ("r2", "Real", "train", 4), ("d3", "Deepfakes", "val", 8), ("r3", "Real", "val", 8),
    )  # fmt: skip
    training = Training(balance="weights", frames_per_video=3, frames_per_real=5)
    sample = for_training(rows, "train", training, seed=0)
    frames = sample.groupby("video")["frame"].apply(list).to_dict()
    assert frames == {"d1": [1, 3, 5], "d2": [0, 1], "f1": [1, 5, 8], "r1": [0, 2, 4, 6, 8], "r2": [0, 1, 2, 3]}
    assert sample["key"].tolist() == [key for key in rows["key"] if key in set(sample["key"])]
    assert for_training(rows, "val", training, seed=0).groupby("video")["frame"].count().to_dict() == {"d3": 3, "r3": 5}
    few = training.model_copy(update={"val_frames": 2})
    assert for_training(rows, "val", few, seed=0)["key"].tolist() == ["d3/00002", "d3/00006", "r3/00002", "r3/00006"]
    assert for_training(rows, "train", few, seed=0).equals(sample)
    assert for_training(rows, "test", training, seed=0).empty
    alike = for_training(rows, "train", Training(balance="weights", frames_per_video=3), seed=0)
    assert alike.groupby("video")["frame"].count().to_dict() == {"d1": 3, "d2": 2, "f1": 3, "r1": 3, "r2": 3}


def test_by_default_a_training_s_images_are_the_balanced_ones():
    rows = pd.concat([balance_rows(), manifest(("f9", "FaceSwap", "val", 9))]).reset_index(drop=True)
    for split in ("train", "val"):
        training = Training(frames_per_video=4)
        assert for_training(rows, split, training, seed=5).equals(balanced(rows, split, 4, seed=5))
    assert for_training(rows, "val", Training(val_frames=3), 5)["category"].value_counts().to_dict() == {
        "FaceSwap": 3, "Real": 3,
    }  # fmt: skip


def test_a_training_on_first_tracks_sees_no_other_face():
    """Of a video whose first face has no number 0 it is the lowest that there is."""
    rows = pd.concat(
        [two_faces(split="train"), manifest(("r1", "Real", "train", 20)).assign(track=1, frame=7)]
    ).reset_index(drop=True)
    sample = for_training(rows, "train", Training(frames_per_video=2, tracks="first"), seed=0)
    assert sample.query("video == 'v'")["key"].tolist() == ["v/00001_0", "v/00004_0"]
    assert sample["category"].value_counts().to_dict() == {"Deepfakes": 2, "Real": 2}
    without = manifest(("v", "Deepfakes", "train", 6), ("r1", "Real", "train", 20))
    assert len(for_training(without, "train", Training(frames_per_video=2, tracks="first"), seed=0)) == 4


def test_a_shard_is_a_hash_of_the_videos_name():
    # sha256 of "abc" begins with ba7816bf8f01cfea (FIPS 180-2)
    assert [shard_of("abc", shards) for shards in (1, 16, 256)] == [0, 0xA, 0xEA]
    counts = np.bincount([shard_of(f"{i:03d}_{i + 1:03d}.mp4", 4) for i in range(400)])
    assert counts.min() > 70
