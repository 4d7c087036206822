"""How many videos and images a run has: counted where its lists are there, else worked out from the configuration."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.categories import REAL
from advxai.common.croptree import is_tree
from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config.data import DemoCorpus
from advxai.corpus.blocks import REPORT
from advxai.corpus.ffpp import find, read_splits
from advxai.frames.crops import listing
from advxai.frames.explained import sampled, to_explain
from advxai.frames.manifest import known, read_csv
from advxai.frames.sampling import candidates, for_training, sequences
from advxai.plan.found import Image, Records
from advxai.run.paths import Paths
from advxai.statistics import clusters

Videos = dict[str, dict[str, int]]  # category -> split -> number of videos

FRAMES = 510  # of an FF++ video on average: the 1,000 originals hold 509,914
RATE = 30  # frames a second of a demo clip, at most
OFFICIAL = {"train": 720, "val": 140, "test": 140}  # videos of FF++'s originals and of each manipulation
# FF++'s further videos that no split file names: all of them are test videos
SPLITLESS = {
    name: {"train": 0, "val": 0, "test": number} for name, number in (("DeepFakeDetection", 3068), ("actors", 363))
}


@dataclass(frozen=True)
class Population:
    """What a run is about, in numbers.

    Attributes:
        videos: of all splits; 0 if the images come from a database.
        there: these lie on the disk, and needn't be made; the demo's are in the store or not.
        crops: face images cut out of them.
        stored: face images in the run's database.
        train, val: images that one epoch of the training sees.
        test: images that the detector's metrics need.
        explained: images that are attacked and explained.
        test_videos: videos that these come from.
        frames: number of frames that a test fake has -> number of such videos: what more could be explained of them. Of
            a video with several tracks each counts.
        groups: clusters of people that the test fakes are of, as far as `statistics.clusters` knows them.
        source: where the numbers are from, in words.
        exact: the images are listed; else all numbers of images are upper estimates.
        classified: videos that the test images come from, real ones too.
        images, tested: key and hash of the images explained and of the test images, where they are listed.
    """

    videos: int
    there: bool
    crops: int
    stored: int
    train: int
    val: int
    test: int
    explained: int
    test_videos: int
    frames: Mapping[int, int]
    groups: int
    source: str
    exact: bool = False
    images: frozenset[Image] | None = None
    tested: frozenset[Image] | None = None
    classified: int = 0

    def of_frames(self, most: int) -> int:
        """Images of the test fakes, if each gives `most` of its frames, or all that it has."""
        return sum(videos * min(most, frames) for frames, videos in self.frames.items())


def population(paths: Paths) -> Population:
    """The numbers of a configuration's run, from the best that is there: its own lists, the user's list, the videos.

    Raises:
        InputError: a list is there but damaged or malformed.
    """
    config = paths.config
    manifest = _manifest(paths)
    if manifest is not None:
        return _counted(paths, manifest)
    videos, there, source = _videos(config)
    worked_out = expected(paths, videos, there, source)
    listed, crops = config.frames.manifest, config.frames.crops
    if listed is not None and Path(listed).exists():
        return _listed(paths, worked_out, read_csv(Path(listed)), f"the list {listed}")
    if crops is not None and is_tree(Path(crops)):
        wanted = (REAL, *config.corpus.categories, *config.corpus.also)
        named, _ = listing(Path(crops), config.corpus.compression, wanted)
        return _listed(paths, worked_out, named, f"the names of the files in {crops}")
    return worked_out


def expected(paths: Paths, videos: Videos, there: bool, source: str) -> Population:
    """Upper estimates from numbers of videos: every frame that is looked at gives a face.

    Args:
        paths: of the run.
        videos: category -> split -> number of videos.
        there: they lie on the disk.
        source: where these are from.
    """
    config = paths.config
    seen, tracks = _frames_of_a_video(config), config.faces.tracks or 1
    learnt = tracks if config.detector.training.tracks == "all" else 1
    fakes = [category for category in config.corpus.categories if category != REAL]
    explained = sum(videos[category]["test"] for category in fakes)
    number = sum(sum(splits.values()) for splits in videos.values())
    ready = config.frames.ready
    return Population(
        videos=0 if ready else number,
        there=there,
        crops=0 if ready else number * seen * tracks,
        stored=number * seen * tracks,
        train=_epoch(videos, paths, "train", seen) * learnt,
        val=_epoch(videos, paths, "val", seen) * learnt,
        test=sum(splits["test"] for splits in videos.values()) * seen * tracks,
        explained=explained * min(seen, config.frames.most) * tracks,
        test_videos=explained,
        frames={seen: explained * tracks},
        groups=videos[REAL]["test"] // 2 if explained else 0,  # originals come in pairs, swapped with each other
        classified=sum(splits["test"] for splits in videos.values()),
        source=source + (f", with {tracks} faces each" if tracks > 1 else ""),
    )


def _frames_of_a_video(config: Config) -> int:
    frames = FRAMES
    if isinstance(config.corpus, DemoCorpus):
        frames = math.ceil(config.corpus.block_seconds * RATE)
    wanted = config.faces.frames_per_video
    return min(wanted, frames) if wanted else math.ceil(frames / config.faces.stride)


def _epoch(videos: Videos, paths: Paths, split: str, seen: int) -> int:
    """Images of an epoch, as `for_training` draws them of each track: as many real ones as the largest class of fakes
    has, or what each video gives of its own."""
    training = paths.config.detector.training
    fake, real = (min(number, seen) for number in training.frames_of(split))
    numbers: Counter[int] = Counter()
    for category in paths.learnt:
        numbers[paths.classes.label(category)] += videos[category][split] * fake
    if training.balance == "weights":
        return numbers.total() + videos[REAL][split] * real
    return numbers.total() + min(max(numbers.values(), default=0), videos[REAL][split] * seen)


def _videos(config: Config) -> tuple[Videos, bool, str]:
    """Numbers of videos, whether they lie on the disk, and where the numbers are from."""
    corpus = config.corpus
    if isinstance(corpus, DemoCorpus):
        blocks = {split: sum(getattr(clip.splits, split) for clip in corpus.clips) for split in OFFICIAL}
        return dict.fromkeys((REAL, *corpus.categories), blocks), False, "the time blocks of the clips"
    wanted = (REAL, *corpus.categories, *corpus.also)
    if config.without_corpus:
        return dict.fromkeys(wanted, dict.fromkeys(OFFICIAL, 0)), False, "no corpus: corpus.root isn't set"
    try:
        names = read_splits(Path(str(corpus.splits)))
    except InputError:  # what is wrong with them, `Paths.check` says
        videos = {name: SPLITLESS.get(name, OFFICIAL) for name in wanted}
        return videos, False, "FF++'s official numbers of videos, as corpus.splits can't be read"
    found = {name: find(Path(str(corpus.root)), corpus.compression, name, names) for name in wanted}
    if all(not own.there.isdisjoint(own.listed) for own in found.values()):
        there = {name: _numbers(own.names, own.there) for name, own in found.items()}
        return there, True, f"the videos in {corpus.root}"
    return {name: SPLITLESS.get(name) or _numbers(names[name]) for name in wanted}, False, f"the splits {corpus.splits}"


def _numbers(names: Mapping[str, list[str]], there: Collection[str] | None = None) -> dict[str, int]:
    return {split: sum(there is None or name in there for name in own) for split, own in names.items()}


def _listed(paths: Paths, worked_out: Population, listed: pd.DataFrame, source: str) -> Population:
    """The numbers of a list of images, or of a tree's; the videos are the corpus's all the same."""
    config = paths.config
    listed = known(listed, [*config.corpus.categories, *config.corpus.also])
    sample = sampled(listed, config)
    train, val = _epochs(paths, listed)
    return replace(
        worked_out,
        stored=len(listed),
        train=train,
        val=val,
        test=int((listed["split"] == "test").sum()),
        classified=listed.loc[listed["split"] == "test", "video"].nunique(),
        explained=len(sample),
        test_videos=sample["video"].nunique(),
        frames=_frames(listed, config),
        groups=_groups(listed, config),
        source=source,
        exact=config.frames.explain == "all",
    )


def _manifest(paths: Paths) -> pd.DataFrame | None:
    """The run's manifest, if it was made with the present settings of clips and faces."""
    path = paths.run / "frames/manifest.parquet"
    current = all((clip.path / REPORT).is_file() for clip in paths.clips)
    if not paths.config.frames.ready:
        current = current and any((paths.faces.path / paths.config.run).glob("*.parquet"))
    return parquet.read(path) if current and path.exists() else None


def _counted(paths: Paths, manifest: pd.DataFrame) -> Population:
    config = paths.config
    images, exact = to_explain(manifest, config), True
    if config.frames.explain == "called_fake":
        images, exact = _called_fake(paths, images)
    test = manifest[manifest["split"] == "test"]
    ready = config.frames.ready
    train, val = _epochs(paths, manifest)
    return Population(
        videos=0 if ready else manifest["video"].nunique(),
        there=not paths.clips,
        crops=0 if ready else len(manifest),
        stored=len(manifest),
        train=train,
        val=val,
        test=len(test),
        classified=test["video"].nunique(),
        explained=len(images),
        test_videos=images["video"].nunique(),
        frames=_frames(manifest, config),
        groups=_groups(manifest, config),
        source=f"the run's list {paths.run / 'frames/manifest.parquet'}",
        exact=exact,
        images=_identities(images),
        tested=_identities(test),
    )


def _frames(images: pd.DataFrame, config: Config) -> Counter[int]:
    """Of a manifest or a list: how many of the videos to explain have how many frames."""
    return Counter(len(rows) for rows in sequences(_test_fakes(images, config)).values())


def _groups(images: pd.DataFrame, config: Config) -> int:
    return len(set(clusters(_test_fakes(images, config)["video"].unique()).values()))


def _test_fakes(images: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The images that could be explained."""
    return candidates(known(images, config.corpus.categories))


def _called_fake(paths: Paths, images: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Without the images that the detector is known to call Real; and whether it has classified them all."""
    called = {
        (record["key"], record["sha256"]): bool(paths.classes.called_real(record["probabilities"]))
        for record in Records(paths).of(paths.predictions.path, ("key", "sha256", "probabilities"))
    }
    said = [called.get(image) for image in zip(images["key"], images["sha256"], strict=True)]
    return images[[real is not True for real in said]], None not in said


def _epochs(paths: Paths, listed: pd.DataFrame) -> list[int]:
    """Images of an epoch of training, and of validation."""
    rows = known(listed, paths.learnt)
    config = paths.config
    training = config.detector.training
    return [len(for_training(rows, split, training, config.seed, paths.classes)) for split in ("train", "val")]


def _identities(rows: pd.DataFrame) -> frozenset[Image]:
    return frozenset(zip(rows["key"], rows["sha256"], strict=True))
