"""A test case's folder, made from what a run has left of one image."""

import difflib
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from torch import Tensor

from advxai import cases
from advxai.adversary.nes import reconstruct
from advxai.common import parquet
from advxai.common.arrays import Pixels, Raster
from advxai.common.errors import InputError
from advxai.common.files import file_sha256, published_folder
from advxai.common.rows import row_at
from advxai.common.types import Record
from advxai.config.science import Nes
from advxai.detector import checkpoint
from advxai.detector.model import Detector
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import REBUILD, FrameStore
from advxai.media.cut import decode_png, encode_png
from advxai.run.folders import STAGES, Folder
from advxai.run.paths import Paths
from advxai.run.store import read_shard, require_weights, write_shard

HOLDS = {
    cases.CASE: "this file: the image, the configuration, what each stage was made from, versions",
    cases.IMAGE: "the image, byte for byte as the run has read it; its hash is `sha256`",
    cases.COPY: "the adversarial copy as an 8-bit picture, for eyes only: the exact one is image + alpha * steps",
    cases.MAPS: "for eyes only: each explainer's map over the grey image, dark blue the least and yellow the most "
    "important in it; the segments that were attacked are outlined and numbered by rank",
    cases.ROWS: "the image's rows of the evaluation, one for each explainer and k",
    cases.METRICS: "what else is measured of each explanation, one row a number; or the reason why there is none",
    cases.MASK: "the true mask of the image: white where it is manipulated",
    cases.COUNTERPART: "the original's frame, cut out by the box of the image",
    cases.PRIOR: "where training fakes are manipulated on average, in coordinates of the face",
    cases.WEIGHTS: "the detector's weights",
    cases.ADVERSARY: "the adversarial copy's record: step map, class probabilities before and after, cost",
    cases.ATTACKS: "records of the segment attacks, one for each set of pixels, whose hash is `mask`",
}
HOLDS_SALIENCY = "the record of {}: map, segments, scores, ranking, class probabilities of the image, cost"

TILE = 224  # least side of a picture in maps.png, in pixels
STRIP = 24  # height of the text over it
COLUMNS = 4
WHITE, BLACK = (255, 255, 255), (16, 16, 16)


@dataclass(frozen=True)
class Sources:
    """The files of a run that hold the image's part.

    Attributes:
        evaluation: list of the images that the run explains.
        frames: the LMDB.
        detector: safetensors file.
        adversary: shard of adversarial copies; None: no explainer needs them.
        saliency: explainer -> shard of its maps.
        attacks: explainer -> shard of its segment attacks.
        rows: explainer -> its evaluation rows.
        metrics: explainer -> its rows of the measures; none: nothing is measured.
        manifest: the run's table of faces.
        counterparts: table and database of the counterparts.
        prior: of faces; None: no control goes by it.
    """

    evaluation: Path
    frames: Path
    detector: Path
    adversary: Path | None
    saliency: Mapping[str, Path]
    attacks: Mapping[str, Path]
    rows: Mapping[str, Path]
    metrics: Mapping[str, Path]
    manifest: Path
    counterparts: tuple[Path, Path]
    prior: Path | None = None


def export(paths: Paths, key: str, sources: Sources, folder: Path) -> None:
    """Publish the test case of one image; a former one is replaced.

    Args:
        paths: of the run's configuration.
        key: the image's key in the manifest.
        sources: finished files of the run, those of the image's shard.
        folder: appears only when it is complete.

    Raises:
        InputError: the run doesn't explain this image, or a file is damaged, lacks it or is of other weights than the
            detector's.
    """
    settings = paths.config
    item = find(sources.evaluation, key, settings.run)
    with FrameStore(sources.frames) as store:
        image = store.bytes(key, item["sha256"])
    weights = file_sha256(sources.detector)
    shards = [*sources.saliency.values(), *sources.attacks.values(), *sources.rows.values(), *sources.metrics.values()]
    require_weights([*shards, *([sources.adversary] if sources.adversary else [])], weights)
    copy = None if sources.adversary is None else record_of(sources.adversary, item)
    saliency = {name: record_of(path, item) for name, path in sources.saliency.items()}
    # for its classes and preprocessing alone: nothing is computed here
    detector = checkpoint.load(
        settings.detector.uncompiled, sources.detector, device="cpu", classes=paths.classes, weights=weights
    )
    with published_folder(folder) as scratch:
        (scratch / cases.IMAGE).write_bytes(image)
        if copy is not None:
            write_shard(scratch / cases.ADVERSARY, [copy], {})
        for name, record in saliency.items():
            write_shard(scratch / cases.saliency_file(name), [record], {})
        write_shard(scratch / cases.ATTACKS, attacks_of(sources.attacks.values(), item), {})
        rows_of(sources.rows.values(), item).to_csv(scratch / cases.ROWS, index=False, lineterminator="\n")
        no_counterpart = ""
        if sources.metrics or paths.any_needs("mask") or paths.any_needs("counterpart"):
            no_counterpart = _compared(sources, item, scratch)
        if sources.prior is not None:
            shutil.copyfile(sources.prior, scratch / cases.PRIOR)
        pictures = _pictures(image, copy, detector, settings.adversary)
        if copy is not None:
            (scratch / cases.COPY).write_bytes(encode_png(pictures[1]))
        (scratch / cases.MAPS).write_bytes(encode_png(maps_picture(pictures, saliency, settings.evaluation.top)))
        if settings.cases.weights:
            shutil.copyfile(sources.detector, scratch / cases.WEIGHTS)
        files = _files(scratch, saliency)
        said = content_of(paths, item, detector, weights, files)
        content = cases.Content(**said, no_counterpart=no_counterpart)
        (scratch / cases.CASE).write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")


def find(evaluation: Path, key: str, run: str, what: str = "images") -> Record:
    """The image's key, sha256, category and label in the list of the images that a run explains.

    Args:
        evaluation: the list.
        key: the image's, or a clip's.
        run: the run's name.
        what: the list is of.

    Raises:
        InputError: it isn't listed; the message names the list and the most similar key.
    """
    listed = parquet.read(evaluation)
    rows = listed[listed["key"] == key]
    if rows.empty:
        similar = difflib.get_close_matches(key, listed["key"], n=1)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise InputError(f"{key} isn't among the {what} that the run {run} explains; {evaluation} lists them{hint}")
    row = rows.iloc[0]
    return {"key": key, "sha256": row["sha256"], "category": row["category"], "label": int(row["label"])}


def own_records(path: Path, item: Record) -> list[Record]:
    """The image's records in a shard."""
    return [one for one in read_shard(path) if (one["key"], one["sha256"]) == (item["key"], item["sha256"])]


def record_of(path: Path, item: Record) -> Record:
    """The image's record in a shard; InputError if there is none."""
    records = own_records(path, item)
    if not records:
        raise InputError(f"{path} has no record of {item['key']}: delete the file and run again")
    return records[0]


def attacks_of(paths: Iterable[Path], item: Record) -> list[Record]:
    """The image's attacks, each set of pixels once: explainers that rank the same segments first share its attack."""
    return list({record["mask"]: record for path in paths for record in own_records(path, item)}.values())


def rows_of(paths: Iterable[Path], item: Record) -> pd.DataFrame:
    """The image's rows in the shards of all explainers."""
    rows = pd.concat([parquet.read(path) for path in paths], ignore_index=True)
    own: pd.DataFrame = rows[rows["key"] == item["key"]]
    return own.drop(columns="weights")  # case.json has them


def _compared(sources: Sources, item: Record, folder: Path) -> str:
    """Write what the measures say, and what they compare an explanation with, or rows are made from; why there is no
    counterpart, or ""."""
    if sources.metrics:
        rows_of(sources.metrics.values(), item).to_csv(folder / cases.METRICS, index=False, lineterminator="\n")
    mask = mask_of(row_at(parquet.read(sources.manifest).set_index("key", drop=False), item["key"]))
    if mask is not None:
        (folder / cases.MASK).write_bytes(encode_png(mask))
    counterparts = Counterparts(*sources.counterparts)
    counterpart = counterparts.image(item["key"])
    if counterpart is not None:
        (folder / cases.COUNTERPART).write_bytes(encode_png(counterpart))
    return counterparts.reason(item["key"])


def content_of(paths: Paths, item: Record, detector: Detector, weights: str, files: dict[str, str]) -> dict[str, Any]:
    """What case.json says, of an image or a clip; `weights` is the hash of the detector's file."""
    config, clips = paths.config, "frames" in item
    return {
        "format": cases.CLIP_FORMAT if clips else cases.FORMAT,
        "replay": "in the project's folder: python -m advxai replay <this folder>",
        "run": config.run,
        **item,
        "files": files,
        "detector": cases.Weights(
            sha256=weights,
            **detector.classes.said,
            **config.detector.model_dump(include={"device", "threads", "forward_batch"}),
        ),
        "versions": {"python": platform.python_version(), "platform": platform.platform(), **cases.versions()},
        "stages": {
            "/".join(folder.path.parts[-2:]): cases.Stage(holds=folder.holds, params=folder.params)
            for folder in paths.folders
            if _takes_part(paths, folder, clips)
        },
        "config": config.model_dump(mode="json"),
    }


def _takes_part(paths: Paths, folder: Folder, clips: bool) -> bool:
    """Whether an image's numbers, or a clip's, are made by way of a folder of the store."""
    stage = folder.path.parent.name
    of_clips = stage == "clips" or stage.startswith("video_") or folder.path == paths.clip_counterparts_cut.path
    of_images = stage in STAGES and not of_clips
    return folder.path != paths.predictions.path and not (of_images if clips else of_clips)


def _files(folder: Path, explainers: Iterable[str]) -> dict[str, str]:
    """What each file of the folder holds, in words."""
    return there(folder, HOLDS | {cases.saliency_file(name): HOLDS_SALIENCY.format(name) for name in explainers})


def there(folder: Path, holds: Mapping[str, str]) -> dict[str, str]:
    """Those of the files in words that the case has."""
    return {name: words for name, words in holds.items() if name == cases.CASE or (folder / name).exists()}


# -- pictures, for eyes only ------------------------------------------------------------------------------------------
def _pixels(unit: Tensor) -> Pixels:
    """(3, h, w) in [0, 1] -> (h, w, 3) uint8; values outside are clipped."""
    pixels: Pixels = (unit.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return pixels


def _pictures(image: bytes, copy: Record | None, detector: Detector, nes: Nes) -> list[Pixels]:
    """The image and its adversarial copy, if there is one, at the detector's size: (h, w, 3) uint8."""
    preprocessing = detector.preprocessing
    unit = preprocessing.unit(decode_png(image, "the image", REBUILD))
    if copy is None:
        return [_pixels(unit)]
    attacked = reconstruct(preprocessing.normalise(unit), copy["steps"], nes, preprocessing)
    return [_pixels(unit), _pixels(preprocessing.to_unit(attacked))]


def maps_picture(pictures: Sequence[Pixels], saliency: Mapping[str, Record], top: int) -> Pixels:
    """The image, its adversarial copy and every explainer's map, in a grid with a line of text over each.

    Args:
        pictures: (h, w, 3) uint8: the image and, if there is one, the copy.
        saliency: explainer -> record with map, segments (h, w) and ranking.
        top: how many segments to outline.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    scale = -(-TILE // len(pictures[0]))
    tiles = [
        _titled(title, _enlarged(picture, scale))
        for title, picture in zip(("image", "adversarial copy"), pictures, strict=False)
    ]
    tiles += [_titled(name, _explained(pictures[0], record, scale, top)) for name, record in saliency.items()]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _enlarged(picture: Raster, scale: int) -> Raster:
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def _titled(title: str, picture: Raster) -> Raster:
    """The picture under its title, in a white frame."""
    framed = cv2.copyMakeBorder(picture, STRIP, 4, 4, 4, cv2.BORDER_CONSTANT, value=WHITE)
    return cv2.putText(framed, title, (6, STRIP - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, BLACK, 1, cv2.LINE_AA)


def _explained(image: Pixels, record: Record, scale: int, top: int) -> Raster:
    """The map in colour over the grey image, with the first segments outlined and numbered."""
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    low, high = float(record["map"].min()), float(record["map"].max())
    if np.isfinite(high - low) and high > low:  # a constant map says nothing
        levels = ((record["map"] - low) / (high - low) * 255).astype(np.uint8)
        colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
        grey = cv2.addWeighted(grey, 0.35, colours, 0.65, 0)
    picture = _enlarged(grey, scale)
    regions = [_enlarged(record["segments"] == label, scale).astype(np.uint8) for label in record["ranking"][:top]]
    for thickness, colour in ((3, BLACK), (1, WHITE)):  # a halo, so that the line is seen on any colour
        for place, region in enumerate(regions, start=1):
            outlines = cv2.findContours(region, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
            cv2.drawContours(picture, outlines, -1, colour, thickness)
            _number(picture, str(place), region, colour, thickness)
    return picture


def _number(picture: Raster, text: str, region: Raster, colour: tuple[int, int, int], thickness: int) -> None:
    """Write in a region's innermost pixel: the centroid of a bent one may lie outside it."""
    depth = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    place = (int(x) - width // 2, int(y) + height // 2)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA)
