"""Configuration of explainers: each entry of `explainers:` is one row of every table."""

import difflib
import math
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from advxai.config.base import Number, Plain, is_import_path
from advxai.config.controls import (
    CEILINGS,
    CONTROLS,
    Centre,
    Edges,
    FacePrior,
    Largest,
    OracleDifference,
    OracleMask,
    Random,
)
from advxai.config.rows import Filled, Row, Segmentation
from advxai.config.white import (
    WHITE,
    Attention,
    GradCam,
    GradCamPlusPlus,
    GradientShap,
    HiResCam,
    IntegratedGradients,
    Relevancy,
)

ENTRY_POINT_GROUP = "advxai.explainers"


class Lime(Filled):
    """LIME (Ribeiro et al. 2016), with the lime package's defaults."""

    method: Literal["lime"]
    samples: int = Field(2000, ge=2, description="Perturbed images.")
    kernel_width: Number = Field(0.25, gt=0, description="Width of the exponential kernel on the cosine distance.")
    ridge: Number = Field(1.0, gt=0, description="Penalty of the ridge fit.")
    softmax_again: bool = Field(True, description="Softmax the probabilities once more, as the released code does.")
    segmentation: Segmentation = Field(Segmentation(), description="Segments to perturb, rank and attack.")

    @property
    def forwards(self) -> int:
        return self.samples + 1


class Shap(Filled):
    """SHAP's Partition explainer (Lundberg & Lee 2017): Owen values of regions, as the shap package computes them."""

    method: Literal["shap"]
    evaluations: int = Field(2000, ge=4, description="Model evaluations (max_evals).")
    batch: int = Field(50, ge=2, description="Evaluations a batch; decides the order in which regions are split.")
    engine: Literal["device", "library"] = Field(
        "device",
        description="device: our own, perturbed images made in batches on the detector's device; library: the shap "
        "package itself, slower.",
    )

    @property
    def forwards(self) -> int:
        # a region is split in two as long as evaluations are left, beginning with two
        return 2 * math.ceil(self.evaluations / 2) + 1


class Sobol(Filled):
    """SOBOL (Fel et al. 2021): Jansen's total-order indices on a grid of masks."""

    method: Literal["sobol"]
    grid: int = Field(8, ge=2, le=64, description="Masks of grid x grid cells.")
    design: int = Field(
        32, ge=2, description="Rows of the Sobol design (a power of two); design * (grid^2 + 2) images."
    )

    @property
    def forwards(self) -> int:
        return self.design * (self.grid**2 + 2) + 1

    @field_validator("design")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of two, or the Sobol sequence loses its balance")
        return value


class Rise(Filled):
    """RISE (Petsiuk et al. 2018)."""

    method: Literal["rise"]
    masks: int = Field(4000, ge=2, description="Random masks.")
    cells: int = Field(7, ge=2, le=64, description="Cells a side of the low-resolution mask.")
    p1: Number = Field(0.1, gt=0, lt=1, description="The code's p1: divides the map, and is the threshold of `draw`.")
    draw: Literal["normal", "uniform"] = Field(
        "normal", description="A cell is kept when a normal (as released: 54 % kept) or uniform draw is below p1."
    )
    softmax_again: bool = Field(True, description="Softmax the probabilities once more, as the released code does.")
    divide_by: Literal["p1", "coverage"] = Field(
        "p1", description="The sum of masks over their number times p1 (as released), or over each pixel's coverage."
    )

    @property
    def forwards(self) -> int:
        return self.masks + 1


class Occlusion(Filled):
    """Occlusion (Zeiler & Fergus 2014): a square is moved over the image; what the probability loses behind it."""

    method: Literal["occlusion"]
    grid: int = Field(28, ge=2, le=256, description="Cells a side: the square is moved by 1/grid of the image's side.")
    window: int = Field(
        4,
        ge=1,
        description="Side of the square, in cells, below `grid`; a seventh of the image's is about a segment's.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Occlusion":
        if self.window >= self.grid:
            raise ValueError(f"a window of {self.window} hides the whole of a grid of {self.grid}: make it smaller")
        return self

    @property
    def forwards(self) -> int:
        return (self.grid - self.window + 1) ** 2 + 2  # the image itself, for the target and to compare with


class KernelShap(Filled):
    """Kernel SHAP (Lundberg & Lee 2017) on segments: a fit to paired coalitions, in closed form."""

    method: Literal["kernel_shap"]
    samples: int = Field(
        2000,
        ge=4,
        description="Coalitions of segments, in pairs, besides the image and the baseline; fewer where all are taken.",
    )

    @property
    def forwards(self) -> int:
        return self.samples // 2 * 2 + 3  # coalitions in pairs, the image, the baseline, and the one for the target


class Custom(Filled):
    """An explainer from outside the package."""

    method: str = Field(description="`module:Class`, or the name of an entry point of the group advxai.explainers.")
    params: Plain = Field({}, description="Keyword arguments of the class.")
    gradient_batch: int | None = Field(None, ge=1, le=4096, description="Of a white box, as of ours; null: as there.")

    @field_validator("method")
    @classmethod
    def _known(cls, value: str) -> str:
        if from_outside(value):
            return value
        installed = _installed()
        meant = f"is no method; did you mean {found}? It " if (found := method_meant(value)) else ""
        raise ValueError(
            f"{meant}is not one of {', '.join(BUILT_IN)}, of the controls {', '.join(CONTROLS)}, of the ceilings "
            f"{', '.join(CEILINGS)}"
            + (f", of the installed explainers {', '.join(installed)}" if installed else "")
            + ", or an import path `module:Class`"
        )


def from_outside(method: str) -> bool:
    """Whether a method is an import path, or the name of an installed entry point."""
    return is_import_path(method) or method in _installed()


def _installed() -> list[str]:
    return sorted(point.name for point in entry_points(group=ENTRY_POINT_GROUP))


BUILT_IN = ("lime", "shap", "sobol", "rise", "occlusion", "kernel_shap", *WHITE)


def method_meant(text: str) -> str | None:
    """The method of ours that a text names but for case, `-` and `_`, or nearly does; None: none."""
    names = {_plain(name): name for name in (*BUILT_IN, *CONTROLS, *CEILINGS)}
    alike = difflib.get_close_matches(_plain(text), names, n=1, cutoff=0.8)
    return names[alike[0]] if alike else None


def named_so(text: str) -> str | None:
    """The explainer's method of ours that a text names but for case, `-` and `_`; None: it names none."""
    return {_plain(name): name for name in BUILT_IN}.get(_plain(text))


def _plain(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "").replace(" ", "")


def module_of(entry: Row) -> str | None:
    """Name of the module that an explainer from outside the package is in; None of one of our own."""
    if not isinstance(entry, Custom):
        return None
    for point in entry_points(group=ENTRY_POINT_GROUP, name=entry.method):
        return point.module
    return entry.method.partition(":")[0]


def _tag(value: Any) -> str:
    method = value.get("method") if isinstance(value, dict) else getattr(value, "method", None)
    return method if method in (*BUILT_IN, *CONTROLS, *CEILINGS) else "custom"


AnyWhite = GradCam | GradCamPlusPlus | HiResCam | IntegratedGradients | GradientShap | Relevancy | Attention
AnyExplainer = Lime | Shap | Sobol | Rise | Occlusion | KernelShap | AnyWhite | Custom
AnyRow = Annotated[
    Annotated[Lime, Tag("lime")]
    | Annotated[Shap, Tag("shap")]
    | Annotated[Sobol, Tag("sobol")]
    | Annotated[Rise, Tag("rise")]
    | Annotated[Occlusion, Tag("occlusion")]
    | Annotated[KernelShap, Tag("kernel_shap")]
    | Annotated[GradCam, Tag("gradcam")]
    | Annotated[GradCamPlusPlus, Tag("gradcam++")]
    | Annotated[HiResCam, Tag("hirescam")]
    | Annotated[IntegratedGradients, Tag("integrated_gradients")]
    | Annotated[GradientShap, Tag("gradient_shap")]
    | Annotated[Relevancy, Tag("relevancy")]
    | Annotated[Attention, Tag("attention")]
    | Annotated[Random, Tag("random")]
    | Annotated[Centre, Tag("centre")]
    | Annotated[Edges, Tag("edges")]
    | Annotated[FacePrior, Tag("face_prior")]
    | Annotated[Largest, Tag("largest")]
    | Annotated[OracleMask, Tag("oracle_mask")]
    | Annotated[OracleDifference, Tag("oracle_difference")]
    | Annotated[Custom, Tag("custom")],
    Discriminator(_tag),
]


def paper_rows() -> dict[str, Any]:
    """The paper's eight rows (section 4.3)."""
    blur = {"kind": "blur"}
    baselines: dict[str, Any] = {
        "LIME": "image_mean",
        "SHAP": blur | {"size": 128},
        "SOBOL": blur | {"size": 10},
        "RISE": "zeros",
    }
    rows: dict[str, Any] = {}
    for name, baseline in baselines.items():
        rows[name] = {"method": name.lower(), "baseline": baseline}
        rows[f"{name}_adv"] = {"method": name.lower(), "baseline": "adversarial"}
    return {name: row | {"published": name} for name, row in rows.items()}
