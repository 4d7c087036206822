"""Parameters of the stages of the images to explain: predictions, adversary, saliency, attacks, evaluation, metrics."""

from functools import cached_property
from typing import Any

from advxai.config.controls import Control
from advxai.config.explainers import AnyExplainer, Custom, module_of
from advxai.config.metrics import CustomMeasure
from advxai.config.science import Nes
from advxai.run.digests.base import VERSIONS, digest
from advxai.run.digests.detector import DetectorDigests

# Methods without a random draw: SOBOL's sequence isn't scrambled, SHAP splits regions of equal worth in their order.
DRAWLESS = (
    "sobol", "shap", "occlusion", "gradcam", "gradcam++", "hirescam", "integrated_gradients", "relevancy", "attention",
)  # fmt: skip


def attack_params(settings: Nes) -> dict[str, Any]:
    """Settings of an attack; a delta that bounds nothing counts as the default, so that changing it moves nothing."""
    params = settings.model_dump()
    if not settings.project and settings.delta >= settings.alpha:
        params["delta"] = type(settings).model_fields["delta"].default
    return params


def draws(entry: AnyExplainer) -> bool:
    """Whether an explainer, or what fills in for it, draws from the seeded generator (the adversarial copy's own draws
    are in the digest of the stage adversary)."""
    library = getattr(entry, "engine", None) == "library"
    return entry.method not in DRAWLESS or library or entry.filling == "noise"


class StageDigests(DetectorDigests):
    """Parameters of every stage of the images.

    Args:
        config: a checked configuration.
        planning: a file of the user's that isn't there yet has a hash of its own instead of being an error.
    """

    @cached_property
    def _forward(self) -> dict[str, Any]:
        settings = self.config.detector
        return {
            "detector": digest(self.detector_params),
            "device": settings.device,
            "backend": settings.backend,
            "forward_batch": settings.forward_batch,
            "threads": settings.threads if settings.device == "cpu" else None,
            **settings.kernels.params,
        }

    @cached_property
    def predictions_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["predictions"], **self._forward}

    @cached_property
    def _calling(self) -> dict[str, Any]:
        """Where the detector calls an image fake from a threshold on, that is part of what stops at "called real"."""
        threshold = self.classes.threshold
        return self._forward | ({} if threshold is None else {"threshold": threshold})

    @cached_property
    def _seeded(self) -> dict[str, Any]:
        return self._calling | {"seed": self.config.seed}

    @cached_property
    def adversary_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["adversary"], **self._seeded, **attack_params(self.config.adversary)}

    def needs_adversary(self, explainer: str) -> bool:
        return "adversarial" in self.config.explainers[explainer].needs

    def saliency_params(self, explainer: str) -> dict[str, Any]:
        entry = self.config.explainers[explainer]
        settings = entry.model_dump(exclude={"published"})
        if settings["segmentation"]["algorithm"] != "slic":
            del settings["segmentation"]["n_segments"]
        if isinstance(entry, Control):
            return self._control_params(settings)
        if settings["target"] == "predicted":  # younger than many a file
            del settings["target"]
        if isinstance(entry, Custom) and entry.gradient_batch is None:  # likewise
            del settings["gradient_batch"]
        self._baseline_params(entry, settings)
        params = {"version": VERSIONS["saliency"], **self._calling, **settings}
        if draws(entry):
            params["seed"] = self.config.seed
        if (module := module_of(entry)) is not None:
            params |= self._code(f"explainers.{explainer}.method", module)
        if self.needs_adversary(explainer):
            params["adversary"] = digest(self.adversary_params)
        return params

    @staticmethod
    def _baseline_params(entry: Any, settings: dict[str, Any]) -> None:
        """Settings of a baseline that this one doesn't have must not change its digest."""
        if entry.filling:
            relevant = {"blur": {"kind", "size"}, "noise": {"kind", "std"}}.get(entry.filling, {"kind"})
            settings["baseline"] = {name: value for name, value in settings["baseline"].items() if name in relevant}

    def _control_params(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Of a control or ceiling: target and segments are the detector's and its input's. Of what else it is made each
        record knows itself (`given`)."""
        params = {"version": VERSIONS["controls"], **self._calling, **settings}
        if settings["method"] == "random":
            params["seed"] = self.config.seed
        if settings["method"] == "face_prior":
            params["face_detector"] = self._medium(self.config.faces.model)
        return params

    @cached_property
    def attacks_params(self) -> dict[str, Any]:
        settings = attack_params(self.config.evaluation)
        own = {name: value for name, value in settings.items() if name not in ("top", "population")}
        return {"version": VERSIONS["attacks"], **self._seeded, **own}

    def evaluation_params(self, explainer: str) -> dict[str, Any]:
        return {
            "version": VERSIONS["evaluation"],
            "attacks": digest(self.attacks_params),
            "saliency": digest(self.saliency_params(explainer)),
            **self.config.evaluation.model_dump(include={"top", "population"}),
        }

    def measure_params(self, measure: str) -> dict[str, Any]:
        """Of one measure, whoever's explanations it is of: these are known by their hash."""
        settings = self.config.metrics[measure]
        params = {"version": VERSIONS["metrics"], "name": measure, **settings.model_dump()}
        if isinstance(settings, CustomMeasure):
            params |= self._code(f"metrics.{measure}.measure", settings.measure.partition(":")[0])
        return params | (self._calling if settings.forwards else {})

    def metrics_params(self, explainer: str) -> dict[str, Any]:
        return {
            "version": VERSIONS["metrics"],
            "saliency": digest(self.saliency_params(explainer)),
            "measures": {name: digest(self.measure_params(name)) for name in self.config.metrics},
        }
