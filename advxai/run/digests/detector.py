"""Parameters of the detector: how it is built, and what it is trained on or imported from."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from advxai.common.categories import MANIPULATIONS, REAL
from advxai.common.classes import FIVE, Classes, checked
from advxai.common.errors import InputError
from advxai.common.files import database_file, file_sha256
from advxai.config.data import DemoCorpus, split_files
from advxai.config.science import Resize
from advxai.dialects.onnxfile import is_onnx
from advxai.run.digests.base import VERSIONS, digest
from advxai.run.digests.images import ImageDigests
from advxai.run.settings import read_lines
from advxai.run.weights import configured_classes, said, source_sha256, told


class DetectorDigests(ImageDigests):
    """What determines the detector."""

    @cached_property
    def detector_params(self) -> dict[str, Any]:
        made = self.ready_made
        return self._detector_params | ({"trained": file_sha256(made)} if made else {})

    @cached_property
    def classes(self) -> Classes:
        """The detector's classes, as the configuration and the checkpoint say.

        Raises:
            InputError: they aren't the classes of any detector.
        """
        return configured_classes(self.config.detector)

    @property
    def read_lines(self) -> list[str]:
        """What the detector's file was read as, for people (`advxai.run.settings.read_lines`)."""
        return read_lines(self.asked, self.config, self.classes)

    @cached_property
    def written_classes(self) -> Classes:
        """The classes that the store's file says: with the threshold of the file that it is imported from alone. The
        configuration's isn't in the detector's digest, so it must not change the file."""
        file = self.config.detector.checkpoint
        own = checked(told(Path(file), self.config.detector), file) if file is not None else {}
        return replace(self.classes, threshold=own.get("threshold"))

    @cached_property
    def learnt(self) -> list[str]:
        """Manipulations that a detector which is trained learns from, sorted.

        Raises:
            InputError: the detector has no class for one, or a class that none is of.
        """
        settings, classes = self.config.detector, self.classes
        wanted = settings.training.categories if settings.checkpoint is None else None
        chosen = self.config.corpus.categories if wanted is None else wanted
        strange = [name for name in wanted or () if classes.of(name) is None]
        if strange:
            raise InputError(
                f"detector.training.categories: the detector's classes are {', '.join(classes.names)}: none is of "
                f"{strange[0]}; take it out, or set detector.classes"
            )
        return sorted({name for name in chosen if classes.of(name) is not None})

    def require_learnt(self) -> None:
        """Refuse to train a detector that would have nothing to learn one of its classes from.

        Raises:
            InputError: names it.
        """
        settings, classes = self.config.detector, self.classes
        there = {classes.of(name) for name in self.learnt}
        empty = [classes.names[index] for index in classes.fakes if index not in there]
        if not empty:
            return
        # those that there are; of none, one class that every manipulation belongs to
        known = [name for name in classes.names if name not in empty]
        remedy = f"set detector.classes to [{', '.join([*known, *([] if self.learnt else ['Fake'])])}]"
        if set(empty) <= set(MANIPULATIONS):
            key = "corpus.categories" if settings.training.categories is None else "detector.training.categories"
            remedy += f", or add {', '.join(empty)} to {key}"
        raise InputError(
            f"config: detector.classes: a detector is to be trained, and there is nothing to learn {', '.join(empty)} "
            "from, since the manipulations to learn from are "
            f"{', '.join(self.learnt) or 'none that it has a class for'}: {remedy}, or detector.checkpoint to weights "
            "that are trained"
        )

    @cached_property
    def ready_made(self) -> Path | None:
        """Weights that the configured training has made elsewhere: `detector.trained`, if it says so of itself."""
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
        # these keys are younger than many a detector
        if self.classes.head != FIVE.head:
            params |= self.classes.head
        if settings.dialect is not None:
            params["dialect"] = settings.dialect
        if settings.colour not in (None, "rgb"):
            params["colour"] = settings.colour
        if settings.resize is not None and settings.resize != Resize():
            params["resize"] = settings.resize.model_dump()
        params |= settings.built_by
        if ":" in settings.model:
            params |= self._code("detector.model", settings.model.partition(":")[0])
        if settings.checkpoint is not None:
            return params | {"checkpoint": self._checkpoint(Path(settings.checkpoint))}
        weights = settings.training.initial_weights
        return params | {
            # of its categories, see `learnt`
            "training": settings.training.acting | {"initial_weights": self._medium(weights) if weights else None},
            "device": settings.device,
            "seed": self.config.seed,
            "corpus": self._training_corpus,
        }

    def _checkpoint(self, path: Path) -> str:
        """The hash of the file or folder that the detector is imported from."""
        return source_sha256(path) if path.is_dir() or (path.exists() and is_onnx(path)) else self._file(path)

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
            chosen = {"categories": self.learnt} if self.learnt != sorted(MANIPULATIONS) else {}
            return {"lmdb": frames.lmdb, "bytes": size, "list": self.listed} | chosen
        elif frames.crops is not None:
            listed = {"list": self.listed} if frames.manifest and self.lists_splits else {}
            made = {"crops": frames.crops, "compression": corpus.compression, "categories": self.learnt}
            return made | {"listing": self.crops_listing(("train", "val"), (REAL, *self.learnt))} | listed
        else:
            files = split_files(Path(str(corpus.splits)), ("train", "val"))
            made = corpus.model_dump(include={"root", "compression"}) | {"splits": list(map(self._file, files))}
        listed = {"list": self.listed} if frames.manifest and self.lists_splits else {}
        return made | {"categories": self.learnt, "faces": self.faces_params} | listed
