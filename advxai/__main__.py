"""`python -m advxai <command>`: what is run by hand, without Snakemake."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.files import printable
from advxai.run.environment import as_a_job

DEFAULT = Path("config.yaml")
STOPPED_READING = 128 + 13  # as a shell says of a command that ended for a broken pipe
OPTION = re.compile(r"-[a-z]|--[a-z]+")
REPLAY = """\
A test case can name code of others: a detector, explainers or measures of their own. It is imported only if your
configuration (--config) or --trust names the same import path.

exit code: 0 when all is equal bit for bit, 1 when something differs, 2 when the test case can't be replayed

example, in the project's folder:
  snakemake --cores 1 results/demo/cases/manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png
  python -m advxai replay results/demo/cases/manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png
"""


def _replay(arguments: argparse.Namespace) -> int:
    from advxai.cases.replay import replay  # torch and all: not for `--help`

    own = arguments.config or (DEFAULT if DEFAULT.is_file() else None)
    return 0 if replay(arguments.folder, arguments.detector, arguments.device, own, arguments.trust) else 1


TUNE = """\
example:
  python -m advxai tune config/ffpp.yaml --device cpu

Its device, precision and threads are used. Run it while the machine is otherwise idle.
For the demo's detector, two batches (--batches 8 16) take about two minutes on two CPU cores, more batches longer.
"""


def _tune(arguments: argparse.Namespace) -> int:
    as_a_job()
    from advxai.detector.tune import tune

    print(tune(arguments.config, arguments.batches, arguments.seconds, arguments.device))
    return 0


LAYERS = """\
examples:
  python -m advxai layers                        # of config.yaml's detector
  python -m advxai layers config/ffpp.yaml

Their names are for `layers` of gradcam, gradcam++ and hirescam under `explainers:`.
"""


def _layers(arguments: argparse.Namespace) -> int:
    from advxai.detector.listing import listed

    print(listed(arguments.config))
    return 0


EXPLAIN = """\
examples, in the project's folder, after `make demo`:
  python -m advxai explain me.jpg
  python -m advxai explain me.jpg clip.mp4 --explainers LIME LIME_adv -o out/
  python -m advxai explain me.jpg --detector other.safetensors
  python -m advxai explain manipulated_sequences/Deepfakes/c23/videos/002_003.mp4/00000_0.png
  python -m advxai explain 12          # the run's explained image number 12, from 0
  python -m advxai explain random

What can't be read, or shows no face, is said and costs the others nothing; the exit code is then 2.

It writes, for each of them: <name>.json with everything in numbers, <name>.npz with the arrays, <name>_faces.png with
the faces that were found, and a figure a face, <name>_<number>.png (.pdf). With --video it writes of a video, too:
<name>_clip.html, a page that plays the films in <name>_clip/ in step.
"""


def _explain(arguments: argparse.Namespace) -> int:
    from advxai.config import load
    from advxai.config.file import read
    from advxai.explain.request import names, usable
    from advxai.run.paths import Paths

    config = load(read(arguments.config, "--config"))
    (found, refused), explainers = usable(arguments.image), names(config, arguments.explainers)
    if not found:
        return max(map(_refuse, refused))
    as_a_job()
    from advxai.explain.command import Wanted, run

    wanted = Wanted(
        requests=found,
        names=explainers,
        frames=arguments.frames or config.explain.frames,
        whole=arguments.whole or config.explain.whole,
        weights=arguments.detector,
        seed=config.seed if arguments.seed is None else arguments.seed,
        at_once=config.at_once,
        chosen=bool(arguments.explainers or config.explain.explainers),
        file=arguments.config,
        video=config.explains_clips if arguments.video is None else arguments.video,
    )
    try:
        outcome = run(wanted, Paths(config, planning=True), arguments.out)
    except MemoryError as error:
        raise InputError(f"{error or 'no memory was left'}; lower `images_at_once` in {arguments.config}") from error
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr)
    for line in [*outcome.lines, *(arguments.out / name for name in outcome.places)]:
        print(line)
    return max([_refuse(reason) for reason in (*refused, *outcome.refused)], default=0)


DETECTORS = """\
examples:
  python -m advxai detectors                                # a table of all
  python -m advxai detectors mesonet_meso4_df               # all that is documented of one
  python -m advxai detectors mesonet_meso4_df --fetch       # fetch its file, where it has a direct address
  python -m advxai explain me.jpg --detector known:mesonet_meso4_df

What is fetched lies in <results>/store/media/known/NAME/. Stopped in its midst, the same command goes on.
"""


def _detectors(arguments: argparse.Namespace) -> int:
    from advxai.dialects.known import PREFIX, known
    from advxai.dialects.known_text import page, table

    if arguments.name is None:
        if arguments.fetch:
            raise InputError("--fetch: give the name of a detector; `python -m advxai detectors` lists them")
        print(table())
        return 0
    one = known(arguments.name.removeprefix(PREFIX))
    if arguments.fetch:
        from advxai.media.known import fetch

        with _watched() as bar:
            fetch(one, arguments.results, print, bar)
    print(page(one, arguments.results))
    return 0


@contextmanager
def _watched() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for what is fetched, another one for each file."""
    from advxai.run.bar import Bar

    bars: dict[str, Bar] = {}

    def told(name: str, done: int, total: int | None) -> None:
        if name not in bars:
            bars[name] = Bar(total=total, desc=name, unit="B", unit_scale=True)
        bars[name].update(done - bars[name].n)

    try:
        yield told
    finally:
        for bar in bars.values():
            bar.close()


def _number(text: str) -> int:
    """An argument that counts something: 1 to 60."""
    if not text.isdecimal() or not 1 <= int(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text} isn't a number from 1 to 60")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    """The commands; each sets `command`: parsed arguments -> exit code."""
    parser = argparse.ArgumentParser("python -m advxai", description="What is run by hand, without Snakemake.")
    commands = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    replay = commands.add_parser(
        "replay",
        help="compute a test case of one image or clip anew and compare",
        description="Compute everything in a test case of one image or clip anew and say what is equal to what the run "
        "stored.",
        epilog=REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("folder", type=Path, help="the test case: a folder with case.json")
    replay.add_argument("--detector", type=Path, metavar="FILE", help="weights, if the folder holds none")
    replay.add_argument("--device", choices=("cpu", "cuda"), help="instead of the run's; bits may then differ")
    replay.add_argument("--config", type=Path, metavar="FILE", help="yours, whose code may run; default: config.yaml")
    replay.add_argument(
        "--trust",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODULE:NAME",
        help="code that may run besides, which you know",
    )
    replay.set_defaults(command=_replay)
    tune = commands.add_parser(
        "tune",
        help="measure which backend, kernels and forward batch are fastest here",
        description="Measure the detector's forwards with every installed backend and several forward batches; on a "
        "GPU with both layouts and cuDNN's benchmark, too.",
        epilog=TUNE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tune.add_argument("config", type=Path, nargs="?", default=DEFAULT, help="default: config.yaml")
    tune.add_argument("--batches", type=int, nargs="+", metavar="N", help="default: 8 to 256, on a GPU 32 to 1024")
    tune.add_argument("--device", choices=("cpu", "cuda"), help="instead of the configuration's")
    tune.add_argument("--seconds", type=float, default=2.0, help="of each measurement; default: 2")
    tune.set_defaults(command=_tune)
    layers = commands.add_parser(
        "layers",
        help="list the detector's layers of which class activation maps can be made",
        description="List the detector's layers of which class activation maps can be made, with the maps' sizes.",
        epilog=LAYERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    layers.add_argument("config", type=Path, nargs="?", default=DEFAULT, help="default: config.yaml")
    layers.set_defaults(command=_layers)
    explain = commands.add_parser(
        "explain",
        help="explain a picture or a clip of your own, or an image of the run",
        description="Explain why the run's detector calls a face what it does: in a picture or a clip of your own, or "
        "in an image of the run.",
        epilog=EXPLAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument(
        "image", nargs="+", help="a picture, a video, or an image of the run: its key, its number, or `random`"
    )
    explain.add_argument("--config", type=Path, default=DEFAULT, help="default: config.yaml")
    explain.add_argument("--explainers", nargs="+", metavar="ROW", help="rows of the configuration; default: all")
    explain.add_argument("--detector", type=Path, metavar="FILE", help="weights, or known:NAME; default: the run's")
    explain.add_argument("--frames", type=_number, metavar="N", help="equidistant frames of a video; default: 6")
    explain.add_argument("--whole", action="store_true", help="take the whole picture as the face, look for none")
    explain.add_argument(
        "--video",
        action=argparse.BooleanOptionalAction,
        help="of a video also explain a clip as one, and make its films; default: where the configuration has `video`",
    )
    explain.add_argument("--seed", type=int, metavar="N", help="of all draws, instead of the configuration's")
    explain.add_argument("-o", "--out", type=Path, default=Path("explained"), help="folder; default: explained/")
    explain.set_defaults(command=_explain)
    detectors = commands.add_parser(
        "detectors",
        help="list published detectors that are known here, say all of one, fetch it",
        description="What is documented of published detectors: network, data, terms, figures, where their files are.",
        epilog=DETECTORS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    detectors.add_argument("name", nargs="?", metavar="NAME", help="one of the table; default: all of them")
    detectors.add_argument("--fetch", action="store_true", help="fetch its files, or go on with that")
    detectors.add_argument("--results", default="results", metavar="FOLDER", help="as `results` in the configuration")
    detectors.set_defaults(command=_detectors)
    return parser


def _files_first(words: Sequence[str]) -> list[str]:
    """The words of a command line, in which a file of a name such as -x.jpg is a file; one such as -o is an option."""
    return [
        f"./{word}" if word.startswith("-") and not OPTION.fullmatch(word) and os.path.isfile(word) else word
        for word in words
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. Bad input is one line and exit code 2."""
    parsed = _parser().parse_args(_files_first(sys.argv[1:] if arguments is None else arguments))
    try:
        command: Callable[[argparse.Namespace], int] = parsed.command
        code = command(parsed)
        sys.stdout.flush()  # else who has stopped reading is met when the interpreter ends
        return code
    except InputError as error:
        return _refuse(error)
    except BrokenPipeError:  # as of `| head`; what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED_READING


def _refuse(reason: object) -> int:
    """Say what is wrong with the input; the exit code."""
    print(f"Error: {printable(str(reason))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
