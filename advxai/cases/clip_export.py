"""A clip's test case, made from what a run has left of it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from advxai import cases
from advxai.cases.export import HOLDS, attacks_of, content_of, find, record_of, rows_of, there
from advxai.common import parquet
from advxai.common.arrays import Pixels
from advxai.common.files import file_sha256, published_folder
from advxai.common.rows import row_at
from advxai.common.rows import rows as listed
from advxai.common.types import Record
from advxai.detector import checkpoint
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import REBUILD, FrameStore
from advxai.media.cut import decode_png, encode_png
from advxai.media.fit import unit_of
from advxai.run.paths import Paths
from advxai.run.store import require_weights, write_shard
from advxai.saliency.ranking import missing_of
from advxai.video.drawing import MapOverTime, face_of
from advxai.video.films import Settings
from advxai.video.sheet import sheet

OWN = HOLDS | {
    cases.CASE: "this file: the clip and its frames, the configuration, what each stage was made from, versions",
    cases.SHEET: "for eyes only: the clip's frames side by side, and each row's map over them",
    cases.FRAMES: "where the frames lie in their video: number, time and box of the face",
    cases.ROWS: "the clip's rows of the segment attacks, one for each row and k",
    cases.METRICS: "what is measured of each explanation, one row a number; or the reason why there is none",
    cases.SCORES: "what the detector says of the clip and its frames, and the clip's segments in space and time",
    cases.ADVERSARY: "the adversarial copy's record: step maps of the frames, probabilities before and after, cost",
}
HELD = {
    cases.PICTURES: "a frame, byte for byte as the run has read it",
    cases.MASKS: "its true mask: white where it is manipulated",
    cases.COUNTERPARTS: "the original's frame, cut out by the box of the frame",
}
HOLDS_SALIENCY = "the record of {}: maps of the frames, scores and ranking of the segments, cost"
HOLDS_MEASURES = "what is measured of {}: values, restored area and the clip's p after each step"
ELSEWHERE = ["file", "mask", "mask_file"]  # columns with paths of the run's machine


@dataclass(frozen=True)
class ClipSources:
    """The files of a run that hold the clip's part.

    Attributes:
        clips, manifest: tables of the run's clips and of their frames.
        frames: the clips' LMDB.
        detector: safetensors file.
        scores: shard of what the detector says of clips.
        adversary: shard of adversarial copies; None: no row needs them.
        saliency, attacks, measures: row -> shard of its maps, segment attacks, measures.
        rows, metrics: row -> its tables of attacks and measures. Of attacks and rows none, if none are made.
        counterparts: table and database of the frames' counterparts.
    """

    clips: Path
    manifest: Path
    frames: Path
    detector: Path
    scores: Path
    adversary: Path | None
    saliency: Mapping[str, Path]
    attacks: Mapping[str, Path]
    rows: Mapping[str, Path]
    measures: Mapping[str, Path]
    metrics: Mapping[str, Path]
    counterparts: tuple[Path, Path]

    @property
    def shards(self) -> list[Path]:
        """All that hold the hash of the detector's weights."""
        by_row = (self.saliency, self.attacks, self.rows, self.measures, self.metrics)
        own = [self.scores, *([self.adversary] if self.adversary else [])]
        return [*own, *(path for files in by_row for path in files.values())]


def export(paths: Paths, key: str, sources: ClipSources, folder: Path) -> None:
    """Publish the test case of one clip; a former one is replaced.

    Args:
        paths: of the run's configuration.
        key: the clip's key in the table of clips.
        sources: finished files of the run, those of the clip's shard.
        folder: appears only when it is complete.

    Raises:
        InputError: the run has no such clip, or a file is damaged, lacks it or is of other weights than the detector's.
    """
    settings = paths.config
    item = find(sources.clips, key, settings.run, "clips")
    frames = parquet.read(sources.manifest)
    frames = frames[frames["clip"] == key].sort_values("place")
    weights = file_sha256(sources.detector)
    require_weights(sources.shards, weights)
    copy = None if sources.adversary is None else record_of(sources.adversary, item)
    records = {
        cases.SCORES: record_of(sources.scores, item),
        **({} if copy is None else {cases.ADVERSARY: copy}),
        **{cases.saliency_file(name): record_of(path, item) for name, path in sources.saliency.items()},
        **{cases.measures_file(name): record_of(path, item) for name, path in sources.measures.items()},
    }
    # for its classes and preprocessing alone: nothing is computed here
    detector = checkpoint.load(
        settings.detector.uncompiled, sources.detector, device="cpu", classes=paths.classes, weights=weights
    )
    with published_folder(folder) as scratch:
        for name, record in records.items():
            write_shard(scratch / name, [record], {})
        if settings.video.attacks:
            write_shard(scratch / cases.ATTACKS, attacks_of(sources.attacks.values(), item), {})
        for name, tables in ((cases.ROWS, sources.rows), (cases.METRICS, sources.metrics)):
            if tables:
                rows_of(tables.values(), item).to_csv(scratch / name, index=False, lineterminator="\n")
        frames.drop(columns=ELSEWHERE).to_csv(scratch / cases.FRAMES, index=False, lineterminator="\n")
        own, crops = _pictures(sources, listed(frames), scratch)
        _sheet(paths, sources, item, listed(frames), crops, records).save(scratch / cases.SHEET)
        if settings.cases.weights:
            shutil.copyfile(sources.detector, scratch / cases.WEIGHTS)
        clip = {**item, "video": str(frames["video"].iloc[0]), "frames": own}
        files = _files(scratch, settings.video.ordered, len(own))
        why = next((frame.no_counterpart for frame in own if frame.no_counterpart), "")
        content = cases.ClipContent(**content_of(paths, clip, detector, weights, files), no_counterpart=why)
        (scratch / cases.CASE).write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _pictures(sources: ClipSources, frames: Sequence[Record], folder: Path) -> tuple[list[cases.Frame], list[Pixels]]:
    """Write the frames, and of each its mask and its counterpart, if there is one; what case.json says of the frames,
    and their crops."""
    counterparts, said, crops = Counterparts(*sources.counterparts), [], []
    for name in HELD:
        (folder / name).mkdir()
    with FrameStore(sources.frames) as store:
        for place, row in enumerate(frames):
            data = store.bytes(row["key"], row["sha256"])
            (folder / cases.frame_file(cases.PICTURES, place)).write_bytes(data)
            crops.append(decode_png(data, row["key"], REBUILD))
            for name, found in ((cases.MASKS, mask_of(row)), (cases.COUNTERPARTS, counterparts.image(row["key"]))):
                if found is not None:
                    (folder / cases.frame_file(name, place)).write_bytes(encode_png(found))
            why = counterparts.reason(row["key"])
            said.append(cases.Frame(key=row["key"], sha256=row["sha256"], no_counterpart=why))
    return said, crops


def _sheet(
    paths: Paths,
    sources: ClipSources,
    item: Record,
    frames: Sequence[Record],
    crops: Sequence[Pixels],
    records: Mapping[str, Record],
) -> Image:
    """The contact sheet, as beside a run's films."""
    video, clip = paths.config.video, row_at(parquet.read(sources.clips).set_index("key", drop=False), item["key"])
    settings = Settings(paths.config, paths.classes, video.explainers)
    maps = {name: records[cases.saliency_file(name)] for name in video.ordered}
    size = records[cases.SCORES]["segments"].shape[-1]
    faces = [face_of(unit_of(crop, size, paths.config.detector.resizing), settings.side) for crop in crops]
    shown = {
        name: missing_of(record) or MapOverTime.of(video.explainers[name].method, record, video.top)
        for name, record in maps.items()
    }
    seconds = [float(frame["seconds"]) for frame in frames]
    return sheet(faces, shown, settings.score(clip, records[cases.SCORES]), seconds)


def _files(folder: Path, rows: Sequence[str], frames: int) -> dict[str, str]:
    """What each file of the folder holds, in words."""
    by_row = {cases.saliency_file(name): HOLDS_SALIENCY.format(name) for name in rows}
    by_row |= {cases.measures_file(name): HOLDS_MEASURES.format(name) for name in rows}
    pictures = {cases.frame_file(name, place): words for name, words in HELD.items() for place in range(frames)}
    return there(folder, OWN | by_row | pictures)
