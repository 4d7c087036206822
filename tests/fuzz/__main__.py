"""`python -m tests.fuzz`: give damaged files of every form to the project's readers for ten minutes."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.fuzz.kinds import kinds
from tests.fuzz.pool import Pool, Tried

KEEP = Path("build/fuzz")


def table(tried: dict[str, Tried]) -> str:
    """A line a form: inputs tried, read, refused, findings, inputs a second."""
    heading = ("form", "inputs", "read", "refused", "findings", "inputs/s")
    lines = [
        (name, one.inputs, one.counts["read"], one.counts["refused"], one.counts["finding"],
         f"{one.inputs / one.seconds:.1f}" if one.seconds else "-")
        for name, one in tried.items()
    ]  # fmt: skip
    return "\n".join(f"{line[0]:<15}" + "".join(f"{cell:>10}" for cell in line[1:]) for line in [heading, *lines])


def main(words: list[str] | None = None) -> int:
    """The exit status: 1 when there was a finding."""
    names = list(kinds())
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all forms together (default 600)")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000, help="default: from the clock")
    parser.add_argument("--only", choices=names, action="append", help="this form; may be given several times")
    parser.add_argument("--input", type=int, help="this input alone, of a finding's command")
    parser.add_argument("--processes", type=int, default=2, help="at once (default 2)")
    given = parser.parse_args(words)
    print(f"seed {given.seed}", flush=True)
    inputs = None if given.input is None else range(given.input, given.input + 1)
    with tempfile.TemporaryDirectory(prefix="advxai-fuzz-") as scratch:
        pool = Pool(given.seed, Path(scratch), KEEP.absolute(), lambda said: print(said, flush=True))
        tried = pool.run(given.only or names, given.seconds, inputs, given.processes)
    print(table(tried))
    found = sum(one.counts["finding"] for one in tried.values())
    idle = [name for name, one in tried.items() if not one.inputs]
    print(
        f"{found or 'no'} finding{'' if found == 1 else 's'}: inputs that are neither read nor refused in one sentence"
    )
    if idle:
        print(f"there was no time for {', '.join(idle)}: give more --seconds, or --only")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
