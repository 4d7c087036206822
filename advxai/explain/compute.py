"""Everything that is computed of the faces: the stages adversary, saliency and evaluation, in memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from advxai.adversary.nes import reconstruct
from advxai.adversary.stage import run as make_copies
from advxai.common.arrays import Pixels
from advxai.common.types import Record
from advxai.config import Config
from advxai.detector.model import Detector
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.explain.explained import Explained
from advxai.explain.progress import Progress
from advxai.explain.source import Face
from advxai.saliency.ranking import ranking_of
from advxai.saliency.stage import run as make_maps


def explain(
    faces: Sequence[Face],
    detector: Detector,
    config: Config,
    names: Sequence[str],
    at_once: int,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Explained]:
    """Explain crops, all together, so that every forward is full.

    Args:
        faces: the crops.
        detector: the detector to explain.
        config: settings of NES, explainers and evaluation, and the seed.
        names: the explainers to use.
        at_once: crops in work together, at most.
        tell: takes what explainers say of all their explanations, a sentence each, with the row; None: it is logged.

    Returns:
        key -> what was computed of the crop.
    """
    with Progress(len({face.key for face in faces}) * _most(config, names)) as progress:
        detector.watcher = progress.add
        try:
            return _Work(faces, detector, config, names, at_once, progress, tell).done()
        finally:
            detector.watcher = None


def _most(config: Config, names: Sequence[str]) -> int:
    """Images through the detector that one crop takes at most, as far as that can be known."""
    explanations = sum(_expected(config, name) for name in names)
    attacks = len(names) * config.evaluation.top * config.evaluation.forwards()
    return config.adversary.forwards() + explanations + attacks


def _expected(config: Config, name: str) -> int:
    """Images that an explanation takes; 0: not known before."""
    return config.explainers[name].forwards or 0


class _Work:
    """The stages, one after the other."""

    def __init__(
        self,
        faces: Sequence[Face],
        detector: Detector,
        config: Config,
        names: Sequence[str],
        at_once: int,
        progress: Progress,
        tell: Callable[[str], None] | None,
    ) -> None:
        self.detector, self.config, self.names = detector, config, names
        self.at_once, self.progress, self.tell = at_once, progress, tell
        self.faces = {face.key: face for face in faces}
        self.found: dict[str, Explained] = {}

    def done(self) -> dict[str, Explained]:
        self._copies()
        for name in self.names:
            self._maps(name)
        self._attacks()
        return self.found

    def _load(self, item: Record) -> Pixels:
        return self.faces[item["key"]].crop

    def _copies(self) -> None:
        self.progress.stage("adversarial copies")
        config, preprocessing = self.config, self.detector.preprocessing
        items = [face.item for face in self.faces.values()]
        for record in make_copies(items, self._load, self.detector, config.adversary, config.seed, self.at_once):
            face = self.faces[record["key"]]
            unit = preprocessing.unit(face.crop)
            copy = reconstruct(preprocessing.normalise(unit), record["steps"], config.adversary, preprocessing)
            image, attacked = (one.permute(1, 2, 0).numpy() for one in (unit, preprocessing.to_unit(copy)))
            fit = preprocessing.resize.fit
            self.found[face.key] = Explained(face, self.detector.classes, record, image, attacked, fit=fit)
            self.progress.less(config.adversary.forwards() - record["queries"])
        # of faces called real no segment is attacked, and no map is made that needs a copy
        called_real = sum(one.called_real for one in self.found.values())
        attacks = len(self.names) * config.evaluation.top * config.evaluation.forwards()
        lacking = sum(_expected(config, name) for name in self.names if "adversarial" in config.explainers[name].needs)
        self.progress.less(called_real * (attacks + lacking))

    def _items(self, fake_only: bool) -> list[Record]:
        called_real = {key for key, one in self.found.items() if one.called_real}
        return [face.item for key, face in self.faces.items() if not (fake_only and key in called_real)]

    def _maps(self, name: str) -> None:
        self.progress.stage(name)
        settings, expected = self.config.of_kind("explainer")[name], _expected(self.config, name)
        adversarial = "adversarial" in settings.needs
        items = self._items(fake_only=adversarial)
        copies = self._copy if adversarial else None
        seed, tell = self.config.seed, self.tell
        say = (lambda sentence: tell(f"{name}: {sentence}")) if tell else None
        made = make_maps(items, self._load, self.detector, settings, seed, self.at_once, copies, row=name, tell=say)
        for record in made:
            self.found[record["key"]].maps[name] = record
            self.progress.less(expected - record["images"] - 1)

    def _copy(self, item: Record, image: Tensor) -> tuple[Tensor, Record]:
        record = self.found[item["key"]].adversary
        return reconstruct(image, record["steps"], self.config.adversary, self.detector.preprocessing), record

    def _attacks(self) -> None:
        config, settings = self.config, self.config.evaluation
        wanted = {(key, name): items for key, name, items in self._wanted()}
        unique = {(item["key"], item["mask"]): item for items in wanted.values() for item in items}
        if unique:  # none of faces called real
            self.progress.stage("segment attacks")
        forwards = settings.forwards()
        called_fake = sum(not one.called_real for one in self.found.values())
        self.progress.less((called_fake * len(self.names) * settings.top - len(unique)) * forwards)
        made = {}
        for record in make_attacks(unique.values(), self._load, self.detector, settings, config.seed, self.at_once):
            made[record["key"], record["mask"]] = record
            self.progress.less(forwards - record["queries"])
        for (key, name), items in wanted.items():
            self.found[key].attacks[name] = [made[key, item["mask"]] for item in items]

    def _wanted(self) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
        """The attacks of each face called fake: as many as there are segments, where these are fewer than `top`."""
        settings = self.config.evaluation
        for item in self._items(fake_only=True):
            key = item["key"]
            for name, record in self.found[key].maps.items():
                top = min(settings.top, len(ranking_of(record, settings.population)))
                yield key, name, attack_items([item], {key: record}, top, settings.population)
