"""Asking for explanations of a run's images, and reading what was written."""

import json
from pathlib import Path

import torch

from advxai.common.errors import InputError
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.explain.command import Outcome, Wanted, run
from advxai.explain.request import names, requests
from advxai.run.paths import Paths
from tests.unit.cases.small_run import HALF, configuration, net


def explained(paths: Paths, arguments: list[str], out: Path, **wanted) -> Outcome:
    config = paths.config
    known = {"names": names(config, None), "frames": 2, "whole": False, "weights": None, "seed": config.seed}
    outcome = run(Wanted(**{"requests": requests(arguments), "at_once": 4, **known, **wanted}), paths, out)
    for reason in outcome.refused:
        raise InputError(reason)
    return outcome


def changed(paths: Paths, **keys) -> Paths:
    """The run with other settings."""
    return Paths(load(configuration(Path(paths.config.results).parent, **keys)))


def weights(path: Path, real: float = 0.0, **described) -> Path:
    """A detector that likes to call an image Real."""
    module = net(5)
    with torch.no_grad():
        module[-1].bias[0] += real
    described = {"model": "tests.unit.cases.small_run:net", "preprocessing": Preprocessing(48, HALF, HALF)} | described
    checkpoint.save(path, module, **described)
    return path


def read(out: Path, stem: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} isn't strict JSON")

    return json.loads((out / f"{stem}.json").read_text(), parse_constant=refuse)
