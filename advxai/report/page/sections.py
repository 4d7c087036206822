"""What the page says besides its gallery, out of a run's files."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.answer.words import Sentence
from advxai.common.classes import Classes
from advxai.config import Config
from advxai.config.rows import Filled, segments_of
from advxai.config.science import Nes
from advxai.detector.shown import MEASURES, undefined
from advxai.report.captions import GRADIENTS, meanings, together
from advxai.report.page.tables import per_class, tested
from advxai.run.paths import Paths
from advxai.tables.compute import paper_order
from advxai.tables.left_out import reasons

LISTED = 500  # lines of what was left out that the page lists one by one


@dataclass(frozen=True)
class Lines:
    """A plain table.

    Attributes:
        columns: headings.
        lines: text.
        total: how many lines there would be in all.
        figures: all but the first column are numbers.
    """

    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    total: int = 0
    figures: bool = False


def run(config: Config) -> list[tuple[str, str]]:
    """The settings that matter most: (name, value)."""
    detector, adversary, evaluation = config.detector, config.adversary, config.evaluation
    kernels = f" ({words})" if (words := detector.kernels.words) else ""
    computed = f"{detector.backend} on {detector.device}{kernels}"

    def nes(settings: Nes) -> str:
        return (
            f"n = {settings.samples}, sigma = {settings.sigma:.3g}, alpha = {settings.alpha * 255:.3g}/255, "
            f"delta = {settings.delta * 255:.3g}/255, at most {settings.iterations} iterations"
        )

    return [
        ("Run", config.run),
        ("Protocol", config.protocol),
        ("Seed", str(config.seed)),
        ("Corpus", f"{config.corpus.kind}: {', '.join(config.corpus.categories)}"),
        ("Detector", f"{detector.model}, {detector.input_size} px, {computed}"),
        ("Adversarial copies (NES)", nes(adversary)),
        ("Segment attacks (NES)", f"{nes(evaluation)}; top-1 to top-{evaluation.top} segments"),
    ]


def explainers(config: Config, white: Collection[str]) -> Lines:
    """A line an explainer: method, whether it is a black or a white box, baseline, what differs from the defaults; then
    controls and ceilings.

    Args:
        config: the run's.
        white: rows whose records say that gradients have come back; of a class of the user's own nothing else does.
    """
    lines = []
    for name, settings in config.explainers.items():
        apart = {"method", "baseline", "published", "segmentation"}
        given = settings.model_dump(exclude=apart, exclude_defaults=True)
        # Methods have defaults of their own: what is shown goes by the segments, so that rows of the same say the same.
        if segments := segments_of(settings).model_dump(exclude_defaults=True):
            given["segmentation"] = segments
        shown = ", ".join(f"{key} {_plain(value)}" for key, value in given.items())
        kind: str = settings.kind
        if settings.kind == "explainer":
            kind = "white box" if settings.gradients or name in white else "black box"
        filling = "none"
        if isinstance(settings, Filled):
            baseline = settings.baseline.model_dump(exclude_defaults=True, exclude={"kind"})
            filling = settings.baseline.kind + "".join(f", {key} {value}" for key, value in baseline.items())
        lines.append([name, settings.method, kind, filling, shown])
    return Lines(["row", "method", "kind", "baseline", "settings"], lines)


def kinds(explainers: Lines) -> str:
    """What a white box is, where there is one; `explainers`: of `explainers`."""
    if not any(line[2] == "white box" for line in explainers.lines):
        return ""
    return (
        "A white box reads the detector's layers and gradients, on torch's module; a black box asks for nothing but "
        "the detector's answers to changed images. Both are measured alike."
    )


def meant(config: Config, white: Collection[str]) -> list[str]:
    """What the explainers' maps say, and what they don't, a line each; and how those of gradients are scaled, where
    there may be any; arguments as of `explainers`."""
    rows = config.of_kind("explainer")
    some = any(isinstance(row, Filled) and (row.gradients or name in white) for name, row in rows.items())
    return together(meanings(rows, config.detector.channel_tokens)) + ([GRADIENTS] if some else [])


def _plain(value: object) -> str:
    """A setting as text; those of a part of the configuration one after the other."""
    return " ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)


def detector(metrics: Mapping[str, Any], paths: Paths) -> dict[str, Any]:
    """Sentence, metrics and confusion matrix of the detector: what the template calls so.

    Args:
        metrics: of detector/metrics.json.
        paths: of the run.
    """
    config, classes = paths.config, paths.classes
    names = classes.ordered(config.corpus.categories)
    counts, at = metrics["frame"]["confusion"], {name: index for index, name in enumerate(classes.names)}
    there = [name for name in names if sum(counts[at[name]])]
    confusion = [[name, *(f"{counts[at[name]][at[other]]:,}" for other in names)] for name in there]
    made = "trained on the corpus"
    if config.detector.checkpoint is not None:
        made = f"imported from {config.detector.checkpoint}"
        if read := paths.read_lines:
            made = f"imported: {read[0].rstrip('.')}"
    elif paths.ready_made is not None:
        made += f" (weights of {paths.ready_made})"
    columns = ["level", "task or class", "images", "accuracy", "AUROC", "F1", "average precision"]
    outputs = paths.outputs
    files = {outputs.labels: "what it says of each test video", outputs.examples: "an image of each"}
    files |= dict.fromkeys(outputs.beside_detector[-1:], "its figures beside published ones")
    chosen = config.detector.testing.categories
    alone = "" if chosen is None else f" Tested on the originals and {', '.join(chosen)} alone."
    return {
        "detector": f"{config.detector.model}, {made}. {_said(classes)}{alone}",
        "doubts": [*paths.read_lines[1:], *metrics["notes"], *filter(None, [undefined(metrics)])],
        "files": [(path.relative_to(paths.run).as_posix(), what) for path, what in files.items()],
        "tested": Lines(["by", "real", "fake", *MEASURES.values()], tested(metrics), figures=True),
        "metrics": Lines(columns, per_class(metrics, names, paper_order(metrics["frame"]["per_category"]))),
        "confusion": Lines(["true class", *names], confusion, figures=True),
    }


def _said(classes: Classes) -> str:
    """What the detector tells apart, and when it calls an image fake."""
    positive = classes.positive_name
    one = f", by one sigmoid, the probability of {positive}" if positive else ""
    if classes.threshold is not None:
        when = f"An image is called fake at p(fake) \u2265 {classes.threshold:g}."
    else:
        when = f"An image is called fake when its likeliest class isn't {classes.real_name}."
    return f"Classes: {', '.join(classes.names)}{one}. {when}"


def left_out(table: pd.DataFrame) -> dict[str, Any]:
    """What was left out, grouped by reason and one by one.

    Args:
        table: tables/left_out.parquet.
    """
    grouped = [[stage, explainer, reason, f"{count:,}"] for stage, explainer, reason, count in reasons(table)]
    listed = [[str(value) for value in line] for line in table.head(LISTED).itertuples(index=False)]
    return {
        "reasons": Lines(["stage", "explainer", "reason", "how many"], grouped),
        "left_out": Lines(list(table.columns), listed, len(table)),
    }


def provenance(content: Mapping[str, Any]) -> dict[str, Any]:
    """Where the numbers come from.

    Args:
        content: of provenance.json.
    """
    code, machine = content["code"], content["machine"]
    commit = code["commit"] or "not known (no checkout)"
    records = []
    back = any("backwards" in said for said in content["records"].values())  # through the detector, by white boxes
    counted = ["records", "found", "computed", "images", "calls", *(["backwards"] if back else [])]
    for stage, said in content["records"].items():
        counts = [f"{said.get(name, 0):,}" for name in counted]
        records.append([stage, *counts, "; ".join(f"{made} ({count:,})" for made, count in said["made_with"].items())])
    times = [
        [rule, str(spent["jobs"]), f"{spent['seconds']:,}", str(spent["most_memory_mib"] or ""), spent["last_ended"]]
        for rule, spent in content["times"].items()
    ]
    versions = ", ".join(f"{stage} {version}" for stage, version in content["algorithm_versions"].items())
    return {
        "provenance": [
            ("Written", content["written"]),
            ("Commit", commit + (", with changed files" if code["changed"] else "")),
            ("Seeds", ", ".join(f"{name} {seed}" for name, seed in content["seeds"].items() if seed is not None)),
            ("Algorithm versions", versions),
            ("Detector's weights (SHA-256)", content["detector"]["sha256"]),
            ("Records of one stage made with different devices or versions", ", ".join(content["mixed"]) or "none"),
            ("Python", content["python"]),
            ("Machine of the last job", f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"),
        ],
        "records": Lines(["stage", *counted, "made with"], records),
        "times": Lines(["rule", "jobs", "seconds", "most memory, MiB", "last ended (UTC)"], times),
        "packages": Lines(["package", "version"], [list(pair) for pair in content["packages"].items()]),
        "config": json.dumps(content["config"], indent=1),
    }


def summary(text: Path, answered: int) -> list[str]:
    """Lines of the run's closing message, without the first ones, which are the answer."""
    return [line.strip() for line in text.read_text(encoding="utf-8").splitlines()[answered:] if line.strip()]


def answer(sentences: Sequence[Sentence]) -> list[tuple[str, str, str]]:
    """Each sentence with the address and the name of what it comes from."""
    found = []
    for sentence in sentences:
        kind, _, name = sentence.link.partition("/")
        found.append((sentence.text, f"#{kind.removesuffix('s')}-{name}", sentence.link))
    return found
