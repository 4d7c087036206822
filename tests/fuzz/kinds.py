"""The forms of files that are fuzzed: how valid ones are made, and which of the project's readers reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Reader = Callable[[Path], object]
SEEDED = 0  # of the valid files: they are the same in every run
KEYS = [f"original_sequences/youtube/c23/videos/{number:03d}.mp4/00000_0.png" for number in range(40)]


@dataclass(frozen=True)
class Kind:
    """A form of file.

    Attributes:
        make: writes valid files into a folder.
        readers: each must take the file, or refuse it; by the file's name where a form has several.
        folder: what is read is the folder, in which one file is damaged.
        strategy: instead of `make`: hypothesis's strategy for the bytes of files, by the file's name.
        all_read: all that `make` writes must be read; else some may be refused.
        named: a message must name the file; of a configuration it names the key.
    """

    readers: Callable[[str], list[Reader]]
    make: Callable[[Path], None] | None = None
    folder: bool = False
    strategy: Callable[[], dict[str, Any]] | None = None
    all_read: bool = True
    named: bool = True


def kinds() -> dict[str, Kind]:
    """Every form by its name."""
    from tests.fuzz import media, store, texts, weights

    return texts.KINDS | {
        "shards": Kind(store.shard_readers, store.shards),
        "journals": Kind(store.journal_readers, store.journals),
        "parquet": Kind(store.table_readers, store.tables),
        "lmdb": Kind(store.database_readers, store.databases),
        "priors": Kind(store.prior_readers, store.priors),
        "safetensors": Kind(weights.safetensors_readers, weights.safetensors),
        "pickles": Kind(weights.checkpoint_readers, weights.pickles),
        "keras": Kind(weights.checkpoint_readers, weights.keras),
        "onnx": Kind(weights.graph_readers, weights.graphs),
        "graphs": Kind(weights.stored_graph_readers, weights.stored_graphs),
        "json": Kind(store.document_readers, store.documents),
        "cases": Kind(store.case_readers, store.cases, folder=True),
        "crops": Kind(media.tree_readers, media.crops, folder=True),
        "pictures": Kind(media.picture_readers, media.pictures, all_read=False),
        "videos": Kind(media.video_readers, media.videos, all_read=False),
    }
