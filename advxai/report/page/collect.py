"""From a run's files to the gallery's images, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.rows import row_at
from advxai.common.types import Record
from advxai.frames.database import FrameStore
from advxai.media.fit import unit_of
from advxai.report.page.gallery import Image, in_step, rows_by_image
from advxai.report.panels import adversarial, mask_seen, seen_by
from advxai.run.paths import Paths
from advxai.run.store import stream_shard

FIELDS = ("key", "map", "segments", "scores", "ranking", "zero", "missing", "before", "backwards")
COPIED = ("key", "steps", "after", "success", "iterations", "queries")


def images(paths: Paths, rows: pd.DataFrame, manifest: Path, detector: Path) -> Iterator[Image]:
    """Every explained image, shard by shard; only a few are in memory.

    Args:
        paths: of the run, whose shards are there.
        rows: evaluation rows, at least of all explainers; controls and ceilings aren't shown.
        manifest: the run's table of faces.
        detector: the detector's file.
    """
    names = list(paths.config.of_kind("explainer"))
    faces = parquet.read(manifest).set_index("key", drop=False)
    by_image = rows_by_image(rows)
    size, distortion = seen_by(detector, paths.config.adversary)
    resize = paths.config.detector.resizing
    with FrameStore(paths.lmdb) as frames:
        maps = zip(*(paths.maps_of(name) for name in names), strict=True)
        for number, (shard, files) in enumerate(zip(paths.shards, maps, strict=True)):
            streams: dict[str | None, Iterator[Record]] = {
                name: stream_shard(file, FIELDS) for name, file in zip(names, files, strict=True)
            }
            if paths.copies:
                streams[None] = stream_shard(paths.copies[number], COPIED)
            for records in in_step(streams, shard):
                copy = records.get(None)
                key = records[names[0]]["key"]
                face = row_at(faces, key)
                crop = frames.image(key)
                picture = unit_of(crop, size, resize)
                yield Image(
                    face=face,
                    picture=picture,
                    mask=mask_seen(face, crop, size, resize.fit),
                    adversary=None if copy is None else (copy, adversarial(picture, copy["steps"], distortion)),
                    saliency={name: records[name] for name in names},
                    rows={name: by_image[key][name] for name in names},
                )
