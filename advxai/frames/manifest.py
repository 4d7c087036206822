"""The manifest: one row a face image, and its exchange with the authors' space-separated list."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.categories import FURTHER, LABELS, MANIPULATIONS, REAL, category_of
from advxai.common.errors import InputError, in_line, reading
from advxai.common.files import publish
from advxai.common.header import NAME, columns_of
from advxai.config.data import SPLITS


def build(
    faces: Iterable[pd.DataFrame], required: Mapping[str, Iterable[str]], left_out: Sequence[Path] = ()
) -> pd.DataFrame:
    """Join the shards' faces to one manifest, sorted by key, so that it does not depend on the shards.

    Args:
        faces: tables of faces, with at least key, video, category, label and split.
        required: categories that must have an image, by split, for example {"test": ["Real", "Deepfakes"]}.
        left_out: tables of what gave no face, with its reasons, to be read if nothing gave one.

    Raises:
        InputError: a key comes twice, a label contradicts its category, or a required category has no image.
    """
    # an empty table's columns have no type of their own to add
    tables = [table if "track" in table else table.assign(track=0) for table in faces if len(table)]
    if not tables:
        raise InputError(none_gave("a face image", left_out, "read in corpus/left_out.parquet what was left out"))
    manifest = pd.concat(tables).sort_values("key", kind="stable", ignore_index=True)
    check(manifest, required)
    return manifest


def none_gave(what: str, left_out: Sequence[Path], without: str) -> str:
    """That no video gave any of what is wanted, and the first reason.

    Args:
        what: that, with its article.
        left_out: tables of what gave none.
        without: what is said where no table has a reason.
    """
    for path in left_out:
        table = parquet.read(path)
        if len(table):
            first = table.iloc[0]
            why = first["reason"].rstrip(".")
            return f"no video gave {what}; the first of {len(table)} reasons in {path}: {first['item']}: {why}."
    return f"no video gave {what}, for there is none: {without}."


def check(manifest: pd.DataFrame, required: Mapping[str, Iterable[str]]) -> None:
    """Refuse a manifest that no run can use.

    Args:
        manifest: with key, category, label and split.
        required: as in `build`.

    Raises:
        InputError: a key comes twice, a label contradicts its category, or a required category has no image.
    """
    twice = manifest.loc[manifest["key"].duplicated(), "key"]
    if len(twice):
        raise InputError(f"{twice.iloc[0]} comes twice in the manifest: give every video a path of its own.")
    for category, label in manifest[["category", "label"]].drop_duplicates().itertuples(index=False):
        if LABELS.get(category) != label:
            raise InputError(f"category {category} has label {label}: the labels are {_legend()}.")
    present = set(manifest[["split", "category"]].drop_duplicates().itertuples(index=False, name=None))
    for split, categories in required.items():
        for category in categories:
            if (split, category) not in present:
                raise InputError(
                    f"category {category} has no face image in split {split}: add a video of it, or take it out of "
                    "corpus.categories (and, where a detector is trained, out of detector.classes); the tables of what "
                    "was left out (left_out.parquet of corpus, faces and frames) give the reasons."
                )


def known(manifest: pd.DataFrame, categories: Collection[str]) -> pd.DataFrame:
    """The rows whose category is Real or one of `categories`; the index starts anew.

    Training, metrics and explanations use these alone: the manifest may hold further videos of FF++, for which the
    detector has no class, or which are genuine but none of the test set.
    """
    return manifest[manifest["category"].isin([REAL, *categories])].reset_index(drop=True)


def write_csv(manifest: pd.DataFrame, path: Path, split: bool = False) -> None:
    """Write the authors' space-separated list: relative_path bin_label mc_label, and `split` as a fourth on request.

    bin_label is 0 for real and 1 for fake, mc_label the class index of the paper's five (-1: a manipulation that is
    none of them), whatever classes the run's own detector has.
    """
    table = pd.DataFrame(
        {
            "relative_path": manifest["key"],
            "bin_label": (manifest["label"] != LABELS[REAL]).astype(int),
            "mc_label": manifest["label"],
        }
    )
    if split:
        table["split"] = manifest["split"]
    publish(Path(path), partial(table.to_csv, sep=" ", index=False, lineterminator="\n"))


def read_csv(path: Path, split: str = "test") -> pd.DataFrame:
    """Read a list of the authors' form; crops may be named 00023.png or 00023_0.png.

    Args:
        path: the list, with its header.
        split: split of every row when the list has no fourth column (the authors' own list is their test set).

    Returns:
        Columns key, video, category, label, split, frame and track (0 where the name has none), in the order of the
        list.

    Raises:
        InputError: no such file, a wrong header, a path that isn't a crop's or comes twice, labels that contradict the
            path, or an unknown split.
    """
    given = columns_of(path)
    with reading(path, "correct the path or file.", "a list of images"):
        table = pd.read_csv(path, sep=" ", dtype={"relative_path": "str", "split": "str"}, compression=None)
    columns = list(table.columns)
    if columns != given:  # pandas renames those that come twice
        raise InputError(f"{path} begins with {in_line(' '.join(columns))}: it must be {' '.join(given)}.")
    if table.isna().any(axis=None):
        line = int(table.isna().any(axis=1).to_numpy().argmax()) + 2
        raise InputError(f"{path}, line {line} has too few values: it needs {' '.join(columns)}.")
    parts = table["relative_path"].str.extract(f"^{NAME.pattern}$")
    categories = table["relative_path"].map(category_of)
    labels = categories.map(LABELS)
    fake = (labels != LABELS[REAL]).astype(int)
    wrong = parts["video"].isna() | (labels != table["mc_label"]) | (fake != table["bin_label"])
    legend = f"bin_label is 0 for real and 1 for fake, mc_label is {_legend()}"
    _refuse(path, table, wrong, f"is not an FF++ crop with its labels: {legend}")
    _refuse(path, table, table["relative_path"].duplicated(), "comes twice: list every image once")
    splits = table["split"] if "split" in table else pd.Series(split, index=table.index)
    _refuse(path, table, ~splits.isin(SPLITS), f"has an unknown split: the splits are {', '.join(SPLITS)}")
    return pd.DataFrame(
        {
            "key": table["relative_path"],
            "video": parts["video"],
            "category": categories,
            "label": table["mc_label"].astype("int64"),
            "split": splits,
            "frame": parts["frame"].astype("int64"),
            "track": parts["track"].fillna("0").astype("int64"),
        }
    )


def _refuse(path: Path, table: pd.DataFrame, wrong: pd.Series, why: str) -> None:
    """Name the first wrong line of a list, if there is one."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        shown = in_line(" ".join(map(str, table.iloc[row])))
        raise InputError(f"{path}, line {row + 2}: {shown} {why}.")


def _legend() -> str:
    further = ", ".join(f"{label} {name}" for name, label in FURTHER.items())
    return ", ".join(f"{index} {name}" for index, name in enumerate((REAL, *MANIPULATIONS))) + f", {further}"
