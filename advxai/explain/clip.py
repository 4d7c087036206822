"""A clip of a video of the user's own, explained as one: films, a contact sheet and a page that plays them."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from advxai.adversary.stage import copy_of
from advxai.clips.cut import cut_clip
from advxai.clips.lists import BY_RULE
from advxai.clips.manifest import sha256_of_frames
from advxai.common.arrays import Pixels
from advxai.common.classes import NONE
from advxai.common.errors import InputError
from advxai.common.types import Item, Record
from advxai.config import Config
from advxai.config.explainers import AnyExplainer
from advxai.config.video import Lime3d, OverFrames, Rise3d, Shap3d
from advxai.detector.model import Detector
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.explain.request import Request
from advxai.faces.extract import FaceDetector
from advxai.media.cut import decode_png
from advxai.report.page.clips import clips
from advxai.saliency.registry import asks_module
from advxai.video.adversary import run as make_copies
from advxai.video.films import PLAIN, Settings, content_of, films_of
from advxai.video.page import write as write_page
from advxai.video.saliency import run as make_maps
from advxai.video.scores import run as make_scores

AFTER = "_clip"  # what follows the stem, of the folder and the page
SHEET = "sheet.png"
# What a video alone doesn't bring.
NEEDS = {"counterpart": "it fills in with the original's frames", "mask": "it needs the true mask"}


@dataclass(frozen=True, eq=False)
class Explained:
    """A clip and what was computed of it.

    Attributes:
        clip: key, sha256, video, category and first.
        frames: rows of its frames, with frame and seconds.
        crops: their crops.
        score: record of the stage video_scores.
        maps: row -> record of the stage video_saliency.
        settings: what films are made by.
        notes: what the user should know.
    """

    clip: Record
    frames: Sequence[Record]
    crops: Sequence[Pixels]
    score: Record
    maps: Mapping[str, Record]
    settings: Settings
    notes: Sequence[str] = field(default_factory=tuple)

    def make(self, folder: Path, stem: str, name: str) -> dict[str, Any]:
        """Make the files of `files_of`, less those of rows without a map.

        Args:
            folder: where.
            stem: of their names.
            name: of the video, for the heading.

        Returns:
            What the JSON says of the clip.
        """
        own = f"{stem}{AFTER}"
        made = films_of(self.clip, self.frames, self.crops, self.score, self.maps, self.settings, folder / own)
        page = clips(content_of([made], self.settings, 0), own, whole=True)
        said = f"One clip of {len(self.frames)} frames, explained as one."
        write_page(folder / f"{own}.html", name, [said, *self.notes], page, "")
        return {
            "key": self.clip["key"],
            "sha256": self.clip["sha256"],
            "called": made["called"],
            "p_fake": made["p"],
            "frames": made["frames"],
            "explainers": {
                row: {
                    "missing": shown["missing"],
                    "target": shown["target"],
                    "ranking": [int(label) for label in self.maps[row]["ranking"]],
                    "top": shown["top"],
                    "cost": {name: int(self.maps[row][name]) for name in ("images", "calls", "backwards")},
                }
                for row, shown in made["rows"].items()
            },
        }

    @property
    def said(self) -> str:
        """What the detector says of it, in words."""
        score = self.settings.score(self.clip, self.score)
        first, last = self.frames[0]["frame"], self.frames[-1]["frame"]
        return f"the clip of frames {first} to {last}: {score.called}, p(fake) {score.p:.2f}"

    def films(self) -> list[str]:
        """The rows that have a map."""
        return [row for row, record in self.maps.items() if not record["missing"]]


def files_of(stem: str, rows: Sequence[str]) -> list[str]:
    """Names of the files of a clip, with a film of each of these rows."""
    own = f"{stem}{AFTER}"
    return [f"{own}.html", f"{own}/{SHEET}", *(f"{own}/{name}.mp4" for name in (PLAIN, *rows))]


def rows_of(config: Config, model: str = "") -> tuple[list[str], list[str]]:
    """The rows of `video.explainers` that can explain a clip by itself, and why others can't, a sentence each.

    Args:
        config: the configuration.
        model: the detector's; of one that has no module no row asks for gradients or layers.
    """
    rows, without = [], []
    for name, entry in config.video.of_kind("explainer").items():
        lacking = next((why for what, why in NEEDS.items() if what in entry.needs), "")
        if (
            not lacking
            and model == ONNX
            and isinstance(entry, OverFrames)
            and asks_module(cast("AnyExplainer", entry.row))
        ):
            lacking = "it asks the detector's module, which an ONNX file has not"
        if lacking:
            without.append(f"video.explainers.{name} explains no clip by itself: {lacking}.")
        else:
            rows.append(name)
    return rows, without


def explain(
    request: Request,
    find: FaceDetector,
    detector: Detector,
    config: Config,
    model: str,
    score: str,
    at_once: int,
) -> Explained | str:
    """Explain a clip of a video.

    Args:
        request: names the file.
        find: finds its faces.
        detector: the detector to explain.
        config: settings of faces, clips, their rows and NES, and the seed.
        model: the detector's.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.
        at_once: images in work together, at most.

    Returns:
        The clip; or why there is none, in words.

    Raises:
        InputError: no row can explain a clip by itself.
    """
    rows, notes = rows_of(config, model)
    if not rows:
        raise InputError(
            f"video.explainers: no row explains a clip by itself: {' '.join(notes)} Add one to it, or set "
            "explain.video: false (--no-video)"
        )
    path = Path(request.argument)
    row = {"video": path.name, "path": str(path), "category": "", "label": NONE, "split": "", "mask": ""}
    with tempfile.TemporaryDirectory() as scratch:
        found = cut_clip({**row, "start": BY_RULE}, find, Path(scratch), faces=config.faces, video=config.video)
        if not found.frames:
            return f"no film: {'; '.join(one['reason'] for one in found.left_out)}"
        data = {frame["key"]: Path(frame["file"]).read_bytes() for frame in found.frames}
    crops = {key: decode_png(one, key, "") for key, one in data.items()}
    frames = found.frames
    clip = {
        "key": frames[0]["clip"],
        "sha256": sha256_of_frames(frame["sha256"] for frame in frames),
        "video": path.name,
        "category": "",
        "first": frames[0]["frame"],
    }
    item = {**clip, "frames": [{"key": frame["key"], "sha256": frame["sha256"]} for frame in frames]}
    work = _Work(item, lambda one: crops[one["key"]], detector, config, score, at_once)
    maps = work.maps(rows)
    notes += [
        f"{name}: no map of a clip that is called {detector.classes.real_name}, which has no adversarial copy."
        for name in rows
        if name not in maps
    ]
    settings = Settings(config, detector.classes, {name: config.video.explainers[name] for name in maps})
    return Explained(clip, frames, list(crops.values()), work.score, maps, settings, notes)


class _Work:
    """The stages of one clip, one after the other."""

    def __init__(
        self,
        item: Item,
        load: Callable[[Item], Pixels],
        detector: Detector,
        config: Config,
        score: str,
        at_once: int,
    ) -> None:
        self.item, self.load, self.detector, self.config = item, load, detector, config
        self.rule, self.at_once = score, at_once
        (self.score,) = make_scores([item], load, detector, config.video.segments, score)

    def maps(self, rows: Sequence[str]) -> dict[str, Record]:
        """Records of these rows, without those that need a copy of a clip that is called real."""
        hosts = {(self.item["key"], self.item["sha256"]): self.score}
        found: dict[str, Record] = {}
        copies = None
        for name in rows:
            entry = cast("Shap3d | Lime3d | Rise3d | OverFrames", self.config.video.explainers[name])
            needed = "adversarial" in entry.needs
            if needed and self.score["called_real"]:
                continue
            if needed and copies is None:
                copies = self._copies()
            (found[name],) = make_maps(
                [self.item],
                self.load,
                self.detector,
                entry,
                hosts,
                self.rule,
                self.config.seed,
                self.at_once,
                copies if needed else None,
                row=name,
            )
        return found

    def _copies(self) -> Callable[[Item, Tensor], tuple[Tensor, Record]]:
        settings, detector = self.config.adversary, self.detector
        (record,) = make_copies([self.item], self.load, detector, settings, self.rule, self.config.seed, self.at_once)
        return copy_of(record, detector, settings)
