"""The JSON schema and the commented reference of every key, generated from the model."""

import json
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from advxai.config import Config
from advxai.config.controls import Centre, Edges, FacePrior, Largest, OracleDifference, OracleMask, Random
from advxai.config.explainers import Custom, KernelShap, Lime, Occlusion, Rise, Shap, Sobol
from advxai.config.metrics import Complexity, CustomMeasure, Localisation, Restoration
from advxai.config.video import Lime3d, OverFrames, Rise3d, Shap3d
from advxai.config.white import (
    Attention,
    GradCam,
    GradCamPlusPlus,
    GradientShap,
    HiResCam,
    IntegratedGradients,
    Relevancy,
)

METHODS: tuple[type[BaseModel], ...] = (
    Lime, Shap, Sobol, Rise, Occlusion, KernelShap,
    GradCam, GradCamPlusPlus, HiResCam, IntegratedGradients, GradientShap, Relevancy, Attention, Custom,
    Random, Centre, Edges, FacePrior, Largest, OracleMask, OracleDifference,
)  # fmt: skip
CLIP_METHODS: tuple[type[BaseModel], ...] = (
    Shap3d, Lime3d, Rise3d, OverFrames, Random, Centre, Edges, Largest, OracleMask, OracleDifference,
)  # fmt: skip
MEASURES: tuple[type[BaseModel], ...] = (Restoration, Localisation, Complexity, CustomMeasure)
# Keys with entries of the user's own: what stands before the list of kinds of entries, and the kinds.
ENTRIES = {
    ("Config", "explainers"): ("Methods and their keys:", METHODS),
    ("Config", "metrics"): ("Measures and their keys:", MEASURES),
    ("Video", "explainers"): ("Methods and their keys:", CLIP_METHODS),
}
HEADER = """\
# Every key of the configuration, with its default (the paper's settings), what it means and what is allowed.
# Generated from advxai/config by `make docs`; write your own file with the keys that differ.
"""


def schema() -> str:
    """The configuration's JSON schema as text."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The configuration models that an annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, types.UnionType, list):
        arguments = get_args(annotation)
        return [
            model for part in arguments[: 1 if get_origin(annotation) is Annotated else None] for model in _models(part)
        ]
    return []


def _allowed(field: FieldInfo) -> str:
    signs = {Ge: (">=", "ge"), Gt: (">", "gt"), Le: ("<=", "le"), Lt: ("<", "lt")}
    bounds = [f"{signs[type(m)][0]} {getattr(m, signs[type(m)][1])}" for m in field.metadata if type(m) in signs]
    return f" [{', '.join(bounds)}]" if bounds else ""


def _value(value: Any) -> str:
    plain = json.loads(json.dumps(value, default=lambda model: model.model_dump(exclude_none=True)))
    return yaml.safe_dump(plain, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


def _lines(model: type[BaseModel], indent: str, given: BaseModel | None = None) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        default = getattr(given, name) if given is not None else field.get_default(call_default_factory=True)
        comment = f"{field.description or ''}{_allowed(field)}".strip()
        comment = f" # {comment}" if comment else ""
        nested = _models(field.annotation)
        if (model.__name__, name) in ENTRIES and isinstance(default, dict):
            title, kinds = ENTRIES[model.__name__, name]
            lines += [f"{indent}{name}:{comment} {title}"]
            for kind in kinds:
                lines += [f"{indent}  # {(kind.__doc__ or '').strip().splitlines()[0]}"]
                lines += [f"{indent}  # {kind.__name__}:", *(f"{indent}  # {line}" for line in _lines(kind, "  "))]
            lines += [f"{indent}  {row}: {_value(entry)}" for row, entry in default.items()]
        elif default is PydanticUndefined and not nested:
            only = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
            value = f" {only[0]}" if len(only) == 1 else ""
            lines += [f"{indent}{name}:{value} # required. {comment.removeprefix(' # ')}"]
        elif isinstance(default, BaseModel) and name not in ("model", "face_mesh"):
            lines += [f"{indent}{name}:{comment}", *_lines(type(default), indent + "  ", default)]
        elif default is PydanticUndefined:
            lines += [f"{indent}{name}:{comment} (required)"]
            for kind in nested:
                lines += [f"{indent}  # {(kind.__doc__ or '').strip().splitlines()[0]}"]
                lines += _lines(kind, indent + "  ") if len(nested) == 1 else _commented(kind, indent)
        else:
            lines += [f"{indent}{name}: {_value(default)}{comment}"]
    return lines


def _commented(kind: type[BaseModel], indent: str) -> list[str]:
    return [f"{indent}  # {line}" for line in _lines(kind, "")]


def reference() -> str:
    """Every key as commented YAML."""
    return HEADER + "\n".join(line.rstrip() for line in _lines(Config, "")) + "\n"
