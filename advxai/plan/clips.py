"""What the clips of a run cost (`snakemake video`): how many, and a row a stage, as the images' stages have.

Forwards are frames through the detector: a clip that is perturbed once is as many forwards as it has frames.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from advxai.clips.lists import read_list
from advxai.clips.made import made
from advxai.config import Config
from advxai.config.metrics import Restoration
from advxai.plan.count import BACKWARD, CROP, MAPS, PAPER_ITERATIONS, SEGMENTS, STEPS, Row, pace_of
from advxai.plan.found import Held, Image, Records, finished
from advxai.plan.population import Population
from advxai.run.digests import digest
from advxai.run.paths import Paths
from advxai.run.store.complete import ITEM

SHARES = MAPS | {"shap3d": 0.1, "lime3d": 0.1}  # as there: of few values
NOTHING = Held()


@dataclass(frozen=True)
class Clips:
    """A run's clips.

    Attributes:
        number: of them; upper estimate unless all are cut.
        source: where the number is from, in words.
        images: key and hash of each whose crops are there: only of these the store can be known to hold more.
        scores, adversary: finished clips.
        saliency, attacks, metrics: row -> finished clips; `forwards` are of one clip, of `attacks` of one attack.
    """

    number: int
    source: str
    images: frozenset[Image] = frozenset()
    scores: Held = NOTHING
    adversary: Held = NOTHING
    saliency: Mapping[str, Held] = field(default_factory=dict)
    attacks: Mapping[str, Held] = field(default_factory=dict)
    metrics: Mapping[str, Held] = field(default_factory=dict)


def clips_of(paths: Paths, population: Population) -> Clips | None:
    """The clips that the configuration asks for, and what the store holds of them; None: it says nothing of clips.

    Args:
        paths: of the run.
        population: its images, for the number of test videos.

    Raises:
        InputError: the user's list can't be read.
    """
    config = paths.config
    if not config.video.asked:
        return None
    records = Records(paths)
    there = made(paths)
    if there is None:
        found = Clips(*_number(config, population))
    elif there.whole:
        found = Clips(there.number, f"the run's list {paths.clips_run / 'clips.parquet'}", there.images)
    else:
        found = Clips(there.number, f"{_by(config)}, of the run's videos", there.images)
    names = config.video.ordered
    return replace(
        found,
        scores=finished(records, paths.video_scores.path),
        adversary=finished(records, paths.video_adversary.path, "queries"),
        saliency={name: finished(records, paths.video_saliency(name).path, "images") for name in names},
        attacks={name: _attacks(records, paths, name) for name in names},
        metrics={name: _metrics(records, paths, name) for name in names},
    )


def _number(config: Config, population: Population) -> tuple[int, str]:
    """How many clips there are at most, and by what."""
    settings = config.video
    if settings.list is not None:
        path = Path(settings.list)
        if not path.is_file():
            return 0, f"{path} isn't there"
        return len(read_list(path).clips), _by(config)
    fakes = population.test_videos
    reals = max(population.classified - fakes, 0)
    wanted = (settings.fakes, settings.reals)
    chosen = [there if most is None else min(most, there) for most, there in zip(wanted, (fakes, reals), strict=True)]
    return sum(chosen), f"{_by(config)}, of {fakes:,} fake and {reals:,} real test videos"


def _by(config: Config) -> str:
    """What says which clips are explained."""
    return "video.fakes and video.reals" if config.video.list is None else f"the list {config.video.list}"


def _attacks(records: Records, paths: Paths, name: str) -> Held:
    """Clips whose rows are published or whose attacks are all made; what an attack took, whoever asked for it."""
    attacks = finished(records, paths.video_attacks.path, "queries", identity=ITEM)
    files = records.of(paths.video_attacks.path, ITEM, f"*{digest(paths.video_evaluation_params(name))}-*")
    masks = Counter(one[:2] for one in {tuple(record[field] for field in ITEM) for record in files})
    done = {(key, sha256) for (key, sha256), number in masks.items() if number >= paths.config.video.top}
    return replace(attacks, images=frozenset(done.union(records.rows(paths.video_evaluation(name).path))))


def _metrics(records: Records, paths: Paths, name: str) -> Held:
    pattern = f"*{digest(paths.video_metrics_params(name))}-*"
    one = finished(records, paths.video_measures.path, "images", name=pattern)
    return replace(one, images=one.images.union(records.rows(paths.video_metrics(name).path)))


def rows(config: Config, found: Clips, rate: float | None = None) -> list[Row]:
    """Every stage of clips that takes long or makes forwards, in the order of the data.

    Args:
        config: the run's.
        found: its clips.
        rate: images a second through the detector; None: not measured.
    """
    settings, number, images = config.video, found.number, found.images
    frames, area = settings.frames, config.detector.input_size**2

    def row(
        stage: str, name: str, there: Held, each: float | None, most: float | None, size: float, back: float = 0.0
    ) -> Row:
        """Args: each, most: frames through the detector a clip; size: bytes a clip; back: backwards a clip."""
        done = there.among(images, number)
        missing, pace = number - done, pace_of(config, rate, back)
        forwards, at_most = (None if one is None else round(missing * one) for one in (each, most))
        backwards = round(missing * back)
        seconds, longest = (
            None if one is None or not pace else (one + BACKWARD * backwards) / pace for one in (forwards, at_most)
        )
        size = there.bytes or size
        return Row(
            stage, name, "clips", number, done, forwards, at_most, round(missing * size), seconds, longest, backwards
        )

    labels = 2 * area * frames * SEGMENTS
    cut = len(images)
    listed = [Row("clips", "", "clips", number, cut, bytes=round((number - cut) * frames * CROP))]
    listed.append(row("video_scores", "", found.scores, frames, frames, labels))
    if any("adversarial" in entry.needs for entry in settings.explainers.values()):
        nes = config.adversary
        mean = found.adversary.forwards or frames * nes.forwards(PAPER_ITERATIONS)
        size = area * frames * nes.channels * STEPS
        listed.append(row("video_adversary", "", found.adversary, mean, frames * nes.forwards(), size))
    for name in settings.ordered:
        entry, there = settings.explainers[name], found.saliency.get(name, NOTHING)
        each = there.forwards if entry.forwards is None else entry.forwards * frames
        size = 4 * area * frames * SHARES.get(entry.method, MAPS["rise"]) + labels
        back = entry.backwards * frames if entry.kind == "explainer" else 0
        listed.append(row("video_saliency", name, there, each, each, size, back))
    most = config.evaluation.forwards() * frames
    for name in settings.ordered if settings.attacks else ():
        there = found.attacks.get(name, NOTHING)
        mean = there.forwards or most
        listed.append(row("video_attacks", name, there, settings.top * mean, settings.top * most, 500 * settings.top))
    for name in settings.ordered:
        there, (expected, at_most) = found.metrics.get(name, NOTHING), _measuring(config, name)
        mean = expected if there.forwards is None else there.forwards
        listed.append(row("video_metrics", name, there, mean, at_most, 2000))
    return listed


def _measuring(config: Config, name: str) -> tuple[float, float]:
    """Forwards that measuring one explanation takes, expected and at most: a clip's segments are restored as an image's
    are."""
    settings = config.video
    segments = math.ceil(settings.frames / settings.segments.frames) * settings.segments.number
    restored = Restoration(measure="restoration", area=settings.area, top=min(settings.top, 10))
    expected, most = restored.images(segments, getattr(settings.explainers[name], "draws", 1))
    return settings.frames * expected, settings.frames * most


def in_words(found: Clips, config: Config) -> str:
    """A sentence of the plan's head."""
    settings = config.video
    about = "" if len(found.images) == found.number else "~"
    return (
        f"{about}{found.number:,} of {settings.frames} frames to explain by {', '.join(settings.ordered)}; by "
        f"{found.source}; a forward is one frame"
    )
