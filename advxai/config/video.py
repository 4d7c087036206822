"""Configuration of the target `video`: clips of faces that are explained as one, over time."""

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from advxai.config.base import LONGEST, Model, Number, alike, row_named
from advxai.config.controls import CEILINGS, CONTROLS, AnyControl, Centre, Edges, Largest, OracleDifference, OracleMask
from advxai.config.controls import Random as RandomOrder
from advxai.config.explainers import BUILT_IN, AnyRow, from_outside
from advxai.config.rows import Kind, Target, WithBaseline

Names = list[str]
ATTACKS = "video_attacks"
TABLES = ("video", "video_restoration", ATTACKS)  # of clips, beside those of the images
TAKEN = frozenset(("sheet", "clip", "original"))  # files beside the rows' films
OVER_TIME = ("shap3d", "lime3d", "rise3d")


def _step(value: object) -> object:
    """A number of frames, also as text (`--config`), or `spread`."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 6:
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000
    if value != "spread" and not whole:
        raise ValueError("must be a whole number from 1 to 10000, or spread")
    return value


Step = Annotated[int | Literal["spread"], BeforeValidator(_step)]


class ClipSegments(Model):
    """Segments of a clip, (frames, h, w): it is cut into slices of a few frames, SLIC runs within each."""

    frames: int = Field(4, ge=1, le=256, description="Frames a slice; the last slice may have fewer.")
    number: int = Field(9, ge=1, le=1024, description="Segments of a slice that SLIC is asked for; it makes fewer.")
    compactness: Number = Field(10.0, gt=0, description="SLIC's: how much nearness counts beside likeness of colour.")


class OverTime(WithBaseline):
    """What explainers of a clip as one share. Their segments are `video.segments`."""

    kind: ClassVar[Kind] = "explainer"
    target: Target = Field(
        "predicted",
        description="The class that is explained: the clip's predicted one, the likeliest fake one, or the real one.",
    )

    @property
    def gradients(self) -> bool:
        return False

    @property
    def packages(self) -> tuple[str, ...]:
        return ()

    @property
    def backwards(self) -> int:
        return 0


class Shap3d(OverTime):
    """Kernel SHAP on segments in space and time (Pino et al. 2021): a fit to paired coalitions, in closed form."""

    method: Literal["shap3d"]
    samples: int = Field(512, ge=4, description="Coalitions of segments, in pairs, besides the clip and the baseline.")

    @property
    def forwards(self) -> int:
        return self.samples // 2 * 2 + 2


class Lime3d(OverTime):
    """LIME on segments in space and time."""

    method: Literal["lime3d"]
    samples: int = Field(512, ge=2, description="Perturbed clips.")
    kernel_width: Number = Field(0.25, gt=0, description="Width of the exponential kernel on the cosine distance.")
    ridge: Number = Field(1.0, gt=0, description="Penalty of the ridge fit.")
    softmax_again: bool = Field(False, description="Softmax the clip's probabilities once more, as for images.")

    @property
    def forwards(self) -> int:
        return self.samples


class Rise3d(OverTime):
    """RISE with masks in space and time: a coarse grid of (times, cells, cells), interpolated and shifted."""

    method: Literal["rise3d"]
    masks: int = Field(512, ge=2, description="Random masks.")
    cells: int = Field(7, ge=2, le=64, description="Cells a side of the low-resolution mask.")
    times: int = Field(4, ge=1, le=256, description="Cells in time.")
    p1: Number = Field(0.5, gt=0, lt=1, description="Probability that a cell is kept.")
    softmax_again: bool = Field(False, description="Softmax the clip's probabilities once more, as for images.")

    @property
    def forwards(self) -> int:
        return self.masks


class OverFrames(Model):
    """An explainer of images, frame by frame, its maps on one scale over the clip: `{over: frames, method: ..., ...}`
    with the keys of that method."""

    over: Literal["frames"] = "frames"
    row: AnyRow = Field(description="Its entry, as under `explainers`; the other keys, as the user writes them.")

    @model_validator(mode="before")
    @classmethod
    def _packed(cls, value: Any) -> Any:
        """`{over: frames, method: gradcam, layers: last}`, as it is written."""
        if isinstance(value, OverFrames) or (isinstance(value, dict) and "row" in value):
            return value
        if not isinstance(value, dict):
            raise ValueError("is no mapping: write `{method: shap3d, baseline: zeros}`, say")
        if wrong := _wrong(value):
            raise ValueError(wrong)
        return {"over": "frames", "row": {name: part for name, part in value.items() if name != "over"}}

    @field_validator("row")
    @classmethod
    def _of_images(cls, value: Any) -> Any:
        if value.kind != "explainer":
            raise ValueError(f"is a {value.kind}: it stands beside explainers of clips without `over`")
        if value.published is not None:
            raise ValueError("published: the paper has no clips; take the key out")
        return value

    kind: ClassVar[Kind] = "explainer"

    @property
    def method(self) -> str:
        return str(self.row.method)

    @property
    def target(self) -> str:
        return str(getattr(self.row, "target", "predicted"))

    @property
    def needs(self) -> frozenset[str]:
        return self.row.needs

    @property
    def filling(self) -> str:
        return self.row.filling

    @property
    def packages(self) -> tuple[str, ...]:
        return self.row.packages

    @property
    def gradients(self) -> bool:
        return self.row.gradients

    @property
    def forwards(self) -> int | None:
        """Images through the detector a frame, besides the one that finds the clip's class."""
        return None if self.row.forwards is None else max(self.row.forwards - 1, 0)

    @property
    def backwards(self) -> int:
        return self.row.backwards


CLIP_CONTROLS = tuple(name for name in CONTROLS if name != "face_prior")
BESIDE = (*CLIP_CONTROLS, *CEILINGS)


def _wrong(entry: dict[str, Any]) -> str:
    """What is wrong with an entry that isn't one of a clip's own methods without `over`: which of its keys and how to
    mend it; "": it is an explainer of images over frames."""
    method, over = entry.get("method"), entry.get("over")
    if method is None:
        return f"method: is required: one of {METHODS}"
    if "over" in entry and over != "frames":
        return (
            f"over: is {over!r}; an explainer of images goes over `frames`, and those of a clip as one "
            f"({', '.join(OVER_TIME)}) need no such key"
        )
    if method in OVER_TIME:
        return f"over: {method} explains a clip as one: take the key out"
    if method in BESIDE:
        return (
            f"over: {method} is a {'ceiling' if method in CEILINGS else 'control'}, of a clip as one: take the key out"
        )
    if method == "face_prior":
        return f"method: clips have no face_prior; their controls are {', '.join(CLIP_CONTROLS)}"
    if method not in BUILT_IN and not (isinstance(method, str) and from_outside(method)):
        close = get_close_matches(str(method).lower(), (*OVER_TIME, *BESIDE, *BUILT_IN), n=1, cutoff=0.6)
        meant = f"; did you mean {close[0]}?" if close else "."
        return f"method: {method!r} is no method of clips{meant} There are {METHODS}"
    return "" if over else f"over: is missing: {method} explains images, and clips frame by frame: add `over: frames`"


METHODS = (
    f"{', '.join(OVER_TIME)}; with `over: frames` {', '.join(BUILT_IN)} or an import path `module:Class`; the controls "
    f"{', '.join(CLIP_CONTROLS)}; the ceilings {', '.join(CEILINGS)}"
)


def _tag(value: Any) -> str:
    method = value.get("method") if isinstance(value, dict) else getattr(value, "method", None)
    if isinstance(value, OverFrames) or (isinstance(value, dict) and "over" in value):
        return "frames"
    return method if method in (*OVER_TIME, *BESIDE) else "frames"


AnyClipRow = Annotated[
    Annotated[Shap3d, Tag("shap3d")]
    | Annotated[Lime3d, Tag("lime3d")]
    | Annotated[Rise3d, Tag("rise3d")]
    | Annotated[RandomOrder, Tag("random")]
    | Annotated[Centre, Tag("centre")]
    | Annotated[Edges, Tag("edges")]
    | Annotated[Largest, Tag("largest")]
    | Annotated[OracleMask, Tag("oracle_mask")]
    | Annotated[OracleDifference, Tag("oracle_difference")]
    | Annotated[OverFrames, Tag("frames")],
    Discriminator(_tag),
]


def default_rows() -> dict[str, Any]:
    """What explains clips where the configuration doesn't say."""
    return {
        "SHAP3D": {"method": "shap3d", "baseline": {"kind": "blur", "size": 128}},
        "random": {"method": "random"},
        "centre": {"method": "centre"},
    }


class Films(Model):
    """The films that are made of explained clips."""

    fps: Number = Field(4.0, ge=0.1, le=60, description="Frames a second; a clip of 16 frames lasts four seconds.")
    side: int = Field(320, ge=64, le=1024, description="Side of a film's face, in pixels.")
    most: int = Field(24, ge=0, le=10000, description="Clips that get films, fakes called fake first; 0: none.")


class Video(Model):
    """What `snakemake video` explains; changes nothing of the images' run."""

    frames: int = Field(16, ge=2, le=256, description="Face crops of a clip.")
    step: Step = Field(
        1,
        description="From one frame to the next: so many frames of the video; spread: evenly over the frames in which "
        "the face is seen.",
    )
    crop: Literal["fixed", "followed"] = Field(
        "fixed",
        description="fixed: one box for the whole clip, around the face's middle in all its frames. followed: the box "
        "of one size moves with the face.",
    )
    track: Literal["largest"] = Field("largest", description="Which face of a video: the one of the largest area.")
    score: Literal["mean", "detector"] = Field(
        "mean",
        description="A clip's answer, by which it is called real or fake: the mean of its frames' probabilities, not "
        "the frames' majority; detector: by detector.video_score.",
    )
    list: str | None = Field(
        None,
        min_length=1,
        description="The clips: a CSV with the column video (FF++ relative path, or a file, relative to the folder in "
        "which snakemake runs) and, if wanted, start (its first frame) and category (of a file of your own; empty: not "
        "known). null: one of each test video, as `fakes` and `reals` say.",
    )
    fakes: int | None = Field(
        None, ge=0, description="So many fake clips, spread over categories and people; null: all test videos."
    )
    reals: int | None = Field(None, ge=0, description="So many real clips, spread over people; null: all test videos.")
    segments: ClipSegments = Field(ClipSegments(), description="Segments in space and time, of all rows.")
    explainers: dict[str, AnyClipRow] = Field(
        default_rows(),
        description="Row name -> explainer of clips, control or ceiling, one row of every table of clips each.",
    )
    top: int = Field(3, ge=1, le=20, description="Segments that are attacked and restored: top-1 to top-k.")
    attacks: bool = Field(
        True,
        description="Attack the top segments of fake clips that are called fake, for the table video_attacks; false: "
        "no attacks, which cost most, and no such table.",
    )
    area: Number = Field(0.3, gt=0, le=1, description="Share of the clip that restoration goes to.")
    films: Films = Field(Films(), description="The films of explained clips.")

    @property
    def asked(self) -> bool:
        """The configuration says something of clips."""
        return bool(self.model_fields_set)

    @field_validator("explainers")
    @classmethod
    def _names(cls, value: "dict[str, AnyClipRow]") -> "dict[str, AnyClipRow]":
        if not value:
            raise ValueError(
                "has no row: name one, such as `SHAP3D: {method: shap3d, baseline: zeros}`, or take the key out, which "
                f"gives {', '.join(default_rows())}"
            )
        for name, entry in value.items():
            try:
                row_named(name)
            except ValueError as error:
                raise ValueError(f"the row name {name[:LONGEST]!r} {error}") from None
            if name.lower() in TAKEN:
                raise ValueError(f"the row name {name!r} is taken by another file beside its films; choose another")
            if entry.kind != "explainer" and getattr(entry, "segmentation", None) is not None:
                raise ValueError(
                    f"the row {name} has a segmentation; the segments of clips are `video.segments`, one set for all "
                    "rows: take the key out"
                )
        if pair := alike(value):
            raise ValueError(f"the row names {' and '.join(pair)} differ in case alone, as files may not; rename one")
        if value and not any(entry.kind == "explainer" for entry in value.values()):
            raise ValueError(
                f"has controls and ceilings alone ({', '.join(value)}), which stand beside explainers: add one, such "
                "as `SHAP3D: {method: shap3d, baseline: zeros}`"
            )
        return value

    def of_kind(self, kind: Kind) -> dict[str, Any]:
        """Row name -> entry, of the explainers, controls or ceilings alone."""
        return {name: entry for name, entry in self.explainers.items() if entry.kind == kind}

    @property
    def ordered(self) -> Names:
        """Names of the rows: explainers, then controls, then ceilings."""
        return [name for kind in ("explainer", "control", "ceiling") for name in self.of_kind(kind)]


ClipEntry = Shap3d | Lime3d | Rise3d | OverFrames | AnyControl
