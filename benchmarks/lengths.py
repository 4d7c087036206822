"""Write down how long the NES attacks of a finished run took, as `plan.like` reads it.

    python benchmarks/lengths.py results/demo_paper config/demo-lengths.json

The file is what a plan for other data goes by, where no run with the same settings of NES is at hand.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from advxai.common.errors import InputError
from advxai.common.files import publish_text
from advxai.plan.lengths import measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="its folder, results/<run>")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        found = measured(options.run)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    content = found.content | {"measured": f"{found.measured}, {date.today().isoformat()}"}
    publish_text(options.out, json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
