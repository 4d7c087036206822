"""What each stage still has to do: images, forwards, bytes, time; and into which jobs that falls.

Forwards are images through the detector, as everywhere. "Expected" is what the store's records say, or the paper;
"at most" is what the settings allow.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from advxai.config import Config
from advxai.config.controls import CEILINGS, CONTROLS
from advxai.config.data import DemoCorpus
from advxai.config.metrics import Restoration
from advxai.config.rows import Row as Entry
from advxai.config.rows import segments_of
from advxai.frames.database import PAGE
from advxai.plan.found import Held, Image, Store
from advxai.plan.lengths import Expected
from advxai.plan.lengths import forwards as forwards_of
from advxai.plan.population import Population
from advxai.plan.samples import Sampled

PAPER_ITERATIONS = 23  # of NES an image: the paper's table 3 gives 1,881 forwards, of 81 an iteration
TRAINING = 3  # forward and backward pass of a training image take about as long as three forwards
# An image's way back to the pixels, past weights that don't learn, in forwards of the module: measured were 1.2 to 2.0
# (one core of an AMD EPYC, 2026-11-27: EfficientNetV2-B0 1.2, Xception 1.4, ViT-Ti 1.4, MobileNetV3-S 2.0).
BACKWARD = 2
# A forward of the module in forwards of another backend, of which `rate` is. OpenVINO's were measured as 1.4 for the
# demo's detector and 1.2 for EfficientNetV2-B0 (docs/speed.md: 879 and 135 images/s, torch 613 and 114), inductor's as
# 1.1 (640 images/s, torch 573), ONNX Runtime's not: taken for OpenVINO's.
MODULE = {"torch": 1.0, "inductor": 1.1, "openvino": 1.4, "onnxruntime": 1.4}
# Bytes where the store can't tell: a face of FF++ as PNG; and, as measured, shares of an array that gzip leaves
CROP = 110_000
STEPS, SEGMENTS = 0.65, 0.1
MAPS = {"lime": 0.1, "shap": 0.1, "sobol": 0.7, "rise": 0.8}  # others: as RISE
MAPS |= {"occlusion": 0.1, "kernel_shap": 0.1}  # of few values
MAPS |= dict.fromkeys(("gradcam", "gradcam++", "hirescam"), 0.5)  # smooth, and zero in part
MAPS |= dict.fromkeys(("relevancy", "attention"), 0.7)  # smooth
MAPS |= dict.fromkeys(("integrated_gradients", "gradient_shap"), 0.9)
MAPS |= dict.fromkeys(("random", "largest", "oracle_mask"), 0.1)  # of few values
MAPS |= {name: 0.8 for name in (*CONTROLS, *CEILINGS) if name not in MAPS}
PREDICTION, ATTACK, MEASURED = 300, 500, 2000

LEAST_JOB, LONGEST_JOB = 600.0, 3600.0  # seconds that a job should take
START = 10.0  # seconds until a job has begun its work: Snakemake, imports, the detector (docs/scaling.md)
ONCE = ("corpus", "frames", "training", "detector")  # stages that aren't divided into shards
# which take long enough to be planned by their shards
SHARDED = (
    "adversary", "saliency", "evaluation", "samples", "video_adversary", "video_saliency", "video_attacks",
    "video_metrics",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One stage, or one explainer in a stage. What is found costs nothing; the other numbers are of the rest.

    Attributes:
        stage: as its target, but for the detector's two.
        name: the explainer's, or "".
        unit: of `items`.
        items, found: how many in all, and how many of them are in the store.
        forwards, most: images through the detector, expected and at most; None: can't be known.
        bytes: to be written; None: little, or not known.
        seconds, longest: of one process, expected and at most; None: can't be known.
        backwards: images back through the detector, for gradients; the seconds have them.
    """

    stage: str
    name: str
    unit: str
    items: int
    found: int
    forwards: int | None = 0
    most: int | None = 0
    bytes: int | None = None
    seconds: float | None = None
    longest: float | None = None
    backwards: int = 0

    @property
    def missing(self) -> int:
        return self.items - self.found


@dataclass(frozen=True)
class Jobs:
    """A stage's jobs.

    Attributes:
        stage: its name.
        number: of jobs.
        images: of a job, on average.
        shortest, longest, most: seconds of a job: the explainers' least and greatest expected, and the greatest at
            most; None: not known.
    """

    stage: str
    number: int
    images: float
    shortest: float | None
    longest: float | None
    most: float | None


def explanation(settings: Entry, held: Held) -> float | None:
    """Forwards that explaining one image takes, the one that finds the target included.

    Returns:
        None for an explainer from outside, of which the store has no record yet.
    """
    if settings.forwards is not None:
        return settings.forwards
    return None if held.forwards is None else held.forwards + 1


def gradients(settings: Entry, held: Held) -> float:
    """Backwards that explaining one image takes; of an explainer from outside what the store's records say."""
    return settings.backwards or held.backwards or 0.0


def rows(
    config: Config, population: Population, store: Store, rate: float | None = None, samples: Sampled | None = None
) -> list[Row]:
    """Every stage of a run that takes long or makes forwards, in the order of the data.

    Args:
        config: the run's.
        population: its images.
        store: what is there of it.
        rate: images a second through the detector; None: not measured.
        samples: that are explained besides; None: none.
    """
    found = [] if config.frames.lmdb is not None else _data(config, population, store)
    found = [row for row in found if row.stage == "frames" or not config.frames.ready]
    found += _detector(config, population, store, rate)
    images, number, elsewhere = population.images, population.explained, store.elsewhere
    area = config.detector.input_size**2
    if any("adversarial" in entry.needs for entry in config.explainers.values()):
        settings, held = config.adversary, store.adversary
        iterations: float = PAPER_ITERATIONS  # or fewer, where fewer are allowed
        if elsewhere is not None and elsewhere.adversary is not None:
            iterations = elsewhere.adversary
        mean = held.forwards or forwards_of(settings, iterations)
        size = held.bytes or area * settings.channels * STEPS
        found.append(_row("adversary", "", number, held.among(images, number), mean, settings.forwards(), size, rate))
    found += [_explained("saliency", config, store, rate, name, number, images) for name in config.explainers]
    most = config.evaluation.top * config.evaluation.forwards()
    for name in config.explainers:
        held = store.evaluation.get(name, Held())
        mean, size = attacking(config, held, elsewhere), config.evaluation.top * (held.bytes or ATTACK)
        found.append(_row("evaluation", name, number, held.among(images, number), mean, most, size, rate))
    for name in config.explainers if config.metrics else ():
        held = store.metrics.get(name, Held())
        expected, at_most = measuring(config, name)
        took = expected if held.forwards is None else held.forwards
        there = held.among(images, number)
        found.append(_row("metrics", name, number, there, took, at_most, held.bytes or MEASURED, rate))
    if samples is not None:
        # which of them the store has isn't known before they are looked for
        own = frozenset[Image]() if samples.images is None else samples.images
        found += [_explained("samples", config, store, rate, name, samples.number, own) for name in config.sampled]
    return found


def _explained(
    stage: str, config: Config, store: Store, rate: float | None, name: str, number: int,
    images: frozenset[Image] | None,
) -> Row:  # fmt: skip
    """Explanations of so many images by one row; `images` as of `Held.among`."""
    entry, held, area = config.explainers[name], store.saliency.get(name, Held()), config.detector.input_size**2
    each = explanation(entry, held)
    size = held.bytes or area * (4 * MAPS.get(entry.method, MAPS["rise"]) + 2 * SEGMENTS)
    known = each if entry.method in MAPS else None
    back = gradients(entry, held)
    return _row(stage, name, number, held.among(images, number), each, known, size, pace_of(config, rate, back), back)


def pace_of(config: Config, rate: float | None, back: float) -> float | None:
    """Images a second through the detector for a row: one that asks for gradients has the module compute them.

    Args:
        config: the run's.
        rate: of the detector's backend; None: not measured.
        back: backwards of the row.
    """
    return rate / MODULE[config.detector.backend] if back and rate else rate


def attacking(config: Config, held: Held, elsewhere: Expected | None) -> float:
    """Forwards that a row's segment attacks on one image are expected to take: each as long as the store's did, or as
    another run's, or as is allowed; and as many as aren't another row's, as far as that is known."""
    settings = config.evaluation
    if held.forwards is None:
        return settings.top * settings.forwards() if elsewhere is None else elsewhere.of_row(settings)
    return settings.top * held.forwards * (1 if elsewhere is None else elsewhere.share)


def measuring(config: Config, explainer: str) -> tuple[float, float] | tuple[None, None]:
    """Forwards that measuring one explanation takes, expected and at most, of an image that is called fake and by the
    number of segments that is asked for; None: of a measure from outside that asks the detector, or of a segmentation
    that has no such number."""
    entry, asking = config.explainers[explainer], [one for one in config.metrics.values() if one.forwards]
    if not asking:
        return 0, 0
    segmentation = segments_of(entry)
    segments = segmentation.n_segments if segmentation.algorithm == "slic" else None
    if segments is None or any(not isinstance(one, Restoration) for one in asking):
        return None, None
    images = [one.images(segments, getattr(entry, "draws", 1)) for one in asking if isinstance(one, Restoration)]
    return sum(expected for expected, _ in images), sum(most for _, most in images)


def _row(
    stage: str, name: str, items: int, found: int, each: float | None, most: float | None, size: float,
    rate: float | None, back: float = 0.0,
) -> Row:  # fmt: skip
    """Args: each, most: forwards an image; size: bytes an image; back: backwards an image."""
    missing = items - found
    forwards, at_most = (
        None if missing and number is None else round(missing * (number or 0)) for number in (each, most)
    )
    backwards = round(missing * back)
    seconds, longest = (
        (number + BACKWARD * backwards) / rate if number is not None and rate else None
        for number in (forwards, at_most)
    )
    return Row(
        stage, name, "images", items, found, forwards, at_most, round(missing * size), seconds, longest, backwards
    )


def _data(config: Config, population: Population, store: Store) -> list[Row]:
    corpus, there = config.corpus, population.videos if population.there else 0
    if isinstance(corpus, DemoCorpus):
        blocks = sum(sum(clip.splits.model_dump().values()) for clip in corpus.clips if clip.name in store.clips)
        there = blocks * (1 + len(corpus.categories))
    crop = store.crop_bytes or CROP
    videos, cut = population.videos, min(store.videos, population.videos)
    faces = round(population.crops * (videos - cut) / max(videos, 1))
    timed = store.faces_per_second
    stored, database = population.stored, population.stored if store.database else 0
    size = round((stored - database) * (crop // PAGE + 1) * PAGE)
    time = faces / timed if timed else None
    return [
        Row("corpus", "", "videos", videos, min(there, videos)),
        Row("faces", "", "videos", videos, cut, bytes=round(faces * crop), seconds=time, longest=time),
        Row("frames", "", "images", stored, database, bytes=size),
    ]


def _detector(config: Config, population: Population, store: Store, rate: float | None) -> list[Row]:
    found = []
    if config.detector.checkpoint is None and not store.ready_made:
        epochs, train, val = config.detector.training.epochs, population.train, population.val
        left = 0 if store.detector else epochs
        forwards = left * (train + val)
        seconds = left * (TRAINING * train + val) / rate if rate else None
        there = train + val if store.detector else 0
        found.append(Row("training", "", "images", train + val, there, forwards, forwards, None, seconds, seconds))
    there = store.predictions.among(population.tested, population.test)
    size = store.predictions.bytes or PREDICTION
    return [*found, _row("detector", "", population.test, there, 1, 1, size, rate)]


def processes(config: Config, cores: int, gpus: int | None, submitted: int | None = None) -> int:
    """Jobs with forwards that run at once.

    Args:
        config: the run's.
        cores: Snakemake's.
        gpus: Snakemake's resource `gpu`; None: not limited, taken for one.
        submitted: jobs that a cluster has at once; None: they run on this machine.
    """
    if submitted is not None:
        return submitted
    fit = max(1, cores // config.detector.threads)
    return fit if config.detector.device == "cpu" else max(1, min(fit, gpus or 1))


def jobs(found: Sequence[Row], shards: int) -> list[Jobs]:
    """The jobs with forwards that the sharded stages fall into, where something is left to do."""
    listed = []
    for stage in SHARDED:
        parts = [row for row in found if row.stage == stage and row.missing and row.most != 0]
        if parts:
            seconds = [row.seconds for row in parts if row.seconds is not None]
            most = [row.longest for row in parts if row.longest is not None]
            listed.append(
                Jobs(
                    stage,
                    shards * len(parts),
                    sum(row.missing for row in parts) / len(parts) / shards,
                    min(seconds) / shards if seconds else None,
                    max(seconds) / shards if seconds else None,
                    max(most) / shards if most else None,
                )
            )
    return listed


def starts(found: Sequence[Row], shards: int) -> int:
    """How many jobs have to start: one a shard and row, where something is left to do."""
    return sum(1 if row.stage in ONCE else shards for row in found if row.missing)


def propose(seconds: Collection[float], at_once: int, videos: int) -> int:
    """Shards of which the longest takes an hour at most, and as many as keep every process busy if each still takes ten
    minutes.

    Args:
        seconds: of each piece of work (adversary, each explainer's saliency and evaluation) as one job.
        at_once: processes.
        videos: that the images come from; no video is divided.
    """
    longest = max(seconds, default=0.0)
    spread = min(at_once, int(longest // LEAST_JOB))
    return max(1, min(max(math.ceil(longest / LONGEST_JOB), spread), max(videos, 1), 10_000))
