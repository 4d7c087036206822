"""What each fix of `protocol: corrected` changes in the tables: a run for each switch alone, and one for all.

    python benchmarks/protocols.py                       # the demo; writes docs/protocols-demo.md
    python benchmarks/protocols.py --config mine.yaml --out mine.md

The runs share the store, so each computes only what its switch changes; an interrupted one goes on. They are named
<run>_<switch>; their tables stay in the results folder.
"""

import argparse
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from advxai.config import load  # noqa: E402
from advxai.config.explainers import paper_rows  # noqa: E402
from advxai.config.protocol import beneath  # noqa: E402
from advxai.run.paths import Paths  # noqa: E402

MEASURES = ("accuracy", "sufficiency", "flips")
FULL = ("accuracy", "sufficiency", "flips", "cost")


@dataclass(frozen=True, eq=False)
class Variant:
    """A run of the comparison.

    Attributes:
        name: of the switch; part of the run's name.
        title: what is switched, as the configuration says it.
        nes: keys of both attacks.
        changes: top-level keys.
        explainers: method -> keys of its rows; "" is every method.
    """

    name: str
    title: str
    nes: dict[str, Any]
    changes: dict[str, Any]
    explainers: dict[str, dict[str, Any]]


def _variant(name: str, title: str, nes=None, changes=None, explainers=None) -> Variant:
    return Variant(name, title, nes or {}, changes or {}, explainers or {})


VARIANTS = (
    _variant("paper", "`protocol: paper`"),
    _variant("project", "`units: pixel`, `project: true`", nes={"units": "pixel", "project": True}),
    _variant("noise", "`noise: per_channel`", nes={"noise": "per_channel"}),
    _variant("objective", "`objective: log_odds`", nes={"objective": "log_odds"}),
    _variant(
        "softmax",
        "`softmax_again: false` (LIME, RISE)",
        explainers={"lime": {"softmax_again": False}, "rise": {"softmax_again": False}},
    ),
    _variant("segments", "`segmentation: {image: unit}`", explainers={"": {"segmentation": {"image": "unit"}}}),
    _variant("population", "`population: all`", changes={"evaluation": {"population": "all"}}),
    _variant("called_fake", "`explain: called_fake`", changes={"frames": {"explain": "called_fake"}}),
    _variant(
        "rise",
        "`draw: uniform`, `divide_by: coverage` (RISE)",
        explainers={"rise": {"draw": "uniform", "divide_by": "coverage"}},
    ),
    _variant("corrected", "`protocol: corrected`", changes={"protocol": "corrected"}),
)


def configuration(base: dict[str, Any], variant: Variant) -> dict[str, Any]:
    """The base with a variant's switches, which count more than what the base says."""
    config = base | {"run": f"{base['run']}_{variant.name}"}
    for stage in ("adversary", "evaluation"):
        config[stage] = beneath(variant.nes, config.get(stage))
    for name, value in variant.changes.items():
        config[name] = beneath(value, config.get(name)) if isinstance(value, dict) else value
    rows = config.get("explainers") or paper_rows()
    config["explainers"] = {
        name: beneath(variant.explainers.get("", {}) | variant.explainers.get(row["method"], {}), row)
        for name, row in rows.items()
    }
    return config


def run(config: dict[str, Any], folder: Path, cores: str) -> None:
    """Run a configuration, its file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{config['run']}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    print(f"== {config['run']}", flush=True)
    command = [sys.executable, "-m", "snakemake", "tables", "--cores", cores, "--quiet", "rules", "--configfile", path]
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True)


def cells(paths: Paths, measure: str) -> dict[str, str]:
    """Explainer -> its value at the largest k over all categories, and of how many images."""
    table = pd.read_csv(paths.run / "tables" / f"{measure}.csv").set_index("explainer")
    column = f"all top-{paths.config.evaluation.top}"
    pairs = zip(table.index, table[column], table["n"], strict=True)
    if measure == "flips":
        return {name: f"{value:.0f}/{n}" for name, value, n in pairs}
    return {name: f"{value:.3f} ({n})" for name, value, n in pairs}


def comparison(runs: dict[Variant, Paths], measure: str) -> str:
    """A Markdown table: a line a variant, a column an explainer."""
    found = {variant: cells(paths, measure) for variant, paths in runs.items()}
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    lines = [f"| switch | {' | '.join(names)} |", f"|:---|{'---:|' * len(names)}"]
    lines += [
        f"| {variant.title} | {' | '.join(row.get(name, '') for name in names)} |" for variant, row in found.items()
    ]
    return "\n".join(lines)


def processor() -> str:
    """Name of the CPU, as Linux says it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def document(runs: dict[Variant, Paths], source: str) -> str:
    """All tables as Markdown."""
    top = next(iter(runs.values())).config.evaluation.top
    heads = {
        "accuracy": f"Accuracy after attacks on the top-{top} segments, all categories (number of images)",
        "sufficiency": f"Sufficiency at top-{top}, all categories (number of images)",
        "flips": f"Called Real after attacks on the top-{top} segments, of those that were called fake",
    }
    parts = [
        "# The two protocols on the demo, measured",
        f"Made by `python benchmarks/protocols.py` from {source} on {date.today().isoformat()}: {processor()}, "
        f"{next(iter(runs.values())).config.detector.device}, torch {version('torch')}. What each switch means and why "
        "it is there: [protocols.md](protocols.md). Each line but the last is `protocol: paper` with that switch "
        "alone. The images are few and nearly alike, so these numbers show what a switch touches, not how large its "
        "effect is on FF++.",
    ]
    for measure in MEASURES:
        parts += [f"## {heads[measure]}", comparison(runs, measure)]
    for variant, paths in runs.items():
        if variant.name in ("paper", "corrected"):
            parts.append(f"## All tables of {variant.title}")
            parts += [(paths.run / "tables" / f"{name}.md").read_text().strip() for name in FULL]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--config", type=Path, default=ROOT / "config.yaml", help="the base; it must not name a protocol"
    )
    parser.add_argument("--cores", default="all", help="as of Snakemake")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "protocols-demo.md")
    arguments = parser.parse_args()
    base = yaml.safe_load(arguments.config.read_text())
    if base.get("protocol", "paper") != "paper":
        sys.exit(f"{arguments.config}: has protocol {base['protocol']}; take that line out, this command switches it")
    runs = {}
    for variant in VARIANTS:
        config = configuration(base, variant)
        runs[variant] = Paths(load(config))
        run(config, Path(config.get("results", "results")) / "protocols", arguments.cores)
    arguments.out.write_text(document(runs, arguments.config.name))
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
