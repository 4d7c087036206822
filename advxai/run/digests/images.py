"""Parameters of the corpus and of the faces, and what the user's list of images says."""

from functools import cached_property
from pathlib import Path
from typing import Any

from advxai.common.croptree import listing_sha256
from advxai.common.header import header
from advxai.config.data import LATER_KEYS, Clip, DemoCorpus
from advxai.run.digests.base import VERSIONS, Hashes, digest


class ImageDigests(Hashes):
    """What determines the face images."""

    @property
    def _corpus(self) -> DemoCorpus:
        if not isinstance(self.config.corpus, DemoCorpus):
            raise TypeError("only the demo's corpus is made")
        return self.config.corpus

    def _clip(self, name: str) -> Clip:
        return next(clip for clip in self._corpus.clips if clip.name == name)

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
        faces = self.config.faces
        unused = {"stride" if faces.frames_per_video else "frames_per_video"} | ({"several"} if faces.tracks else set())
        settings = faces.model_dump(exclude={"model", "batch", "masks", *LATER_KEYS, *unused}) | faces.later
        return {"version": VERSIONS["faces"], "model": self._medium(faces.model), **settings}

    @cached_property
    def counterparts_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["counterparts"], "faces": digest(self.faces_params)}

    @property
    def listed(self) -> str | None:
        """SHA-256 of the user's list of images, so that an edited one is noticed."""
        return self._file(self.config.frames.manifest) if self.config.frames.manifest else None

    @property
    def lists_splits(self) -> bool:
        """The list of images may name training images: it has a column of splits."""
        path = Path(str(self.config.frames.manifest))
        if self.planning and not path.exists():
            return False
        return "split" in header(path)

    def crops_listing(self, splits: tuple[str, ...], categories: tuple[str, ...], times: bool = False) -> str:
        """Hash of what the tree `frames.crops` lists (`advxai.common.croptree.listing_sha256`), taken once."""
        wanted = splits, categories, times
        if wanted not in self._listings:
            root = Path(str(self.config.frames.crops))
            absent = self.planning and not root.is_dir()
            found = "absent" if absent else listing_sha256(root, splits, categories, times)
            self._listings[wanted] = found
        return self._listings[wanted]

    @property
    def unlearnt(self) -> bool:
        """No image of the list may be one that the detector learns from: the list doesn't say its splits itself."""
        trained = self.config.detector.checkpoint is None
        return trained and self.config.frames.manifest is not None and not self.lists_splits
