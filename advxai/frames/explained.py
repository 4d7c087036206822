"""Which images are explained: of the manifest or of the user's list, by the authors' rule or in passes."""

from pathlib import Path

import pandas as pd

from advxai.config import Config
from advxai.frames.listed import select
from advxai.frames.manifest import known, read_csv
from advxai.frames.sampling import sample_evaluation, sample_passes


def to_explain(manifest: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The images of a run's manifest to explain, whatever the detector calls them.

    Where the user has listed images, the rule counts the listed frames, so that one which gave no crop moves no other.

    Args:
        manifest: as of `manifest.build`, of a list alone as of `listed.select`.
        config: the run's.

    Raises:
        InputError: as `listed.select`.
    """
    listed = config.frames.manifest
    if listed is None:
        return sampled(manifest, config)
    source = Path(listed)
    return select(manifest, sampled(read_csv(source), config), source)[0]


def sampled(images: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The images that `frames.per_video` or `frames.passes` takes of a manifest or of a list.

    Args:
        images: with video, category and split; the frames of a video in their order.
        config: the run's.
    """
    fitting = known(images, config.corpus.categories)
    if config.frames.passes is not None:
        return sample_passes(fitting, config.frames.passes, config.seed)
    return sample_evaluation(fitting, config.frames.most)
