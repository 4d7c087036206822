"""The stages that make forwards on the images to explain: adversary, saliency, attacks, evaluation."""

from collections.abc import Iterator
from pathlib import Path

from advxai.run.digests import digest
from advxai.run.folders import Folder
from advxai.run.paths.detector import DetectorPaths

SAMPLES = "samples"  # begins the names of shards of samples


class StagePaths(DetectorPaths):
    """Where the records of those stages lie, in shards of the run's images."""

    def needs(self, explainer: str, what: str) -> bool:
        """Whether a row is made from something besides the image (`advxai.config.rows.Row.needs`)."""
        return what in self.config.explainers[explainer].needs

    def any_needs(self, what: str) -> bool:
        """Whether some row is."""
        return any(what in entry.needs for entry in self.config.explainers.values())

    @property
    def any_adversary(self) -> bool:
        """Some explainer fills in with the adversarial copy."""
        return self.any_needs("adversarial")

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
        if self.config.explainers[explainer].kind != "explainer":
            reads = [self.saliency(self.config.host(explainer)).path]
        path = self.store / "saliency" / f"{explainer}-{digest(params)}"
        return Folder(path, f"maps, segments and rankings of the row {explainer}", params, tuple(reads))

    def maps_of(self, explainer: str) -> list[Path]:
        """The run's saliency shards of one explainer."""
        return self._shards_in(self.saliency(explainer).path)

    def samples_of(self, explainer: str) -> list[Path]:
        """The run's shards of samples (`advxai.samples`) of one explainer, beside those of its images."""
        folder = self.saliency(explainer).path / self.config.run
        return [folder / f"{SAMPLES}-{shard}.h5" for shard in self.shards]

    @property
    def samples(self) -> list[Path]:
        """All shards of samples, whether they are asked for or not."""
        return [path for name in self.config.sampled for path in self.samples_of(name)]

    @property
    def face_prior(self) -> Path:
        """Where training fakes are manipulated on average; of the control `face_prior` alone."""
        return self.run / "saliency" / "face_prior.npz"

    def host_for(self, explainer: str, digest: str, shard: str) -> Path:
        """The maps whose segments a shard of a control or ceiling puts in order; InputError if it isn't this
        configuration's."""
        self.saliency(explainer).require(digest)
        return self.saliency(self.config.host(explainer)).path / self.config.run / f"{shard}.h5"

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

    def measure(self, name: str) -> Folder:
        """Of one measure: records of all explainers."""
        params = self.measure_params(name)
        reads = (self.detector.path,) if self.config.metrics[name].forwards else ()
        path = self.store / "measures" / f"{name}-{digest(params)}"
        return Folder(path, f"what the measure {name} says of explanations, shared by all explainers", params, reads)

    def measured(self, name: str, explainer: str) -> list[Path]:
        """The run's records of one measure and explainer, a file a shard."""
        own = f"{explainer}-{digest(self.metrics_params(explainer))}"
        return [self.measure(name).path / self.config.run / f"{own}-{shard}.h5" for shard in self.shards]

    def metrics(self, explainer: str) -> Folder:
        params = self.metrics_params(explainer)
        path = self.store / "metrics" / f"{explainer}-{digest(params)}"
        reads = (self.saliency(explainer).path, *(self.measure(name).path for name in self.config.metrics))
        return Folder(path, f"what is measured of {explainer}, one row an image and column", params, reads)

    def metrics_of(self, explainer: str) -> list[Path]:
        """The run's rows of the measures of one explainer, a file a shard; none without a measure."""
        return self._shards_in(self.metrics(explainer).path, "parquet") if self.config.metrics else []

    def measured_maps(self, explainer: str, digest: str, shard: str) -> Path:
        """The maps that a shard of measures is made from; InputError if it isn't this configuration's."""
        self.metrics(explainer).require(digest)
        return self.saliency(explainer).path / self.config.run / f"{shard}.h5"

    @property
    def records(self) -> dict[str, list[Path]]:
        """The run's shards of every stage that makes forwards."""
        names, explainers = list(self.config.explainers), list(self.config.of_kind("explainer"))
        beside = [name for name in names if name not in explainers]  # made with other packages
        return {
            "predictions": [self.predicted],
            "adversary": self.copies,
            "saliency": [path for name in explainers for path in self.maps_of(name)],
            **({"controls": [path for name in beside for path in self.maps_of(name)]} if beside else {}),
            "evaluation": [path for name in names for path in self.attacks_of(name)],
            # a measure that asks nothing of the detector is made without it, so each counts for itself
            **{
                f"metrics {measure}": [path for name in names for path in self.measured(measure, name)]
                for measure in self.config.metrics
            },
        }

    @property
    def folders(self) -> Iterator[Folder]:
        """Every digest's folder that this configuration refers to, in the order in which data flows."""
        yield from self.clips
        yield from (self.faces, self.cut_counterparts, self.detector, self.predictions)
        if self.any_adversary:
            yield self.adversary
        yield from map(self.saliency, self.config.explainers)
        yield self.attacks
        yield from map(self.evaluation, self.config.explainers)
        yield from map(self.measure, self.config.metrics)
        if self.config.metrics:
            yield from map(self.metrics, self.config.explainers)
