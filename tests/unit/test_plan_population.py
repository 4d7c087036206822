"""The images that a run will look at, counted before they are there."""

import json

from advxai import plan
from advxai.frames.sampling import sample_passes
from advxai.run.paths import Paths
from tests.unit.plan_data import demo, ffpp, manifest


def test_official_numbers_stand_in_for_absent_data():
    """1,000 videos of each of five kinds; 510 frames by steps of 23 give 23 faces; 560 test fakes of ten images."""
    found = plan.population(Paths(ffpp(), planning=True))
    assert (found.videos, found.crops, found.stored) == (5000, 115_000, 115_000)
    assert (found.test, found.explained, found.test_videos) == (700 * 23, 5600, 560)
    assert (found.train, found.val) == (5 * 720 * 20, 5 * 140 * 20)
    assert not found.exact and not found.there and found.images is None
    assert "official" in found.source


def test_what_a_training_sees_is_counted_as_it_is_set():
    """Weights: 6 frames of 4 x 720 fakes, 20 of 720 originals, of the first of three faces; 2 of each to validate."""
    hybrid = {"training": {"recipe": "hybrid"}}
    found = plan.population(Paths(ffpp(detector=hybrid, faces={"tracks": 3}), planning=True))
    assert (found.train, found.val) == (720 * (4 * 6 + 20), 5 * 140 * 2)
    found = plan.population(Paths(ffpp(detector={"training": {"val_frames": 3}}, faces={"tracks": 2}), planning=True))
    assert (found.train, found.val) == (2 * 5 * 720 * 20, 2 * 5 * 140 * 3)


def test_frames_a_video_and_further_videos():
    config = ffpp(
        corpus={"also": ["actors", "FaceShifter"], "categories": ["Deepfakes"]}, faces={"frames_per_video": 5}
    )
    found = plan.population(Paths(config, planning=True))
    assert found.videos == 2 * 1000 + 363 + 1000
    assert found.crops == 5 * found.videos
    assert found.test == 5 * (140 + 140 + 363 + 140)
    assert found.explained == 140 * 5  # a video with five faces can't give ten


def test_tracks_are_counted_at_most_as_many_as_may_be_followed(tmp_path):
    """Of 560 fakes with two faces each, ten frames of either; of a list the tracks that it names."""
    found = plan.population(Paths(ffpp(faces={"tracks": 2}), planning=True))
    assert (found.crops, found.test, found.explained) == (2 * 115_000, 2 * 700 * 23, 2 * 5600)
    assert found.frames == {23: 2 * 560} and found.test_videos == 560
    assert found.source.endswith("with 2 faces each")
    name = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/{:05d}_{}.png 1 3"
    lines = [name.format(frame, track) for track, frames in ((0, 12), (1, 3)) for frame in range(frames)]
    listed = tmp_path / "list.csv"
    listed.write_text("relative_path bin_label mc_label\n" + "\n".join(lines) + "\n")
    found = plan.population(Paths(ffpp(frames={"manifest": str(listed)}), planning=True))
    assert (found.explained, found.test_videos, found.frames) == (10 + 3, 1, {12: 1, 3: 1})


def test_split_files_count_and_then_the_videos_that_are_there(tmp_path):
    for split, pairs in {"train": [["000", "001"], ["002", "003"]], "val": [], "test": [["004", "005"]]}.items():
        (tmp_path / f"{split}.json").write_text(json.dumps(pairs))
    config = ffpp(
        corpus={"root": f"{tmp_path}/ff", "splits": str(tmp_path), "categories": ["Deepfakes"]},
        faces={"frames_per_video": 4},
    )
    found = plan.population(Paths(config, planning=True))
    assert (found.videos, found.there, found.explained, found.test) == (12, False, 2 * 4, 4 * 4)
    assert found.train == 4 * 4 + 4 * 4
    for place, names in {
        "original_sequences/youtube": ["000", "001", "004"],
        "manipulated_sequences/Deepfakes": ["000_001", "004_005", "999_998"],
    }.items():
        folder = tmp_path / "ff" / place / "c23/videos"
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.mp4").touch()
    found = plan.population(Paths(config, planning=True))
    assert (found.videos, found.there, found.explained, found.test) == (5, True, 1 * 4, 2 * 4)
    assert found.train == 1 * 4 + 4  # the one fake gives four images, the two originals as many together


def test_a_list_is_sampled_exactly(tmp_path):
    """Of 25 listed frames ten are taken, of 4 all: round(4 / 10) is 0, so the step is 1."""
    video = "manipulated_sequences/{}/c23/videos/{}.mp4/{:05d}.png 1 {}"
    lines = [video.format("Deepfakes", "000_001", frame, 3) for frame in range(25)]
    lines += [video.format("FaceSwap", "000_001", frame, 4) for frame in range(4)]
    lines += [f"original_sequences/youtube/c23/videos/000.mp4/{frame:05d}.png 0 0" for frame in range(6)]
    listed = tmp_path / "list.csv"
    listed.write_text("relative_path bin_label mc_label\n" + "\n".join(lines) + "\n")
    found = plan.population(Paths(ffpp(frames={"manifest": str(listed)}), planning=True))
    assert (found.explained, found.test, found.stored, found.test_videos) == (14, 35, 35, 2)
    assert found.exact and found.videos == 5000  # the faces of all videos are cut out
    lmdb = plan.population(Paths(ffpp(frames={"manifest": str(listed), "lmdb": f"{tmp_path}/db"}), planning=True))
    assert (lmdb.videos, lmdb.crops, lmdb.explained) == (0, 0, 14)


def test_passes_are_counted(tmp_path):
    """The list has videos of 25 and of 4 frames; the demo's have 15 faces at most, FF++'s 23."""
    official = plan.population(Paths(ffpp(frames={"passes": 30}), planning=True))
    assert (official.explained, official.test_videos, official.frames) == (560 * 23, 560, {23: 560})
    assert official.groups == 70
    assert [official.of_frames(most) for most in (1, 2, 23, 24)] == [560, 1120, 12880, 12880]
    name = "manipulated_sequences/Deepfakes/c23/videos/{}.mp4/{:05d}.png 1 3"
    lines = [name.format("000_001", frame) for frame in range(25)] + [name.format("001_000", f) for f in range(4)]
    listed = tmp_path / "list.csv"
    listed.write_text("relative_path bin_label mc_label\n" + "\n".join(lines) + "\n")
    found = plan.population(Paths(ffpp(frames={"manifest": str(listed), "passes": 6}), planning=True))
    assert (found.explained, found.test_videos, found.exact) == (10, 2, True)
    assert found.groups == 1  # two videos swap the same two people
    assert found.frames == {25: 1, 4: 1} and found.of_frames(1) == 2 and found.of_frames(30) == 29
    config = demo(tmp_path, frames={"passes": 2})
    found = plan.population(Paths(config, planning=True))
    assert (found.explained, found.groups) == (8 * 2, 1)
    table = manifest(config)  # of its eight images six are test ones, three in each of two videos
    found = plan.population(Paths(config, planning=True))
    assert (found.explained, found.test_videos, found.frames) == (4, 2, {3: 2})
    explained = {key for key, _ in found.images}
    assert explained == set(sample_passes(table, 2, seed=0)["key"])


def test_a_demo_is_counted_by_its_blocks(tmp_path):
    """Six blocks, each an original and a video a category; 60 frames by steps of 4 are 15 faces."""
    found = plan.population(Paths(demo(tmp_path), planning=True))
    assert (found.videos, found.crops, found.test) == (6 * 5, 30 * 15, 2 * 5 * 15)
    assert (found.test_videos, found.explained) == (8, 24)
    assert (found.train, found.val) == (5 * 4 * 15, 0)
