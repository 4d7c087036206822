"""What determines the numbers of each stage, and the digest of it that its paths carry.

A stage's parameters are the settings it depends on, its algorithm version, the device and the forward batch, the code
of the user's own that it runs, and the digests of the stages it reads; never the list of images. What changes no number
isn't among them. Nor are a trained detector's weights, which aren't known before: each record says which made it.
"""

import hashlib
import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from advxai.common.errors import InputError
from advxai.common.files import database_file, file_sha256
from advxai.common.header import header
from advxai.common.usercode import code_sha256
from advxai.config import Config
from advxai.config.base import Medium
from advxai.config.data import Clip, DemoCorpus, split_files
from advxai.config.explainers import module_of
from advxai.config.science import Nes

# Raise a stage's number when its results change for equal parameters (tests/unit/test_golden.py tells).
VERSIONS = {
    "clip": 1,
    "faces": 1,
    "detector": 1,
    "predictions": 2,
    "adversary": 2,
    "saliency": 3,
    "attacks": 2,
    "evaluation": 1,
}
# Methods without a random draw: SOBOL's sequence isn't scrambled, SHAP splits regions of equal worth in their order.
DRAWLESS = ("sobol", "shap")
# Fields that a stage's records have gained since, without a change of its numbers, and what stands for them in a record
# that was made before: p(Real) in each iteration of NES; the value of a map that stands for no effect.
LATER: dict[str, dict[str, Any]] = {
    "adversary": {"trace": np.zeros(0, np.float32)},
    "saliency": {"zero": math.nan},
}


def digest(params: dict[str, Any]) -> str:
    """Twelve hex digits of the SHA-256 of the parameters as canonical JSON."""
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _attack(settings: Nes) -> dict[str, Any]:
    """Settings of an attack; a delta that bounds nothing counts as the default, so that changing it moves nothing."""
    params = settings.model_dump()
    if not settings.project and settings.delta >= settings.alpha:
        params["delta"] = type(settings).model_fields["delta"].default
    return params


class Digests:
    """Parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
        planning: a file of the user's that isn't there yet has a hash of its own instead of being an error.
    """

    def __init__(self, config: Config, *, planning: bool = False) -> None:
        self.config, self.planning = config, planning
        self._hashes: dict[str, str] = {}
        self._codes: dict[str, str] = {}

    def _file(self, path: str | Path) -> str:
        """SHA-256 of a user's file, computed once."""
        if str(path) not in self._hashes:
            absent = self.planning and not Path(path).exists()
            self._hashes[str(path)] = "absent" if absent else file_sha256(path)
        return self._hashes[str(path)]

    def _medium(self, medium: Medium) -> str:
        return str(medium.sha256) if medium.path is None else self._file(medium.path)

    def _code(self, key: str, module: str) -> dict[str, str]:
        """A module of the user's and the SHA-256 of its code.

        Raises:
            InputError: it isn't found.
        """
        if module not in self._codes:
            found = code_sha256(module)
            if found is None:
                raise InputError(
                    f"{key}: the module {module!r} can't be found: put its folder on PYTHONPATH or install it"
                )
            self._codes[module] = found
        return {"module": module, "code": self._codes[module]}

    def require_same_code(self) -> None:
        """Refuse to go on where code of the user's was edited since its hash was taken, perhaps before it was imported.

        Raises:
            InputError: names the module.
        """
        for module, sha256 in self._codes.items():
            if code_sha256(module) != sha256:
                raise InputError(f"the code of {module} was edited while this job was starting: run again")

    @property
    def listed(self) -> str | None:
        """SHA-256 of the user's list of images, so that an edited one is noticed."""
        return self._file(self.config.frames.manifest) if self.config.frames.manifest else None

    @property
    def _corpus(self) -> DemoCorpus:
        if not isinstance(self.config.corpus, DemoCorpus):
            raise TypeError("only the demo's corpus is made")
        return self.config.corpus

    def _clip(self, name: str) -> Clip:
        return next(clip for clip in self._corpus.clips if clip.name == name)

    # -- corpus, faces ------------------------------------------------------------------------------------------------
    def clip_params(self, name: str) -> dict[str, Any]:
        corpus = self._corpus
        clip = self._clip(name)
        settings = corpus.model_dump(include={"block_seconds", "gap_seconds", "crf", "compression", "seed"})
        return {
            "version": VERSIONS["clip"],
            "name": name,  # seeds what varies from video to video
            "clip": self._medium(clip.source),
            "first_id": clip.first_id,
            "splits": clip.splits.model_dump(),
            "categories": sorted(corpus.categories),
            "face_detector": self._medium(self.config.faces.model),
            "face_mesh": self._medium(corpus.face_mesh),
            **settings,
        }

    @cached_property
    def faces_params(self) -> dict[str, Any]:
        # Masks lie beside the crops, which don't depend on them.
        unused = "stride" if self.config.faces.frames_per_video else "frames_per_video"
        settings = self.config.faces.model_dump(exclude={"model", "batch", "masks", unused})
        return {"version": VERSIONS["faces"], "model": self._medium(self.config.faces.model), **settings}

    # -- detector -----------------------------------------------------------------------------------------------------
    @cached_property
    def detector_params(self) -> dict[str, Any]:
        made = self.ready_made
        return self._detector_params | ({"trained": file_sha256(made)} if made else {})

    @cached_property
    def ready_made(self) -> Path | None:
        """Weights that the configured training has made elsewhere: `detector.trained`, if it says so of itself."""
        from advxai.run.weights import said  # which needs this module

        settings = self.config.detector
        if settings.trained_file is None or settings.checkpoint is not None:
            return None
        file = Path(settings.trained_file)
        return file if said(file).get("training") == digest(self._detector_params) else None

    @cached_property
    def _detector_params(self) -> dict[str, Any]:
        settings = self.config.detector
        params = {
            "version": VERSIONS["detector"],
            **settings.model_dump(include={"model", "input_size", "mean", "std"}),
        }
        if ":" in settings.model:
            params |= self._code("detector.model", settings.model.partition(":")[0])
        if settings.checkpoint is not None:
            return params | {"checkpoint": self._file(settings.checkpoint)}
        training = self._training
        weights = settings.training.initial_weights
        return params | {
            "training": training | {"initial_weights": self._medium(weights) if weights else None},
            "device": settings.device,
            "seed": self.config.seed,
            "corpus": self._training_corpus,
        }

    @property
    def _training(self) -> dict[str, Any]:
        """How the detector is trained; settings that can't act count as their defaults."""
        training = self.config.detector.training
        params = training.model_dump(exclude={"initial_weights"})
        defaults = {name: field.default for name, field in type(training).model_fields.items()}
        if not training.augment:
            params |= {name: defaults[name] for name in ("jpeg", "blur")}
        if training.patience is not None and training.patience >= training.epochs - 1:
            params["patience"] = None
        if training.keep == defaults["keep"]:  # the key is younger than many a detector
            del params["keep"]
        return params

    @property
    def _learnt(self) -> list[str]:
        """Names of the demo's clips that the detector learns from."""
        if not isinstance(self.config.corpus, DemoCorpus):
            return []
        return [clip.name for clip in self.config.corpus.clips if clip.splits.train or clip.splits.val]

    @property
    def _training_corpus(self) -> dict[str, Any]:
        """The videos or images that the detector learns from."""
        corpus, frames = self.config.corpus, self.config.frames
        if isinstance(corpus, DemoCorpus):
            made: dict[str, Any] = {"clips": sorted(digest(self.clip_params(name)) for name in self._learnt)}
        elif frames.lmdb is not None:
            there = not self.planning or Path(frames.lmdb).exists()
            size = database_file(Path(frames.lmdb)).stat().st_size if there else 0
            return {"lmdb": frames.lmdb, "bytes": size, "list": self.listed}
        else:
            files = split_files(Path(str(corpus.splits)), ("train", "val"))
            made = corpus.model_dump(include={"root", "compression"}) | {"splits": list(map(self._file, files))}
        listed = {"list": self.listed} if frames.manifest and self.lists_splits else {}
        return made | {"categories": sorted(corpus.categories), "faces": self.faces_params} | listed

    @property
    def lists_splits(self) -> bool:
        """The list of images may name training images: it has a column of splits."""
        path = Path(str(self.config.frames.manifest))
        if self.planning and not path.exists():
            return False
        return "split" in header(path)

    @property
    def unlearnt(self) -> bool:
        """No image of the list may be one that the detector learns from: the list doesn't say its splits itself."""
        trained = self.config.detector.checkpoint is None
        return trained and self.config.frames.manifest is not None and not self.lists_splits

    @cached_property
    def _forward(self) -> dict[str, Any]:
        settings = self.config.detector
        return {
            "detector": digest(self.detector_params),
            "device": settings.device,
            "backend": settings.backend,
            "forward_batch": settings.forward_batch,
            "threads": settings.threads if settings.device == "cpu" else None,
        }

    @cached_property
    def predictions_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["predictions"], **self._forward}

    # -- adversary, saliency, evaluation ------------------------------------------------------------------------------
    @cached_property
    def _seeded(self) -> dict[str, Any]:
        return self._forward | {"seed": self.config.seed}

    @cached_property
    def adversary_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["adversary"], **self._seeded, **_attack(self.config.adversary)}

    def needs_adversary(self, explainer: str) -> bool:
        return self.config.explainers[explainer].baseline.kind == "adversarial"

    def saliency_params(self, explainer: str) -> dict[str, Any]:
        settings = self.config.explainers[explainer].model_dump(exclude={"published"})
        # Settings of a baseline that this one doesn't have must not change its digest.
        relevant = {"blur": {"kind", "size"}, "noise": {"kind", "std"}}.get(settings["baseline"]["kind"], {"kind"})
        settings["baseline"] = {name: value for name, value in settings["baseline"].items() if name in relevant}
        if settings["segmentation"]["algorithm"] != "slic":
            del settings["segmentation"]["n_segments"]
        params = {"version": VERSIONS["saliency"], **self._forward, **settings}
        if self._draws(explainer):
            params["seed"] = self.config.seed
        if (module := module_of(self.config.explainers[explainer])) is not None:
            params |= self._code(f"explainers.{explainer}.method", module)
        if self.needs_adversary(explainer):
            params["adversary"] = digest(self.adversary_params)
        return params

    def _draws(self, explainer: str) -> bool:
        """Whether an explainer, or what fills in for it, draws from the seeded generator (the adversarial copy's own
        draws are in the digest of the stage adversary)."""
        entry = self.config.explainers[explainer]
        library = getattr(entry, "engine", None) == "library"
        return entry.method not in DRAWLESS or library or entry.baseline.kind == "noise"

    @cached_property
    def attacks_params(self) -> dict[str, Any]:
        settings = _attack(self.config.evaluation)
        own = {name: value for name, value in settings.items() if name not in ("top", "population")}
        return {"version": VERSIONS["attacks"], **self._seeded, **own}

    def evaluation_params(self, explainer: str) -> dict[str, Any]:
        return {
            "version": VERSIONS["evaluation"],
            "attacks": digest(self.attacks_params),
            "saliency": digest(self.saliency_params(explainer)),
            **self.config.evaluation.model_dump(include={"top", "population"}),
        }
