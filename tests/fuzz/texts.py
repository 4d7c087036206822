"""Text that people write: what hypothesis thinks of, around what is valid."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from tests.fuzz.kinds import KEYS, Kind, Reader

ROOT = Path(__file__).parents[2]
CONFIGURATIONS = ("config.yaml", "config/ffpp.yaml")


def _values() -> Any:
    """Any value of JSON or YAML, awkward ones among them."""
    from hypothesis import strategies as st

    plain = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
        st.sampled_from([0, -1, 2**63, 1e308, "", " ", "a/b", "../x", "\0", "null", "LIME", "real", "5", "e\u0301"]),
    )  # fmt: skip
    return st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10) | st.integers(), inner, max_size=4)
        ),
        max_leaves=8,
    )


def _places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there are values in a mapping."""
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(place for name, value in parts for place in _places(value, (*path, name)))]


def _put(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[place[0]] = _put(copy[place[0]], place[1:], value)
    return copy


def configurations() -> dict[str, Any]:
    import yaml
    from hypothesis import strategies as st

    wholes = [yaml.safe_load((ROOT / name).read_text()) for name in CONFIGURATIONS]
    changed = st.one_of(
        *(
            st.builds(
                lambda places, values, extra, whole=whole: _several(whole, places, values) | extra,
                st.lists(st.sampled_from(_places(whole)[1:]), min_size=1, max_size=3),
                st.lists(_values(), min_size=3, max_size=3),
                st.just({}) | st.dictionaries(st.text(max_size=8), _values(), max_size=1),
            )
            for whole in wholes
        )
    )
    dumped = changed.map(lambda content: yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass"))
    text = st.sampled_from([(ROOT / name).read_text() for name in CONFIGURATIONS])
    edited = st.builds(_edited, text, st.integers(0, 10_000), st.text(max_size=12), st.integers(0, 12))
    return {"config.yaml": st.one_of(dumped, edited, st.binary(max_size=60), st.text(max_size=60).map(_encoded))}


def _several(whole: Any, places: list[tuple[Any, ...]], values: list[Any]) -> Any:
    for place, value in zip(places, values, strict=False):
        try:
            whole = _put(whole, place, value)
        except (KeyError, IndexError, TypeError):  # within a value that has just been exchanged
            continue
    return whole


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _edited(text: str, place: int, new: str, dropped: int) -> bytes:
    place %= len(text)
    return _encoded(text[:place] + new + text[place + dropped :])


def configuration_readers(name: str) -> list[Reader]:
    from advxai.config import load
    from advxai.config.file import read
    from advxai.run.paths import Paths

    def configured(path: Path) -> object:
        return Paths(load(read(path)), planning=True).classes

    return [configured]


def _cells() -> Any:
    from hypothesis import strategies as st

    return st.one_of(
        st.sampled_from([*KEYS[:6], "0", "1", "5", "test", "train", "", '"', "nan", "-0", "1.0", "9" * 25, "a\0b"]),
        st.integers().map(str),
        st.text(max_size=8),
    )


def _lines(header: str, row: list[str], separator: str) -> Any:
    """A list with a header, whose rows are right but for some cells."""
    from hypothesis import strategies as st

    def joined(first: str, rows: list[tuple[int, int, str]], end: str, mark: bytes) -> bytes:
        lines = []
        for number, (column, times, cell) in enumerate(rows):
            cells = [part.format(number=number) for part in row]
            if times:
                cells[column % len(cells)] = cell
            lines.append(separator.join(cells * max(times, 1)))
        return mark + _encoded(end.join([first, *lines]) + end)

    return st.builds(
        joined,
        st.just(header) | st.text(max_size=40),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 0, 1, 1, 2]), _cells()), max_size=6),
        st.sampled_from(["\n", "\n", "\r\n", "\r"]),
        st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff"]),
    )


def manifests() -> dict[str, Any]:
    from hypothesis import strategies as st

    row = ["original_sequences/youtube/c23/videos/{number:03d}.mp4/00000_0.png", "0", "0"]
    listed = st.one_of(
        _lines("relative_path bin_label mc_label", row, " "),
        _lines("relative_path bin_label mc_label split", [*row, "test"], " "),
        st.binary(max_size=60),
    )
    return {"list.csv": listed}


def manifest_readers(name: str) -> list[Reader]:
    from advxai.common.header import header
    from advxai.frames.manifest import read_csv

    return [header, read_csv]


def lists() -> dict[str, Any]:
    from hypothesis import strategies as st

    pairs = st.lists(
        st.lists(st.sampled_from(["000", "001", "002", "003"]) | _values(), max_size=3) | _values(), max_size=4
    )
    splits = (pairs | _values()).map(lambda content: _encoded(json.dumps(content)))
    columns = ["c0_path", "split", "label", "manipulation"]
    rows = st.lists(st.lists(_cells() | st.sampled_from(["REAL", "FAKE", "Deepfakes", "val", "a/003.mp4"]), max_size=5))
    metadata = st.builds(_csv, st.just(columns) | st.permutations(columns) | st.lists(_cells(), max_size=5), rows)
    return {
        "train.json": st.one_of(splits, st.binary(max_size=40), st.just(b"[" * 100_000)),
        "dataset_info.csv": st.one_of(
            metadata, _lines(",".join(columns), ["a/{number:03d}.mp4", "val", "REAL", ""], ","), st.binary(max_size=60)
        ),
    }


def _csv(header: list[str], rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return _encoded(text.getvalue())


def list_readers(name: str) -> list[Reader]:
    from advxai.corpus.ffpp import read_splits

    def splits(path: Path) -> object:
        for other in ("val", "test"):
            path.with_name(f"{other}.json").write_text("[]")
        return read_splits(path.parent)

    return [splits if name == "train.json" else read_splits]


def samples() -> dict[str, Any]:
    from hypothesis import strategies as st

    columns = "video_name,label,video_prob,high_low_prob,example_file_name"
    row = ["a/test_set/Deepfakes/{number:03d}_001", "1.0", "0.5", "0.25", "Deepfakes_{number:03d}_001_7_0.png"]
    listed = st.one_of(
        _lines(columns, row, ","),
        _lines("test_set/Original/000/0_0.png", ["FaceSwap_{number:03d}_001_7_0.png", "1"], " "),
        _lines("relative_path bin_label mc_label", [KEYS[0].replace("000.mp4", "{number:03d}.mp4"), "0", "0"], " "),
        st.binary(max_size=60),
        st.text(max_size=60).map(_encoded),
    )
    return {"samples.csv": listed}


def sample_readers(name: str) -> list[Reader]:
    from advxai.samples.images import in_folder
    from advxai.samples.lists import read

    return [read, lambda path: in_folder(read(path), path.parent, "c23", path)]


def clips() -> dict[str, Any]:
    from hypothesis import strategies as st

    listed = st.one_of(
        _lines("video,start,category", [KEYS[0].rpartition("/")[0].replace("000", "{number:03d}"), "7", "Real"], ","),
        _lines("category;video", ["Real", "{number:03d}.mp4"], ";"),
        st.binary(max_size=60),
        st.text(max_size=60).map(_encoded),
    )
    return {"clips.csv": listed}


def clip_readers(name: str) -> list[Reader]:
    import pandas as pd

    from advxai.clips.listing import COLUMNS, listed
    from advxai.clips.lists import read_list
    from advxai.config.video import Video

    videos = [key.rpartition("/")[0] for key in KEYS]
    common = {"path": "", "category": "Real", "label": 0, "split": "test", "mask": "", "start": 0}
    corpus = pd.DataFrame([common | {"video": video, "path": video} for video in videos], columns=list(COLUMNS))
    return [read_list, lambda path: listed(corpus, Video(), ["Deepfakes"], 0, read_list(path))]


KINDS = {
    "configurations": Kind(configuration_readers, strategy=configurations, named=False),
    "manifests": Kind(manifest_readers, strategy=manifests),
    "samples": Kind(sample_readers, strategy=samples, all_read=False),
    "clips": Kind(clip_readers, strategy=clips, all_read=False),
    "lists": Kind(list_readers, strategy=lists),
}
