"""A database made as the authors' tools make it: plain puts, relative paths as keys."""

from hashlib import sha256
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.faces.extract import FACES
from advxai.frames.database import FrameStore
from advxai.frames.imported import from_lmdb
from advxai.frames.manifest import check, read_csv, write_csv
from advxai.frames.sampling import sample_evaluation

FAKE = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
REAL = "original_sequences/c23/videos/000.mp4"
KEYS = [f"{FAKE}/{23 * i:05d}.png" for i in range(12)] + [f"{REAL}/{23 * i:05d}.png" for i in range(3)]


def encoded(seed: int, suffix: str = ".png") -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (20 + seed, 20 + seed, 3), dtype=np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def make(path: Path, images: dict[str, bytes], subdir: bool = False) -> Path:
    with lmdb.open(str(path), map_size=1 << 24, subdir=subdir) as environment:
        for key, data in images.items():
            with environment.begin(write=True) as transaction:
                transaction.put(key.encode("ascii"), data)
    return path


@pytest.fixture
def images() -> dict[str, bytes]:
    return {key: encoded(seed) for seed, key in enumerate(KEYS)}


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "list.csv"
    labels = ["0 0" if key.startswith("original") else "1 3" for key in KEYS]
    lines = [f"{key} {label}" for key, label in zip(KEYS, labels, strict=True)]
    path.write_text("relative_path bin_label mc_label\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("subdir", [False, True])
def test_the_manifest_of_a_database(tmp_path, images, source, subdir):
    path = make(tmp_path / "ff.lmdb", images, subdir)
    manifest = from_lmdb(read_csv(source), path, source)
    assert list(manifest.columns) == list(FACES)
    assert {name: str(kind) for name, kind in manifest.dtypes.items()} == FACES
    assert manifest["key"].tolist() == KEYS
    assert manifest["sha256"].tolist() == [sha256(data).hexdigest() for data in images.values()]
    last = manifest.iloc[-1]
    assert (last["video"], last["category"], last["label"], last["split"], last["frame"]) == (
        REAL, "Real", 0, "test", 46,
    )  # fmt: skip
    assert last[["x1", "y1", "x2", "y2"]].tolist() == [-1] * 4 and np.isnan(last["score"])
    assert (last["file"], last["mask"]) == ("", "")
    check(manifest, {"test": ["Real", "Deepfakes"]})
    write_csv(manifest, tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_bytes() == source.read_bytes()
    assert sample_evaluation(manifest, 10)["key"].tolist() == KEYS[:10]
    with FrameStore(path) as store:
        assert {key: store.bytes(key) for key in KEYS} == images
        expected = cv2.imdecode(np.frombuffer(images[KEYS[2]], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.array_equal(store.image(KEYS[2], manifest["sha256"][2]), expected)


def test_both_names_and_other_formats(tmp_path, images, source):
    """Named with the face's index in the database, and not in the list; a JPEG under a name of a PNG."""
    renamed = {key.replace(".png", "_0.png"): data for key, data in images.items()}
    renamed[KEYS[0].replace(".png", "_0.png")] = encoded(1, ".jpg")
    path = make(tmp_path / "ff.lmdb", renamed)
    manifest = from_lmdb(read_csv(source), path, source)
    assert manifest["key"].tolist() == list(renamed) and manifest["frame"].tolist()[:2] == [0, 23]
    write_csv(manifest, tmp_path / "with_index.csv")
    plain = make(tmp_path / "plain.lmdb", images)
    assert from_lmdb(read_csv(tmp_path / "with_index.csv"), plain, source)["key"].tolist() == KEYS


def test_the_track_is_the_name_s(tmp_path, images, source):
    two = {f"{FAKE}/00000_0.png": encoded(1), f"{FAKE}/00000_1.png": encoded(2)}
    lines = "".join(f"{key} 1 3\n" for key in two)
    source.write_text("relative_path bin_label mc_label\n" + lines)
    manifest = from_lmdb(read_csv(source), make(tmp_path / "ff.lmdb", two), source)
    assert manifest["track"].tolist() == [0, 1] and manifest["key"].tolist() == list(two)


def test_images_that_are_not_in_the_database(tmp_path, images, source):
    del images[KEYS[3]], images[KEYS[14]]
    path = make(tmp_path / "ff.lmdb", images)
    with pytest.raises(InputError) as error:
        from_lmdb(read_csv(source), path, source)
    assert str(error.value) == (
        f"2 of 15 images of {source} are not in {path}, the first is {KEYS[3]}: give the list that belongs to the "
        "database."
    )
    with pytest.raises(InputError, match=r"none\.lmdb can't be read as a database"):
        from_lmdb(read_csv(source), tmp_path / "none.lmdb", source)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty can't be read as a database"):
        from_lmdb(read_csv(source), tmp_path / "empty", source)


def test_an_image_that_can_t_be_decoded(tmp_path, images, source):
    images[KEYS[5]] = images[KEYS[5]][:-200]
    path = make(tmp_path / "ff.lmdb", images)
    with pytest.raises(InputError, match=rf"{KEYS[5]} in the database .*ff\.lmdb is not a readable image .*list\.csv"):
        from_lmdb(read_csv(source), path, source)


def test_a_key_that_no_database_can_hold_is_not_in_it(tmp_path, images):
    store = FrameStore(make(tmp_path / "ff.lmdb", images))
    assert KEYS[0] in store and "x" not in store and "" not in store and "k" * 600 not in store
