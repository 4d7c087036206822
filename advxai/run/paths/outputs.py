"""What people read of a run: tables, figures and the page that has it all."""

import os
from collections.abc import Iterable
from pathlib import Path

from advxai.config import FIGURES
from advxai.config.science import Nes
from advxai.run.digests import digest
from advxai.run.paths.video import VideoPaths


def _nes(settings: Nes) -> str:
    return (
        f"NES, n = {settings.samples}, alpha = {settings.alpha * 255:.3g}/255, at most {settings.iterations} iterations"
    )


class Outputs:
    """Files of a run at readable paths, and the line under them.

    Args:
        paths: of the run.
    """

    FORMATS = ("parquet", "csv", "md", "tex")
    COMBINED = ("accuracy", "sufficiency", "cost", "flips")
    ANSWER = ("scorecard", "tests")
    MEASURED = ("metrics", "localisation")
    PUBLISHED = ("published_accuracy", "published_sufficiency", "published_cost")

    def __init__(self, paths: VideoPaths) -> None:
        self.paths, self.config, self.run = paths, paths.config, paths.run

    def tables_of(self, names: Iterable[str]) -> list[Path]:
        """Files of tables, in every format."""
        return [self.run / "tables" / f"{name}.{kind}" for name in names for kind in self.FORMATS]

    @property
    def tables(self) -> list[Path]:
        """Every table: one an explainer, the combined ones, those of the measures, the answer's, and for FF++ those
        beside the published ones."""
        beside = self.PUBLISHED if self.paths.beside_published else ()
        measured = self.MEASURED if self.config.metrics else ()
        return self.tables_of([*self.config.explainers, *self.COMBINED, *measured, *self.ANSWER, *beside])

    @property
    def readings(self) -> dict[str, str]:
        """Row -> the published row that it is a reading of."""
        entries = self.config.of_kind("explainer").items()
        return {name: entry.published for name, entry in entries if entry.published is not None}

    @property
    def figure_groups(self) -> dict[str, list[str]]:
        """Explainers that differ in their baseline alone stand in one figure, named as the first of them."""
        groups: dict[str, list[str]] = {}
        for name, settings in self.config.of_kind("explainer").items():
            others = settings.model_dump(mode="json", exclude={"baseline", "published"})
            groups.setdefault(digest(others), []).append(name)
        return {names[0]: names for names in groups.values()}

    @property
    def run_figures(self) -> list[str]:
        """Names of the figures of the run as a whole; NES has one where a row fills in with its copies."""
        return [name for name in FIGURES if name != "nes" or self.paths.any_adversary]

    def figure(self, name: str) -> list[Path]:
        """A figure's two files."""
        return [self.run / "figures" / f"{name}.{kind}" for kind in ("png", "pdf")]

    @property
    def figures(self) -> list[Path]:
        """Every figure: one a group of explainers, and those of the run as a whole."""
        return [path for name in (*self.figure_groups, *self.run_figures) for path in self.figure(name)]

    @property
    def fillings(self) -> Path:
        """What the figure of the fillings shows."""
        return self.run / "figures" / "fillings.h5"

    @property
    def speed(self) -> Path:
        """How many images a second the detector takes, as measured when the run was done."""
        return self.run / "detector" / "speed.json"

    @property
    def tested(self) -> list[Path]:
        """What a test of the detector leaves for people: its metrics, the points of its curves, its answers by video,
        and last its main numbers."""
        metrics, roc, reliability, main = (
            self.run / "detector" / name for name in ("metrics.csv", "roc.csv", "reliability.csv", "summary.txt")
        )
        return [metrics, roc, reliability, self.labels, self.examples, main]

    @property
    def labels(self) -> Path:
        """What the detector says of each test video, a line a video."""
        return self.run / "detector" / "labels.txt"

    @property
    def examples(self) -> Path:
        """The list of an image of each test video, which `samples` explains if no other list is given."""
        return self.run / "detector" / "samples.csv"

    @property
    def beside_detector(self) -> list[Path]:
        """The detector's figures beside published ones, where there are any."""
        there = self.paths.published_detector is not None
        return [self.run / "detector" / f"published.{kind}" for kind in ("csv", "md") if there]

    @property
    def detector_tested(self) -> bool:
        """The detector's main numbers are there, written since it was exchanged, if it was."""
        return self._since(self.tested[-1])

    @property
    def samples_list(self) -> Path:
        """The list of samples: the user's, or the run's own, one a test video, however its path is written."""
        listed = self.config.samples.list
        own = listed is None or os.path.abspath(listed) == os.path.abspath(self.examples)
        return self.examples if listed is None or own else Path(listed)

    @property
    def samples_frames(self) -> Path:
        """The database of the samples' images: the run's, or of those in the folder `samples.crops`."""
        return self.paths.lmdb if self.config.samples.crops is None else self.run / "samples" / "frames.lmdb"

    @property
    def samples(self) -> dict[str, Path]:
        """What people get of samples: page, table and summary."""
        names = {"page": "index.html", "table": "samples.csv", "summary": "summary.txt"}
        return {name: self.run / "samples" / file for name, file in names.items()}

    @property
    def samples_note(self) -> str:
        """Run, detector and the rows' budgets, for the samples' page."""
        notes = (self.note(name, attacks=False).removeprefix(self.heading) for name in self.config.sampled)
        return self.heading + ";".join(notes)

    @property
    def sampled(self) -> bool:
        """The samples' summary is there, written since the detector was exchanged, if it was."""
        return self._since(self.samples["summary"])

    @property
    def everything(self) -> list[Path]:
        """What is made when no target is given, besides the detector's metrics: of the images where rows explain any,
        of clips where there are any."""
        run = self.run
        of_images = [*self.tables, *self.figures, run / "summary.txt", run / "provenance.json", self.report]
        return [*(of_images if self.config.explainers else []), *self.video]

    @property
    def video(self) -> list[Path]:
        """What people get of clips, where the configuration has any."""
        paths = self.paths
        made = [*paths.video_tables, *paths.video_page.values(), self.run / "video" / "provenance.json"]
        return made if self.config.video.asked else []

    @property
    def video_note(self) -> str:
        """Run, detector and the budgets of clips, as a line under their tables and films."""
        video = self.config.video
        step = {1: "consecutive", "spread": "spread over the track"}.get(video.step, f"every {video.step}.")
        copies = f" Adversarial copies: {_nes(self.config.adversary)}." if self.paths.any_video_adversary else ""
        attacks = f" Segment attacks: {_nes(self.config.evaluation)}." if video.attacks else ""
        return (
            f"{self.heading} Clips of {video.frames} frames ({step}), crop {video.crop}, score "
            f"{self.paths.clip_score}.{attacks}{copies}"
        )

    @property
    def clips_shown(self) -> bool:
        """The clips' closing lines are there, written since the detector was exchanged, if it was."""
        return self._since(self.paths.video_page["summary"])

    @property
    def answer(self) -> Path:
        """The answer's sentences."""
        return self.run / "answer.json"

    @property
    def estimates(self) -> Path:
        """Every value that is compared, with its interval."""
        return self.run / "tables" / "estimates.parquet"

    @property
    def report(self) -> Path:
        """The page that has it all."""
        return self.run / "report.html"

    @property
    def summed_up(self) -> bool:
        """The run has a closing message, written since the detector was exchanged, if it was."""
        return self._since(self.run / "summary.txt")

    @property
    def answered(self) -> bool:
        """The run has an answer, written since the detector was exchanged, if it was."""
        return self._since(self.answer)

    def _since(self, path: Path) -> bool:
        try:
            return path.stat().st_mtime >= self.paths.weights_hash.stat().st_mtime
        except FileNotFoundError:
            return False

    def note(self, explainer: str | None = None, *, attacks: bool = True) -> str:
        """The budgets behind a table or figure, as a line under it; `attacks`: it shows segment attacks."""
        config = self.config
        own = f" Segment attacks: {_nes(config.evaluation)}." if attacks else ""
        if self.paths.any_adversary if explainer is None else self.paths.needs_adversary(explainer):
            own += f" Adversarial copies: {_nes(config.adversary)}."
        if explainer is None and (real := config.of_the_real_class):
            own += f" Of the real class, ranked with no other row: {', '.join(real)}."
        if explainer is not None:
            settings = config.explainers[explainer]
            budget = settings.model_dump(
                include={
                    "samples",
                    "evaluations",
                    "grid",
                    "design",
                    "masks",
                    "params",
                    "draws",
                    "width",
                    "window",
                    "steps",
                    "layers",
                    "map",
                    "level",
                }
            )
            made = f"baseline {settings.filling}" if settings.filling else settings.kind
            target = getattr(settings, "target", "predicted")
            of = [] if target == "predicted" else [f"of the {target} class"]
            own += ", ".join([f" {explainer}: {made}", *of, *(f"{k} {v}" for k, v in budget.items())])
        return f"{self.heading}{own}"

    @property
    def heading(self) -> str:
        """The first sentence under a table or figure: run and detector."""
        config, threshold = self.config, self.paths.classes.threshold
        called = "" if threshold is None else f", called fake at p(fake) \N{GREATER-THAN OR EQUAL TO} {threshold:g}"
        return (
            f"Run {config.run}, protocol {config.protocol}, seed {config.seed}, {config.detector.model} at "
            f"{config.detector.input_size} px{called}."
        )
