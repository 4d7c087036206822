"""Parameters of clips and of what explains them."""

from functools import cached_property
from typing import Any, cast

from advxai.config.explainers import AnyExplainer, Custom, module_of
from advxai.config.video import OverFrames
from advxai.run.digests.base import VERSIONS, digest
from advxai.run.digests.stages import StageDigests, attack_params, draws


class Digests(StageDigests):
    """Parameters of every stage of one configuration.

    Args:
        config: a checked configuration.
        planning: a file of the user's that isn't there yet has a hash of its own instead of being an error.
    """

    @cached_property
    def clips_params(self) -> dict[str, Any]:
        """Of the crops of clips: which frames are looked at, and how they are cut; not which videos."""
        faces = self.faces_params
        own = {name: value for name, value in faces.items() if name not in ("stride", "frames_per_video", "several")}
        settings = self.config.video.model_dump(include={"frames", "step", "crop", "track"})
        return {**own, **settings, "faces_version": own["version"], "version": VERSIONS["clips"]}

    @cached_property
    def clip_counterparts_params(self) -> dict[str, Any]:
        return {"version": VERSIONS["counterparts"], "clips": digest(self.clips_params)}

    @property
    def clips_listed(self) -> str | None:
        """SHA-256 of the user's list of clips, so that an edited one is noticed."""
        return self._file(self.config.video.list) if self.config.video.list else None

    @cached_property
    def clip_score(self) -> str:
        """How a clip's answer is made of its frames': mean, or mean_logit. (The other rules for videos are means where
        there is one face.)"""
        settings = self.config
        by_logit = settings.video.score == "detector" and settings.detector.video_score == "mean_logit"
        return "mean_logit" if by_logit else "mean"

    @cached_property
    def _clips(self) -> dict[str, Any]:
        return {**self._calling, "clip_score": self.clip_score}

    @cached_property
    def video_scores_params(self) -> dict[str, Any]:
        segments = self.config.video.segments.model_dump()
        return {"version": VERSIONS["video_scores"], **self._clips, "segments": segments}

    @cached_property
    def video_adversary_params(self) -> dict[str, Any]:
        own = attack_params(self.config.adversary)
        return {"version": VERSIONS["video_adversary"], **self._clips, "seed": self.config.seed, **own}

    def clips_need_adversary(self, explainer: str) -> bool:
        return "adversarial" in self.config.video.explainers[explainer].needs

    def video_saliency_params(self, explainer: str) -> dict[str, Any]:
        entry = self.config.video.explainers[explainer]
        made_from = {"scores": digest(self.video_scores_params)}
        if entry.kind != "explainer":
            settings = entry.model_dump(exclude={"segmentation"})
            seed = {"seed": self.config.seed} if entry.method == "random" else {}
            return {"version": VERSIONS["video_controls"], **made_from, **settings, **seed}
        row = entry.row if isinstance(entry, OverFrames) else entry
        settings = row.model_dump(exclude={"published"})
        self._baseline_params(row, settings)
        params = {"version": VERSIONS["video_saliency"], **made_from, "over": "clip", **settings}
        if isinstance(entry, OverFrames):
            params["over"] = "frames"
            if isinstance(row, Custom) and (module := module_of(row)) is not None:
                params |= self._code(f"video.explainers.{explainer}.method", module)
        if not isinstance(entry, OverFrames) or draws(cast("AnyExplainer", row)):
            params["seed"] = self.config.seed
        if self.clips_need_adversary(explainer):
            params["adversary"] = digest(self.video_adversary_params)
        return params

    @cached_property
    def video_attacks_params(self) -> dict[str, Any]:
        settings = attack_params(self.config.evaluation)
        own = {name: value for name, value in settings.items() if name not in ("top", "population")}
        return {"version": VERSIONS["video_attacks"], **self._clips, "seed": self.config.seed, **own}

    def video_evaluation_params(self, explainer: str) -> dict[str, Any]:
        """Of the rows of attacks of one explainer."""
        return {
            "version": VERSIONS["video_attacks"],
            "attacks": digest(self.video_attacks_params),
            "saliency": digest(self.video_saliency_params(explainer)),
            "top": self.config.video.top,
        }

    @cached_property
    def video_measures_params(self) -> dict[str, Any]:
        """Of the measures of clips, restoration among them, whoever's explanations they are of."""
        settings = self.config.video.model_dump(include={"top", "area"})
        return {"version": VERSIONS["video_metrics"], **self._clips, **settings}

    def video_metrics_params(self, explainer: str) -> dict[str, Any]:
        return {
            "measures": digest(self.video_measures_params),
            "saliency": digest(self.video_saliency_params(explainer)),
        }
