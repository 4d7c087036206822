"""Where everything lies. A store path carries a digest of what determines its numbers; a run's paths are readable.

    <results>/store/<stage>/<name>-<digest>/...   shared by all runs, with params.json beside it
    <results>/<run>/...                           tables, figures and lists of one run

A digest covers parameters, the stage's algorithm version and the digests of the stages it reads, never the list of
images.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.config import FIGURES, Config
from advxai.config.base import Medium
from advxai.config.data import DemoCorpus, FfppCorpus
from advxai.config.science import Nes
from advxai.run.digests import LATER, Digests, digest
from advxai.run.folders import Folder
from advxai.run.shards import shard_of
from advxai.run.weights import current, hash_file, said


def _nes(settings: Nes) -> str:
    return (
        f"NES, n = {settings.samples}, alpha = {settings.alpha * 255:.3g}/255, at most {settings.iterations} iterations"
    )


class Paths(Digests):
    """Paths and parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
        planning: data that are absent are no error.
    """

    def __init__(self, config: Config, *, planning: bool = False) -> None:
        super().__init__(config, planning=planning)
        self.store = Path(config.results, "store")
        self.run = Path(config.results, config.run)

    def medium(self, medium: Medium) -> Path:
        """The file of a medium: fetched into the store, or the user's own."""
        if medium.path is not None:
            return Path(medium.path)
        name = f"{str(medium.sha256)[:12]}-{Path(str(medium.file)).name}"  # one package may have two files of a name
        return self.store / "media" / f"{medium.package}-{medium.version}" / name

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

    def packaged(self, path: str) -> Medium:
        """The medium of a path in the store.

        Raises:
            InputError: the configuration names no such file.
        """
        if path not in self.media:
            raise InputError(f"{path}: no medium of the configuration; it has {', '.join(self.media)}")
        return self.media[path]

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

    # -- what people read ---------------------------------------------------------------------------------------------
    FORMATS = ("parquet", "csv", "md", "tex")
    COMBINED = ("accuracy", "sufficiency", "cost", "flips")
    PUBLISHED = ("published_accuracy", "published_sufficiency", "published_cost")

    def tables_of(self, names: Iterable[str]) -> list[Path]:
        """Files of tables, in every format."""
        return [self.run / "tables" / f"{name}.{kind}" for name in names for kind in self.FORMATS]

    @property
    def is_ffpp(self) -> bool:
        """The run is on FaceForensics++, so that the published numbers stand beside its own."""
        return isinstance(self.config.corpus, FfppCorpus)

    @property
    def readings(self) -> dict[str, str]:
        """Row -> the published row that it is a reading of."""
        entries = self.config.explainers.items()
        return {name: entry.published for name, entry in entries if entry.published is not None}

    @property
    def tables(self) -> list[Path]:
        """Every table: one an explainer, the combined ones and, for FF++, those beside the published ones."""
        return self.tables_of([*self.config.explainers, *self.COMBINED, *(self.PUBLISHED if self.is_ffpp else ())])

    @property
    def figure_groups(self) -> dict[str, list[str]]:
        """Explainers that differ in their baseline alone stand in one figure, named as the first of them."""
        groups: dict[str, list[str]] = {}
        for name, settings in self.config.explainers.items():
            others = settings.model_dump(mode="json", exclude={"baseline", "published"})
            groups.setdefault(digest(others), []).append(name)
        return {names[0]: names for names in groups.values()}

    @property
    def run_figures(self) -> list[str]:
        """Names of the figures of the run as a whole; NES has one where a row fills in with its copies."""
        return [name for name in FIGURES if name != "nes" or self.any_adversary]

    def figure(self, name: str) -> list[Path]:
        """A figure's two files."""
        return [self.run / "figures" / f"{name}.{kind}" for kind in ("png", "pdf")]

    @property
    def figures(self) -> list[Path]:
        """Every figure: one a group of explainers, and those of the run as a whole."""
        return [path for name in (*self.figure_groups, *self.run_figures) for path in self.figure(name)]

    @property
    def fillings(self) -> Path:
        """What the figure of the fillings shows."""
        return self.run / "figures" / "fillings.h5"

    @property
    def speed(self) -> Path:
        """How many images a second the detector takes, as measured when the run was done."""
        return self.run / "detector" / "speed.json"

    @property
    def report(self) -> Path:
        """The page that has it all."""
        return self.run / "report.html"

    def note(self, explainer: str | None = None, *, attacks: bool = True) -> str:
        """The budgets behind a table or figure, as a line under it; `attacks`: it shows segment attacks."""
        config = self.config
        own = f" Segment attacks: {_nes(config.evaluation)}." if attacks else ""
        if self.any_adversary if explainer is None else self.needs_adversary(explainer):
            own += f" Adversarial copies: {_nes(config.adversary)}."
        if explainer is not None:
            settings = config.explainers[explainer]
            budget = settings.model_dump(include={"samples", "evaluations", "grid", "design", "masks", "params"})
            own += ", ".join(
                [f" {explainer}: baseline {settings.baseline.kind}", *(f"{k} {v}" for k, v in budget.items())]
            )
        return (
            f"Run {config.run}, protocol {config.protocol}, seed {config.seed}, {config.detector.model} at "
            f"{config.detector.input_size} px.{own}"
        )

    @property
    def any_adversary(self) -> bool:
        """Some explainer fills in with the adversarial copy."""
        return any(map(self.needs_adversary, self.config.explainers))

    # -- corpus, faces ------------------------------------------------------------------------------------------------
    def clip_source(self, name: str, digest: str) -> Path:
        """The file that a clip's folder is made from; InputError if that folder isn't this configuration's."""
        self.clip(name).require(digest)
        return self.medium(self._clip(name).source)

    @property
    def face_mesh(self) -> Path:
        return self.medium(self._corpus.face_mesh)

    def clip(self, name: str) -> Folder:
        params = self.clip_params(name)
        holds = f"originals, manipulations and masks made from the clip {name}, in FF++'s layout"
        return Folder(self.store / "corpus" / f"{name}-{digest(params)}", holds, params)

    @property
    def clip_names(self) -> list[str]:
        """Names of the demo's clips; none for FF++."""
        corpus = self.config.corpus
        return [clip.name for clip in corpus.clips] if isinstance(corpus, DemoCorpus) else []

    @property
    def clips(self) -> list[Folder]:
        """Folder of each clip's tree; none for FF++."""
        return list(map(self.clip, self.clip_names))

    @property
    def corpus_root(self) -> Path:
        corpus = self.config.corpus
        return self.run / "corpus" / "ffpp" if isinstance(corpus, DemoCorpus) else Path(str(corpus.root))

    @property
    def face_model(self) -> Path:
        return self.store / "faces" / f"retinaface-{self._medium(self.config.faces.model)[:12]}.onnx"

    @property
    def faces(self) -> Folder:
        path = self.store / "faces" / f"crops-{digest(self.faces_params)}"
        return Folder(path, "face crops of videos, and each run's lists of them", self.faces_params)

    # -- frames -------------------------------------------------------------------------------------------------------
    @property
    def lmdb(self) -> Path:
        """The database of the images: the run's own, or the user's."""
        given = self.config.frames.lmdb
        return self.run / "frames" / "frames.lmdb" if given is None else Path(given)

    @property
    def lists(self) -> Path:
        """Folder of each shard's list of the images to explain."""
        if self.config.frames.explain == "called_fake":
            return self.run / "detector" / "called_fake"
        return self.run / "frames" / "shards"

    @property
    def explained(self) -> Path:
        """The table of all images to explain."""
        return (self.lists if self.config.frames.explain == "called_fake" else self.lists.parent) / "evaluation.parquet"

    @property
    def left_out(self) -> list[Path]:
        """Tables of what each stage left out, in the order in which data flows."""
        made = [self.run / "frames" / "left_out.parquet"]
        if self.config.frames.lmdb is None:
            crops = [path.with_suffix(".left_out.parquet") for path in self.crops]
            made = [self.run / "corpus" / "left_out.parquet", *crops, *made]
        return made + ([self.lists / "left_out.parquet"] if self.config.frames.explain == "called_fake" else [])

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
    def weights(self) -> Path:
        """The run's detector: the file in its folder."""
        return self.detector.path / "detector.safetensors"

    @property
    def weights_hash(self) -> Path:
        """The file with the SHA-256 of the run's detector (`advxai.run.weights`)."""
        return hash_file(self.weights)

    @property
    def present_weights(self) -> str | None:
        """SHA-256 of the run's detector; None while it isn't there."""
        return current(self.weights) if self.weights.exists() else None

    @property
    def summed_up(self) -> bool:
        """The run has a closing message, written since the detector was exchanged, if it was."""
        try:
            return (self.run / "summary.txt").stat().st_mtime >= self.weights_hash.stat().st_mtime
        except FileNotFoundError:
            return False

    @property
    def source(self) -> Path | None:
        """The file that the detector is read from, if it isn't trained here."""
        return Path(str(self.config.detector.checkpoint)) if self.imported else self.ready_made

    @property
    def imported(self) -> bool:
        """The detector is a checkpoint's, whose hash is in its digest."""
        return self.config.detector.checkpoint is not None

    @property
    def shown(self) -> bool:
        """The stored detector says that it was imported from the configured checkpoint, whose hash is in its digest: so
        whatever lies under that digest is its own."""
        return self.imported and said(self.weights).get("checkpoint") == self.detector_params["checkpoint"]

    def later(self, stage: str, sha256: str) -> dict[str, Any]:
        """Fields that records of earlier code lack -> what stands for them, where that can be known: which weights a
        trained detector had, nobody knows.

        Args:
            stage: of the records.
            sha256: of the detector's weights.
        """
        return LATER.get(stage, {}) | ({"weights": sha256} if self.shown else {})

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

    def copies_for(self, explainer: str, digest: str, shard: str) -> list[Path]:
        """What a shard of maps is made from besides the images; InputError if it isn't this configuration's."""
        self.saliency(explainer).require(digest)
        return [self.adversary.path / self.config.run / f"{shard}.h5"] if self.needs_adversary(explainer) else []

    def maps_for(self, explainer: str, digest: str, shard: str) -> Path:
        """The maps that a shard of rows is made from; InputError if it isn't this configuration's."""
        self.evaluation(explainer).require(digest)
        return self.saliency(explainer).path / self.config.run / f"{shard}.h5"

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
