"""How many samples are to be explained (`advxai.samples`), and which."""

from dataclasses import dataclass

from advxai.common import parquet
from advxai.plan.found import Image
from advxai.plan.population import Population
from advxai.run.paths import Paths
from advxai.samples.lists import read


@dataclass(frozen=True)
class Sampled:
    """A list of samples.

    Attributes:
        number: of images.
        source: where it is from, in words.
        images: key and hash of each; None: not known yet.
    """

    number: int
    source: str
    images: frozenset[Image] | None = None


def sampled(paths: Paths, population: Population) -> Sampled | None:
    """The samples that the configuration asks for; None: it says nothing of them, or no row can explain them.

    Args:
        paths: of the run.
        population: its images, for the run's own list, which has one of each test video.

    Raises:
        InputError: the list is malformed.
    """
    config = paths.config
    if not config.samples.asked or not config.sampled:
        return None
    source = paths.outputs.samples_list
    if not source.is_file():
        own = source == paths.outputs.examples
        return Sampled(population.classified, "one of each test video" if own else f"{source} isn't there")
    listed = read(source)
    made = paths.run / "samples" / "list.parquet"
    images = None
    if made.is_file():
        table = parquet.read(made)
        if table["path"].tolist() == [one.path for one in listed]:
            images = frozenset(zip(table["key"], table["sha256"], strict=True))
    return Sampled(len(listed), f"the list {source}", images)


def in_words(found: Sampled, rows: list[str]) -> str:
    """A sentence of the plan's head."""
    return f"{found.number:,} to explain by {', '.join(rows)}; by {found.source}"
