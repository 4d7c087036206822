"""A list of the authors' form: there and back byte by byte, and the choice of exactly its images."""

import gzip
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from advxai.common.errors import InputError
from advxai.common.header import header
from advxai.frames.listed import other_splits, require_unlearnt, select
from advxai.frames.manifest import build, category_of, check, known, read_csv, write_csv
from advxai.frames.sampling import sample_evaluation

AUTHORS = Path(__file__).parents[3] / "shared" / "data" / "adv_xai_ff_test.csv"
LABELS = {"Deepfakes": 3, "Face2Face": 2, "FaceSwap": 4, "NeuralTextures": 1}
HEADER = "relative_path bin_label mc_label\n"


def synthetic() -> str:
    """A list of the authors' kind: four manipulations of 12 videos with 3 to 91 frames, every 23rd, and originals."""
    lines = []
    for category, label in LABELS.items():
        for number in range(12):
            video = f"manipulated_sequences/{category}/c23/videos/{number:03d}_{number + 500}.mp4"
            lines += [f"{video}/{23 * i:05d}.png 1 {label}" for i in range(3 + 8 * number)]
    for number in range(12):
        lines += [f"original_sequences/c23/videos/{number:03d}.mp4/{23 * i:05d}.png 0 0" for i in range(20)]
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(synthetic())
    return path


def ours(listed: pd.DataFrame) -> pd.DataFrame:
    """The manifest of a run of ours that found a face in every listed frame: our names, our layout, sorted."""
    keys = listed["key"].str.replace("original_sequences/c23", "original_sequences/youtube/c23")
    keys = keys.str.replace(".png", "_0.png")
    return build([listed.assign(key=keys, video=keys.str.rpartition("/")[0])], {})


def test_a_list_comes_back_byte_by_byte(source, tmp_path):
    write_csv(read_csv(source), tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_bytes() == source.read_bytes()


def test_the_sample_of_a_list(source):
    sample = sample_evaluation(read_csv(source), 10)
    assert sample["category"].unique().tolist() == list(LABELS)
    per_video = sample.groupby("video", sort=False)["frame"].apply(lambda frames: [f // 23 for f in frames])
    assert per_video.map(len).tolist() == [3] + [10] * 11 + [3] + [10] * 11 + [3] + [10] * 11 + [3] + [10] * 11
    assert per_video.iloc[1] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]  # 11 listed: step 1
    assert per_video.iloc[2] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]  # 19: step 2
    assert per_video.iloc[4] == [0, 1, 4, 8, 12, 16, 20, 24, 28, 32]  # 35: step 4, nine and a neighbour
    assert per_video.iloc[11] == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81]  # 91: step 9


@pytest.mark.skipif(not AUTHORS.exists(), reason="the authors' list is not beside the checkout")
def test_the_authors_list_comes_back_and_its_sample_is_theirs_in_our_names(tmp_path):
    listed = read_csv(AUTHORS)
    write_csv(listed, tmp_path / "back.csv")
    assert len(listed) == 13838 and (tmp_path / "back.csv").read_bytes() == AUTHORS.read_bytes()
    manifest = ours(listed)
    chosen, left_out = select(manifest, listed, AUTHORS)
    assert left_out.empty and chosen.equals(manifest)  # their list is sorted as ours
    images, _ = select(manifest, sample_evaluation(listed, 10), AUTHORS)
    as_listed = images["key"].str.replace("_0.png", ".png")
    assert sha256("\n".join(as_listed).encode()).hexdigest() == (
        "c75ba68deb2805a6988f579722b16cb2241d56b0d89dedfaadbdc1de91a0d362"
    )


def test_exactly_the_listed_images(source):
    listed = read_csv(source)
    manifest = ours(listed)
    more = manifest.iloc[:1].assign(key=manifest["video"][0] + "/99999_0.png", frame=99999)
    chosen, left_out = select(pd.concat([more, manifest], ignore_index=True), listed, source)
    assert left_out.empty and list(left_out.columns) == ["stage", "item", "reason"]
    assert chosen.equals(manifest)
    backwards = listed.iloc[::-1].reset_index(drop=True)
    chosen, _ = select(manifest, backwards, source)
    assert chosen["key"].tolist() == manifest["key"].tolist()[::-1]  # the list's order


def test_the_list_s_split_counts(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(synthetic())
    listed = read_csv(path).iloc[:4]
    manifest = ours(listed).assign(split="val", file="crop.png")
    chosen, _ = select(manifest, listed.assign(split=["train", "test", "val", "test"]), path)
    assert chosen["split"].tolist() == ["train", "test", "val", "test"] and set(chosen["file"]) == {"crop.png"}
    assert list(chosen.columns) == list(manifest.columns)


def test_images_without_a_crop_are_left_out_and_move_no_other(source):
    """Frame 46 of a video gave no crop: the sample is the list's without it, not another one."""
    listed = read_csv(source)
    video = "manipulated_sequences/FaceSwap/c23/videos/001_501.mp4"
    manifest = ours(listed)
    lost = f"{video}/00046_0.png"
    manifest = manifest[manifest["key"] != lost].reset_index(drop=True)
    chosen, left_out = select(manifest, listed, source)
    assert len(chosen) == len(listed) - 1 and lost not in set(chosen["key"])
    assert left_out.to_dict("records") == [
        {
            "stage": "frames",
            "item": f"{video}/00046.png",
            "reason": f"listed in {source}, but frame 46 gave no face crop: faces.stride must divide 23, or the "
            "frame's or video's own reason is in this table",
        }
    ]
    images, _ = select(manifest, sample_evaluation(listed, 10), source)
    assert images.loc[images["video"] == video, "frame"].tolist() == [23 * i for i in (0, 1, 3, 4, 5, 6, 7, 8, 9)]
    resampled = sample_evaluation(chosen, 10)
    assert resampled.loc[resampled["video"] == video, "frame"].iloc[-1] == 23 * 10


def test_a_second_face_is_another_image(tmp_path):
    video = "manipulated_sequences/FaceSwap/c23/videos/001_501.mp4"
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}{video}/00000_1.png 1 4\n{video}/00000_0.png 1 4\n")
    listed = read_csv(path)
    chosen, left_out = select(ours(listed.iloc[1:].assign(key=f"{video}/00000.png")), listed, path)
    assert chosen["key"].tolist() == [f"{video}/00000_0.png"]
    assert left_out["item"].tolist() == [f"{video}/00000_1.png"]
    assert (  # no stride to name
        "but frame 0 gave no face crop of track 1: faces.tracks must be above 1, or the frame's or"
        in left_out["reason"][0]
    )
    both = build([listed.assign(key=[f"{video}/00000_1.png", f"{video}/00000_0.png"])], {}).iloc[::-1]
    again, left_out = select(both, listed.assign(key=[f"{video}/0_01.png", f"{video}/0_00.png"]), path)
    assert again["key"].tolist() == both["key"].tolist() and left_out.empty


def test_lists_that_can_t_be_used(source, tmp_path):
    listed = read_csv(source)
    manifest = ours(listed)
    without = manifest[manifest["category"] != "Face2Face"].reset_index(drop=True)
    with pytest.raises(InputError, match=r"none of the 564 images of Face2Face in .*list\.csv was cut out"):
        select(without, listed, source)
    again = listed.iloc[[0]].assign(key=listed["key"][0].replace(".png", "_0.png"))
    with pytest.raises(InputError, match=r"list\.csv names .*/00000_0\.png twice"):
        select(manifest, pd.concat([listed, again], ignore_index=True), source)


def test_what_a_detector_may_learn_from_beside_a_test_list(source):
    listed = read_csv(source)
    test = ours(listed)
    prefix = "manipulated_sequences/Deepfakes/c23/videos"
    learn = test.iloc[:3].assign(video=f"{prefix}/900_901.mp4", split=["train", "val", "test"])
    leak = test[test["category"] == "Real"].assign(split="train")  # videos that the list names
    rest = other_splits(pd.concat([learn, leak, test]), listed)
    assert rest["video"].tolist() == [f"{prefix}/900_901.mp4"] * 2 and rest["split"].tolist() == ["train", "val"]


def test_a_list_of_test_images_may_not_name_what_a_detector_learns_from(source):
    """Else what is trained on would depend on the list, or images would be explained that were learnt."""
    listed = read_csv(source)
    videos = ours(listed)[["video", "split"]]
    require_unlearnt(videos, listed, source)
    real = videos["video"].str.contains("original_sequences")
    learnt = videos[real]["video"].unique()
    assert len(learnt) > 2
    for split in ("train", "val"):
        moved = videos.assign(split=videos["split"].where(videos["video"] != learnt[1], split))
        with pytest.raises(InputError) as error:
            require_unlearnt(moved, listed, source)
        assert str(error.value) == (
            f"{source}: {learnt[1]} is in the split {split}, from which the detector learns, and can't be explained "
            "as a test video: take it out of the list, give the list a column of splits, or set detector.checkpoint."
        )
    with pytest.raises(InputError, match=rf" \(and {len(learnt) - 1} more\) is in the split train"):
        require_unlearnt(videos.assign(split=videos["split"].where(~real, "train")), listed, source)


FURTHER = {
    "manipulated_sequences/FaceShifter/c23/videos/000_003.mp4": ("FaceShifter", -1, 1),
    "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4": (
        "DeepFakeDetection", -1, 1,
    ),
    "original_sequences/actors/c23/videos/01__exit_phone_room.mp4": ("actors", 0, 0),
    "original_sequences/youtube/c23/videos/000.mp4": ("Real", 0, 0),
}  # fmt: skip


def test_further_videos_are_in_the_manifest_but_not_known(tmp_path):
    rows = [
        {"key": f"{video}/00000_0.png", "video": video, "category": category, "label": label, "split": "test",
         "frame": 0}
        for video, (category, label, _) in FURTHER.items()
    ]  # fmt: skip
    manifest = build([pd.DataFrame(rows)], {"test": ["Real", "FaceShifter"]})
    assert len(manifest) == 4 and {video: category_of(video) for video in FURTHER} == {
        video: category for video, (category, _, _) in FURTHER.items()
    }
    write_csv(manifest, tmp_path / "list.csv")
    lines = (tmp_path / "list.csv").read_text().splitlines()[1:]
    assert sorted(lines) == sorted(f"{v}/00000_0.png {fake} {label}" for v, (_, label, fake) in FURTHER.items())
    assert read_csv(tmp_path / "list.csv").equals(manifest)
    left = known(manifest, ["Deepfakes"])
    assert left["category"].tolist() == ["Real"] and left.index.tolist() == [0]
    assert len(known(manifest, ["FaceShifter", "actors"])) == 3
    with pytest.raises(InputError, match=r"category actors has label -1: .*-1 FaceShifter, .* 0 actors"):
        check(manifest.assign(label=-1).query("category == 'actors'"), {})


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (f"{HEADER}x", HEADER.split()),
        ('"relative_path" "bin_label" "mc_label" "split"\n', [*HEADER.split(), "split"]),  # as R writes it
        ("\n\nrelative_path bin_label mc_label split\n", [*HEADER.split(), "split"]),
        ("\ufeffrelative_path bin_label mc_label split\n", [*HEADER.split(), "split"]),
        ("", []),
    ],
)
def test_planning_reads_the_header_as_the_list_s_reader_does(tmp_path, text, columns):
    """Else a list with splits would be taken for one without, and train a detector under the others' digest."""
    path = tmp_path / "list.csv"
    path.write_text(text)
    assert header(path) == columns
    if len(columns) == 4:
        path.write_text(f"{text}manipulated_sequences/FaceSwap/c23/videos/001_501.mp4/00000.png 1 4 val\n")
        assert read_csv(path)["split"].tolist() == ["val"]


@pytest.mark.parametrize("content", ["latin", "packed", "folder"])
def test_what_is_no_text_is_one_sentence(tmp_path, content):
    path = tmp_path / "list.csv.gz"
    if content == "folder":
        path.mkdir()
    else:
        path.write_bytes(gzip.compress(HEADER.encode()) if content == "packed" else "relätive".encode("latin-1"))
    for read in (header, read_csv):
        with pytest.raises(InputError, match=r"list\.csv\.gz (is no text in UTF-8|can't be read as a list of images)"):
            read(path)
