"""Clips: their crops, what is computed of them, and what people look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advxai.config.video import ATTACKS, TABLES
from advxai.run.digests import digest
from advxai.run.folders import Folder
from advxai.run.paths.stages import StagePaths

OF_CLIPS = {"run", "seed", "shards", "corpus", "faces", "frames", "detector", "adversary", "evaluation", "video"}


class VideoPaths(StagePaths):
    """Where everything of the target `video` lies. Its jobs have shards of their own lists, by video as everywhere."""

    # -- settings -----------------------------------------------------------------------------------------------------
    @property
    def settings_of_images(self) -> dict[str, Any]:
        """What a run's images are made from; another setting of clips changes nothing of them."""
        return self.config.model_dump(mode="json", exclude={"image", "explain", "plan", "prune", "video"})

    @property
    def settings_of_clips(self) -> dict[str, Any]:
        """What a run's clips are made from; other rows of images, their measures and figures change nothing of them."""
        return self.config.model_dump(mode="json", include=OF_CLIPS)

    # -- clips --------------------------------------------------------------------------------------------------------
    @property
    def clips_run(self) -> Path:
        """The run's lists of clips and their databases."""
        return self.run / "clips"

    @property
    def clip_crops(self) -> Folder:
        path = self.store / "clips" / f"crops-{digest(self.clips_params)}"
        return Folder(path, "face crops of clips, and each run's lists of them", self.clips_params)

    @property
    def clips_cut(self) -> list[Path]:
        """The run's lists of clips' crops, a file a shard."""
        return self._shards_in(self.clip_crops.path, "parquet")

    @property
    def clips_lmdb(self) -> Path:
        return self.clips_run / "clips.lmdb"

    @property
    def clip_counterparts_cut(self) -> Folder:
        path = self.store / "counterparts" / f"clips-{digest(self.clip_counterparts_params)}"
        reads = (self.clip_crops.path,)
        return Folder(path, "original frames cut by the boxes of clips", self.clip_counterparts_params, reads)

    @property
    def clip_counterparts(self) -> list[Path]:
        """The table of the counterparts of clips' frames, and the database of those that are there."""
        return [self.clips_run / "counterparts.parquet", self.clips_run / "counterparts.lmdb"]

    @property
    def clips_left_out(self) -> list[Path]:
        """Tables of which clips were left out and why, in the order in which data flows."""
        cut = [path.with_suffix(".left_out.parquet") for path in self.clips_cut]
        return [self.clips_run / "list_left_out.parquet", *cut, self.clips_run / "counterparts_left_out.parquet"]

    # -- video --------------------------------------------------------------------------------------------------------
    @property
    def video_scores(self) -> Folder:
        path = self.store / "video_scores" / f"clips-{digest(self.video_scores_params)}"
        holds = "segments of clips, and what the detector says of them and their frames"
        return Folder(path, holds, self.video_scores_params, (self.detector.path,))

    @property
    def scored(self) -> list[Path]:
        return self._shards_in(self.video_scores.path)

    @property
    def video_adversary(self) -> Folder:
        path = self.store / "video_adversary" / f"nes-{digest(self.video_adversary_params)}"
        return Folder(path, "adversarial copies of clips, by NES", self.video_adversary_params, (self.detector.path,))

    @property
    def any_video_adversary(self) -> bool:
        """Some explainer of clips fills in with the adversarial copy."""
        return any(map(self.clips_need_adversary, self.config.video.explainers))

    @property
    def video_copies(self) -> list[Path]:
        return self._shards_in(self.video_adversary.path) if self.any_video_adversary else []

    def clips_need(self, explainer: str, what: str) -> bool:
        """Whether a row of clips is made from something besides the clip (`advxai.config.rows.Row.needs`)."""
        return what in self.config.video.explainers[explainer].needs

    def video_saliency(self, explainer: str) -> Folder:
        params = self.video_saliency_params(explainer)
        copies = [self.video_adversary.path] if self.clips_need_adversary(explainer) else []
        path = self.store / "video_saliency" / f"{explainer}-{digest(params)}"
        return Folder(path, f"maps over time of the row {explainer}", params, (self.video_scores.path, *copies))

    def video_maps_of(self, explainer: str) -> list[Path]:
        return self._shards_in(self.video_saliency(explainer).path)

    def video_copies_for(self, explainer: str, digest: str, shard: str) -> list[Path]:
        """The copies that a shard of maps is made from; InputError if it isn't this configuration's."""
        self.video_saliency(explainer).require(digest)
        needed = self.clips_need_adversary(explainer)
        return [self.video_adversary.path / self.config.run / f"{shard}.h5"] if needed else []

    @property
    def video_attacks(self) -> Folder:
        path = self.store / "video_attacks" / f"nes-{digest(self.video_attacks_params)}"
        holds = "NES attacks on sets of segments of clips, shared by all explainers"
        return Folder(path, holds, self.video_attacks_params, (self.detector.path,))

    def video_attacks_of(self, explainer: str) -> list[Path]:
        name = f"{explainer}-{digest(self.video_evaluation_params(explainer))}"
        return [self.video_attacks.path / self.config.run / f"{name}-{shard}.h5" for shard in self.shards]

    def video_evaluation(self, explainer: str) -> Folder:
        params = self.video_evaluation_params(explainer)
        path = self.store / "video_evaluation" / f"{explainer}-{digest(params)}"
        reads = (self.video_saliency(explainer).path, self.video_attacks.path)
        return Folder(path, f"rows of attacks on clips of {explainer}, one for each clip and k", params, reads)

    def video_rows_of(self, explainer: str) -> list[Path]:
        return self._shards_in(self.video_evaluation(explainer).path, "parquet")

    @property
    def video_measures(self) -> Folder:
        path = self.store / "video_measures" / f"clips-{digest(self.video_measures_params)}"
        holds = "measures of explanations of clips, shared by all explainers"
        return Folder(path, holds, self.video_measures_params, (self.detector.path,))

    def video_measured(self, explainer: str) -> list[Path]:
        name = f"{explainer}-{digest(self.video_metrics_params(explainer))}"
        return [self.video_measures.path / self.config.run / f"{name}-{shard}.h5" for shard in self.shards]

    def video_metrics(self, explainer: str) -> Folder:
        params = self.video_metrics_params(explainer)
        path = self.store / "video_metrics" / f"{explainer}-{digest(params)}"
        reads = (self.video_saliency(explainer).path, self.video_measures.path)
        return Folder(path, f"what is measured of {explainer} over time, a row a clip and column", params, reads)

    def video_metrics_of(self, explainer: str) -> list[Path]:
        return self._shards_in(self.video_metrics(explainer).path, "parquet")

    def video_maps_for(self, explainer: str, folder: Folder, digest: str, shard: str) -> Path:
        """The maps that a shard of `folder` (rows, or measures) is made from; InputError if it isn't this
        configuration's."""
        folder.require(digest)
        return self.video_saliency(explainer).path / self.config.run / f"{shard}.h5"

    @property
    def video_records(self) -> dict[str, list[Path]]:
        """The run's shards of every stage of clips, whether they are asked for or not."""
        names, explainers = self.config.video.ordered, list(self.config.video.of_kind("explainer"))
        beside = [name for name in names if name not in explainers]  # made with other packages
        attacked = self.config.video.attacks
        return {
            "video_scores": self.scored,
            "video_adversary": self.video_copies,
            "video_saliency": [path for name in explainers for path in self.video_maps_of(name)],
            **({"video_controls": [path for name in beside for path in self.video_maps_of(name)]} if beside else {}),
            **({"video_attacks": [path for name in names for path in self.video_attacks_of(name)]} if attacked else {}),
            "video_metrics": [path for name in names for path in self.video_measured(name)],
        }

    @property
    def folders(self) -> Iterator[Folder]:
        """Every digest's folder that this configuration refers to, in the order in which data flows."""
        yield from self.folders_of_images
        yield from self.folders_of_clips

    @property
    def folders_of_images(self) -> Iterator[Folder]:
        """Those that a run without clips has, too."""
        return super().folders

    @property
    def folders_of_clips(self) -> Iterator[Folder]:
        names = self.config.video.ordered
        yield from (self.clip_crops, self.clip_counterparts_cut, self.video_scores)
        if self.any_video_adversary:
            yield self.video_adversary
        yield from map(self.video_saliency, names)
        if self.config.video.attacks:
            yield self.video_attacks
            yield from map(self.video_evaluation, names)
        yield self.video_measures
        yield from map(self.video_metrics, names)

    # -- what people look at ------------------------------------------------------------------------------------------
    @property
    def video_tables(self) -> list[Path]:
        """The files of every table of clips that the configuration asks for."""
        names = [name for name in TABLES if name != ATTACKS or self.config.video.attacks]
        return [path for name in names for path in self.video_table(name)]

    def video_table(self, name: str) -> list[Path]:
        return [self.run / "tables" / f"{name}.{kind}" for kind in ("parquet", "csv", "md", "tex")]

    @property
    def films(self) -> Path:
        """Folder of the films: <clip's folder>/<row>.mp4 and sheet.png, and `clips.json` (`video_page`), which says
        that all are there. The folder itself is no output of a rule, since Snakemake deletes these before a job: former
        films stay, and are seen, until those that are made anew take their place."""
        return self.run / "video" / "films"

    @property
    def video_page(self) -> dict[str, Path]:
        """The page that plays the films, what it shows as data (the report shows it too), and the closing lines."""
        names = {"page": "index.html", "data": "films/clips.json", "summary": "summary.txt"}
        return {name: self.run / "video" / file for name, file in names.items()}
