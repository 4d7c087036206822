"""Where everything lies. A store path carries a digest of what determines its numbers; a run's paths are readable.

    <results>/store/<stage>/<name>-<digest>/...   shared by all runs, with params.json beside it
    <results>/<run>/...                           tables, figures and lists of one run

A digest covers parameters, the stage's algorithm version and the digests of the stages it reads, never the list of
images.
"""

import hashlib
import json
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from advxai.config import Config
from advxai.config.base import Medium
from advxai.config.data import Clip, DemoCorpus
from advxai.config.science import Nes
from advxai.errors import InputError
from advxai.files import publish

# Raise a stage's number when its results change for equal parameters.
VERSIONS = {"clip": 1, "faces": 1, "detector": 1, "adversary": 1, "saliency": 1, "attacks": 1, "evaluation": 1}


def digest(params: dict[str, Any]) -> str:
    """Twelve hex digits of the SHA-256 of the parameters as canonical JSON."""
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a user's file.

    Raises:
        InputError: there is no such file.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}); correct the path in the configuration") from error


def _nes(settings: Nes) -> str:
    return (
        f"NES, n = {settings.samples}, alpha = {settings.alpha * 255:.3g}/255, at most {settings.iterations} iterations"
    )


class Paths:
    """Paths and parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.store = Path(config.results, "store")
        self.run = Path(config.results, config.run)
        self._hashes: dict[str, str] = {}

    def _medium(self, medium: Medium) -> str:
        if medium.path is None:
            return str(medium.sha256)
        if medium.path not in self._hashes:
            self._hashes[medium.path] = file_sha256(medium.path)
        return self._hashes[medium.path]

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
        attack, copy = config.evaluation, config.adversary
        own = ""
        if explainer is not None:
            settings = config.explainers[explainer]
            budget = settings.model_dump(include={"samples", "evaluations", "grid", "design", "masks", "params"})
            own = ", ".join(
                [f" {explainer}: baseline {settings.baseline.kind}", *(f"{k} {v}" for k, v in budget.items())]
            )
        return (
            f"Run {config.run}, {config.detector.model} at {config.detector.input_size} px, seed {config.seed}. "
            f"Segment attacks: {_nes(attack)}. Adversarial copies: {_nes(copy)}.{own}"
        )

    @property
    def any_adversary(self) -> bool:
        """Some explainer fills in with the adversarial copy."""
        return any(map(self.needs_adversary, self.config.explainers))

    @property
    def _corpus(self) -> DemoCorpus:
        if not isinstance(self.config.corpus, DemoCorpus):
            raise TypeError("only the demo's corpus is made")
        return self.config.corpus

    def _clip(self, name: str) -> Clip:
        return next(clip for clip in self._corpus.clips if clip.name == name)

    # -- corpus -------------------------------------------------------------------------------------------------------
    def clip_params(self, name: str) -> dict[str, Any]:
        corpus = self._corpus
        clip = self._clip(name)
        settings = corpus.model_dump(include={"block_seconds", "gap_seconds", "crf", "compression"})
        return {
            "version": VERSIONS["clip"],
            "clip": self._medium(clip.source),
            "first_id": clip.first_id,
            "splits": clip.splits.model_dump(),
            "categories": sorted(corpus.categories),
            "face_detector": self._medium(self.config.faces.model),
            "face_mesh": self._medium(corpus.face_mesh),
            "seed": self.config.seed,
            **settings,
        }

    def clip_source(self, name: str) -> Path:
        return self.medium(self._clip(name).source)

    @property
    def face_mesh(self) -> Path:
        return self.medium(self._corpus.face_mesh)

    def clip(self, name: str) -> Path:
        return self.store / "corpus" / f"{name}-{digest(self.clip_params(name))}"

    @property
    def clips(self) -> dict[str, Path]:
        """Folder of each clip's tree, by the clip's name; empty for FF++."""
        if not isinstance(self.config.corpus, DemoCorpus):
            return {}
        return {clip.name: self.clip(clip.name) for clip in self.config.corpus.clips}

    @property
    def corpus_root(self) -> Path:
        corpus = self.config.corpus
        return self.run / "corpus" / "ffpp" if isinstance(corpus, DemoCorpus) else Path(corpus.root)

    # -- faces --------------------------------------------------------------------------------------------------------
    @property
    def face_model(self) -> Path:
        return self.store / "faces" / f"retinaface-{self._medium(self.config.faces.model)[:12]}.onnx"

    @cached_property
    def faces_params(self) -> dict[str, Any]:
        settings = self.config.faces.model_dump(exclude={"model", "batch"})
        # Video names are FF++'s in every corpus: without its identity two corpora would replace each other's crops.
        corpus = self.config.corpus.model_dump(exclude={"clips", "categories", "face_mesh", "splits"})
        return {
            "version": VERSIONS["faces"],
            "model": self._medium(self.config.faces.model),
            "corpus": corpus,
            **settings,
        }

    @property
    def faces(self) -> Path:
        return self.store / "faces" / f"crops-{digest(self.faces_params)}"

    # -- detector -----------------------------------------------------------------------------------------------------
    @cached_property
    def detector_params(self) -> dict[str, Any]:
        settings = self.config.detector
        params = {
            "version": VERSIONS["detector"],
            **settings.model_dump(include={"model", "input_size", "mean", "std"}),
        }
        if settings.checkpoint is not None:
            return params | {"checkpoint": self._medium(Medium(path=settings.checkpoint))}
        training = settings.training.model_dump(exclude={"initial_weights"})
        weights = settings.training.initial_weights
        return params | {
            "training": training | {"initial_weights": self._medium(weights) if weights else None},
            "device": settings.device,
            "seed": self.config.seed,
            "corpus": self._training_corpus,
            "faces": self.faces_params,
        }

    @property
    def _training_corpus(self) -> dict[str, Any]:
        corpus = self.config.corpus
        if isinstance(corpus, DemoCorpus):
            clips = {clip.name: clip for clip in corpus.clips}
            learnt = [name for name, clip in clips.items() if clip.splits.train or clip.splits.val]
            return {"clips": sorted(digest(self.clip_params(name)) for name in learnt)}
        splits = {name: file_sha256(Path(corpus.splits, f"{name}.json")) for name in ("train", "val")}
        return corpus.model_dump(include={"root", "compression", "categories"}) | splits

    @property
    def detector(self) -> Path:
        name = self.config.detector.model.replace(":", ".").replace("/", ".")
        return self.store / "detector" / f"{name}-{digest(self.detector_params)}"

    @cached_property
    def _forward(self) -> dict[str, Any]:
        settings = self.config.detector
        return {
            "detector": digest(self.detector_params),
            "device": settings.device,
            "forward_batch": settings.forward_batch,
            "threads": settings.threads if settings.device == "cpu" else None,
            "seed": self.config.seed,
        }

    # -- adversary, saliency, evaluation ------------------------------------------------------------------------------
    @cached_property
    def adversary_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["adversary"], **self._forward, **self.config.adversary.model_dump()}

    @property
    def adversary(self) -> Path:
        return self.store / "adversary" / f"nes-{digest(self.adversary_params)}"

    def needs_adversary(self, explainer: str) -> bool:
        return self.config.explainers[explainer].baseline.kind == "adversarial"

    def saliency_params(self, explainer: str) -> dict[str, Any]:
        settings = self.config.explainers[explainer].model_dump()
        # Settings of a baseline that this one doesn't have must not change its digest.
        relevant = {"blur": {"kind", "size"}, "noise": {"kind", "std"}}.get(settings["baseline"]["kind"], {"kind"})
        settings["baseline"] = {name: value for name, value in settings["baseline"].items() if name in relevant}
        if settings["segmentation"]["algorithm"] != "slic":
            del settings["segmentation"]["n_segments"]
        params = {"version": VERSIONS["saliency"], **self._forward, **settings}
        if self.needs_adversary(explainer):
            params["adversary"] = digest(self.adversary_params)
        return params

    def saliency(self, explainer: str) -> Path:
        return self.store / "saliency" / f"{explainer}-{digest(self.saliency_params(explainer))}"

    @cached_property
    def attacks_params(self) -> dict[str, Any]:
        settings = self.config.evaluation.model_dump(exclude={"top"})
        return {"version": VERSIONS["attacks"], **self._forward, **settings}

    @property
    def attacks(self) -> Path:
        return self.store / "attacks" / f"nes-{digest(self.attacks_params)}"

    def evaluation_params(self, explainer: str) -> dict[str, Any]:
        return {
            "version": VERSIONS["evaluation"],
            "attacks": digest(self.attacks_params),
            "saliency": digest(self.saliency_params(explainer)),
            "top": self.config.evaluation.top,
        }

    def evaluation(self, explainer: str) -> Path:
        return self.store / "evaluation" / f"{explainer}-{digest(self.evaluation_params(explainer))}"

    def rows_of(self, explainer: str) -> list[Path]:
        """The run's evaluation rows of one explainer, a file a shard."""
        return [self.evaluation(explainer) / self.config.run / f"{shard}.parquet" for shard in self.shards]

    def maps_of(self, explainer: str) -> list[Path]:
        """The run's saliency shards of one explainer."""
        return [self.saliency(explainer) / self.config.run / f"{shard}.h5" for shard in self.shards]

    @property
    def copies(self) -> list[Path]:
        """The run's adversary shards, if any explainer needs them."""
        return [self.adversary / self.config.run / f"{shard}.h5" for shard in self.shards] if self.any_adversary else []

    @property
    def shards(self) -> list[str]:
        """Names of the shards, for example 0-of-1."""
        return [f"{number}-of-{self.config.shards}" for number in range(self.config.shards)]


def write_params(folder: Path, params: dict[str, Any]) -> None:
    """Leave params.json in a digest's folder: what its files were made from."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "params.json"
    text = json.dumps(params, indent=2, sort_keys=True) + "\n"
    if not path.exists() or path.read_text() != text:
        publish(path, partial(Path.write_text, data=text))
