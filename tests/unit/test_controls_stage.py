"""The stage of controls and ceilings: what they go by, whose segments they order, what their records belong to."""

import hashlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.config.controls import CEILINGS, CONTROLS
from advxai.frames import database
from advxai.frames.counterparts import SUFFIX, Counterparts
from advxai.frames.database import FrameStore
from advxai.media.cut import encode_png
from advxai.run.store import complete, read_attributes, read_shard, write_shard
from advxai.saliency.beside import Sources, hosts_of, run
from advxai.saliency.controls import EMPTY_MASK, NO_LANDMARKS, NO_MASK
from advxai.saliency.given import mask_id, named
from advxai.saliency.prior import FACE, SIDE, Prior, ellipses
from tests.golden.pictures import picture
from tests.helpers import SIZE, TWO, explainer_settings, quadrants
from tests.unit.store_data import WEIGHTS

KEYS = [f"manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/0000{number}_0.png" for number in range(3)]
WHY = "000.mp4 isn't there"
LANDMARKS = (FACE * SIZE / SIDE).astype(np.float32)


def stored(path: Path, image: np.ndarray) -> dict[str, str]:
    data = encode_png(image)
    path.write_bytes(data)
    return {"file": str(path), "sha256": hashlib.sha256(data).hexdigest()}


def mask(first: int = 4) -> np.ndarray:
    found = np.zeros((SIZE, SIZE), np.uint8)
    found[first : first + 10, 9:21] = 255
    return found


@pytest.fixture
def made(tmp_path) -> SimpleNamespace:
    """Three images; the first has a mask and a counterpart, the second an empty mask, the third neither."""
    rows = [{"key": key, **stored(tmp_path / f"{n}.png", picture(n))} for n, key in enumerate(KEYS)]
    files = [str(tmp_path / "mask0.png"), str(tmp_path / "mask1.png"), ""]
    stored(tmp_path / "mask0.png", mask())
    stored(tmp_path / "mask1.png", np.zeros((SIZE, SIZE), np.uint8))
    database.build(pd.DataFrame(rows), tmp_path / "frames.lmdb")
    genuine = stored(tmp_path / "genuine.png", picture(50))
    database.build(pd.DataFrame([{"key": KEYS[0] + SUFFIX, **genuine}]), tmp_path / "counterparts.lmdb")
    table = pd.DataFrame({"key": KEYS, "sha256": [genuine["sha256"], "", ""], "reason": ["", WHY, WHY]})
    parquet.write(table, tmp_path / "counterparts.parquet")
    faces = pd.DataFrame(rows).assign(mask="", mask_file=files).set_index("key", drop=False)
    return SimpleNamespace(
        items=[{name: row[name] for name in ("key", "sha256")} for row in rows],
        frames=FrameStore(tmp_path / "frames.lmdb"),
        faces=faces,
        counterparts=Counterparts(tmp_path / "counterparts.parquet", tmp_path / "counterparts.lmdb"),
        table=table,
        folder=tmp_path,
    )


class Network:
    """Finds one face in every picture but the third."""

    def detect(self, image: np.ndarray) -> list[SimpleNamespace]:
        if (image == picture(2)).all():
            return []
        return [SimpleNamespace(box=(0, 0, 9, 9), landmarks=LANDMARKS)]


def hosts(made: SimpleNamespace, **changes: Any) -> dict:
    """An explainer's records as its shard gives them back; of the first image there is no explanation."""
    records = []
    for number, item in enumerate(made.items):
        ranking = np.arange(16 if number else 0, dtype=np.int16)
        fields = {"segments": quadrants(), "ranking": ranking, "missing": "" if number else "no counterpart: x"}
        before = np.array([0.25, 0.75] if number % 2 else [0.75, 0.25], np.float32)
        said = {"target": number % 2, "called_real": number % 2 == 0, "before": before}
        records.append({**item, "map": np.zeros((SIZE, SIZE), np.float32), **fields, **said, "images": 40, **changes})
    write_shard(made.folder / "host.h5", records, {})
    return hosts_of(made.folder / "host.h5", TWO)


def sources(made: SimpleNamespace, method: str, **changes: Any) -> Sources:
    """What the script of a row with this method opens."""
    needs = explainer_settings(method=method).needs
    given = {
        "faces": made.faces if "mask" in needs else None,
        "counterparts": made.counterparts if "counterpart" in needs else None,
        "prior": ellipses() if "prior" in needs else None,
        "network": Network() if "prior" in needs else None,
    }
    return Sources(made.frames, **{**given, **changes})


def given(of: Sources, made: SimpleNamespace) -> list[str]:
    return [item["given"] for item in of.with_given(made.items)]


# -- what there is to go by -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["random", "centre", "edges", "largest"])
def test_what_the_image_alone_orders_belongs_to_the_image_alone(made, method):
    """And sees nothing else of it."""
    of = sources(made, method)
    assert of.with_given(made.items) == made.items
    sight = of.see(made.items[0], quadrants())
    assert (sight.image == picture(0)).all() and sight.key == KEYS[0] and (sight.segments == quadrants()).all()
    assert sight.mask is sight.counterpart is sight.landmarks is sight.prior is None and sight.no_counterpart == ""


def test_what_ceilings_see(made):
    of = sources(made, "oracle_mask")
    first, second, third = (of.see(item, quadrants()) for item in made.items)
    assert (first.mask == mask()).all() and (first.counterpart == picture(50)).all() and first.no_counterpart == ""
    assert not second.mask.any() and second.counterpart is None and second.no_counterpart == WHY
    assert third.mask is None and third.no_counterpart == WHY
    assert sources(made, "oracle_difference").see(made.items[0], quadrants()).mask is None


def test_what_the_face_s_prior_sees(made):
    of = sources(made, "face_prior")
    first, _, third = (of.see(item, quadrants()) for item in made.items)
    assert (first.landmarks == LANDMARKS).all() and third.landmarks is None
    assert first.prior.sha256 == ellipses().sha256 and first.mask is first.counterpart is None


def test_a_name_for_what_a_record_is_made_from(made):
    """By hand: the mask's and the counterpart's hashes, or that there is none and why."""
    genuine = named(made.table["sha256"][0], "")
    none = named("", WHY)
    empty = np.zeros((SIZE, SIZE), np.uint8)
    expected = [named(mask_id(mask()), genuine), named(mask_id(empty), none), named("", none)]
    assert given(sources(made, "oracle_mask"), made) == expected
    assert named("a", "b") == hashlib.sha256(b"a\nb").hexdigest()[:16] and mask_id(None) == ""
    assert given(sources(made, "oracle_difference"), made) == [named(genuine), named(none), named(none)]
    assert given(sources(made, "face_prior"), made) == [named(ellipses().sha256)] * 3


def test_it_changes_with_what_it_names_and_with_nothing_else(made):
    before = given(sources(made, "oracle_mask"), made)
    moved = made.folder / "elsewhere.png"
    stored(moved, mask())
    faces = made.faces.assign(mask_file=[str(moved), *made.faces["mask_file"][1:]])
    assert given(sources(made, "oracle_mask", faces=faces), made) == before  # the same mask in another file
    stored(moved, mask(5))
    other = given(sources(made, "oracle_mask", faces=faces), made)
    assert [one == two for one, two in zip(before, other, strict=True)] == [False, True, True]
    parquet.write(made.table.assign(reason=["", WHY, "it isn't aligned"]), made.folder / "counterparts.parquet")
    again = Counterparts(made.folder / "counterparts.parquet", made.folder / "counterparts.lmdb")
    other = given(sources(made, "oracle_mask", counterparts=again), made)
    assert [one == two for one, two in zip(before, other, strict=True)] == [True, True, False]
    halved = Prior(ellipses().share / 2, 3)
    assert given(sources(made, "face_prior", prior=halved), made) == [named(halved.sha256)] * 3


# -- whose segments ---------------------------------------------------------------------------------------------------
REASONS = {
    "oracle_mask": ["", EMPTY_MASK, NO_MASK],
    "oracle_difference": ["", f"no counterpart: {WHY}", f"no counterpart: {WHY}"],
    "face_prior": ["", "", NO_LANDMARKS],
}


@pytest.mark.parametrize("method", [*CONTROLS, *CEILINGS])
def test_segments_and_what_the_detector_says_are_the_host_s_though_it_explains_nothing(made, method):
    """Of the first image the host has no explanation: the row has its own, and its own reasons where it has none."""
    found = hosts(made)
    assert set(next(iter(found.values()))) == {"key", "sha256", "segments", "target", "called_real", "before"}
    records = list(run(made.items, found, explainer_settings(method=method), 7, sources(made, method).see))
    assert [record["missing"] for record in records] == REASONS.get(method, ["", "", ""])
    assert [(record["target"], record["called_real"]) for record in records] == [(0, True), (1, False), (0, True)]
    for record in records:
        assert (record["segments"] == quadrants()).all() and record["before"][record["target"]] == 0.75
        assert sorted(record["ranking"]) == ([] if record["missing"] else list(range(16)))
        assert bool(record["map"].any()) == (not record["missing"])
        assert [record[name] for name in ("images", "calls", "adversary_images", "adversary_calls")] == [0, 0, 0, 0]
    # all fit into one shard, whatever is missing, and come back as they were
    write_shard(made.folder / "own.h5", records, {})
    for one, back in zip(records, read_shard(made.folder / "own.h5"), strict=True):
        assert set(one) == set(back)
        assert all(np.array_equal(one[name], back[name], equal_nan=name in ("zero", "landmarks")) for name in one)
    if method == "random":
        assert [record["draws"].shape for record in records] == [(5, 16)] * 3
    if method == "face_prior":
        assert (records[0]["landmarks"] == LANDMARKS).all() and np.isnan(records[2]["landmarks"]).all()


def test_a_host_without_the_image_or_with_other_bytes_of_it_is_told(made):
    found = hosts(made)
    order = partial(run, hosts=found, settings=explainer_settings(method="centre"), seed=7)
    see = sources(made, "centre").see
    changed = made.items[0] | {"sha256": "of other bytes"}
    for item in (changed, {"key": "b.png", "sha256": "1"}):
        with pytest.raises(InputError, match=f"same segments lack {item['key']}: run again"):
            list(order([item], see=see))
    assert len(list(order(made.items, see=see))) == 3


def test_beside_a_host_of_the_real_class_a_row_is_of_the_predicted_one(made):
    found = hosts(made, target=0)  # as of `target: real`; the second image is called fake
    assert [record["target"] for record in found.values()] == [0, 1, 0]


def test_a_damaged_host_is_named(made):
    hosts(made)
    (made.folder / "host.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"host\.h5 can't be read as a shard of ours .*run again"):
        hosts_of(made.folder / "host.h5", TWO)


# -- nothing is computed twice, and nothing is taken that is of another mask ------------------------------------------
def computed(made: SimpleNamespace, method: str, of: Sources) -> int:
    """As the script does it; how many images were put in order anew."""
    folder = made.folder / "store" / f"{method}-0123456789ab"

    def compute(missing: list) -> Any:
        return run(missing, hosts(made), explainer_settings(method=method), 7, of.see)

    output = folder / "demo" / "0-of-1.h5"
    complete(output, of.with_given(made.items), compute, folder=folder, title="test", weights=WEIGHTS)
    return int(read_attributes(output)["computed"])


@pytest.mark.parametrize(("method", "anew"), [("oracle_mask", 1), ("oracle_difference", 0), ("random", 0)])
def test_another_mask_puts_its_image_in_order_anew_where_it_is_gone_by(made, method, anew):
    assert computed(made, method, sources(made, method)) == 3 and computed(made, method, sources(made, method)) == 0
    stored(Path(made.faces["mask_file"].iloc[0]), mask(12))
    assert computed(made, method, sources(made, method)) == anew
    stored(Path(made.faces["mask_file"].iloc[0]), mask())
    assert computed(made, method, sources(made, method)) == 0  # as it was
