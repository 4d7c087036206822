"""Where everything lies. A store path carries a digest of what determines its numbers; a run's paths are readable.

    <results>/store/<stage>/<name>-<digest>/...   shared by all runs, with params.json beside it
    <results>/<run>/...                           tables, figures and lists of one run

A digest covers parameters, the stage's algorithm version and the digests of the stages it reads, never the list of
images.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advxai.config import Config
from advxai.config.base import Medium
from advxai.config.data import DemoCorpus
from advxai.config.science import Nes
from advxai.digests import Digests, digest
from advxai.errors import InputError
from advxai.files import publish
from advxai.frames.shards import shard_of

PARAMS = "params.json"


@dataclass(frozen=True)
class Folder:
    """A digest's folder in the store.

    Attributes:
        path: `<store>/<stage>/<name>-<digest>`.
        holds: what its files are, in words.
        params: what determines their numbers; the digest is theirs.
        reads: folders that they were made from.
    """

    path: Path
    holds: str
    params: dict[str, Any]
    reads: tuple[Path, ...] = field(default=())

    def describe(self) -> None:
        """Leave params.json in the folder: what its files were made from."""
        content = {
            "holds": self.holds,
            "digest": self.path.name.rpartition("-")[2],
            "params": self.params,
            "made_from": ["/".join(path.parts[-2:]) for path in self.reads],
        }
        path = self.path / PARAMS
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        if not path.exists() or path.read_text() != text:
            publish(path, lambda file: file.write_text(text))


def _nes(settings: Nes) -> str:
    return (
        f"NES, n = {settings.samples}, alpha = {settings.alpha * 255:.3g}/255, at most {settings.iterations} iterations"
    )


class Paths(Digests):
    """Paths and parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.store = Path(config.results, "store")
        self.run = Path(config.results, config.run)

    def medium(self, medium: Medium) -> Path:
        """The file of a medium: fetched into the store, or the user's own."""
        if medium.path is not None:
            return Path(medium.path)
        return self.store / "media" / f"{medium.package}-{medium.version}" / Path(str(medium.file)).name

    @property
    def media(self) -> dict[str, Medium]:
        """Packaged media by their path in the store."""
        config = self.config
        media = [config.faces.model]
        if isinstance(config.corpus, DemoCorpus):
            media += [config.corpus.face_mesh, *(clip.source for clip in config.corpus.clips)]
        if config.detector.checkpoint is None and config.detector.training.initial_weights:
            media.append(config.detector.training.initial_weights)
        return {str(self.medium(medium)): medium for medium in media if medium.path is None}

    @property
    def logs(self) -> Path:
        """Logs and benchmark files; a run's own are in a folder of its name."""
        return self.store / "logs"

    # A job that was killed, for example for memory, is tried again so many times.
    RETRIES = 2

    def images_at_once(self, attempt: int) -> int:
        """How many images a job holds: half as many at each further attempt, which changes no number."""
        return max(1, self.config.images_at_once >> (attempt - 1))

    @property
    def gpus(self) -> int:
        """GPUs that a job with forwards asks for."""
        return int(self.config.detector.device == "cuda")

    @property
    def initial_weights(self) -> list[Path]:
        """The file that training starts from, if any."""
        weights = self.config.detector.training.initial_weights
        return [self.medium(weights)] if weights else []

    def check(self) -> None:
        """Look for what must be there before any job starts.

        Raises:
            InputError: one line that lists every missing file or folder and the key that names it.
        """
        config = self.config
        wanted: list[tuple[str, Path]] = []
        if isinstance(config.corpus, DemoCorpus):
            wanted += [
                (f"corpus.clips ({clip.name}) source.path", Path(clip.source.path))
                for clip in config.corpus.clips
                if clip.source.path is not None
            ]
        else:
            root = Path(config.corpus.root)
            wanted.append(("corpus.root", root))
            wanted += [
                ("corpus.splits", Path(config.corpus.splits, f"{name}.json")) for name in ("train", "val", "test")
            ]
            wanted += [
                ("corpus.categories", root / "manipulated_sequences" / category / config.corpus.compression / "videos")
                for category in config.corpus.categories
            ]
        if config.detector.checkpoint is not None:
            wanted.append(("detector.checkpoint", Path(config.detector.checkpoint)))
        missing = [f"{key}: {path}" for key, path in wanted if not path.exists()]
        learns = config.detector.checkpoint is None and isinstance(config.corpus, DemoCorpus)
        if learns and not any(clip.splits.train for clip in config.corpus.clips):
            raise InputError(
                "config: corpus.clips: none has a block in the split train; add one or set detector.checkpoint"
            )
        if missing:
            raise InputError(
                "config: these are not there: " + "; ".join(missing) + "; correct the paths or get the data"
            )

    # -- what people read ---------------------------------------------------------------------------------------------
    FORMATS = ("parquet", "csv", "md", "tex")
    COMBINED = ("accuracy", "sufficiency", "cost", "flips")

    @property
    def tables(self) -> list[Path]:
        """Every table: one an explainer, and the combined ones."""
        names = [*self.config.explainers, *self.COMBINED]
        return [self.run / "tables" / f"{name}.{kind}" for name in names for kind in self.FORMATS]

    @property
    def figure_groups(self) -> dict[str, list[str]]:
        """Explainers that differ in their baseline alone stand in one figure, named as the first of them."""
        groups: dict[str, list[str]] = {}
        for name, settings in self.config.explainers.items():
            groups.setdefault(digest(settings.model_dump(mode="json", exclude={"baseline"})), []).append(name)
        return {names[0]: names for names in groups.values()}

    @property
    def figures(self) -> list[Path]:
        return [self.run / "figures" / f"{name}.{kind}" for name in self.figure_groups for kind in ("png", "pdf")]

    def note(self, explainer: str | None = None) -> str:
        """The budgets behind a table, as a line under it."""
        config = self.config
        copies = self.any_adversary if explainer is None else self.needs_adversary(explainer)
        own = f" Adversarial copies: {_nes(config.adversary)}." if copies else ""
        if explainer is not None:
            settings = config.explainers[explainer]
            budget = settings.model_dump(include={"samples", "evaluations", "grid", "design", "masks", "params"})
            own += ", ".join(
                [f" {explainer}: baseline {settings.baseline.kind}", *(f"{k} {v}" for k, v in budget.items())]
            )
        return (
            f"Run {config.run}, {config.detector.model} at {config.detector.input_size} px, seed {config.seed}. "
            f"Segment attacks: {_nes(config.evaluation)}.{own}"
        )

    @property
    def any_adversary(self) -> bool:
        """Some explainer fills in with the adversarial copy."""
        return any(map(self.needs_adversary, self.config.explainers))

    # -- corpus, faces ------------------------------------------------------------------------------------------------
    def clip_source(self, name: str) -> Path:
        return self.medium(self._clip(name).source)

    @property
    def face_mesh(self) -> Path:
        return self.medium(self._corpus.face_mesh)

    def clip(self, name: str) -> Folder:
        params = self.clip_params(name)
        holds = f"originals, manipulations and masks made from the clip {name}, in FF++'s layout"
        return Folder(self.store / "corpus" / f"{name}-{digest(params)}", holds, params)

    @property
    def clips(self) -> list[Folder]:
        """Folder of each clip's tree; none for FF++."""
        if not isinstance(self.config.corpus, DemoCorpus):
            return []
        return [self.clip(clip.name) for clip in self.config.corpus.clips]

    @property
    def corpus_root(self) -> Path:
        corpus = self.config.corpus
        return self.run / "corpus" / "ffpp" if isinstance(corpus, DemoCorpus) else Path(corpus.root)

    @property
    def face_model(self) -> Path:
        return self.store / "faces" / f"retinaface-{self._medium(self.config.faces.model)[:12]}.onnx"

    @property
    def faces(self) -> Folder:
        path = self.store / "faces" / f"crops-{digest(self.faces_params)}"
        return Folder(path, "face crops of videos, and each run's lists of them", self.faces_params)

    # -- detector -----------------------------------------------------------------------------------------------------
    @property
    def detector_name(self) -> str:
        return self.config.detector.model.replace(":", ".").replace("/", ".")

    @property
    def detector(self) -> Folder:
        path = self.store / "detector" / f"{self.detector_name}-{digest(self.detector_params)}"
        if self.config.detector.checkpoint is not None:
            return Folder(path, "the detector imported from a checkpoint", self.detector_params)
        reads = tuple(self.clip(name).path for name in self._learnt) + (self.faces.path,)
        return Folder(path, "the detector trained on the corpus", self.detector_params, reads)

    @property
    def predictions(self) -> Folder:
        path = self.store / "predictions" / f"{self.detector_name}-{digest(self.predictions_params)}"
        return Folder(path, "class probabilities of test images", self.predictions_params, (self.detector.path,))

    # -- adversary, saliency, evaluation ------------------------------------------------------------------------------
    @property
    def adversary(self) -> Folder:
        path = self.store / "adversary" / f"nes-{digest(self.adversary_params)}"
        return Folder(path, "adversarial copies of images, by NES", self.adversary_params, (self.detector.path,))

    def saliency(self, explainer: str) -> Folder:
        params = self.saliency_params(explainer)
        reads = [self.detector.path, *([self.adversary.path] if self.needs_adversary(explainer) else [])]
        path = self.store / "saliency" / f"{explainer}-{digest(params)}"
        return Folder(path, f"maps, segments and rankings of the row {explainer}", params, tuple(reads))

    @property
    def attacks(self) -> Folder:
        path = self.store / "attacks" / f"nes-{digest(self.attacks_params)}"
        holds = "NES attacks on sets of segments, shared by all explainers"
        return Folder(path, holds, self.attacks_params, (self.detector.path,))

    def evaluation(self, explainer: str) -> Folder:
        params = self.evaluation_params(explainer)
        path = self.store / "evaluation" / f"{explainer}-{digest(params)}"
        reads = (self.saliency(explainer).path, self.attacks.path)
        return Folder(path, f"rows of the tables of {explainer}, one for each image and k", params, reads)

    @property
    def folders(self) -> Iterator[Folder]:
        """Every digest's folder that this configuration refers to, in the order in which data flows."""
        yield from self.clips
        yield from (self.faces, self.detector, self.predictions)
        if self.any_adversary:
            yield self.adversary
        yield from map(self.saliency, self.config.explainers)
        yield self.attacks
        yield from map(self.evaluation, self.config.explainers)

    def _shards_in(self, folder: Path, suffix: str = "h5") -> list[Path]:
        return [folder / self.config.run / f"{shard}.{suffix}" for shard in self.shards]

    def rows_of(self, explainer: str) -> list[Path]:
        """The run's evaluation rows of one explainer, a file a shard."""
        return self._shards_in(self.evaluation(explainer).path, "parquet")

    def maps_of(self, explainer: str) -> list[Path]:
        """The run's saliency shards of one explainer."""
        return self._shards_in(self.saliency(explainer).path)

    def attacks_of(self, explainer: str) -> list[Path]:
        """The run's attacks of one explainer, a file a shard."""
        name = f"{explainer}-{digest(self.evaluation_params(explainer))}"
        return [self.attacks.path / self.config.run / f"{name}-{shard}.h5" for shard in self.shards]

    @property
    def copies(self) -> list[Path]:
        """The run's adversary shards, if any explainer needs them."""
        return self._shards_in(self.adversary.path) if self.any_adversary else []

    @property
    def predicted(self) -> Path:
        """The run's probabilities of the test images."""
        return self.predictions.path / self.config.run / "test.h5"

    @property
    def records(self) -> dict[str, list[Path]]:
        """The run's shards of every stage that makes forwards."""
        names = list(self.config.explainers)
        return {
            "predictions": [self.predicted],
            "adversary": self.copies,
            "saliency": [path for name in names for path in self.maps_of(name)],
            "evaluation": [path for name in names for path in self.attacks_of(name)],
        }

    @property
    def crops(self) -> list[Path]:
        """The run's lists of face crops."""
        return self._shards_in(self.faces.path, "parquet")

    @property
    def shards(self) -> list[str]:
        """Names of the shards, for example 0-of-1."""
        return [f"{number}-of-{self.config.shards}" for number in range(self.config.shards)]

    def shard_of_key(self, key: str) -> str:
        """Name of the shard that an image belongs to: all images of a video are in one."""
        return self.shards[shard_of(key.rpartition("/")[0], self.config.shards)]
