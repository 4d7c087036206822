"""What a job spends before its work: CPU seconds until the first forward is done, for every stage with forwards.

    python -m benchmarks.start                         # of the demo's finished run
    python -m benchmarks.start --config mine.yaml --backend torch

The scripts of the rules run as Snakemake runs them, each in a process of its own, in a copy of the run's folder that
lacks the stage's own records; each ends with its first forward. Prints a line a job: user + system seconds of the
process, and which of the packages that take long to import it has imported.
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from advxai.config import load
from advxai.config.file import read
from advxai.config.kernels import BACKENDS
from advxai.detector import forwards
from advxai.run.environment import as_a_job
from advxai.run.paths import Paths

HEAVY = ("timm", "torchvision", "torch._dynamo", "pandas", "matplotlib", "scipy.stats", "sklearn", "shap", "skimage")
OWN = {  # the folder of a script's records
    "detector_metrics": "predictions",
    "adversary_shard": "adversary",
    "saliency_shard": "saliency",
    "evaluation_shard": "attacks",
}
OUTPUT = {"evaluation_shard": "attacks", "detector_metrics": "probabilities"}  # the rule's name for the records


def inputs_of(paths: Paths, script: str, name: str) -> dict[str, str | list[str]]:
    """A job's inputs by their names in the rule; `name` is the explainer's."""
    shard = paths.shards[0]
    found: dict[str, str | list[str]] = {
        "images": str(paths.lists / f"{shard}.json"),
        "manifest": str(paths.run / "frames/manifest.parquet"),
        "frames": str(paths.lmdb),
        "detector": str(paths.weights),
        "weights": str(paths.weights_hash),
    }
    if script == "saliency_shard":
        found["adversary"] = [str(path) for path in paths.copies] if paths.needs_adversary(name) else []
    if script == "evaluation_shard":
        found["saliency"] = str(paths.maps_of(name)[0])
    return found


def named(files: Any, given: dict[str, str | list[str]]) -> Any:
    """Put names and what they stand for, one file or several, into Snakemake's own list."""
    for name, value in given.items():
        several = isinstance(value, list)
        start = len(files)
        files.extend(value if several else [value])
        files._set_name(name, start, end=len(files) if several else None)
    return files


def folder_of(paths: Paths, script: str, name: str) -> Path:
    """Where a job's records belong."""
    folders = {"predictions": paths.predictions, "adversary": paths.adversary, "attacks": paths.attacks}
    return (folders.get(OWN[script]) or paths.saliency(name)).path


def run(script: str, name: str, mapping: dict[str, Any], backend: str) -> None:
    """Run a script up to its first forward, then print what it has spent as JSON and leave the process.

    What the job reads is the run's; `backend`, if it is one, is another than the run's.
    """
    from snakemake.iocontainers import InputFiles, Log, OutputFiles, ResourceList, Wildcards

    given = inputs_of(Paths(load(mapping)), script, name)
    if backend:
        mapping = {**mapping, "detector": {**mapping["detector"], "backend": backend}}
    paths = Paths(load(mapping))
    opened = forwards.open_detector

    def opening(*arguments: Any) -> Any:
        detector = opened(*arguments)
        forward = detector.forward

        def first(*batch: Any) -> None:
            forward(*batch)
            spent = {"seconds": time.process_time(), "imported": [part for part in HEAVY if part in sys.modules]}
            print(json.dumps(spent), flush=True)
            os._exit(0)

        detector.forward = first
        return detector

    forwards.open_detector = opening
    outputs = {OUTPUT.get(script, "records"): str(folder_of(paths, script, name) / paths.config.run / "first.h5")}
    digest = paths.evaluation(name).digest if script == "evaluation_shard" else ""
    # not Snakemake's own object: jobs unpickle that, and to make one imports pandas
    job = SimpleNamespace(
        input=named(InputFiles(), given),
        output=OutputFiles(fromdict=outputs),
        wildcards=Wildcards(fromdict={"explainer": name, "shard": paths.shards[0], "digest": digest}),
        resources=ResourceList(fromdict={"images_at_once": paths.config.at_once, "halvings": 0}),
        log=Log(),
        config=mapping,
    )
    runpy.run_path(f"scripts/{script}.py", {"snakemake": job})


def apart(paths: Paths, stage: str, folder: Path) -> dict[str, Any]:
    """A results folder like the run's, of links, without a stage's records."""
    (folder / "store").mkdir(parents=True)
    (folder / paths.config.run).symlink_to(paths.run.resolve())
    for part in paths.store.resolve().iterdir():
        if part.name != stage:
            (folder / "store" / part.name).symlink_to(part)
    return {"results": str(folder)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="config.yaml", help="of a run that is finished (default: config.yaml)")
    parser.add_argument("--backend", choices=BACKENDS, help="another backend than the run's")
    parser.add_argument("--job", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        script, name, given, backend = arguments.job
        run(script, name, json.loads(given), backend)
    as_a_job()
    mapping = read(Path(arguments.config))
    paths = Paths(load(mapping))
    rows: dict[str, str] = {}
    for name, settings in paths.config.of_kind("explainer").items():
        rows.setdefault(settings.method, name)
    names = [("detector_metrics", ""), ("adversary_shard", "")]
    names += [(script, name) for name in rows.values() for script in ("saliency_shard", "evaluation_shard")]
    print(f"{'job':34} {'CPU s':>6}  imported")
    for script, name in names:
        with tempfile.TemporaryDirectory(dir=paths.store) as scratch:
            own = dict(mapping) | apart(paths, OWN[script], Path(scratch, "results").resolve())
            job = [script, name, json.dumps(own), arguments.backend or ""]
            command = [sys.executable, "-m", "benchmarks.start", "--job", *job]
            done = subprocess.run(command, capture_output=True, text=True)
        if not done.stdout.startswith("{"):
            raise SystemExit(f"{script} {name} made no forward:\n{done.stderr}")
        spent = json.loads(done.stdout.splitlines()[-1])
        print(f"{script + ' ' + name:34} {spent['seconds']:6.2f}  {', '.join(spent['imported'])}", flush=True)


if __name__ == "__main__":
    main()
