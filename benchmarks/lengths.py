"""Write down how long the NES attacks of a finished run took, as `plan.like` reads it.

    python benchmarks/lengths.py configuration lengths.yaml    # the demo with config/ffpp.yaml's explainers and NES
    snakemake --cores 2 --configfile lengths.yaml
    python benchmarks/lengths.py results/lengths config/demo-lengths.json "the demo at the paper's settings of NES"

The file is what a plan for other data goes by, where no run with the same settings of NES is at hand.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from advxai.common.errors import InputError
from advxai.common.files import publish_text
from advxai.config import load
from advxai.config.file import read
from advxai.plan.lengths import measured

ROOT = Path(__file__).parents[1]


def configuration() -> str:
    """The demo with the explainers and the NES of config/ffpp.yaml, without controls and measures, as YAML."""
    demo, ffpp = read(ROOT / "config.yaml"), read(ROOT / "config/ffpp.yaml")
    rows = {name: ffpp["explainers"][name] for name in load(ffpp).of_kind("explainer")}
    attacks = {stage: ffpp[stage] for stage in ("adversary", "evaluation")}
    settings = {**demo, **attacks, "run": "lengths", "explainers": rows, "metrics": {}}
    load(settings)
    return yaml.safe_dump(settings, sort_keys=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="its folder, results/<run>; or the word configuration")
    parser.add_argument("out", type=Path)
    parser.add_argument("called", nargs="?", help="what was attacked, in words that follow `as in`; default: the run")
    options = parser.parse_args()
    if str(options.run) == "configuration":
        publish_text(options.out, configuration())
        return 0
    try:
        found = measured(options.run)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    run, _, network = found.measured.partition(" (")
    words = f"{options.called or run} ({network.removesuffix(')')}; {date.today().isoformat()})"
    content = found.content | {"measured": words}
    publish_text(options.out, json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
