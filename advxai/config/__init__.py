"""The typed configuration: `load(mapping)` checks everything that can be known before a job starts."""

import difflib
import os
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, overload

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from advxai.common.errors import InputError, in_line
from advxai.config.base import LONGEST, Model, Name, alike, row_named
from advxai.config.controls import AnyControl, expanded
from advxai.config.data import Corpus, DemoCorpus, Faces, FfppCorpus, Frames
from advxai.config.explainers import AnyExplainer, AnyRow, paper_rows
from advxai.config.metrics import AnyMeasure, all_measures
from advxai.config.protocol import Protocol, with_protocol
from advxai.config.rows import Kind, segments_of
from advxai.config.samples import Samples
from advxai.config.science import Adversary, Cases, Detector, Evaluation, Explain, Plan, Prune, Report, Threads
from advxai.config.video import TABLES as VIDEO_TABLES
from advxai.config.video import Video

# Tables and figures of a run, which no row's may replace.
TABLES = (
    "original", "accuracy", "sufficiency", "cost", "flips", "metrics", "localisation", "scorecard", "tests",
    "estimates", "left_out", "all", *VIDEO_TABLES,
)  # fmt: skip
FIGURES = ("scorecard", "agreement", "accuracy", "explanations", "nes", "fillings", "cost", "detector", "roc")
MEASURE = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = frozenset((*TABLES, *FIGURES))
CAMS = ("gradcam", "gradcam++", "hirescam")
UNFILLED = (*CAMS, "relevancy", "attention")  # explainers without a baseline
# What lies where a run's own folders do: in `results`, in a digest's folder of the store, and among the store's logs.
NOT_RUNS = frozenset(
    (
        "store", "journals", "logs", "original_sequences", "manipulated_sequences",
        "corpus_clip", "corpus_media", "corpus_videos", "detector_import", "detector_train",
    )
)  # fmt: skip


def _text(value: Any) -> Any:
    """`--config image=12` is a number to Snakemake, and 1e3 or `a: b.jpg` are no text either."""
    if isinstance(value, bool | float | dict | list):
        raise ValueError(
            "Snakemake doesn't read this as a name: give a file of such a name as ./NAME and, if `: ` is in it, use "
            "`python -m advxai explain`"
        )
    return str(value) if isinstance(value, int) else value


HELD = {"cpu": 8, "cuda": 64}  # images in work at once, where nobody has said how many


class Config(Model):
    """Everything a run is made from. The defaults are the paper's settings."""

    run: Name = Field(description="Name of the run: its tables are in <results>/<run>/.")
    results: str = Field("results", min_length=1, description="Folder of everything made.")
    protocol: Protocol = Field(
        "paper",
        description="paper: what the paper says and, where it is silent, its released code does. corrected: other "
        "defaults of these switches: units, project, noise and objective of adversary and evaluation; frames.explain; "
        "evaluation.population; segmentation, softmax_again, draw and divide_by of explainers.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of every random draw.")
    shards: int = Field(1, ge=1, le=10000, description="Jobs an explainer (and faces, adversary) is split into.")
    images_at_once: int | None = Field(
        None,
        ge=1,
        description="At most so many images in work at once in a job, fewer where these fill the forwards (half as "
        "many in a second try); changes no number. null: 8 on a CPU, 64 on a GPU.",
    )
    scratch: str | None = Field(
        None,
        min_length=1,
        description="Folder on a disk of the machine that a job runs on, for example $TMPDIR: videos are copied there "
        "before they are decoded, and the image database is put together there. null: all is done in place.",
    )
    corpus: Corpus = Field(
        description="The videos. Where samples.crops and detector.checkpoint are set it may be left out, or be "
        "{kind: ffpp} without root and splits: then `samples` is the one target."
    )
    faces: Faces = Field(Faces(), description="Face detection and crops.")
    frames: Frames = Field(Frames(), description="Which frames are explained.")
    detector: Detector = Field(Detector(), description="The detector that is explained.")
    adversary: Adversary = Field(Adversary(), description="NES for the adversarial copies.")
    explainers: dict[str, AnyRow] = Field(
        paper_rows(),  # as a user would write them
        description="Row name -> explainer, each one row of every table; or what these are compared with, a row for "
        "each of their segmentations: controls, which never see the detector, and ceilings, which know the answer. "
        "{}: no image is explained, clips alone are (`video`).",
    )
    evaluation: Evaluation = Field(Evaluation(), description="NES for the segment attacks.")
    metrics: dict[str, AnyMeasure] = Field(
        all_measures(), description="Name -> measure of the explanations besides the segment attacks; {}: none."
    )
    threads: Threads = Field(Threads(), description="CPU threads a job, for the stages before the detector.")
    report: Report = Field(Report(), description="Figures.")
    samples: Samples = Field(
        Samples(), description="A list of images that `snakemake samples` explains, real ones too: a gallery of them."
    )
    video: Video = Field(
        Video(),
        description="Clips that `snakemake video` explains, each as one; where it is given, they are made too "
        "when no target is given.",
    )
    image: Annotated[str | None, BeforeValidator(_text)] = Field(
        None,
        min_length=1,
        description="What `snakemake explain` explains: a picture or a video, the key of a face image of the run, the "
        "number of one in its list of explained images (from 0), or `random`. Changes nothing of the run.",
    )
    explain: Explain = Field(Explain(), description="How `image` is explained.")
    cases: Cases = Field(Cases(), description="One-image test cases.")
    plan: Plan = Field(Plan(), description="What `snakemake plan` goes by.")
    prune: Prune = Field(Prune(), description="Clearing up the store.")

    @model_validator(mode="before")
    @classmethod
    def _protocol(cls, value: Any) -> Any:
        return with_protocol(value, paper_rows()) if isinstance(value, dict) else value

    @model_validator(mode="before")
    @classmethod
    def _samples_alone(cls, value: Any) -> Any:
        """A corpus for whoever explains a list of samples and has no videos."""
        if not isinstance(value, dict) or "corpus" in value:
            return value
        given = [part.get(key) for part, key in _parts(value, ("samples", "crops"), ("detector", "checkpoint"))]
        return value | {"corpus": {"kind": "ffpp"}} if len(given) == 2 and None not in given else value

    @field_validator("run")
    @classmethod
    def _free(cls, value: str) -> str:
        if value.lower() in NOT_RUNS:
            raise ValueError("is the name of a folder that lies where the runs' own do; choose another")
        return value

    @field_validator("explainers")
    @classmethod
    def _names(cls, value: dict[str, AnyRow]) -> dict[str, AnyRow]:
        for name in value:
            try:
                row_named(name)
            except ValueError as error:
                raise ValueError(f"the row name {_short(name)} {error}") from None
        value = expanded(value) if value else value
        if pair := alike(value):
            raise ValueError(f"the row names {' and '.join(pair)} differ in case alone, as files may not; rename one")
        for name in value:
            if name.lower() in RESERVED or name.lower().startswith("published_"):
                raise ValueError(f"the row name {name!r} is taken by a table or figure; choose another")
        return value

    @field_validator("metrics")
    @classmethod
    def _measures(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not MEASURE.fullmatch(name) or len(name) > LONGEST:
                raise ValueError(
                    f"the name {_short(name)} may hold small letters, digits and _ only, a letter first, at most "
                    f"{LONGEST} in all"
                )
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Config":
        if isinstance(self.corpus, FfppCorpus) and not self.frames.ready and not self.without_corpus:
            for name in ("root", "splits"):
                if getattr(self.corpus, name) is None:
                    raise ValueError(f"corpus.{name}: is required; see config/reference.yaml")
        if isinstance(self.corpus, DemoCorpus) and self.frames.lmdb is not None:
            raise ValueError(
                "frames.lmdb: a database of your own goes with `corpus: {kind: ffpp}`, which then needs no video; the "
                "demo's clips say nothing of its images"
            )
        if isinstance(self.corpus, DemoCorpus) and self.frames.crops is not None:
            raise ValueError(
                "frames.crops: a tree of crops of your own goes with `corpus: {kind: ffpp}`, which then needs no "
                "video; the demo's clips say nothing of its images"
            )
        detector = self.detector
        if detector.checkpoint is None and detector.training.mixed_precision and detector.device == "cpu":
            raise ValueError("detector.training.mixed_precision: needs device cuda; take it out or change the device")
        for category in detector.training.categories or ():
            if category not in self.corpus.categories:
                raise ValueError(f"detector.training.categories: {category} is none of corpus.categories; add it there")
        for name in detector.testing.categories or ():
            if name not in (*self.corpus.categories, *self.corpus.also):
                raise ValueError(
                    f"detector.testing.categories: {name} is none of corpus.categories and corpus.also; add it to one "
                    "of them, or take it out"
                )
        if not self.explainers and not self.video.asked:
            raise ValueError("explainers: has no row; name one, or say under `video` which clips are explained")
        for name in self.explain.explainers or ():
            if name not in self.explainers:
                raise ValueError(f"explain.explainers: {_no_row(name, self.alone)}")
            if name not in self.alone:
                raise ValueError(
                    f"explain.explainers: {name} can't explain a picture by itself: {self.why_not_alone(name)}"
                )
        for name in self.samples.explainers or ():
            if name not in self.explainers:
                raise ValueError(f"samples.explainers: {_no_row(name, self._sampling)}")
            if why := self.why_not_sampled(name):
                raise ValueError(f"samples.explainers: {name} can't explain samples: {why}; take it out")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if isinstance(self.corpus, DemoCorpus):
            taken: dict[int, str] = {}
            files: dict[str, str] = {}
            if pair := alike(clip.name for clip in self.corpus.clips):
                first, second = pair
                said = f"{first} is given twice" if first == second else f"{first} differs from {second} in case alone"
                raise ValueError(f"corpus.clips: the name {said}; rename one")
            for clip in self.corpus.clips:
                count = sum(clip.splits.model_dump().values())
                if count == 0:
                    raise ValueError(f"corpus.clips: {clip.name} gives no block to any split; raise one of its splits")
                for number in range(clip.first_id, clip.first_id + count):
                    if number in taken:
                        raise ValueError(
                            f"corpus.clips: {clip.name} and {taken[number]} both own video {number:03d}; "
                            "change first_id of one"
                        )
                    taken[number] = clip.name
                source = clip.source
                file = f"{source.package} {source.version} {source.file}"
                if source.path is not None:
                    file = os.path.abspath(source.path)
                if file in files:
                    raise ValueError(
                        f"corpus.clips: {clip.name} and {files[file]} are the same file, so frames of one split would "
                        "be in another: give all its blocks to one of them"
                    )
                files[file] = clip.name
        return self

    @property
    def at_once(self) -> int:
        """Images in work at once in a job, at most: enough of them fill a GPU's larger forwards."""
        return self.images_at_once or HELD[self.detector.device]

    @property
    def without_corpus(self) -> bool:
        """There are no videos, for a list of samples is all that is explained."""
        corpus, sampled = self.corpus, self.samples.crops is not None and self.detector.checkpoint is not None
        nothing = isinstance(corpus, FfppCorpus) and corpus.root is None and corpus.splits is None
        return nothing and sampled and not self.frames.ready

    @property
    def tested(self) -> list[str]:
        """Manipulations that count in the detector's test, if it has a class for them."""
        return list(self.detector.testing.categories or self.corpus.categories)

    @property
    def untested(self) -> list[str]:
        """Categories of which the test says only how many of their images are called fake."""
        return [name for name in (*self.corpus.categories, *self.corpus.also) if name not in self.tested]

    @overload
    def of_kind(self, kind: Literal["explainer"]) -> dict[str, AnyExplainer]: ...
    @overload
    def of_kind(self, kind: Literal["control", "ceiling"]) -> dict[str, AnyControl]: ...
    def of_kind(self, kind: Kind) -> Any:
        """Row name -> entry, of the explainers, controls or ceilings alone."""
        return {name: entry for name, entry in self.explainers.items() if entry.kind == kind}

    @property
    def alone(self) -> list[str]:
        """Names of the explainers that a picture by itself can be explained by: it has no counterpart."""
        return [name for name in self.explainers if not self.why_not_alone(name)]

    @property
    def explains_clips(self) -> bool:
        """`explain` also explains a clip of a video as one, and makes its films."""
        return self.video.asked if self.explain.video is None else self.explain.video

    def why_not_alone(self, name: str) -> str:
        """Why a picture by itself can't be explained by a row; "": it can."""
        entry = self.explainers[name]
        if entry.kind != "explainer":
            return f"it is a {entry.kind}, which knows nothing of the detector"
        return (
            "it fills in with the counterpart, which only fakes of a run have" if "counterpart" in entry.needs else ""
        )

    @property
    def sampled(self) -> list[str]:
        """Names of the explainers that samples are explained by."""
        chosen = self.samples.explainers
        return self._sampling if chosen is None else chosen

    @property
    def _sampling(self) -> list[str]:
        return [name for name in self.explainers if not self.why_not_sampled(name)]

    def why_not_sampled(self, name: str) -> str:
        """Why samples can't be explained by a row; "": they can."""
        if "adversarial" in self.explainers[name].needs:
            return "it fills in with the adversarial copy, which only images to explain have"
        return self.why_not_alone(name)

    def own(self, name: str) -> list[str]:
        """Names of the controls and ceilings of the same segments as a row's."""
        return [other for other in self._alike(name) if self.explainers[other].kind != "explainer"]

    def host(self, name: str) -> str:
        """The first explainer of the same segments as a row's, if it may be one of the predicted class: a control takes
        them from its maps."""
        own = [other for other in self._alike(name) if self.explainers[other].kind == "explainer"]
        return next((other for other in own if getattr(self.explainers[other], "target", "") == "predicted"), own[0])

    @property
    def of_the_real_class(self) -> list[str]:
        """Names of the rows that explain the real class, whatever an image is called."""
        return [name for name, entry in self.explainers.items() if getattr(entry, "target", "") == "real"]

    def _alike(self, name: str) -> list[str]:
        own = segments_of(self.explainers[name])
        return [other for other, entry in self.explainers.items() if own.same(segments_of(entry))]


def _parts(value: dict[str, Any], *keys: tuple[str, str]) -> list[tuple[dict[str, Any], str]]:
    """Those of the mappings in a configuration that are there, each with the key that is looked for in it."""
    return [(value[part], key) for part, key in keys if isinstance(value.get(part), dict)]


def _no_row(name: str, able: Sequence[str]) -> str:
    """That no row has a name, and which ones could be meant."""
    lowered = {row.lower(): row for row in able}
    alike = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    meant = f"; did you mean {lowered[alike[0]]}?" if alike else ":"
    able_ones = f"those that can explain here are {', '.join(able)}" if able else "and none of them can explain here"
    return f"`explainers` has no row {name}{meant} {able_ones[0].upper() if alike else able_ones[0]}{able_ones[1:]}"


def _place(location: tuple[str | int, ...]) -> str:
    """The key's path as the user wrote it: without the tags that pydantic puts behind a chosen kind."""
    parts = list(location)
    if parts[:1] == ["corpus"]:
        del parts[1:2]
    if parts[:1] in (["explainers"], ["metrics"]):
        del parts[2:3]
    if parts[:2] == ["video", "explainers"]:
        del parts[3:4]
        if "row" in parts[3:4]:
            del parts[3:5]
    return in_line(".".join(map(str, parts)))


def _of_row(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Within the rows that explain images, or clips frame by frame: name, method's tag, keys; elsewhere nothing."""
    if location[:1] == ("explainers",):
        return location[1:]
    over_frames = location[:2] == ("video", "explainers") and location[3:5] == ("frames", "row")
    return (location[2], *location[5:]) if over_frames else ()


def _short(value: object) -> str:
    """The value in a line; Python itself prints no whole number of more than 4300 digits."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"{'-' if value < 0 else ''}{hex(abs(value))[:20]}..."
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _sentence(error: ErrorDetails) -> str:
    where = _place(error["loc"])
    value: Any = error.get("input")
    for key in error.get("ctx", {}).get("within", ()):  # in a mapping of any content, whose parts have no location
        where, value = f"{where}.{in_line(key)}" if where else in_line(key), value[key]
    message = error["msg"].removeprefix("Value error, ")
    within = _of_row(error["loc"])
    if error["type"] == "extra_forbidden" and within[1:] in [(name, "baseline") for name in UNFILLED]:
        who = "class activation maps have" if within[1] in CAMS else f"{within[1]} has"
        return f"{where}: {who} no baseline, for nothing is filled in: take the key out"
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such key; see config/reference.yaml for every key"
    if error["type"] == "missing":
        return f"{where}: is required; see config/reference.yaml"
    shown = "" if isinstance(value, dict | list | Model) or value is None else f" = {_short(value)}"
    return f"{where}{shown}: {message[0].lower() + message[1:]}" if where else message


def load(mapping: dict[str, Any]) -> Config:
    """Validate a configuration.

    Raises:
        InputError: one line that names each offending key's path, its value and what is allowed.
    """
    try:
        return Config.model_validate(mapping)
    except ValidationError as error:
        raise InputError("config: " + "; ".join(_sentence(item) for item in _telling(error.errors()))) from None


def _telling(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without what follows from a row's wrong method: which keys it has, that says."""
    wrong = {one["loc"][1] for one in errors if one["loc"][:1] == ("explainers",) and one["loc"][3:] == ("method",)}
    return [
        one for one in errors
        if not (one["loc"][:1] == ("explainers",) and len(one["loc"]) > 1 and one["loc"][1] in wrong)
        or one["loc"][3:] == ("method",)
    ]  # fmt: skip
