"""The store, the run, its media and what its jobs are given."""

from pathlib import Path

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config.base import Medium
from advxai.config.data import DemoCorpus, FfppCorpus
from advxai.config.testing import Published
from advxai.run.digests import Digests
from advxai.run.shards import shard_of


class RunPaths(Digests):
    """Where a run and the store lie, and the settings of its jobs."""

    # A job that was killed, for example for memory, is tried again so many times.
    RETRIES = 2

    def __init__(self, config: Config, *, planning: bool = False) -> None:
        super().__init__(config, planning=planning)
        self.store = Path(config.results, "store")
        self.run = Path(config.results, config.run)

    @property
    def logs(self) -> Path:
        """Logs and benchmark files; a run's own are in a folder of its name."""
        return self.store / "logs"

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
    def initial_weights(self) -> list[Path]:
        """The file that training starts from, if any."""
        weights = self.config.detector.training.initial_weights
        return [self.medium(weights)] if weights else []

    def images_at_once(self, attempt: int) -> int:
        """How many images a job holds: half as many at each further attempt, which changes no number."""
        return max(1, self.config.at_once >> (attempt - 1))

    @property
    def gpus(self) -> int:
        """GPUs that a job with forwards asks for."""
        return int(self.config.detector.device == "cuda")

    @property
    def beside_published(self) -> bool:
        """The run is on FaceForensics++ and its detector has the paper's classes, so that the published numbers stand
        beside its own."""
        return isinstance(self.config.corpus, FfppCorpus) and set(self.classes.names) == set(FIVE.names)

    @property
    def beside_pino(self) -> bool:
        """The run is on FaceForensics++, so that the rows that Pino et al. publish stand beside its clips'."""
        return isinstance(self.config.corpus, FfppCorpus)

    @property
    def published_detector(self) -> Published | None:
        """Whose detector's figures stand beside those of the run's."""
        return self.config.detector.testing.published or ("adv_xai" if self.beside_published else None)

    @property
    def shards(self) -> list[str]:
        """Names of the shards, for example 0-of-1."""
        return [f"{number}-of-{self.config.shards}" for number in range(self.config.shards)]

    def shard_of_key(self, key: str) -> str:
        """Name of the shard that an image belongs to: all images of a video are in one."""
        return self.shards[shard_of(key.rpartition("/")[0], self.config.shards)]

    def _shards_in(self, folder: Path, suffix: str = "h5") -> list[Path]:
        return [folder / self.config.run / f"{shard}.{suffix}" for shard in self.shards]
