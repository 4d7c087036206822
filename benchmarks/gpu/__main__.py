"""What a machine with a GPU is asked to do, in one command: `make gpu`, or `python3 -m benchmarks.gpu`.

Compares the GPU with the CPU (maps of all explainers, NES's first step), measures raw forwards by backend, layout and
precision and each stage by forward batch, profiles NES by kernel, says how long FaceForensics++ would take, and
compares lower precisions with float32. It needs no package index, no environment of its own and no git, but what
`make gpu-pack` has left in .gpu/. Results are written after each part.
"""

import argparse
import sys
import time

from advxai.common.errors import InputError
from advxai.run.environment import as_a_job
from benchmarks.gpu.pack import ROOT, opened, put_to_use

MINUTES = """that it may take, default: 9; a part has a share of them, and what doesn't fit is left out and
named. With --device cuda take 4 or more (worked out from the times of a trial, not run), so
that each part gives something; with --device cpu 5 try every part, and all takes 20 or more"""


def main() -> int:
    started = time.monotonic()
    parser = argparse.ArgumentParser("make gpu", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: tries it, with small settings")
    parser.add_argument("--minutes", type=float, default=9.0, help=MINUTES)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads where rates are measured; default: 1")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the results")
    options = parser.parse_args()
    if options.minutes <= 0 or options.threads < 1:
        parser.error("--minutes must be above zero and --threads at least 1")
    try:
        pack = opened()
        print(f"make gpu: {options.device}, {options.minutes:g} minutes; results in {options.out}", flush=True)
        put_to_use(pack)
        print("Torch is imported, which takes some seconds; then a line for each measurement.", flush=True)
        from benchmarks.gpu.run import run  # it imports what the pack holds

        return run(options, pack, started)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    as_a_job()
    sys.exit(main())
