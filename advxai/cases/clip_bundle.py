"""Reading the folder of a clip's test case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from advxai import cases
from advxai.cases.bundle import FIELDS, REMEDY, grey, image_of, only, picture_of, records_of, rows_of
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.types import Item, Record
from advxai.config import Config
from advxai.evaluation.rows import IDENTITY, NUMBERS
from advxai.metrics.rows import ROWS
from advxai.run.digests import Digests
from advxai.video.hosts import HOST

# What a replay reads of a record, besides what it reads of an image's.
ATTACKED = [*IDENTITY, *NUMBERS]  # columns of the rows of attacks
SAID = {*HOST, "made_with"}
MEASURED = {"values", "reasons", "made_with"}


@dataclass(frozen=True)
class ClipCase:
    """What the folder of a clip's test case holds, but the detector.

    Attributes:
        folder: the folder.
        content: of case.json.
        config: the run's configuration.
        images: T crops, RGB uint8 (h, w, 3).
        scores: record of what the detector says of the clip, and of its segments.
        adversary: record of the adversarial copy; None: no row needs it.
        saliency: row -> record.
        attacks: mask -> record of the attack on these pixels.
        rows: of the attacks, every value as text.
        measures: row -> record of what is measured of it.
        metrics: rows of the measures, every value as text.
        masks: of the T frames, uint8 (H, W); None: not known.
        counterparts: of the T frames, RGB uint8 (H, W, 3); None: there is none.
    """

    folder: Path
    content: cases.ClipContent
    config: Config
    images: Sequence[Pixels]
    scores: Record
    adversary: Record | None
    saliency: Mapping[str, Record]
    attacks: Mapping[str, Record]
    rows: pd.DataFrame
    measures: Mapping[str, Record]
    metrics: pd.DataFrame
    masks: Sequence[Pixels | None]
    counterparts: Sequence[Pixels | None]

    @property
    def item(self) -> dict[str, Any]:
        """The clip as the stages take it."""
        own = self.content.model_dump(include={"key", "sha256", "video", "category", "label"})
        return own | {"frames": [{"key": frame.key, "sha256": frame.sha256} for frame in self.content.frames]}

    @property
    def entries(self) -> Mapping[str, Any]:
        """Row -> its entry of the configuration."""
        return self.config.video.explainers

    @property
    def makers(self) -> set[str]:
        """What the records were made with."""
        own = [self.scores, *([self.adversary] if self.adversary else [])]
        records = [*own, *self.saliency.values(), *self.attacks.values(), *self.measures.values()]
        return {record["made_with"] for record in records}

    def place(self, key: str) -> int:
        """Which of the clip's frames has this key."""
        return next(place for place, frame in enumerate(self.content.frames) if frame.key == key)

    def image(self, frame: Item) -> Pixels:
        """The frame's crop, as the stages ask for it."""
        return self.images[self.place(frame["key"])]

    def mask(self, key: str) -> Pixels | None:
        """The frame's true mask."""
        return self.masks[self.place(key)]


def read(folder: Path, content: cases.ClipContent, config: Config) -> ClipCase:
    """Read the folder of a clip's test case, all but the detector.

    Args:
        folder: the test case.
        content, config: as of `advxai.cases.bundle.opened`.

    Raises:
        InputError: a file is missing or damaged; the message names it.
    """
    rows, places = config.video.ordered, range(len(content.frames))
    if len(places) < 1:
        raise InputError(f"{folder / cases.CASE} names no frame: {REMEDY}")
    adversarial = any(map(Digests(config).clips_need_adversary, rows))
    own = {*FIELDS["saliency"], *SAID}
    return ClipCase(
        folder=folder,
        content=content,
        config=config,
        images=[
            image_of(folder / cases.frame_file(cases.PICTURES, place), content.frames[place].sha256) for place in places
        ],
        scores=only(folder / cases.SCORES, content, SAID),
        adversary=only(folder / cases.ADVERSARY, content, FIELDS["adversary"]) if adversarial else None,
        saliency={name: only(folder / cases.saliency_file(name), content, own) for name in rows},
        attacks=_attacks(folder, content) if config.video.attacks else {},
        rows=rows_of(folder / cases.ROWS, ATTACKED) if config.video.attacks else pd.DataFrame(columns=ATTACKED),
        measures={name: only(folder / cases.measures_file(name), content, MEASURED) for name in rows},
        metrics=rows_of(folder / cases.METRICS, list(ROWS)),
        masks=[grey(picture_of(folder, cases.frame_file(cases.MASKS, place), content)) for place in places],
        counterparts=[picture_of(folder, cases.frame_file(cases.COUNTERPARTS, place), content) for place in places],
    )


def _attacks(folder: Path, content: cases.ClipContent) -> dict[str, Record]:
    return {one["mask"]: one for one in records_of(folder / cases.ATTACKS, content, FIELDS["attacks"])}
