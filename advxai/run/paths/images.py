"""Corpus, faces and frames: from the videos to the images to explain."""

from pathlib import Path

from advxai.common.categories import REAL
from advxai.config.data import SPLITS, DemoCorpus
from advxai.run.digests import digest
from advxai.run.folders import Folder
from advxai.run.paths.base import RunPaths


class ImagePaths(RunPaths):
    """Where videos, face crops and the images of a run lie."""

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

    @property
    def crops(self) -> list[Path]:
        """The run's lists of face crops."""
        return self._shards_in(self.faces.path, "parquet")

    @property
    def cut_counterparts(self) -> Folder:
        """Crops of originals by the boxes of their fakes, under the names of what they are cut out of."""
        path = self.store / "counterparts" / f"crops-{digest(self.counterparts_params)}"
        return Folder(path, "original frames cut by fakes' boxes", self.counterparts_params, (self.faces.path,))

    # -- frames -------------------------------------------------------------------------------------------------------
    @property
    def lmdb(self) -> Path:
        """The database of the images: the run's own, or the user's."""
        given = self.config.frames.lmdb
        return self.run / "frames" / "frames.lmdb" if given is None else Path(given)

    @property
    def all_crops(self) -> str:
        """Hash of what the tree `frames.crops` lists of the images that the run takes, and of when they were changed:
        it is in no digest."""
        corpus = self.config.corpus
        return self.crops_listing(SPLITS, (REAL, *corpus.categories, *corpus.also), times=True)

    @property
    def counterparts(self) -> list[Path]:
        """The table of the explained images' counterparts, and the database of those that are there."""
        return [self.run / "frames" / "counterparts.parquet", self.run / "frames" / "counterparts.lmdb"]

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
        if not self.config.frames.ready:
            crops = [path.with_suffix(".left_out.parquet") for path in self.crops]
            made = [self.run / "corpus" / "left_out.parquet", *crops, *made]
        made.append(self.run / "frames" / "counterparts_left_out.parquet")
        return made + ([self.lists / "left_out.parquet"] if self.config.frames.explain == "called_fake" else [])
