"""Classes of the user's own, tried before any job starts: a misspelt parameter needn't wait for the first explanation.
Likewise layers of the detector that white boxes name, and networks that are built by options or trained in part.

They are imported and built in a process of their own, since their modules may import torch, which planning does
without; and once for each state of their code, which is remembered in Snakemake's folder.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.beforehand.layers import built_of, layers_of, network_of, require_built, require_layers, rows_of
from advxai.common.errors import InputError
from advxai.common.files import publish_text
from advxai.common.usercode import code_sha256
from advxai.config import Config, load
from advxai.config.explainers import Custom, module_of
from advxai.config.metrics import CustomMeasure
from advxai.config.science import PROJECT
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.dialects.onnxfile import without_gradients
from advxai.metrics.registry import measures
from advxai.run.digests import digest

if TYPE_CHECKING:
    from advxai.run.paths import Paths

LONGEST = 300.0  # seconds of trying: a job would hang as well
TRIED = Path("advxai", "tried.json")  # within .snakemake
MOST = 1000  # of what was tried is remembered


def require_usable(paths: "Paths", snakemake: Path) -> list[str]:
    """Build the measures, and whatever classes and factories of the user's own the configuration names, and a network
    that has options or blocks to freeze; look for the layers that it names.

    Args:
        paths: of the run.
        snakemake: the folder `.snakemake`.

    Returns:
        What the user should know, a sentence each.

    Raises:
        InputError: two measures have a column of one name; or something of the user's own can't be imported, is no such
            class, doesn't take its parameters, has no usable columns, or asks a detector for gradients that has none;
            or the detector can't be built, or has no such layer or fewer blocks.
    """
    config, outputs = paths.config, paths.classes.outputs
    if not any(isinstance(entry, CustomMeasure) for entry in config.metrics.values()):
        measures(config)  # ours need no torch
    known = _known(snakemake / TRIED)
    new = {key: name for key, name in _digests(config, outputs).items() if name not in known}
    if not new:
        return []
    said = _tried(config, outputs, list(new))
    if said["wrong"]:
        raise InputError("config: " + "; ".join(said["wrong"]))
    if not said["untried"]:
        text = json.dumps([*known, *dict.fromkeys(new.values())][-MOST:]) + "\n"
        with suppress(OSError):  # a folder that can't be written to: they are tried again the next time
            publish_text(snakemake / TRIED, text)
    return said["untried"]


def _digests(config: Config, outputs: int) -> dict[str, str]:
    """What is of the user's own, and of the detector's network what is tried: its key -> digest of all that it is built
    from. Measures are looked at together."""
    modules, rows = _modules(config), dict(rows_of(config).values())
    code = {module: code_sha256(module) for module in set(modules.values())}
    found: dict[str, Any] = {}
    for key, module in modules.items():
        part, _, _ = key.partition(".")
        if key in rows:
            without = [ONNX] if config.detector.model == ONNX else []  # which a white box can't have
            found[key] = [code[module], rows[key].model_dump(), *without]
        elif part == "metrics":
            entries = {name: entry.model_dump() for name, entry in config.metrics.items()}
            found["metrics"] = [*found.get("metrics", []), code[module], entries, config.evaluation.top]
        else:
            found[key] = [code[module], config.detector.model, outputs]
    if layers := layers_of(config):
        found["layers"] = [layers, *network_of(config), outputs]
    if built := built_of(config):
        found["network"] = [built, outputs]
    return {key: digest({"built_from": value}) for key, value in found.items()}


def _modules(config: Config) -> dict[str, str]:
    """Key of the configuration -> the module of the user's own that it names."""
    found = {}
    for key, entry in rows_of(config).values():
        if (module := module_of(entry)) is not None:
            found[key] = module
    for name, measure in config.metrics.items():
        if isinstance(measure, CustomMeasure):
            found[f"metrics.{name}"] = measure.measure.partition(":")[0]
    if ":" in config.detector.model:
        found["detector.model"] = config.detector.model.partition(":")[0]
    return found


def _named(config: Config) -> str:
    """The modules of the user's own; without any it is the detector whose layers are looked for."""
    return ", ".join(sorted(set(_modules(config).values()))) or config.detector.model


def _known(file: Path) -> list[str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # not there, or half of it: they are tried again
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _tried(config: Config, outputs: int, keys: list[str]) -> dict[str, list[str]]:
    """Try them in another process: `wrong`, and `untried`, a sentence each."""
    # as in a job, the library is found and what lies in the working directory isn't (-P)
    places = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __name__, str(answer), str(outputs), *keys],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
                input=config.model_dump_json(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"config: {_named(config)}: to import and build what is configured of these takes more than "
                f"{LONGEST:g} s; correct them"
            ) from error
        if answer.exists():
            found: dict[str, list[str]] = json.loads(answer.read_text(encoding="utf-8"))
            return found
    last = next(iter(reversed(done.stderr.split("\n")[:-1])), "without a word")
    raise InputError(
        f"config: {_named(config)}: a process that imports these ended with exit "
        f"code {done.returncode} ({last}); correct them"
    )


def trial(config: Config, outputs: int, keys: Collection[str]) -> dict[str, list[str]]:
    """Import and build whatever is of the user's own, in this process.

    Args:
        config: the run's.
        outputs: width of the detector's head.
        keys: `explainers.<row>`, `video.explainers.<row>`, `metrics`, `detector.model`, `network`, `layers`: what is
            tried.

    Returns:
        wrong: what can't be used, a sentence each; untried: what needs a package that isn't installed here, but may be
        where the jobs run.
    """
    wrong: list[str] = []
    untried: list[str] = []

    def attempt(key: str, make: Callable[[], Any]) -> None:
        try:
            make()
        except InputError as error:
            cause, own = error.__cause__, {module.partition(".")[0] for module in _modules(config).values()}
            if isinstance(cause, ModuleNotFoundError) and str(cause.name).partition(".")[0] not in own:
                untried.append(f"{key} can't be tried here, without the package {cause.name}: its first job will tell")
            elif str(error) not in wrong:  # a network that can't be built has no layers either
                wrong.append(str(error))

    for row, (key, entry) in rows_of(config).items():
        if isinstance(entry, Custom) and key in keys:
            attempt(key, partial(_explainer, row, entry, config.detector.model))
    if "metrics" in keys:
        attempt("metrics", partial(measures, config))
    if "detector.model" in keys:
        from advxai.detector.build import build_module  # here and below: torch, which a measure may do without

        attempt("detector.model", partial(build_module, config.detector, outputs))
    if "network" in keys:
        attempt("network", partial(require_built, config, outputs))
    if "layers" in keys:
        attempt("layers", partial(require_layers, config, outputs))
    return {"wrong": wrong, "untried": untried}


def _explainer(row: str, entry: Custom, model: str) -> None:
    """Build an explainer of the user's own.

    Raises:
        InputError: as of `advxai.saliency.registry.build`; or it is a white box, and the detector an ONNX file.
    """
    from advxai.saliency.registry import asks_module

    if asks_module(entry) and model == ONNX:
        raise InputError(without_gradients({row: entry.method}))


if __name__ == "__main__":
    place, width, *chosen = sys.argv[1:]
    publish_text(Path(place), json.dumps(trial(load(json.load(sys.stdin)), int(width), chosen)))
