"""The configurations whose files are to stay, and what their runs have made of what they ask for."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import pandas as pd

from advxai.clips.made import asked_for
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.config import Config, load
from advxai.config.file import read
from advxai.corpus.blocks import REPORT
from advxai.frames.explained import to_explain
from advxai.frames.manifest import build
from advxai.run.folders import STAGES
from advxai.run.paths import Paths
from advxai.run.paths.stages import SAMPLES
from advxai.run.store.complete import JOURNALS
from advxai.run.store.shard import read_shard

Image = tuple[str, str]  # key and hash
Name = tuple[str, str]  # stage and digest
CLIPS = tuple(stage for stage in STAGES if stage.startswith("video_"))  # whose records are of clips

UNREADABLE = (InputError, KeyError)  # missing, damaged, or of another version of this project


def configurations(own: Config, files: Iterable[str]) -> list[Paths]:
    """Paths of the run's own configuration and of further ones.

    Args:
        own: the run's configuration.
        files: further configuration files.

    Raises:
        InputError: a file can't be read, is no valid configuration, has another `results:`, or names a file that isn't
            there, without which its digests can't be known. The message names it.
    """
    found = [Paths(own)]
    for file in files:
        content = read(Path(file), "prune.configurations")
        try:
            config = load(content)
            if Path(config.results).resolve() != Path(own.results).resolve():
                raise InputError(
                    f"`results: {config.results}` isn't the run's, {own.results}, so it refers to nothing there; take "
                    "it out of prune.configurations"
                )
            found.append(Paths(config.model_copy(update={"results": own.results})))
            Run(found[-1])  # all of its digests can be known
        except InputError as error:
            raise InputError(f"{file}: {error}") from None
    return found


class Run:
    """What a configuration refers to, and what its run has made of what it asks for."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.digests = {stage_and_digest(folder.path) for folder in paths.folders}
        self.singles = {paths.face_model, *map(Path, paths.media)}  # files without a digest's folder

    @property
    def lists(self) -> list[Path]:
        """The run's lists of crops, and of what gave none."""
        return [file for path in self.paths.crops for file in (path, path.with_suffix(".left_out.parquet"))]

    @cached_property
    def videos(self) -> set[str]:
        """The run's videos; none while they aren't listed, or not as the configuration now wants them."""
        paths = self.paths
        if not all((clip.path / REPORT).is_file() for clip in paths.clips):
            return set()
        try:
            videos = parquet.read(paths.run / "corpus/videos.parquet")[["video", "category"]]
        except UNREADABLE:
            return set()
        return set(videos["video"]) if set(paths.config.corpus.categories) <= set(videos["category"]) else set()

    @cached_property
    def faces(self) -> pd.DataFrame | None:
        """The run's face images; None while not all lists are there."""
        if not self.videos or not all(map(Path.is_file, self.lists)):
            return None
        try:
            faces = build(map(parquet.read, self.paths.crops), {})
            return faces[["key", "sha256", "video", "category", "split", "file"]]
        except UNREADABLE:
            return None

    @cached_property
    def images(self) -> dict[str, set[Image]]:
        """The images that the configuration asks for, by shard, and under "" the detector's test images; nothing while
        that can't be known."""
        frames = self.paths.config.frames
        # Of the user's own list, or of what the detector says, nothing is known here: more is kept then.
        if self.faces is None or frames.manifest is not None or frames.explain != "all":
            return {}
        found: dict[str, set[Image]] = {shard: set() for shard in self.paths.shards}
        for video, rows in to_explain(self.faces, self.paths.config).groupby("video"):
            found[self.paths.shard_of_key(f"{video}/")] |= _identities(rows)
        return found | {"": _identities(self.faces[self.faces["split"] == "test"])}

    @cached_property
    def weights(self) -> str | None:
        return self.paths.present_weights

    def keeps(self, path: Path) -> bool:
        """Whether a file is of the run's samples, which are no images of its lists: a published shard, or a journal of
        one that isn't finished."""
        journal = path.parent.name == JOURNALS and path.name.startswith(f"{self.paths.config.run}-{SAMPLES}-")
        return journal or path in self._samples

    @cached_property
    def _samples(self) -> set[Path]:
        return set(self.paths.samples)

    @property
    def clip_lists(self) -> list[Path]:
        """The run's lists of clips' crops, and of what gave none."""
        return [file for path in self.paths.clips_cut for file in (path, path.with_suffix(".left_out.parquet"))]

    @cached_property
    def clip_frames(self) -> pd.DataFrame | None:
        """The frames of the run's clips; None while not all lists are there, or they aren't as the configuration now
        wants them. Of the user's own list that isn't known."""
        paths, config = self.paths, self.paths.config
        if config.video.list is not None or not self.videos or not all(map(Path.is_file, self.clip_lists)):
            return None
        try:
            wanted = asked_for(paths)
            if wanted is None or not parquet.read(paths.clips_run / "list.parquet").equals(wanted):
                return None
            frames = pd.concat(map(parquet.read, paths.clips_cut), ignore_index=True)
            return frames[["clip", "sha256", "video", "file"]]
        except UNREADABLE:
            return None

    @cached_property
    def clip_videos(self) -> set[str]:
        """The videos of the clips that the configuration asks for, where `clip_frames` are known."""
        return set(parquet.read(self.paths.clips_run / "list.parquet")["video"])

    @cached_property
    def clips(self) -> dict[str, set[Image]]:
        """The clips that the configuration asks for, by shard; nothing while that can't be known."""
        frames = self.clip_frames
        if frames is None:
            return {}
        try:
            clips = parquet.read(self.paths.clips_run / "clips.parquet")
        except UNREADABLE:
            return {}
        if set(clips["key"]) != set(frames["clip"]):
            return {}
        found: dict[str, set[Image]] = {shard: set() for shard in self.paths.shards}
        for video, rows in clips.groupby("video"):
            found[self.paths.shard_of_key(f"{video}/")] |= _identities(rows)
        return found

    def files(self, name: Name) -> list[tuple[Path, Path, str]]:
        """Each file that the configuration names under a digest, the one that says of which images it is (the
        rows of an evaluation or of measures are written last), and its shard."""
        paths = self.paths
        found = [(paths.predicted, paths.predicted, "")]
        if paths.any_adversary:
            found += zip(paths.copies, paths.copies, paths.shards, strict=True)
        for explainer in paths.config.explainers:
            maps, rows = paths.maps_of(explainer), paths.rows_of(explainer)
            for files, images in ((maps, maps), (rows, rows), (paths.attacks_of(explainer), rows)):
                found += zip(files, images, paths.shards, strict=True)
            rows = paths.metrics_of(explainer)
            if rows:
                for files in [rows, *(paths.measured(name, explainer) for name in paths.config.metrics)]:
                    found += zip(files, rows, paths.shards, strict=True)
        found += self._files_of_clips()
        return [item for item in found if stage_and_digest(item[0].parents[1]) == name]

    def _files_of_clips(self) -> Iterable[tuple[Path, Path, str]]:
        paths = self.paths
        for files in (paths.scored, paths.video_copies):
            yield from zip(files, files, paths.shards, strict=False)  # no copies where no row asks for them
        for row in paths.config.video.ordered:
            maps, attacked, measured = paths.video_maps_of(row), paths.video_rows_of(row), paths.video_metrics_of(row)
            pairs = [(maps, maps)]
            if paths.config.video.attacks:
                pairs += [(attacked, attacked), (paths.video_attacks_of(row), attacked)]
            for files, images in (*pairs, (measured, measured), (paths.video_measured(row), measured)):
                yield from zip(files, images, paths.shards, strict=True)

    def has(self, file: Path, images: Path, shard: str) -> bool:
        """Whether a file is there, whole, and of every image that the configuration asks for, by its detector."""
        wanted = self.clips if file.parents[2].name in CLIPS else self.images
        if not wanted or self.weights is None:
            return False
        try:
            held = [self._images_in(path) for path in dict.fromkeys((file, images))]
        except UNREADABLE:
            return False
        return held[-1] >= wanted[shard]

    def _images_in(self, path: Path) -> set[Image]:
        """Images that a file has a record of by the run's detector; raises UNREADABLE."""
        if path.suffix == ".parquet":
            rows = parquet.read(path)
            return _identities(rows[rows["weights"] == self.weights])
        records = read_shard(path, ("key", "sha256", "weights"))
        return {(record["key"], record["sha256"]) for record in records if record["weights"] == self.weights}


def stage_and_digest(folder: Path) -> Name:
    """Stage and digest of a folder: what stands before the digest says nothing of its numbers."""
    return folder.parent.name, folder.name.rpartition("-")[2]


def _identities(rows: pd.DataFrame) -> set[Image]:
    return set(zip(rows["key"], rows["sha256"], strict=True))
