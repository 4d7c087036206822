"""Which targets are of images and which of clips, and what those of images need: rows under `explainers`."""

from collections.abc import Collection

from advxai.common.errors import InputError
from advxai.config import Config

# What is made of explained images, as arguments; a case's is a path
OF_IMAGES = {
    "adversary", "saliency", "evaluation", "metrics", "tables", "answer", "report", "samples",
}  # fmt: skip
SUMMED_UP = {"tables", "answer", "report"}
OF_CLIPS = {"clips", "video"}
WITHOUT_CLIPS = {*OF_IMAGES, "corpus", "faces", "frames", "detector", "explain", "plan", "prune", "--unlock"}


def asks_for_clips(config: Config, arguments: Collection[str]) -> bool:
    """Whether clips are made: they are asked for, or the configuration has some and no other target is given.

    Args:
        config, arguments: as of `require_rows`.
    """
    wanted = not OF_CLIPS.isdisjoint(arguments) or any(map(of_a_clip, arguments))
    return wanted or (config.video.asked and config.image is None and WITHOUT_CLIPS.isdisjoint(arguments))


def told_at_the_end(config: Config, arguments: Collection[str]) -> set[str]:
    """What a run that has ended well is to say the closing lines of: `images`, `clips`, both or neither. Those of what
    wasn't asked for may be of other settings.

    Args:
        config, arguments: as of `require_rows`.
    """
    files = [one for one in arguments if one.startswith(f"{config.results}/")]
    told = set()
    if "video" in arguments or any("/video/" in one for one in files):
        told.add("clips")
    if not SUMMED_UP.isdisjoint(arguments) or any("/video/" not in one and "/clips/" not in one for one in files):
        told.add("images")
    if config.image is not None:
        return set()
    if told or files or not (WITHOUT_CLIPS | OF_CLIPS).isdisjoint(arguments):
        return told
    return {kind for kind, asked in (("images", config.explainers), ("clips", config.video.asked)) if asked}


def of_a_clip(target: str) -> bool:
    """Whether a target is the test case of a clip, by its key: `<video>/clip_<first frame>_<face>`."""
    return "/cases/" in target and "/clip_" in target and not target.endswith(".png")


def require_rows(config: Config, arguments: Collection[str]) -> None:
    """Refuse to make of explained images what is asked for, where no row explains images.

    Args:
        config: the run's.
        arguments: of the command line.

    Raises:
        InputError: names the target and what to do.
    """
    asked = sorted(OF_IMAGES.intersection(arguments)) or [
        one for one in arguments if "/cases/" in one and not of_a_clip(one)
    ]
    if asked and not config.explainers:
        raise InputError(
            f"config: explainers: is {{}}, so no image is explained, and {_named(asked[0])} needs some: add "
            "a row, such as `RISE: {method: rise, baseline: zeros}`, or ask for the target video, which is of clips"
        )


def _named(target: str) -> str:
    return target if "/" in target else f"the target {target}"
