"""From a configuration entry to an explainer."""

import importlib
from importlib.metadata import entry_points
from typing import Any

from advxai.common.errors import InputError
from advxai.config.explainers import ENTRY_POINT_GROUP, Custom
from advxai.config.explainers import AnyExplainer as Settings
from advxai.saliency.base import Explainer

BUILT_IN = {
    "lime": "advxai.saliency.lime:Lime",
    "shap": "advxai.saliency.shap:Shap",
    "sobol": "advxai.saliency.sobol:Sobol",
    "rise": "advxai.saliency.rise:Rise",
}


def _external(method: str) -> object:
    for point in entry_points(group=ENTRY_POINT_GROUP, name=method):
        found: object = point.load()
        return found
    return _imported(method)


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"explainer {path}: can't be imported ({error}); correct `method` or PYTHONPATH") from error


def build(settings: Settings) -> Explainer:
    """The explainer of a configuration entry.

    Raises:
        InputError: a class from outside can't be imported, isn't an `Explainer`, doesn't take its `params`, or has no
            number of `rows`.
    """
    method = settings.method
    if not isinstance(settings, Custom):
        own: type[Explainer] = _imported(BUILT_IN[method])
        return own(**settings.model_dump(exclude={"method", "baseline", "segmentation", "published"}))
    kind = _external(method)
    if not (isinstance(kind, type) and issubclass(kind, Explainer)):
        raise InputError(f"explainer {method}: is no subclass of advxai.saliency.Explainer; derive it from that class")
    try:
        explainer = kind(**settings.params)
    except TypeError as error:
        raise InputError(f"explainer {method}: {error}; correct its `params`") from error
    if not isinstance(explainer.rows, int) or explainer.rows < 1:
        raise InputError(f"explainer {method}: its `rows` is {explainer.rows!r}; it must be a whole number from 1")
    return explainer
