"""What lies in the store and no configuration refers to.

Whatever isn't recognised as the workflow's own stays, and so does what a run that isn't finished may still take over.
"""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from advxai.prune.entries import Entry
from advxai.prune.folders import absolute, elsewhere, files_in, folders_in, leftovers, measure, unwanted
from advxai.prune.runs import UNREADABLE, Name, Run, stage_and_digest
from advxai.run.folders import STAGES
from advxai.run.paths import Paths
from advxai.run.store.belong import weights_in
from advxai.run.store.complete import JOURNALS

DIGEST = re.compile(r".+-[0-9a-f]{12}")  # ends in a digest, or in a video's hash
FACE_MODEL = re.compile(r"retinaface-[0-9a-f]{12}\.onnx")
RECORDS = (".h5", ".parquet", ".journal")
FIGURES = (".png", ".pdf")
CLIP = "clip_"  # how a clip's folder of crops begins
TAKEN_OVER = "the configurations' own files hold what they need of it"
OTHER_WEIGHTS = "of other weights than the detector has now; should those come back, it would be computed anew"
UNREFERENCED = "no configuration here refers to it"


def unused(configurations: Sequence[Paths]) -> list[Entry]:
    """What no configuration refers to, largest first.

    Args:
        configurations: all whose files are to stay, of one `results` folder.
    """
    (store,) = {paths.store for paths in configurations}
    runs = [Run(paths) for paths in configurations]
    digests = {name for run in runs for name in run.digests}
    singles = {path for run in runs for path in run.singles}
    found: dict[Path, str] = {}
    for package in folders_in(store / "media"):
        spare = unwanted(package, lambda path: path in singles or not path.is_file())
        found |= dict.fromkeys(spare, UNREFERENCED)
    for path in files_in(store / "faces"):
        if FACE_MODEL.fullmatch(path.name) and path not in singles:
            found[path] = UNREFERENCED
    stages = [folder for folder in folders_in(store) if folder.name not in ("media", "logs")]
    for folder in (folder for stage in stages for folder in folders_in(stage) if DIGEST.fullmatch(folder.name)):
        name = stage_and_digest(folder)
        if name not in digests:
            found[folder] = UNREFERENCED
        elif name[0] == "faces":
            found |= _spare_crops(folder, _sharing(runs, name))
        elif name[0] == "clips":
            found |= _spare_clips(folder, _sharing(runs, name))
        elif name[0] in STAGES:
            found |= _spare_records(folder, _sharing(runs, name))
    found |= dict.fromkeys(leftovers(store, {store / "logs", *found}), "left behind by a killed job")
    found |= _spare_rows(configurations)
    results = Path(configurations[0].config.results)
    entries = [Entry(path, why, *measure(path)) for path, why in found.items() if not elsewhere(path, results)]
    return sorted(entries, key=lambda entry: (-entry.bytes, entry.path))


def _sharing(runs: Sequence[Run], name: Name) -> list[Run]:
    """The runs that share a digest; none if one has the name of another with other videos: it can't be told whose lists
    are there."""
    sharing = [run for run in runs if name in run.digests]
    corpora: dict[Path, set[str]] = defaultdict(set)
    for run in runs:
        corpora[run.paths.run].add(run.paths.config.corpus.model_dump_json())
    return [] if any(len(corpora[run.paths.run]) > 1 for run in sharing) else sharing


def _spare_records(folder: Path, runs: Sequence[Run]) -> dict[Path, str]:
    """Records of other runs or shards in a digest's folder, if the configurations' own files have all that they need:
    otherwise they may be taken over."""
    items = [(run, item) for run in runs for item in run.files(stage_and_digest(folder))]
    own = {file for _, (file, _, _) in items}

    def wanted(path: Path) -> bool | None:
        if path.parent == folder and path.is_dir():
            return None
        if any(run.keeps(path) for run in runs):
            return True
        return path in own or path.suffix not in RECORDS or path.parents[1] != folder or not path.is_file()

    spare = unwanted(folder, wanted)
    # looking whether they are whole takes time
    if not spare or not items or not all(run.has(*item) for run, item in items):
        return {}
    present = {run.weights for run in runs}
    return {path: OTHER_WEIGHTS if _foreign(path, present) else _taken_over(path.relative_to(folder)) for path in spare}


def _taken_over(path: Path) -> str:
    """Why records of another run or of other shards are spare; path: within the digest's folder."""
    run = "" if path.parts[0] == JOURNALS else f"made by the run {path.parts[0]}; "
    return f"{run}{TAKEN_OVER}"


def _foreign(path: Path, weights: set[str | None]) -> bool:
    """Whether a file or folder holds records of other weights than these."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    try:
        return any(weights_in(file) - weights for file in files if file.suffix in (".h5", ".parquet"))
    except UNREADABLE:
        return False  # damaged: nobody can use it


def _spare_crops(folder: Path, runs: Sequence[Run]) -> dict[Path, str]:
    """Crops of videos, and lists of runs, that no configuration has, if it is known what they all have."""
    known = [(run, run.faces) for run in runs if run.faces is not None]
    if not runs or len(known) < len(runs):
        return {}
    place = absolute(folder)
    # of a million files' names: a Path of each would take long
    folders = {os.path.dirname(file) for _, faces in known for file in faces["file"]}  # noqa: PTH120
    cut = set(map(absolute, folders))
    if not all(crops.is_relative_to(place) for crops in cut):
        return {}  # the results have been moved: the lists name other places
    own = {folder / crops.relative_to(place) for crops in cut}
    own |= {path for run in runs for path in run.lists}
    # which folder is that of a video without a face, the lists don't say: all of its name stay
    faceless = {video for run, faces in known for video in run.videos - set(faces["video"])}

    def wanted(path: Path) -> bool | None:
        if path.is_file():
            return path in own or path.suffix != ".parquet" or path.parents[1] != folder
        if not DIGEST.fullmatch(path.name):
            return None
        return path in own or path.relative_to(folder).as_posix().rpartition("-")[0] in faceless

    return dict.fromkeys(unwanted(folder, wanted), "no configuration here has this video or list")


def _spare_clips(folder: Path, runs: Sequence[Run]) -> dict[Path, str]:
    """Crops of clips, and lists of runs, that no configuration has, if it is known what they all have."""
    known = [(run, run.clip_frames) for run in runs if run.clip_frames is not None]
    if not runs or len(known) < len(runs):
        return {}
    place = absolute(folder)
    cut = {absolute(Path(file).parent) for _, frames in known for file in frames["file"]}
    if not all(crops.is_relative_to(place) for crops in cut):
        return {}  # the results have been moved: the lists name other places
    own = {folder / crops.relative_to(place) for crops in cut} | {path for run in runs for path in run.clip_lists}
    # which folder is that of a clip without a face, the lists don't say: all of its video stay
    faceless = {video for run, frames in known for video in run.clip_videos - set(frames["video"])}

    def wanted(path: Path) -> bool | None:
        if path.is_file():
            return path in own or path.suffix != ".parquet" or path.parents[1] != folder
        if not path.name.startswith(CLIP):
            return None
        video = path.parent.relative_to(folder).as_posix().rpartition("-")[0]
        return path in own or video in faceless

    return dict.fromkeys(unwanted(folder, wanted), "no configuration here has this clip or list")


def _spare_rows(configurations: Sequence[Paths]) -> dict[Path, str]:
    """Tables and figures of rows that a run's configuration no longer has, and published figures it doesn't want."""
    kept = {
        path
        for paths in configurations
        for path in (
            *paths.outputs.tables,
            paths.outputs.estimates,
            *paths.outputs.figures,
            *paths.outputs.beside_detector,
            *paths.video_tables,
        )
    }
    found: dict[Path, str] = {}
    for paths in configurations:
        for folder, suffixes in (("tables", [f".{kind}" for kind in paths.outputs.FORMATS]), ("figures", FIGURES)):
            for path in files_in(paths.run / folder):
                if path.suffix in suffixes and path.stem != "left_out" and path not in kept:
                    found[path] = f"the run {paths.config.run} no longer has this row"
        for path in files_in(paths.run / "detector"):
            if path.stem == "published" and path not in kept:
                found[path] = f"the run {paths.config.run} no longer asks for published figures"
    return found
