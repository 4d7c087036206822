"""`python -m advxai explain` and the rule `explain`: from what is asked for to the files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.config import Config
from advxai.config.white import Attending
from advxai.detector.forwards import made_with
from advxai.detector.layers import LISTS, ROWS, NoLayer, chosen, in_words
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import no_gradients, without_gradients
from advxai.explain import document
from advxai.explain.clip import AFTER, rows_of
from advxai.explain.clip import Explained as Clip
from advxai.explain.clip import explain as explain_clip
from advxai.explain.compute import explain
from advxai.explain.earlier import cant_write, require_room
from advxai.explain.explained import Explained
from advxai.explain.figures import Look
from advxai.explain.files import clip_alone, of_file
from advxai.explain.finding import Finder, network
from advxai.explain.notes import grouped, summary
from advxai.explain.opening import Opened, faces_for, open_weights, weights_of
from advxai.explain.outputs import Context, check, write
from advxai.explain.request import Request, require_rows
from advxai.explain.source import Source
from advxai.explain.stored import of_run
from advxai.media.pictures import kind_of
from advxai.media.retinaface import RetinaFace
from advxai.media.rule import Rule
from advxai.run.paths import Paths
from advxai.saliency.registry import asks_module, require_attention


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        requests: what to explain.
        names: the explainers.
        frames: of a video.
        whole: take the whole picture as a crop.
        weights: the detector's file; None: the run's.
        seed: of every draw.
        at_once: crops in work together, at most.
        chosen: the explainers were asked for by name: one that the detector can't have is an error. Else it is left
            out, and that is said.
        file: the configuration's, for messages; None: it isn't known.
        video: of a video also explain a clip as one.
    """

    requests: Sequence[Request]
    names: Sequence[str]
    frames: int
    whole: bool
    weights: Path | None
    seed: int
    at_once: int
    chosen: bool = False
    file: Path | None = None
    video: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        lines: what was found, a line for each face or frame.
        notes: what the user should know.
        files: that were written, by name.
        refused: why something wasn't explained, a sentence for each.
    """

    lines: Sequence[str]
    notes: Sequence[str]
    files: Sequence[str]
    refused: Sequence[str] = ()

    @property
    def places(self) -> list[Path]:
        """The files, a folder of many once."""
        return list(dict.fromkeys(Path(name).parent if "/" in name else Path(name) for name in self.files))


def run(wanted: Wanted, paths: Paths, out: Path) -> Outcome:
    """Explain everything and write the files.

    Whether the files can be written is looked at first; everything is read before anything is computed, and computed
    before anything is written. What can't be read, or shows no face, costs the others nothing.

    Args:
        wanted: what is asked for.
        paths: of the run whose detector, settings and images are used.
        out: the folder that the files are written to, which is made.

    Raises:
        InputError: the detector can't be read or imported, or hasn't the gradients that are asked for; something can't
            be written, or a file to be written is there and isn't ours.
    """
    require_room(wanted.requests, out)
    wanted, refused = _explicable(wanted, paths.config)
    if not wanted.requests:
        return Outcome([], [], [], refused)
    weights = wanted.weights or weights_of(paths, wanted.file)
    sources, unread = read(wanted, paths)
    refused += unread
    if not sources:
        return Outcome([], [], [], refused)
    films = {id(source): rows_of(paths.config)[0] for source in sources if _filmed(wanted, source)}
    for source in sources:
        check(source, out, films.get(id(source)))
    opened = open_weights(paths, weights, given=wanted.weights is not None)
    config = paths.config.model_copy(update={"seed": wanted.seed})
    wanted, left_out = _possible(wanted, config, opened)
    if wanted.weights is not None:
        config = config.model_copy(update={"faces": faces_for(paths, wanted.weights)})
    faces = [face for source in sources for face in source.faces]
    remarks = _layers(wanted, config, opened)
    found = {}
    if faces:
        found = explain(faces, opened.detector, config, wanted.names, wanted.at_once, remarks.append)
    made = {id(source): _clip(source, wanted, paths, config, opened) for source in sources if id(source) in films}
    refused += [f"{one.request.argument}: {said}" for one in sources if isinstance(said := _alone(one, made), str)]
    sources = [one for one in sources if not isinstance(_alone(one, made), str)]
    clips = {name: one for name, one in made.items() if isinstance(one, Clip)}
    look = _look(paths, wanted.names, opened)
    context = Context(config, wanted.names, look, _said(wanted, config, opened), remarks)
    try:
        files = [name for source in sources for name in write(source, found, context, out, clips.get(id(source)))]
    except OSError as error:
        raise InputError(cant_write(out, error)) from error
    lines = [line for one in sources for line in (*_lines(one, found, context), *_line(one, made.get(id(one))))]
    notes = [*opened.read_as, *left_out, *(note for source in sources for note in _notes(source, found, context))]
    notes += [f"{source.name}: {note}" for source in sources for note in _of_clip(source, wanted, made.get(id(source)))]
    notes += remarks
    return Outcome(lines, notes, files, refused)


def _filmed(wanted: Wanted, source: Source) -> bool:
    """A clip of it is explained as one: it is cut by faces, not out of whole frames."""
    return wanted.video and source.kind == "video" and (source.searched or source.clip_alone)


def _explicable(wanted: Wanted, config: Config) -> tuple[Wanted, list[str]]:
    """What is wanted without what nothing explains, where no row explains a picture, and why, a sentence each."""
    if wanted.names:
        return wanted, []
    good, refused = [], []
    for one in wanted.requests:
        try:
            kind = kind_of(Path(one.argument)) if one.kind == "file" else ""
            require_rows(config, one, kind, wanted.video and not wanted.whole)
            good.append(one)
        except InputError as error:
            refused.append(str(error))
    return replace(wanted, requests=good), refused


def _alone(source: Source, made: Mapping[int, Clip | str]) -> Clip | str | None:
    """The clip of a source that has nothing else, or why there is none; None: the source has its faces."""
    return made.get(id(source)) if source.clip_alone else None


def _line(source: Source, made: Clip | str | None) -> list[str]:
    """What was found of a video's clip."""
    return [f"{source.name}, {made.said}: {source.request.stem}{AFTER}.html"] if isinstance(made, Clip) else []


def _clip(source: Source, wanted: Wanted, paths: Paths, config: Config, opened: Opened) -> Clip | str:
    """The clip of a video, or why there is none."""
    faces = config.faces
    find = RetinaFace(network(paths), score=faces.score, threads=config.threads.faces, device=faces.device)
    return explain_clip(source.request, find, opened.detector, config, opened.model, paths.clip_score, wanted.at_once)


def _of_clip(source: Source, wanted: Wanted, made: Clip | str | None) -> Sequence[str]:
    """What is said of a video's clip."""
    if isinstance(made, Clip):
        return made.notes
    if made is None and wanted.video and source.kind == "video":
        return ["no film: whole pictures are taken as faces (--whole, or explain.whole), and clips are cut by faces."]
    return [] if made is None else [made]


def _possible(wanted: Wanted, config: Config, opened: Opened) -> tuple[Wanted, list[str]]:
    """What is wanted without the white boxes, where the detector has no module, and what is said of these.

    Raises:
        InputError: they were asked for by name, or nothing else is there.
    """
    if opened.model != ONNX:
        return wanted, []
    entries = config.of_kind("explainer")
    white = {name: entries[name].method for name in wanted.names if asks_module(entries[name])}
    others = [name for name in wanted.names if name not in white]
    if white and (wanted.chosen or not others):
        raise InputError(f"{opened.path}: {without_gradients(white)}")
    return replace(wanted, names=others), [f"{no_gradients(white)}: left out."] if white else []


def _layers(wanted: Wanted, config: Config, opened: Opened) -> list[str]:
    """Of which layers class activation maps are, a sentence a row: looked for before anything is computed.

    Raises:
        InputError: the detector has no such layer.
    """
    entries, said = config.of_kind("explainer"), []
    for name in wanted.names:
        if isinstance(entry := entries[name], Attending):
            try:
                require_attention(entry, opened.detector.network(1), opened.detector.preprocessing.input_size)
            except NoLayer as error:
                raise InputError(f"explainers.{name}: {error}") from error
    asked = {name: layers for name in wanted.names if (layers := getattr(entries[name], "layers", None))}
    if not asked:
        return []
    network = opened.detector.network(ROWS)
    for name, layers in asked.items():
        try:
            found = chosen(network, layers, opened.detector.preprocessing.input_size)
        except NoLayer as error:
            raise InputError(f"explainers.{name}.{str(error).replace(LISTS, _lists(wanted, opened))}") from error
        said.append(f"{name}: {in_words(found)}.")
    return said


def _lists(wanted: Wanted, opened: Opened) -> str:
    """What lists the layers that can be named, of the detector that is explained."""
    if wanted.weights is not None:
        return (
            "`python -m advxai layers FILE`, with a configuration of which detector.checkpoint is "
            f"{opened.path}, lists those that can be named"
        )
    return LISTS if wanted.file is None else LISTS.replace("layers", f"layers {wanted.file}", 1)


def read(wanted: Wanted, paths: Paths) -> tuple[list[Source], list[str]]:
    """The faces of everything that is asked for, and why there are none of the rest.

    Raises:
        InputError: the network that finds faces can't be had.
    """
    config = paths.config
    faces = config.faces if wanted.weights is None else faces_for(paths, wanted.weights)
    find = None
    if wanted.names and not wanted.whole and any(one.kind == "file" for one in wanted.requests):
        find = Finder.of(network(paths), faces, config.threads.faces).find
    sources, refused = [], []
    for one in wanted.requests:
        try:
            if not wanted.names:
                sources.append(clip_alone(one))
            elif one.kind == "file":
                sources.append(of_file(one, find, Rule.of(faces), wanted.frames))
            else:
                sources.append(of_run(one, paths, wanted.seed, wanted.file))
        except InputError as error:
            refused.append(str(error))
    return sources, refused


def _look(paths: Paths, names: Sequence[str], opened: Opened) -> Look:
    config = paths.config
    groups = [[name for name in group if name in names] for group in paths.outputs.figure_groups.values()]
    return Look(
        classes=opened.detector.classes,
        model=opened.model,
        groups=[group for group in groups if group],
        methods={name: config.explainers[name].method for name in names},
        top=config.evaluation.top,
        population=config.evaluation.population,
        dpi=config.report.dpi,
        rows={name: config.of_kind("explainer")[name] for name in names},
        channels=opened.channels,
    )


def _said(wanted: Wanted, config: Config, opened: Opened) -> dict[str, Any]:
    detector, seen = opened.detector, opened.detector.preprocessing
    return {
        "detector": {
            "file": str(opened.path),
            "sha256": opened.sha256,
            "model": opened.model,
            "read_as": list(opened.read_as),
            "input_size": seen.input_size,
            "mean": list(seen.mean),
            "std": list(seen.std),
            "colour": seen.colour,
            "resize": seen.resize.model_dump(),
            "classes": list(detector.classes.names),
            "real": detector.classes.real_name,
            "output": detector.classes.output,
            "positive": detector.classes.positive_name,
            "threshold": detector.classes.threshold,
        },
        "settings": document.settings_of(
            config, wanted.names, wanted.frames, wanted.whole, detector.forward_batch, wanted.video
        ),
        "made_with": made_with(
            detector, sorted({package for name in wanted.names for package in config.explainers[name].packages})
        ),
    }


def _titled(source: Source, found: Mapping[str, Explained]) -> dict[str, list[Explained]]:
    """The faces by what they are called in messages, each in the frames that show it."""
    faces: dict[str, list[Explained]] = {}
    for face in source.faces:
        name = source.name if source.kind == "crop" else f"{source.name}, face {face.number}"
        faces.setdefault(name, []).append(found[face.key])
    return faces


def _lines(source: Source, found: Mapping[str, Explained], context: Context) -> Iterator[str]:
    for name, mine in _titled(source, found).items():
        for one in mine:
            at = "" if one.face.frame is None else f", frame {one.face.frame}"
            yield f"{name}{at}: {summary(one)}"


def _notes(source: Source, found: Mapping[str, Explained], context: Context) -> Iterator[str]:
    yield from (f"{source.name}: {note}" for note in source.notes)
    for name, mine in _titled(source, found).items():
        notes = grouped({one.face.frame: context.notes(one) for one in mine})
        yield from (f"{name}: {note}" for note in notes)
