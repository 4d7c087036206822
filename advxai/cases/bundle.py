"""Reading a test case's folder."""

import json
from collections.abc import Collection, Mapping
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
from advxai.config.explainers import AnyRow
from advxai.evaluation.rows import IDENTITY, NUMBERS
from advxai.media.cut import decode_png
from advxai.metrics.rows import ROWS
from advxai.run.digests import Digests
from advxai.run.store import read_shard
from advxai.saliency.prior import Prior
from advxai.saliency.prior import read as read_prior

REMEDY = "get the test case anew"
MODELS: dict[int, type[cases.Content]] = {cases.FORMAT: cases.Content, cases.CLIP_FORMAT: cases.ClipContent}
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
    def entries(self) -> Mapping[str, AnyRow]:
        """Row -> its entry of the configuration."""
        return self.config.explainers

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
    content, config = opened(folder)
    adversarial = any(map(Digests(config).needs_adversary, config.explainers))
    attacks = records_of(folder / cases.ATTACKS, content, FIELDS["attacks"])
    return Case(
        folder=folder,
        content=content,
        config=config,
        image=image_of(folder / cases.IMAGE, content.sha256),
        adversary=only(folder / cases.ADVERSARY, content, FIELDS["adversary"]) if adversarial else None,
        saliency={
            name: only(folder / cases.saliency_file(name), content, FIELDS["saliency"]) for name in config.explainers
        },
        attacks={record["mask"]: record for record in attacks},
        rows=rows_of(folder / cases.ROWS, [*IDENTITY, *NUMBERS]),
        metrics=rows_of(folder / cases.METRICS, list(ROWS)) if cases.METRICS in content.files else None,
        mask=grey(picture_of(folder, cases.MASK, content)),
        counterpart=picture_of(folder, cases.COUNTERPART, content),
        prior=read_prior(folder / cases.PRIOR) if cases.PRIOR in content.files else None,
    )


def opened(folder: Path) -> tuple[cases.Content, Config]:
    """What case.json says, of an image or (`ClipContent`) of a clip, and the configuration in it.

    Raises:
        InputError: as of `read`.
    """
    _require_file(folder / cases.CASE)
    content = _content(folder / cases.CASE)
    for path in folder.rglob("*"):
        _require_file(path)
    try:
        return content, load_config(content.config)
    except InputError as error:
        raise InputError(f"{folder / cases.CASE}: {error}") from error


def _require_file(path: Path) -> None:
    """Of a pipe or a device, or a link to one, the reading may never end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} isn't a file: {REMEDY}")


def _content(path: Path) -> cases.Content:
    with reading(path, REMEDY, "a test case"):
        content = json.loads(path.read_text(encoding="utf-8"))
        number = content["format"]
        form = MODELS.get(number) if isinstance(number, int) else None
        if form is None:
            raise InputError(
                f"{path} has format {in_line(number)}, this version of advxai replays {cases.FORMAT} (of "
                f"images) and {cases.CLIP_FORMAT} (of clips): use the one that has exported it"
            )
        try:
            return form.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = in_line(".".join(map(str, first["loc"])))
            raise InputError(f"{path} is damaged ({place}: {in_line(first['msg'])}): {REMEDY}") from error


def image_of(path: Path, wanted: str) -> Pixels:
    """A crop, RGB uint8 (h, w, 3), whose file has the SHA-256 `wanted`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): {REMEDY}") from error
    if sha256(data).hexdigest() != wanted:
        raise InputError(f"{path} is damaged (its hash isn't that in {cases.CASE}): {REMEDY}")
    return decode_png(data, str(path), REMEDY)


def records_of(path: Path, content: cases.Content, fields: Collection[str]) -> list[dict[str, Any]]:
    """The records in a file of the case, with the fields that a replay reads; all are of the case's image or clip and
    of its detector."""
    try:
        records = read_shard(path)
    except InputError as error:
        raise InputError(f"{path} is missing or damaged ({error.__cause__}): {REMEDY}") from error
    what = "clip" if isinstance(content, cases.ClipContent) else "image"
    for record in records:
        if (record.get("key"), record.get("sha256")) != (content.key, content.sha256):
            raise InputError(f"{path} holds another {what}'s record: {REMEDY}")
        if missing := set(fields) - set(record):
            raise InputError(f"{path} lacks {', '.join(sorted(missing))}: {REMEDY}")
        if record.get("weights", content.detector.sha256) != content.detector.sha256:
            raise InputError(f"{path} is of another detector's weights than {cases.CASE} says: {REMEDY}")
    return records


def only(path: Path, content: cases.Content, fields: Collection[str]) -> dict[str, Any]:
    """As `records_of`, of a file with one record."""
    records = records_of(path, content, fields)
    if len(records) != 1:
        raise InputError(f"{path} holds {len(records)} records instead of one: {REMEDY}")
    return records[0]


def picture_of(folder: Path, name: str, content: cases.Content) -> Pixels | None:
    """A picture that the case may have, RGB uint8 (H, W, 3)."""
    if name not in content.files:
        return None
    try:
        return decode_png((folder / name).read_bytes(), str(folder / name), REMEDY)
    except OSError as error:
        raise InputError(f"{folder / name} can't be read ({error.strerror}): {REMEDY}") from error


def grey(picture: Pixels | None) -> Pixels | None:
    """One channel of a picture that has equal ones, such as a mask."""
    return None if picture is None else picture[..., 0]


def rows_of(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table of the case, every value as text."""
    with reading(path, REMEDY, "a table"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(rows.columns) != columns:
        raise InputError(f"{path} hasn't the columns {', '.join(columns)}: {REMEDY}")
    return rows
