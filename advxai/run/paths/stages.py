"""The stages that make forwards on the images to explain: adversary, saliency, attacks, evaluation."""

from collections.abc import Iterator
from pathlib import Path

from advxai.run.digests import digest
from advxai.run.folders import Folder
from advxai.run.paths.detector import DetectorPaths


class StagePaths(DetectorPaths):
    """Where the records of those stages lie, in shards of the run's images."""

    @property
    def any_adversary(self) -> bool:
        """Some explainer fills in with the adversarial copy."""
        return any(map(self.needs_adversary, self.config.explainers))

    @property
    def adversary(self) -> Folder:
        path = self.store / "adversary" / f"nes-{digest(self.adversary_params)}"
        return Folder(path, "adversarial copies of images, by NES", self.adversary_params, (self.detector.path,))

    @property
    def copies(self) -> list[Path]:
        """The run's adversary shards, if any explainer needs them."""
        return self._shards_in(self.adversary.path) if self.any_adversary else []

    def saliency(self, explainer: str) -> Folder:
        params = self.saliency_params(explainer)
        reads = [self.detector.path, *([self.adversary.path] if self.needs_adversary(explainer) else [])]
        path = self.store / "saliency" / f"{explainer}-{digest(params)}"
        return Folder(path, f"maps, segments and rankings of the row {explainer}", params, tuple(reads))

    def maps_of(self, explainer: str) -> list[Path]:
        """The run's saliency shards of one explainer."""
        return self._shards_in(self.saliency(explainer).path)

    def copies_for(self, explainer: str, digest: str, shard: str) -> list[Path]:
        """What a shard of maps is made from besides the images; InputError if it isn't this configuration's."""
        self.saliency(explainer).require(digest)
        return [self.adversary.path / self.config.run / f"{shard}.h5"] if self.needs_adversary(explainer) else []

    @property
    def attacks(self) -> Folder:
        path = self.store / "attacks" / f"nes-{digest(self.attacks_params)}"
        holds = "NES attacks on sets of segments, shared by all explainers"
        return Folder(path, holds, self.attacks_params, (self.detector.path,))

    def attacks_of(self, explainer: str) -> list[Path]:
        """The run's attacks of one explainer, a file a shard."""
        name = f"{explainer}-{digest(self.evaluation_params(explainer))}"
        return [self.attacks.path / self.config.run / f"{name}-{shard}.h5" for shard in self.shards]

    def evaluation(self, explainer: str) -> Folder:
        params = self.evaluation_params(explainer)
        path = self.store / "evaluation" / f"{explainer}-{digest(params)}"
        reads = (self.saliency(explainer).path, self.attacks.path)
        return Folder(path, f"rows of the tables of {explainer}, one for each image and k", params, reads)

    def rows_of(self, explainer: str) -> list[Path]:
        """The run's evaluation rows of one explainer, a file a shard."""
        return self._shards_in(self.evaluation(explainer).path, "parquet")

    def maps_for(self, explainer: str, digest: str, shard: str) -> Path:
        """The maps that a shard of rows is made from; InputError if it isn't this configuration's."""
        self.evaluation(explainer).require(digest)
        return self.saliency(explainer).path / self.config.run / f"{shard}.h5"

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
    def folders(self) -> Iterator[Folder]:
        """Every digest's folder that this configuration refers to, in the order in which data flows."""
        yield from self.clips
        yield from (self.faces, self.detector, self.predictions)
        if self.any_adversary:
            yield self.adversary
        yield from map(self.saliency, self.config.explainers)
        yield self.attacks
        yield from map(self.evaluation, self.config.explainers)
