"""Reading a test case's folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from advxai import cases
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, in_line, reading
from advxai.common.types import Record
from advxai.config import Config
from advxai.config import load as load_config
from advxai.evaluation.rows import IDENTITY, NUMBERS
from advxai.media.cut import decode_png
from advxai.metrics.rows import ROWS
from advxai.run.digests import Digests
from advxai.run.store import read_shard
from advxai.saliency.prior import Prior
from advxai.saliency.prior import read as read_prior

REMEDY = "get the test case anew"
# What a replay reads of a record.
FIELDS = {
    "adversary": {"steps", "made_with"},
    "saliency": {"segments", "ranking", "called_real", "made_with", "before", "target"},
    "attacks": {"mask", "before", "after", "iterations", "queries", "made_for", "made_with"},
}


@dataclass(frozen=True)
class Case:
    """What a test case's folder holds, but the detector.

    Attributes:
        folder: the folder.
        content: of case.json.
        config: the run's configuration.
        image: RGB uint8 (h, w, 3).
        adversary: record of the adversarial copy; None: no explainer needs it.
        saliency: explainer -> record.
        attacks: mask -> record of the attack on these pixels.
        rows: of the evaluation, every value as text.
        metrics: rows of the measures, every value as text; None: of a case that has none.
        mask: uint8 (H, W); None: not known.
        counterpart: RGB uint8 (H, W, 3); None: there is none.
        prior: of faces; None: no control goes by it.
    """

    folder: Path
    content: cases.Content
    config: Config
    image: Pixels
    adversary: Record | None
    saliency: Mapping[str, Record]
    attacks: Mapping[str, Record]
    rows: pd.DataFrame
    metrics: pd.DataFrame | None
    mask: Pixels | None
    counterpart: Pixels | None
    prior: Prior | None = None

    @property
    def item(self) -> dict[str, Any]:
        """The image as the stages take it."""
        return self.content.model_dump(include={"key", "sha256", "category", "label"})

    @property
    def makers(self) -> set[str]:
        """What the records were made with."""
        records = [*self.saliency.values(), *self.attacks.values(), *([self.adversary] if self.adversary else [])]
        return {record["made_with"] for record in records}


def read(folder: Path) -> Case:
    """Read a test case's folder, all but the detector.

    Raises:
        InputError: a file is missing, damaged or of another format, or the configuration can't be used here, for
            example since an explainer from outside the package isn't installed; the message names the file.
    """
    _require_file(folder / cases.CASE)
    content = _content(folder / cases.CASE)
    for path in folder.rglob("*"):
        _require_file(path)
    try:
        config = load_config(content.config)
    except InputError as error:
        raise InputError(f"{folder / cases.CASE}: {error}") from error
    adversarial = any(map(Digests(config).needs_adversary, config.explainers))
    attacks = _records(folder / cases.ATTACKS, content, "attacks")
    return Case(
        folder=folder,
        content=content,
        config=config,
        image=_image(folder / cases.IMAGE, content),
        adversary=_only(folder / cases.ADVERSARY, content, "adversary") if adversarial else None,
        saliency={name: _only(folder / cases.saliency_file(name), content, "saliency") for name in config.explainers},
        attacks={record["mask"]: record for record in attacks},
        rows=_rows(folder / cases.ROWS, [*IDENTITY, *NUMBERS]),
        metrics=_rows(folder / cases.METRICS, list(ROWS)) if cases.METRICS in content.files else None,
        mask=_picture(folder, cases.MASK, content),
        counterpart=_picture(folder, cases.COUNTERPART, content),
        prior=read_prior(folder / cases.PRIOR) if cases.PRIOR in content.files else None,
    )


def _require_file(path: Path) -> None:
    """Of a pipe or a device, or a link to one, the reading may never end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} isn't a file: {REMEDY}")


def _content(path: Path) -> cases.Content:
    with reading(path, REMEDY, "a test case"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != cases.FORMAT:
            raise InputError(
                f"{path} has format {in_line(content['format'])}, this version of advxai replays {cases.FORMAT}: use "
                "the one that has exported it"
            )
        try:
            return cases.Content.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = in_line(".".join(map(str, first["loc"])))
            raise InputError(f"{path} is damaged ({place}: {in_line(first['msg'])}): {REMEDY}") from error


def _image(path: Path, content: cases.Content) -> Pixels:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): {REMEDY}") from error
    if sha256(data).hexdigest() != content.sha256:
        raise InputError(f"{path} is damaged (its hash isn't that in {cases.CASE}): {REMEDY}")
    return decode_png(data, str(path), REMEDY)


def _records(path: Path, content: cases.Content, stage: str) -> list[dict[str, Any]]:
    try:
        records = read_shard(path)
    except InputError as error:
        raise InputError(f"{path} is missing or damaged ({error.__cause__}): {REMEDY}") from error
    for record in records:
        if (record.get("key"), record.get("sha256")) != (content.key, content.sha256):
            raise InputError(f"{path} holds another image's record: {REMEDY}")
        if missing := FIELDS[stage] - set(record):
            raise InputError(f"{path} lacks {', '.join(sorted(missing))}: {REMEDY}")
        if record.get("weights", content.detector.sha256) != content.detector.sha256:
            raise InputError(f"{path} is of another detector's weights than {cases.CASE} says: {REMEDY}")
    return records


def _only(path: Path, content: cases.Content, stage: str) -> dict[str, Any]:
    records = _records(path, content, stage)
    if len(records) != 1:
        raise InputError(f"{path} holds {len(records)} records instead of one: {REMEDY}")
    return records[0]


def _picture(folder: Path, name: str, content: cases.Content) -> Pixels | None:
    """A picture that the case may have; a mask in grey."""
    if name not in content.files:
        return None
    try:
        picture = decode_png((folder / name).read_bytes(), str(folder / name), REMEDY)
    except OSError as error:
        raise InputError(f"{folder / name} can't be read ({error.strerror}): {REMEDY}") from error
    return picture[..., 0] if name == cases.MASK else picture


def _rows(path: Path, columns: list[str]) -> pd.DataFrame:
    with reading(path, REMEDY, "a table"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(rows.columns) != columns:
        raise InputError(f"{path} hasn't the columns {', '.join(columns)}: {REMEDY}")
    return rows
