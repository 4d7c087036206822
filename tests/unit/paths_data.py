"""Paths of a small demo, and what has moved between two of them."""

from pathlib import Path

from advxai.config import load
from advxai.run.paths import Paths

DIGEST = "0" * 64


def clip(name: str, first_id: int, **splits) -> dict:
    source = {"package": "p", "version": "1", "file": f"{name}.mp4", "sha256": DIGEST}
    return {"name": name, "first_id": first_id, "source": source, "splits": splits}


def paths(**changes) -> Paths:
    clips = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]
    return Paths(load({"run": "a", "corpus": {"kind": "demo", "clips": clips}} | changes))


def folders(of: Paths) -> dict[str, Path]:
    """Of every stage and of every explainer's row."""
    stages = ("faces", "detector", "predictions", "adversary", "attacks")
    found = {name: getattr(of, name).path for name in stages}
    for stage in ("saliency", "evaluation"):
        found |= {f"{stage} {name}": getattr(of, stage)(name).path for name in of.config.explainers}
    return found


def moved(before: Paths, after: Paths) -> set[str]:
    """Stages, and rows of explainers, whose folder is another one."""
    one, other = folders(before), folders(after)
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


ROWS = tuple(paths().config.explainers)
ADVERSARIAL = tuple(name for name in ROWS if name.endswith("_adv"))


def of(stages: str, names: tuple[str, ...] = ROWS) -> set[str]:
    return {f"{stage} {name}" for stage in stages.split() for name in names}


def entry(name: str, **changes) -> dict:
    rows = {row: settings.model_dump() for row, settings in paths().config.explainers.items()}
    return {"explainers": rows | {name: rows[name] | changes}}


CLIPS = [clip("one", 0, train=2, val=2), clip("two", 4, test=2)]
DETECTOR = {"detector", "predictions", "adversary", "attacks"} | of("saliency evaluation")

ENGINES = {
    "Plain": {"method": "shap", "baseline": "blur"},
    "Library": {"method": "shap", "baseline": "blur", "engine": "library"},
    "Noisy": {"method": "sobol", "baseline": "noise"},
    "SOBOL": {"method": "sobol", "baseline": "zeros"},
    "SOBOL_adv": {"method": "sobol", "baseline": "adversarial"},
    "RISE": {"method": "rise", "baseline": "zeros"},
    "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
}
