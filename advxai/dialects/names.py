"""Names of a checkpoint's tensors without what trainings and wrappers have put around them: pure functions."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

# What trainings, wrappers and detectors call the module that holds the network.
PREFIXES = (
    "module", "_orig_mod", "model", "net", "network", "backbone", "xception", "efficientnet", "feat_ext", "encoder",
)  # fmt: skip
_WRAPPERS = ("module.", "_orig_mod.", "model.")  # around the losses and metrics as well
_MOST_PARTS = 20  # of a prefix
_SIDE = {"loss", "losses", "criterion", "criterions", "criteria", "metric", "metrics"}
# torchmetrics' states, under a name such as train_acc or val_auroc
_MEASURES = {
    "acc",
    "accuracy",
    "auc",
    "auroc",
    "roc",
    "ap",
    "f1",
    "f1score",
    "eer",
    "precision",
    "recall",
    "confmat",
}
_STATES = {
    "tp", "fp", "tn", "fn", "confmat", "preds", "target", "correct", "total", "value", "mean_value", "sum_value",
    "min_value", "max_value", "measure",
}  # fmt: skip


class Cleaned(NamedTuple):
    """Names as a network may have them.

    Attributes:
        names: name in the file -> name without the prefix, in the file's order.
        prefix: what was taken off, "module.model."; "": nothing.
        left_out: names of tensors that belong to losses and metrics.
    """

    names: dict[str, str]
    prefix: str
    left_out: tuple[str, ...]


def cleaned(names: Iterable[str], own: Collection[str] = ()) -> Cleaned:
    """Leave out the tensors of losses and metrics, and take off what all other names begin with of `PREFIXES`.

    Args:
        names: of the file.
        own: names that the network itself has: none of them is left out, and nothing is taken off once one is there.
    """
    names, own = list(names), set(own)
    left_out = tuple(name for name in names if name not in own and beside(name))
    others = set(left_out)
    rest = {name: name for name in names if name not in others}
    prefix = ""
    while rest and prefix.count(".") < _MOST_PARTS and own.isdisjoint(rest.values()):
        first = {name.partition(".")[0] for name in rest.values()}
        part = first.pop()
        if first or part not in PREFIXES or not all("." in name for name in rest.values()):
            break
        prefix += f"{part}."
        rest = {name: short[len(part) + 1 :] for name, short in rest.items()}
    return Cleaned(rest, prefix, left_out)


def beside(name: str) -> bool:
    """Whether a tensor is a loss's or a metric's."""
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    first, _, last = name.partition(".")
    words = set(re.split(r"[_\d]+", first.lower()))
    return bool(last) and (bool(words & _SIDE) or (bool(words & _MEASURES) and last.rpartition(".")[2] in _STATES))


def fitting(names: Mapping[str, str], own: Collection[str]) -> tuple[dict[str, str], str]:
    """Names of which some have a prefix that others lack, as the network has them.

    Args:
        names: name in the file -> name as it is so far.
        own: the network's.

    Returns:
        Names of which most fit the network once a chain of `PREFIXES` is taken off; those that lack it in parentheses,
        which no network has. And that chain; "": nothing was taken off.
    """
    own = set(own)
    if not own.isdisjoint(names.values()):
        return dict(names), ""
    counts: dict[str, int] = {}
    for short in names.values():
        parts = short.split(".", _MOST_PARTS)
        for place in range(1, len(parts)):
            if parts[place - 1] not in PREFIXES:
                break
            if ".".join(parts[place:]) in own:
                chain = ".".join(parts[:place]) + "."
                counts[chain] = counts.get(chain, 0) + 1
    if not counts:
        return dict(names), ""
    chain = max(counts, key=lambda one: counts[one])
    return {
        name: short.removeprefix(chain) if short.startswith(chain) else f"({short})" for name, short in names.items()
    }, chain
