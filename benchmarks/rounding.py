"""What another forward batch, number of threads or device changes by float rounding alone: two finished runs compared.

    python benchmarks/rounding.py a.yaml b.yaml

Both configurations have been run; they differ in `run:` and, say, in `detector.forward_batch`, and share the detector's
weights (`detector.checkpoint`, or a training that isn't touched by the difference). Rounding turns few signs of NES in
an iteration (benchmarks/precision.py), but an attack that has left its path goes another way, so equality isn't to be
expected; what matters is whether the tables agree.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from advxai.config import load
from advxai.config.file import read
from advxai.run.paths import Paths
from advxai.run.store import read_shard


def records(files: list[Path], fields: list[str]) -> dict[str, dict]:
    return {record["key"]: record for file in files for record in read_shard(file, ["key", *fields])}


def paired(one: dict[str, dict], other: dict[str, dict]) -> list[tuple[dict, dict]]:
    if one.keys() != other.keys():
        sys.exit("the runs explain different images")
    return [(one[key], other[key]) for key in sorted(one)]


def copies(a: Paths, b: Paths) -> None:
    pairs = paired(*(records(paths.copies, ["steps", "iterations", "success"]) for paths in (a, b)))
    moved = [pair for pair in pairs if pair[0]["iterations"] and pair[1]["iterations"]]
    if not moved:
        return
    equal = np.mean([(one["steps"] == other["steps"]).mean() for one, other in moved])
    # of the direction in which a pixel has moved, where it has moved in both
    both = [(one["steps"].ravel(), other["steps"].ravel()) for one, other in moved]
    signs = np.mean([(np.sign(x) == np.sign(y))[(x != 0) & (y != 0)].mean() for x, y in both])
    print(f"adversarial copies: {len(pairs)} images, {len(moved)} attacked")
    print(f"  pixels with equal steps {equal:.1%}; equal signs of the total step {signs:.1%}")
    for field in ("iterations", "success"):
        print(f"  images with equal {field} {np.mean([one[field] == other[field] for one, other in pairs]):.1%}")


def maps(a: Paths, b: Paths) -> None:
    print("maps: largest difference; images with the same first, and the same first three segments")
    for name in a.config.explainers:
        pairs = paired(*(records(paths.maps_of(name), ["map", "ranking"]) for paths in (a, b)))
        largest = max(float(np.abs(one["map"] - other["map"]).max()) for one, other in pairs)
        same = [np.mean([list(x["ranking"][:k]) == list(y["ranking"][:k]) for x, y in pairs]) for k in (1, 3)]
        print(f"  {name:<12} {largest:8.1e} {same[0]:7.1%} {same[1]:7.1%}")


def tables(a: Paths, b: Paths) -> None:
    print("tables: cells that are equal as printed (3 decimals); largest difference")
    for name in ("accuracy", "sufficiency", "flips"):
        one, other = (pd.read_csv(paths.run / f"tables/{name}.csv").set_index("explainer") for paths in (a, b))
        x, y = (frame.select_dtypes("number").to_numpy(dtype=float) for frame in (one, other))
        there = ~np.isnan(x) & ~np.isnan(y)
        equal = np.round(x[there], 3) == np.round(y[there], 3)
        print(f"  {name:<12} {equal.sum()} of {there.sum()}, {np.abs(x - y)[there].max():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs=2, type=Path)
    a, b = (Paths(load(read(path))) for path in parser.parse_args().configurations)
    for part in (copies, maps, tables):
        part(a, b)


if __name__ == "__main__":
    main()
