"""How long FaceForensics++ would take at a measured speed of each stage."""

from collections.abc import Mapping
from dataclasses import dataclass

from advxai.config import Config
from advxai.plan.count import PAPER_ITERATIONS, explanation
from advxai.plan.found import Held

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


def project(config: Config, rates: Mapping[str, float], images: int = IMAGES) -> list[Row]:
    """Every stage with forwards, of the explainers alone, without controls and ceilings: images * forwards / rate.

    The adversary is taken to make `PAPER_ITERATIONS` iterations an image, segment attacks as many as they may; no
    attack is taken over from another explainer.

    Args:
        config: whose explainers and budgets.
        rates: stage -> images through the detector a second.
        images: explained.
    """

    def row(name: str, stage: str, forwards: float) -> Row:
        return Row(name, stage, round(forwards), images * forwards / rates[stage] / 3600)

    explainers = config.of_kind("explainer")
    top = len(explainers) * config.evaluation.top
    return [
        row("adversary", "adversary", config.adversary.forwards(PAPER_ITERATIONS)),
        *(row(name, METHODS[one.method], explanation(one, Held()) or 0) for name, one in explainers.items()),
        row("evaluation", "evaluation", top * config.evaluation.forwards()),
    ]
