"""Write golden values anew: `python -m tests.golden [stage ...]`; without a stage, those of all."""

import argparse
import sys

from advxai.run.digests import VERSIONS
from tests.golden.compare import DATA, Unraised, values_of, write


def main() -> int:
    """Write every stage that may be written; 1 when one was refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description="Write golden values anew.")
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"of {', '.join(VERSIONS)}; default: all")
    stages = parser.parse_args().stages or list(VERSIONS)
    unknown = [stage for stage in stages if stage not in VERSIONS]
    if unknown:
        parser.error(f"no such stage: {', '.join(unknown)}")
    refused = 0
    for stage in stages:
        try:
            done = write(stage, VERSIONS[stage], values_of(stage), DATA)
            print(f"{stage}: {'written' if done else 'as it was'}")
        except Unraised as error:
            refused += 1
            print(f"{error}\nIf only the computation in tests/golden/{stage}.py is another one, delete the file first.")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
