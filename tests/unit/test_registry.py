"""From a configuration entry to an explainer: what a class from outside gets wrong is said in one sentence."""

import pytest

from advxai.common.errors import InputError
from advxai.saliency import CallableExplainer, Explainer, build
from tests.helpers import explainer_settings

HERE = "tests.unit.test_registry"


class Callable(CallableExplainer):
    """Lacks `attribute`."""


class Generating(Explainer):
    """Lacks `explain`."""


class Complete(CallableExplainer):
    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def attribute(self, predict, inputs):
        raise NotImplementedError


class Stranger:
    pass


def test_params_are_the_class_s_arguments():
    explainer = build(explainer_settings(method=f"{HERE}:Complete", baseline="zeros", params={"steps": 7}))
    assert isinstance(explainer, Complete) and explainer.steps == 7 and explainer.rows == 1


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("Callable", {}, "explainer .*:Callable: .*abstract.* attribute"),
        ("Generating", {}, "explainer .*:Generating: .*abstract.* explain"),
        ("Complete", {"stpes": 7}, "explainer .*:Complete: .*'stpes'; correct its `params`"),
        ("Stranger", {}, "explainer .*:Stranger: is no subclass of advxai.saliency.Explainer"),
        ("Absent", {}, "explainer .*:Absent: can't be imported .*; correct `method` or PYTHONPATH"),
    ],
)
def test_what_a_class_from_outside_gets_wrong(name, params, said):
    with pytest.raises(InputError, match=said):
        build(explainer_settings(method=f"{HERE}:{name}", baseline="zeros", params=params))
