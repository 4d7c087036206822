"""The jobs of a run, and what they make, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES = (
    "corpus",
    "faces",
    "frames",
    "detector",
    "adversary",
    "saliency",
    "evaluation",
    "metrics",
    "tables",
    "answer",
    "report",
    "samples",
    "clips",
    "video",
)
FIGURES = (
    "figure",
    "scorecard",
    "agreement",
    "accuracy",
    "explanations",
    "nes",
    "fillings_figure",
    "cost",
    "detector",
    "roc",
)
# What a rule's jobs make, in the order in which it is said: one each, or as many as they tell. Of any other rule, and
# where not all have told (on a cluster that doesn't hand on the environment), jobs are counted.
EACH = {
    "corpus_media": ("file", "fetched"),
    "corpus_clip": ("clip", "made"),
    "detector_train": ("detector", "trained"),
    "detector_import": ("detector", "imported"),
    "tables_explainer": ("explainer", "tabulated"),
    **dict.fromkeys((f"report_{name}" for name in FIGURES), ("figure", "drawn")),
    "report_page": ("page", "written"),
    "video_page": ("page", "written"),
}
TOLD = {
    "faces_shard": ("video", "cut out"),
    "frames_lmdb": ("image", "stored"),
    "frames_import": ("image", "checked"),
    "frames_crops": ("image", "checked"),
    "frames_counterparts": ("counterpart", "cut out"),
    "detector_metrics": ("image", "classified"),
    "adversary_shard": ("image", "attacked"),
    "saliency_shard": ("image", "explained"),
    "saliency_control": ("control map", "made"),
    "evaluation_shard": ("attack", "made"),
    "metrics_shard": ("measure", "taken"),
    "samples_list": ("sample", "listed"),
    "samples_shard": ("sample", "explained"),
    "samples_gallery": ("picture", "drawn"),
    "clips_list": ("clip", "listed"),
    "clips_shard": ("clip", "cut out"),
    "clips_lmdb": ("image", "stored"),
    "clips_counterparts": ("counterpart", "cut out"),
    "video_scores": ("clip", "classified"),
    "video_adversary": ("clip", "attacked"),
    "video_saliency": ("clip", "explained"),
    "video_control": ("control map", "made"),
    "video_attacks": ("attack", "made"),
    "video_metrics": ("clip", "measured"),
    "video_films": ("film", "made"),
}


@dataclass
class Job:
    """A job of the run.

    Attributes:
        rule: whose it is; `<stage>_<what>`.
        row: the explainer, of the jobs that are many images' explanations or attacks.
        log: path of its log file, known when it begins.
        state: "waits", "runs" or "done".
        told: what it has told (`advxai.run.progress`).
        began: when (`time.monotonic`).
        took: seconds, when it is done.
    """

    rule: str
    row: str = ""
    log: str = ""
    state: str = "waits"
    told: dict[str, Any] = field(default_factory=dict)
    began: float = 0.0
    took: float = 0.0

    @property
    def stage(self) -> str:
        return self.rule.partition("_")[0]

    @property
    def name(self) -> str:
        if self.row:
            return f"{self.stage} {self.row}"
        return self.rule.removesuffix("_shard").replace("_", " ")


def planned(dag: Any) -> dict[int, Job]:
    """The jobs to be run, by Snakemake's number; rules that only collect have none."""
    return {dag.jobid(job): job_of(job.rule.name, job.wildcards_dict) for job in dag.needrun_jobs() if not job.is_norun}


def in_order(stage: str) -> int:
    """Key that sorts stages as data flow; what is no stage comes last."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def job_of(rule: str, wildcards: Mapping[str, str]) -> Job:
    """A job of a rule; of an explainer's shard it has the row's name."""
    return Job(rule, wildcards.get("explainer", "") if "shard" in wildcards else "")


def plural(number: int, noun: str) -> str:
    """`1 image`, `1,070 images`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """`14 s`, `1 min 9 s`, `2 h 3 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def made(jobs: Iterable[Job]) -> str:
    """What finished jobs of one stage have made: `7 files fetched, 4 clips made`."""
    jobs = list(jobs)
    parts = []
    for noun, verb in dict.fromkeys(EACH.values()):
        if number := sum(EACH.get(job.rule) == (noun, verb) for job in jobs):
            parts.append(f"{plural(number, noun)} {verb}")
    for rule, (noun, verb) in TOLD.items():
        told = [job.told for job in jobs if job.rule == rule]
        if told and all("computed" in one for one in told):
            parts.append(f"{plural(sum(one['computed'] for one in told), noun)} {verb}")
            parts.append(f"{sum(one['found'] for one in told):,} found")
        elif told and all(one.get("unit") == noun for one in told):
            parts.append(f"{plural(sum(one['n'] for one in told), noun)} {verb}")
    return ", ".join(parts) or plural(len(jobs), "job")
