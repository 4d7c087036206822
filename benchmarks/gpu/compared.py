"""Attacks, maps and rankings of a detector in lower precisions, compared with float32's image by image.

What is compared and why stands in `benchmarks.gpu.precision`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.stats import rankdata
from torch import nn

from advxai.adversary import run as attack_all
from advxai.adversary.nes import reconstruct
from advxai.common.arrays import Floats, Pixels
from advxai.common.types import Item, Record
from advxai.config import Config, load
from advxai.detector.folding import fold
from advxai.detector.model import Detector
from advxai.evaluation.attacks import run as attack_segments
from advxai.evaluation.masks import attack_items
from advxai.run.digests.stages import DRAWLESS
from advxai.saliency import run as explain
from benchmarks.cuda import correlation
from benchmarks.gpu.budget import Budget
from benchmarks.lowered import Own, Rounded, tf32

FLOAT32, TF32, BF16, SEED = "float32", "tf32", "bfloat16", "other seed"
OWN = ", own copies"
TOP = 3
SLACK = 1.5  # of the seconds that the same piece took of another variant
ROWS = {
    "LIME": {"method": "lime", "baseline": "image_mean"},
    "SHAP": {"method": "shap", "baseline": {"kind": "blur", "size": 128}},
    "SOBOL": {"method": "sobol", "baseline": {"kind": "blur", "size": 10}},
    "RISE": {"method": "rise", "baseline": "zeros"},
}
# Budgets of the explainers, and settings of the attacks where they aren't the paper's
SCALES: dict[str, dict[str, Any]] = {
    "quarter": {
        "LIME": {"samples": 500},
        "SHAP": {"evaluations": 500},
        "SOBOL": {"grid": 8, "design": 8},
        "RISE": {"masks": 1000},
        "evaluation": {"alpha": 4 / 255, "samples": 4, "iterations": 6},
    },
    "demo": {
        "LIME": {"samples": 120},
        "SHAP": {"evaluations": 120},
        "SOBOL": {"grid": 4, "design": 8},
        "RISE": {"masks": 120},
        "adversary": {"alpha": 2 / 255, "samples": 8, "iterations": 20},
        "evaluation": {"alpha": 4 / 255, "samples": 4, "iterations": 6},
    },
}
Load = Callable[[Item], Pixels]
Records = dict[str, Record]  # by key
Found = dict[str, Any]
T = TypeVar("T")


def config(scale: str, model: str, size: int) -> Config:
    """Settings of a scale for a network."""
    budgets = SCALES[scale]
    plain = {name: row | budgets[name] for name, row in ROWS.items()}
    filled = {f"{name}_adv": row | {"baseline": "adversarial"} for name, row in plain.items()}
    return load(
        {
            "run": "precision",
            "corpus": {"kind": "ffpp", "root": ".", "splits": "."},
            "detector": {"model": model, "input_size": size},
            "explainers": {name: row for pair in zip(plain.items(), filled.items(), strict=True) for name, row in pair},
            **{stage: budgets.get(stage, {}) for stage in ("adversary", "evaluation")},
        }
    )


@dataclass(frozen=True)
class Variant:
    """A way of computing all of it."""

    detector: Detector
    seed: int = 0


@dataclass(frozen=True)
class Work:
    """What is computed with every variant.

    Attributes:
        settings: budgets of explainers and attacks.
        items: fakes that float32 doesn't call Real, with `key` and `sha256`.
        image: item -> RGB uint8 (h, w, 3).
        at_once: images in work together.
    """

    settings: Config
    items: list[Item]
    image: Load
    at_once: int

    def first_steps(self, variant: Variant) -> Records:
        """Records of NES after one iteration."""
        nes = self.settings.adversary.model_copy(update={"iterations": 1})
        return self._attacked(variant, nes)

    def copies(self, variant: Variant) -> Records:
        """Records of whole attacks."""
        return self._attacked(variant, self.settings.adversary)

    def _attacked(self, variant: Variant, nes: Any) -> Records:
        made = attack_all(self.items, self.image, variant.detector, nes, variant.seed, self.at_once)
        return {record["key"]: record for record in made}

    def maps(self, row: str, variant: Variant, copies: Records) -> Records:
        """Records of an explainer; where it fills with adversarial copies, with these."""
        entry, detector = self.settings.explainers[row], variant.detector

        def adversarial(item: Item, image: torch.Tensor) -> tuple[torch.Tensor, Record]:
            steps = copies[item["key"]]["steps"]
            return reconstruct(image, steps, self.settings.adversary, detector.preprocessing), {}

        filled = adversarial if entry.filling == "adversarial" else None
        made = explain(self.items, self.image, detector, entry, variant.seed, self.at_once, filled)
        return {record["key"]: record for record in made}

    def flips(self, variant: Variant, attacks: Sequence[Item]) -> dict[tuple[str, str], bool]:
        """Which attacks on segments succeed, by key and mask."""
        made = attack_segments(
            attacks, self.image, variant.detector, self.settings.evaluation, variant.seed, self.at_once
        )
        return {(record["key"], record["mask"]): bool(record["success"]) for record in made}


def variants(base: Detector, like: Callable[[str], Detector]) -> dict[str, Variant]:
    """Every way of computing the forward, the reference first.

    Args:
        base: float32, on the device.
        like: a precision of `advxai.config.kernels` -> the same detector computed in it; asked on CUDA alone.
    """
    module = base.module
    assert isinstance(module, nn.Module)  # a file of ours has one
    folded = fold(module, base.preprocessing.input_size).to(base.device)

    def own(backend: Own) -> Variant:
        detector = Detector(
            module, base.preprocessing, classes=base.classes, device=str(base.device), forward_batch=base.forward_batch
        )
        detector.backend = backend
        return Variant(detector)

    on_gpu = base.device.type == "cuda"
    return {
        FLOAT32: Variant(base),
        TF32: Variant(like("tf32")) if on_gpu else own(Rounded(folded, tf32, layers=(nn.Conv2d,))),
        BF16: own(Own(folded, torch.bfloat16, torch.channels_last)),
        SEED: Variant(base, seed=1),
    }


def compare_signs(ours: Records, theirs: Records) -> Found:
    """Shares of the pixels that NES's first step moves alike, of the images that take one in both."""
    stepped = [key for key in ours if ours[key]["iterations"] == theirs[key]["iterations"] == 1]
    equal = [float(np.equal(ours[key]["steps"], theirs[key]["steps"]).mean()) for key in stepped]
    return {"images": len(equal), "least": min(equal), "median": float(np.median(equal))}


def compare_copies(work: Work, judge: Detector, ours: Records, theirs: Records) -> Found:
    """Whole attacks: `called_real` by the variant, `by_float32` of these, mean iterations, `alike` in their outcome."""
    keep = 0
    for item in work.items:
        record = theirs[item["key"]]
        if record["success"]:
            image = judge.place(judge.preprocessing.normalised(work.image(item)))
            copied = reconstruct(image, record["steps"], work.settings.adversary, judge.preprocessing)
            keep += bool(judge.classes.called_real(judge.probabilities(copied[None])[0]))
    return {
        "images": len(theirs),
        "called_real": sum(bool(record["success"]) for record in theirs.values()),
        "by_float32": keep,
        "iterations": float(np.mean([record["iterations"] for record in theirs.values()])),
        "alike": sum(bool(ours[key]["success"]) == bool(theirs[key]["success"]) for key in ours),
        "as_long": sum(int(ours[key]["iterations"]) == int(theirs[key]["iterations"]) for key in ours),
    }


def spearman(one: Floats, other: Floats) -> float:
    """Rank correlation; of constant scores with others 0."""
    if np.array_equal(one, other):
        return 1.0
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return correlation(rankdata(one), rankdata(other))


def compare_rankings(ours: Records, theirs: Records) -> Found:
    """An explainer's segments: how many images have the same top-1 and top-3 (as a set), and Spearman's correlation.

    Images without an explanation in one of both are left out; those that explain another class count.
    """
    both = [key for key in ours if not ours[key]["missing"] and not theirs[key]["missing"]]
    tops = [(ours[key]["ranking"].tolist(), theirs[key]["ranking"].tolist()) for key in both]
    alike = [spearman(ours[key]["scores"], theirs[key]["scores"]) for key in both]
    return {
        "images": len(both),
        "top_1": sum(one[:1] == other[:1] for one, other in tops),
        "top_3": sum(set(one[:TOP]) == set(other[:TOP]) for one, other in tops),
        "kept": sum(len(set(one[:TOP]) & set(other[:TOP])) for one, other in tops) / max(len(both), 1),
        "mean": float(np.mean(alike)) if alike else 0.0,
        "least": min(alike, default=0.0),
        "targets": sum(int(ours[key]["target"]) != int(theirs[key]["target"]) for key in both),
    }


def compare_flips(
    attacks: Mapping[int, set[tuple[str, str]]], ours: Mapping[Any, bool], theirs: Mapping[Any, bool]
) -> Found:
    """By k: attacks, `flips` by the variant, and `alike`: attacks that end as float32's do."""
    return {
        str(k): {
            "attacks": len(masks),
            "flips": sum(theirs[one] for one in masks),
            "alike": sum(theirs[one] == ours[one] for one in masks),
        }
        for k, masks in attacks.items()
    }


def segments_of(work: Work, maps: Mapping[str, Records]) -> tuple[list[Item], dict[int, set[tuple[str, str]]]]:
    """The attacks on the top-k segments of these maps, each set of pixels once, and by k (key, mask)."""
    attacks: dict[tuple[str, str], Item] = {}
    by: dict[int, set[tuple[str, str]]] = {k: set() for k in range(1, TOP + 1)}
    for records in maps.values():
        listed = attack_items([item for item in work.items if item["key"] in records], records, TOP)
        for number, one in enumerate(listed):
            name = (one["key"], one["mask"])
            attacks.setdefault(name, one)
            by[number % TOP + 1].add(name)
    return list(attacks.values()), by


class Measuring:
    """All variants against float32, piece by piece; `found` gets `variants`, name -> what is compared.

    Args:
        work: what is computed.
        computed: `variants`.
        budget: takes the pieces.
        found: gets the numbers.
        save: called after each.
    """

    def __init__(
        self, work: Work, computed: Mapping[str, Variant], budget: Budget, found: Found, save: Callable[[], None]
    ) -> None:
        self.work, self.computed, self.budget, self.found, self.save = work, computed, budget, found, save
        self.ours: dict[str, Any] = {}  # float32's, by what it is
        self.took: dict[str, float] = {}  # the most seconds of a piece, by what it is
        found["variants"] = {name: {"maps": {}} for name in computed}

    def run(self) -> None:
        """Signs, attacks, each row's maps, flips: each of all variants, so that what few minutes allow is compared."""
        for name, variant in self.computed.items():
            self._signs(name, variant)
        own = {name: self._attacks(name, variant) for name, variant in self.computed.items()}
        for row in self.work.settings.explainers:
            for name, variant in self.computed.items():
                self._map(name, variant, row, own[name])
        self._flips()

    def _take(self, name: str, what: str, work: Callable[[], T]) -> T | None:
        """A piece of work; float32's is kept, and what others are compared with must be there."""
        if name != FLOAT32 and what not in self.ours:
            self.budget.skip(f"{name}, {what}", "float32's was left out")
            return None
        made = self.budget.take(f"{name}, {what}", work, SLACK * self.took.get(what, 0.0))
        if made is not None:
            self.took[what] = max(self.budget.done[-1][1], self.took.get(what, 0.0))
        if name == FLOAT32 and made is not None:
            self.ours[what] = made
        return made

    def _signs(self, name: str, variant: Variant) -> None:
        steps = self._take(name, "first step", partial(self.work.first_steps, variant))
        if steps is not None:
            self.found["variants"][name]["signs"] = compare_signs(self.ours["first step"], steps)
            self.save()

    def _attacks(self, name: str, variant: Variant) -> Records | None:
        """Returns the variant's copies."""
        one = self.found["variants"][name]
        copies: Records | None = self._take(name, "attacks", partial(self.work.copies, variant))
        if copies is not None:
            judge = self.computed[FLOAT32].detector
            one["attacks"] = compare_copies(self.work, judge, self.ours["attacks"], copies)
        self.save()
        return copies

    def _map(self, name: str, variant: Variant, row: str, own: Records | None) -> None:
        entry = self.work.settings.explainers[row]
        filled = entry.filling == "adversarial"
        if filled and "attacks" not in self.ours:
            self.budget.skip(f"{name}, {row}", "float32's copies were left out")
            return
        copies = self.ours.get("attacks", {})
        if name != SEED or entry.method not in DRAWLESS:
            self._compare(name, variant, row, row, copies)
        if filled and name != FLOAT32 and own is not None:
            self._compare(name, variant, row, row + OWN, own)

    def _compare(self, name: str, variant: Variant, row: str, label: str, copies: Records) -> None:
        if label == row:
            made = self._take(name, row, partial(self.work.maps, row, variant, copies))
        elif row in self.ours:
            work = partial(self.work.maps, row, variant, copies)
            made = self.budget.take(f"{name}, {label}", work, SLACK * self.took.get(row, 0.0))
        else:
            made = None
        if made is not None:
            self.found["variants"][name]["maps"][label] = compare_rankings(self.ours[row], made)
            self.save()

    def _flips(self) -> None:
        maps = {row: self.ours[row] for row in self.work.settings.explainers if row in self.ours}
        attacks, by = segments_of(self.work, maps)
        for name, variant in self.computed.items():
            made = self._take(name, "flips", partial(self.work.flips, variant, attacks))
            if made is not None:
                self.found["variants"][name]["flips"] = compare_flips(by, self.ours["flips"], made)
                self.save()
