"""How long FaceForensics++ would take at a measured speed of each stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advxai.config import Config
from advxai.plan.count import PAPER_ITERATIONS, explanation
from advxai.plan.found import Held
from advxai.plan.lengths import Lengths
from advxai.plan.lengths import forwards as forwards_of

IMAGES = 5070  # that the paper explains
METHODS = {"lime": "LIME", "shap": "SHAP", "sobol": "SOBOL", "rise": "RISE"}


@dataclass(frozen=True)
class Row:
    """A stage of the run, or an explainer's maps.

    Attributes:
        name: "adversary", an explainer, or "evaluation" (of all explainers).
        stage: whose speed counts, of `benchmarks.speed.work.STAGES`.
        forwards: images through the detector for one explained image.
        hours: of one process, for all images.
    """

    name: str
    stage: str
    forwards: int
    hours: float


def project(
    config: Config, rates: Mapping[str, float], images: int = IMAGES, lengths: Mapping[str, Any] | None = None
) -> list[Row]:
    """Every stage with forwards, of the explainers alone, without controls and ceilings: images * forwards / rate.

    Without `lengths` the adversary is taken to make `PAPER_ITERATIONS` iterations an image, segment attacks as many as
    they may, and no attack is taken over from another explainer; with them attacks are as long, and as many of them
    shared, as in the run that was measured.

    Args:
        config: whose explainers and budgets.
        rates: stage -> images through the detector a second.
        images: explained.
        lengths: content of a file of lengths (`benchmarks/lengths.py`).

    Raises:
        InputError: the lengths are of attacks with other settings than the configuration's.
    """
    adversary, settings = config.adversary, config.evaluation
    copy: float = adversary.forwards(PAPER_ITERATIONS)
    attacks: float = settings.top * settings.forwards()
    if lengths is not None:
        expected = Lengths.of(lengths).expected(config)
        copy = copy if expected.adversary is None else forwards_of(adversary, expected.adversary)
        attacks = expected.of_row(settings)

    def row(name: str, stage: str, forwards: float) -> Row:
        return Row(name, stage, round(forwards), images * forwards / rates[stage] / 3600)

    explainers = config.of_kind("explainer")
    return [
        row("adversary", "adversary", copy),
        *(row(name, METHODS[one.method], explanation(one, Held()) or 0) for name, one in explainers.items()),
        row("evaluation", "evaluation", len(explainers) * attacks),
    ]
