"""A film of each explained clip and row, a contact sheet of each clip, and what a page that plays them must know."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from advxai.clips.lists import OWN
from advxai.common.categories import LABELS, genuine
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import fitting, publish_text
from advxai.common.rows import rows as listed
from advxai.common.types import Record
from advxai.config import Config
from advxai.frames.database import FrameStore
from advxai.media.fit import unit_of
from advxai.media.video import write_video
from advxai.report.style import form_of
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.store import read_some, stream_shard
from advxai.saliency.ranking import missing_of
from advxai.video.drawing import MapOverTime, Score, face_of, film
from advxai.video.sheet import sheet

SCORED = ("key", "sha256", "before", "frames_before", "called_real")
AT_ONCE = 4  # clips whose maps are in memory
NAMED = 80  # bytes of a folder's name, at most
CRF = 20  # x264's quality: text and thin lines stay sharp
PLAIN = "clip"  # the film of the faces alone
ANEW = "run again with `--forceall`"


@dataclass(frozen=True)
class Films:
    """What was made.

    Attributes:
        content: of `clips.json`: fps, side, top, line (the p(fake) that is called fake, or null), rows (name, method,
            kind), without (how many clips have no films) and, a clip, key, name, video, category, fake (null: not
            known), called, named (the class that is called, p; or null), p, frames (number, seconds, p), clip and
            sheet (files in the folder), and rows: film (or null), missing, form, target, top (label, first and last
            frame from 0, score).
    """

    content: dict[str, Any]

    def write(self, path: Path) -> None:
        """Publish it as JSON."""
        publish_text(path, json.dumps(self.content, separators=(",", ":"), allow_nan=False) + "\n")


@dataclass(frozen=True)
class Settings:
    """What films are made by.

    Attributes:
        config: the run's: `video`, and how the detector's input is made of a crop.
        classes: the detector's.
        entries: row -> entry of `video.explainers`, in the order in which rows are shown.
    """

    config: Config
    classes: Classes
    entries: Mapping[str, Any]

    @property
    def line(self) -> float | None:
        """The p(fake) from which a clip is called fake; None: it is by the likeliest of more than two classes."""
        if self.classes.threshold is not None:
            return self.classes.threshold
        return 0.5 if len(self.classes.names) == 2 else None

    @property
    def side(self) -> int:
        side = self.config.video.films.side
        return side + side % 2

    def score(self, clip: Record, record: Record) -> Score:
        """What the detector says of a clip: of its row of `clips.parquet`, and its record of the stage video_scores."""
        called = f"called {_called(record)}"
        if named := self.named(record):
            called += f" ({named['class']} {named['p']:.2f})"
        p_fake = [float(p) for p in self.classes.p_fake(record["frames_before"])]
        return Score(name_of(clip), called, float(self.classes.p_fake(record["before"])), p_fake, self.line)

    def named(self, record: Record) -> dict[str, Any] | None:
        """The class that a clip is called, and its probability, of a record of the stage video_scores; None: real and
        fake say it all."""
        if record["called_real"] or len(self.classes.fakes) == 1:
            return None
        called = int(self.classes.called(record["before"]))
        return {"class": self.classes.names[called], "p": round(float(record["before"][called]), 6)}


def _called(record: Record) -> str:
    return "real" if bool(record["called_real"]) else "fake"


def name_of(clip: Record) -> str:
    """`Deepfakes 000_001, from frame 12`; a file of the user's own has its own name; one whose category isn't known
    has none before it, or `unknown`."""
    video = PurePosixPath(clip["video"])
    name = video.name.rpartition("-")[0] if video.parts[0] == OWN else video.stem
    return f"{clip['category']} {name}, from frame {clip['first']}".strip()


def fake_of(category: str) -> bool | None:
    """Whether videos of a category are fake; None: that isn't known."""
    return not genuine(category) if category in LABELS else None


def folder_of(key: str, number: int) -> str:
    """The folder of a clip's films: its number and what can be in a file's name of its key."""
    return f"{number:04d}_{fitting(re.sub(r'[^A-Za-z0-9_-]+', '_', key), NAMED)}"


def chosen(clips: pd.DataFrame, scores: Mapping[str, Record], most: int) -> Sequence[Record]:
    """The clips that get films: fakes called fake first, then other fakes, then those of which nobody knows, then real
    ones; within these one of each category in turn, in the order of the table.

    Args:
        clips: of clips.parquet.
        scores: key -> record of the stage video_scores, with `called_real`.
        most: so many.
    """
    turns: dict[tuple[int, str], int] = {}
    ordered = []
    for place, clip in enumerate(row for row in listed(clips) if row["key"] in scores):
        fake = fake_of(clip["category"])
        group = {None: 2, False: 3}.get(fake, int(bool(scores[clip["key"]]["called_real"])))
        turn = turns[group, clip["category"]] = turns.get((group, clip["category"]), -1) + 1
        ordered.append((group, turn, place, clip))
    return [clip for *_, clip in sorted(ordered, key=lambda one: one[:3])][:most]


def make(
    clips: pd.DataFrame,
    frames: pd.DataFrame,
    store: FrameStore,
    scored: Sequence[Path],
    shards: Mapping[str, Sequence[Path]],
    folder: Path,
    config: Config,
    classes: Classes,
) -> Films:
    """Make the films of a run's clips.

    Args:
        clips, frames: of clips.parquet and frames.parquet.
        store: the clips' crops.
        scored: shards of the stage video_scores.
        shards: row -> its shards of the stage video_saliency, in the order of `scored`.
        folder: an empty one.
        config: the run's.
        classes: the detector's.

    Returns:
        What is said of them, to be written into the folder.

    Raises:
        InputError: a shard is damaged, or lacks a clip or has another one of its name.
    """
    settings = Settings(config, classes, {name: config.video.explainers[name] for name in shards})
    scores: dict[str, Record] = {}
    shard_of: dict[str, int] = {}
    for number, path in enumerate(scored):
        for record in stream_shard(path, SCORED):
            scores[record["key"]], shard_of[record["key"]] = record, number
    wanted = chosen(clips, scores, config.video.films.most)
    of_clip = {key: part.sort_values("place") for key, part in frames.groupby("clip", sort=False)}
    numbers = {clip["key"]: number for number, clip in enumerate(wanted)}
    made: dict[str, dict[str, Any]] = {}
    bar = Bar(total=len(wanted) * (len(shards) + 1), desc="films", unit="film")
    for clip, maps in _with_maps(wanted, shard_of, shards):
        key = clip["key"]
        mine = listed(of_clip[key])
        faces = [store.image(frame["key"], frame["sha256"]) for frame in mine]
        _require_same(clip, [scores[key], *maps.values()])
        own = folder_of(key, numbers[key])
        made[key] = films_of(clip, mine, faces, scores[key], maps, settings, folder / own, f"{own}/")
        bar.update(len(shards) + 1)
    bar.close()
    progress.tell(n=len(wanted), unit="clip")
    return Films(content_of([made[clip["key"]] for clip in wanted], settings, len(scores) - len(wanted)))


def content_of(made: Sequence[dict[str, Any]], settings: Settings, without: int) -> dict[str, Any]:
    """What `Films` says of clips that have films, and of how many have none."""
    video = settings.config.video
    rows = [{"name": name, "method": entry.method, "kind": entry.kind} for name, entry in settings.entries.items()]
    return {
        "fps": float(video.films.fps),
        "side": settings.side,
        "top": video.top,
        "line": settings.line,
        "rows": rows,
        "without": without,
        "clips": list(made),
    }


def _with_maps(
    wanted: Sequence[Record], shard_of: Mapping[str, int], shards: Mapping[str, Sequence[Path]]
) -> Iterator[tuple[Record, dict[str, Record]]]:
    """Each clip with its record of each row, a few clips in memory."""
    for number in sorted(set(shard_of.values())):
        mine = [clip for clip in wanted if shard_of[clip["key"]] == number]
        for start in range(0, len(mine), AT_ONCE):
            part = {clip["key"]: clip for clip in mine[start : start + AT_ONCE]}
            found = {
                name: {one["key"]: one for one in read_some(files[number], part)} for name, files in shards.items()
            }
            for key, clip in part.items():
                lacking = next((name for name, records in found.items() if key not in records), None)
                if lacking is not None:
                    raise InputError(f"{shards[lacking][number]} lacks the clip {key}: {ANEW}")
                yield clip, {name: records[key] for name, records in found.items()}


def _require_same(clip: Record, records: Sequence[Record]) -> None:
    if any(record["sha256"] != clip["sha256"] for record in records):
        raise InputError(f"{clip['key']}: its records are of other frames than the clip's: {ANEW}")


def films_of(
    clip: Record,
    frames: Sequence[Record],
    crops: Sequence[Any],
    score: Record,
    maps: Mapping[str, Record],
    settings: Settings,
    place: Path,
    before: str = "",
) -> dict[str, Any]:
    """Make the films and the sheet of one clip.

    Args:
        clip: with key, video, category and first.
        frames: its T frames in order, with frame and seconds.
        crops: their crops, uint8 (h, w, 3).
        score: record of the stage video_scores.
        maps: row -> record of the stage video_saliency.
        settings: see there.
        place: the clip's folder, which is made.
        before: what comes before the files' names in what is said.

    Returns:
        What `Films` says of the clip.
    """
    said, config = settings.score(clip, score), settings.config
    size = next((one["map"].shape[-1] for one in maps.values() if not missing_of(one)), settings.side)
    faces = [face_of(unit_of(crop, size, config.detector.resizing), settings.side) for crop in crops]
    fps = Fraction(config.video.films.fps).limit_denominator(1000)
    place.mkdir(parents=True)
    write_video(place / f"{PLAIN}.mp4", film(faces, "Clip", None, said, config.video.top), fps, CRF, index_first=True)
    rows: dict[str, dict[str, Any]] = {}
    shown: dict[str, MapOverTime | str] = {}
    for name, record in maps.items():
        if missing := missing_of(record):
            rows[name], shown[name] = {"film": None, "missing": missing, "form": "", "target": "", "top": []}, missing
            continue
        method, kind = settings.entries[name].method, settings.entries[name].kind
        shown[name] = one = MapOverTime.of(method, record, config.video.top)
        target = settings.classes.names[int(record["target"])]
        what = f"explains {target}" if kind == "explainer" else kind
        write_video(
            place / f"{name}.mp4", film(faces, name, one, said, config.video.top, what), fps, CRF, index_first=True
        )
        rows[name] = {
            "film": f"{before}{name}.mp4",
            "missing": "",
            "form": "heat" if form_of(method, record) == "heat" else "signed",
            "target": target if kind == "explainer" else "",
            "top": _top(one, record),
        }
    sheet(faces, shown, said, [float(frame["seconds"]) for frame in frames]).save(place / "sheet.png")
    return {
        "key": clip["key"],
        "name": said.name,
        "video": clip["video"],
        "category": clip["category"],
        "fake": fake_of(clip["category"]),
        "called": _called(score),
        "named": settings.named(score),
        "p": round(said.p, 6),
        "frames": [
            {"number": int(frame["frame"]), "seconds": round(float(frame["seconds"]), 4), "p": round(p, 6)}
            for frame, p in zip(frames, said.frames, strict=True)
        ],
        "clip": f"{before}{PLAIN}.mp4",
        "sheet": f"{before}sheet.png",
        "rows": rows,
    }


def _top(shown: MapOverTime, record: Record) -> list[dict[str, Any]]:
    found = []
    for label, (first, last) in zip(shown.first, shown.spans(), strict=True):
        score = float(record["scores"][label])
        score = round(score, 6) if np.isfinite(score) else 0.0
        found.append({"label": label, "first": first, "last": last, "score": score})
    return found
