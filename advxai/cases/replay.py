"""Replay of a test case: everything is computed anew from its folder alone and compared with what the run stored."""

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advxai import cases
from advxai.adversary.stage import copy_of
from advxai.adversary.stage import run as make_copy
from advxai.cases import clip_bundle, clip_replay
from advxai.cases.bundle import REMEDY, Case, opened, read
from advxai.cases.clip_bundle import ClipCase
from advxai.cases.comparing import Outcome, compare, compare_attacks, compare_rows, to_repeat
from advxai.cases.measured import Counterpart, measured
from advxai.cases.trust import require_named
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.common.types import Item, Record
from advxai.common.usercode import code_sha256
from advxai.config.controls import CEILINGS, CONTROLS
from advxai.config.kernels import Device
from advxai.config.science import Fit
from advxai.detector import checkpoint
from advxai.detector.forwards import made_with
from advxai.detector.model import Detector
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.run.digests import VERSIONS, Digests
from advxai.run.environment import made_without_torch
from advxai.run.jobs import use_threads
from advxai.saliency.beside import host_of
from advxai.saliency.beside import run as order
from advxai.saliency.controls import Sight
from advxai.saliency.prior import FOUND_BY
from advxai.saliency.stage import run as explain


def open_detector(case: Case | ClipCase, weights: Path | None, device: Device) -> tuple[Detector, list[str]]:
    """The detector, on a device, with the run's forward batch.

    Args:
        case: the test case.
        weights: its file; None: the one in the folder.
        device: cpu or cuda.

    Returns:
        The detector, and warnings.

    Raises:
        InputError: there are no weights, the folder's are damaged, the file isn't one of the configured detector, the
            detector from outside the package can't be imported, or there is no such device.
    """
    path, wanted = weights or case.folder / cases.WEIGHTS, case.content.detector.sha256
    if not path.is_file():
        cause = "there is no such file" if weights else "it was exported with `cases.weights: false`, or is lost"
        raise InputError(f"{path}: {cause}; give the detector's file (SHA-256 {wanted}) as --detector")
    found = file_sha256(path)
    if found != wanted and weights is None:
        raise InputError(f"{path} is damaged (its hash isn't that in {cases.CASE}): {REMEDY}, or give --detector")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"{case.folder} was made on a CUDA device, and none is usable here; give --device cpu (NES draws other "
            "noise there, so that copies and attacks will differ, and maps in their last bits)"
        )
    settings = case.config.detector
    detector = checkpoint.load(settings, path, device=device, classes=Classes.read(case.content.detector.model_dump()))
    warnings = []
    if found != wanted:
        warnings.append(f"{path} has the SHA-256 {found}, the run's detector {wanted}")
    if device != settings.device:
        rounded = (
            "; convolutions aren't rounded to TF32 here" if settings.precision != detector.kernels.precision else ""
        )
        warnings.append(
            f"replayed on {device}, made on {settings.device}: bits may differ, and NES draws other noise, so that "
            f"copies and attacks are other ones{rounded}"
        )
    return detector, warnings


# -- computing --------------------------------------------------------------------------------------------------------
def _copy(case: Case, detector: Detector) -> Iterator[Outcome]:
    """The adversarial copy."""
    if case.adversary is not None:
        config = case.config
        (fresh,) = make_copy([case.item], lambda _: case.image, detector, config.adversary, config.seed, 1)
        yield compare("adversary", case.adversary, fresh)


def _maps(case: Case, detector: Detector) -> Iterator[Outcome]:
    """Every explainer's map, segments, scores and ranking, with the stored adversarial copy."""
    config = case.config
    stored_copy = copy_of(case.adversary or {}, detector, config.adversary)
    for name, settings in config.of_kind("explainer").items():
        copies = stored_copy if Digests(config).needs_adversary(name) else None
        images = [case.item], lambda _: case.image
        (fresh,) = explain(*images, detector, settings, config.seed, 1, copies, Counterpart(case))
        yield compare(f"saliency {name}", case.saliency[name], fresh)


def _controls(case: Case, detector: Detector) -> Iterator[Outcome]:
    """Every control's and ceiling's order of the segments that an explainer's stored record has."""
    config, item, fit = case.config, case.item, detector.preprocessing.resize.fit
    for name, settings in {**config.of_kind("control"), **config.of_kind("ceiling")}.items():
        stored = case.saliency[name]
        host = {(item["key"], item["sha256"]): host_of(case.saliency[config.host(name)], detector.classes)}
        (fresh,) = order([item], host, settings, config.seed, partial(_seen, case, stored, fit))
        yield compare(f"saliency {name}", stored, fresh)


def _seen(case: Case, stored: Record, fit: Fit, item: Item, segments: NDArray[np.int16]) -> Sight:
    """What a control or ceiling went by; the landmarks are those of its stored record."""
    landmarks = stored.get("landmarks")
    return Sight(
        key=item["key"],
        segments=segments,
        image=case.image,
        mask=case.mask,
        counterpart=case.counterpart,
        no_counterpart=case.content.no_counterpart,
        landmarks=None if landmarks is None or np.isnan(landmarks).any() else landmarks,
        prior=case.prior,
        fit=fit,
    )


def _attacks(case: Case, detector: Detector) -> Iterator[Outcome]:
    """Every attack on the stored rankings' segments; those that explainers share are computed once."""
    config = case.config
    wanted = {name: _attack_items(case, name) for name in config.explainers}
    attacks = make_attacks(
        to_repeat(wanted, case.attacks),
        lambda _: case.image,
        detector,
        config.evaluation,
        config.seed,
        config.at_once,
    )
    yield from compare_attacks(wanted, case.attacks, attacks)


def _attack_items(case: Case, explainer: str) -> list[dict[str, Any]]:
    records = {case.content.key: case.saliency[explainer]}
    settings = case.config.evaluation
    return attack_items([case.item], records, settings.top, settings.population)


def _table_rows(case: Case, detector: Detector) -> Iterator[Outcome]:
    """Every explainer's rows, from the stored rankings and attacks."""
    for name in case.config.explainers:
        if any(item["mask"] not in case.attacks for item in _attack_items(case, name)):
            yield Outcome(f"rows {name}", ["can't be made: an attack isn't stored"])
            continue
        rows = evaluation_rows(
            name,
            [case.item],
            {case.content.key: case.saliency[name]},
            list(case.attacks.values()),
            top=case.config.evaluation.top,
            classes=detector.classes,
            population=case.config.evaluation.population,
        )
        yield compare_rows(f"rows {name}", case.rows[case.rows["explainer"] == name], rows)


def _measures(case: Case, detector: Detector) -> Iterator[Outcome]:
    """Everything else that is measured of an explanation."""
    yield from (Outcome(name, different) for name, different in measured(case, detector))


def _machines(case: Case | ClipCase, detector: Detector) -> Iterator[str]:
    """What differs between here and where the case was made, and may explain different bits."""
    own = {entry.packages for entry in case.entries.values()}
    same = {made_with(detector, packages) for packages in {(), *own}}
    here = made_with(detector, sorted(set().union(*own)))
    for maker in sorted(case.makers - same - {made_without_torch(), made_without_torch(FOUND_BY)}):
        yield f"records were made with {maker}; here: {here}"
    for name, version in cases.versions().items():
        if (exported := case.content.versions.get(name, version)) != version:  # an older case may not know it
            yield f"{name} {version} here, {exported} where the case was exported"
    for place, stage in case.content.stages.items():
        module, code = stage.params.get("module", ""), stage.params.get("code")
        if code is not None and code != code_sha256(module):
            yield f"the code of {module} is another one here than where {place} was made"
        of, beside = place.partition("/")[0], stage.params.get("method") in (*CONTROLS, *CEILINGS)
        if beside:
            of = "video_controls" if of == "video_saliency" else "controls"
        of = "video_metrics" if of == "video_measures" else of
        ours, theirs = VERSIONS.get(of), stage.params.get("version")  # of tables, none
        if None not in (ours, theirs) and ours != theirs:
            yield f"{place} was made by version {theirs} of its stage's algorithm, here is {ours}"


def _read(folder: Path) -> Case | ClipCase:
    content, config = opened(folder)
    if isinstance(content, cases.ClipContent):
        return clip_bundle.read(folder, content, config)
    return read(folder)


def _items(case: Case | ClipCase, detector: Detector) -> Iterator[Outcome]:
    """Everything in a case, one after the other."""
    if isinstance(case, ClipCase):
        for stage in clip_replay.STAGES:
            yield from stage(case, detector)
    else:
        for own in (_copy, _maps, _controls, _attacks, _table_rows, _measures):
            yield from own(case, detector)


def _names(case: Case | ClipCase) -> list[str]:
    """The longest names of what is replayed."""
    if isinstance(case, ClipCase):
        return clip_replay.names(case)
    names = [f"attack {name} top-{case.config.evaluation.top}" for name in case.config.explainers]
    if case.metrics is not None:
        names += [f"metrics {name} {measure}" for name in case.config.explainers for measure in case.config.metrics]
    return names


def replay(
    folder: Path,
    weights: Path | None = None,
    device: Device | None = None,
    own: Path | None = None,
    trusted: Collection[str] = (),
) -> bool:
    """Compute everything in a test case anew and print, a line an item, whether it is as it was stored.

    Explainers are given the stored adversarial copy, attacks the stored rankings, and rows the stored attacks, so that
    one difference doesn't make others.

    Args:
        folder: the test case.
        weights: the detector's file, instead of the one in the folder.
        device: cpu or cuda, instead of the configuration's.
        own, trusted: what code may be imported, as of `require_named`.

    Returns:
        All is equal bit for bit.

    Raises:
        InputError: see `read`, `require_named` and `open_detector`.
    """
    case = _read(folder)
    require_named(folder, case.config, own, trusted)
    settings = case.config.detector
    detector, warnings = open_detector(case, weights, device or settings.device)
    print(f"{case.content.key} ({case.content.category}) of the run {case.content.run}")
    for warning in [*warnings, *_machines(case, detector)]:
        print(f"warning: {warning}")
    print(
        "Each item is made from the stored ones before it, so that one difference doesn't cause others.\n", flush=True
    )
    width, outcomes = max(map(len, _names(case))), []
    use_threads(settings.threads)
    for outcome in _items(case, detector):
        print(f"{outcome.name:<{width}}  {outcome}", flush=True)
        outcomes.append(outcome)
    different = sum(bool(outcome.differences) for outcome in outcomes)
    print(f"\n{len(outcomes) - different} of {len(outcomes)} items are equal bit for bit.")
    return not different
