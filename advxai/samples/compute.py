"""Samples explained by one row, as the stage saliency explains the run's images, into the same digest's folder."""

from pathlib import Path
from typing import Any

from advxai.detector.forwards import Forwards
from advxai.run.jobs import read_items
from advxai.run.paths import Paths
from advxai.run.store import complete


def explain(paths: Paths, inputs: Any, output: Path, name: str, shard: str, at_once: int) -> None:
    """Publish a shard of samples, of records as of `advxai.saliency.run`; what any run has explained is found.

    Args:
        paths: of the run.
        inputs: the job's: `images` (the shard's list), `frames` (the database), `detector` and `weights`.
        output: the shard (`Paths.samples_of`).
        name: the row.
        shard: for the bar's title.
        at_once: images in work together, at most.

    Raises:
        InputError: as of `advxai.run.store.complete` and `advxai.saliency.run`.
    """
    config = paths.config
    entry = config.of_kind("explainer")[name]

    def start(items: Any, image: Any, detector: Any) -> Any:
        from advxai.saliency import run

        return run(items, image, detector, entry, config.seed, at_once, row=name)

    forwards = Forwards(paths, inputs, start, entry.packages)
    folder = paths.saliency(name)
    folder.describe()
    complete(
        output,
        read_items(inputs.images),
        forwards,
        folder=folder.path,
        title=f"samples {name} {shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        later=paths.later("saliency", forwards.weights),
    )
