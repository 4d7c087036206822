"""The detector: its weights, what is known of them, and its answers on the test images."""

from pathlib import Path
from typing import Any

from advxai.run.digests import LATER, digest
from advxai.run.folders import Folder
from advxai.run.paths.images import ImagePaths
from advxai.run.weights import current, hash_file, said_if_whole


class DetectorPaths(ImagePaths):
    """Where the run's detector lies, and which one it is."""

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

    def to_start_from(self) -> list[Path]:
        """The file that a training starts from, if any; asked for when one is planned.

        Raises:
            InputError: it would have nothing to learn a class from.
        """
        self.require_learnt()
        return self.initial_weights

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
        return self.imported and said_if_whole(self.weights).get("checkpoint") == self.detector_params["checkpoint"]

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

    @property
    def predicted(self) -> Path:
        """The run's probabilities of the test images."""
        return self.predictions.path / self.config.run / "test.h5"
