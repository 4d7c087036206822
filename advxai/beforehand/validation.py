"""Whether a training that looks at validation images has any: by the names of videos and files."""

from pathlib import Path
from typing import TYPE_CHECKING

from advxai.beforehand.lists import named_in
from advxai.common.categories import REAL
from advxai.common.croptree import has_image, videos
from advxai.config.data import DemoCorpus
from advxai.config.training import RECIPES
from advxai.corpus.ffpp import find, read_splits

if TYPE_CHECKING:
    from advxai.run.paths import Paths


def unvalidated(paths: "Paths") -> list[str]:
    """What the training of a run's detector waits for in vain, where there is nothing to validate on, a sentence each.

    Args:
        paths: of the run; all files that it names are there.
    """
    training = paths.config.detector.training
    remedies = {}
    if training.patience is not None:
        remedies["patience"] = "set it to null"
    if training.schedule == "plateau":
        remedies["schedule"] = "set another"
    if not remedies or _is_there(paths):
        return []
    recipe = RECIPES.get(str(training.recipe), {})
    lacks = []
    for key, remedy in remedies.items():
        value = getattr(training, key)
        whose = f" (of recipe: {training.recipe})" if recipe.get(key) == value else ""
        lacks.append(
            f"detector.training.{key}: {value}{whose} waits for a lower validation loss, and no image to learn from is "
            f"in the split val: add videos to it, or {remedy}"
        )
    return lacks


def _is_there(paths: "Paths") -> bool:
    """Whether there is a validation video of what the detector learns."""
    config, learnt = paths.config, (REAL, *paths.learnt)
    corpus, frames = config.corpus, config.frames
    if frames.manifest is not None and paths.lists_splits:
        listed = named_in(Path(frames.manifest), "val")
        if listed or frames.lmdb is not None:
            return not listed.isdisjoint(learnt)
    if frames.crops is not None:
        tree = Path(frames.crops)
        return any(has_image(video) for category in learnt for video in videos(tree, "val", category))
    if isinstance(corpus, DemoCorpus):
        return any(clip.splits.val for clip in corpus.clips)
    if frames.lmdb is not None:
        return False
    root, names = Path(str(corpus.root)), read_splits(Path(str(corpus.splits)))
    found = [find(root, corpus.compression, category, names) for category in learnt]
    return any(not one.there.isdisjoint(one.names.get("val", ())) for one in found)
