"""From a configuration entry to an explainer."""

from importlib.metadata import entry_points

from advxai.common.errors import InputError
from advxai.common.usercode import described, imported
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
        return imported(f"{point.module}:{point.attr}", f"explainer {method},", "method")
    return imported(method, "explainer", "method")


def build(settings: Settings) -> Explainer:
    """The explainer of a configuration entry.

    Raises:
        InputError: a class from outside can't be imported, isn't an `Explainer`, doesn't take its `params`, or has no
            number of `rows`.
    """
    method = settings.method
    if not isinstance(settings, Custom):
        own: type[Explainer] = imported(BUILT_IN[method], "explainer", "method")
        return own(**settings.model_dump(exclude={"method", "baseline", "segmentation", "published"}))
    kind = _external(method)
    if not (isinstance(kind, type) and issubclass(kind, Explainer)):
        raise InputError(f"explainer {method}: is no subclass of advxai.saliency.Explainer; derive it from that class")
    try:
        explainer = kind(**settings.params)
    except TypeError as error:
        raise InputError(f"explainer {method}: {error}; correct its `params`") from error
    except Exception as error:
        raise InputError(f"explainer {method}: {described(error)}; correct its `params` or the class") from error
    if not isinstance(explainer.rows, int) or explainer.rows < 1:
        raise InputError(f"explainer {method}: its `rows` is {explainer.rows!r}; it must be a whole number from 1")
    return explainer
