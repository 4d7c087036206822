"""What is to be explained, told apart before any work: a file, or an image of the run."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from advxai.common.errors import InputError
from advxai.common.files import fitting
from advxai.config import UNFILLED, Config
from advxai.config.explainers import named_so
from advxai.config.science import PROJECT

# configurations that a person can try
SHIPPED = ("config.yaml", "config/demo_whitebox.yaml", "config/demo_hybrid.yaml")
RANDOM = "random"
SEQUENCES = ("original_sequences/", "manipulated_sequences/")  # what the keys of face images begin with
LONGEST_STEM = 200  # bytes: what follows a stem, and what Snakemake makes of it, fits too
EXAMPLE = "snakemake --cores 2 explain --config image=me.jpg"


@dataclass(frozen=True)
class Request:
    """One thing to explain.

    Attributes:
        argument: as it was given.
        kind: a file; an image of the run by its key or by its number in the list of explained images; a random one of
            that list.
    """

    argument: str
    kind: Literal["file", "key", "number", "random"]

    @property
    def stem(self) -> str:
        """What the names of the outputs begin with: letters, digits, `_`, `-` and `.` alone, no `.` first, and so short
        that all of them fit."""
        if self.kind == "file":
            name = Path(self.argument).stem
        elif self.kind == "key":
            _, category, *_, video, frame = PurePosixPath(self.argument).parts
            name = "_".join((category, Path(video).stem, Path(frame).stem))
        else:
            name = self.argument if self.kind == "random" else f"image_{int(self.argument)}"
        plain = re.sub(r"[^\w.-]|^\.", "_", name)  # `..` would be another folder
        return fitting(plain, LONGEST_STEM)


def request(argument: str) -> Request:
    """Tell what an argument means; a file of that name comes first.

    Raises:
        InputError: it is a folder or an empty file, or neither a file nor the name of an image of the run.
    """
    if os.path.exists(argument):  # of what can't be a name Path's is an error
        path = Path(argument)
        if path.is_dir():
            raise InputError(f"{argument} is a folder: give a picture or a video")
        if not path.is_file():  # a pipe, or a device
            raise InputError(f"{argument} isn't a file: give a picture or a video")
        if not path.stat().st_size:
            raise InputError(f"{argument} is empty (0 bytes): give a picture or a video")
        return Request(argument, "file")
    if argument == RANDOM:
        return Request(argument, "random")
    if re.fullmatch(r"\d{1,9}", argument):
        return Request(argument, "number")
    if argument.startswith(SEQUENCES) and len(PurePosixPath(argument).parts) >= 4:
        return Request(argument, "key")
    raise InputError(
        f"{argument}: there is no such file; give a picture or a video, or an image of the run: its key "
        f"({SEQUENCES[1]}...), its number in the list of explained images, or `{RANDOM}`"
    )


def requests(arguments: Sequence[str]) -> list[Request]:
    """Several arguments, whose outputs lie in one folder; one that comes twice counts once.

    Raises:
        InputError: as of `request`, or two of them would have the same names.
    """
    found: dict[str, Request] = {}
    for argument in arguments:
        one = request(argument)
        other = found.setdefault(one.stem, one)
        if other != one:
            raise InputError(
                f"{other.argument} and {argument} would both be written as {one.stem}: explain them one after the "
                "other, each with a folder of its own as --out"
            )
    return list(found.values())


def usable(arguments: Sequence[str]) -> tuple[list[Request], list[str]]:
    """Several arguments as of `requests`, less those that mean nothing, and what is wrong with these.

    Raises:
        InputError: two of them would have the same names.
    """
    good, refused = [], []
    for argument in arguments:
        try:
            request(argument)
            good.append(argument)
        except InputError as error:
            refused.append(str(error))
    return requests(good), refused


def command(target: str, file: Path | None) -> str:
    """How what is missing is made, in words.

    Args:
        target: of Snakemake.
        file: the configuration's; None: it isn't known.
    """
    run = f"snakemake --cores 2 {target}"
    if file is None:
        return f"`{run}` in the project's folder (with `--configfile FILE` if its configuration isn't config.yaml)"
    own = "" if file == Path("config.yaml") else f" --configfile {file}"
    return f"`{run}{own}` in the project's folder"


def asked(config: Config, arguments: Sequence[str]) -> bool:
    """Whether Snakemake's rule is needed: an image is configured, or the command line has the target without one."""
    return config.image is not None or not {"explain", "explain:"}.isdisjoint(arguments)


def configured(config: Config) -> Request:
    """What the configuration's `image` means.

    Raises:
        InputError: as of `request`, there is none, or Snakemake could not take its name.
    """
    if config.image is None:
        raise InputError(f"config: image: what is to be explained? For example: {EXAMPLE}")
    if {"{", "}"} & set(config.image):
        raise InputError(
            f"config: image: {config.image} has braces in its name, which Snakemake takes for wildcards: rename it, or "
            "use `python -m advxai explain`"
        )
    try:
        return request(config.image)
    except InputError as error:
        cut = "; `python -m advxai explain` takes names that Snakemake cuts short, such as those with ` #`"
        raise InputError(f"config: image: {error}{'' if os.path.exists(config.image) else cut}") from None


def names(config: Config, wanted: Sequence[str] | None) -> list[str]:
    """The explainers to use, in the order of the configuration.

    Controls and ceilings explain nothing, and a picture by itself has no counterpart.

    Args:
        config: says which there are.
        wanted: names; None: those of `explain.explainers`, else all.

    Returns:
        Names; none where no row explains a picture, as with `explainers: {}`: then a clip alone can be explained.

    Raises:
        InputError: a name is none of the configuration's, or not of an explainer that can be used.
    """
    there = config.alone
    wanted = wanted or config.explain.explainers or there
    for name in wanted:
        if name not in config.explainers and name in config.video.explainers:
            raise InputError(
                f"{name} is a row of `video.explainers`, which explain clips of videos as one, all of them (--video); "
                "here rows of `explainers` are named"
            )
        if name in config.explainers and name not in there:
            raise InputError(f"{name} can't explain a picture by itself: {config.why_not_alone(name)}")
        if name not in there:
            raise InputError(f"{_no_row(name)}; the configuration has {', '.join(there) or 'none'}")
    return [name for name in there if name in wanted]


def require_rows(config: Config, one: Request, kind: str, clip: bool) -> None:
    """Refuse what nothing explains, where no row explains a picture by itself.

    Args:
        config: without such a row.
        one: what is to be explained.
        kind: of its file, as of `kind_of`; "": it is an image of the run.
        clip: a clip of a video is explained as one.

    Raises:
        InputError: it is no video, or a clip isn't asked for.
    """
    if kind == "video" and clip:
        return
    why = "each row of `explainers` fills in with the counterpart, which only fakes of a run have"
    if not config.explainers:
        why = "`explainers` is {} in the configuration"
    remedy = "give a video, of which a clip is explained as one (--video, or explain.video)"
    if kind == "video":
        remedy = (
            "have a clip of it explained as one (--video, or explain.video: true; not with --whole or explain.whole)"
        )
    what = "a frame" if kind == "video" else "an image"
    raise InputError(f"{one.argument}: {why}, so that nothing explains {what} by itself: add rows to it, or {remedy}")


def _no_row(name: str) -> str:
    """That no row has a name, which may be a method's."""
    method = named_so(name)
    if method is None:
        return f"there is no explainer {name}"
    row = re.sub(r"[^\w+]", "_", name)
    baseline = "" if method in UNFILLED else ", baseline: zeros"
    having = next((file for file in SHIPPED if re.search(rf"method: {re.escape(method)}[,}}]", _text(file))), None)
    shipped = f", or take --config {having}, which has one," if having else ""
    return (
        f"there is no explainer {name}: {method} is a method, which a row of `explainers:` must name, as in "
        f"`{row}: {{method: {method}{baseline}}}`; put one there{shipped} and give its row's name"
    )


def _text(file: str) -> str:
    place = PROJECT / file
    return place.read_text(encoding="utf-8") if place.is_file() else ""
