"""What the project itself writes: its store, its lists, its test cases.

Libraries are imported where they are used: each form has processes of its own.
"""

import json
from pathlib import Path

from tests.fuzz.kinds import KEYS, SEEDED, Reader


def shards(folder: Path) -> None:
    import numpy as np

    from advxai.run.store import write_shard

    draw = np.random.default_rng(SEEDED)
    plain = [
        {"key": key, "sha256": "0" * 64, "before": number / 7, "ok": number % 2 == 0, "weights": "a" * 64}
        for number, key in enumerate(KEYS)
    ]
    write_shard(folder / "plain.h5", plain, {"found": 0, "computed": len(plain)})
    maps = [
        {"key": key, "sha256": "0" * 64, "map": draw.random((8, 8)), "ranking": np.arange(number % 5), "weights": "a"}
        for number, key in enumerate(KEYS[:6])
    ]
    write_shard(folder / "maps.h5", maps, {})
    write_shard(folder / "empty.h5", [], {})


def shard_readers(name: str) -> list[Reader]:
    from advxai.run.store import read_attributes, read_shard, read_some
    from advxai.run.store.belong import weights_in

    return [read_shard, read_attributes, lambda path: read_some(path, KEYS[:2]), weights_in]


def journals(folder: Path) -> None:
    import numpy as np

    from advxai.run.store import Journal

    journal = Journal(folder / "a.journal")
    for number, key in enumerate(KEYS[:8]):
        journal.add({"key": key, "sha256": "0" * 64, "map": np.full((4, 4), number, np.float32)})


def journal_readers(name: str) -> list[Reader]:
    from advxai.run.store.journal import read_journal

    return [lambda path: list(read_journal(path))]


def tables(folder: Path) -> None:
    import pandas as pd

    from advxai.common import parquet

    rows = pd.DataFrame(
        {
            "key": KEYS,
            "score": [number / 3 for number in range(len(KEYS))],
            "label": range(len(KEYS)),
            "split": ["train", "test"] * (len(KEYS) // 2),
            "weights": "a" * 64,
        }
    )
    parquet.write(rows, folder / "rows.parquet")
    parquet.write(rows[:0], folder / "empty.parquet")
    for compression in ("gzip", "zstd", "brotli", None):
        rows.to_parquet(folder / f"{compression}.parquet", index=False, compression=compression)


def table_readers(name: str) -> list[Reader]:
    from advxai.common import parquet
    from advxai.run.store.belong import weights_in

    return [parquet.read, weights_in]


def databases(folder: Path) -> None:
    from hashlib import sha256

    import lmdb
    import numpy as np
    import pandas as pd

    from advxai.frames.database import build
    from advxai.media.cut import encode_png

    draw, rows = np.random.default_rng(SEEDED), []
    images = folder.parent / "images"
    images.mkdir()
    for number, key in enumerate(KEYS):
        side = 60 if number < 4 else 6  # the first ones have pages of their own
        data = encode_png(draw.integers(0, 256, (side, side, 3), dtype=np.uint8))
        file = images / f"{number}.png"
        file.write_bytes(data)
        rows.append({"key": key, "file": str(file), "sha256": sha256(data).hexdigest()})
    build(pd.DataFrame(rows), folder / "frames.lmdb")
    with lmdb.open(str(folder / "authors.lmdb"), subdir=False, lock=False) as environment:
        for half in (rows[::2], rows[1::2]):  # in transactions of their own, which leaves pages that are used no more
            with environment.begin(write=True) as transaction:
                for row in half:
                    transaction.put(row["key"].encode(), Path(row["file"]).read_bytes())


def database_readers(name: str) -> list[Reader]:
    from advxai.frames.database import FrameStore

    def ask(key: str) -> Reader:
        def image(path: Path) -> object:
            with FrameStore(path) as store:
                return key in store and store.image(key)

        return image

    return [ask(key) for key in (KEYS[0], KEYS[3], KEYS[4], KEYS[20], KEYS[-1], "a", "z")]


def priors(folder: Path) -> None:
    import numpy as np

    from advxai.saliency.prior import SIDE, Prior, write

    write(Prior(np.random.default_rng(SEEDED).random((SIDE, SIDE), dtype=np.float32), 7), folder / "prior.npz")


def prior_readers(name: str) -> list[Reader]:
    from advxai.saliency.prior import read

    return [read]


def documents(folder: Path) -> None:
    from advxai.answer.sentences import Sentence, write
    from advxai.config import load
    from advxai.config.science import Nes
    from advxai.explain.document import VERSION
    from advxai.explain.earlier import SCHEMA
    from advxai.plan.lengths import Attacks, Lengths
    from advxai.run.digests.stages import attack_params

    explanation = {"schema": SCHEMA, "version": VERSION, "files": ["me.json", "me.npz"], "faces": [{"box": [1, 2, 3]}]}
    (folder / "explanation.json").write_text(json.dumps(explanation, indent=1))
    report = {"name": "one", "pairs": {"test": [["000", "001"]]}, "videos": ["a.mp4"],
              "left_out": [{"stage": "corpus", "item": "a", "reason": "b"}]}  # fmt: skip
    (folder / "clip.json").write_text(json.dumps(report, indent=1))
    (folder / "items.json").write_text(json.dumps([{"key": key, "sha256": "0" * 64, "label": 1} for key in KEYS[:4]]))
    (folder / "metrics.json").write_text(json.dumps({"frame": {"n": 3, "weighted": {"accuracy": 0.5}}}))
    write([Sentence("One is best.", "tables/tests.csv")], folder / "answer.json")
    settings = load({"run": "r", "corpus": {"kind": "ffpp", "root": "r", "splits": "s"}}).evaluation
    attacks = Attacks({name: attack_params(settings)[name] for name in Nes.model_fields}, {0: 1, 7: 3}, 2)
    (folder / "lengths.json").write_text(json.dumps(Lengths("a run", attacks, [attacks] * 3, 18, 12).content))
    (folder / "detector.sha256").write_text(f"{'0' * 64}  detector.safetensors\n")
    (folder / "detector.seen.json").write_text(json.dumps({"status": {"bytes": 3}, "sha256": "0" * 64}))


def document_readers(name: str) -> list[Reader]:
    from advxai.answer import sentences
    from advxai.common.jsonfile import read_object
    from advxai.corpus import tree
    from advxai.corpus.demo import finished
    from advxai.explain.earlier import Earlier
    from advxai.plan import lengths
    from advxai.run.jobs import read_items
    from advxai.run.weights import _remembered, read_hash

    return {
        "explanation.json": [lambda path: Earlier.read(path.parent, path.stem).owned],
        "clip.json": [lambda path: tree.left_out([path.parent]), lambda path: finished(path.parent)],
        "items.json": [read_items],
        "metrics.json": [lambda path: read_object(path, "delete it and run again")],
        "answer.json": [sentences.read],
        "lengths.json": [lambda path: lengths.read(path).attacks[0].mean(50)],
        "detector.sha256": [read_hash],
        "detector.seen.json": [lambda path: _remembered(path.with_name("detector.safetensors"))],
    }[name]


def cases(folder: Path) -> None:
    import shutil

    from advxai.cases.export import export
    from tests.unit.cases.small_run import KEY, run

    paths, sources = run(folder.parent / "run")
    export(paths, KEY, sources, folder.parent / "case")
    for file in (folder.parent / "case").iterdir():
        shutil.move(file, folder)


def case_readers(name: str) -> list[Reader]:
    from advxai.cases.bundle import read

    return [read]
