"""The images to explain, as a configuration says: by the authors' rule or in passes, of all crops or of a list."""

from itertools import pairwise

import pandas as pd
import pytest

from advxai.frames.explained import sampled, to_explain
from advxai.frames.manifest import build, read_csv
from advxai.frames.sampling import sample_evaluation, sample_passes
from tests.unit.plan_data import ffpp

VIDEO = "manipulated_sequences/{}/c23/videos/{}.mp4"
LINES = [
    *(f"{VIDEO.format('Deepfakes', '000_003')}/{23 * place:05d}.png 1 3" for place in range(5)),
    *(f"{VIDEO.format('FaceShifter', '000_003')}/{23 * place:05d}.png 1 -1" for place in range(5)),
    *(f"{VIDEO.format('FaceSwap', '003_000')}/{23 * place:05d}.png 1 4" for place in range(12)),
    *(f"original_sequences/c23/videos/000.mp4/{23 * place:05d}.png 0 0" for place in range(5)),
]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["relative_path bin_label mc_label", *LINES]) + "\n")
    return path


def crops(listed: pd.DataFrame) -> pd.DataFrame:
    """The manifest of a run that looked at every 23rd frame up to 22 * 23 and found a face in each."""
    rows = [row._asdict() | {"frame": 23 * place} for row in listed.drop_duplicates("video").itertuples(index=False)
            for place in range(23)]  # fmt: skip
    table = pd.DataFrame(rows)
    return build([table.assign(key=[f"{row.video}/{row.frame:05d}_0.png" for row in table.itertuples()])], {})


def taken(images: pd.DataFrame) -> dict[str, list[int]]:
    return images.groupby("category")["frame"].apply(lambda frames: [frame // 23 for frame in frames]).to_dict()


def test_one_of_two_rules_takes_them(source):
    """FaceShifter is none of the categories of `ffpp()`: it is never explained."""
    manifest = crops(read_csv(source))
    assert taken(to_explain(manifest, ffpp(frames={"per_video": 2}))) == {"Deepfakes": [0, 12], "FaceSwap": [0, 12]}
    fakes = manifest[manifest["category"].isin(["Deepfakes", "FaceSwap"])].reset_index(drop=True)
    for seed in (0, 7):
        pd.testing.assert_frame_equal(
            to_explain(manifest, ffpp(frames={"passes": 3}, seed=seed)), sample_passes(fakes, 3, seed)
        )


def test_of_a_list_the_rule_counts_the_listed_frames(source):
    """Deepfakes has five of its 23 frames in the list, so the passes are of these five; a lost one moves no other."""
    listed, config = read_csv(source), ffpp(frames={"manifest": str(source), "passes": 3})
    manifest = crops(listed)
    of_the_list = taken(to_explain(manifest, config))
    assert of_the_list == taken(sampled(listed, config)) and set(of_the_list["Deepfakes"]) <= set(range(5))
    assert {len(frames) for frames in of_the_list.values()} == {3}
    first = of_the_list["Deepfakes"][0]
    lost = manifest[(manifest["category"] != "Deepfakes") | (manifest["frame"] != 23 * first)].reset_index(drop=True)
    assert taken(to_explain(lost, config)) == of_the_list | {"Deepfakes": of_the_list["Deepfakes"][1:]}
    by_rule = ffpp(frames={"manifest": str(source), "per_video": 3})
    pd.testing.assert_frame_equal(sampled(listed, by_rule), sample_evaluation(listed[listed["label"] != -1], 3))


def test_more_passes_keep_every_image_of_fewer(source):
    for frames in ({}, {"manifest": str(source)}):
        manifest = crops(read_csv(source))
        keys = [set(to_explain(manifest, ffpp(frames=frames | {"passes": number}))["key"]) for number in range(1, 15)]
        assert all(fewer <= more for fewer, more in pairwise(keys))
        assert [len(one) for one in keys] == [
            min(number, 5 if frames else 23) + min(number, 12 if frames else 23) for number in range(1, 15)
        ]
