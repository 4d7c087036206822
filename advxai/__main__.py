"""`python -m advxai <command>`: what is run by hand, without Snakemake."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from advxai.environment import as_a_job
from advxai.errors import InputError

REPLAY = """\
exit code: 0 when all is equal bit for bit, 1 when something differs, 2 when the test case can't be replayed

example, in the project's folder:
  snakemake --cores 1 results/demo/cases/manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png
  python -m advxai replay results/demo/cases/manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png
"""


def _replay(arguments: argparse.Namespace) -> int:
    from advxai.cases.replay import replay  # torch and all: not for `--help`

    return 0 if replay(arguments.folder, arguments.detector, arguments.device) else 1


TUNE = """\
example:
  python -m advxai tune config/ffpp.yaml --device cpu

Its device and threads are used. Run it while the machine is otherwise idle.
"""


def _tune(arguments: argparse.Namespace) -> int:
    as_a_job()
    from advxai.detector.tune import tune

    print(tune(arguments.config, arguments.batches, arguments.seconds, arguments.device))
    return 0


def _parser() -> argparse.ArgumentParser:
    """The commands; each sets `command`: parsed arguments -> exit code."""
    parser = argparse.ArgumentParser("python -m advxai", description="What is run by hand, without Snakemake.")
    commands = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    replay = commands.add_parser(
        "replay",
        help="compute a one-image test case anew and compare",
        description="Compute everything in a one-image test case anew and say what is equal to what the run stored.",
        epilog=REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("folder", type=Path, help="the test case: a folder with case.json")
    replay.add_argument("--detector", type=Path, metavar="FILE", help="weights, if the folder holds none")
    replay.add_argument("--device", choices=("cpu", "cuda"), help="instead of the run's; bits may then differ")
    replay.set_defaults(command=_replay)
    tune = commands.add_parser(
        "tune",
        help="measure which backend and forward batch are fastest here",
        description="Measure the detector's forwards with every installed backend and several forward batches.",
        epilog=TUNE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tune.add_argument("config", type=Path, nargs="?", default=Path("config.yaml"), help="default: config.yaml")
    tune.add_argument("--batches", type=int, nargs="+", metavar="N", default=[8, 16, 32, 64, 128, 256])
    tune.add_argument("--device", choices=("cpu", "cuda"), help="instead of the configuration's")
    tune.add_argument("--seconds", type=float, default=2.0, help="of each measurement; default: 2")
    tune.set_defaults(command=_tune)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. Bad input is one line and exit code 2."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.command(parsed)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
