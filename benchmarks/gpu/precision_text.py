"""What `benchmarks.gpu.precision` has found, as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.gpu.budget import grouped
from benchmarks.speed.report import markdown

NAMES = {"emulated": {"tf32": "tf32 (emulated)"}, "computed": {}}


def text(found: Mapping[str, Any]) -> str:
    """The whole text of the command alone."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [
        f"# Lower precisions of the forward: attacks, maps, rankings on {found['device']}",
        "",
        f"`python -m benchmarks.gpu.precision {found['command']}` on {found['date']}, commit {found['commit']}; "
        f"{versions}; {found['threads']} thread(s), {found['spent']:.0f} s.",
        "",
        *(f"- Left out: {sentence}." for sentence in grouped(found["left_out"])),
    ]
    if found["left_out"]:
        lines.append("")
    return "\n".join([*lines, *section(found["precision"])]).rstrip() + "\n"


def section(one: Mapping[str, Any]) -> Iterator[str]:
    """Everything that was compared, as lines.

    Args:
        one: `precision`, see `benchmarks.gpu.precision.measure`.
    """
    names = NAMES["emulated" if one["emulated"] else "computed"]
    found = {names.get(name, name): variant for name, variant in one["variants"].items()}
    nes = one["adversary"]
    yield from ("## Precision", "")
    yield (
        f"{len(one['images'])} fakes of the demo that float32 doesn't call Real ({one['called_real']} others are), its "
        f"detector ({one['model']} at {one['size']} px), forward batch {one['forward_batch']}; the explainers at "
        f"{'a quarter of the paper' if one['scale'] == 'quarter' else 'the demo'}'s budgets."
    )
    yield ""
    yield from _attacks(found, nes)
    yield from _maps(found)
    yield from _flips(found, one["evaluation"])


def _attacks(found: Mapping[str, Any], nes: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for name, one in found.items():
        signs, attacks = one.get("signs"), one.get("attacks")
        if not signs and not attacks:
            continue
        rows.append(
            [
                name,
                f"{signs['median']:.2%} ({signs['least']:.2%})" if signs else "-",
                *(
                    [
                        f"{attacks['called_real']} of {attacks['images']}",
                        attacks["by_float32"],
                        f"{attacks['iterations']:.2f}",
                        attacks["alike"],
                        attacks["as_long"],
                    ]
                    if attacks
                    else ["-"] * 5
                ),
            ]
        )
    if not rows:
        return
    yield (
        f"NES with n = {nes['samples']}, sigma = {nes['sigma']:g}, alpha = {nes['alpha'] * 255:.3g}/255, at most "
        f"{nes['iterations']} iterations. Signs of the first step as float32's: median of the images (least). Whole "
        "attacks: called Real by the variant itself, of these by float32 too, mean iterations; images with float32's "
        "outcome, and with its number of iterations."
    )
    yield ""
    head = ["", "signs", "called Real", "by float32 too", "iterations", "same outcome", "as long"]
    yield from markdown(head, rows)
    yield ""


def _maps(found: Mapping[str, Any]) -> Iterator[str]:
    others = [name for name, one in found.items() if name != "float32" and one["maps"]]
    labels = dict.fromkeys(label for one in found.values() for label in one["maps"])
    labels = {label: None for label in labels if any(label in found[name]["maps"] for name in others)}
    if not labels:
        return
    yield (
        "Rankings of the segments against float32's: images with the same three first segments, as a set; in brackets "
        "with the same first one; Spearman's correlation of the scores, mean and least of the images. A dash: the row "
        "draws nothing, or was left out."
    )
    yield ""
    rows = [[label, *(_ranking(found[name]["maps"].get(label)) for name in others)] for label in labels]
    yield from markdown(["", *others], rows)
    yield ""
    other = {name: sum(one["targets"] for one in found[name]["maps"].values()) for name in others}
    told = ", ".join(f"{name} {count}" for name, count in other.items() if count)
    yield from (f"Explanations of another class than float32's: {told or 'none'}.", "")


def _ranking(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "-"
    return f"{one['top_3']} ({one['top_1']}) of {one['images']}; {one['mean']:.4f}, {one['least']:.3f}"


def _flips(found: Mapping[str, Any], nes: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for name, one in found.items():
        if "flips" in one:
            cells = [f"{k['flips']} of {k['attacks']}; {k['alike']}" for k in one["flips"].values()]
            rows.append([name, *cells])
    if all(row[0] == "float32" for row in rows):  # its own are compared with nothing
        return
    yield (
        f"Attacks on the top-k segments of float32's maps (n = {nes['samples']}, alpha = {nes['alpha'] * 255:.3g}/255, "
        f"at most {nes['iterations']} iterations; sets of pixels that explainers share count once): flips of all, and "
        "attacks that end as float32's do."
    )
    yield ""
    yield from markdown(["", "top 1", "top 2", "top 3"], rows)
    yield ""
